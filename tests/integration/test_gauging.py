"""What a scrape reads of the store goes by indexes alone, however much there is."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from coordinator.store import open_ledger
from coordinator.store.gauging import paid, standing
from coordinator.store.migrate import migrate


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path}/coordinator.db"
    migrate(made)
    return made


async def test_an_empty_store_owes_nothing(url: str) -> None:
    async with open_ledger(url) as store:
        now, far = await store.reading(standing), await store.reading(paid)
    assert (now.owed, now.again, now.parked, now.set_aside, now.open_conflicts) == (0, 0, 0, 0, 0)
    assert not now.oldest
    assert not far.owing


async def test_no_table_is_walked_through(url: str) -> None:
    asked: list[str] = []
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as db:
        db.set_trace_callback(asked.append)
        standing(db)
        paid(db)
        db.set_trace_callback(None)
        plans = {each: [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {each}")] for each in asked}
    large = ("dispatches", "dead", "conflicts", "d")
    walked = [
        (each, step)
        for each, steps in plans.items()
        for step in steps
        if step.split()[:1] == ["SCAN"] and step.split()[1] in large and "INDEX" not in step
    ]
    assert len(plans) == 10
    assert not walked
