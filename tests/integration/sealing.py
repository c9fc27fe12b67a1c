"""A journal on a real SQLite file and a real folder, for the tests of the seal."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from coordinator.journal.checkpoint import read_checkpoint
from coordinator.journal.findings import Intact
from coordinator.journal.note import SigningKey
from coordinator.journal.verify import verify_directory
from coordinator.ports import ArchiveUnavailableError, Ledger
from coordinator.seal import Seal
from coordinator.store.migrate import migrate
from coordinator.store.published import PublishedDirectory
from coordinator.store.sqlite import SqliteStore

KEY = SigningKey("journal.example/missouri", bytes(range(32)))
NOW = datetime(2026, 11, 27, 18, tzinfo=UTC)
GUARD_S = 10.0


@cache
def _empty_store() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "empty.sqlite"
        migrate(f"sqlite:///{path}")
        return path.read_bytes()


class Journal(SqliteStore):
    """The real store, with a second connection for what nobody but a test should do."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_empty_store())
        super().__init__(f"sqlite:///{path}", "mshp")
        self.db = sqlite3.connect(path, isolation_level=None)

    async def __aexit__(self, *exc: object) -> None:
        self.db.close()
        await super().__aexit__(*exc)

    def append(self, count: int, text: bytes = b"entry") -> None:
        """Commit that many entries."""
        with self.db:
            (size,) = self.db.execute("SELECT position FROM head").fetchone()
            rows = [
                (position, str(position), b"%s %d" % (text, position), b"", "test.entry", "mshp", "")
                for position in range(size, size + count)
            ]
            self.db.execute("BEGIN IMMEDIATE")
            self.db.executemany("INSERT INTO leaves VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            self.db.execute("UPDATE head SET position = ?", (size + count,))

    def damage(self, statements: str) -> None:
        """Do what only somebody who owns the file can do."""
        guards = self.db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        self.db.executescript("".join(f"DROP TRIGGER {name};" for (name,) in guards) + statements)

    def copy_to(self, path: Path) -> Path:
        """Make a backup."""
        with closing(sqlite3.connect(path)) as copy:
            self.db.backup(copy)
        return path


class Observed(PublishedDirectory):
    """The real folder, which also tells the test when a checkpoint is out, or could not be put."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.sizes: asyncio.Queue[int] = asyncio.Queue()
        self.failures = asyncio.Semaphore(0)
        self.loop = asyncio.get_running_loop()

    def put(self, path: str, content: bytes) -> None:
        try:
            super().put(path, content)
        except ArchiveUnavailableError:
            self.loop.call_soon_threadsafe(self.failures.release)
            raise
        if path == "checkpoint":
            self.loop.call_soon_threadsafe(self.sizes.put_nowait, read_checkpoint(content)[1].size)

    async def reaches(self, size: int) -> None:
        """Wait until a checkpoint of that size is published."""
        async with asyncio.timeout(GUARD_S):
            while await self.sizes.get() != size:
                pass


def seal_on(ledger: Ledger, folder: Path, interval_s: float = 1.0) -> Seal:
    return Seal(ledger, PublishedDirectory(folder), KEY, now=lambda: NOW, interval_s=interval_s)


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def verified_size(folder: Path, older: bytes | None = None) -> int:
    finding = verify_directory(files(folder).get, KEY.verifier, older)
    assert isinstance(finding, Intact), finding
    return finding.size


async def twice(failures: asyncio.Semaphore) -> None:
    async with asyncio.timeout(GUARD_S):
        for _ in range(2):
            await failures.acquire()


@asynccontextmanager
async def running(seal: Seal) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(seal.run())
        yield
        task.cancel()
