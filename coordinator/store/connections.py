"""SQLite's connections: one writer on its own thread, and readers that never hold it up."""

import asyncio
import contextlib
import fcntl
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from coordinator.model.errors import ConfigurationError, StoreUnavailableError
from coordinator.store.threads import Threads

T = TypeVar("T")
READERS = 4
WAL_LIMIT_BYTES = 32 * 1024 * 1024
FOLD_AFTER = 8
"""Transactions after which the write-ahead log is folded into the file, as soon as nobody waits."""
BUSY_MS = 5_000
TIDY_AGAIN_S = 10.0
MMAP_BYTES = 0
"""No memory-mapped reads: an I/O error then stays an error, and memory stays flat."""


def path_of(url: str) -> Path:
    """The file of a `sqlite:///` URL."""
    prefix = "sqlite:///"
    if not url.startswith(prefix) or len(url) == len(prefix):
        msg = f"[store] url = {url!r} is not sqlite:///FILE"
        raise ConfigurationError(msg)
    return Path(url.removeprefix(prefix))


def connect(path: Path, *, readonly: bool) -> sqlite3.Connection:
    """Open one connection with the settings that every promise rests on."""
    mode = "ro" if readonly else "rw"
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path))}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
        )
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        connection.execute(f"PRAGMA mmap_size={MMAP_BYTES}")
        if not readonly:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA foreign_keys=ON")
    except sqlite3.OperationalError as error:
        msg = f"the store {path.name} cannot be opened ({error}): run `coordinator migrate`, or mend [store] url"
        raise StoreUnavailableError(msg) from error
    return connection


class ReaderGate:
    """Lets readers in together, or one who needs them all out: a restart checkpoint needs a moment without readers."""

    def __init__(self) -> None:
        """Begin open and empty."""
        self._changed = threading.Condition()
        self._reading = 0
        self._shut = False

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Be one of the readers."""
        with self._changed:
            self._changed.wait_for(lambda: not self._shut)
            self._reading += 1
        try:
            yield
        finally:
            with self._changed:
                self._reading -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def shut(self) -> Iterator[None]:
        """Wait until the readers are out, and keep new ones waiting."""
        with self._changed:
            self._shut = True
            self._changed.wait_for(lambda: self._reading == 0)
        try:
            yield
        finally:
            with self._changed:
                self._shut = False
                self._changed.notify_all()


class Writer:
    """The one connection that writes, on its own thread; a transaction holds its turn from begin to commit."""

    def __init__(self, path: Path, gate: ReaderGate) -> None:
        """Open the connection on the calling thread; every later call runs on the writer's thread."""
        self._path = path
        self._gate = gate
        self._thread = Threads("store-writer", 1)
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._turns = 0
        """Since the log was folded last."""
        self._folding: asyncio.Future[None] | None = None
        self._last: asyncio.Future[Any] | None = None  # each call has a result of its own
        self._connection = connect(path, readonly=False)
        self._tidy_after = 0.0

    @contextlib.asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Take the writer's turn; whatever was begun and not committed is rolled back at the end."""
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            try:
                if self._may_be_open():
                    await asyncio.shield(self.call(_roll_back))
            finally:
                self._fold_at_leisure()
                self._turn.release()

    def _fold_at_leisure(self) -> None:
        """Fold the log into the file while nobody waits.

        SQLite does it inside a commit, after 1,000 pages: one commit in fifty at 200 messages a second, which then
        takes some milliseconds more.
        """
        self._turns += 1
        if self._turns >= FOLD_AFTER and not self._waiting:
            self._turns = 0
            self._folding = self._thread.begin(_fold, self._connection)

    def _may_be_open(self) -> bool:
        """Whether a transaction is open, or a call that nobody awaits any more may still open one.

        The last call tells of those before it too: there is one thread. When it has ended, the connection is at rest.
        """
        if self._last is None:
            return False
        return self._last.cancelled() or not self._last.done() or self._connection.in_transaction

    async def call(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run work on the writer's thread, within a turn."""
        called = self._thread.begin(work, self._connection)
        self._last = called
        try:
            return await called
        except sqlite3.DatabaseError as error:
            raise translate(error) from error

    def tidy(self, connection: sqlite3.Connection) -> None:
        """On the writer's thread: above 32 MB of write-ahead log, pause the readers and start the log anew."""
        now = time.monotonic()
        if now < self._tidy_after or not self._log_is_long():
            return
        # Whoever else reads (a backup, an operator's shell) is not waited for: the commits behind us would wait too.
        connection.execute("PRAGMA busy_timeout=0")
        try:
            with self._gate.shut():
                (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError:
            busy = 1  # what was committed is committed; the log is started anew another time
        finally:
            connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        if busy:
            self._tidy_after = now + TIDY_AGAIN_S

    def _log_is_long(self) -> bool:
        try:
            return Path(f"{self._path}-wal").stat().st_size > WAL_LIMIT_BYTES
        except FileNotFoundError:
            return False

    async def close(self) -> None:
        """Wait for the turn to end, then close."""
        async with self._turn:
            await self.call(sqlite3.Connection.close)
        self._thread.close()


def _fold(connection: sqlite3.Connection) -> None:
    with contextlib.suppress(sqlite3.DatabaseError):  # then the log is longer for a while, and nothing else
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


class Readers:
    """A small pool of read-only connections; each read is one short snapshot."""

    def __init__(self, path: Path, gate: ReaderGate) -> None:
        """Open nothing yet: each thread opens its own at its first read."""
        self._path = path
        self._gate = gate
        self._threads = Threads("store-reader", READERS)
        self._own = threading.local()
        self._opened: list[sqlite3.Connection] = []

    async def call(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run work in a read transaction on one of the readers."""
        return await self._threads.begin(self._read, work)

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with self._gate.reading():
                connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
                if connection is None:
                    connection = self._own.connection = connect(self._path, readonly=True)
                    self._opened.append(connection)
                connection.execute("BEGIN")
                try:
                    return work(connection)
                finally:
                    connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            raise translate(error) from error

    async def close(self) -> None:
        """Close every reader."""
        await asyncio.to_thread(self._threads.close)
        for connection in self._opened:
            connection.close()


def translate(error: sqlite3.DatabaseError) -> Exception:
    """A broken rule of the schema is our own fault and stays as it is; anything else means: not now."""
    if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError | sqlite3.DataError):
        return error
    return StoreUnavailableError(f"the store does not answer now: {error}")


@contextlib.contextmanager
def serving_alone(url: str) -> Iterator[None]:
    """Be the one service of a SQLite file: two would refuse each other's messages.

    Held by a lock on a file beside it, which goes with the process. Tools may still write a transaction between ours.
    Raises `ConfigurationError` when another service has it.
    """
    lock = Path(f"{path_of(url)}.serving")
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            msg = f"another coordinator serves {path_of(url)}: stop that one, or give this one a store of its own"
            raise ConfigurationError(msg) from error
        yield
