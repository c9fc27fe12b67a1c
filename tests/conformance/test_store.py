"""What every store promises, whatever it is made of; a store joins by a line in `STORES`."""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from coordinator.intake import Intake
from coordinator.model.codes import Lane, Status
from coordinator.model.enquiry import Enquiry
from coordinator.model.errors import StoreUnavailableError
from coordinator.model.geometry import Box
from coordinator.model.plan import MAX_NEAR, Ask, Target
from coordinator.model.work import ClaimKey, Dispatch, Fate, Lease, Line, Settlement, Verdict
from coordinator.steps import deconflict, record
from coordinator.store import leasing, open_store
from coordinator.store.migrate import migrate
from coordinator.store.sqlite import SqliteStore
from coordinator.store.tables import metadata
from coordinator.store.words import WORDS
from tests import kit
from tests.integration.traffic import apart


def sqlite(folder: Path) -> AbstractAsyncContextManager[SqliteStore]:
    url = f"sqlite:///{folder}/store.db"
    migrate(url)
    return open_store(url, "dps")


STORES: dict[str, Callable[[Path], AbstractAsyncContextManager[SqliteStore]]] = {"sqlite": sqlite}


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with STORES[request.param](tmp_path) as opened:
        yield opened


@pytest.fixture
async def intake(store: SqliteStore) -> Intake:
    made = Intake(store, kit.domain())
    await made.receive(kit.agreements())
    return made


def lease(owner: str = "one", now_ms: int = 1_000, **changes: object) -> Lease:
    return replace(Lease(owner, now_ms, now_ms + 30_000, 100, {}), **changes)  # type: ignore[arg-type]  # fields of Lease


async def test_what_is_not_written_is_not_there(store: SqliteStore) -> None:
    async with store.transaction() as transaction:
        known = await transaction.read(Ask())
        draft = record.Draft(known, kit.NOW, "//coordinator/missouri", kit.fresh_id, lambda: b"0" * 32)
        assert draft.position == 0
    assert await store.size() == 0


async def test_transactions_take_turns_at_the_head(store: SqliteStore) -> None:
    order: list[str] = []
    inside = asyncio.Event()

    async def first() -> None:
        async with store.transaction() as transaction:
            await transaction.read(Ask())
            inside.set()
            for _ in range(20):
                await asyncio.sleep(0)
            order.append("first")

    async def second() -> None:
        await inside.wait()
        async with store.transaction() as transaction:
            await transaction.read(Ask())
            order.append("second")

    await asyncio.gather(first(), second())
    assert order == ["first", "second"]


async def test_an_entry_never_changes_and_never_goes(store: SqliteStore, intake: Intake) -> None:
    del intake
    for statement in ("UPDATE leaves SET leaf = x'00' WHERE position = 0", "DELETE FROM leaves WHERE position = 0"):
        with pytest.raises(Exception, match="only grows"):
            async with store._writer.turn():  # noqa: SLF001  # past the port, as an intruder would
                await store._writer.call(partial(_run, statement))  # noqa: SLF001  # as above


def _run(statement: str, db: sqlite3.Connection) -> None:
    db.execute(statement)


async def test_an_effect_cannot_cite_an_older_entry(store: SqliteStore, intake: Intake) -> None:
    del intake
    old = "INSERT INTO claims VALUES ('mshp', 'x', 'd', 0, 'e', 'accepted', 'r')"
    with pytest.raises(Exception, match="older entry"):
        async with store._writer.turn():  # noqa: SLF001  # past the port, as an intruder would
            await store._writer.call(partial(_run, old))  # noqa: SLF001  # as above


async def test_claims_are_told_with_their_first_receipt(store: SqliteStore, intake: Intake) -> None:
    sent = kit.notice("mshp", ["hsi"])
    (receipt,) = await intake.receive([sent])
    key = ClaimKey("mshp", json.loads(sent.body)["id"])
    async with store.transaction() as transaction:
        known = await transaction.read(Ask(claims=(key, ClaimKey("hsi", key.id))))
    claim = known.claims[key]
    assert (claim.digest, claim.position, claim.body) == (sent.digest, receipt.position, receipt.body)
    assert list(known.claims) == [key]


