"""Tokens of the HTTP door that were revoked before they ended."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the table; a row may go once its token has ended by itself."""
    op.create_table(
        "revoked_tokens",
        sa.Column("jti", sa.Text(), nullable=False),
        sa.Column("revoked_us", NUMBER, nullable=False),
        sa.Column("expires_us", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("jti"),
        sqlite_with_rowid=False,
    )
    op.create_index("revoked_tokens_by_end", "revoked_tokens", ["expires_us"], unique=False)
