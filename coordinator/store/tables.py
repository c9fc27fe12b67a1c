"""The tables, defined once; both stores and all migrations are held against them."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from coordinator.store.metadata import Number, metadata
from coordinator.store.words import WORDS

__all__ = ["EFFECTS", "metadata"]


def _entry(name: str = "position") -> "Column[int]":
    """The journal entry that a row is an effect of; a trigger refuses one older than the head."""
    return Column(name, Number, ForeignKey("leaves.position"), nullable=False)


head = Table(
    "head",
    metadata,
    Column("one", Integer, primary_key=True),
    Column("position", Number, nullable=False),
    Column("message", Number, nullable=False),
    Column("dispatch", Number, nullable=False),
    Column("policy_version", Number, nullable=False),
    CheckConstraint("one = 1", name="head_is_one_row"),
)

leaves = Table(
    "leaves",
    metadata,
    Column("position", Number, primary_key=True, autoincrement=False),
    Column("entry", Text, nullable=False, unique=True),
    Column("leaf", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("action", Text, nullable=False),
    Column("agency", Text, nullable=False),
    Column("t", Text, nullable=False),
)

details = Table(
    "details",
    metadata,
    Column("position", Number, ForeignKey("leaves.position"), primary_key=True, autoincrement=False),
    Column("salt", LargeBinary, nullable=False),
    Column("detail", LargeBinary),
    Column("key_id", Text),
    Column("ciphertext", LargeBinary),
)

claims = Table(
    "claims",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    _entry(),
    Column("entry", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("receipt", Text, nullable=False),
    sqlite_with_rowid=False,
)

messages = Table(
    "messages",
    metadata,
    Column("key", Number, primary_key=True, autoincrement=False),
    Column("agency", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("jws", Text),
    Column("correlation", Text),
    _entry(),
    UniqueConstraint("agency", "id", name="messages_by_id"),
)

dispatches = Table(
    "dispatches",
    metadata,
    Column("key", Number, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("recipient", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("sequence", Number, nullable=False),
    Column("message", Number, ForeignKey("messages.key"), nullable=False),
    _entry(),
    Column("agreement", Text),
    Column("recorded", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="owed"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_ms", Number, nullable=False, server_default="0"),
    Column("replaced", Boolean, nullable=False, server_default=text("0")),
    UniqueConstraint("recipient", "sequence", name="dispatches_by_sequence"),
)
Index(
    "dispatches_owed",
    dispatches.c.recipient,
    dispatches.c.lane,
    dispatches.c.sequence,
    sqlite_where=dispatches.c.state == text("'owed'"),
    postgresql_where=dispatches.c.state == text("'owed'"),
)
Index(
    "dispatches_again",
    dispatches.c.recipient,
    dispatches.c.lane,
    dispatches.c.sequence,
    sqlite_where=text("state = 'owed' AND attempts > 0"),
    postgresql_where=text("state = 'owed' AND attempts > 0"),
)
Index(
    "dispatches_parked",
    dispatches.c.recipient,
    sqlite_where=text("state = 'parked'"),
    postgresql_where=text("state = 'parked'"),
)
Index("dispatches_by_message", dispatches.c.message)

feeds = Table(
    "feeds",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("last", Number, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("lane", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until_ms", Number, nullable=False),
    Column("fence", Number, nullable=False),
)

operations = Table(
    "operations",
    metadata,
    Column("n", Number, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("agency", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("event_type", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("start_us", Number, nullable=False),
    Column("end_us", Number, nullable=False),
    Column("core", LargeBinary, nullable=False),
    Column("reach_m", Float, nullable=False),
    Column("card", Text, nullable=False),
    Column("authority", Text),
    _entry(),
)
Index("operations_by_position", operations.c.position)
Index(
    "operations_with_authority",
    operations.c.id,
    sqlite_where=operations.c.authority.is_not(None),
    postgresql_where=operations.c.authority.is_not(None),
)

boxes = Table(
    "boxes",
    metadata,
    Column("box", Number, primary_key=True),
    Column("operation", Number, ForeignKey("operations.n"), nullable=False, index=True),
)
"""On SQLite the boxes themselves are in the R*Tree `spacetime`, under the same number."""

told = Table(
    "told",
    metadata,
    Column("operation", Text, primary_key=True),
    Column("agency", Text, primary_key=True),
    sqlite_with_rowid=False,
)

heard = Table(
    "heard",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("kind", Integer, primary_key=True),
    Column("about", Text, primary_key=True),
    Column("message", Number, ForeignKey("messages.key"), primary_key=True),
    sqlite_with_rowid=False,
)
"""Each message about an operation (kind 1) or a conflict (kind 2) that an agency sent itself or is sent."""

sights = Table(
    "sights",
    metadata,
    Column("agency", Text, primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("start_us", Number),
    Column("end_us", Number),
    Column("west", Float),
    Column("south", Float),
    Column("east", Float),
    Column("north", Float),
    sqlite_with_rowid=False,
)
"""Each operation that an agency knows of, as far as it knows it: what lists are filtered by."""
Index("sights_by_end", sights.c.agency, sights.c.end_us, sights.c.start_us)
Index("sights_by_state", sights.c.agency, sights.c.state)

conflicts = Table(
    "conflicts",
    metadata,
    Column("first", Text, primary_key=True),
    Column("second", Text, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("open", Boolean, nullable=False),
    Column("rule", Text, nullable=False),
    Column("rule_version", Text, nullable=False),
    Column("distance_m", Float, nullable=False),
    Column("gap_s", Integer, nullable=False),
    Column("band", Text, nullable=False),
    Column("act_by_us", Number, nullable=False),
    Column("first_revision", Integer, nullable=False),
    Column("second_revision", Integer, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("closed_because", Text),
)
Index("conflicts_by_second", conflicts.c.second)
Index(
    "conflicts_open",
    conflicts.c.first,
    sqlite_where=text("open"),
    postgresql_where=text("open"),
)

agreement_words = Table(
    "agreement_words",
    metadata,
    Column("agreement_id", Text, primary_key=True),
    Column("agency", Text, primary_key=True),
    Column("position", Number, ForeignKey("leaves.position"), primary_key=True),
    Column("terms", Text, nullable=False),
    Column("state", Text, nullable=False),
)
"""Every word that was ever said, so that what was in force on a day can be told; the last one counts."""

credential_words = Table(
    "credential_words",
    metadata,
    Column("agreement_id", Text, primary_key=True),
    Column("officer_id", Text, primary_key=True),
    Column("agency", Text, primary_key=True),
    Column("position", Number, ForeignKey("leaves.position"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("functions", Text, nullable=False),
    Column("from_us", Number, nullable=False),
    Column("to_us", Number, nullable=False),
)

acknowledgements = Table(
    "acknowledgements",
    metadata,
    Column("position", Number, ForeignKey("leaves.position"), primary_key=True, autoincrement=False),
    Column("agency", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("officer_id", Text),
)
Index("acknowledgements_by_target", acknowledgements.c.agency, acknowledgements.c.id)

dead = Table(
    "dead",
    metadata,
    Column("id", Text, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("agency", Text),
    Column("account", Text),
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received_us", Number, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("state", Text, nullable=False),
)
Index(
    "dead_waiting",
    dead.c.id,
    sqlite_where=text("state = 'waiting'"),
    postgresql_where=text("state = 'waiting'"),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("size", Number, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", LargeBinary, nullable=False),
    Column("t", Text, nullable=False),
)

tiles = Table(
    "tiles",
    metadata,
    Column("level", Integer, primary_key=True),
    Column("n", Number, primary_key=True),
    Column("hashes", LargeBinary, nullable=False),
)

facts = Table(
    "facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""What the installation remembers of itself, such as the digest of the directory at the last start."""

revoked_tokens = Table(
    "revoked_tokens",
    metadata,
    Column("jti", Text, primary_key=True),
    Column("revoked_us", Number, nullable=False),
    Column("expires_us", Number, nullable=False),
    sqlite_with_rowid=False,
)
"""Tokens of the HTTP door that no longer count; a row may go once its token has ended by itself."""
Index("revoked_tokens_by_end", revoked_tokens.c.expires_us)

EFFECTS = (
    *("claims", "messages", "dispatches", "operations", "agreement_words", "credential_words", "acknowledgements"),
    *(table.name for table in WORDS),
)
"""Tables whose rows cite the entry that made them."""
