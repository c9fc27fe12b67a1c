"""Operations and conflicts as one agency may see them, page by page; never a row of what it was not told."""

import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TypeVar

import orjson
import shapely

from coordinator.model.geometry import Shape, all_within
from coordinator.model.policy import Policy
from coordinator.model.views import (
    ConflictPage,
    ConflictView,
    Envelope,
    Heard,
    OperationPage,
    OperationView,
    Sought,
    conflict_view,
    operation_view,
    operations_of,
)
from coordinator.steps.authorise import still_grounded
from coordinator.store.heeding import CONFLICT, FOREVER_US, LONGEST_US, OPERATION
from coordinator.store.reading import read_policy
from coordinator.store.rows import DISPATCH_COLUMNS, dispatch_of, to_us
from coordinator.store.sqlite import SqliteReader

CLOSE = 5_000
"""Rows that an index finds which are all looked at; of more, a page looks at those that come next."""
EXAMINED = 20_000
"""Rows that one page looks at; it may be short then, or empty, and say where to go on."""
EXAMINED_CONFLICTS = 500
ROUND = 100
"""Conflicts that are put together at a time."""
ROUNDS = 8
"""How often a page of operations looks for more when an exact look left out what a coarse one had found."""

HEARD = """
SELECT h.about, m.agency, m.type, m.body, d.recorded,
    CASE WHEN d.agreement IS NOT NULL AND d.state IN ('owed', 'parked') THEN d.key END
FROM json_each(?3) AS asked
CROSS JOIN heard AS h ON h.agency = ?1 AND h.kind = ?2 AND h.about = asked.value
CROSS JOIN messages AS m ON m.key = h.message
LEFT JOIN dispatches AS d ON d.message = m.key AND d.recipient = ?1
WHERE d.key IS NOT NULL OR m.agency = ?1
ORDER BY h.about, m.key
"""
RELYING = f"""
SELECT {DISPATCH_COLUMNS} FROM json_each(?) AS asked
CROSS JOIN dispatches AS d ON d.key = asked.value JOIN messages AS m ON m.key = d.message
"""  # noqa: S608  # columns are a constant
COARSE = """
(?3 IS NULL OR end_us > ?3) AND (?4 IS NULL OR start_us < ?4)
AND (?5 IS NULL OR (east >= ?5 AND west <= ?6 AND north >= ?7 AND south <= ?8))
AND (?9 IS NULL OR owner = ?9) AND (?10 IS NULL OR state IN (?10, ''))
"""
IN_ORDER = f"""
SELECT operation FROM sights
WHERE agency = ?1 AND operation > ?2 AND (?12 IS NULL OR operation <= ?12) AND {COARSE}
ORDER BY operation LIMIT ?11
"""  # noqa: S608  # a constant
LAST_EXAMINED = f"""
SELECT operation FROM sights WHERE agency = ? AND operation > ? ORDER BY operation LIMIT 1 OFFSET {EXAMINED - 1}
"""  # noqa: S608  # a constant
_BY_END = f"""
SELECT operation FROM sights INDEXED BY sights_by_end
WHERE agency = ?1 AND end_us > ?3 AND end_us <= coalesce(?4 + {LONGEST_US}, {FOREVER_US}) AND coalesce(start_us < ?4, 1)
UNION ALL
SELECT operation FROM sights INDEXED BY sights_by_end
WHERE agency = ?1 AND ?4 IS NOT NULL AND end_us = {FOREVER_US} AND start_us < ?4
LIMIT {CLOSE}
"""  # noqa: S608  # constants
"""What ends after a moment and, where an end is asked for, not more than the longest window after that: that is all."""
BY_END = f"""
SELECT s.operation FROM ({_BY_END}) AS near CROSS JOIN sights AS s ON s.agency = ?1 AND s.operation = near.operation
WHERE s.operation > ?2 AND ?12 IS NULL AND {COARSE} ORDER BY s.operation LIMIT ?11
"""  # noqa: S608  # constants
HOW_MANY_BY_END = f"SELECT count(*) FROM ({_BY_END})"  # noqa: S608  # constants
BY_STATE = f"""
SELECT operation FROM (
    SELECT * FROM sights INDEXED BY sights_by_state WHERE agency = ?1 AND state IN (?10, '') LIMIT {CLOSE}
)
WHERE operation > ?2 AND ?12 IS NULL AND {COARSE} ORDER BY operation LIMIT ?11
"""  # noqa: S608  # constants
HOW_MANY_BY_STATE = f"""
SELECT count(*) FROM (
    SELECT 1 FROM sights INDEXED BY sights_by_state WHERE agency = ? AND state IN (?, '') LIMIT {CLOSE}
)
"""  # noqa: S608  # a constant
CONFLICTS = """
SELECT DISTINCT about FROM heard WHERE agency = ? AND kind = ? AND about > ? ORDER BY about LIMIT ?
"""
OPERATION_ENVELOPES = """
SELECT id, agency, state, revision FROM operations
WHERE id > ?1 AND (?2 IS NULL OR state = ?2) ORDER BY id LIMIT ?3
"""
OPERATION_ENVELOPE = "SELECT id, agency, state, revision FROM operations WHERE id = ?"
_CONFLICT_ENVELOPE = """
SELECT c.id, one.agency, two.agency, c.open, c.first_revision, c.second_revision
FROM conflicts AS c JOIN operations AS one ON one.id = c.first JOIN operations AS two ON two.id = c.second
"""
CONFLICT_ENVELOPES = f"""
{_CONFLICT_ENVELOPE} WHERE c.id > ?1 AND (?2 IS NULL OR c.open = (?2 = 'open')) ORDER BY c.id LIMIT ?3
"""  # a constant
CONFLICT_ENVELOPE = f"{_CONFLICT_ENVELOPE} WHERE c.id = ?"  # a constant

