"""What each agency knows of operations and conflicts: messages by what they are about, and a row to filter by."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, and fill them from what was recorded before there were any."""
    op.create_table(
        "heard",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("message", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["message"], ["messages.key"]),
        sa.PrimaryKeyConstraint("agency", "kind", "about", "message"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sights",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("start_us", NUMBER, nullable=True),
        sa.Column("end_us", NUMBER, nullable=True),
        sa.Column("west", sa.Float(), nullable=True),
        sa.Column("south", sa.Float(), nullable=True),
        sa.Column("east", sa.Float(), nullable=True),
        sa.Column("north", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("agency", "operation"),
        sqlite_with_rowid=False,
    )
    op.create_index("sights_by_end", "sights", ["agency", "end_us", "start_us"], unique=False)
    op.create_index("sights_by_state", "sights", ["agency", "state"], unique=False)
    _what_is_known_already()


def _what_is_known_already() -> None:
    """Filled coarsely: an empty state is one to be looked up, and a window without end passes every filter."""
    about = "json_extract(CAST(m.body AS TEXT), '$.data.operation_id')"
    conflict = "json_extract(CAST(m.body AS TEXT), '$.data.conflict_id')"
    words = (
        f"m.agency <> 'coordinator' AND m.type LIKE 'gov.mo.coordination.deconfliction.%' AND {conflict} IS NOT NULL"
    )
    operations = "m.type LIKE 'gov.mo.coordination.operation.%'"
    told = "SELECT d.recipient, {kind}, {about}, m.key FROM dispatches AS d JOIN messages AS m ON m.key = d.message"
    pointers = "m.type IN ('gov.mo.coordination.deconfliction.alert.v1', 'gov.mo.coordination.deconfliction.closed.v1')"
    for statement in (
        f"SELECT m.agency, 1, {about}, m.key FROM messages AS m WHERE {operations}",  # noqa: S608  # constants
        f"{told.format(kind=1, about=about)} WHERE {operations}",
        f"{told.format(kind=2, about='m.correlation')} WHERE {pointers}",
        f"SELECT agency, 2, {conflict}, m.key FROM messages AS m WHERE {words}",  # noqa: S608  # constants
        f"{told.format(kind=2, about=conflict)} WHERE {words}",
    ):
        op.execute(f"INSERT INTO heard {statement} ON CONFLICT DO NOTHING")
    op.execute(
        "INSERT INTO sights SELECT DISTINCT h.agency, h.about, o.agency, '', -1 << 62, 1 << 62, -180, -90, 180, 90 "
        "FROM heard AS h JOIN operations AS o ON o.id = h.about WHERE h.kind = 1"
    )
