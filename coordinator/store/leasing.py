"""Which deliveries are due on which line, and whose line it is."""

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from operator import itemgetter

import orjson

from coordinator.model.codes import Lane
from coordinator.model.work import Dispatch, Lease, Leased, Line
from coordinator.store.reading import read_head
from coordinator.store.rows import DISPATCH_COLUMNS, dispatch_of

RENEW_MS = 20_000
"""A lease is renewed when it has less than this left: seldom, and before what was handed out can outlive it."""

LANES = orjson.dumps([lane.value for lane in Lane]).decode()
LINES = """
SELECT f.agency, l.value, s.owner, s.until_ms
FROM feeds AS f CROSS JOIN json_each(?) AS l
LEFT JOIN leases AS s ON s.agency = f.agency AND s.lane = l.value
WHERE EXISTS (SELECT 1 FROM dispatches AS d WHERE d.state = 'owed' AND d.recipient = f.agency AND d.lane = l.value)
"""
TAKE = """
INSERT INTO leases (agency, lane, owner, until_ms, fence)
SELECT value ->> 0, value ->> 1, ?1, ?2, 1 FROM json_each(?3) WHERE true
ON CONFLICT (agency, lane) DO UPDATE SET
    fence = fence + (owner <> excluded.owner), owner = excluded.owner, until_ms = excluded.until_ms
WHERE owner = excluded.owner OR until_ms <= ?4
"""
DUE = f"""
SELECT {DISPATCH_COLUMNS} FROM json_each(?1) AS asked
CROSS JOIN dispatches AS d ON d.key IN (
    SELECT key FROM (
        SELECT key FROM dispatches
        WHERE state = 'owed' AND recipient = asked.value ->> 0 AND lane = asked.value ->> 1
            AND sequence <= asked.value ->> 2 AND attempts > 0 AND due_ms <= ?3
        ORDER BY sequence LIMIT ?2
    )
    UNION ALL SELECT key FROM (
        SELECT key FROM dispatches
        WHERE state = 'owed' AND recipient = asked.value ->> 0 AND lane = asked.value ->> 1
            AND sequence > asked.value ->> 2
        ORDER BY sequence LIMIT ?2
    )
    LIMIT ?2
)
CROSS JOIN messages AS m ON m.key = d.message
"""  # noqa: S608  # columns are a constant
"""For each line first what is to be tried again, then what was never handed out. The first has an index of its own
(`dispatches_again`), or else all that is in flight would be looked through each time."""
LANE, RECIPIENT, SEQUENCE = 3, 2, 4
"""Where they are among `DISPATCH_COLUMNS`."""
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


def lines_with_debts(db: sqlite3.Connection) -> list[tuple[Line, str | None, int | None]]:
    """The lines that have something owed, each with its owner and until when: one look into the index for each."""
    rows = db.execute(LINES, (LANES,)).fetchall()
    return [(Line(agency, Lane(lane)), owner, until_ms) for agency, lane, owner, until_ms in rows]


def look(db: sqlite3.Connection, lease: Lease) -> tuple[list[Line], Leased]:
    """The lines with debts that may be taken or must be renewed, and what is due on those that are ours for a while."""
    ours: dict[Line, int] = {}
    wanted: list[Line] = []
    for line, owner, until_ms in lines_with_debts(db):
        until = until_ms or 0
        if line in lease.resting:
            continue
        if owner == lease.owner and until > lease.now_ms + RENEW_MS:
            ours[line] = until
        elif owner == lease.owner or until <= lease.now_ms:
            wanted.append(line)
    head, limit = read_head(db), limit_of(lease, len(ours))
    found = due(db, lease, list(ours), limit)
    many = Counter((each.recipient, each.lane) for each in found)
    whole = [line for line in ours if many[line.agency, line.lane] < limit]
    return wanted, Leased(head.policy_version, found, ours, whole)


def limit_of(lease: Lease, lines: int) -> int:
    """How much is handed out of each of so many lines."""
    return lease.limit if lease.total is None else min(lease.limit, max(1, lease.total // max(1, lines)))


def take(db: sqlite3.Connection, lease: Lease, wanted: Iterable[Line]) -> None:
    """Take or renew lines, all in one statement; a line that another holds stays with it."""
    lines = orjson.dumps([(line.agency, line.lane.value) for line in wanted]).decode()
    db.execute("BEGIN IMMEDIATE")
    db.execute(TAKE, (lease.owner, lease.until_ms, lines, lease.now_ms))
    db.execute("COMMIT")


def due(db: sqlite3.Connection, lease: Lease, lines: Sequence[Line], limit: int) -> tuple[Dispatch, ...]:
    """What is due on each line: alerts first, and what is to be tried again before what was never handed out."""
    if not lines or not limit:
        return ()
    asked = orjson.dumps([(line.agency, line.lane.value, lease.cursors.get(line, 0)) for line in lines]).decode()
    rows = db.execute(DUE, (asked, limit, lease.now_ms)).fetchall()
    rows.sort(key=itemgetter(LANE, RECIPIENT, SEQUENCE))  # sorted by SQLite, their bodies would be copied twice
    return tuple(map(dispatch_of, rows))


def relying(db: sqlite3.Connection, agreements: Collection[str] | None, after: int, limit: int) -> Sequence[Dispatch]:
    """What is owed or parked under one of these agreements, or under any, after a key and in its order."""
    asked = None if agreements is None else orjson.dumps(sorted(agreements)).decode()
    return [dispatch_of(row) for row in db.execute(RELYING, (after, asked, limit))]
