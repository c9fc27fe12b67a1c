"""Rules of the walk that no agency sees: how much is asked of the store, what the lock waits for, what is logged."""

import asyncio
import functools
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest

from coordinator.intake import MAX_SURVEYS, Intake
from coordinator.model.leaf import LEAF, ConflictLeaf, MessageAcceptedLeaf
from coordinator.model.plan import Ask, Known, Plan
from coordinator.model.volume import Neighbourhood, Probe
from coordinator.model.work import Fate, Lease, Settlement, Submission, Verdict
from coordinator.outcomes import SETTLE_AFTER_S
from coordinator.store import open_store
from coordinator.store.migrate import migrate
from coordinator.store.sqlite import SqliteStore, SqliteTransaction
from coordinator.store.words import WORDS
from coordinator.surveying import MAX_CHANGED
from tests import kit
from tests.logged import logged

LEAD: Final = "dps"


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path}/store.db"
    migrate(made)
    return made


@pytest.fixture
async def store(url: str) -> AsyncIterator[SqliteStore]:
    async with open_store(url, LEAD) as opened:
        yield opened


async def lawful(store: SqliteStore) -> Intake:
    """A walk over this store, with everybody's agreements in force."""
    intake = Intake(store, kit.domain())
    await intake.receive(kit.agreements())
    return intake


def apart(count: int, row: int = 0) -> list[Submission]:
    """Notices so far from each other, and from those of another row, that none conflict."""
    places = ([-93.9 + 0.02 * at, 37.5 + 0.05 * row] for at in range(count))
    return [_at(place) for place in places]


def _at(place: Sequence[float], agency: str = "hsi") -> Submission:
    area = {"type": "Point", "coordinates": list(place), "radius_m": 100.0}
    return kit.notice(agency, ["mshp", "dea"], area=area)


# --- rule 6 ---


class Counting(sqlite3.Connection):
    """A connection that counts what is asked of it, by statement and without how many rows are inserted at once."""

    asked: ClassVar[Counter[str]] = Counter()

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:  # noqa: ANN401  # as the driver's own
        self.asked[sql.partition("VALUES")[0]] += 1
        return super().execute(sql, *parameters)

    def executemany(self, sql: str, rows: Iterable[Any]) -> sqlite3.Cursor:
        self.asked[sql.partition("VALUES")[0]] += 1
        return super().executemany(sql, rows)