V = TypeVar("V")


@dataclass(slots=True)
class _Sight:
    """What one agency sees, read from one snapshot at one moment."""

    db: sqlite3.Connection
    viewer: str
    lead: str
    now: datetime
    _policy: Policy | None = None

    def heard(self, kind: int, ids: Iterable[str]) -> Mapping[str, list[Heard]]:
        """What the viewer said or was sent of each, in order."""
        rows = self.db.execute(HEARD, (self.viewer, kind, orjson.dumps(list(ids)).decode())).fetchall()
        lost = self._lost([key for *_, key in rows if key is not None])
        kept = (Heard(*row) for *row, key in rows if key not in lost)
        return {about: list(some) for about, some in groupby(kept, key=lambda each: each.about)}

    def _lost(self, undelivered: Sequence[int]) -> Collection[int]:
        """What has lost its ground before it was delivered, and waits for its stub, is not shown either."""
        if not undelivered:
            return ()
        policy = self._policy = self._policy or read_policy(self.db, self.lead)
        rows = self.db.execute(RELYING, (orjson.dumps(undelivered).decode(),))
        relying = (dispatch_of(row) for row in rows)
        return {each.key for each in relying if not still_grounded(each, self.now, policy)}


class StoreQueries:
    """Answers over a store that may be written meanwhile; each page is read from one snapshot.

    Pages go by ids, which never change, so what does not change stands on exactly one page, whatever else does.
    """

    def __init__(self, store: SqliteReader, lead: str, clock: Callable[[], datetime]) -> None:
        """Ask a store, or the file of one that another process writes; `lead` is the agency that leads."""
        self._store = store
        self._lead = lead
        self._clock = clock

    async def operations(self, viewer: str, sought: Sought, after: str, limit: int) -> OperationPage:
        """The operations that an agency may see, `limit` at most, after an id ('' begins)."""
        return await self._seen(viewer, lambda sight: _operation_page(sight, sought, after, limit))

    async def operation(self, viewer: str, operation_id: str) -> OperationView | None:
        """One operation, or None where the agency knows of none; what is another's takes the same work as nothing."""
        views = await self._seen(viewer, lambda sight: _operation_views(sight, (operation_id,)))
        return views.get(operation_id)

    async def conflicts(self, viewer: str, sought: Sought, after: str, limit: int) -> ConflictPage:
        """The conflicts of which an agency was told, `limit` at most, after an id ('' begins)."""
        return await self._seen(viewer, lambda sight: _conflict_page(sight, sought, after, limit))

    async def conflict(self, viewer: str, conflict_id: str) -> ConflictView | None:
        """One conflict as its own side sees it, or None where the agency was told of none."""
        views = await self._seen(viewer, lambda sight: _conflict_views(sight, (conflict_id,)))
        return views.get(conflict_id)

    async def _seen(self, viewer: str, work: Callable[["_Sight"], V]) -> V:
        now = self._clock()
        return await self._store.reading(lambda db: work(_Sight(db, viewer, self._lead, now)))

    async def operation_envelopes(self, state: str | None, after: str, limit: int) -> Sequence[Envelope]:
        """What an operator may see of all operations."""
        return await self._store.reading(
            lambda db: [_operation_envelope(row) for row in db.execute(OPERATION_ENVELOPES, (after, state, limit))]
        )

    async def conflict_envelopes(self, state: str | None, after: str, limit: int) -> Sequence[Envelope]:
        """What an operator may see of all conflicts."""
        return await self._store.reading(
            lambda db: [_conflict_envelope(row) for row in db.execute(CONFLICT_ENVELOPES, (after, state, limit))]
        )

    async def operation_envelope(self, operation_id: str) -> Envelope | None:
        """What an operator may see of one operation."""
        return await self._store.reading(lambda db: _one(db, OPERATION_ENVELOPE, operation_id, _operation_envelope))

    async def conflict_envelope(self, conflict_id: str) -> Envelope | None:
        """What an operator may see of one conflict."""
        return await self._store.reading(lambda db: _one(db, CONFLICT_ENVELOPE, conflict_id, _conflict_envelope))


