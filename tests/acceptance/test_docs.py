"""The documents' commands, run as a reader would run them, one after the other; and the readme's own client."""

import asyncio
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from coordinator.amqp.definitions import password_hash
from coordinator.amqp.node import PrivateNode
from coordinator.directory.writer import with_passwords
from tests.documents import DOCUMENTS, ROOT, Block, blocks

BIN = Path(sys.executable).parent
GUARD_S = 60
OURS = "tests/acceptance/test_docs.py"
README, AUDIT, OPERATE = ROOT / "README.md", ROOT / "docs/audit.md", ROOT / "docs/operate.md"
USERS = ("dps", "mshp-cad", "mshp-desk", "hsi", "dea")
INIT, SERVE = (f"coordinator {each}" for each in ("init", "serve"))
DEMO = "env -u COORDINATOR_AMQP__URL coordinator demo"  # a reader has exported it by then, for a broker that is in use
PASSWORD_HASH, IMPORT = "coordinator directory password-hash", "sudo rabbitmqctl "


def fictional(user: str) -> str:
    """The password of a user of the example directory."""
    return f"fictional-{user}"


def ours(document: Path) -> list[Block]:
    """The blocks that this file runs."""
    return [block for block in blocks(document) if OURS in block.run_by]


def environment(**more: str) -> dict[str, str]:
    """A shell that has the commands, and no settings of the machine's own."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith("COORDINATOR_")}
    return {**plain, "PATH": f"{BIN}{os.pathsep}{plain['PATH']}", **more}


@dataclass(slots=True)
class Reader:
    """Somebody who types the commands of a document, beside a broker that they can import a file into."""

    home: Path
    node: PrivateNode
    own: Mapping[str, str]
    """What stands in the place of the dots and of PASSWORD where a document exports a variable."""
    env: dict[str, str]
    serving: subprocess.Popen[str] | None = None
    said: dict[str, str] = field(default_factory=dict)
    """What each command printed."""
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.home

    async def follow(self, commands: Sequence[str]) -> None:
        """Type what was not typed before: the documents begin alike."""
        for line in commands:
            command = line.partition("  #")[0].strip()
            if command.startswith("cd "):
                self.folder = self.home / command.removeprefix("cd ")
            elif command.startswith("export "):
                self._export(command)
            elif command == SERVE:
                await asyncio.to_thread(self._serve)
            elif command not in self.said and not command.startswith(DEMO):  # which was played already, and stayed up
                self.said[command] = await self._type(command)

    def _export(self, command: str) -> None:
        """Set what the line sets, with passwords in the place of its dots."""
        name = command.removeprefix("export ").partition("=")[0]
        assert name in self.own, name
        self.env[name] = self.own[name]

    async def _type(self, command: str) -> str:
        if command.startswith(IMPORT):
            name, file = command.removeprefix(IMPORT).split()
            await self.node.ctl(name, str(self.folder / file))
            return ""
        said = await asyncio.to_thread(self._run, command)
        if command == PASSWORD_HASH:
            self._choose_passwords(said.strip())
        return said

    def _run(self, command: str) -> str:
        shell = ["bash", "-euo", "pipefail", "-c", command]
        typed = f"{fictional(USERS[0])}\n" * 2  # where a password is asked for, and asked for again
        done = subprocess.run(
            shell,
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=GUARD_S,
            check=False,
            input=typed,
            start_new_session=True,  # no terminal to ask at, so the answers come from stdin
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _choose_passwords(self, first: str) -> None:
        """Put what was printed for the first account into the directory, and the same for the others."""
        file = self.folder / "directory.toml"
        hashes = {user: password_hash(fictional(user), b"salt") for user in USERS} | {USERS[0]: first}
        file.write_text(with_passwords(file.read_text(), hashes))

    def _serve(self) -> None:
        self.serving = subprocess.Popen(
            ["coordinator", "serve"], cwd=self.folder, env=self.env, stderr=subprocess.PIPE, text=True
        )
        assert self.serving.stderr is not None
        lines = []
        for line in self.serving.stderr:  # the test's own time-out guards it
            lines.append(line)
            if '"event":"started"' in line:
                return
        pytest.fail("".join(lines))

    def stop(self) -> int:
        """End the service as a supervisor does, and give its exit code."""
        assert self.serving is not None
        self.serving.terminate()
        self.serving.communicate(timeout=GUARD_S)
        return self.serving.returncode


@pytest.fixture(scope="module")
async def node() -> AsyncIterator[PrivateNode]:
    async with PrivateNode() as running:
        yield running


@contextmanager
def reading(folder: Path, node: PrivateNode) -> Iterator[Reader]:
    folder.mkdir(exist_ok=True)
    (folder / "docs").symlink_to(ROOT / "docs")
    own = {
        "COORDINATOR_AMQP__URL": node.url_for("coordinator", fictional("coordinator")),
        "COORDINATOR_AMQP__ACCOUNTS": json.dumps({user: fictional(user) for user in USERS}),
    }
    reader = Reader(folder, node, own, environment(COORDINATOR_HTTP__PORT="0"))
    try:
        yield reader
    finally:
        if reader.serving is not None:
            reader.serving.kill()
            reader.serving.communicate()


@dataclass(frozen=True, slots=True)
class Weekend:
    """A demo that stayed up: what the readme's client printed meanwhile; then its journal in `weekend`."""

    folder: Path
    said: str
    receipt: str
    pasted: str


