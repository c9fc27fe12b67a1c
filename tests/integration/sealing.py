"""A journal on a real SQLite file and a real folder, for the tests of the seal."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from coordinator.journal.checkpoint import Sealed, read_checkpoint
from coordinator.journal.findings import Intact
from coordinator.journal.note import SigningKey
from coordinator.journal.tiles import Tile
from coordinator.journal.verify import verify_directory
from coordinator.model.errors import CoordinatorError
from coordinator.ports import ArchiveUnavailableError
from coordinator.seal import Seal
from coordinator.store.published import PublishedDirectory

KEY = SigningKey("journal.example/missouri", bytes(range(32)))
NOW = datetime(2026, 11, 27, 18, tzinfo=UTC)
GUARD_S = 10.0


class SqliteLedger:
    """A `Ledger` on a SQLite file, as plain as can be."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.db = sqlite3.connect(path, check_same_thread=False)
        self.db.executescript(
            """
            create table if not exists leaves(position integer primary key, entry blob not null);
            create table if not exists checkpoints(size integer primary key, root blob, note blob, t text);
            create table if not exists tiles(level integer, n integer, hashes blob, primary key (level, n));
            """
        )

    def append(self, count: int, text: bytes = b"entry") -> None:
        """Commit that many entries."""
        with self.db:
            (size,) = self.db.execute("select count(*) from leaves").fetchone()
            rows = [(position, b"%s %d" % (text, position)) for position in range(size, size + count)]
            self.db.executemany("insert into leaves values (?, ?)", rows)

    def run(self, statement: str) -> None:
        """Do something to the file that the coordinator would not do."""
        with self.db:
            self.db.execute(statement)

    async def size(self) -> int:
        (size,) = self.db.execute("select count(*) from leaves").fetchone()
        return int(size)

    async def entries(self, start: int, limit: int) -> Sequence[bytes]:
        rows = self.db.execute(
            "select position, entry from leaves where position >= ? and position < ? order by position",
            (start, start + limit),
        ).fetchall()
        return [entry for at, (position, entry) in enumerate(rows) if position == start + at]

    async def sealed(self) -> Sealed | None:
        row = self.db.execute("select size, root, note, t from checkpoints order by size desc limit 1").fetchone()
        return None if row is None else Sealed(row[0], row[1], row[2], datetime.fromisoformat(row[3]))

    async def tile(self, level: int, index: int) -> bytes | None:
        row = self.db.execute("select hashes from tiles where level = ? and n = ?", (level, index)).fetchone()
        return None if row is None else bytes(row[0])

    async def persist(self, sealed: Sealed, tiles: Sequence[Tile]) -> None:
        with self.db:
            (newest,) = self.db.execute("select max(size) from checkpoints").fetchone()
            if newest is not None and newest >= sealed.size:
                msg = "another seal has been at work"
                raise CoordinatorError(msg)
            row = (sealed.size, sealed.root, sealed.note, sealed.time.isoformat())
            self.db.execute("insert into checkpoints values (?, ?, ?, ?)", row)
            rows = [(tile.level, tile.index, tile.hashes) for tile in tiles]
            self.db.executemany("insert or replace into tiles values (?, ?, ?)", rows)


class Observed(PublishedDirectory):
    """The real folder, which also tells the test when a checkpoint is out, or could not be put."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.sizes: asyncio.Queue[int] = asyncio.Queue()
        self.failures = asyncio.Semaphore(0)
        self._loop = asyncio.get_running_loop()

    def put(self, path: str, content: bytes) -> None:
        try:
            super().put(path, content)
        except ArchiveUnavailableError:
            self._loop.call_soon_threadsafe(self.failures.release)
            raise
        if path == "checkpoint":
            self._loop.call_soon_threadsafe(self.sizes.put_nowait, read_checkpoint(content)[1].size)

    async def reaches(self, size: int) -> None:
        """Wait until a checkpoint of that size is published."""
        async with asyncio.timeout(GUARD_S):
            while await self.sizes.get() != size:
                pass


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    opened = SqliteLedger(tmp_path / "store.sqlite")
    yield opened
    opened.db.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "published"


def seal_on(ledger: SqliteLedger, folder: Path, interval_s: float = 1.0) -> Seal:
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