def _one(db: sqlite3.Connection, query: str, key: str, of: Callable[[Sequence[object]], V]) -> V | None:
    row = db.execute(query, (key,)).fetchone()
    return None if row is None else of(row)


def _operation_envelope(row: Sequence[object]) -> Envelope:
    operation_id, agency, state, revision = row
    return Envelope(str(operation_id), (str(agency),), str(state), (int(str(revision)),))


def _conflict_envelope(row: Sequence[object]) -> Envelope:
    conflict_id, one, two, is_open, *revisions = row
    state = "open" if is_open else "closed"
    return Envelope(str(conflict_id), (str(one), str(two)), state, tuple(int(str(each)) for each in revisions))


# --- operations -------------------------------------------------------------------------------------------------------


def _operation_views(sight: _Sight, ids: Iterable[str]) -> Mapping[str, OperationView]:
    heard = sight.heard(OPERATION, ids)
    found = {about: operation_view(sight.viewer, some) for about, some in heard.items()}
    return {about: view for about, view in found.items() if view is not None}


def _operation_page(sight: _Sight, sought: Sought, after: str, limit: int) -> OperationPage:
    """Find candidates coarsely in SQL, look at them exactly, until the page and one more are full."""
    db, viewer = sight.db, sight.viewer
    statement = _statement(db, viewer, sought)
    last = _last_examined(db, viewer, after) if statement == IN_ORDER and sought != Sought() else None
    found: list[OperationView] = []
    room = limit + 1
    for _ in range(ROUNDS):
        ids = [each for (each,) in db.execute(statement, _coarse(viewer, sought, after, room, last))]
        views = _operation_views(sight, ids)
        found += _exactly([views[each] for each in ids if each in views], sought)
        if len(found) > limit:
            return OperationPage(tuple(found[:limit]), found[limit - 1].operation_id)
        if len(ids) < room:
            return OperationPage(tuple(found), last)
        after = ids[-1]
    return OperationPage(tuple(found), after)