async def test_a_batch_asks_no_more_than_one_message_but_by_the_256_rows(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=Counting))
    async with open_store(url, LEAD) as store:
        intake = await lawful(store)
        counts = []
        await intake.receive(apart(1))  # readers open their connections
        for batch in (apart(1, row=1), apart(100, row=2)):
            Counting.asked.clear()
            receipts = await intake.receive(batch)
            assert {receipt.verdict for receipt in receipts} == {Verdict.ACCEPTED}
            counts.append({asked: times for asked, times in Counting.asked.items() if not asked.startswith("PRAGMA")})
    one, many = counts
    assert many.keys() == one.keys()
    for asked, times in many.items():
        assert times <= one[asked] + (3 * 100 // 256 if asked.startswith("INSERT") else 0), asked


async def test_what_a_batch_does_not_ask_costs_no_statement(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notices pay nothing for the vocabulary: no table of what was said is read or written for them."""
    monkeypatch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=Counting))
    async with open_store(url, LEAD) as store:
        intake = await lawful(store)
        Counting.asked.clear()
        await intake.receive(apart(20))
    assert [asked for asked in Counting.asked if any(table.name in asked for table in WORDS)] == []


async def test_outcomes_wait_for_the_batch_that_is_being_recorded_and_ride_with_it(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on = asyncio.Event(), asyncio.Event()
    written: list[tuple[int, int]] = []
    read, write = SqliteTransaction.read, SqliteTransaction.write

    async def slow(transaction: SqliteTransaction, ask: Ask) -> Known:
        known = await read(transaction, ask)
        reading.set()
        await go_on.wait()
        return known

    async def noted(transaction: SqliteTransaction, plan: Plan) -> None:
        written.append((len(plan.messages), len(plan.settlements)))
        await write(transaction, plan)

    async with open_store(url, LEAD) as store:
        intake = await lawful(store)
        await intake.receive(apart(1))
        owed = (await store.lease(Lease("one", 0, 30_000, 1, {}))).dispatches[0]
        monkeypatch.setattr(SqliteTransaction, "read", slow)
        monkeypatch.setattr(SqliteTransaction, "write", noted)
        recording = asyncio.create_task(intake.receive(apart(1, row=1)))
        await reading.wait()
        settling = asyncio.create_task(intake.settle([Settlement(owed.key, owed.id, Fate.CONFIRMED, 0)]))
        await asyncio.sleep(5 * SETTLE_AFTER_S)
        assert not settling.done()
        go_on.set()
        await asyncio.gather(recording, settling)
    ((messages, settlements),) = written
    assert messages
    assert settlements == 1


# --- rule 5 ---


class Interrupted(SqliteStore):
    """A store where others' operations are committed between the survey and the lock."""

    surveys = 0
    interruptions: Callable[[], Sequence[Submission]] | None = None
    left = 0
    other: Intake | None = None

    async def neighbours(self, probes: Sequence[Probe]) -> Neighbourhood:
        found = await super().neighbours(probes)
        self.surveys += 1
        if self.left and self.other is not None and self.interruptions is not None:
            self.left -= 1
            await self.other.receive(self.interruptions())
        return found


async def _interrupted(url: str, times: int, others: int) -> tuple[int, int]:
    """Register an operation while others do so beside it; returns how often was surveyed, and conflicts found."""
    async with open_store(url, LEAD) as plain, Interrupted(url, LEAD) as store:
        store.other = await lawful(plain)
        rows = iter(range(1, 10))
        store.interruptions = lambda: [*apart(others - 1, next(rows)), _at(kit.JEFFERSON_CITY, "dea")]
        store.left = times
        intake = Intake(store, kit.domain())
        intake.surveyor.crowded = True
        (receipt,) = await intake.receive([_at(kit.JEFFERSON_CITY)])
        assert receipt.verdict is Verdict.ACCEPTED
        entries = [LEAF.validate_json(leaf) for leaf in await store.entries(0, 10_000)]
    (ours,) = [each for each in entries if each.entry == receipt.entry]
    assert isinstance(ours, MessageAcceptedLeaf)
    opened = [each for each in entries if isinstance(each, ConflictLeaf) and ours.object.id in each.operations]
    return store.surveys, len(opened)


async def test_what_changed_since_the_survey_is_compared_under_the_lock(url: str) -> None:
    assert await _interrupted(url, times=1, others=MAX_CHANGED) == (1, 1)


async def test_when_too_much_has_changed_the_lock_is_released_and_the_survey_made_again(url: str) -> None:
    assert await _interrupted(url, times=1, others=MAX_CHANGED + 1) == (2, 1)


async def test_the_last_survey_is_made_under_the_lock_so_that_nobody_waits_for_ever(url: str) -> None:
    assert await _interrupted(url, times=MAX_SURVEYS, others=MAX_CHANGED + 1) == (MAX_SURVEYS + 1, MAX_SURVEYS)


# --- rule 8 ---


async def test_each_message_has_one_line_with_its_place_in_the_journal(store: SqliteStore) -> None:
    intake = await lawful(store)
    good, wrong = _at(kit.JEFFERSON_CITY), kit.submission("hsi", b"{}")
    with logged() as lines:
        receipts = await intake.receive([good, wrong, good])
    said = [line for line in lines() if line["event"] == "message"]
    assert [line["verdict"] for line in said] == ["accepted", "refused", "duplicate"]
    assert [line["entry"] for line in said] == [receipt.entry for receipt in receipts]
    entries = await store.entries(0, 10_000)
    for line in said:
        assert LEAF.validate_json(entries[line["position"]]).entry == line["entry"]


async def test_what_is_not_committed_is_not_logged_as_a_message(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_db: sqlite3.Connection, _plan: object) -> None:
        msg = "no such plan"
        raise ValueError(msg)

    async with open_store(url, LEAD) as store:
        intake = await lawful(store)
        size = await store.size()
        monkeypatch.setattr("coordinator.store.sqlite.write_plan", broken)
        with logged() as lines:
            (receipt,) = await intake.receive([_at(kit.JEFFERSON_CITY)])
        assert receipt.verdict is Verdict.FAILED
        assert await store.size() == size
    assert [line["event"] for line in lines()] == ["failed"]
