"""The store on SQLite: the default, and good for one process."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Self, TypeVar

from coordinator.journal.checkpoint import Sealed
from coordinator.journal.tiles import Tile
from coordinator.model.plan import MAX_NEAR, Ask, Known, Plan
from coordinator.model.policy import Policy
from coordinator.model.volume import Neighbourhood, Probe
from coordinator.model.work import Dispatch, Lease, Leased
from coordinator.store import asking, journal, leasing
from coordinator.store.connections import ReaderGate, Readers, Writer, path_of
from coordinator.store.reading import read_known, read_policy
from coordinator.store.spacetime import Volumes, read_near, read_neighbours
from coordinator.store.writing import write_plan

T = TypeVar("T")


class SqliteTransaction:
    """One transaction of the walk: two calls on the writer's thread, whatever the size of the batch."""

    def __init__(self, writer: Writer, lead: str, volumes: Volumes) -> None:
        """Hold the writer's turn; begin at `read`."""
        self._writer = writer
        self._lead = lead
        self._volumes = volumes

    async def read(self, ask: Ask) -> Known:
        """Begin immediately, which locks the head, and answer."""

        def work(db: sqlite3.Connection) -> Known:
            known = read_known(db, ask, self._lead)
            if not ask.around:
                return known
            return replace(known, around=read_near(db, ask.around, self._volumes, MAX_NEAR))

        return await self._writer.call(work)

    async def write(self, plan: Plan) -> None:
        """Write and commit."""

        def work(db: sqlite3.Connection) -> None:
            write_plan(db, plan)
            self._writer.tidy(db)

        await self._writer.call(work)


class SqliteReader:
    """A store for reading alone; works beside a coordinator that writes."""

    def __init__(self, url: str, lead: str = "") -> None:
        """Open nothing yet: the first read does."""
        self._path = path_of(url)
        self._gate = ReaderGate()
        self._lead = lead
        self._readers = Readers(self._path, self._gate)
        self._volumes = Volumes()

    async def __aenter__(self) -> Self:
        """Nothing more to open."""
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close the readers."""
        await self._readers.close()

    async def reading(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a query of `asking.py` in a read transaction."""
        return await self._readers.call(work)

    async def neighbours(self, probes: Sequence[Probe]) -> Neighbourhood:
        """Read from a snapshot what is live in the probes' boxes and windows."""
        return await self._readers.call(lambda db: read_neighbours(db, probes, self._volumes))

    async def policy(self) -> Policy:
        """Read the newest policy."""
        return await self._readers.call(lambda db: read_policy(db, self._lead))

    async def relying(self, agreements: Collection[str] | None, after: int, limit: int) -> Sequence[Dispatch]:
        """Read what is owed or parked under one of these agreements, or under any, after a key."""
        return await self._readers.call(lambda db: leasing.relying(db, agreements, after, limit))

    async def feed(self, agency: str, since: int, limit: int) -> Sequence[Dispatch]:
        """Read an agency's feed after a sequence."""
        return await self._readers.call(lambda db: asking.feed(db, agency, since, limit))

    async def last_sequences(self) -> Mapping[str, int]:
        """Read each agency's last sequence."""
        return await self._readers.call(asking.last_sequences)

    async def size(self) -> int:
        """How many entries are committed."""
        return await self._readers.call(journal.size)

    async def entries(self, start: int, limit: int) -> Sequence[bytes]:
        """Read entries in order."""
        return await self._readers.call(lambda db: journal.entries(db, start, limit))

    async def sealed(self) -> Sealed | None:
        """Read the newest checkpoint."""
        return await self._readers.call(journal.sealed)

    async def tile(self, level: int, index: int) -> bytes | None:
        """Read a hash tile as wide as it was last persisted."""
        return await self._readers.call(lambda db: journal.tile(db, level, index))


class SqliteStore(SqliteReader):
    """Everything in one file, in write-ahead mode, each commit flushed to the disk."""

    def __init__(self, url: str, lead: str) -> None:
        """Open the file, which must have been migrated."""
        super().__init__(url, lead)
        self._writer = Writer(self._path, self._gate)

    async def __aexit__(self, *exc: object) -> None:
        """Close the readers, then the writer, which folds the log into the file."""
        await super().__aexit__(*exc)
        await self._writer.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[SqliteTransaction]:
        """Take the turn; whatever is not written is rolled back."""
        async with self._writer.turn():
            yield SqliteTransaction(self._writer, self._lead, self._volumes)

    async def lease(self, lease: Lease) -> Leased:
        """Look on a reader; write only when a line is new to us or its lease runs out."""
        wanted, leased = await self._readers.call(lambda db: leasing.look(db, lease))
        if wanted:
            async with self._writer.turn():
                await self._writer.call(lambda db: leasing.take(db, lease, wanted))
            _, leased = await self._readers.call(lambda db: leasing.look(db, lease))
        return leased

    async def persist(self, sealed: Sealed, tiles: Sequence[Tile]) -> None:
        """Write a checkpoint and its tiles in one transaction."""
        async with self._writer.turn():
            await self._writer.call(lambda db: journal.persist(db, sealed, tiles))

    async def remember(self, name: str, value: str) -> None:
        """Keep a fact of the installation itself."""
        async with self._writer.turn():
            await self._writer.call(lambda db: journal.remember(db, name, value))
