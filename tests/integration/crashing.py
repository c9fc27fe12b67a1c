"""The real service in a process that kills itself (SIGKILL) at a chosen step."""

import inspect
import os
import signal
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from coordinator import logs
from coordinator.amqp import inbound
from coordinator.amqp.outbound import AmqpPublisher
from coordinator.amqp.window import Window
from coordinator.cli.service import run, with_key
from coordinator.intake import Intake
from coordinator.model.work import Leased
from coordinator.relay import Relay
from coordinator.settings import load
from coordinator.store import sqlite
from coordinator.store.published import PublishedDirectory
from coordinator.store.sqlite import SqliteStore, SqliteTransaction
from coordinator.surveying import Surveyor

P = ParamSpec("P")
T = TypeVar("T")
Patched = tuple[Any, str]  # any class or module, and the name of what is patched in it

WALK = ("receive", "surveyed", "read", "before commit", "committed", "before ack", "acked")
RELAY = ("leased", "before publish", "written", "one confirmed", "all confirmed", "before settle", "settled")
SEAL = ("before persist", "persisted", "before put", "put")
BEFORE: dict[str, Patched] = {
    "receive": (Intake, "record"),
    "before ack": (inbound, "_settle"),
    "before publish": (AmqpPublisher, "post"),
    "before settle": (Intake, "settle"),
    "before persist": (SqliteStore, "persist"),
    "before put": (PublishedDirectory, "put"),
}
AFTER: dict[str, Patched] = {
    "surveyed": (Surveyor, "_compare"),
    "read": (SqliteTransaction, "read"),
    "committed": (sqlite, "write_plan"),
    "acked": (inbound, "_settle"),
    "leased": (SqliteStore, "lease"),
    "written": (Window, "write"),
    "one confirmed": (Window, "_answered"),
    "all confirmed": (Relay, "_hear"),
    "settled": (Intake, "settle"),
    "persisted": (SqliteStore, "persist"),
    "put": (PublishedDirectory, "put"),
}


class Fuse:
    """Kills the process the N-th time that it burns."""

    def __init__(self, left: int) -> None:
        self.left = left

    def burn(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _arm(step: str, fuse: Fuse) -> None:
    if step == "before commit":
        whole = sqlite.write_plan  # type: ignore[attr-defined]  # as it is imported there
        sqlite.write_plan = lambda db, plan: whole(cast("sqlite3.Connection", _Doomed(db, fuse)), plan)  # type: ignore[attr-defined]  # patched on purpose
        return
    owner, name = BEFORE.get(step) or AFTER[step]
    fused = _fused if inspect.iscoroutinefunction(getattr(owner, name)) else _fused_call
    setattr(owner, name, fused(getattr(owner, name), fuse, first=step in BEFORE))


def _fused(step: Callable[P, Awaitable[T]], fuse: Fuse, *, first: bool) -> Callable[P, Awaitable[T]]:
    async def fused(*args: P.args, **kwargs: P.kwargs) -> T:
        if first:
            fuse.burn()
        done = await step(*args, **kwargs)
        if not first and not (isinstance(done, Leased) and not done.dispatches):  # a lease of nothing is no step
            fuse.burn()
        return done

    return fused


def _fused_call(step: Callable[P, T], fuse: Fuse, *, first: bool) -> Callable[P, T]:
    def fused(*args: P.args, **kwargs: P.kwargs) -> T:
        if first:
            fuse.burn()
        done = step(*args, **kwargs)
        if not first:
            fuse.burn()
        return done

    return fused


class _Doomed:
    """A connection whose process ends when everything is written and nothing is committed."""

    def __init__(self, db: sqlite3.Connection, fuse: Fuse) -> None:
        self._db = db
        self._fuse = fuse

    def execute(self, statement: str, *values: Sequence[str | int]) -> sqlite3.Cursor:
        if statement == "COMMIT":
            self._fuse.burn()
        return self._db.execute(statement, *values)

    def __getattr__(self, name: str) -> object:
        return getattr(self._db, name)


def serve(config: Path, log: Path, step: str | None = None, number: int = 1) -> None:
    """Serve as `coordinator serve` does, with its log in a file; armed when a step is named."""
    with log.open("ab") as file:
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
    if step is not None:
        _arm(step, Fuse(number))
    settings = load(config)
    logs.configure(settings.log.level, settings.log.format)
    run(with_key(settings))