@pytest.fixture(scope="module")
def weekend(tmp_path_factory: pytest.TempPathFactory) -> Weekend:
    """Play the demo once, as the documents do, and stay, as the readme does."""
    folder = tmp_path_factory.mktemp("reader")
    command = ["coordinator", "demo", "--out", "weekend", "--stay"]
    with subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            said = ""
            for line in demo.stdout:
                said += line
                if "doctor" in line:  # the last of the commands to paste
                    break
            receipt = _publish(folder, said)
            pasted = _paste(folder, said)
            demo.send_signal(signal.SIGINT)
            demo.communicate(timeout=GUARD_S)
        finally:
            demo.kill()
    return Weekend(folder, said, receipt, pasted)


def _publish(folder: Path, said: str) -> str:
    """Save the readme's program, and start it with what the demo printed."""
    (program,) = (block for block in ours(README) if block.language == "python")
    (folder / "publish.py").write_text(program.text)
    url = re.search(r"amqp://mshp:\S+", said)
    notice = re.search(r"  notice +(\S+/notice\.json)", said)
    assert url, said
    assert notice, said
    command = [sys.executable, "publish.py", url[0], "mshp", "troop-c", notice[1]]
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=GUARD_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _paste(folder: Path, said: str) -> str:
    """Paste the command that sends another notice, after the readme's program."""
    command = re.search(r"^  (\S+ --config \S+ send .*)$", said, re.MULTILINE)
    assert command, said
    done = subprocess.run(
        shlex.split(command[1]),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=GUARD_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_readmes_client_publishes_a_notice_and_reads_the_receipt(weekend: Weekend) -> None:
    receipt = json.loads(weekend.receipt)
    assert receipt["deconfliction"] == "conflict"
    assert "fbi" in {each["other"]["agency"] for each in receipt["conflicts"]}
    assert receipt["counties"] == ["St. Louis"]


def test_what_can_be_pasted_after_it_is_accepted_as_well(weekend: Weekend) -> None:
    receipt = json.loads(weekend.pasted)["data"]
    assert receipt["deconfliction"] == "conflict"
    assert receipt["target"]["id"] != json.loads(weekend.receipt)["target"]["id"]


def test_what_the_readme_shows_of_the_demo_is_what_it_prints(weekend: Weekend) -> None:
    shown = next(block for block in blocks(README) if "CONFLICT" in block.text)
    said = {_undated(line) for line in weekend.said.splitlines()}
    assert [line for line in shown.commands if _undated(line) not in said] == []


def _undated(line: str) -> str:
    """Without what differs from run to run: the clock, the weekend, places in the journal, figures."""
    line = re.sub(r"^[0-9:]{8} [-+][0-9:]{5}", "", line)
    line = re.sub(r"\b(Fri|Sat|Sun|Mon) \d+ \w{3}\b", r"\1", line)
    line = re.sub(r" [-+]\d\d:00", "", line)
    return re.sub(r"(entry|size|seconds|deliveries) [\d.]+", r"\1", line)


@pytest.mark.timeout(300)  # some twenty commands, each a process of its own
async def test_the_documents_can_be_followed_from_the_first_command_to_the_last(
    weekend: Weekend, node: PrivateNode
) -> None:
    with reading(weekend.folder, node) as reader:
        connect, speak, verify = (block for block in ours(README) if block.language == "sh")
        await reader.follow(connect.commands)
        await reader.follow(speak.commands)
        feed = [json.loads(line) for line in reader.said["coordinator feed --as mshp"].splitlines()]
        assert [each["sequence"] for each in feed] == list(range(1, len(feed) + 1))
        receipts = [each["event"]["data"] for each in feed if each["event"]["type"].endswith("message.accepted.v1")]
        assert [each["standing"] for each in receipts if "standing" in each] == ["in_force"]
        assert [each["deconfliction"] for each in receipts if "deconfliction" in each] == ["none_known"]
        for block in (verify, *ours(AUDIT), *ours(OPERATE)):
            if block.commands[0].startswith((DEMO, INIT)) or "office/" in block.text:
                reader.folder = reader.home
            await reader.follow(block.commands)
        assert fictional("coordinator") not in reader.said["coordinator config show"]
        assert reader.stop() == 0


def test_no_other_document_says_that_its_commands_are_run_here() -> None:
    assert [each for each in DOCUMENTS if ours(each)] == [README, AUDIT, OPERATE]
