"""`coordinator token` as a process: what it makes and prints, and what it says when it cannot."""

import json
import stat
from pathlib import Path

import pytest

from tests.acceptance.commands import Done, run


@pytest.fixture
def office(tmp_path: Path) -> Path:
    """A fresh installation, as `init` makes it."""
    folder = tmp_path / "office"
    assert run("init", folder).returncode == 0
    return folder


def token(office: Path, *arguments: str) -> Done:
    return run("--config", office / "coordinator.toml", "token", *arguments)


def test_init_makes_a_key_for_its_owner_alone(office: Path) -> None:
    assert stat.S_IMODE((office / "token.key").stat().st_mode) == 0o600
    key = json.loads((office / "token.key").read_text())
    assert (key["kty"], key["crv"], set(key)) == ("OKP", "Ed25519", {"kty", "crv", "x", "d", "kid"})


def test_a_token_is_all_that_is_printed(office: Path) -> None:
    done = token(office, "issue", "--as", "mshp/cad", "--role", "publisher", "--role", "watch")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.split()) == 1
    shown = json.loads(token(office, "issue", "--as", "mshp", "--role", "liaison", "--for", "15m", "--json").stdout)
    assert (shown["agency"], shown["subject"], shown["roles"]) == ("mshp", "mshp", ["liaison"])


def test_who_sends_as_a_person_is_said_to_be_one_and_who_only_reads_need_not(office: Path) -> None:
    person = ("issue", "--as", "mshp/b-101", "--json", "--role")
    assert json.loads(token(office, *person, "watch", "--person").stdout)["subject"] == "b-101"
    assert json.loads(token(office, *person, "liaison").stdout)["subject"] == "b-101"
    assert token(office, "issue", "--as", "mshp/mshp-cad", "--role", "publisher").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("issue", "--as", "nobody/cad", "--role", "watch"), "directory check"),
        (("issue", "--as", "MSHP cad", "--role", "watch"), "directory check"),
        (("issue", "--as", "mshp", "--role", "watch", "--for", "25h"), "at most 24h"),
        (("issue", "--as", "mshp", "--role", "watch", "--for", "soon"), "at most 24h"),
        (("issue", "--as", "mshp/cda", "--role", "publisher"), "did you mean cad? Its systems are cad"),
        (("issue", "--as", "mshp/b-101", "--role", "liaison", "--role", "watch"), "add --person"),
        (("revoke", "nonsense"), "coordinator token issue --json"),
        (("revoke", "01997ac4-9f60-7c2e-8d6c-0c6cb5a3f9d1"), "coordinator migrate"),
        (("key",), "move it away first"),
    ],
)
def test_what_cannot_be_done_is_one_line_that_says_what_to_do(
    office: Path, arguments: tuple[str, ...], says: str
) -> None:
    done = token(office, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("coordinator: ")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_without_a_key_the_command_that_makes_one_is_named_and_does(office: Path) -> None:
    (office / "token.key").unlink()
    done = token(office, "issue", "--as", "mshp", "--role", "watch")
    assert (done.returncode, "coordinator token key" in done.stderr) == (2, True)
    assert token(office, "key").returncode == 0
    assert token(office, "issue", "--as", "mshp", "--role", "watch").returncode == 0


def door(office: Path) -> dict[str, object]:
    done = run("--config", office / "coordinator.toml", "doctor", "--json")
    (found,) = (each for each in json.loads(done.stdout) if each["what"] == "http door")
    return dict(found)


def test_doctor_looks_at_the_key_and_at_who_may_read_it(office: Path) -> None:
    key = office / "token.key"
    assert door(office)["good"] is True
    key.chmod(0o644)
    assert (door(office)["good"], f"chmod 600 {key}" in str(door(office)["words"])) == (False, True)
    key.chmod(0o600)
    secret = key.read_text()
    key.write_text("damaged")
    assert (door(office)["good"], "coordinator token key" in str(door(office)["words"])) == (False, True)
    key.write_text(secret)
    config = office / "coordinator.toml"
    config.write_text(config.read_text().replace('host = "127.0.0.1"', 'host = "0.0.0.0"'))
    assert (door(office)["good"], "behind_proxy" in str(door(office)["words"])) == (False, True)
