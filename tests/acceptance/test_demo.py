"""The demo as a user starts it: figures, lines, a journal that verifies, and nothing left behind."""

import json
import os
import re
import shlex
import signal
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from coordinator.journal.tiles import split_bundle
from coordinator.model.leaf import LEAF, MessageAcceptedLeaf
from tests.conftest import Vhost

COORDINATOR = str(Path(sys.executable).with_name("coordinator"))
FIGURES = {"messages", "deliveries", "conflicts", "refused", "checkpoint_size", "seconds"}
GUARD_S = 90


def environment(scratch: Path, **more: str) -> dict[str, str]:
    """Without settings of the machine's own, and with a folder for temporary files that can be looked into."""
    scratch.mkdir(exist_ok=True)
    ours = {key: value for key, value in os.environ.items() if not key.startswith("COORDINATOR_")}
    return {**ours, "TMPDIR": str(scratch), **more}


def run(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [COORDINATOR, *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=GUARD_S, check=False)


@contextmanager
def started(*arguments: str, env: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Start the command; it is gone after the block, however that ends."""
    command = [COORDINATOR, *arguments]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], wanted: str) -> list[str]:
    """Read what it prints up to the line that has these words; the test's own time-out guards it."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if wanted in line:
            return lines
    pytest.fail("\n".join(lines))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def played(scratch: Path) -> subprocess.CompletedProcess[str]:
    """`coordinator demo --json --seed 7 --out DIR`, once for all tests that look at it."""
    env = environment(scratch / "tmp")
    return run("demo", "--json", "--seed", "7", "--out", str(scratch / "out"), env=env)


def pasted(lines: Sequence[str], env: Mapping[str, str]) -> list[list[Any]]:  # any JSON objects
    """What the printed requests answer, in the shell that exports the printed token."""
    export, *requests = (line for line in lines if line.startswith(("  export TOKEN=", "  curl ")))
    assert len(requests) == 3
    answers = []
    for request in requests:
        shell = ["bash", "-euc", f"{export}\n{request}"]
        done = subprocess.run(shell, env=env, capture_output=True, text=True, timeout=GUARD_S, check=False)
        assert done.returncode == 0, done.stderr
        answers.append([json.loads(line) for line in done.stdout.splitlines()])
    return answers


def conflicts_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(("conflict: ", "none: "))]


def message_ids(journal: Path) -> list[str]:
    """The messages that a published journal says were accepted."""
    bundles = [path for path in (journal / "tile" / "entries").rglob("*") if path.is_file()]
    leaves = [LEAF.validate_json(entry) for bundle in bundles for entry in split_bundle(bundle.read_bytes())[0]]
    # A bundle that grows is there in several widths.
    return sorted({leaf.message for leaf in leaves if isinstance(leaf, MessageAcceptedLeaf)})


def test_everything_promised_holds_and_the_figures_are_one_json_object(
    played: subprocess.CompletedProcess[str], scratch: Path
) -> None:
    assert played.returncode == 0, played.stderr
    figures: dict[str, Any] = json.loads(played.stdout)  # any JSON object
    assert played.stdout.count("\n") == 1
    assert set(figures) == FIGURES
    assert figures["messages"] > 200
    assert figures["deliveries"] > figures["messages"]
    assert (figures["conflicts"], figures["refused"]) == (10, 2)
    size = (scratch / "out" / "checkpoint").read_text(encoding="utf-8").splitlines()[1]
    assert str(figures["checkpoint_size"]) == size
    assert "BROKEN" not in played.stderr
    announced = re.search(r"12 agencies, (\d+) messages, seed 7", played.stderr)
    assert announced
    assert int(announced[1]) == figures["messages"] + figures["refused"]
    assert f"{announced[1]} messages: {figures['messages']} accepted, 2 refused; deliveries" in played.stderr


def test_it_says_as_it_happens_what_each_liaison_receives(played: subprocess.CompletedProcess[str]) -> None:
    lines = played.stderr.splitlines()
    told = [line for line in lines if re.match(r"\d\d:\d\d:\d\d -0[56]:00  [a-z]", line)]
    assert {line.split()[2] for line in told} >= {
        *("dps", "mshp", "ice-ero", "hsi", "cbp", "dea", "fbi", "atf", "usms", "slmpd", "kcpd", "greene-so"),
    }
    assert any("slmpd     fbi plans COPPER ARCH: search warrant, St. Louis, Fri" in line for line in told)
    assert any("slmpd     CONFLICT with fbi for BLUE HERON" in line for line in told)
    assert any("the area is not a valid shape; longitude and latitude look swapped" in line for line in told)
    assert any("hsi       REFUSED FALSE FLAG" in line for line in told)
    assert any("hsi       tries dea's user id; the broker itself refused: PRECONDITION_FAILED" in line for line in told)
    assert any("kcpd has the alert while 160 notices still wait" in line for line in lines)
    assert len(conflicts_of(played.stderr)) == 14


def test_nothing_stays_behind(played: subprocess.CompletedProcess[str], scratch: Path) -> None:
    assert played.returncode == 0
    assert list((scratch / "tmp").iterdir()) == []
    assert {path.name for path in (scratch / "out").iterdir()} == {"checkpoint", "tile", "vkey"}


def test_its_journal_verifies_and_one_changed_byte_is_named(
    played: subprocess.CompletedProcess[str], scratch: Path
) -> None:
    assert played.returncode == 0
    out, env = scratch / "out", environment(scratch / "tmp")
    verify = ("audit", "verify", str(out), "--vkey", str(out / "vkey"), "--json")
    assert f"audit verify {out} --vkey {out / 'vkey'}" in played.stderr
    assert run(*verify, env=env).returncode == 0
    bundle = out / "tile" / "entries" / "000"
    content = bundle.read_bytes()
    entries, _ = split_bundle(content)
    leaf = LEAF.validate_json(entries[100])
    bundle.write_bytes(content.replace(entries[100], entries[100].replace(b'"v":1', b'"v":2')))
    altered = run(*verify, env=env)
    bundle.write_bytes(content)
    found = json.loads(altered.stdout)
    assert altered.returncode == 1
    assert (found["part"], found["position"], found["entry"]) == ("entry", 100, leaf.entry)
    assert leaf.entry in altered.stderr


def test_the_same_seed_plays_the_same_and_it_stays_up_until_told_to_stop(
    played: subprocess.CompletedProcess[str], scratch: Path
) -> None:
    env = environment(scratch / "stay")
    with started("demo", "--stay", "--seed", "7", env=env) as process:
        lines = read_until(process, " doctor")
        assert conflicts_of("\n".join(lines)) == conflicts_of(played.stderr)
        shown = {words[0]: words[1] for line in lines if len(words := line.split()) == 2}
        assert shown["fbi"].startswith("amqp://fbi:")
        journal = Path(shown["journal"])
        assert message_ids(journal) == message_ids(scratch / "out")
        commands = [shlex.split(line) for line in lines if line.startswith(f"  {COORDINATOR} ")]
        verify, store, operations, conflicts, feed, send, doctor = (run(*command[1:], env=env) for command in commands)
        assert (verify.returncode, store.returncode, doctor.returncode) == (0, 0, 0), doctor.stdout
        assert re.search(r"  COPPER ARCH +fbi +planned ", operations.stdout)
        assert re.search(r"  OPEN ROAD +dea +overlap ", conflicts.stdout)
        assert len(feed.stdout.splitlines()) == 4
        receipt = json.loads(send.stdout)
        assert send.returncode == 0
        assert receipt["data"]["deconfliction"] == "conflict"
        notice = json.loads(Path(shown["notice"]).read_text())["data"]
        agencies = tomllib.loads(Path(shown["log"]).with_name("directory.toml").read_text())["agency"]
        (own,) = (each["watch_desk"]["phone"] for each in agencies if each["id"] == notice["lead"] == "mshp")
        assert notice["contact"]["callback"] == own
        ((posted,), read, (listed,)) = pasted(lines, env)
        assert (posted["verdict"], posted["deconfliction"]) == ("accepted", "conflict")
        assert [line["sequence"] for line in read] == list(range(1, 11))
        assert {each["state"] for each in listed["conflicts"]} == {"open"}
        assert stat.S_IMODE(Path(shown["log"]).with_name("token.key").stat().st_mode) == 0o600
        process.send_signal(signal.SIGINT)
        assert process.wait(GUARD_S) == 0
    assert list((scratch / "stay").iterdir()) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_can_be_stopped_in_the_middle_and_leaves_nothing(tmp_path: Path, number: int, code: int) -> None:
    with started("demo", env=environment(tmp_path / "tmp")) as process:
        read_until(process, "CONFLICT with")
        process.send_signal(number)
        assert process.wait(GUARD_S) == code
    assert list((tmp_path / "tmp").iterdir()) == []


async def test_it_plays_on_a_broker_that_is_given_and_leaves_that_as_it_was(tmp_path: Path, vhost: Vhost) -> None:
    env = environment(tmp_path / "tmp", COORDINATOR_AMQP__URL=vhost.url)
    told = run("demo", "--json", env=env)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["conflicts"] == 10
    assert await vhost.ctl("list_queues", "name") == ""
    assert "in.mshp" not in await vhost.ctl("list_exchanges", "name")
    assert list((tmp_path / "tmp").iterdir()) == []


async def test_a_vhost_that_is_in_use_is_not_touched(tmp_path: Path, vhost: Vhost) -> None:
    await vhost.manage("PUT", f"queues/{vhost.name}/out.mshp", {"durable": True})
    told = run("demo", env=environment(tmp_path / "tmp", COORDINATOR_AMQP__URL=vhost.url))
    assert told.returncode == 2
    assert "has a queue out.mshp already" in told.stderr
    assert (await vhost.ctl("list_queues", "name")).split() == ["name", "out.mshp"]


def test_a_folder_that_holds_something_else_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine", encoding="utf-8")
    told = run("demo", "--out", str(tmp_path / "out"), env=environment(tmp_path / "tmp"))
    assert told.returncode == 2
    assert told.stderr.splitlines()[-1].endswith("choose another --out")
    assert list((tmp_path / "tmp").iterdir()) == []
