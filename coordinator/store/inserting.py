"""Inserts many rows with few statements."""

import sqlite3
from collections.abc import Sequence
from itertools import chain

SIZES = (1, 4, 16, 64, 256)
"""How many rows a statement has room for. Few sizes, so that the driver finds nearly every one prepared already."""
MOST = SIZES[-1]


class Insert:
    """An INSERT into one table, with the columns of a row in the order in which rows are given."""

    def __init__(self, into: str, columns: str, otherwise: str = "") -> None:
        """The first column is never NULL; `otherwise` is what follows the values: an `ON CONFLICT` clause."""
        self.width = columns.count(",") + 1
        row = f"({', '.join('?' * self.width)})"
        # What is left of the room is NULL, and not inserted.
        self.statements = tuple(
            f"INSERT INTO {into} ({columns}) SELECT * FROM (VALUES {', '.join([row] * size)}) "  # noqa: S608  # constants
            f"WHERE column1 IS NOT NULL {otherwise}"
            for size in SIZES
        )


def insert(db: sqlite3.Connection, what: Insert, rows: Sequence[Sequence[object]]) -> None:
    """Insert rows in their order, up to 256 with one statement.

    With each statement the driver lets go of the interpreter's lock and takes it again, several times, for which a
    thread waits long while another computes; `executemany` does so for each row.
    """
    for start in range(0, len(rows), MOST):
        part = rows[start : start + MOST]
        size, statement = next(each for each in zip(SIZES, what.statements, strict=True) if each[0] >= len(part))
        room = (None,) * (what.width * (size - len(part)))
        db.execute(statement, (*chain.from_iterable(part), *room))
