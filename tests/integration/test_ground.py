"""What waits loses its ground as well: parked, on a line in trouble, or under an agreement whose term ends."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from coordinator import ground
from coordinator.chores import released
from coordinator.ground import Ground
from coordinator.intake import Intake
from coordinator.model.plan import Ask
from coordinator.model.work import Dispatch, Fate, Settlement, Submission
from coordinator.store import open_store
from coordinator.store.asking import parked
from coordinator.store.migrate import migrate
from coordinator.store.sqlite import SqliteStore
from tests import kit
from tests.integration.traffic import id_of, leaves, short, states


@pytest.fixture
def clock() -> kit.Clock:
    return kit.Clock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    url = f"sqlite:///{tmp_path}/store.db"
    migrate(url)
    async with open_store(url, "dps") as opened:
        yield opened


@pytest.fixture
async def intake(store: SqliteStore, clock: kit.Clock) -> Intake:
    made = Intake(store, kit.domain(clock))
    await made.receive(kit.agreements())
    return made


@pytest.fixture
async def judge(store: SqliteStore, intake: Intake, clock: kit.Clock) -> Ground:
    """One that has looked through everything, as after a start."""
    made = Ground(store, intake, clock)
    await swept(made)
    return made


async def swept(judge: Ground, in_flight: frozenset[int] = frozenset()) -> None:
    while await judge.sweep(-1, in_flight):
        pass


def words(intake: Intake, **changes: object) -> Submission:
    """What mshp says of the agreement by which operations are told."""
    terms = next(each for each in intake.policy.agreements.values() if each.terms.kind == "dissemination")
    said = {
        "agreement_id": terms.id,
        "kind": "dissemination",
        "parties": list(kit.AGENCIES),
        "message_types": kit.OPERATION_TYPES,
        "regimes": ["operational"],
        **changes,
    }
    return kit.agreement("mshp", **said)


async def owed(store: SqliteStore, agency: str, sent: Submission) -> Dispatch:
    (found,) = [each for each in await store.feed(agency, 0, 10_000) if each.event_id == id_of(sent.body)]
    return found


async def settle(intake: Intake, fate: Fate, *dispatches: Dispatch) -> None:
    park = fate is Fate.RETURNED
    await intake.settle([Settlement(each.key, each.id, fate, 1, park=park) for each in dispatches])


async def at(store: SqliteStore, dispatch: Dispatch) -> Dispatch:
    """What stands under that number now."""
    (found,) = await store.feed(dispatch.recipient, dispatch.sequence - 1, 1)
    return found


async def withdrawn(store: SqliteStore) -> Counter[str]:
    return Counter(
        each
        for leaf in await leaves(store)
        if leaf.action == "feed.withdrawn"
        for each in getattr(leaf, "dispatches", ())
    )


@pytest.mark.parametrize("park", [True, False], ids=["parked", "owed"])
async def test_what_waits_is_withdrawn_when_its_agreement_is_suspended_and_the_sender_is_told(
    store: SqliteStore, intake: Intake, judge: Ground, *, park: bool
) -> None:
    sent = kit.notice("mshp", ["dea"])
    await intake.receive([sent])
    waiting = await owed(store, "dea", sent)
    await settle(intake, Fate.RETURNED if park else Fate.UNKNOWN, waiting)
    await intake.receive([words(intake, state="suspended")])
    await swept(judge)
    stub = await at(store, waiting)
    assert (stub.id, stub.sequence, short(stub.type)) == (waiting.id, waiting.sequence, "feed.withdrawn")
    assert sent.body not in [each.body for each in await store.feed("dea", 0, 1_000)]
    assert await withdrawn(store) == {waiting.id: 1}
    *_, last = await store.feed("mshp", 0, 1_000)
    assert (short(last.type), json.loads(last.body)["data"]["recipient"]) == ("feed.withdrawn", "dea")
    assert (await states(store))[waiting.id] == ("parked" if park else "owed")


async def test_the_stub_of_a_parked_delivery_is_what_goes_when_it_is_released(
    store: SqliteStore, intake: Intake, judge: Ground
) -> None:
    sent = kit.notice("mshp", ["dea"])
    await intake.receive([sent])
    waiting = await owed(store, "dea", sent)
    await settle(intake, Fate.RETURNED, waiting)
    await intake.receive([words(intake, state="terminated")])
    await swept(judge)
    (listed,) = await store.reading(lambda db: parked(db, 10))
    assert short(listed.type) == "feed.withdrawn"
    await intake.chore(Ask(), released([waiting.id]))
    assert (await states(store))[waiting.id] == "owed"
    assert not await judge.lost([await at(store, waiting)], -1)


async def test_what_was_delivered_or_needs_no_agreement_stays(
    store: SqliteStore, intake: Intake, judge: Ground
) -> None:
    sent = kit.notice("mshp", ["dea", "hsi"])
    await intake.receive([sent])
    delivered = await owed(store, "hsi", sent)
    await settle(intake, Fate.CONFIRMED, delivered)
    await intake.receive([words(intake, state="suspended")])
    await swept(judge)
    assert await withdrawn(store) == {(await store.feed("dea", 0, 1_000))[-2].id: 1}
    assert (await at(store, delivered)).body == sent.body
    receipts = [each for each in await store.feed("mshp", 0, 1_000) if short(each.type) == "message.accepted"]
    assert receipts


async def test_narrower_terms_withdraw_what_they_do_not_cover_any_more(
    store: SqliteStore, intake: Intake, judge: Ground
) -> None:
    sent = kit.notice("mshp", ["dea"])
    await intake.receive([sent])
    waiting = await owed(store, "dea", sent)
    narrower = [*kit.OPERATION_TYPES[1:]]
    first = words(intake, message_types=narrower)
    said = json.loads(first.body)["data"]
    others = [kit.agreement(each, **said) for each in kit.AGENCIES if each != "mshp"]
    await intake.receive([first, *others])
    await swept(judge)
    assert await withdrawn(store) == {waiting.id: 1}


async def test_an_agreement_that_ends_by_its_term_takes_what_waits_with_it(
    store: SqliteStore, intake: Intake, judge: Ground, clock: kit.Clock
) -> None:
    sent = kit.notice("mshp", ["dea"])
    await intake.receive([sent])
    waiting = await owed(store, "dea", sent)
    await settle(intake, Fate.RETURNED, waiting)
    await swept(judge)
    assert not await withdrawn(store)
    clock.now += timedelta(days=800)
    await swept(judge)
    assert await withdrawn(store) == {waiting.id: 1}


async def test_what_is_in_flight_is_beyond_recall_and_looked_at_again_should_it_come_back(
    store: SqliteStore, intake: Intake, judge: Ground
) -> None:
    sent = kit.notice("mshp", ["dea"])
    await intake.receive([sent])
    going = await owed(store, "dea", sent)
    await intake.receive([words(intake, state="suspended")])
    epoch = judge.epoch
    await swept(judge, frozenset([going.key]))
    assert judge.epoch > epoch
    assert not await withdrawn(store)
    assert await judge.lost([going], -1) == [going]
    await settle(intake, Fate.RETURNED, going)
    judge.look_again()
    await swept(judge)
    assert await withdrawn(store) == {going.id: 1}


async def test_many_are_withdrawn_once_each_page_after_page(
    store: SqliteStore, intake: Intake, judge: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ground, "PAGE", 7)
    monkeypatch.setattr(ground, "AT_ONCE", 3)
    sent = [kit.notice("mshp", ["dea", "hsi"]) for _ in range(20)]
    await intake.receive(sent)
    waiting = [await owed(store, agency, each) for each in sent for agency in ("dea", "hsi")]
    await settle(intake, Fate.RETURNED, *waiting[::3])
    await intake.receive([words(intake, state="suspended")])
    assert await judge.sweep(-1, ())
    await judge.withdraw(waiting[:10])
    await swept(judge)
    assert await withdrawn(store) == {each.id: 1 for each in waiting}
    for agency in ("dea", "hsi"):
        feed = await store.feed(agency, 0, 1_000)
        assert [each.sequence for each in feed] == list(range(1, len(feed) + 1))


async def test_after_a_restart_everything_that_waits_is_looked_through(
    store: SqliteStore, intake: Intake, clock: kit.Clock
) -> None:
    sent = kit.notice("mshp", ["dea"])
    await intake.receive([sent])
    waiting = await owed(store, "dea", sent)
    await settle(intake, Fate.RETURNED, waiting)
    await intake.receive([words(intake, state="suspended")])
    await swept(Ground(store, intake, clock))
    assert await withdrawn(store) == {waiting.id: 1}