async def test_a_feed_is_gapless_and_holds_each_content_once(store: SqliteStore, intake: Intake) -> None:
    await intake.receive(
        [kit.notice("mshp", ["hsi", "dea"], start=_hours(h), end=_hours(h + 1)) for h in range(1, 60, 4)]
    )
    for agency, last in (await store.last_sequences()).items():
        feed = await store.feed(agency, 0, 1_000)
        assert [each.sequence for each in feed] == list(range(1, last + 1))
        assert len({each.id for each in feed}) == len(feed)


def _hours(hours: float) -> str:
    return (kit.NOW + timedelta(hours=hours)).isoformat()


async def test_a_message_that_was_sent_to_somebody_is_told_as_reached(store: SqliteStore, intake: Intake) -> None:
    sent = kit.notice("mshp", ["hsi"])
    await intake.receive([sent])
    message = json.loads(sent.body)["id"]
    reached, other = Target("mshp", message, "hsi"), Target("mshp", message, "dea")
    async with store.transaction() as transaction:
        known = await transaction.read(Ask(targets=(reached, other)))
    assert known.reached == {reached}


async def test_neighbours_are_found_by_ground_and_by_time(store: SqliteStore, intake: Intake) -> None:
    near = kit.plan(["hsi"])
    late = kit.plan(["hsi"], start=_hours(200), end=_hours(201))
    far = kit.plan(["hsi"], area={"type": "Point", "coordinates": [-94.58, 39.1], "radius_m": 100})
    plans = (near, late, far)
    await intake.receive([kit.submission("mshp", kit.body("mshp", "operation.notice", plan)) for plan in plans])
    async with store.transaction() as transaction:
        known = await transaction.read(Ask(operations=(str(near["operation_id"]),)))
    volume = replace(known.operations[str(near["operation_id"])].volume, operation_id=kit.fresh_id())
    around = await store.neighbours([deconflict.probe(volume, kit.directory())])
    assert [found for _, found in around.hits] == [near["operation_id"]]
    assert around.position == await store.size()


async def test_an_operation_is_read_back_as_it_was_written(store: SqliteStore, intake: Intake) -> None:
    plan = kit.plan(
        ["hsi"],
        area={"type": "LineString", "coordinates": [[-92.2, 38.5], [-92.1, 38.6]], "buffer_m": 40},
        caution=["armed", "dogs"],
        authority={"function": "detain", "officer_ids": ["M-1"]},
        sealed=True,
    )
    await intake.receive([kit.submission("mshp", kit.body("mshp", "operation.notice", plan))])
    async with store.transaction() as transaction:
        known = await transaction.read(Ask(operations=(str(plan["operation_id"]),), authorised=True))
    found = known.operations[str(plan["operation_id"])]
    volume = found.volume
    assert (volume.agency, volume.revision, volume.shape.reach_m) == ("mshp", 1, 40)
    assert list(volume.shape.core.coords) == [(-92.2, 38.5), (-92.1, 38.6)]
    assert volume.start == kit.NOW + timedelta(hours=1)
    assert (volume.card.sealed, [code.value for code in volume.card.caution]) == (True, ["armed", "dogs"])
    assert found.authority is not None
    assert found.authority.officer_ids == ("M-1",)
    assert known.authorised == (found,)


async def test_changed_operations_are_told_from_a_position_on(store: SqliteStore, intake: Intake) -> None:
    first, second = kit.plan(["hsi"]), kit.plan(["hsi"])
    await intake.receive([kit.submission("mshp", kit.body("mshp", "operation.notice", first))])
    since = await store.size()
    await intake.receive([kit.submission("mshp", kit.body("mshp", "operation.notice", second))])
    async with store.transaction() as transaction:
        known = await transaction.read(Ask(since=since))
    assert list(known.changed) == [second["operation_id"]]


async def test_the_policy_is_told_only_to_who_does_not_know_it(store: SqliteStore, intake: Intake) -> None:
    version = intake.policy.version
    async with store.transaction() as transaction:
        known = await transaction.read(Ask(policy_version=version))
    assert known.policy is None
    async with store.transaction() as transaction:
        known = await transaction.read(Ask(policy_version=version - 1))
    assert known.policy is not None
    assert known.policy.version == version
    assert known.policy.agreements == intake.policy.agreements == (await store.policy()).agreements


async def test_what_lies_near_is_told_under_the_lock_when_it_is_little(store: SqliteStore, intake: Intake) -> None:
    directory = kit.directory()
    plan = kit.plan(["hsi"])
    near = [kit.notice("mshp", ["hsi"]) for _ in range(MAX_NEAR)]
    near.insert(0, kit.submission("mshp", kit.body("mshp", "operation.notice", plan)))
    await intake.receive(near[:MAX_NEAR])
    async with store.transaction() as transaction:
        (here,) = (await transaction.read(Ask(operations=(str(plan["operation_id"]),)))).operations.values()
    probes = [replace(deconflict.probe(here.volume, directory), operation_id=kit.fresh_id())]
    async with store.transaction() as transaction:
        known = await transaction.read(Ask(around=probes))
    assert known.around is not None
    assert known.around.position == known.head.position
    assert known.around == await store.neighbours(probes)
    assert len(known.around.hits) == MAX_NEAR
    await intake.receive(near[MAX_NEAR:])
    async with store.transaction() as transaction:
        known = await transaction.read(Ask(around=probes))
    assert known.around is None
    async with store.transaction() as transaction:
        assert (await transaction.read(Ask())).around is None


async def test_a_line_belongs_to_one_owner_until_its_lease_ends(store: SqliteStore, intake: Intake) -> None:
    await intake.receive([kit.notice("mshp", ["hsi"])])
    ours = await store.lease(lease("one"))
    assert ours.dispatches
    assert not (await store.lease(lease("two"))).dispatches
    later = await store.lease(lease("two", now_ms=40_000))
    assert [each.id for each in later.dispatches] == [each.id for each in ours.dispatches]
    assert not (await store.lease(lease("one", now_ms=41_000))).dispatches


async def test_a_look_tells_which_lines_are_ours_and_of_which_it_handed_out_everything(
    store: SqliteStore, intake: Intake
) -> None:
    await intake.receive([kit.notice("mshp", ["hsi", "dea"]) for _ in range(5)])
    hsi, sender = Line("hsi", Lane.OUT), Line("mshp", Lane.OUT)
    everything = await store.lease(lease())
    lines = {Line(each.recipient, each.lane) for each in everything.dispatches}
    assert set(everything.whole) == lines
    assert everything.until_ms == dict.fromkeys(lines, 31_000)
    owed = Counter(Line(each.recipient, each.lane) for each in everything.dispatches)
    some = await store.lease(lease(limit=owed[hsi]))
    assert hsi not in some.whole  # there could be more
    assert sender not in some.whole
    most = await store.lease(lease(limit=owed[hsi] + 1, resting=frozenset({sender})))
    assert hsi in most.whole
    assert sender not in most.until_ms
    theirs = await store.lease(lease("two"))
    assert not theirs.until_ms
    assert not theirs.whole


async def test_what_is_due_comes_in_order_and_after_the_cursor(store: SqliteStore, intake: Intake) -> None:
    await intake.receive([kit.notice("mshp", ["hsi"]), kit.notice("mshp", ["hsi"]), kit.notice("mshp", ["dea"])])
    line = Line("hsi", Lane.OUT)

    def hsi(dispatches: tuple[Dispatch, ...]) -> list[int]:
        return [each.sequence for each in dispatches if each.recipient == "hsi" and each.lane is Lane.OUT]

    everything = hsi((await store.lease(lease())).dispatches)
    assert everything == sorted(everything)
    rest = hsi((await store.lease(lease(cursors={line: everything[0]}))).dispatches)
    assert rest == everything[1:]
    assert not hsi((await store.lease(lease(resting=frozenset({line})))).dispatches)


async def test_every_line_with_something_due_has_its_share(store: SqliteStore, intake: Intake) -> None:
    await intake.receive([kit.notice("mshp", ["hsi", "dea"]) for _ in range(30)])
    await intake.receive([kit.notice("usms", ["usms"])])
    everything = (await store.lease(lease())).dispatches
    lines = {Line(each.recipient, each.lane) for each in everything}
    shared = (await store.lease(lease(total=5 * len(lines)))).dispatches
    shares = Counter(Line(each.recipient, each.lane) for each in shared)
    assert shares.keys() == lines
    assert max(shares.values()) == 5
    assert set(
        (Counter(Line(each.recipient, each.lane) for each in (await store.lease(lease(total=1))).dispatches)).values()
    ) == {1}
    assert [each.lane for each in shared] == sorted(each.lane for each in shared)  # alerts first


