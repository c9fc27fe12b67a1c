"""Writes one plan: entries before their effects, the head last, one statement per kind."""

import sqlite3

import orjson

from coordinator.model.plan import OperationRow, Plan
from coordinator.model.work import Fate
from coordinator.store.rows import (
    CONFLICT_COLUMNS,
    DEAD_COLUMNS,
    OPERATION_COLUMNS,
    agreement_word_row,
    conflict_row,
    credential_word_row,
    dead_row,
    operation_row,
)
from coordinator.store.spacetime import place


def _values(count: int) -> str:
    return ", ".join("?" * count)


LEAVES = "INSERT INTO leaves (position, entry, leaf, hash, action, agency, t) VALUES (?, ?, ?, ?, ?, ?, ?)"
DETAILS = "INSERT INTO details (position, salt, detail) VALUES (?, ?, ?)"
CLAIMS = "INSERT INTO claims (agency, id, digest, position, entry, verdict, receipt) VALUES (?, ?, ?, ?, ?, ?, ?)"
MESSAGES = """
INSERT INTO messages (key, agency, id, source, type, body, position, jws, correlation)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
DISPATCHES = """
INSERT INTO dispatches (key, id, recipient, lane, sequence, message, position, agreement, recorded)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
FEEDS = "INSERT INTO feeds (agency, last) VALUES (?, ?) ON CONFLICT (agency) DO UPDATE SET last = excluded.last"
OPERATIONS = f"""
INSERT INTO operations ({OPERATION_COLUMNS}) VALUES ({_values(14)})
ON CONFLICT (id) DO UPDATE SET
    revision = excluded.revision, event_type = excluded.event_type, state = excluded.state, live = excluded.live,
    start_us = excluded.start_us, end_us = excluded.end_us, core = excluded.core, reach_m = excluded.reach_m,
    card = excluded.card, authority = excluded.authority, position = excluded.position
"""  # noqa: S608  # columns are a constant
NUMBERS = "SELECT id, n FROM operations WHERE id IN (SELECT value FROM json_each(?))"
TOLD = "INSERT INTO told (operation, agency) VALUES (?, ?) ON CONFLICT DO NOTHING"
CONFLICTS = f"""
INSERT INTO conflicts ({CONFLICT_COLUMNS}) VALUES ({_values(14)})
ON CONFLICT (first, second) DO UPDATE SET
    open = excluded.open, rule = excluded.rule, rule_version = excluded.rule_version,
    distance_m = excluded.distance_m, gap_s = excluded.gap_s, band = excluded.band, act_by_us = excluded.act_by_us,
    first_revision = excluded.first_revision, second_revision = excluded.second_revision,
    episode = excluded.episode, closed_because = excluded.closed_because
"""  # noqa: S608  # columns are a constant
AGREEMENT_WORDS = "INSERT INTO agreement_words (agreement_id, agency, position, terms, state) VALUES (?, ?, ?, ?, ?)"
CREDENTIAL_WORDS = """
INSERT INTO credential_words (agreement_id, officer_id, agency, position, state, functions, from_us, to_us)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
ACKNOWLEDGEMENTS = """
INSERT INTO acknowledgements (agency, id, recipient, level, officer_id, position) VALUES (?, ?, ?, ?, ?, ?)
"""
CONFIRMED = "UPDATE dispatches SET state = 'confirmed' WHERE key IN (SELECT value FROM json_each(?))"
TROUBLED = "UPDATE dispatches SET state = ?, attempts = ?, due_ms = ? WHERE key = ? AND state = 'owed'"
REPLACED = "UPDATE dispatches SET message = ?, agreement = NULL, replaced = 1 WHERE key = ? AND replaced = 0"
OWED_AGAIN = """
UPDATE dispatches SET state = 'owed', attempts = max(attempts, 1), due_ms = 0
WHERE id IN (SELECT value FROM json_each(?))
"""
DEAD = f"INSERT INTO dead ({DEAD_COLUMNS}) VALUES ({_values(9)}) ON CONFLICT DO NOTHING"  # noqa: S608  # columns are a constant
REVIVED = "UPDATE dead SET state = 'replayed' WHERE id IN (SELECT value FROM json_each(?))"
RELEASED = """
UPDATE dispatches SET state = 'owed', attempts = 1, due_ms = 0
WHERE state = 'parked' AND id IN (SELECT value FROM json_each(?))
"""
HEAD = "UPDATE head SET position = ?, message = ?, dispatch = ?, policy_version = ?"


def write_plan(db: sqlite3.Connection, plan: Plan) -> None:
    """Write everything and commit."""
    _journal(db, plan)
    _deliveries(db, plan)
    if plan.operations:
        _operations(db, plan.operations)
    db.executemany(TOLD, plan.told)
    db.executemany(CONFLICTS, [conflict_row(conflict) for conflict in plan.conflicts])
    _words(db, plan)
    _settle(db, plan)
    _dead(db, plan)
    head = plan.head
    db.execute(HEAD, (head.position, head.message, head.dispatch, head.policy_version))
    db.execute("COMMIT")


def _journal(db: sqlite3.Connection, plan: Plan) -> None:
    db.executemany(
        LEAVES, [(row.position, row.entry, row.leaf, row.hash, row.action, row.agency, row.t) for row in plan.leaves]
    )
    db.executemany(DETAILS, [(row.position, row.salt, row.detail) for row in plan.leaves if row.salt is not None])


def _deliveries(db: sqlite3.Connection, plan: Plan) -> None:
    db.executemany(
        CLAIMS,
        [
            (row.key.agency, row.key.id, row.digest, row.position, row.entry, row.verdict.value, row.receipt)
            for row in plan.claims
        ],
    )
    db.executemany(
        MESSAGES,
        [
            (row.key, row.agency, row.id, row.source, row.type, row.body, row.position, row.jws, row.correlation)
            for row in plan.messages
        ],
    )
    db.executemany(
        DISPATCHES,
        [
            (
                row.key, row.id, row.recipient, row.lane.value, row.sequence, row.message, row.position, row.agreement,
                row.recorded,
            )
            for row in plan.dispatches
        ],
    )  # fmt: skip  # the columns in their order
    db.executemany(FEEDS, list(plan.feeds.items()))


def _operations(db: sqlite3.Connection, rows: list[OperationRow]) -> None:
    db.executemany(OPERATIONS, [operation_row(row.registered, row.position) for row in rows])
    moved = [row.registered for row in rows if row.moved and row.registered.live]
    ended = [row.registered.volume.operation_id for row in rows if not row.registered.live]
    ids = [*(registered.volume.operation_id for registered in moved), *ended]
    numbers = dict(db.execute(NUMBERS, (orjson.dumps(ids).decode(),)).fetchall())
    if ids:
        place(db, numbers, moved, ended)


def _words(db: sqlite3.Connection, plan: Plan) -> None:
    db.executemany(AGREEMENT_WORDS, [agreement_word_row(word, at) for word, at in plan.agreement_words])
    db.executemany(CREDENTIAL_WORDS, [credential_word_row(word, at) for word, at in plan.credential_words])
    db.executemany(
        ACKNOWLEDGEMENTS,
        [
            (row.target.agency, row.target.id, row.target.recipient, row.level, row.officer_id, row.position)
            for row in plan.acknowledgements
        ],
    )


def _settle(db: sqlite3.Connection, plan: Plan) -> None:
    confirmed = [each.key for each in plan.settlements if each.fate is Fate.CONFIRMED]
    if confirmed:
        db.execute(CONFIRMED, (orjson.dumps(confirmed).decode(),))
    db.executemany(
        TROUBLED,
        [
            ("parked" if each.park else "owed", each.attempts, each.due_ms, each.key)
            for each in plan.settlements
            if each.fate is not Fate.CONFIRMED
        ],
    )
    db.executemany(REPLACED, [(message, key) for key, message in plan.replaced])
    if plan.owed_again:
        db.execute(OWED_AGAIN, (orjson.dumps(plan.owed_again).decode(),))
    if plan.released:
        db.execute(RELEASED, (orjson.dumps(plan.released).decode(),))


def _dead(db: sqlite3.Connection, plan: Plan) -> None:
    db.executemany(DEAD, [dead_row(dead) for dead in plan.dead])
    if plan.revived:
        db.execute(REVIVED, (orjson.dumps(plan.revived).decode(),))
