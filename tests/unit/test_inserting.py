"""Rows come in as they are given, however many there are."""

import sqlite3

from hypothesis import given
from hypothesis import strategies as st

from coordinator.store.inserting import MOST, Insert, insert

PLAIN = Insert("things", "name, size")
KEPT = Insert("things", "name, size", "ON CONFLICT (name) DO UPDATE SET size = excluded.size")


def things() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE things (n INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, size BLOB)")
    return db


@given(st.integers(0, 3 * MOST))
def test_all_rows_are_there_in_their_order(count: int) -> None:
    db, rows = things(), [(f"{number}", None if number % 3 else b"\x00") for number in range(count)]
    insert(db, PLAIN, rows)
    assert db.execute("SELECT name, size FROM things ORDER BY n").fetchall() == rows
    db.close()


def test_what_is_there_already_is_changed_where_that_is_asked_for() -> None:
    db = things()
    insert(db, KEPT, [("one", 1), ("two", 2), ("one", 3)])
    assert db.execute("SELECT name, size FROM things ORDER BY n").fetchall() == [("one", 3), ("two", 2)]
    db.close()