async def test_what_is_tried_again_comes_within_the_lines_share(store: SqliteStore, intake: Intake) -> None:
    await intake.receive([kit.notice("mshp", ["hsi"]) for _ in range(6)])
    line = Line("hsi", Lane.OUT)
    owed = [each for each in (await store.lease(lease())).dispatches if Line(each.recipient, each.lane) == line]
    await intake.settle([Settlement(each.key, each.id, Fate.UNKNOWN, 1) for each in owed[:2]])
    found = (await store.lease(lease(limit=3, cursors={line: owed[3].sequence}))).dispatches
    assert [each.id for each in found if Line(each.recipient, each.lane) == line] == [
        each.id for each in (*owed[:2], owed[4])
    ]


async def test_to_see_what_lines_have_debts_takes_no_longer_when_more_is_owed(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as store:
        intake = Intake(store, kit.domain())
        await intake.receive(kit.agreements())

        def work(db: sqlite3.Connection) -> int:
            steps = 0

            def step() -> None:
                nonlocal steps
                steps += 1

            db.set_progress_handler(step, 1)
            leasing.lines_with_debts(db)
            db.set_progress_handler(None, 1)
            return steps

        await intake.receive([kit.notice("mshp", ["hsi"])])
        little = await store.reading(work)
        await intake.receive([kit.notice("mshp", ["hsi"], area=apart(number)) for number in range(150)])
        assert await store.reading(work) < 1.1 * little


async def test_what_relies_on_an_agreement_is_found_wherever_it_waits(store: SqliteStore, intake: Intake) -> None:
    sent = [kit.notice("mshp", ["hsi", "dea"]) for _ in range(3)]
    await intake.receive(sent)
    (agreement,) = [each.id for each in intake.policy.agreements.values() if each.terms.kind == "dissemination"]
    relying = await store.relying(None, 0, 100)
    assert [each.key for each in relying] == sorted(each.key for each in relying)
    assert {(each.recipient, each.agreement) for each in relying} == {("hsi", agreement), ("dea", agreement)}
    assert len(relying) == 6
    first, second, *rest = relying
    await intake.settle(
        [
            Settlement(first.key, first.id, Fate.CONFIRMED, 0),
            Settlement(second.key, second.id, Fate.RETURNED, 9, park=True),
        ]
    )
    assert [each.id for each in await store.relying([agreement], 0, 100)] == [each.id for each in (second, *rest)]
    assert [each.id for each in await store.relying([agreement], second.key, 2)] == [each.id for each in rest[:2]]
    assert not await store.relying([kit.fresh_id()], 0, 100)
    assert not await store.relying([], 0, 100)


async def test_a_settled_delivery_is_owed_no_more_and_a_failed_one_comes_again(
    store: SqliteStore, intake: Intake
) -> None:
    await intake.receive([kit.notice("mshp", ["hsi"])])
    due = (await store.lease(lease())).dispatches
    done, failed, parked = due[0], due[1], due[2]
    await intake.settle(
        [
            Settlement(done.key, done.id, Fate.CONFIRMED, 0),
            Settlement(failed.key, failed.id, Fate.RETURNED, 1, due_ms=5_000, news=True),
            Settlement(parked.key, parked.id, Fate.NACKED, 9, park=True),
        ]
    )
    cursors = {Line(each.recipient, each.lane): each.sequence for each in due}
    assert not (await store.lease(lease(now_ms=4_000, cursors=cursors))).dispatches
    again = (await store.lease(lease(now_ms=5_000, cursors=cursors))).dispatches
    assert [(each.id, each.attempts) for each in again] == [(failed.id, 1)]


async def test_a_duplicate_is_answered_by_the_first_receipt_under_its_first_ids(
    store: SqliteStore, intake: Intake
) -> None:
    sent = kit.notice("mshp", ["hsi"])
    (first,) = await intake.receive([sent])
    before = await store.last_sequences()
    due = (await store.lease(lease())).dispatches
    await intake.settle([Settlement(each.key, each.id, Fate.CONFIRMED, 0) for each in due])
    (second,) = await intake.receive([sent])
    assert second.verdict is Verdict.DUPLICATE
    assert second.body == first.body
    assert await store.last_sequences() == before
    again = (await store.lease(lease())).dispatches
    assert [each.body for each in again] == [first.body]


async def test_a_store_that_is_away_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailableError, match="migrate"):
        open_store(f"sqlite:///{tmp_path}/none/store.db", "dps")


# --- what was said ---


