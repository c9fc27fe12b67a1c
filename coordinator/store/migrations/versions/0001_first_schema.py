"""First schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
EFFECTS = ("claims", "messages", "dispatches", "operations", "agreement_words", "credential_words", "acknowledgements")


def upgrade() -> None:
    """Make every table, the R*Tree, the guards of the journal, and the head."""
    _journal()
    _messages()
    _deliveries()
    _operations()
    _decisions()
    if op.get_bind().dialect.name == "sqlite":
        _spacetime()
        _guards()
    op.execute("INSERT INTO head (one, position, message, dispatch, policy_version) VALUES (1, 0, 1, 1, 0)")


def _journal() -> None:
    op.create_table(
        "head",
        sa.Column("one", sa.Integer(), nullable=False),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("message", NUMBER, nullable=False),
        sa.Column("dispatch", NUMBER, nullable=False),
        sa.Column("policy_version", NUMBER, nullable=False),
        sa.CheckConstraint("one = 1", name="head_is_one_row"),
        sa.PrimaryKeyConstraint("one"),
    )
    op.create_table(
        "leaves",
        sa.Column("position", NUMBER, autoincrement=False, nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("t", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("entry"),
    )
    op.create_table(
        "details",
        sa.Column("position", NUMBER, autoincrement=False, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("detail", sa.LargeBinary(), nullable=True),
        sa.Column("key_id", sa.Text(), nullable=True),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["position"],
            ["leaves.position"],
        ),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_table(
        "checkpoints",
        sa.Column("size", NUMBER, autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("t", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("size"),
    )
    op.create_table(
        "tiles",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("n", NUMBER, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "n"),
    )
    op.create_table(
        "facts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _messages() -> None:
    op.create_table(
        "claims",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["position"],
            ["leaves.position"],
        ),
        sa.PrimaryKeyConstraint("agency", "id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "messages",
        sa.Column("key", NUMBER, autoincrement=False, nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("jws", sa.Text(), nullable=True),
        sa.Column("correlation", sa.Text(), nullable=True),
        sa.Column("position", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["position"],
            ["leaves.position"],
        ),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("agency", "id", name="messages_by_id"),
    )
    op.create_table(
        "feeds",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("last", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("agency"),
    )


def _deliveries() -> None:
    op.create_table(
        "dispatches",
        sa.Column("key", NUMBER, autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("sequence", NUMBER, nullable=False),
        sa.Column("message", NUMBER, nullable=False),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("agreement", sa.Text(), nullable=True),
        sa.Column("recorded", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="owed", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_ms", NUMBER, server_default="0", nullable=False),
        sa.Column("replaced", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["message"],
            ["messages.key"],
        ),
        sa.ForeignKeyConstraint(
            ["position"],
            ["leaves.position"],
        ),
        sa.PrimaryKeyConstraint("key"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("recipient", "sequence", name="dispatches_by_sequence"),
    )
    op.create_index("dispatches_by_message", "dispatches", ["message"], unique=False)
    op.create_index(
        "dispatches_owed",
        "dispatches",
        ["recipient", "lane", "sequence"],
        unique=False,
        sqlite_where=sa.text("state = 'owed'"),
        postgresql_where=sa.text("state = 'owed'"),
    )
    op.create_index(
        "dispatches_again",
        "dispatches",
        ["recipient", "lane", "sequence"],
        unique=False,
        sqlite_where=sa.text("state = 'owed' AND attempts > 0"),
        postgresql_where=sa.text("state = 'owed' AND attempts > 0"),
    )
    op.create_table(
        "leases",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until_ms", NUMBER, nullable=False),
        sa.Column("fence", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("agency", "lane"),
    )
    op.create_table(
        "dead",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_us", NUMBER, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "acknowledgements",
        sa.Column("position", NUMBER, autoincrement=False, nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("officer_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["position"],
            ["leaves.position"],
        ),
        sa.PrimaryKeyConstraint("position"),
    )
    op.create_index("acknowledgements_by_target", "acknowledgements", ["agency", "id"], unique=False)


def _operations() -> None:
    op.create_table(
        "operations",
        sa.Column("n", NUMBER, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("start_us", NUMBER, nullable=False),
        sa.Column("end_us", NUMBER, nullable=False),
        sa.Column("core", sa.LargeBinary(), nullable=False),
        sa.Column("reach_m", sa.Float(), nullable=False),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=True),
        sa.Column("position", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["position"],
            ["leaves.position"],
        ),
        sa.PrimaryKeyConstraint("n"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("operations_by_position", "operations", ["position"], unique=False)
    op.create_index(
        "operations_with_authority",
        "operations",
        ["id"],
        unique=False,
        sqlite_where=sa.text("authority IS NOT NULL"),
        postgresql_where=sa.text("authority IS NOT NULL"),
    )
    op.create_table(
        "boxes",
        sa.Column("box", NUMBER, nullable=False),
        sa.Column("operation", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["operation"],
            ["operations.n"],
        ),
        sa.PrimaryKeyConstraint("box"),
    )
    op.create_index(op.f("ix_boxes_operation"), "boxes", ["operation"], unique=False)
    op.create_table(
        "told",
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("operation", "agency"),
        sqlite_with_rowid=False,
    )


def _decisions() -> None:
    op.create_table(
        "conflicts",
        sa.Column("first", sa.Text(), nullable=False),
        sa.Column("second", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.Text(), nullable=False),
        sa.Column("distance_m", sa.Float(), nullable=False),
        sa.Column("gap_s", sa.Integer(), nullable=False),
        sa.Column("band", sa.Text(), nullable=False),
        sa.Column("act_by_us", NUMBER, nullable=False),
        sa.Column("first_revision", sa.Integer(), nullable=False),
        sa.Column("second_revision", sa.Integer(), nullable=False),
        sa.Column("episode", sa.Integer(), nullable=False),
        sa.Column("closed_because", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("first", "second"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("conflicts_by_second", "conflicts", ["second"], unique=False)
    op.create_table(
        "agreement_words",
        sa.Column("agreement_id", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["position"],
            ["leaves.position"],
        ),
        sa.PrimaryKeyConstraint("agreement_id", "agency", "position"),
    )
    op.create_table(
        "credential_words",
        sa.Column("agreement_id", sa.Text(), nullable=False),
        sa.Column("officer_id", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("position", NUMBER, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("functions", sa.Text(), nullable=False),
        sa.Column("from_us", NUMBER, nullable=False),
        sa.Column("to_us", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["position"],
            ["leaves.position"],
        ),
        sa.PrimaryKeyConstraint("agreement_id", "officer_id", "agency", "position"),
    )


def _spacetime() -> None:
    """Boxes of live operations: degrees, and hours since the Unix epoch. It keeps 32-bit floats, rounded outwards."""
    op.execute("CREATE VIRTUAL TABLE spacetime USING rtree(box, west, east, south, north, start, finish)")


def _guards() -> None:
    """The journal only grows, and an effect never cites an older entry: the head advances last."""
    for change in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER leaves_no_{change.lower()} BEFORE {change} ON leaves "
            "BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END"
        )
    op.execute(
        "CREATE TRIGGER leaves_in_order BEFORE INSERT ON leaves "
        "WHEN NEW.position < (SELECT position FROM head) "
        "BEGIN SELECT RAISE(ABORT, 'the position is taken'); END"
    )
    for table in EFFECTS:
        op.execute(
            f"CREATE TRIGGER {table}_cite_a_new_entry BEFORE INSERT ON {table} "  # noqa: S608  # names from the list above
            "WHEN NEW.position < (SELECT position FROM head) "
            "BEGIN SELECT RAISE(ABORT, 'an effect cites an older entry'); END"
        )
