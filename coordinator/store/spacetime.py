"""The R*Tree of live operations: many boxes to an operation, degrees and hours, found coarsely and never missed."""

import sqlite3
from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import orjson

from coordinator.model.covering import boxes
from coordinator.model.volume import Neighbourhood, Probe, Registered, Volume
from coordinator.store.reading import read_head, volumes_of
from coordinator.store.rows import US_PER_HOUR, to_us

HITS = """
SELECT DISTINCT asked.value ->> 0, b.operation, o.position
FROM json_each(?) AS asked
CROSS JOIN spacetime AS s
    ON s.east >= asked.value ->> 1 AND s.west <= asked.value ->> 3
    AND s.north >= asked.value ->> 2 AND s.south <= asked.value ->> 4
    AND s.finish >= asked.value ->> 5 AND s.start <= asked.value ->> 6
CROSS JOIN boxes AS b ON b.box = s.box
CROSS JOIN operations AS o ON o.n = b.operation
"""
FORGET_BOXES = (
    "DELETE FROM spacetime WHERE box IN (SELECT box FROM boxes WHERE operation IN (SELECT value FROM json_each(?)))"
)
FORGET_NUMBERS = "DELETE FROM boxes WHERE operation IN (SELECT value FROM json_each(?))"
ADD_NUMBER = "INSERT INTO boxes (box, operation) VALUES (?, ?)"
ADD_BOX = "INSERT INTO spacetime (box, west, east, south, north, start, finish) VALUES (?, ?, ?, ?, ?, ?, ?)"
MAX_REMEMBERED = 4_096


class Volumes:
    """Remembers decoded volumes by row number and the position that made them: a changed row is another key."""

    def __init__(self) -> None:
        """Begin empty; shared by the reader threads."""
        self._known: OrderedDict[tuple[int, int], Volume] = OrderedDict()
        self._lock = Lock()

    def read(self, db: sqlite3.Connection, wanted: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Volume]:
        """The volumes of those rows at those positions."""
        with self._lock:
            found = {key: self._known[key] for key in wanted if key in self._known}
        missing = {n: (n, position) for n, position in wanted if (n, position) not in found}
        if missing:
            fresh = {missing[n]: volume for n, volume in volumes_of(db, list(missing)).items()}
            found |= fresh
            with self._lock:
                self._known.update(fresh)
                while len(self._known) > MAX_REMEMBERED:
                    self._known.popitem(last=False)
        return found


def read_neighbours(db: sqlite3.Connection, probes: Sequence[Probe], remembered: Volumes) -> Neighbourhood:
    """What is live in the probes' boxes and windows, as of the snapshot's position."""
    position = read_head(db).position
    asked = [
        (index, box.west, box.south, box.east, box.north, *_hours(to_us(probe.start), to_us(probe.end)))
        for index, probe in enumerate(probes)
        for box in probe.boxes
    ]
    if not asked:
        return Neighbourhood(position, {}, ())
    rows = db.execute(HITS, (orjson.dumps(asked).decode(),)).fetchall()
    volumes = remembered.read(db, list({(n, at) for _, n, at in rows}))
    hits = []
    for index, n, at in rows:
        probe, volume = probes[index], volumes[n, at]
        if volume.status is probe.status and volume.operation_id != probe.operation_id:
            hits.append((probe.operation_id, volume.operation_id))
    return Neighbourhood(position, {volume.operation_id: volume for volume in volumes.values()}, tuple(hits))


def place(db: sqlite3.Connection, numbers: dict[str, int], moved: Sequence[Registered], ended: Sequence[str]) -> None:
    """Write the boxes of moved operations anew, and forget those of ended ones."""
    forget = orjson.dumps([numbers[each] for each in (*(r.volume.operation_id for r in moved), *ended)]).decode()
    db.execute(FORGET_BOXES, (forget,))
    db.execute(FORGET_NUMBERS, (forget,))
    (last,) = db.execute("SELECT coalesce(max(box), 0) FROM boxes").fetchone()
    rows = []
    for registered in moved:
        volume = registered.volume
        start, finish = _hours(to_us(volume.start), to_us(volume.end))
        for box in boxes(volume.shape, 0):
            last += 1
            rows.append((last, numbers[volume.operation_id], box, start, finish))
    db.executemany(ADD_NUMBER, [(number, operation) for number, operation, *_ in rows])
    db.executemany(
        ADD_BOX, [(number, b.west, b.east, b.south, b.north, start, end) for number, _, b, start, end in rows]
    )


def _hours(start_us: int, end_us: int) -> tuple[float, float]:
    return start_us / US_PER_HOUR, end_us / US_PER_HOUR
