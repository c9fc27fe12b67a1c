"""Runs the migrations on the connection that is handed over; there is no other way in."""

from alembic import context
from sqlalchemy.sql.schema import SchemaItem

from coordinator.store.tables import metadata


def _ours(_item: SchemaItem, name: str | None, kind: str, _reflected: bool, _compared: SchemaItem | None) -> bool:  # noqa: FBT001  # alembic calls it so
    """The R*Tree and its shadow tables are made by hand; comparing them would drop them."""
    return not (kind == "table" and name is not None and name.startswith("spacetime"))


def run() -> None:
    """Apply what is missing, in one transaction."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection, target_metadata=metadata, include_object=_ours, transaction_per_migration=True
    )
    with context.begin_transaction():
        context.run_migrations()


run()
