"""What feeds, commands and operators ask of the store; nothing here is on the walk."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coordinator.model.work import ClaimKey, Dead, Dispatch
from coordinator.store.rows import DEAD_COLUMNS, DISPATCH_COLUMNS, dead_of, dispatch_of

FEED = f"""
SELECT {DISPATCH_COLUMNS} FROM dispatches AS d JOIN messages AS m ON m.key = d.message
WHERE d.recipient = ? AND d.sequence > ? ORDER BY d.sequence LIMIT ?
"""  # noqa: S608  # columns are a constant
RECEIPT = """
SELECT c.verdict, m.body FROM claims AS c
JOIN dispatches AS d ON d.id = c.receipt JOIN messages AS m ON m.key = d.message
WHERE c.agency = ?1 AND c.digest = ?3 AND c.id IN (?2, ?3)
"""
PARKED = f"""
SELECT {DISPATCH_COLUMNS} FROM dispatches AS d JOIN messages AS m ON m.key = d.message
WHERE d.state = 'parked' ORDER BY d.key LIMIT ?
"""  # noqa: S608  # columns are a constant


@dataclass(frozen=True, slots=True)
class Figures:
    """How much the store holds."""

    messages: int
    """Messages accepted from agencies."""
    deliveries: int
    """Deliveries that the broker confirmed."""
    owed: int
    parked: int
    conflicts: int
    """Pairs that were ever on record."""
    open_conflicts: int
    refused: int
    entries: int


def feed(db: sqlite3.Connection, agency: str, since: int, limit: int) -> Sequence[Dispatch]:
    """An agency's feed after a sequence, in order."""
    return [dispatch_of(row) for row in db.execute(FEED, (agency, since, limit))]


def last_sequences(db: sqlite3.Connection) -> Mapping[str, int]:
    """Each agency's last sequence."""
    return dict(db.execute("SELECT agency, last FROM feeds").fetchall())


def receipt(db: sqlite3.Connection, key: ClaimKey, digest: str) -> tuple[str, bytes] | None:
    """The verdict on those very bytes and their receipt, or None while there is none; no other's under the same id."""
    row = db.execute(RECEIPT, (key.agency, key.id, digest)).fetchone()
    return None if row is None else (str(row[0]), bytes(row[1]))


def dead(db: sqlite3.Connection, limit: int) -> Sequence[Dead]:
    """What was set aside, newest first."""
    rows = db.execute(
        f"SELECT {DEAD_COLUMNS} FROM dead ORDER BY received_us DESC LIMIT ?",  # noqa: S608  # columns are a constant
        (limit,),
    )
    return [dead_of(row) for row in rows]


def dead_one(db: sqlite3.Connection, dead_id: str) -> Dead | None:
    """One message that was set aside."""
    row = db.execute(
        f"SELECT {DEAD_COLUMNS} FROM dead WHERE id = ?",  # noqa: S608  # columns are a constant
        (dead_id,),
    ).fetchone()
    return None if row is None else dead_of(row)


def parked(db: sqlite3.Connection, limit: int) -> Sequence[Dispatch]:
    """Deliveries that could not go."""
    return [dispatch_of(row) for row in db.execute(PARKED, (limit,))]


def fact(db: sqlite3.Connection, name: str) -> str | None:
    """Something that the installation remembers of itself."""
    row = db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def figures(db: sqlite3.Connection) -> Figures:
    """Count what the store holds."""

    def count(query: str) -> int:
        (found,) = db.execute(query).fetchone()
        return int(found)

    return Figures(
        messages=count("SELECT count(*) FROM claims WHERE verdict = 'accepted'"),
        deliveries=count("SELECT count(*) FROM dispatches WHERE state = 'confirmed'"),
        owed=count("SELECT count(*) FROM dispatches WHERE state = 'owed'"),
        parked=count("SELECT count(*) FROM dispatches WHERE state = 'parked'"),
        conflicts=count("SELECT count(*) FROM conflicts"),
        open_conflicts=count("SELECT count(*) FROM conflicts WHERE open"),
        refused=count("SELECT count(*) FROM claims WHERE verdict = 'refused'"),
        entries=count("SELECT position FROM head"),
    )
