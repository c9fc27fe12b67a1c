"""The journal's part of the store: entries to read, checkpoints and hash tiles to keep."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from coordinator.journal.checkpoint import Sealed
from coordinator.journal.tiles import Tile
from coordinator.model.errors import CoordinatorError

TILES = """
INSERT INTO tiles (level, n, hashes) VALUES (?, ?, ?)
ON CONFLICT (level, n) DO UPDATE SET hashes = excluded.hashes
"""


def size(db: sqlite3.Connection) -> int:
    """How many entries are committed."""
    (found,) = db.execute("SELECT position FROM head").fetchone()
    return int(found)


def entries(db: sqlite3.Connection, start: int, limit: int) -> Sequence[bytes]:
    """At most `limit` entries from `start` on, ending before the first gap."""
    found = []
    rows = db.execute("SELECT position, leaf FROM leaves WHERE position >= ? ORDER BY position LIMIT ?", (start, limit))
    for expected, (position, leaf) in enumerate(rows, start):
        if position != expected:
            break
        found.append(leaf)
    return found


def sealed(db: sqlite3.Connection) -> Sealed | None:
    """The newest checkpoint."""
    row = db.execute("SELECT size, root, note, t FROM checkpoints ORDER BY size DESC LIMIT 1").fetchone()
    return None if row is None else Sealed(row[0], row[1], row[2], datetime.fromisoformat(row[3]))


def tile(db: sqlite3.Connection, level: int, index: int) -> bytes | None:
    """A hash tile as wide as it was last persisted."""
    row = db.execute("SELECT hashes FROM tiles WHERE level = ? AND n = ?", (level, index)).fetchone()
    return None if row is None else bytes(row[0])


def persist(db: sqlite3.Connection, new: Sealed, tiles: Sequence[Tile]) -> None:
    """Write a checkpoint, larger than every one before, and the tiles that changed under it."""
    db.execute("BEGIN IMMEDIATE")
    (largest,) = db.execute("SELECT coalesce(max(size), -1) FROM checkpoints").fetchone()
    if new.size <= largest:
        msg = f"a checkpoint of {largest} entries is signed already: is another coordinator sealing this store?"
        raise CoordinatorError(msg)
    db.execute(
        "INSERT INTO checkpoints (size, root, note, t) VALUES (?, ?, ?, ?)",
        (new.size, new.root, new.note, new.time.isoformat()),
    )
    db.executemany(TILES, [(each.level, each.index, each.hashes) for each in tiles])
    db.execute("COMMIT")


def remember(db: sqlite3.Connection, name: str, value: str) -> None:
    """Keep a fact of the installation itself, such as the digest of the directory at the last start."""
    db.execute(
        "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )
