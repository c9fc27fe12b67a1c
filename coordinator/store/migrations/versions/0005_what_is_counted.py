"""Small indexes of what operators watch, so that a scrape of metrics never walks through a whole table."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them; each holds only the rows that are counted."""
    for name, table, column, where in (
        ("dispatches_parked", "dispatches", "recipient", "state = 'parked'"),
        ("dead_waiting", "dead", "id", "state = 'waiting'"),
        ("conflicts_open", "conflicts", "first", "open"),
    ):
        op.create_index(name, table, [column], sqlite_where=sa.text(where), postgresql_where=sa.text(where))