async def test_of_a_message_is_told_what_it_was_and_whom_it_reached_and_nothing_of_another(
    store: SqliteStore, intake: Intake
) -> None:
    sent = kit.notice("mshp", ["hsi", "dea"])
    await intake.receive([sent])
    key = ClaimKey("mshp", json.loads(sent.body)["id"])
    async with store.transaction() as transaction:
        known = await transaction.read(Ask(sent=[key, ClaimKey("hsi", key.id), ClaimKey("mshp", kit.fresh_id())]))
    assert list(known.sent) == [key]
    found = known.sent[key]
    assert (found.type, found.status, found.regime) == (
        "gov.mo.coordination.operation.notice.v1",
        "actual",
        "operational",
    )
    assert found.recipients == ("dea", "hsi")
    assert not found.recalled


async def test_of_others_is_told_only_whether_they_are_there(store: SqliteStore, intake: Intake) -> None:
    await intake.receive([kit.notice("dea", ["coordinator"])])
    longitude, latitude = kit.JEFFERSON_CITY
    here = Box(longitude - 0.001, latitude - 0.001, longitude + 0.001, latitude + 0.001)
    away = Box(longitude + 1, latitude, longitude + 1.001, latitude + 0.001)
    window = (kit.NOW, kit.NOW + timedelta(hours=4))

    def asked(agency: str, status: Status = Status.ACTUAL, *places: Box, of: tuple[object, ...] = window) -> Enquiry:
        start, end = of
        assert isinstance(start, datetime)
        assert isinstance(end, datetime)
        return Enquiry(kit.fresh_id(), agency, status, places, start, end)

    late = (kit.NOW + timedelta(hours=30), kit.NOW + timedelta(hours=40))
    enquiries = [
        asked("mshp", Status.ACTUAL, here),
        asked("mshp", Status.ACTUAL, away, here),
        asked("mshp", Status.ACTUAL, away),
        asked("mshp", Status.EXERCISE, here),
        asked("mshp", Status.ACTUAL, here, of=late),
        asked("dea", Status.ACTUAL, here),
    ]
    async with store.transaction() as transaction:
        known = await transaction.read(Ask(enquiries=enquiries))
    answers = [known.enquired[ClaimKey(each.agency, each.id)] for each in enquiries]
    assert answers == list(zip(enquiries, [True, True, False, False, False, False], strict=True))


async def test_two_agencies_that_ask_under_one_id_are_answered_apart(store: SqliteStore, intake: Intake) -> None:
    await intake.receive([kit.notice("dea", ["coordinator"])])
    longitude, latitude = kit.JEFFERSON_CITY
    here = (Box(longitude - 0.001, latitude - 0.001, longitude + 0.001, latitude + 0.001),)
    of_one = kit.fresh_id()
    window = (kit.NOW, kit.NOW + timedelta(hours=4))
    enquiries = [Enquiry(of_one, agency, Status.ACTUAL, here, *window) for agency in ("mshp", "dea")]
    async with store.transaction() as transaction:
        known = await transaction.read(Ask(enquiries=enquiries))
    assert [known.enquired[ClaimKey(agency, of_one)][1] for agency in ("mshp", "dea")] == [True, False]


@pytest.mark.parametrize("table", [table.name for table in WORDS])
async def test_what_was_said_cannot_cite_an_older_entry(store: SqliteStore, intake: Intake, table: str) -> None:
    del intake
    columns = [column.name for column in metadata.tables[table].columns]
    values = ", ".join("0" if column == "position" else "'x'" for column in columns)
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"  # noqa: S608  # names of our own tables
    with pytest.raises(Exception, match="older entry"):
        async with store._writer.turn():  # noqa: SLF001  # past the port, as an intruder would
            await store._writer.call(partial(_run, statement))  # noqa: SLF001  # as above


async def test_what_the_lead_says_of_parties_is_part_of_the_policy_and_the_last_word_counts(
    store: SqliteStore, intake: Intake
) -> None:
    before = (await store.policy()).version
    for state, account in (("suspended", None), ("suspended", "dea"), ("in_force", None)):
        said = {
            **kit.common(["dea"]),
            "originator": {"ori": "MOTEST000", "officer_id": "4127"},
            "party": "dea",
            "state": state,
            "reason": "compromised",
            **({} if account is None else {"account": account}),
        }
        await intake.receive([kit.submission("dps", kit.body("dps", "party.status", said))])
    policy = await store.policy()
    assert policy.version == before + 3
    assert {word.of: word.state.value for word in policy.party_words} == {
        ("dea", None, None): "in_force",
        ("dea", "dea", None): "suspended",
    }
    assert policy.disabled("dea", "dea")
    assert not policy.disabled("dea", "dea-mobile")
