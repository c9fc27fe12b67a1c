"""What the lock shows of messages that are referred to, and of others where somebody asks; rarely, so set apart."""

import sqlite3
from collections.abc import Mapping, Sequence

import orjson

from coordinator.model.enquiry import Enquiry
from coordinator.model.plan import Sent
from coordinator.model.work import ClaimKey
from coordinator.store.rows import US_PER_HOUR, to_us

SENT = """
SELECT m.agency, m.id, m.key, m.type, m.body,
    (SELECT json_group_array(DISTINCT d.recipient) FROM dispatches AS d WHERE d.message = m.key),
    EXISTS (SELECT 1 FROM recalls AS r WHERE r.agency = m.agency AND r.id = m.id AND r.word = 'recall')
FROM json_each(?) AS asked
CROSS JOIN messages AS m ON m.agency = asked.value ->> 0 AND m.id = asked.value ->> 1
"""
POSSIBLE = """
SELECT DISTINCT asked.value ->> 0 FROM json_each(?) AS asked
WHERE EXISTS (
    SELECT 1 FROM spacetime AS s
    CROSS JOIN boxes AS b ON b.box = s.box
    CROSS JOIN operations AS o ON o.n = b.operation
    WHERE s.east >= asked.value ->> 3 AND s.west <= asked.value ->> 5
    AND s.north >= asked.value ->> 4 AND s.south <= asked.value ->> 6
    AND s.finish >= asked.value ->> 7 AND s.start <= asked.value ->> 8
    AND o.agency <> asked.value ->> 1 AND o.status = asked.value ->> 2
)
"""
"""The R*Tree holds live operations alone."""


def sent_of(db: sqlite3.Connection, asked: Sequence[ClaimKey]) -> Mapping[ClaimKey, Sent]:
    """What those messages are, and to whom they went."""
    if not asked:
        return {}
    found = {}
    rows = db.execute(SENT, (orjson.dumps([tuple(key) for key in asked]).decode(),))
    for agency, message, key, kind, body, recipients, recalled in rows:
        said = orjson.loads(body)["data"]
        told = tuple(sorted(orjson.loads(recipients)))
        words = said["status"], said["handling"]["regime"]
        found[ClaimKey(agency, message)] = Sent(key, kind, *words, told, bool(recalled))
    return found


def enquired_of(db: sqlite3.Connection, asked: Sequence[Enquiry]) -> Mapping[ClaimKey, tuple[Enquiry, bool]]:
    """For each enquiry, by the message that asks, whether others are there."""
    if not asked:
        return {}
    rows = [
        (
            index, each.agency, each.status.value, box.west, box.south, box.east, box.north,
            to_us(each.start) / US_PER_HOUR, to_us(each.end) / US_PER_HOUR,
        )
        for index, each in enumerate(asked)
        for box in each.boxes
    ]  # fmt: skip  # the columns in their order
    found = {index for (index,) in db.execute(POSSIBLE, (orjson.dumps(rows).decode(),))}
    return {ClaimKey(each.agency, each.id): (each, index in found) for index, each in enumerate(asked)}
