"""The feeds in the store: pages of an agency's numbers, and single messages that it was sent or has sent."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from coordinator.model.base import COORDINATOR
from coordinator.model.feeding import Exact, FeedReading, Numbered, Stored, item_of
from coordinator.model.policy import Policy
from coordinator.model.work import Dispatch
from coordinator.store.reading import read_head
from coordinator.store.rows import DISPATCH_COLUMNS, dispatch_of
from coordinator.store.sqlite import SqliteReader

UNDELIVERED = frozenset({"owed", "parked"})
PAGE = f"""
SELECT d.state, {DISPATCH_COLUMNS} FROM dispatches AS d JOIN messages AS m ON m.key = d.message
WHERE d.recipient = ?1 AND d.sequence > ?2 ORDER BY d.sequence LIMIT ?3
"""  # noqa: S608  # columns are a constant
NUMBER = f"""
SELECT d.state, {DISPATCH_COLUMNS} FROM dispatches AS d JOIN messages AS m ON m.key = d.message
WHERE d.recipient = ?1 AND d.sequence = ?2
"""  # noqa: S608  # columns are a constant
SENT_TO = f"""
SELECT d.state, {DISPATCH_COLUMNS} FROM messages AS m JOIN dispatches AS d ON d.message = m.key
WHERE m.agency = ?1 AND m.id = ?2 AND d.recipient = ?3 ORDER BY d.sequence
"""  # noqa: S608  # columns are a constant
OWN = "SELECT body, jws FROM messages WHERE agency = ?1 AND id = ?2"


@dataclass(frozen=True, slots=True)
class StoredFeeds:
    """What the feed and its readers ask of an SQLite store; every method raises `StoreUnavailableError`."""

    reader: SqliteReader

    async def feed_page(self, agency: str, since: int, limit: int, max_bytes: int) -> FeedReading:
        """Read an agency's feed after a number, already encoded: in a reader's thread, not on the loop's."""
        return await self.reader.reading(lambda db: _page(db, agency, since, limit, max_bytes))

    async def last_sequences(self) -> Mapping[str, int]:
        """Read each agency's last number."""
        return await self.reader.last_sequences()

    async def policy(self) -> Policy:
        """Read the newest policy."""
        return await self.reader.policy()

    async def numbered(self, agency: str, sequence: int) -> Numbered | None:
        """What stands under a number of an agency's feed now, or None."""
        return await self.reader.reading(lambda db: _numbered(db, agency, sequence))

    async def exact(self, reader: str, agency: str, message: str) -> Exact | None:
        """The exact bytes of a message that `reader` was sent, or sent itself; None for everything else.

        What was withdrawn was not sent: its stub was.
        """
        return await self.reader.reading(lambda db: _exact(db, reader, agency, message))


def _page(db: sqlite3.Connection, agency: str, since: int, limit: int, max_bytes: int) -> FeedReading:
    version = read_head(db).policy_version
    stored: list[Stored] = []
    size = 0
    for state, *row in db.execute(PAGE, (agency, since, limit)):
        dispatch = dispatch_of(row)
        item = item_of(dispatch.sequence, dispatch.type, dispatch.recorded, dispatch.body)
        stored.append(Stored(item, _relying(state, dispatch)))
        size += len(item.line)
        if size >= max_bytes:
            return FeedReading(version, stored, whole=False)
    return FeedReading(version, stored, whole=len(stored) < limit)


def _relying(state: str, dispatch: Dispatch) -> Dispatch | None:
    return dispatch if dispatch.agreement is not None and state in UNDELIVERED else None


def _numbered(db: sqlite3.Connection, agency: str, sequence: int) -> Numbered | None:
    found = db.execute(NUMBER, (agency, sequence)).fetchone()
    if found is None:
        return None
    state, *row = found
    dispatch = dispatch_of(row)
    return Numbered(dispatch, _relying(state, dispatch) is not None)


def _exact(db: sqlite3.Connection, reader: str, agency: str, message: str) -> Exact | None:
    if reader == agency and agency != COORDINATOR:
        own = db.execute(OWN, (agency, message)).fetchone()
        return None if own is None else Exact(bytes(own[0]), own[1])
    rows = db.execute(SENT_TO, (agency, message, reader)).fetchall()
    if not rows:
        return None
    found = [(state, dispatch_of(row)) for state, *row in rows]
    relying = [_relying(state, dispatch) for state, dispatch in found]
    judged = [each for each in relying if each is not None]
    first = found[0][1]
    return Exact(first.body, first.jws, judged if len(judged) == len(relying) else ())
