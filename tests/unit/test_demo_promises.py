"""The demo's examination finds whatever does not hold; played here over a real store without a broker."""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest

from coordinator.demo.compose import compose
from coordinator.demo.letters import Letter, Program
from coordinator.demo.mailroom import Mailbox, Mailroom, Received
from coordinator.demo.parties import make_parties
from coordinator.demo.play import Observed
from coordinator.demo.promises import Performance, hold
from coordinator.demo.scenario import load_places, load_scenario
from coordinator.demo.telling import Teller
from coordinator.domain import Domain
from coordinator.intake import Intake
from coordinator.journal.findings import Altered, Intact, Part
from coordinator.model.envelope import TYPE_PREFIX
from coordinator.model.leaf import Channel
from coordinator.model.work import Dispatch, Submission
from coordinator.store import open_store
from coordinator.store.asking import figures
from coordinator.store.migrate import migrate
from coordinator.store.sqlite import SqliteStore
from tests import kit


def submission(letter: Letter) -> Submission:
    digest = f"sha-256:{hashlib.sha256(letter.body).hexdigest()}"
    return Submission(letter.body, letter.agency, letter.agency, Channel.AMQP, datetime.now(UTC), digest)


def received(dispatch: Dispatch) -> Received:
    name = dispatch.type.removeprefix(TYPE_PREFIX).removesuffix(".v1")
    event = orjson.loads(dispatch.body)
    claimed = (dispatch.source, dispatch.event_id)
    return Received(
        dispatch.recipient, dispatch.lane, dispatch.id, dispatch.sequence, name, dispatch.body, event, claimed
    )


async def played(program: Program, store: SqliteStore, intake: Intake) -> Performance:
    """Submit everything, then read every feed as if it had been delivered."""
    for act in program.scenario.act:
        await intake.receive([submission(letter) for letter in (*program.of(act), *program.again(act))])
    last = await store.last_sequences()
    boxes = {row.id: Mailbox(row.id) for row in program.scenario.agency}
    mailroom = Mailroom(boxes, lambda _: None)
    for agency in boxes:
        for dispatch in await store.feed(agency, 0, 10_000):
            mailroom.take(received(dispatch))
    for act in program.scenario.act:
        for letter in program.again(act):
            again = boxes[letter.agency].receipt(letter.id)
            assert again is not None
            mailroom.take(again)
    observed = Observed({row.key: "ACCESS_REFUSED" for row in program.scenario.intrusion}, 160, 4)
    found = replace(await store.reading(figures), owed=0, deliveries=mailroom.total)
    return Performance(program, mailroom, observed, found, last, Intact("demo", found.entries, b"", None))


@pytest.fixture(scope="module")
async def original(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Performance]:
    scenario = load_scenario()
    program = compose(scenario, load_places(), kit.counties(), 7, datetime.now(UTC))
    folder = tmp_path_factory.mktemp("play")
    url = f"sqlite:///{folder}/play.db"
    migrate(url)
    directory = make_parties(scenario, kit.counties()).directory
    async with open_store(url, scenario.lead) as store:
        intake = Intake(store, Domain("missouri", directory, kit.bounds(directory)))
        yield await played(program, store, intake)


@pytest.fixture
def performance(original: Performance) -> Performance:
    """The same performance, with mailboxes of its own to spoil."""
    boxes = {agency: Mailbox(agency) for agency in original.mailroom.boxes}
    for agency, box in original.mailroom.boxes.items():
        for each in box.in_order():
            boxes[agency].take(each)
        boxes[agency].repeats.update(box.repeats)
    return replace(original, mailroom=Mailroom(boxes, lambda _: None))


def faults(performance: Performance) -> list[str]:
    return [f"{promise.words}: {fault}" for promise in hold(performance) for fault in promise.faults]


def test_a_performance_without_a_fault_keeps_every_promise(performance: Performance) -> None:
    assert not faults(performance)


# what is spoiled, and what must be said of it


def one(performance: Performance, agency: str, *names: str) -> Received:
    return next(performance.mailroom.boxes[agency].of(*names))


def swap(performance: Performance, old: Received, new: Received | None) -> None:
    box = performance.mailroom.boxes[old.agency].received
    del box[old.dispatch]
    if new is not None:
        box[new.dispatch] = new


def lose_a_notice(performance: Performance) -> None:
    swap(performance, one(performance, "mshp", "operation.notice"), None)


def change_a_byte(performance: Performance) -> None:
    notice = one(performance, "mshp", "operation.notice")
    swap(performance, notice, replace(notice, body=notice.body.replace(b'"TLP:AMBER"', b'"TLP:GREEN"')))


