"""What is said beside operations: words on conflicts, tokens, questions, waivers, intelligence, recalls, retention."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
EFFECTS = (
    "conflict_words",
    "subject_tokens",
    "questions",
    "waivers",
    "disseminations",
    "recalls",
    "record_words",
    "party_words",
    "complaints",
)


def upgrade() -> None:
    """Make the tables, with the guard that no effect cites an older entry."""
    _conflicts()
    _intelligence()
    _parties()
    if op.get_bind().dialect.name == "sqlite":
        for table in EFFECTS:
            op.execute(
                f"CREATE TRIGGER {table}_cite_a_new_entry BEFORE INSERT ON {table} "  # noqa: S608  # names from the list above
                "WHEN NEW.position < (SELECT position FROM head) "
                "BEGIN SELECT RAISE(ABORT, 'an effect cites an older entry'); END"
            )


def _text(*names: str) -> list["sa.Column[str]"]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def _perhaps(*names: str) -> list["sa.Column[str]"]:
    return [sa.Column(name, sa.Text(), nullable=True) for name in names]


def _made(name: str, *columns: "sa.Column[str] | sa.Column[int]", key: tuple[str, ...] = ("position",)) -> None:
    position = sa.Column("position", NUMBER, autoincrement=False, nullable=False)
    cites = sa.ForeignKeyConstraint(["position"], ["leaves.position"])
    op.create_table(name, *columns, position, cites, sa.PrimaryKeyConstraint(*key))


def _number(name: str, *, nullable: bool = False) -> "sa.Column[int]":
    return sa.Column(name, NUMBER, nullable=nullable)


def _conflicts() -> None:
    _made(
        "conflict_words",
        *_text("conflict", "operation", "agency", "word"),
        *_perhaps("officer_id", "successor", "decision", "reason"),
        _number("minutes", nullable=True),
        _number("contact_us", nullable=True),
        *_perhaps("contact_by", "contact_method"),
        _number("first_revision"),
        _number("second_revision"),
    )
    op.create_index("conflict_words_by_conflict", "conflict_words", ["conflict"], unique=False)
    _made(
        "subject_tokens",
        *_text("operation", "kind", "token"),
        _number("key_epoch"),
        key=("operation", "kind", "token", "key_epoch", "position"),
    )
    op.create_index("subject_tokens_by_token", "subject_tokens", ["token", "kind", "key_epoch"], unique=False)
    _made(
        "questions",
        *_text("agency", "id", "officer_id", "case_reference"),
        _number("from_us"),
        _number("to_us"),
        sa.Column("possible", sa.Boolean(), nullable=False),
    )
    op.create_index("questions_by_officer", "questions", ["agency", "officer_id"], unique=False)
    _made("waivers", *_text("operation", "agency", "officer_id", "approved_by"), _number("due_us"), *_text("reason"))
    op.create_index("waivers_by_operation", "waivers", ["operation"], unique=False)


def _intelligence() -> None:
    _made(
        "disseminations",
        *_text("agency", "id", "word", "officer_id"),
        *_perhaps("share_agency", "share_id", "request_agency", "request_id"),
        _number("review_us", nullable=True),
    )
    op.create_index("disseminations_by_message", "disseminations", ["agency", "id"], unique=False)
    _made("recalls", *_text("agency", "id", "word", "reason"), *_perhaps("officer_id", "replacement"))
    op.create_index("recalls_by_target", "recalls", ["agency", "id"], unique=False)
    _made(
        "record_words",
        *_text("kind", "agency", "id", "word", "officer_id"),
        _number("until_us", nullable=True),
        _number("reviewed_us", nullable=True),
        *_text("reason"),
    )
    op.create_index("record_words_by_record", "record_words", ["kind", "agency", "id"], unique=False)


def _parties() -> None:
    _made("party_words", *_text("party"), *_perhaps("account", "key_id"), *_text("state", "reason", "officer_id"))
    op.create_index("party_words_by_party", "party_words", ["party", "account", "key_id"], unique=False)
    _made("complaints", *_text("complaint", "agency", "concerned", "category"))
    op.create_index("complaints_by_id", "complaints", ["complaint"], unique=False)
