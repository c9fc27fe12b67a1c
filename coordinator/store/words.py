"""The tables of what was said: each row cites the entry that made it, and is never changed (`model/recorded.py`)."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Table, Text

from coordinator.store.metadata import Number, metadata


def _entry() -> "Column[int]":
    """The journal entry that a row is an effect of; a message has one entry, and most have one row."""
    return Column("position", Number, ForeignKey("leaves.position"), primary_key=True, autoincrement=False)


conflict_words = Table(
    "conflict_words",
    metadata,
    Column("conflict", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("agency", Text, nullable=False),
    Column("word", Text, nullable=False),
    Column("officer_id", Text),
    Column("successor", Text),
    Column("decision", Text),
    Column("reason", Text),
    Column("minutes", Number),
    Column("contact_us", Number),
    Column("contact_by", Text),
    Column("contact_method", Text),
    Column("first_revision", Number, nullable=False),
    Column("second_revision", Number, nullable=False),
    _entry(),
)
Index("conflict_words_by_conflict", conflict_words.c.conflict)

subject_tokens = Table(
    "subject_tokens",
    metadata,
    Column("operation", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("token", Text, primary_key=True),
    Column("key_epoch", Number, primary_key=True, autoincrement=False),
    _entry(),
)
Index("subject_tokens_by_token", subject_tokens.c.token, subject_tokens.c.kind, subject_tokens.c.key_epoch)

questions = Table(
    "questions",
    metadata,
    Column("agency", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("officer_id", Text, nullable=False),
    Column("case_reference", Text, nullable=False),
    Column("from_us", Number, nullable=False),
    Column("to_us", Number, nullable=False),
    Column("possible", Boolean, nullable=False),
    _entry(),
)
Index("questions_by_officer", questions.c.agency, questions.c.officer_id)

waivers = Table(
    "waivers",
    metadata,
    Column("operation", Text, nullable=False),
    Column("agency", Text, nullable=False),
    Column("officer_id", Text, nullable=False),
    Column("approved_by", Text, nullable=False),
    Column("due_us", Number, nullable=False),
    Column("reason", Text, nullable=False),
    _entry(),
)
Index("waivers_by_operation", waivers.c.operation)

disseminations = Table(
    "disseminations",
    metadata,
    Column("agency", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("word", Text, nullable=False),
    Column("officer_id", Text, nullable=False),
    Column("share_agency", Text),
    Column("share_id", Text),
    Column("request_agency", Text),
    Column("request_id", Text),
    Column("review_us", Number),
    _entry(),
)
"""To whom it went is said by the deliveries of the same entry."""
Index("disseminations_by_message", disseminations.c.agency, disseminations.c.id)

recalls = Table(
    "recalls",
    metadata,
    Column("agency", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("word", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("officer_id", Text),
    Column("replacement", Text),
    _entry(),
)
Index("recalls_by_target", recalls.c.agency, recalls.c.id)

record_words = Table(
    "record_words",
    metadata,
    Column("kind", Text, nullable=False),
    Column("agency", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("word", Text, nullable=False),
    Column("officer_id", Text, nullable=False),
    Column("until_us", Number),
    Column("reviewed_us", Number),
    Column("reason", Text, nullable=False),
    _entry(),
)
Index("record_words_by_record", record_words.c.kind, record_words.c.agency, record_words.c.id)

party_words = Table(
    "party_words",
    metadata,
    Column("party", Text, nullable=False),
    Column("account", Text),
    Column("key_id", Text),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("officer_id", Text, nullable=False),
    _entry(),
)
"""Every word that DPS ever said of an agency, an account or a key; the last one of each counts."""
Index("party_words_by_party", party_words.c.party, party_words.c.account, party_words.c.key_id)

complaints = Table(
    "complaints",
    metadata,
    Column("complaint", Text, nullable=False),
    Column("agency", Text, nullable=False),
    Column("concerned", Text, nullable=False),
    Column("category", Text, nullable=False),
    _entry(),
)
Index("complaints_by_id", complaints.c.complaint)

WORDS = (
    conflict_words,
    subject_tokens,
    questions,
    waivers,
    disseminations,
    recalls,
    record_words,
    party_words,
    complaints,
)
