"""Brings a database to the newest schema; SQLite with foreign keys off while it happens."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from coordinator.model.errors import ConfigurationError


def engine_for(url: str) -> Engine:
    """An engine for migrations and tools; the walk has connections of its own."""
    engine = create_engine(url, poolclass=NullPool)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _prepare(connection: object, _record: object) -> None:
            cursor = connection.cursor()  # type: ignore[attr-defined]  # a DBAPI connection, untyped by SQLAlchemy
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA foreign_keys=OFF")
            cursor.close()

    return engine


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, without a file."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


@contextlib.contextmanager
def _opened(url: str) -> Iterator[Engine]:
    """Use a database; raises `ConfigurationError` in one line when there is none to use."""
    try:
        engine = engine_for(url)
        try:
            yield engine
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
        msg = f"[store] url = {url!r} cannot be used ({reason}): mend it, or make its folder"
        raise ConfigurationError(msg) from error


def _file_of(engine: Engine) -> Path | None:
    database = engine.url.database
    return Path(database) if engine.dialect.name == "sqlite" and database is not None else None


def migrate(url: str) -> tuple[str | None, str | None]:
    """Apply every missing revision; returns the revision before and after."""
    with _opened(url) as engine:
        file = _file_of(engine)
        if file is not None:
            # It holds the messages: for its owner alone. SQLite gives its log files the same rights.
            file.touch(mode=0o600, exist_ok=True)
        with engine.begin() as connection:
            before = MigrationContext.configure(connection).get_current_revision()
            command.upgrade(alembic_config(connection), "head")
        with engine.connect() as connection:
            after = MigrationContext.configure(connection).get_current_revision()
    return before, after


def newest() -> str | None:
    """The newest revision that this version of the program knows."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head()


def require_newest(url: str) -> None:
    """Refuse a database whose schema is older or newer than this program's."""
    with _opened(url) as engine:
        file = _file_of(engine)
        found = None
        if file is None or file.exists():  # to look must not make it
            with engine.connect() as connection:
                found = MigrationContext.configure(connection).get_current_revision()
    if found != newest():
        msg = f"the store's schema is {found or 'empty'}, this program needs {newest()}: run `coordinator migrate`"
        raise ConfigurationError(msg)
