"""Migrations: the schema that they make is the one that the tables define, and its file is for its owner alone."""

import stat
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.schema import SchemaItem

from coordinator.store.migrate import engine_for, migrate, newest
from coordinator.store.tables import metadata


def test_the_migrations_make_what_the_tables_define(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    assert migrate(url) == (None, newest())
    engine = engine_for(url)
    with engine.connect() as connection:
        options = {"include_object": _ours, "compare_type": True, "compare_server_default": False}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def _ours(_item: SchemaItem, name: str | None, kind: str, *_rest: object) -> bool:
    """The R*Tree is made by hand."""
    return not (kind == "table" and str(name).startswith("spacetime"))


def test_a_second_migration_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    migrate(url)
    assert migrate(url) == (newest(), newest())


def test_the_store_is_for_its_owner_alone(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path}/store.db")
    assert stat.S_IMODE((tmp_path / "store.db").stat().st_mode) == 0o600
