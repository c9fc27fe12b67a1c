"""Writes one plan: entries before their effects, the head last, few statements per kind."""

import sqlite3
from collections.abc import Mapping, Sequence

import orjson

from coordinator.model import recorded
from coordinator.model.plan import OperationRow, Plan
from coordinator.model.work import Fate, Settlement
from coordinator.store import tokens
from coordinator.store.heeding import heed
from coordinator.store.inserting import Insert, insert
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

LEAVES = Insert("leaves", "position, entry, leaf, hash, action, agency, t")
DETAILS = Insert("details", "position, salt, detail")
CLAIMS = Insert("claims", "agency, id, digest, position, entry, verdict, receipt")
MESSAGES = Insert("messages", "key, agency, id, source, type, body, position, jws, correlation")
DISPATCHES = Insert("dispatches", "key, id, recipient, lane, sequence, message, position, agreement, recorded")
FEEDS = Insert("feeds", "agency, last", "ON CONFLICT (agency) DO UPDATE SET last = excluded.last")
OPERATIONS = Insert(
    "operations",
    OPERATION_COLUMNS,
    """
    ON CONFLICT (id) DO UPDATE SET
        revision = excluded.revision, event_type = excluded.event_type, state = excluded.state, live = excluded.live,
        start_us = excluded.start_us, end_us = excluded.end_us, core = excluded.core, reach_m = excluded.reach_m,
        card = excluded.card, authority = excluded.authority, position = excluded.position
    """,
)
TOLD = Insert("told", "operation, agency", "ON CONFLICT DO NOTHING")
CONFLICTS = Insert(
    "conflicts",
    CONFLICT_COLUMNS,
    """
    ON CONFLICT (first, second) DO UPDATE SET
        open = excluded.open, rule = excluded.rule, rule_version = excluded.rule_version,
        distance_m = excluded.distance_m, gap_s = excluded.gap_s, band = excluded.band, act_by_us = excluded.act_by_us,
        first_revision = excluded.first_revision, second_revision = excluded.second_revision,
        episode = excluded.episode, closed_because = excluded.closed_because
    """,
)
AGREEMENT_WORDS = Insert("agreement_words", "agreement_id, agency, position, terms, state")
CREDENTIAL_WORDS = Insert(
    "credential_words", "agreement_id, officer_id, agency, position, state, functions, from_us, to_us"
)
ACKNOWLEDGEMENTS = Insert("acknowledgements", "agency, id, recipient, level, officer_id, position")
TABLES: Mapping[type[recorded.Row], str] = {
    recorded.ConflictWord: "conflict_words",
    recorded.Token: "subject_tokens",
    recorded.Question: "questions",
    recorded.Waiver: "waivers",
    recorded.Dissemination: "disseminations",
    recorded.Recall: "recalls",
    recorded.RecordWord: "record_words",
    recorded.Party: "party_words",
    recorded.Complaint: "complaints",
}
RECORDED = {kind: Insert(table, ", ".join(kind._fields)) for kind, table in TABLES.items()}
DEAD = Insert("dead", DEAD_COLUMNS, "ON CONFLICT DO NOTHING")
CONFIRMED = "UPDATE dispatches SET state = 'confirmed' WHERE key IN (SELECT value FROM json_each(?))"
TROUBLED = "UPDATE dispatches SET state = ?, attempts = ?, due_ms = ? WHERE key = ? AND state = 'owed'"
REPLACED = "UPDATE dispatches SET message = ?, agreement = NULL, replaced = 1 WHERE key = ? AND replaced = 0"
OWED_AGAIN = """
UPDATE dispatches SET state = 'owed', attempts = max(attempts, 1), due_ms = 0
WHERE id IN (SELECT value FROM json_each(?))
"""
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
    insert(db, TOLD, plan.told)
    insert(db, CONFLICTS, [conflict_row(conflict) for conflict in plan.conflicts])
    _words(db, plan)
    heed(db, plan)
    if plan.settlements:
        _settle(db, plan.settlements)
    _deliver_again(db, plan)
    _dead(db, plan)
    for each in plan.revoked:
        tokens.revoke(db, each)
    head = plan.head
    db.execute(HEAD, (head.position, head.message, head.dispatch, head.policy_version))
    db.execute("COMMIT")


def _journal(db: sqlite3.Connection, plan: Plan) -> None:
    insert(
        db,
        LEAVES,
        [(row.position, row.entry, row.leaf, row.hash, row.action, row.agency, row.t) for row in plan.leaves],
    )
    insert(db, DETAILS, [(row.position, row.salt, row.detail) for row in plan.leaves if row.salt is not None])


def _deliveries(db: sqlite3.Connection, plan: Plan) -> None:
    insert(
        db,
        CLAIMS,
        [
            (row.key.agency, row.key.id, row.digest, row.position, row.entry, row.verdict.value, row.receipt)
            for row in plan.claims
        ],
    )
    insert(
        db,
        MESSAGES,
        [
            (row.key, row.agency, row.id, row.source, row.type, row.body, row.position, row.jws, row.correlation)
            for row in plan.messages
        ],
    )
    insert(
        db,
        DISPATCHES,
        [
            (
                row.key, row.id, row.recipient, row.lane.value, row.sequence, row.message, row.position, row.agreement,
                row.recorded,
            )
            for row in plan.dispatches
        ],
    )  # fmt: skip  # the columns in their order
    insert(db, FEEDS, list(plan.feeds.items()))


def _operations(db: sqlite3.Connection, rows: Sequence[OperationRow]) -> None:
    insert(db, OPERATIONS, [operation_row(row.registered, row.position) for row in rows])
    place(
        db,
        [row.registered.volume for row in rows if row.moved and row.registered.live],
        [row.registered.volume.operation_id for row in rows if not row.registered.live],
    )


def _words(db: sqlite3.Connection, plan: Plan) -> None:
    insert(db, AGREEMENT_WORDS, [agreement_word_row(word, at) for word, at in plan.agreement_words])
    insert(db, CREDENTIAL_WORDS, [credential_word_row(word, at) for word, at in plan.credential_words])
    insert(
        db,
        ACKNOWLEDGEMENTS,
        [
            (row.target.agency, row.target.id, row.target.recipient, row.level, row.officer_id, row.position)
            for row in plan.acknowledgements
        ],
    )
    for kind, rows in plan.recorded.items():
        insert(db, RECORDED[kind], rows)


def _settle(db: sqlite3.Connection, settlements: Sequence[Settlement]) -> None:
    confirmed = [each.key for each in settlements if each.fate is Fate.CONFIRMED]
    if confirmed:
        db.execute(CONFIRMED, (orjson.dumps(confirmed).decode(),))
    if len(confirmed) < len(settlements):
        db.executemany(
            TROUBLED,
            [
                ("parked" if each.park else "owed", each.attempts, each.due_ms, each.key)
                for each in settlements
                if each.fate is not Fate.CONFIRMED
            ],
        )


def _deliver_again(db: sqlite3.Connection, plan: Plan) -> None:
    if plan.replaced:
        db.executemany(REPLACED, [(message, key) for key, message in plan.replaced])
    if plan.owed_again:
        db.execute(OWED_AGAIN, (orjson.dumps(plan.owed_again).decode(),))
    if plan.released:
        db.execute(RELEASED, (orjson.dumps(plan.released).decode(),))


def _dead(db: sqlite3.Connection, plan: Plan) -> None:
    insert(db, DEAD, [dead_row(dead) for dead in plan.dead])
    if plan.revived:
        db.execute(REVIVED, (orjson.dumps(plan.revived).decode(),))
