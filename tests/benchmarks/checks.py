"""How conflict checks grow with the number of live operations: spread evenly, and clustered in three cities.

Run as `python -m tests.benchmarks.checks [--small N] [--large N]`. Nothing is asserted.
"""

import argparse
import asyncio
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import shapely

from coordinator.model.codes import EventType, Status
from coordinator.model.geometry import Shape
from coordinator.model.operations import Contact
from coordinator.model.volume import Card, OperationState, Registered, Volume
from coordinator.steps import deconflict
from coordinator.store import open_store
from coordinator.store.inserting import insert
from coordinator.store.migrate import migrate
from coordinator.store.rows import US_PER_HOUR, operation_row, to_us
from coordinator.store.spacetime import BOXES, NUMBERS
from coordinator.store.sqlite import SqliteStore
from coordinator.store.writing import OPERATIONS
from tests import kit

BATCH = 100
ROUNDS = 9
CITIES = ((-90.25, 38.63), (-94.58, 39.10), (-93.29, 37.21))
CARD = Card(Contact(callback="+15735550100", backup="+15735550101"), (), sealed=False)
LEAF = "INSERT INTO leaves VALUES (0, 'entry', x'', x'', 'benchmark', 'mshp', '')"


@dataclass
class Places:
    """Where and when operations are, at random from a seed."""

    clustered: bool
    random: random.Random

    def volume(self) -> Volume:
        """A point of 100 m for two hours; windows are spread over a month."""
        pick = self.random
        if self.clustered:
            lon, lat = pick.choice(CITIES)
            lon, lat = lon + pick.gauss(0, 0.1), lat + pick.gauss(0, 0.08)
        else:
            lon, lat = pick.uniform(-95.5, -89.5), pick.uniform(36.2, 40.4)
        start = kit.NOW + timedelta(minutes=pick.randint(0, 30 * 24 * 60))
        shape = Shape(shapely.Point(lon, lat), 100.0)
        end = start + timedelta(hours=2)
        kind = EventType.SEARCH_WARRANT
        return Volume(kit.fresh_id(), "mshp", 1, Status.ACTUAL, kind, shape, start, end, CARD)


def fill(path: Path, places: Places, count: int) -> None:
    """Write live operations past the walk, as it would have."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA synchronous=OFF")
    db.execute(LEAF)
    volumes = (places.volume() for _ in range(count))
    for start in range(0, count, 10_000):
        some = [volume for _, volume in zip(range(min(10_000, count - start)), volumes, strict=False)]
        insert(db, OPERATIONS, [operation_row(Registered(each, OperationState.PLANNED), 0) for each in some])
        numbers = range(start + 1, start + 1 + len(some))
        insert(db, NUMBERS, [(number, number) for number in numbers])
        insert(db, BOXES, list(_boxes(numbers, some)))
    db.execute("UPDATE head SET position = 1")
    db.commit()
    db.close()


def _boxes(numbers: range, volumes: list[Volume]) -> Iterator[tuple[float, ...]]:
    for number, volume in zip(numbers, volumes, strict=True):
        x, y = volume.shape.core.centroid.x, volume.shape.core.centroid.y
        hours = (to_us(volume.start) / US_PER_HOUR, to_us(volume.end) / US_PER_HOUR)
        yield (number, x - 0.0013, x + 0.0013, y - 0.001, y + 0.001, *hours)


async def check(store: SqliteStore, places: Places) -> tuple[float, int]:
    """One batch of checks: seconds, and how many candidates were compared."""
    directory = kit.directory()
    volumes = [places.volume() for _ in range(BATCH)]
    began = time.perf_counter()
    around = await store.neighbours([deconflict.probe(volume, directory) for volume in volumes])
    deconflict.survey(volumes, around, directory)
    return time.perf_counter() - began, len(around.hits)


async def measure(folder: Path, count: int, *, clustered: bool) -> dict[str, float]:
    """The median batch among so many live operations."""
    name = f"{count}-{clustered}.db"
    url = f"sqlite:///{folder}/{name}"
    migrate(url)
    places = Places(clustered, random.Random(1))  # noqa: S311  # a seed that reproduces
    fill(folder / name, places, count)
    async with open_store(url, "dps") as store:
        await check(store, places)
        found = [await check(store, places) for _ in range(ROUNDS)]
    seconds = statistics.median(took for took, _ in found)
    candidates = sum(hits for _, hits in found)
    each = sum(took for took, _ in found) / candidates if candidates else 0.0
    return {
        "ms": round(1_000 * seconds, 2),
        "candidates": candidates / ROUNDS,
        "us_per_candidate": round(1e6 * each, 1),
    }


async def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--small", type=int, default=10_000)
    options.add_argument("--large", type=int, default=1_000_000)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        even = {n: await measure(Path(folder), n, clustered=False) for n in (chosen.small, chosen.large)}
        near = {n: await measure(Path(folder), n, clustered=True) for n in (chosen.large // 10, chosen.large)}
    ratio = even[chosen.large]["ms"] / even[chosen.small]["ms"]
    each = [figures["us_per_candidate"] for figures in near.values()]
    printed = {
        "batch": BATCH,
        "spread_evenly": even,
        "ratio_large_small": round(ratio, 2),
        "clustered": near,
        "ratio_per_candidate": round(each[1] / each[0], 2),
    }
    sys.stdout.write(f"{json.dumps(printed)}\n")


if __name__ == "__main__":
    asyncio.run(main())
