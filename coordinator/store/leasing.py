"""Which deliveries are due on which line, and whose line it is."""

import sqlite3
from collections.abc import Collection, Iterable, Sequence

import orjson

from coordinator.model.codes import Lane
from coordinator.model.work import Dispatch, Lease, Line
from coordinator.store.rows import DISPATCH_COLUMNS, dispatch_of

RENEW_MS = 20_000
"""A lease is renewed when it has less than this left: seldom, and before what was handed out can outlive it."""

LANES = orjson.dumps([lane.value for lane in Lane]).decode()
LINES = """
SELECT f.agency, l.value FROM feeds AS f CROSS JOIN json_each(?) AS l
WHERE EXISTS (SELECT 1 FROM dispatches AS d WHERE d.state = 'owed' AND d.recipient = f.agency AND d.lane = l.value)
"""
LEASES = "SELECT agency, lane, owner, until_ms FROM leases"
TAKE = """
INSERT INTO leases (agency, lane, owner, until_ms, fence)
SELECT value ->> 0, value ->> 1, ?1, ?2, 1 FROM json_each(?3) WHERE true
ON CONFLICT (agency, lane) DO UPDATE SET
    fence = fence + (owner <> excluded.owner), owner = excluded.owner, until_ms = excluded.until_ms
WHERE owner = excluded.owner OR until_ms <= ?4
"""
DUE = f"""
SELECT {DISPATCH_COLUMNS} FROM (
    SELECT d.key AS chosen FROM dispatches AS d
    WHERE d.state = 'owed' AND d.recipient = ?1 AND d.lane = ?2 AND d.sequence > ?3
    ORDER BY d.sequence LIMIT ?4
)
CROSS JOIN dispatches AS d ON d.key = chosen
CROSS JOIN messages AS m ON m.key = d.message
"""  # noqa: S608  # columns are a constant
AGAIN = f"""
SELECT {DISPATCH_COLUMNS} FROM dispatches AS d JOIN messages AS m ON m.key = d.message
WHERE d.state = 'owed' AND d.recipient = ?1 AND d.lane = ?2 AND d.sequence <= ?3
    AND d.attempts > 0 AND d.due_ms <= ?5
ORDER BY d.sequence LIMIT ?4
"""  # noqa: S608  # columns are a constant
RELYING = f"""
SELECT {DISPATCH_COLUMNS} FROM (
    SELECT key AS chosen FROM dispatches
    WHERE key > ?1 AND agreement IS NOT NULL AND state IN ('owed', 'parked')
        AND (?2 IS NULL OR agreement IN (SELECT value FROM json_each(?2)))
    ORDER BY key LIMIT ?3
)
CROSS JOIN dispatches AS d ON d.key = chosen
CROSS JOIN messages AS m ON m.key = d.message
ORDER BY d.key
"""  # noqa: S608  # columns are a constant


def lines_with_debts(db: sqlite3.Connection) -> set[Line]:
    """The lines that have something owed: one look into the index for each, however much is owed."""
    return {Line(agency, Lane(lane)) for agency, lane in db.execute(LINES, (LANES,))}


def held(db: sqlite3.Connection, lease: Lease) -> tuple[set[Line], set[Line]]:
    """The lines that are ours beyond the renewal margin, and those that are somebody else's now."""
    ours, others = set(), set()
    for agency, lane, owner, until_ms in db.execute(LEASES):
        line = Line(agency, Lane(lane))
        if owner == lease.owner and until_ms > lease.now_ms + RENEW_MS:
            ours.add(line)
        elif owner != lease.owner and until_ms > lease.now_ms:
            others.add(line)
    return ours, others


def take(db: sqlite3.Connection, lease: Lease, wanted: Iterable[Line]) -> None:
    """Take or renew lines, all in one statement; a line that another holds stays with it."""
    lines = orjson.dumps([(line.agency, line.lane.value) for line in wanted]).decode()
    db.execute("BEGIN IMMEDIATE")
    db.execute(TAKE, (lease.owner, lease.until_ms, lines, lease.now_ms))
    db.execute("COMMIT")


def due(db: sqlite3.Connection, lease: Lease, lines: Sequence[Line]) -> list[Dispatch]:
    """What is due on each line: first what is to be tried again, then what was never handed out, in order."""
    limit = lease.limit if lease.total is None else min(lease.limit, max(1, lease.total // max(1, len(lines))))
    found: list[Dispatch] = []
    for line in lines:
        where = (line.agency, line.lane.value, lease.cursors.get(line, 0))
        again = [dispatch_of(row) for row in db.execute(AGAIN, (*where, limit, lease.now_ms))]
        found += again
        found += [dispatch_of(row) for row in db.execute(DUE, (*where, limit - len(again)))]
    return found


def relying(db: sqlite3.Connection, agreements: Collection[str] | None, after: int, limit: int) -> Sequence[Dispatch]:
    """What is owed or parked under one of these agreements, or under any, after a key and in its order."""
    asked = None if agreements is None else orjson.dumps(sorted(agreements)).decode()
    return [dispatch_of(row) for row in db.execute(RELYING, (after, asked, limit))]
