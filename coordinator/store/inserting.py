"""Inserts many rows with few statements."""

import sqlite3
from collections.abc import Sequence
from itertools import chain

CHUNKS = (64, 16)
"""How many rows go in one statement. Few sizes, so that the driver finds nearly every statement prepared already."""


class Insert:
    """An INSERT into one table, with the columns of a row in the order in which rows are given."""

    def __init__(self, into: str, columns: str, otherwise: str = "") -> None:
        """`otherwise` is what follows the values: an `ON CONFLICT` clause."""
        row = f"({', '.join('?' * (columns.count(',') + 1))})"
        self.one = self._of(into, columns, row, 1, otherwise)
        self.many = tuple((rows, self._of(into, columns, row, rows, otherwise)) for rows in CHUNKS)

    @staticmethod
    def _of(into: str, columns: str, row: str, rows: int, otherwise: str) -> str:
        return f"INSERT INTO {into} ({columns}) VALUES {', '.join([row] * rows)} {otherwise}"  # noqa: S608  # all constants


def insert(db: sqlite3.Connection, what: Insert, rows: Sequence[Sequence[object]]) -> None:
    """Insert rows in their order.

    `executemany` takes a step of SQLite for each row, and with each lets go of the interpreter's lock and takes it
    again, for which a thread waits long while another computes. Here a step takes up to 64 rows; a few alone are
    quicker one by one.
    """
    done, count = 0, len(rows)
    for size, statement in what.many:
        while count - done >= size:
            db.execute(statement, tuple(chain.from_iterable(rows[done : done + size])))
            done += size
    if done < count:
        db.executemany(what.one, rows[done:] if done else rows)
