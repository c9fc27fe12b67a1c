"""The real commands as processes, over an installation of a test's own."""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from coordinator.amqp.node import PrivateNode
from tests.conftest import EVERYTHING, Vhost
from tests.forked import FORKED, command
from tests.installation import Installation
from tests.kit import Json

COORDINATOR = str(Path(sys.executable).with_name("coordinator"))
GUARD_S = 60


def environment(installation: Installation | None = None) -> dict[str, str]:
    """Without settings of the machine's own; with the agencies' passwords where there is an installation."""
    given = installation.environment if installation is not None else dict(os.environ)
    allowed = "COORDINATOR_AMQP__ACCOUNTS__"
    return {key: value for key, value in given.items() if key.startswith(allowed) or "COORDINATOR_" not in key}


@dataclass(frozen=True, slots=True)
class Done:
    """What a command exited with and printed."""

    returncode: int
    stdout: str
    stderr: str


def run(
    *arguments: str | Path,
    installation: Installation | None = None,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Done:
    """Run a command to its end, in a process; with the installation's configuration where one is given."""
    config = ("--config", str(installation.config)) if installation is not None else ()
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder) / name for name in ("stdin", "stdout", "stderr")]
        for stream, content in zip(streams, (stdin, "", ""), strict=True):
            stream.write_text(content)
        given = [*(str(each) for each in arguments), *config]
        process = FORKED.Process(
            target=command, args=(given, {**environment(installation), **(env or {})}, streams, cwd)
        )
        process.start()
        process.join(GUARD_S)
        process.kill()
        process.join()
        _, stdout, stderr = (stream.read_text() for stream in streams)
    return Done(process.exitcode or 0, stdout, stderr)


@dataclass(frozen=True, slots=True)
class Served:
    """`coordinator serve` while it runs, and its log."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def lines(self) -> list[Json]:
        """Every line of the log; each is a JSON object, so nothing else is printed."""
        text = self.log.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def said(self, count: int = 1, **fields: object) -> list[Json]:
        """Wait for that many lines of the log that have these fields."""
        until = time.monotonic() + GUARD_S
        while time.monotonic() < until:
            found = [line for line in self.lines if fields.items() <= line.items()]
            if len(found) >= count:
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(self.log.read_text()[-3_000:])

    def stop(self) -> int:
        """Ask it to stop as a supervisor does; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(GUARD_S)


@contextmanager
def serve(installation: Installation) -> Iterator[Served]:
    """Start `coordinator serve`, ready when the block begins, and gone after it."""
    log = installation.folder / "serve.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [COORDINATOR, "serve", "--config", str(installation.config)], env=environment(), stdout=file, stderr=file
        )
    served = Served(process, log)
    try:
        served.said(event="started")
        yield served
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def fresh_vhost(broker: PrivateNode) -> AsyncIterator[Vhost]:
    """A vhost for all tests of a file."""
    vhost = Vhost(broker, f"test-{secrets.token_hex(4)}")
    await vhost.manage("PUT", f"vhosts/{vhost.name}")
    await vhost.manage("PUT", f"permissions/{vhost.name}/{broker.layout.user}", EVERYTHING)
    yield vhost
    await vhost.manage("DELETE", f"vhosts/{vhost.name}")
