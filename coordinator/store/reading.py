"""What a transaction reads under the lock, and what a survey reads from a snapshot; one statement per kind."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

import orjson

from coordinator.model.parties import PartyState
from coordinator.model.plan import Ask, Dispute, Head, Known, Target
from coordinator.model.policy import PartyWord, Policy
from coordinator.model.volume import Conflict, Pair, Registered, Volume
from coordinator.model.work import Claim, ClaimKey, Verdict
from coordinator.store.enquiring import enquired_of, sent_of
from coordinator.store.rows import (
    CONFLICT_COLUMNS,
    OPERATION_COLUMNS,
    agreement_word_of,
    conflict_of,
    credential_word_of,
    operation_of,
)

HEAD = "SELECT position, message, dispatch, policy_version FROM head"
HEAD_AND_FEEDS = """
SELECT position, message, dispatch, policy_version, (SELECT json_group_object(agency, last) FROM feeds) FROM head
"""
CLAIMS = """
SELECT c.agency, c.id, c.digest, c.position, c.entry, c.verdict, c.receipt, m.body
FROM json_each(?) AS asked
CROSS JOIN claims AS c ON c.agency = asked.value ->> 0 AND c.id = asked.value ->> 1
LEFT JOIN dispatches AS d ON d.id = c.receipt
LEFT JOIN messages AS m ON m.key = d.message
"""
OPERATIONS = f"SELECT {OPERATION_COLUMNS} FROM operations WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608  # columns are a constant
CHANGED = f"SELECT {OPERATION_COLUMNS} FROM operations WHERE position >= ?"  # noqa: S608  # columns are a constant
AUTHORISED = f"SELECT {OPERATION_COLUMNS} FROM operations WHERE authority IS NOT NULL AND live"  # noqa: S608  # columns are a constant
TOLD = "SELECT operation, agency FROM told WHERE operation IN (SELECT value FROM json_each(?))"
CONFLICTS = f"""
SELECT {CONFLICT_COLUMNS} FROM conflicts WHERE first IN (SELECT value FROM json_each(?1))
UNION SELECT {CONFLICT_COLUMNS} FROM conflicts WHERE second IN (SELECT value FROM json_each(?1))
"""  # noqa: S608  # columns are a constant
DISPUTES = f"""
SELECT {", ".join(f"c.{column}" for column in CONFLICT_COLUMNS.split(", "))}, one.agency, two.agency, one.status
FROM json_each(?) AS asked
CROSS JOIN conflicts AS c ON c.id = asked.value
CROSS JOIN operations AS one ON one.id = c.first
CROSS JOIN operations AS two ON two.id = c.second
"""  # noqa: S608  # columns are a constant
REACHED = """
SELECT DISTINCT asked.value ->> 0, asked.value ->> 1, asked.value ->> 2
FROM json_each(?) AS asked
CROSS JOIN messages AS m ON m.agency = asked.value ->> 0 AND m.id = asked.value ->> 1
CROSS JOIN dispatches AS d ON d.message = m.key AND d.recipient = asked.value ->> 2
"""
OWED = """
SELECT key FROM dispatches
WHERE key IN (SELECT value FROM json_each(?)) AND state IN ('owed', 'parked') AND NOT replaced
"""
AGREEMENT_WORDS = """
SELECT agreement_id, agency, terms, state FROM agreement_words AS w
WHERE position = (SELECT max(position) FROM agreement_words
                  WHERE agreement_id = w.agreement_id AND agency = w.agency)
ORDER BY position
"""
CREDENTIAL_WORDS = """
SELECT agreement_id, officer_id, agency, state, functions, from_us, to_us FROM credential_words AS w
WHERE position = (SELECT max(position) FROM credential_words
                  WHERE agreement_id = w.agreement_id AND officer_id = w.officer_id AND agency = w.agency)
ORDER BY position
"""
PARTY_WORDS = """
SELECT party, account, key_id, state FROM party_words AS w
WHERE position = (SELECT max(position) FROM party_words
                  WHERE party = w.party AND account IS w.account AND key_id IS w.key_id)