def _last_examined(db: sqlite3.Connection, viewer: str, after: str) -> str | None:
    """The last row that a page looks at; None when there are fewer."""
    row = db.execute(LAST_EXAMINED, (viewer, after)).fetchone()
    return None if row is None else str(row[0])


def _statement(db: sqlite3.Connection, viewer: str, sought: Sought) -> str:
    """By an index where it finds little enough to sort, else in the order of the ids."""
    if sought.begin is not None:
        (many,) = db.execute(HOW_MANY_BY_END, _coarse(viewer, sought, "", 0, None)[:4]).fetchone()
        if many < CLOSE:
            return BY_END
    if sought.state is not None:
        (many,) = db.execute(HOW_MANY_BY_STATE, (viewer, sought.state)).fetchone()
        if many < CLOSE:
            return BY_STATE
    return IN_ORDER


def _coarse(viewer: str, sought: Sought, after: str, room: int, last: str | None) -> Sequence[object]:
    box = sought.box
    window = (to_us(each) if each is not None else None for each in (sought.begin, sought.finish))
    ground = (box.west, box.east, box.south, box.north) if box is not None else (None,) * 4
    return (viewer, after, *window, *ground, sought.agency, sought.state, room, last)


def _exactly(views: Sequence[OperationView], sought: Sought) -> list[OperationView]:
    found = [
        view
        for view in views
        if sought.in_window(view) and sought.agency in (None, view.agency) and sought.state in (None, view.state.value)
    ]
    return _on_ground(found, sought, lambda view: view.shape)


def _on_ground(views: Sequence[V], sought: Sought, ground: Callable[[V], Shape | None]) -> list[V]:
    """Those whose ground touches the box, exactly."""
    if sought.box is None or not views:
        return list(views)
    asked = Shape(shapely.box(sought.box.west, sought.box.south, sought.box.east, sought.box.north))
    placed = [(view, shape) for view, shape in ((each, ground(each)) for each in views) if shape is not None]
    if not placed:
        return []
    touching = all_within([(asked, shape) for _, shape in placed], [0.0] * len(placed))
    return [view for (view, _), distance in zip(placed, touching, strict=True) if distance is not None]


# --- conflicts --------------------------------------------------------------------------------------------------------


def _conflict_views(sight: _Sight, ids: Collection[str]) -> Mapping[str, ConflictView]:
    heard = sight.heard(CONFLICT, ids)
    own = _operation_views(sight, sorted({each for some in heard.values() for each in operations_of(some)}))
    found = {about: conflict_view(sight.viewer, some, own) for about, some in heard.items()}
    return {about: view for about, view in found.items() if view is not None}


def _conflict_page(sight: _Sight, sought: Sought, after: str, limit: int) -> ConflictPage:
    found: list[ConflictView] = []
    for _ in range(0, EXAMINED_CONFLICTS, ROUND):
        ids = [each for (each,) in sight.db.execute(CONFLICTS, (sight.viewer, CONFLICT, after, ROUND))]
        views = _conflict_views(sight, ids)
        found += _sides_exactly([views[each] for each in ids if each in views], sought)
        if len(found) > limit:
            return ConflictPage(tuple(found[:limit]), found[limit - 1].conflict_id)
        if len(ids) < ROUND:
            return ConflictPage(tuple(found), None)
        after = ids[-1]
    return ConflictPage(tuple(found), after)


def _sides_exactly(views: Sequence[ConflictView], sought: Sought) -> list[ConflictView]:
    """Window and ground are those of the viewer's own operation: it learns nothing of the other one's."""
    return [
        view
        for view in views
        if sought.state in (None, "open" if view.open else "closed")
        and any(
            sought.agency in (None, side.pointer.other.agency)
            and sought.in_window(side.operation)
            and (
                sought.box is None
                or _on_ground([side.operation], sought, lambda each: each.shape if each is not None else None)
            )
            for side in view.sides
        )
    ]