def leak_a_notice(performance: Performance) -> None:
    notice = one(performance, "mshp", "operation.notice")
    box = performance.mailroom.boxes["cbp"]
    box.take(replace(notice, agency="cbp", dispatch="leaked", sequence=len(box.received) + 1))


def lose_an_alert(performance: Performance) -> None:
    swap(performance, one(performance, "slmpd", "deconfliction.alert"), None)


def invent_a_conflict(performance: Performance) -> None:
    """Tell FBI and DEA of a conflict between operations that only came near each other."""
    pair = next(pair for pair, why in performance.program.apart if "120 minutes" in why)
    for operation in pair:
        agency = performance.program.operations[operation].agency
        box = performance.mailroom.boxes[agency]
        true = one(performance, agency, "deconfliction.alert")
        pointer = {**true.data["pointer"], "conflict_id": "invented", "operation_id": operation}
        event = {**true.event, "data": {**true.data, "pointer": pointer}}
        box.take(replace(true, dispatch=f"invented-{agency}", sequence=len(box.received) + 1, event=event))


def tell_a_stranger(performance: Performance) -> None:
    alert = one(performance, "fbi", "deconfliction.alert")
    box = performance.mailroom.boxes["cbp"]
    box.take(replace(alert, agency="cbp", dispatch="told", sequence=len(box.received) + 1))


def pass_on_a_receipt(performance: Performance) -> None:
    receipt = one(performance, "fbi", "message.accepted")
    box = performance.mailroom.boxes["cbp"]
    box.take(replace(receipt, agency="cbp", dispatch="passed", sequence=len(box.received) + 1))


def number_twice(performance: Performance) -> None:
    notice = one(performance, "mshp", "operation.notice")
    swap(performance, notice, replace(notice, sequence=notice.sequence + 1))


def forget_the_duplicate(performance: Performance) -> None:
    performance.mailroom.boxes["fbi"].repeats.clear()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lose_a_notice, "was never given"),
        (change_a_byte, "mshp was given other bytes"),
        (leak_a_notice, "cbp was given"),
        (lose_an_alert, "a conflict was told between COPPER ARCH of fbi, and none was expected"),
        (invent_a_conflict, "a conflict was found: one ground, windows exactly 120 minutes apart"),
        (tell_a_stranger, "cbp was told of an operation of fbi"),
        (pass_on_a_receipt, "cbp was given a receipt of fbi"),
        (number_twice, "the feed of mshp has gaps, or a number twice"),
        (forget_the_duplicate, "fbi did not get the first receipt of fbi-warrant again"),
    ],
)
def test_what_was_received_wrongly_is_named(
    performance: Performance, spoil: Callable[[Performance], None], said: str
) -> None:
    spoil(performance)
    assert any(said in fault for fault in faults(performance)), faults(performance)


def changed(performance: Performance) -> Iterator[tuple[Performance, str]]:
    found, seen = performance.figures, performance.observed
    yield replace(performance, figures=replace(found, conflicts=11)), "11 pairs are on record, not 10"
    yield replace(performance, figures=replace(found, owed=1)), "1 deliveries are owed"
    yield replace(performance, figures=replace(found, refused=3)), "3 refused"
    yield replace(performance, observed=replace(seen, pile=0)), "0 notices waited, not 160"
    yield replace(performance, observed=replace(seen, delayed=0)), "nothing waited for the queue that was missing"
    let_pass = replace(seen, intrusions={**seen.intrusions, "foreign-user-id": None})
    yield replace(performance, observed=let_pass), "the broker let hsi pass with foreign_user_id of dea"
    altered = Altered(Part.ENTRY, "it is not what was signed", None, 17, None)
    yield replace(performance, finding=altered), "Altered: entry at position 17"
    short = Intact("demo", found.entries - 1, b"", None)
    yield replace(performance, finding=short), "entries are recorded and"


def test_what_was_recorded_or_seen_wrongly_is_named(performance: Performance) -> None:
    for spoiled, said in changed(performance):
        assert any(said in fault for fault in faults(spoiled)), said


def test_everything_that_a_liaison_reads_is_one_plain_line(performance: Performance) -> None:
    teller = Teller(performance.program)
    lines = [
        line.text
        for box in performance.mailroom.boxes.values()
        for each in box.in_order()
        if (line := teller.line(each)) is not None
    ]
    assert len(lines) > 100
    assert all(line.isprintable() and line.isascii() for line in lines)
    assert not any("None" in line or "{" in line for line in lines)
    assert any(line.startswith("REFUSED WRONG WAY: the area is not a valid shape") for line in lines)
    assert any("theirs is sealed: call +15735550118, for headquarters' eyes" in line for line in lines)
