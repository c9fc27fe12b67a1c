"""The conflicts that the walk finds are those of the definition, whatever the order, the cuts and the resending."""

import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import shapely
from shapely.affinity import scale
from shapely.geometry import shape as geometry
from shapely.geometry.base import BaseGeometry

from coordinator.intake import Intake
from coordinator.model.work import Submission, Verdict
from coordinator.store import open_store
from coordinator.store.migrate import migrate
from coordinator.store.sqlite import SqliteStore
from tests import kit
from tests.kit import Json
from tests.unit.densified import least_geodesic

CITIES = {"St. Louis": (-90.25, 38.63), "Kansas City": (-94.58, 39.10), "Springfield": (-93.29, 37.21)}
EVENT_TYPES = ["search_warrant", "surveillance", "undercover_meet", "raid", "interdiction", "sweep"]
COVERT = {"surveillance", "undercover_meet"}
SENDERS = ["mshp", "hsi", "dea", "stl-pd"]
METRES_PER_DEGREE = 111_000.0
CLOSE_CALL_M = 1.0


@dataclass
class Operation:
    """An operation as its owner last said it; `live` until it ended."""

    agency: str
    plan: Json
    revision: int = 1
    live: bool = True


class Weekend:
    """Random operations, revised, ended and resent at random."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  # a seed that reproduces
        self.operations: list[Operation] = []

    def ground(self) -> Json:
        pick = self.random
        lon, lat = pick.choice(list(CITIES.values()))
        lon, lat = lon + pick.gauss(0, 0.05), lat + pick.gauss(0, 0.04)
        size = pick.choice([0.001, 0.003, 0.01, 0.05])
        match pick.choice(["Point", "Point", "LineString", "Polygon", "MultiPolygon"]):
            case "Point":
                return {"type": "Point", "coordinates": [lon, lat], "radius_m": pick.choice([25.0, 100.0, 500.0])}
            case "LineString":
                places = [[lon, lat]]
                for _ in range(pick.randint(1, 6)):
                    places.append([places[-1][0] + pick.gauss(0, 2 * size), places[-1][1] + pick.gauss(0, 2 * size)])
                return {"type": "LineString", "coordinates": places, "buffer_m": pick.choice([10.0, 80.0])}
            case "Polygon":
                return {"type": "Polygon", "coordinates": [self._ring(lon, lat, size)]}
            case _:
                rings = [[self._ring(lon + 4 * size * n, lat, size)] for n in range(pick.randint(1, 3))]
                return {"type": "MultiPolygon", "coordinates": rings}

    def _ring(self, lon: float, lat: float, size: float) -> list[list[float]]:
        count = self.random.randint(3, 9)
        turns = [2 * math.pi * n / count for n in range(count)]
        ring = [
            [lon + size * r * math.cos(turn), lat + size * r * math.sin(turn)]
            for turn, r in ((turn, self.random.uniform(0.5, 1)) for turn in turns)
        ]
        return [*ring, ring[0]]

    def window(self) -> Json:
        pick = self.random
        start = kit.NOW + timedelta(minutes=pick.randint(5, 3 * 24 * 60))
        length = pick.choice([timedelta(minutes=30), timedelta(hours=2), timedelta(hours=8), timedelta(days=6)])
        return {"start": start.isoformat(), "end": (start + length).isoformat()}

    def messages(self, count: int) -> Iterator[Submission]:
        """Notices, revisions, ends and resent copies of them."""
        sent: list[Submission] = []
        for _ in range(count):
            match self.random.choices(["notice", "update", "end", "again"], [70, 15, 7, 8])[0]:
                case "update" if self._live():
                    sent.append(self._update())
                case "end" if self._live():
                    sent.append(self._end())
                case "again" if sent:
                    yield self.random.choice(sent[-50:])
                    continue
                case _:
                    sent.append(self._notice())
            yield sent[-1]

    def _live(self) -> list[Operation]:
        return [operation for operation in self.operations if operation.live]

    def _notice(self) -> Submission:
        agency = self.random.choice(SENDERS)
        status = self.random.choices(["actual", "exercise"], [9, 1])[0]
        kind = self.random.choice(EVENT_TYPES)
        plan = kit.plan(["coordinator"], status=status, event_type=kind, area=self.ground(), **self.window())
        self.operations.append(Operation(agency, plan))
        return kit.submission(agency, kit.body(agency, "operation.notice", plan))

    def _update(self) -> Submission:
        operation = self.random.choice(self._live())
        operation.revision += 1
        changes = self.random.choice([{"area": self.ground()}, self.window(), {"plainclothes": True}])
        operation.plan = {**operation.plan, **changes}
        data = {**operation.plan, "revision": operation.revision, "reason": "correction"}
        return kit.submission(operation.agency, kit.body(operation.agency, "operation.update", data))

    def _end(self) -> Submission:
        operation = self.random.choice(self._live())
        operation.live = False
        data = {
            **kit.common(["coordinator"], status=operation.plan["status"]),
            "operation_id": operation.plan["operation_id"],
            "reason": "weather",
        }
        return kit.submission(operation.agency, kit.body(operation.agency, "operation.cancel", data))


# the definition


@dataclass(frozen=True)
class Ground:
    """A core with its reach, and the window, from the plan as JSON."""

    plan: Json
    core: Any  # a shapely geometry
    reach_m: float
    start: float
    end: float

    @classmethod
    def of(cls, operation: Operation) -> "Ground":
        plan = operation.plan
        reach = plan["area"].get("radius_m", plan["area"].get("buffer_m", 0.0))
        start, end = (datetime.fromisoformat(plan[edge]).timestamp() for edge in ("start", "end"))
        return cls(plan, geometry(plan["area"]), reach, start - 3_600, end + 3_600)


def conflict(a: Ground, b: Ground) -> bool | None:
    """Whether the two conflict by the definition; None within a metre of the limit."""
    if a.plan["status"] != b.plan["status"] or max(a.start, b.start) >= min(a.end, b.end):
        return False
    limit = 800.0 if COVERT & {a.plan["event_type"], b.plan["event_type"]} else 290.0
    if a.core.intersects(b.core):
        return True
    threshold = limit + a.reach_m + b.reach_m
    rough = _rough_m(a, b)
    if abs(rough - threshold) > 0.05 * threshold + 50:
        return rough < threshold
    exact = least_geodesic(_edges(a.core), _edges(b.core))
    return None if abs(exact - threshold) < CLOSE_CALL_M else exact < threshold


def _rough_m(a: Ground, b: Ground) -> float:
    """Within a few per cent: degrees of longitude shrunk at the middle latitude."""
    shrink = math.cos(math.radians((a.core.centroid.y + b.core.centroid.y) / 2))
    flat = [scale(core, shrink, 1, origin=(0, 0)) for core in (a.core, b.core)]
    return float(flat[0].distance(flat[1]) * METRES_PER_DEGREE)


def _edges(core: BaseGeometry) -> list[Any]:  # edges as pairs of positions
    if core.geom_type == "Point":
        (place,) = core.coords
        return [(place, place)]
    lines = [core] if core.geom_type == "LineString" else [part.exterior for part in shapely.get_parts(core)]
    return [edge for line in lines for edge in zip(line.coords, line.coords[1:], strict=False)]


def by_definition(operations: Sequence[Operation]) -> tuple[set[frozenset[str]], set[frozenset[str]]]:
    """The pairs that conflict, and those too near the limit to call."""
    holds, close = set(), set()
    for one, two in combinations([Ground.of(operation) for operation in operations if operation.live], 2):
        found = conflict(one, two)
        pair = frozenset((str(one.plan["operation_id"]), str(two.plan["operation_id"])))
        if found is None:
            close.add(pair)
        elif found:
            holds.add(pair)
    return holds, close


async def on_record(store: SqliteStore) -> list[frozenset[str]]:
    rows = await store.reading(lambda db: db.execute("SELECT first, second FROM conflicts WHERE open").fetchall())
    return [frozenset(row) for row in rows]


@pytest.mark.parametrize("seed", range(4))
async def test_the_walk_finds_exactly_the_pairs_of_the_definition(tmp_path: Path, seed: int) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    migrate(url)
    weekend = Weekend(seed)
    async with open_store(url, "dps") as store:
        intake = Intake(store, kit.domain())
        await intake.receive(kit.agreements())
        messages = list(weekend.messages(700))
        while messages:
            size = weekend.random.choice([1, 3, 20, 90, 200])
            batch, messages = messages[:size], messages[size:]
            receipts = await intake.receive(batch)
            assert {each.verdict for each in receipts} <= {Verdict.ACCEPTED, Verdict.DUPLICATE}, [
                json.loads(each.body)["data"] for each in receipts if each.verdict is Verdict.REFUSED and each.body
            ]
        found = await on_record(store)
        holds, close = by_definition(weekend.operations)
        assert len(found) == len(set(found))
        assert len(holds) > 100
        assert set(found) - close == holds
        await _both_sides_were_told(store, set(found))


async def _both_sides_were_told(store: SqliteStore, pairs: set[frozenset[str]]) -> None:
    told: set[tuple[str, str]] = set()
    for agency in SENDERS:
        for each in await store.feed(agency, 0, 100_000):
            if each.type.startswith("gov.mo.coordination.deconfliction."):
                data = json.loads(each.body)["data"]
                pointer = data.get("pointer", data)
                told.add((pointer["conflict_id"], pointer["operation_id"]))
    ids = await store.reading(lambda db: db.execute("SELECT id, first, second FROM conflicts WHERE open").fetchall())
    assert {frozenset(row[1:]) for row in ids} == pairs
    missing = [(row[0], side) for row in ids for side in row[1:] if (row[0], side) not in told]
    assert missing == []
