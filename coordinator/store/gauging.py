"""What operators watch of the store, in one short read on indexes; the walk does not wait for it."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from coordinator.store.leasing import LANES

AT_MOST = 100_000
"""What is counted at most of a kind, so that a long backlog does not make a long read."""
OLDEST = """
SELECT f.agency, l.value, (
    SELECT recorded FROM dispatches AS d
    WHERE d.state = 'owed' AND d.recipient = f.agency AND d.lane = l.value ORDER BY d.sequence LIMIT 1
) AS oldest
FROM feeds AS f CROSS JOIN json_each(?) AS l WHERE oldest IS NOT NULL
"""
"""On each line the lowest number is the oldest; the index `dispatches_owed` begins with it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How the store stands now."""

    entries: int
    sequences: Mapping[str, int]
    """Each agency's last sequence."""
    oldest: Mapping[tuple[str, str], str]
    """By agency and lane: when the oldest delivery that is owed was recorded, RFC 3339."""
    owed: int
    again: int
    """Of these, how many were tried in vain."""
    parked: int
    set_aside: int
    open_conflicts: int


def standing(db: sqlite3.Connection) -> Standing:
    """Read how the store stands; what is counted stops at `AT_MOST`."""

    def count(rows: str) -> int:
        (found,) = db.execute(f"SELECT count(*) FROM (SELECT 1 FROM {rows} LIMIT {AT_MOST})").fetchone()  # noqa: S608  # constants
        return int(found)

    (entries,) = db.execute("SELECT position FROM head").fetchone()
    return Standing(
        entries=entries,
        sequences=dict(db.execute("SELECT agency, last FROM feeds").fetchall()),
        oldest={(agency, lane): recorded for agency, lane, recorded in db.execute(OLDEST, (LANES,))},
        owed=count("dispatches WHERE state = 'owed'"),
        again=count("dispatches WHERE state = 'owed' AND attempts > 0"),
        parked=count("dispatches WHERE state = 'parked'"),
        set_aside=count("dead WHERE state = 'waiting'"),
        open_conflicts=count("conflicts WHERE open"),
    )


@dataclass(frozen=True, slots=True)
class Paid:
    """How far deliveries are."""

    numbered: int
    """How many were ever owed."""
    owing: bool
    """Whether one is owed now."""


def paid(db: sqlite3.Connection) -> Paid:
    """Look it up rather than count, so that it may be asked often."""
    (numbered,) = db.execute("SELECT dispatch FROM head").fetchone()
    owed = db.execute("SELECT 1 FROM dispatches WHERE state = 'owed' LIMIT 1").fetchone()
    return Paid(numbered, owed is not None)
