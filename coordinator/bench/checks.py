"""How long conflict checks take beside so many live operations."""

import asyncio
import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import shapely

from coordinator.bench.parties import make_parties
from coordinator.domain import system_id
from coordinator.model.codes import EventType, Status
from coordinator.model.geometry import Shape
from coordinator.model.operations import Contact
from coordinator.model.volume import Card, OperationState, Registered, Volume
from coordinator.steps import deconflict
from coordinator.store import open_store
from coordinator.store.connections import connect
from coordinator.store.inserting import insert
from coordinator.store.migrate import migrate
from coordinator.store.rows import US_PER_HOUR, operation_row, to_us
from coordinator.store.spacetime import BOXES, NUMBERS
from coordinator.store.sqlite import SqliteStore
from coordinator.store.writing import OPERATIONS

BATCH: Final = 100
"""Checks that are made together."""
ROUNDS: Final = 9
_FILL: Final = 10_000
_BEGIN: Final = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
_CITIES: Final = ((-90.25, 38.63), (-94.58, 39.10), (-93.29, 37.21))
_CARD: Final = Card(Contact(callback="+15735550100", backup="+15735550101"), (), sealed=False)
_LEAF: Final = "INSERT INTO leaves VALUES (0, 'entry', x'', x'', 'benchmark', 'mshp', '')"


@dataclass
class Places:
    """Where and when operations are, at random from a seed."""

    clustered: bool
    random: random.Random

    def volume(self) -> Volume:
        """A point of 100 m for two hours; windows are spread over a month."""
        pick = self.random
        if self.clustered:
            lon, lat = pick.choice(_CITIES)
            lon, lat = lon + pick.gauss(0, 0.1), lat + pick.gauss(0, 0.08)
        else:
            lon, lat = pick.uniform(-95.5, -89.5), pick.uniform(36.2, 40.4)
        start = _BEGIN + timedelta(minutes=pick.randint(0, 30 * 24 * 60))
        shape = Shape(shapely.Point(lon, lat), 100.0)
        end = start + timedelta(hours=2)
        kind = EventType.SEARCH_WARRANT
        return Volume(system_id(), "mshp", 1, Status.ACTUAL, kind, shape, start, end, _CARD)


@dataclass(frozen=True, slots=True)
class Checked:
    """The median batch of checks."""

    ms: float
    candidates: float
    """Compared exactly, in a batch."""
    us_per_candidate: float


def fill(path: Path, places: Places, count: int) -> None:
    """Write live operations past the walk, as it would have."""
    db = connect(path, readonly=False)
    db.execute("PRAGMA synchronous=OFF")
    db.execute("BEGIN")
    db.execute(_LEAF)
    for start in range(0, count, _FILL):
        some = [places.volume() for _ in range(min(_FILL, count - start))]
        insert(db, OPERATIONS, [operation_row(Registered(each, OperationState.PLANNED), 0) for each in some])
        numbers = range(start + 1, start + 1 + len(some))
        insert(db, NUMBERS, [(number, number) for number in numbers])
        insert(db, BOXES, list(_boxes(numbers, some)))
    db.execute("UPDATE head SET position = 1")
    db.execute("COMMIT")
    db.close()


def _boxes(numbers: range, volumes: list[Volume]) -> Iterator[tuple[float, ...]]:
    for number, volume in zip(numbers, volumes, strict=True):
        x, y = volume.shape.core.centroid.x, volume.shape.core.centroid.y
        hours = (to_us(volume.start) / US_PER_HOUR, to_us(volume.end) / US_PER_HOUR)
        yield (number, x - 0.0013, x + 0.0013, y - 0.001, y + 0.001, *hours)


async def check(store: SqliteStore, places: Places) -> tuple[float, int]:
    """One batch of checks: seconds, and how many candidates were compared."""
    directory = make_parties().directory
    volumes = [places.volume() for _ in range(BATCH)]
    began = time.perf_counter()
    around = await store.neighbours([deconflict.probe(volume, directory) for volume in volumes])
    deconflict.survey(volumes, around, directory)
    return time.perf_counter() - began, len(around.hits)


async def measure_checks(folder: Path, count: int, *, clustered: bool = False) -> Checked:
    """The median batch among so many live operations, in a store of its own, which goes afterwards."""
    path = folder / f"checks-{count}-{clustered}.db"
    url = f"sqlite:///{path}"
    migrate(url)
    places = Places(clustered, random.Random(1))  # noqa: S311  # a seed that reproduces
    await asyncio.to_thread(fill, path, places, count)
    async with open_store(url, "dps") as store:
        await check(store, places)
        found = [await check(store, places) for _ in range(ROUNDS)]
    path.unlink()
    candidates = sum(hits for _, hits in found)
    each = sum(took for took, _ in found) / candidates if candidates else 0.0
    ms = 1_000 * statistics.median(took for took, _ in found)
    return Checked(round(ms, 2), candidates / ROUNDS, round(1e6 * each, 1))
