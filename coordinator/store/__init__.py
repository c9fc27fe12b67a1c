"""Where everything is kept: SQLite by default; one conformance suite holds every store to the same promises."""

from coordinator.store.sqlite import SqliteReader, SqliteStore


def open_store(url: str, lead: str) -> SqliteStore:
    """Open the store of a `[store] url`; an async context manager. `lead` is the id of the agency that leads."""
    return SqliteStore(url, lead)


def open_ledger(url: str) -> SqliteReader:
    """Open a store for reading alone, also while a coordinator writes it; an async context manager."""
    return SqliteReader(url)
