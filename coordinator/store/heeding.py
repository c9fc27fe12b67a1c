"""Writes, with each plan, what every agency thereby knows of operations and conflicts: what queries are answered from.

`heard` names each message about an operation or a conflict that an agency sent itself or is sent; what was withdrawn
since is left out when it is read. `sights` has a row for each operation that an agency knows of, with what lists are
filtered by. Nothing here depends on what the agency does not know, so neither does an answer, nor the time it takes.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime

import orjson

from coordinator.model.base import COORDINATOR
from coordinator.model.messages import type_of
from coordinator.model.operations import OperationNotice, OperationUpdate
from coordinator.model.plan import MessageRow, Plan
from coordinator.model.recorded import ConflictWord
from coordinator.model.views import CONFLICT_TYPES
from coordinator.model.volume import OperationState, Registered
from coordinator.store.inserting import Insert, insert
from coordinator.store.rows import US_PER_HOUR, to_us

OPERATION, CONFLICT = 1, 2
"""Kinds of what is heard of."""
LONGEST_US = 32 * 24 * US_PER_HOUR
"""No ordinary window is longer (`domain.md`: 31 days); what is, stands among those that never end."""
FOREVER_US = 1 << 62
HEARD = Insert("heard", "agency, kind, about, message", "ON CONFLICT DO NOTHING")
SIGHTS = Insert(
    "sights",
    "agency, operation, owner, state, start_us, end_us, west, south, east, north",
    """
    ON CONFLICT (agency, operation) DO UPDATE SET
        start_us = coalesce(excluded.start_us, start_us), end_us = coalesce(excluded.end_us, end_us),
        west = coalesce(excluded.west, west), south = coalesce(excluded.south, south),
        east = coalesce(excluded.east, east), north = coalesce(excluded.north, north),
        state = CASE WHEN state = '' OR (excluded.start_us IS NOT NULL AND excluded.agency <> excluded.owner)
                     THEN state ELSE excluded.state END
    """,
)
"""A plan says nothing to others of how far the operation is; an empty state is one to be looked up."""
VAGUE = f"""
UPDATE sights SET state = '', start_us = {-FOREVER_US}, end_us = {FOREVER_US},
                  west = -180, south = -90, east = 180, north = 90
WHERE (agency, operation) IN (
    SELECT d.recipient, json_extract(CAST(m.body AS TEXT), '$.data.operation_id')
    FROM json_each(?) AS asked
    CROSS JOIN dispatches AS d ON d.key = asked.value AND NOT d.replaced
    CROSS JOIN messages AS m ON m.key = d.message AND m.type LIKE 'gov.mo.coordination.operation.%'
)
"""  # noqa: S608  # constants
"""Before a content is withdrawn: from then on its operation passes every coarse filter, and is looked at closely."""
BEGUN = frozenset({OperationState.EXECUTING, OperationState.CLEAR})
"""Of these the window is not the one of the plan."""
_PLANS = frozenset({type_of(OperationNotice), type_of(OperationUpdate)})
_NOWHERE = (None,) * 6

Row = tuple[object, ...]


def heed(db: sqlite3.Connection, plan: Plan) -> None:
    """Write what the plan's messages tell whom; runs after messages and dispatches are written, in few statements."""
    if plan.replaced:
        db.execute(VAGUE, (orjson.dumps([key for key, _ in plan.replaced]).decode(),))
    spoken = {
        row.position: row.conflict for row in plan.recorded.get(ConflictWord, ()) if isinstance(row, ConflictWord)
    }
    if not plan.operations and not plan.conflicts and not spoken:
        return
    recipients: dict[int, list[str]] = {}
    for dispatch in plan.dispatches:
        recipients.setdefault(dispatch.message, []).append(dispatch.recipient)
    changed = {row.position: row.registered for row in plan.operations}
    heard: list[Row] = []
    sights: list[Row] = []
    for message in plan.messages:
        told = recipients.get(message.key, ())
        if message.agency != COORDINATOR and message.position in changed:
            registered = changed[message.position]
            operation = registered.volume.operation_id
            heard += [(agency, OPERATION, operation, message.key) for agency in (message.agency, *told)]
            sights += _sights(message, registered, told)
        elif message.agency != COORDINATOR and message.position in spoken:
            conflict = spoken[message.position]
            heard += [(agency, CONFLICT, conflict, message.key) for agency in (message.agency, *told)]
        elif message.type in CONFLICT_TYPES:
            heard += [(agency, CONFLICT, message.correlation, message.key) for agency in told]
    insert(db, HEARD, heard)
    insert(db, SIGHTS, sights)


def _sights(message: MessageRow, after: Registered, told: Sequence[str]) -> Iterator[Row]:
    volume, owner = after.volume, message.agency
    ground = volume.shape.around
    window = _coarse(to_us(volume.start), to_us(volume.end))
    yield (owner, volume.operation_id, owner, after.state.value, *window, *ground)
    if not told:
        return
    if message.type not in _PLANS:
        place: Row = _NOWHERE
        state = after.state
    else:
        planned = _planned(message.body) if after.state in BEGUN else window
        place, state = (*planned, *ground), OperationState.PLANNED
    for agency in told:
        yield (agency, volume.operation_id, owner, state.value, *place)


def _planned(body: bytes) -> tuple[int, int]:
    """The window as the plan says it; that it has begun earlier is for those who were sent the report."""
    data = orjson.loads(body)["data"]
    return _coarse(to_us(datetime.fromisoformat(data["start"])), to_us(datetime.fromisoformat(data["end"])))


def _coarse(start_us: int, end_us: int) -> tuple[int, int]:
    return (start_us, end_us) if end_us - start_us <= LONGEST_US else (start_us, FOREVER_US)
