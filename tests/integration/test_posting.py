"""Group commit over a real store: what is posted at once is recorded together, fairly, whoever hangs up."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from coordinator.bootstrap import make_intake
from coordinator.intake import Intake
from coordinator.model.errors import StoreUnavailableError
from coordinator.model.plan import Plan
from coordinator.model.work import Receipt, Submission, Verdict
from coordinator.posting import Posting, PostingClosedError, PostingFullError
from coordinator.store import open_store
from coordinator.store.asking import figures
from coordinator.store.migrate import migrate
from coordinator.store.sqlite import SqliteStore
from tests import kit
from tests.integration.posting import apart


@dataclass(slots=True)
class Office:
    """A store, the walk over it, and who posts into it."""

    store: SqliteStore
    intake: Intake
    posting: Posting
    commits: list[int] = field(default_factory=list)
    """How many messages each transaction accepted."""

    def heed(self, plan: Plan) -> None:
        if plan.claims:
            self.commits.append(len(plan.claims))


@asynccontextmanager
async def office(folder: Path, capacity: int = 4_000) -> AsyncIterator[Office]:
    url = f"sqlite:///{folder}/store.db"
    migrate(url)
    async with open_store(url, "dps") as store:
        heeding: list[object] = []
        intake = make_intake(store, kit.directory(), "missouri", heeding, kit.Clock())  # type: ignore[arg-type]  # filled below
        await intake.receive(kit.agreements())
        made = Office(store, intake, Posting(intake, capacity))
        heeding.append(made.heed)
        async with asyncio.TaskGroup() as group:
            group.create_task(made.posting.run())
            yield made
            made.posting.stop()


def notices(count: int, agency: str = "mshp") -> list[Submission]:
    return [kit.notice(agency, ["hsi"], area=apart(number)) for number in range(count)]


def verdicts(receipts: Sequence[Receipt | None]) -> list[Verdict | None]:
    return [None if each is None else each.verdict for each in receipts]


async def test_what_is_posted_while_a_batch_is_recorded_is_the_next_one(store_folder: Path) -> None:
    async with office(store_folder) as made:
        posts = [made.posting.post(f"mshp/{at}", [each]) for at, each in enumerate(notices(40))]
        answers = await asyncio.gather(*posts)
    assert [verdicts(each) for each in answers] == [[Verdict.ACCEPTED]] * 40
    assert sum(made.commits) == 40
    assert len(made.commits) <= 6  # without waiting for anybody: the first begins with what is there


async def test_each_poster_gets_its_own_receipt(store_folder: Path) -> None:
    sent = notices(30)
    async with office(store_folder) as made:
        answers = await asyncio.gather(*(made.posting.post("mshp/cad", [each]) for each in sent))
    positions = [each.position for answer in answers for each in answer if each is not None]
    assert len(set(positions)) == 30
    for submission, (receipt,) in zip(sent, answers, strict=True):
        assert receipt is not None
        assert receipt.body is not None
        assert submission.digest.encode() in receipt.body


async def test_the_same_message_posted_twice_at_once_has_one_effect(store_folder: Path) -> None:
    (sent,) = notices(1)
    async with office(store_folder) as made:
        before = (await made.store.reading(figures)).messages
        (one,), (other,) = await asyncio.gather(*(made.posting.post("mshp/cad", [sent]) for _ in "ab"))
        assert (await made.store.reading(figures)).messages == before + 1
    assert one is not None
    assert other is not None
    assert {one.verdict, other.verdict} == {Verdict.ACCEPTED, Verdict.DUPLICATE}
    assert (one.position, one.body) == (other.position, other.body)


async def test_one_that_floods_keeps_nobody_waiting(store_folder: Path) -> None:
    async with office(store_folder) as made:
        flood = [asyncio.create_task(made.posting.post("mshp/cad", notices(64))) for _ in range(30)]
        await asyncio.sleep(0)
        (answer,) = await made.posting.post("dea/cad", notices(1, "dea"))
        left = sum(not each.done() for each in flood)
        assert answer is not None
        assert answer.verdict is Verdict.ACCEPTED
        # It went with the next batch, whatever was waiting before it: of the thirty posts most are not answered yet.
        assert left >= 20
        assert all(verdicts(each) == [Verdict.ACCEPTED] * 64 for each in await asyncio.gather(*flood))


async def test_a_poster_that_hangs_up_disturbs_nobody_and_is_recorded(store_folder: Path) -> None:
    sent = notices(20)
    async with office(store_folder) as made:
        before = (await made.store.reading(figures)).messages
        posts = [asyncio.create_task(made.posting.post("mshp/cad", [each])) for each in sent]
        await asyncio.sleep(0)
        for each in posts[::2]:
            each.cancel()
        answers = await asyncio.gather(*posts[1::2])
        made.posting.stop()
    async with open_store(f"sqlite:///{store_folder}/store.db", "dps") as store:
        assert (await store.reading(figures)).messages == before + 20
    assert all(verdicts(each) == [Verdict.ACCEPTED] for each in answers)


async def test_what_was_taken_is_answered_after_a_stop_and_nothing_is_taken_any_more(store_folder: Path) -> None:
    async with office(store_folder) as made:
        posts = [asyncio.create_task(made.posting.post("mshp/cad", [each])) for each in notices(50)]
        await asyncio.sleep(0)
        made.posting.stop()
        with pytest.raises(PostingClosedError):
            await made.posting.post("mshp/cad", notices(1))
        assert not made.posting.open
        assert all(verdicts(each) == [Verdict.ACCEPTED] for each in await asyncio.gather(*posts))


async def test_what_there_is_no_room_for_is_not_taken_in_part(store_folder: Path) -> None:
    async with office(store_folder, capacity=10) as made:
        before = (await made.store.reading(figures)).messages
        with pytest.raises(PostingFullError):
            await made.posting.post("mshp/cad", notices(11))
        assert verdicts(await made.posting.post("mshp/cad", notices(10))) == [Verdict.ACCEPTED] * 10
        assert (await made.store.reading(figures)).messages == before + 10


async def test_a_store_that_is_held_leaves_a_verdict_unknown_and_the_same_bytes_may_come_again(
    store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program holds the store's lock for longer than we wait for it."""
    import sqlite3  # noqa: PLC0415  # as a program of an operator's would

    monkeypatch.setattr("coordinator.store.connections.BUSY_MS", 100)
    (sent,) = notices(1)
    async with office(store_folder) as made:
        held = sqlite3.connect(store_folder / "store.db", isolation_level=None)
        held.execute("BEGIN IMMEDIATE")
        assert await made.posting.post("mshp/cad", [sent]) == [None]
        with pytest.raises(StoreUnavailableError):
            await made.intake.receive([sent])
        held.execute("ROLLBACK")
        held.close()
        assert verdicts(await made.posting.post("mshp/cad", [sent])) == [Verdict.ACCEPTED]
