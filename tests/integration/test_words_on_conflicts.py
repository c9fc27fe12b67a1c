"""What the sides of a conflict say, through the walk and a real store: who may, who is told, what is kept."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from coordinator.model.decisions import RefusalCode
from coordinator.model.leaf import MessageAcceptedLeaf
from tests import kit
from tests.integration.spoken import OFFICER, Meeting, Spoken, spoken
from tests.kit import Json

HIDDEN = RefusalCode.UNKNOWN_OR_FORBIDDEN
MADE = {"by": "4127", "at": kit.NOW.isoformat(), "method": "phone"}
WORDS: dict[str, Json] = {
    "acknowledge": {},
    "claim": {},
    "handover": {"successor": "4130", "reason": "shift_change"},
    "response": {"decision": "delay", "reason": "officer_safety", "contact_made": MADE},
}
each_word = pytest.mark.parametrize("word", WORDS)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Spoken]:
    async with spoken(tmp_path) as made:
        yield made


@pytest.fixture
async def meeting(world: Spoken) -> Meeting:
    return await world.meeting()


@each_word
async def test_either_side_speaks_and_the_other_is_told_whatever_becomes_of_agreements(
    world: Spoken, meeting: Meeting, word: str
) -> None:
    for agency, other in (("mshp", "dea"), ("dea", "mshp")):
        answer = await world.send(agency, f"deconfliction.{word}", meeting.word(agency, **WORDS[word]))
        assert answer.accepted
        assert answer.said["recipients"] == [other]
        assert await world.who_was_told(answer.message) == [other]


@each_word
async def test_a_conflict_of_others_and_one_that_is_not_there_look_the_same(
    world: Spoken, meeting: Meeting, word: str
) -> None:
    own = kit.plan(["coordinator"], area={"type": "Point", "coordinates": [-94.5, 37.1], "radius_m": 100.0})
    await world.send("hsi", "operation.notice", own)
    said = {**kit.common(["mshp"]), "originator": OFFICER, **WORDS[word]}
    name = f"deconfliction.{word}"
    wrong = [meeting.conflict, kit.fresh_id(), own["operation_id"], meeting.plans["mshp"]["operation_id"]]
    answers = [await world.send("hsi", name, {**said, "conflict_id": each}) for each in wrong]
    assert all(each.refused_by(HIDDEN, "data.conflict_id") for each in answers)
    assert len({(each.said["code"], each.said["stage"], each.said["field"]) for each in answers}) == 1
    assert await world.rows("conflict_words") == []


async def test_what_was_said_is_kept_with_both_revisions_in_order(world: Spoken, meeting: Meeting) -> None:
    await world.send("mshp", "deconfliction.acknowledge", meeting.word("mshp", originator={"ori": "MOTEST000"}))
    moved = {**meeting.plans["dea"], "revision": 2, "reason": "time_changed"}
    await world.send("dea", "operation.update", moved)
    for word in ("claim", "handover", "response"):
        assert (await world.send("mshp", f"deconfliction.{word}", meeting.word("mshp", **WORDS[word]))).accepted
    more = {"decision": "need_more_time", "minutes": 45, "reason": "no_contact_yet"}
    assert (await world.send("dea", "deconfliction.response", meeting.word("dea", **more))).accepted
    rows = await world.rows("conflict_words")
    said = [(row["agency"], row["word"], row["officer_id"], row["decision"], row["minutes"]) for row in rows]
    assert said == [
        ("mshp", "acknowledge", None, None, None),
        ("mshp", "claim", "4127", None, None),
        ("mshp", "handover", "4127", None, None),
        ("mshp", "response", "4127", "delay", None),
        ("dea", "response", "4127", "need_more_time", 45),
    ]
    assert {row["conflict"] for row in rows} == {meeting.conflict}
    assert rows[2]["successor"] == "4130"
    assert (rows[3]["contact_by"], rows[3]["contact_method"]) == ("4127", "phone")
    first = {"mshp": 1, "dea": 2}
    order = sorted(meeting.plans, key=lambda agency: str(meeting.plans[agency]["operation_id"]))
    expected = [first[agency] for agency in order]
    assert [rows[0]["first_revision"], rows[0]["second_revision"]] == [1, 1]
    assert [rows[1]["first_revision"], rows[1]["second_revision"]] == expected


async def test_a_closed_conflict_is_noted_and_no_longer_decided(world: Spoken, meeting: Meeting) -> None:
    gone = {**kit.common(["coordinator"]), "operation_id": meeting.plans["dea"]["operation_id"], "reason": "weather"}
    await world.send("dea", "operation.cancel", gone)
    for word, said in WORDS.items():
        answer = await world.send("mshp", f"deconfliction.{word}", meeting.word("mshp", **said))
        if word == "acknowledge":
            assert answer.accepted
        else:
            assert answer.refused_by(RefusalCode.CONFLICT_CLOSED, "data.conflict_id")


@each_word
async def test_an_exercise_is_never_mixed_into_an_actual_conflict(world: Spoken, meeting: Meeting, word: str) -> None:
    said = meeting.word("mshp", **WORDS[word], status="exercise")
    answer = await world.send("mshp", f"deconfliction.{word}", said)
    assert answer.refused_by(RefusalCode.STATUS_MIXED, "data.status")


async def test_who_is_named_beside_the_other_side_is_not_told_and_one_unknown_refuses_it(
    world: Spoken, meeting: Meeting
) -> None:
    answer = await world.send("mshp", "deconfliction.claim", meeting.word("mshp", to=["dea", "hsi"]))
    assert answer.said["recipients"] == ["dea"]
    assert answer.said["withheld"] == [{"agency": "hsi", "reason": "not_a_recipient"}]
    assert "hsi" not in await world.who_was_told(answer.message)
    unknown = await world.send("mshp", "deconfliction.claim", meeting.word("mshp", to=["cass-county-so"]))
    assert unknown.refused_by(RefusalCode.UNKNOWN_RECIPIENT, "data.to")


async def test_the_journal_names_the_conflict_and_nothing_of_what_was_decided(world: Spoken, meeting: Meeting) -> None:
    said = {**WORDS["response"], "contact_made": {**MADE, "by": "MARK-7"}}
    await world.send("mshp", "deconfliction.response", meeting.word("mshp", **said))
    await world.send("mshp", "deconfliction.handover", meeting.word("mshp", successor="MARK-8", reason="unavailable"))
    leaf = (await world.leaves())[-1]
    assert isinstance(leaf, MessageAcceptedLeaf)
    assert (leaf.object.type, leaf.object.id) == ("deconfliction.handover", meeting.conflict)
    assert b"MARK" not in await world.written()


async def test_two_operations_of_one_agency_have_nobody_else_to_tell(world: Spoken) -> None:
    one, two = kit.plan(["coordinator"]), kit.plan(["coordinator"])
    for plan in (one, two):
        await world.send("mshp", "operation.notice", plan)
    alert, _ = await world.feed("mshp", "deconfliction.alert")
    pointer = alert["data"]["pointer"]
    said = {**kit.common(["mshp"]), "originator": OFFICER, "conflict_id": pointer["conflict_id"]}
    answer = await world.send("mshp", "deconfliction.claim", said)
    assert answer.accepted
    assert await world.who_was_told(answer.message) == []
    (row,) = await world.rows("conflict_words")
    assert row["operation"] == min(one["operation_id"], two["operation_id"])


async def test_nothing_that_the_other_side_is_sent_holds_the_senders_operation(world: Spoken, meeting: Meeting) -> None:
    for agency in meeting.plans:
        for word, said in WORDS.items():
            about = {"subject": f"conflict/{meeting.conflict}", "correlationid": meeting.conflict}
            answer = await world.send(agency, f"deconfliction.{word}", meeting.word(agency, **said), **about)
            assert answer.accepted
    moved = {**meeting.plans["dea"], "revision": 2, "reason": "time_changed"}
    await world.send("dea", "operation.update", moved)
    gone = {**kit.common(["coordinator"]), "operation_id": meeting.plans["mshp"]["operation_id"], "reason": "weather"}
    await world.send("mshp", "operation.cancel", gone)
    for agency, other in (("mshp", "dea"), ("dea", "mshp")):
        sent = await world.store.feed(other, 0, 10_000)
        assert len(sent) > len(WORDS)
        theirs = str(meeting.plans[agency]["operation_id"])
        assert [each.type for each in sent if theirs in f"{each.body!r} {each.correlation}"] == []


@each_word
async def test_a_word_that_would_name_the_senders_operation_is_refused(
    world: Spoken, meeting: Meeting, word: str
) -> None:
    own = meeting.plans["mshp"]["operation_id"]
    said, name = meeting.word("mshp", **WORDS[word]), f"deconfliction.{word}"
    for attribute in ("correlationid", "causationid"):
        answer = await world.send("mshp", name, said, **{attribute: own})
        assert answer.refused_by(RefusalCode.INVALID_FIELD, attribute)
    about = await world.send("mshp", name, said, subject=f"operation/{own}")
    assert about.refused_by(RefusalCode.INVALID_FIELD, "subject")
    named = kit.submission("mshp", kit.body("mshp", name, {**said, "operation_id": own}))
    (receipt,) = await world.intake.receive([named])
    assert receipt.refused is not None
    assert (receipt.refused.code, receipt.refused.field) == (RefusalCode.UNKNOWN_FIELD, "data.operation_id")
    assert await world.rows("conflict_words") == []


async def test_a_word_in_one_batch_after_a_change_of_an_operation_binds_to_it_as_it_then_is(
    world: Spoken, meeting: Meeting
) -> None:
    moved = {**meeting.plans["mshp"], "revision": 2, "reason": "time_changed"}
    gone = {**kit.common(["coordinator"]), "operation_id": meeting.plans["dea"]["operation_id"], "reason": "weather"}
    spoken_so = [
        ("mshp", "operation.update", moved),
        ("mshp", "deconfliction.response", meeting.word("mshp", **WORDS["response"])),
        ("dea", "deconfliction.claim", meeting.word("dea")),
        ("dea", "operation.cancel", gone),
        ("mshp", "deconfliction.claim", meeting.word("mshp")),
    ]
    batch = [kit.submission(agency, kit.body(agency, name, said)) for agency, name, said in spoken_so]
    receipts = await world.intake.receive(batch)
    assert [each.refused.code if each.refused is not None else None for each in receipts] == [
        *([None] * 4),
        RefusalCode.CONFLICT_CLOSED,
    ]
    response, claim = await world.rows("conflict_words")
    at = sorted(meeting.plans, key=lambda agency: str(meeting.plans[agency]["operation_id"])).index("mshp")
    for row in (response, claim):
        assert [row["first_revision"], row["second_revision"]][at] == 2
