"""Questions about operations beside 1,000,000 of them: `python -m tests.benchmarks.queries [--count N]`.

The one agency that asks knows of all of them, which is the worst case: half are its own, half it was told of. They are
spread over three years; some thousands lie ahead. Prints milliseconds a page (median and 99th percentile), and how
SQLite finds the rows.
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
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from coordinator.model.geometry import Box
from coordinator.model.views import Sought
from coordinator.store import open_store, querying
from coordinator.store.heeding import HEARD, OPERATION, SIGHTS
from coordinator.store.inserting import Insert, insert
from coordinator.store.migrate import migrate
from coordinator.store.querying import StoreQueries
from coordinator.store.rows import to_us
from coordinator.store.writing import DISPATCHES, MESSAGES
from tests import kit

ROUNDS = 60
LIMIT = 50
CHUNK = 10_000
YEARS = timedelta(days=3 * 365)
LEAVES = Insert("leaves", "position, entry, leaf, hash, action, agency, t")
CITIES = ((-90.25, 38.63), (-94.58, 39.10), (-93.29, 37.21))


def fill(path: Path, count: int, pick: random.Random) -> list[str]:
    """Write what the walk would have written of so many operations; their ids, in order."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous=OFF")
    db.execute("BEGIN")
    insert(db, LEAVES, [(0, "entry", b"", b"", "benchmark", "mshp", "")])
    plan = kit.plan(["mshp"])
    ids: list[str] = []
    for start in range(1, count + 1, CHUNK):
        some = list(_operations(range(start, min(start + CHUNK, count + 1)), plan, pick))
        ids += [str(each[0]) for each in some]
        told = [(key, owner) for key, (_, owner, *_) in enumerate(some, start) if owner != "mshp"]
        insert(
            db,
            MESSAGES,
            [
                (key, owner, each, "//x/cad", "gov.mo.coordination.operation.notice.v1", body, 0, None, None)
                for key, (each, owner, body, *_) in enumerate(some, start)
            ],
        )
        insert(db, DISPATCHES, [(key, f"d{key}", "mshp", "out", key, key, 0, None, "") for key, _ in told])
        insert(db, HEARD, [("mshp", OPERATION, each[0], key) for key, each in enumerate(some, start)])
        insert(db, SIGHTS, [("mshp", each, owner, *rest) for each, owner, _, *rest in some])
    db.execute("UPDATE head SET position = 1")
    db.execute("COMMIT")
    db.close()
    return ids


def _operations(keys: range, plan: kit.Json, pick: random.Random) -> Iterator[tuple[object, ...]]:
    for key in keys:
        begins = kit.NOW - YEARS + timedelta(seconds=pick.uniform(0, YEARS.total_seconds() * 1.005))
        ends = begins + timedelta(hours=2)
        lon, lat = pick.choice(CITIES)
        lon, lat = lon + pick.gauss(0, 0.1), lat + pick.gauss(0, 0.08)
        area = {"type": "Point", "coordinates": [lon, lat], "radius_m": 100.0}
        operation = f"{pick.getrandbits(128):032x}"
        operation = "-".join((operation[:8], operation[8:12], operation[12:16], operation[16:20], operation[20:]))
        said = {"operation_id": operation, "start": begins.isoformat(), "end": ends.isoformat(), "area": area}
        body = json.dumps({"data": {**plan, **said}}).encode()
        state = "planned" if ends > kit.NOW else "closed"
        ground = (lon - 0.0012, lat - 0.0009, lon + 0.0012, lat + 0.0009)
        yield operation, "mshp" if key % 2 else "dea", body, state, to_us(begins), to_us(ends), *ground


def questions(pick: random.Random) -> dict[str, Callable[[], Sought]]:
    """What is asked, each time anew."""

    def near() -> Box:
        lon, lat = pick.choice(CITIES)
        lon, lat = lon + pick.gauss(0, 0.05), lat + pick.gauss(0, 0.05)
        return Box(lon - 0.05, lat - 0.05, lon + 0.05, lat + 0.05)

    def day() -> datetime:
        return kit.NOW - timedelta(days=pick.uniform(10, 1_000))

    def window() -> Sought:
        begin = day()
        return Sought(begin=begin, finish=begin + timedelta(days=1))

    return {
        "all": Sought,
        "from now": lambda: Sought(begin=kit.NOW),
        "from now, near": lambda: Sought(begin=kit.NOW, box=near()),
        "state planned": lambda: Sought(state="planned"),
        "state executing (none)": lambda: Sought(state="executing"),
        "agency": lambda: Sought(agency="dea"),
        "near, ever": lambda: Sought(box=near()),
        "a day in the past": window,
    }


async def timed(ask: Callable[[], Awaitable[object]]) -> dict[str, float]:
    """Milliseconds of one."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await ask()
        took.append(1_000 * (time.perf_counter() - began))
    took.sort()
    return {"p50_ms": round(statistics.median(took), 2), "p99_ms": round(took[int(0.99 * ROUNDS)], 2)}


def plans(path: Path) -> dict[str, list[str]]:
    """How SQLite finds the rows of each statement."""
    db = sqlite3.connect(path)
    names = ("HEARD", "IN_ORDER", "LAST_EXAMINED", "BY_END", "BY_STATE", "CONFLICTS")
    found = {}
    for name in names:
        statement = getattr(querying, name)
        holes = max(statement.count("?"), 12)
        for some in range(holes + 1):
            try:
                rows = db.execute(f"EXPLAIN QUERY PLAN {statement}", (None,) * some).fetchall()
            except sqlite3.ProgrammingError:
                continue
            found[name] = [row[3] for row in rows]
            break
    db.close()
    return found


async def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=1_000_000)
    count = options.parse_args().count
    pick = random.Random(1)  # noqa: S311  # a seed that reproduces
    printed: dict[str, object] = {"operations": count, "limit": LIMIT, "at": datetime.now(UTC).isoformat()}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        migrate(f"sqlite:///{path}")
        ids = sorted(fill(path, count, pick))
        printed["statements"] = plans(path)
        async with open_store(f"sqlite:///{path}", "dps") as store:
            queries = StoreQueries(store, "dps", kit.Clock())
            for name, make in questions(pick).items():
                printed[name] = await timed(lambda make=make: queries.operations("mshp", make(), "", LIMIT))  # type: ignore[misc]  # bound at once
            middle = ids[count // 2]
            printed["a page in the middle"] = await timed(lambda: queries.operations("mshp", Sought(), middle, LIMIT))
            printed["one"] = await timed(lambda: queries.operation("mshp", pick.choice(ids)))
            printed["another agency's"] = await timed(lambda: queries.operation("atf", pick.choice(ids)))
            printed["nothing"] = await timed(lambda: queries.operation("atf", kit.fresh_id()))
    sys.stdout.write(f"{json.dumps(printed, indent=1)}\n")


if __name__ == "__main__":
    asyncio.run(main())
