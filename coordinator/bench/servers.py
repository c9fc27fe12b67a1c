"""What is measured, each as a process of its own: the coordinator as it is served, and the peers."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, TypeVar

from coordinator.bench.ground import Ground, Home
from coordinator.bench.parties import SENDER
from coordinator.bench.peer import Job, Relayed, read, written
from coordinator.model.errors import CoordinatorError

T = TypeVar("T")

_COMMAND: Final = "from coordinator.cli import main; main()"
_STOP_S: Final = 30.0
_TOLD: Final = 2_000
BARE: Final = "coordinator.bench.bare_relay"
FASTSTREAM: Final = "coordinator.bench.faststream_relay"


class ServerEndedError(CoordinatorError):
    """A server that was to be measured ended by itself; its last words follow."""


@dataclass(frozen=True, slots=True)
class Server:
    """A process that is measured, and what it writes to stderr."""

    process: Process
    log: Path

    async def outlives(self, work: Coroutine[None, None, T]) -> T:
        """Do what needs the server; raises `ServerEndedError` when it ends before that is done."""
        doing = asyncio.create_task(work)
        ending = asyncio.create_task(self.process.wait())
        try:
            await asyncio.wait({doing, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                raise ServerEndedError(self._last_words())
            return await doing
        finally:
            doing.cancel()
            ending.cancel()
            await asyncio.wait({doing, ending})

    async def told(self) -> Relayed:
        """What a peer tells when it has relayed everything."""
        line = await self.process.stdout.readline() if self.process.stdout is not None else b""
        if not line:
            await self.process.wait()
            raise ServerEndedError(self._last_words())
        return read(line)

    async def stop(self) -> None:
        """End it in order, so that nothing of it disturbs the next run."""
        if self.process.returncode is None:
            self.process.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()

    def _last_words(self) -> str:
        text = self.log.read_text(encoding="utf-8", errors="replace")[-_TOLD:].strip()
        return f"a server that was measured ended with {self.process.returncode}: {text or 'it said nothing'}"


def has_faststream() -> bool:
    """Whether FastStream is installed."""
    return find_spec("faststream") is not None


@asynccontextmanager
async def coordinator(home: Home) -> AsyncIterator[Server]:
    """Serve an installation until the block ends."""
    log = home.folder / "serve.log"
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _COMMAND, "serve", "--config", str(home.config),
            stdin=DEVNULL, stdout=file, stderr=file, env=_environment(),
        )  # fmt: skip
    server = Server(process, log)
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def peer(ground: Ground, module: str, recipients: tuple[str, ...], messages: int | None) -> AsyncIterator[Server]:
    """Have a peer relay so many messages, or without end, until the block ends; as the broker's administrator."""
    log = ground.folder / "peer.log"
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, stdin=PIPE, stdout=PIPE, stderr=file, env=_environment()
        )
    server = Server(process, log)
    try:
        if process.stdin is not None:
            process.stdin.write(written(Job(ground.node.admin_url, f"router.in.{SENDER}", recipients, messages)))
            process.stdin.close()
        yield server
    finally:
        await server.stop()


def _environment() -> dict[str, str]:
    """Without settings of the machine's own: each server has what its installation says."""
    return {key: value for key, value in os.environ.items() if not key.startswith("COORDINATOR_")}
