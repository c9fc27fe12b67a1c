"""The R*Tree of live operations: many boxes to an operation, degrees and hours, found coarsely and never missed."""

import sqlite3
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from threading import Lock

import orjson

from coordinator.model.covering import boxes
from coordinator.model.volume import Neighbourhood, Probe, Volume
from coordinator.store.inserting import Insert, insert
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
PLACED = """
SELECT o.id, o.n, b.box FROM json_each(?) AS asked
CROSS JOIN operations AS o ON o.id = asked.value LEFT JOIN boxes AS b ON b.operation = o.n
"""
FORGET_BOXES = "DELETE FROM spacetime WHERE box IN (SELECT value FROM json_each(?))"
FORGET_NUMBERS = "DELETE FROM boxes WHERE box IN (SELECT value FROM json_each(?))"
LAST_BOX = "SELECT coalesce(max(box), 0) FROM boxes"
NUMBERS = Insert("boxes", "box, operation")
BOXES = Insert("spacetime", "box, west, east, south, north, start, finish")
MAX_REMEMBERED = 256
"""Volumes, a few kilobytes each: those that one batch reads again after another, and no store of its own."""


Hit = tuple[int, int, int]
"""The index of a probe, and the row number and position of a live operation in its boxes and window."""


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
    return _neighbourhood(db, probes, _hits(db, probes), remembered)


def read_near(
    db: sqlite3.Connection, probes: Sequence[Probe], remembered: Volumes, at_most: int
) -> Neighbourhood | None:
    """The same, if it is no more than so many pairs."""
    rows = _hits(db, probes)
    return _neighbourhood(db, probes, rows, remembered) if len(rows) <= at_most else None


def _neighbourhood(
    db: sqlite3.Connection, probes: Sequence[Probe], rows: Sequence[Hit], remembered: Volumes
) -> Neighbourhood:
    position = read_head(db).position
    if not rows:
        return Neighbourhood(position, {}, ())
    volumes = remembered.read(db, list({(n, at) for _, n, at in rows}))
    hits = []
    for index, n, at in rows:
        probe, volume = probes[index], volumes[n, at]
        if volume.status is probe.status and volume.operation_id != probe.operation_id:
            hits.append((probe.operation_id, volume.operation_id))
    return Neighbourhood(position, {volume.operation_id: volume for volume in volumes.values()}, tuple(hits))


def _hits(db: sqlite3.Connection, probes: Sequence[Probe]) -> Sequence[Hit]:
    asked = [
        (index, box.west, box.south, box.east, box.north, *_hours(to_us(probe.start), to_us(probe.end)))
        for index, probe in enumerate(probes)
        for box in probe.boxes
    ]
    return db.execute(HITS, (orjson.dumps(asked).decode(),)).fetchall() if asked else ()


def place(db: sqlite3.Connection, moved: Sequence[Volume], ended: Sequence[str]) -> None:
    """Write the boxes of moved operations anew, and forget those of ended ones."""
    asked = [*(volume.operation_id for volume in moved), *ended]
    if not asked:
        return
    placed = db.execute(PLACED, (orjson.dumps(asked).decode(),)).fetchall()
    old = [box for _, _, box in placed if box is not None]
    if old:
        forget = (orjson.dumps(old).decode(),)
        db.execute(FORGET_BOXES, forget)
        db.execute(FORGET_NUMBERS, forget)
    if moved:
        _add_boxes(db, moved, {operation: number for operation, number, _ in placed})


def _add_boxes(db: sqlite3.Connection, moved: Sequence[Volume], numbers: Mapping[str, int]) -> None:
    (last,) = db.execute(LAST_BOX).fetchone()
    found = [(volume, box) for volume in moved for box in boxes(volume.shape, 0)]
    of = [(number, numbers[volume.operation_id]) for number, (volume, _) in enumerate(found, last + 1)]
    insert(db, NUMBERS, of)
    insert(
        db,
        BOXES,
        [
            (number, box.west, box.east, box.south, box.north, *_hours(to_us(volume.start), to_us(volume.end)))
            for number, (volume, box) in enumerate(found, last + 1)
        ],
    )


def _hours(start_us: int, end_us: int) -> tuple[float, float]:
    return start_us / US_PER_HOUR, end_us / US_PER_HOUR