ORDER BY position
"""


def read_head(db: sqlite3.Connection) -> Head:
    """The next number of each kind."""
    return Head(*db.execute(HEAD).fetchone())


def read_policy(db: sqlite3.Connection, lead: str) -> Policy:
    """The last word of every side on every agreement and credential, and of the lead on every party."""
    version = read_head(db).policy_version
    agreements = tuple(agreement_word_of(row) for row in db.execute(AGREEMENT_WORDS))
    credentials = tuple(credential_word_of(row) for row in db.execute(CREDENTIAL_WORDS))
    parties = tuple(
        PartyWord(party, account, key_id, PartyState(state))
        for party, account, key_id, state in db.execute(PARTY_WORDS)
    )
    return Policy(version, lead, agreements, credentials, parties)


def read_known(db: sqlite3.Connection, ask: Ask, lead: str) -> Known:
    """Begin a writing transaction, which locks the head, and answer."""
    db.execute("BEGIN IMMEDIATE")
    *numbers, feeds = db.execute(HEAD_AND_FEEDS).fetchone()
    head = Head(*numbers)
    operations = _operations(db, ask.operations)
    # Who is not registered was never told of, and is in no conflict: of new operations nothing more is asked.
    conflicts = _conflicts(db, list(operations))
    others = {pair.other(each) for pair in conflicts for each in (pair.first, pair.second) if each in operations}
    return Known(
        head=head,
        feeds=orjson.loads(feeds),
        claims=_claims(db, ask.claims),
        operations=operations,
        told=_told(db, list(operations)),
        conflicts=conflicts,
        counterparts={key: found.volume for key, found in _operations(db, sorted(others)).items()},
        disputes=_disputes(db, ask.disputes),
        changed=_changed(db, ask.since, head),
        reached=_reached(db, ask.targets),
        sent=sent_of(db, ask.sent),
        enquired=enquired_of(db, ask.enquiries),
        policy=read_policy(db, lead) if head.policy_version != ask.policy_version else None,
        authorised=tuple(operation_of(row) for row in db.execute(AUTHORISED)) if ask.authorised else (),
        owed=frozenset(key for (key,) in db.execute(OWED, (_json(ask.dispatches),))) if ask.dispatches else frozenset(),
    )


def _json(values: Iterable[object]) -> str:
    return orjson.dumps(list(values)).decode()


def _claims(db: sqlite3.Connection, asked: Sequence[ClaimKey]) -> Mapping[ClaimKey, Claim]:
    if not asked:
        return {}
    claims = {}
    rows = db.execute(CLAIMS, (_json((key.agency, key.id) for key in asked),))
    for agency, claim_id, digest, position, entry, verdict, receipt, body in rows:
        key = ClaimKey(agency, claim_id)
        claims[key] = Claim(key, digest, position, entry, Verdict(verdict), receipt, body or b"")
    return claims


def _by_id(rows: Iterable[Sequence[object]]) -> Mapping[str, Registered]:
    found = (operation_of(row) for row in rows)
    return {each.volume.operation_id: each for each in found}


def _operations(db: sqlite3.Connection, asked: Sequence[str]) -> Mapping[str, Registered]:
    return _by_id(db.execute(OPERATIONS, (_json(asked),))) if asked else {}


def _changed(db: sqlite3.Connection, since: int | None, head: Head) -> Mapping[str, Registered]:
    return {} if since is None or since >= head.position else _by_id(db.execute(CHANGED, (since,)))


def _told(db: sqlite3.Connection, asked: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    told: dict[str, tuple[str, ...]] = {}
    if asked:
        for operation, agency in db.execute(TOLD, (_json(asked),)):
            told[operation] = (*told.get(operation, ()), agency)
    return told


def _conflicts(db: sqlite3.Connection, asked: Sequence[str]) -> Mapping[Pair, Conflict]:
    if not asked:
        return {}
    found = (conflict_of(row) for row in db.execute(CONFLICTS, (_json(asked),)))
    return {conflict.pair: conflict for conflict in found}


def _disputes(db: sqlite3.Connection, asked: Sequence[str]) -> Mapping[str, Dispute]:
    if not asked:
        return {}
    rows = db.execute(DISPUTES, (_json(asked),))
    found = (Dispute(conflict_of(row), (one, two), status) for *row, one, two, status in rows)
    return {each.conflict.id: each for each in found}


def _reached(db: sqlite3.Connection, asked: Sequence[Target]) -> frozenset[Target]:
    if not asked:
        return frozenset()
    rows = db.execute(REACHED, (_json((each.agency, each.id, each.recipient) for each in asked),))
    return frozenset(Target(*row) for row in rows)


def volumes_of(db: sqlite3.Connection, numbers: Sequence[int]) -> Mapping[int, Volume]:
    """Read operations by their row numbers."""
    rows = db.execute(
        f"SELECT n, {OPERATION_COLUMNS} FROM operations WHERE n IN (SELECT value FROM json_each(?))",  # noqa: S608  # columns are a constant
        (_json(numbers),),
    )
    return {row[0]: operation_of(row[1:]).volume for row in rows}
