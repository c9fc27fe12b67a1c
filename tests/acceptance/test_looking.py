"""The commands that look: operations, conflicts, roster; ack; completion by a real shell; wide, narrow, no terminal."""

import fcntl
import json
import os
import re
import struct
import subprocess
import termios
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from coordinator.amqp.node import PrivateNode
from coordinator.http.principals import AccessRole
from tests import kit
from tests.acceptance.commands import COORDINATOR, GUARD_S, Done, Served, environment, fresh_vhost, run, serve
from tests.acceptance.partners import PikaSystem
from tests.documents import ROOT, blocks
from tests.installation import Installation, install
from tests.integration.traffic import agreements, notice

PAGE = ROOT / "docs/see-what-is-planned.md"
HERE = {"type": "Point", "coordinates": list(kit.JEFFERSON_CITY), "radius_m": 100.0}


def refused(done: Done, *words: str) -> None:
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word in done.stderr


@dataclass(frozen=True, slots=True)
class Dispute:
    """Two operations that are too near each other, and one of another agency far away, which is an exercise."""

    served: Served
    ours: str
    theirs: str
    exercise: str
    conflict: str

    @property
    def address(self) -> str:
        (line,) = self.served.said(event="started", logger="service")
        return str(line["http"])


@pytest.fixture(scope="module")
async def installation(broker: PrivateNode, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    async with fresh_vhost(broker) as vhost:
        yield await install(tmp_path_factory.mktemp("looking"), vhost)


@pytest.fixture(scope="module")
def dispute(installation: Installation) -> Iterator[Dispute]:
    with serve(installation) as served:
        words = agreements()
        for agency in kit.AGENCIES:
            with PikaSystem(installation.url(agency), agency) as system:
                for word in words:
                    if word.agency == agency:
                        system.publish(word.body)
        served.said(len(words), event="message", type="agreement.status", verdict="accepted")
        ours = registered(installation, "mshp", ["hsi"], area=HERE, name="BLUE HERON")
        theirs = registered(installation, "dea", [], area=HERE, name="RED FOX", caution=["armed"])
        far = {"type": "Point", "coordinates": [-94.5, 39.0], "radius_m": 100.0}
        exercise = registered(installation, "mshp", [], area=far, name="GREY OWL", status="exercise")
        (conflict,) = json.loads(look(installation, "conflicts", "list", "--as", "mshp", "--json").stdout)
        yield Dispute(served, ours, theirs, exercise, conflict["id"])


def look(installation: Installation, *arguments: str) -> Done:
    return run(*arguments, installation=installation)


def registered(installation: Installation, agency: str, to: list[str], **changes: object) -> str:
    body = notice(agency, to or ["coordinator"], **changes)
    done = run("send", "-", "--as", agency, installation=installation, stdin=body.decode())
    assert done.returncode == 0, done
    operation: str = json.loads(body)["data"]["operation_id"]
    return operation


# what an agency sees, and what an operator


def test_an_agency_lists_and_shows_what_it_knows(installation: Installation, dispute: Dispute) -> None:
    listed = look(installation, "operations", "list", "--as", "mshp")
    assert listed.returncode == 0
    assert {dispute.ours, dispute.exercise} <= set(listed.stdout.split())
    assert dispute.theirs not in listed.stdout
    assert "EXERCISE" in listed.stdout
    assert listed.stderr == "2 operations; `coordinator operations show ID --as mshp`\n"
    assert not re.search(r"[│╭─\x1b]", listed.stdout)
    (told,) = json.loads(look(installation, "operations", "list", "--as", "hsi", "--json").stdout)["features"]
    assert (told["id"], told["geometry"]["type"]) == (dispute.ours, "Point")
    shown = look(installation, "operations", "show", dispute.exercise, "--as", "mshp")
    assert "EXERCISE: GREY OWL" in shown.stdout
    assert re.search(r"starts +\w{3} \d+ \w{3} \d{4} \d\d:\d\d C[SD]T \(UTC-0[56]:00\) / .*\d\d:\d\dZ", shown.stdout)
    found = look(installation, "operations", "list", "--as", "mshp", "--bbox", "-92.3,38.5,-92.0,38.7", "--json")
    assert [each["id"] for each in json.loads(found.stdout)["features"]] == [dispute.ours]
    more = look(installation, "operations", "list", "--as", "mshp", "--limit", "1")
    assert "1 operation and more" in more.stderr


def test_without_an_agency_an_operator_sees_envelopes_and_no_content(
    installation: Installation, dispute: Dispute
) -> None:
    rows = json.loads(look(installation, "operations", "list", "--json").stdout)
    assert {row["id"]: row["agencies"] for row in rows} == {
        dispute.ours: ["mshp"], dispute.theirs: ["dea"], dispute.exercise: ["mshp"],
    }  # fmt: skip  # one line of words
    assert all(row.keys() == {"id", "agencies", "state", "revisions"} for row in rows)
    (conflict,) = json.loads(look(installation, "conflicts", "list", "--state", "open", "--json").stdout)
    assert conflict["agencies"] in (["mshp", "dea"], ["dea", "mshp"])
    asked = ("operations list", "conflicts list", f"operations show {dispute.ours}", f"conflicts show {conflict['id']}")
    for words in asked:
        seen = look(installation, *words.split())
        assert seen.returncode == 0
        for content in ("HERON", "FOX", "+1", "armed", "overlap", "Point", "warrant"):
            assert content not in seen.stdout + seen.stderr
    refused(look(installation, "operations", "list", "--agency", "mshp"), "--as AGENCY")


def test_a_conflict_is_explained_to_its_own_side_as_over_http(installation: Installation, dispute: Dispute) -> None:
    shown = look(installation, "conflicts", "show", dispute.conflict, "--as", "mshp")
    assert shown.stdout.startswith("Your operation BLUE HERON is planned on the same ground as one of DEA, ")
    assert "Caution: people there are armed. Call +1 573 555 0110" in shown.stdout
    assert "FOX" not in shown.stdout
    plain = json.loads(look(installation, "conflicts", "show", dispute.conflict, "--as", "mshp", "--json").stdout)
    assert shown.stdout == f"{plain['explanation']}\n"
    assert f"`coordinator conflicts acknowledge {dispute.conflict} --as mshp --officer ID`" in shown.stderr
    assert get(installation, dispute, f"conflicts/{dispute.conflict}", "mshp") == (200, plain)
    assert get(installation, dispute, f"conflicts/{dispute.conflict}", "hsi")[0] == 404
    assert get(installation, dispute, f"operations/{dispute.theirs}", "mshp")[0] == 404
    assert get(installation, dispute, "operations", "mshp", AccessRole.OPERATOR)[0] == 403
    listed = look(installation, "conflicts", "list", "--as", "dea")
    for word in (dispute.conflict, "RED FOX", "mshp", "overlap", "+1 573 555 0110"):
        assert word in listed.stdout


def get(
    installation: Installation, dispute: Dispute, path: str, agency: str, role: AccessRole = AccessRole.LIAISON
) -> tuple[int, object]:
    """Ask the running service with a real token."""
    headers = {"Authorization": f"Bearer {installation.token(agency, role)}"}
    request = urllib.request.Request(f"{dispute.address}/v1/{path}", headers=headers)  # noqa: S310  # our own address
    try:
        with urllib.request.urlopen(request, timeout=GUARD_S) as answer:  # noqa: S310  # as above
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_what_there_is_not_is_one_line_with_the_next_command(installation: Installation, dispute: Dispute) -> None:
    refused(look(installation, "operations", "show", dispute.theirs, "--as", "mshp"), "operations list --as mshp")
    refused(look(installation, "conflicts", "show", "x", "--as", "hsi"), "coordinator conflicts list --as hsi")
    refused(look(installation, "conflicts", "show", "x"), "coordinator conflicts list")
    refused(look(installation, "operations", "list", "--as", "nobody"), "nobody", "mshp")
    refused(look(installation, "operations", "list", "--as", "mshp", "--from", "soon"), "--from is RFC 3339")
    empty = look(installation, "conflicts", "list", "--as", "atf")
    assert (empty.stdout, empty.stderr) == ("", "0 conflicts\n")


def test_a_person_acknowledges_an_alert_by_its_number(installation: Installation, dispute: Dispute) -> None:
    assert dispute.conflict
    feed = [json.loads(line) for line in look(installation, "feed", "--as", "mshp").stdout.splitlines()]
    alert = next(each for each in feed if each["event"]["type"].endswith("deconfliction.alert.v1"))
    said = ("--as", "mshp", "--level", "read", "--officer", "4411")
    done = look(installation, "ack", str(alert["sequence"]), *said)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["type"] == "gov.mo.coordination.message.accepted.v1"
    refused(look(installation, "ack", "99999", *said), "coordinator feed --as mshp")
    refused(look(installation, "ack", "1", "--as", "mshp", "--level", "declined"), "--reason", "not_for_us")


def test_a_person_takes_note_of_a_conflict_and_the_other_side_is_told(
    installation: Installation, dispute: Dispute
) -> None:
    note = ("conflicts", "acknowledge", dispute.conflict, "--as", "dea", "--officer", "DESK-7")
    done = look(installation, *note)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["type"] == "gov.mo.coordination.message.accepted.v1"
    theirs = look(installation, "conflicts", "show", dispute.conflict, "--as", "mshp")
    assert "it was taken note of. The other side (officer DESK-7) took note, " in theirs.stdout
    own = look(installation, "conflicts", "show", dispute.conflict, "--as", "dea")
    assert "Your side (officer DESK-7) took note, " in own.stdout
    assert (own.stderr, "acknowledge" in theirs.stderr) == ("", True)
    refused_by_rule = look(installation, *note[:-1], "no officer's id")
    assert (refused_by_rule.returncode, json.loads(refused_by_rule.stdout)["data"]["code"]) == (1, "invalid_field")
    refused(look(installation, *note[:4], "hsi", *note[5:]), "coordinator conflicts list --as hsi")


def test_a_conflict_within_one_agency_is_one_row_and_settled_among_themselves(
    installation: Installation, dispute: Dispute
) -> None:
    there = {"type": "Point", "coordinates": [-90.4, 38.7], "radius_m": 100.0}
    del dispute  # it is served
    for name in ("TRY THIS", "TRY THAT"):
        registered(installation, "usms", [], area=there, name=name)
    listed = look(installation, "conflicts", "list", "--as", "usms")
    assert len(listed.stdout.splitlines()) == 2
    assert listed.stderr.startswith("1 conflict;")
    assert "yours too" in listed.stdout
    assert "+1" not in listed.stdout
    conflict = listed.stdout.splitlines()[1].split()[0]
    shown = look(installation, "conflicts", "show", conflict, "--as", "usms").stdout
    assert re.match(r"(TRY THIS and TRY THAT|TRY THAT and TRY THIS), both yours, are planned on the same ground", shown)
    noted = look(installation, "conflicts", "acknowledge", conflict, "--as", "usms", "--officer", "DESK-7")
    assert noted.returncode == 0, noted.stdout
    assert "took note" in look(installation, "conflicts", "show", conflict, "--as", "usms").stdout


# paper, and other terminals


def test_the_roster_fits_on_paper_and_needs_neither_store_nor_broker(tmp_path: Path) -> None:
    assert run("init", tmp_path / "office", "--origin", "coordination.test/paper").returncode == 0
    config = ("--config", str(tmp_path / "office/coordinator.toml"))
    (tmp_path / "office/directory.toml").write_text(kit.directory_toml())
    printed = run("roster", "print", *config).stdout
    assert max(len(line) for line in printed.splitlines()) <= 80
    assert re.search(r"^as of \w{3} \d+ \w{3} \d{4} \d\d:\d\d C[SD]T \(UTC-0[56]:00\) / ", printed, re.MULTILINE)
    named = [line.split()[0] for line in printed.splitlines()[3:] if line and not line.startswith(" ")]
    assert named == sorted(kit.AGENCIES)
    assert printed.count("+1 573 555 0100") == len(kit.AGENCIES)
    told = json.loads(run("roster", "print", "--json", *config).stdout)
    assert told["agencies"][0]["watch_desk"] == {"name": "atf watch_desk", "phone": "+15735550100"}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a person saw on a terminal."""

    text: str

    @property
    def lines(self) -> list[str]:
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.text).replace("\r", "").splitlines()


def on_terminal(*command: str, columns: int, env: Mapping[str, str], stream: str = "stdout") -> Seen:
    """Run a command with one of its streams on a terminal that is so wide."""
    primary, secondary = os.openpty()
    fcntl.ioctl(secondary, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: secondary}
    given = {**env, "TERM": "xterm"}
    with subprocess.Popen([COORDINATOR, *command], env=given, stdin=subprocess.DEVNULL, **streams) as process:  # type: ignore[call-overload]  # streams by name
        os.close(secondary)
        text = b""
        try:
            while part := os.read(primary, 65_536):
                text += part
        except OSError:  # the other end is closed
            pass
        assert process.wait(GUARD_S) == 0, text
    os.close(primary)
    return Seen(text.decode())


def test_a_table_is_framed_where_it_fits_and_a_block_for_each_row_where_not(
    installation: Installation, dispute: Dispute
) -> None:
    command = ("operations", "list", "--as", "mshp", "--config", str(installation.config))
    wide = on_terminal(*command, columns=200, env=environment())
    assert "╭" in wide.text
    assert any(dispute.ours in line and "BLUE HERON" in line for line in wide.lines)
    narrow = on_terminal(*command, columns=60, env=environment())
    assert "╭" not in narrow.text
    assert [line.split()[-1] for line in narrow.lines if line.startswith("id ")] == sorted(
        [dispute.ours, dispute.exercise]
    )
    assert max(len(line) for line in narrow.lines) <= 60
    shown = ("conflicts", "show", dispute.conflict, "--as", "mshp", "--config", str(installation.config))
    wrapped = on_terminal(*shown, columns=60, env=environment())
    assert max(len(line) for line in wrapped.lines) <= 60
    assert " ".join(wrapped.lines) == look(installation, *shown[:-2]).stdout.strip()


def test_long_work_shows_how_far_it_is_on_a_terminal_and_nowhere_else(
    installation: Installation, dispute: Dispute, tmp_path: Path
) -> None:
    assert dispute.conflict
    url = f"sqlite:///{installation.folder}/coordinator.db"
    verify = ("audit", "verify", "--store", url, "--vkey", str(installation.folder / "journal.vkey"))
    assert "verifying the journal" in on_terminal(*verify, columns=120, env=environment(), stream="stderr").text
    assert "verifying" not in run(*verify).stderr
    assert run("init", tmp_path / "office", "--origin", "coordination.test/long").returncode == 0
    migrate = ("migrate", "--config", str(tmp_path / "office/coordinator.toml"))
    assert "bringing the store" in on_terminal(*migrate, columns=120, env=environment(), stream="stderr").text
    assert "bringing" not in run(*migrate).stderr


# completion


def completed(line: str, folder: Path) -> list[str]:
    """What bash offers at the end of a line, with the script that we print."""
    program = """
    eval "$(coordinator completion bash)"
    read -r -a COMP_WORDS <<< "$LINE"
    [[ $LINE == *" " ]] && COMP_WORDS+=("")
    COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
    _coordinator_completion coordinator
    printf '%s\\n' "${COMPREPLY[@]}"
    """
    path = f"{Path(COORDINATOR).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--norc", "-euo", "pipefail", "-c", program],
        env={**environment(), "PATH": path, "LINE": line},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=GUARD_S,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_values_and_agencies(installation: Installation, tmp_path: Path) -> None:
    assert completed("coordinator con", tmp_path) == ["conflicts", "config"]
    assert completed("coordinator conflicts ", tmp_path) == ["list", "show", "acknowledge"]
    assert {"--as", "--json"} <= set(completed("coordinator conflicts show --", tmp_path))
    assert completed("coordinator conflicts list --state ", tmp_path) == ["open", "closed"]
    assert completed("coordinator ack 1 --level d", tmp_path) == ["displayed", "declined"]
    assert completed("coordinator operations list --as m", installation.folder) == ["mshp"]
    named = f"coordinator operations list --config {installation.config} --agency "
    assert completed(named, tmp_path) == sorted(kit.AGENCIES)
    assert completed("coordinator feed --as ", tmp_path) == []


def test_each_shell_has_its_script(tmp_path: Path) -> None:
    assert run("completion", "zsh", cwd=tmp_path).stdout.startswith("#compdef coordinator")
    assert "complete --command coordinator" in run("completion", "fish", cwd=tmp_path).stdout


# the document


def test_the_document_can_be_followed(installation: Installation, dispute: Dispute) -> None:
    commands, requests = (block for block in blocks(PAGE) if block.language == "sh")
    feed = [json.loads(line) for line in look(installation, "feed", "--as", "mshp").stdout.splitlines()]
    places = {"CONFLICT": dispute.conflict, "ID": dispute.ours, "SEQ": str(feed[-1]["sequence"])}
    path = f"{Path(COORDINATOR).parent}{os.pathsep}{os.environ['PATH']}"
    own = {"API": f"{dispute.address}/v1", "TOKEN": installation.token("mshp", AccessRole.LIAISON)}
    for line in [*commands.commands, *requests.commands[1:]]:
        typed = re.sub(r"\b(CONFLICT|ID|SEQ)\b", lambda found: places[found[1]], line.partition("  #")[0])
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", typed],
            cwd=installation.folder,
            env={**environment(installation), "PATH": path, **own},
            capture_output=True,
            text=True,
            timeout=GUARD_S,
            check=False,
        )
        assert done.returncode == 0, f"{typed}\n{done.stderr}"
        assert done.stdout or "--from" in typed, typed  # whether that day has come depends on the clock
    assert requests.commands[0].startswith("export API=")
