"""Intelligence, recalls, corrections and retention, through the walk and a real store."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from coordinator.ground import Ground
from coordinator.model.decisions import RefusalCode
from coordinator.model.leaf import MessageAcceptedLeaf, MessageRefusedLeaf
from coordinator.model.plan import Ask, Sent
from coordinator.model.work import ClaimKey, Lease, Verdict
from tests import kit
from tests.integration.spoken import INTELLIGENCE, OFFICER, Answer, Spoken, intelligence, share, spoken, wanted
from tests.kit import Json

HIDDEN = RefusalCode.UNKNOWN_OR_FORBIDDEN
WHOLE = RefusalCode.ALL_OR_NOTHING
MARKED = share(["mshp"], content=["MARK the grey van"], subject={"kind": "person", "identifiers": ["MARK-77"]})


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Spoken]:
    async with spoken(tmp_path) as made:
        yield made


async def shared(world: Spoken, to: list[str], **said: object) -> Answer:
    answer = await world.send("hsi", "intelligence.share", share(to, **said))
    assert answer.accepted, answer.said
    return answer


async def asked(world: Spoken, agency: str = "mshp", **said: object) -> Answer:
    answer = await world.send(agency, "intelligence.request", wanted(["hsi"], **said))
    assert answer.accepted, answer.said
    return answer


def release(asking: Answer, of: Answer, **said: object) -> Json:
    pair = {"request": asking.reference, "share": of.reference, "reason": "need_shown"}
    return intelligence([asking.reference["agency"]], **{**pair, **said})


# --- sharing ---


async def test_a_share_reaches_all_of_its_recipients_byte_for_byte_under_an_agreement(world: Spoken) -> None:
    submission = kit.submission("hsi", kit.body("hsi", "intelligence.share", share(["mshp", "dps"])))
    answer = await world.submit(submission, "intelligence.share")
    assert sorted(answer.said["recipients"]) == ["dps", "mshp"]
    for agency in ("mshp", "dps"):
        (found,) = [each for each in await world.store.feed(agency, 0, 1_000) if each.event_id == answer.message["id"]]
        assert found.body == submission.body
        assert found.agreement is not None
    (row,) = await world.rows("disseminations")
    assert (row["agency"], row["id"], row["word"], row["officer_id"]) == (
        "hsi", answer.message["id"], "share", "4127",
    )  # fmt: skip  # the row in its order
    assert row["review_us"] is not None


async def test_one_recipient_without_an_agreement_refuses_the_whole_and_each_that_fails_is_named(
    world: Spoken,
) -> None:
    to = ["mshp", "dea", "cass-county-so", "hsi", "dps"]
    answer = await world.send("hsi", "intelligence.share", share(to))
    assert answer.refused_by(WHOLE, "data.to")
    assert answer.said["withheld"] == [
        {"agency": "dea", "reason": "no_agreement"},
        {"agency": "cass-county-so", "reason": "unknown_agency"},
        {"agency": "hsi", "reason": "sender_itself"},
    ]
    assert await world.who_was_told(answer.message) == []
    assert await world.rows("disseminations") == []
    leaf = (await world.leaves())[-1]
    assert isinstance(leaf, MessageRefusedLeaf)
    assert leaf.reason is WHOLE
    assert b"cass-county-so" not in await world.written()


@pytest.mark.parametrize("name", ["intelligence.share", "intelligence.request"])
async def test_who_takes_no_part_shares_and_asks_for_nothing(world: Spoken, name: str) -> None:
    of_hsi = {"agreement_id": await _participation(world, "hsi"), "parties": ["dps", "hsi"]}
    suspended = kit.agreement("dps", **of_hsi, state="suspended")
    await world.submit(suspended, "agreement.status")
    said = share(["mshp"]) if name == "intelligence.share" else wanted(["mshp"])
    answer = await world.send("hsi", name, said)
    assert answer.refused_by(RefusalCode.NO_PARTICIPATION, "source")


async def _participation(world: Spoken, party: str) -> str:
    policy = await world.store.policy()
    return next(each.id for each in policy.agreements.values() if set(each.terms.parties) == {"dps", party})


async def test_an_agreement_that_covers_notices_covers_no_intelligence(world: Spoken) -> None:
    for name, said in (("intelligence.share", share(["usms"])), ("intelligence.request", wanted(["usms"]))):
        answer = await world.send("hsi", name, said)
        assert answer.refused_by(WHOLE, "data.to")
        assert answer.said["withheld"] == [{"agency": "usms", "reason": "no_agreement"}]


async def test_what_lost_its_ground_before_delivery_is_withdrawn(world: Spoken) -> None:
    answer = await shared(world, ["mshp"])
    policy = await world.store.policy()
    (agreement,) = [each for each in policy.agreements.values() if "intelligence.share" in each.terms.message_types]
    terms = json.loads(agreement.terms.model_dump_json())
    await world.submit(
        kit.agreement("dps", agreement_id=agreement.id, **terms | {"state": "suspended"}), "agreement.status"
    )
    leased = await world.store.lease(Lease("one", 1_000, 31_000, 100, {}))
    ground = Ground(world.store, world.intake, world.clock)
    lost = await ground.lost(leased.dispatches, leased.policy_version)
    assert [each.event_id for each in lost] == [answer.message["id"]]


# --- asking and releasing ---


async def test_a_release_brings_the_share_itself_to_whoever_asked(world: Spoken) -> None:
    of, request = await shared(world, ["dps"]), await asked(world)
    assert await world.who_was_told(request.message) == ["hsi"]
    answer = await world.send("hsi", "intelligence.release", release(request, of), causationid=request.message["id"])
    assert answer.accepted
    assert await world.who_was_told(answer.message) == ["mshp"]
    assert await world.who_was_told(of.message) == ["dps", "mshp"]
    first, second = [
        each
        for each in await world.store.feed("mshp", 0, 1_000)
        if each.event_id in {answer.message["id"], of.message["id"]}
    ]
    assert second.sequence == first.sequence + 1
    assert first.agreement is not None
    assert second.agreement is not None
    leaf = (await world.leaves())[-1]
    assert isinstance(leaf, MessageAcceptedLeaf)
    assert {each.id for each in leaf.owed} >= {first.id, second.id}
    row = (await world.rows("disseminations"))[-1]
    assert (row["word"], row["share_id"], row["request_agency"], row["request_id"]) == (
        "release", of.message["id"], "mshp", request.message["id"],
    )  # fmt: skip  # the row in its order


async def test_who_has_the_share_already_is_not_sent_it_again(world: Spoken) -> None:
    of, request = await shared(world, ["mshp"]), await asked(world)
    assert (await world.send("hsi", "intelligence.release", release(request, of))).accepted
    copies = [each for each in await world.store.feed("mshp", 0, 1_000) if each.event_id == of.message["id"]]
    assert len(copies) == 1


async def test_only_the_owner_releases_and_only_to_whoever_asked_it(world: Spoken) -> None:
    of, request = await shared(world, ["dps"]), await asked(world)
    another = await world.send("dps", "intelligence.share", share(["hsi"]))
    unknown = {"agency": "hsi", "id": kit.fresh_id()}
    wrong = [
        ("dps", release(request, of), "data.request"),
        ("hsi", release(request, another), "data.share"),
        ("hsi", release(request, of, share=unknown), "data.share"),
        ("hsi", release(request, of, share=request.reference), "data.share"),
        ("hsi", release(request, of, request={"agency": "mshp", "id": kit.fresh_id()}), "data.request"),
        ("hsi", release(another, of), "data.request"),
    ]
    for agency, said, where in wrong:
        answer = await world.send(agency, "intelligence.release", said)
        assert answer.refused_by(HIDDEN, where), (agency, where, answer.said)
    assert "mshp" not in await world.who_was_told(of.message)


async def test_a_release_needs_an_agreement_for_the_share_as_well(world: Spoken) -> None:
    terms = {
        "agreement_id": kit.fresh_id(),
        "kind": "dissemination",
        "parties": ["hsi", "dea"],
        "message_types": ["intelligence.request", "intelligence.release"],
        "regimes": ["criminal-intelligence"],
    }
    for side in ("hsi", "dea"):
        await world.submit(kit.agreement(side, **terms), "agreement.status")
    of, request = await shared(world, ["dps"]), await asked(world, "dea")
    answer = await world.send("hsi", "intelligence.release", release(request, of))
    assert answer.refused_by(WHOLE, "data.to")
    assert answer.said["withheld"] == [{"agency": "dea", "reason": "no_agreement"}]


async def test_an_exercise_is_not_released_into_the_world(world: Spoken) -> None:
    of, request = await shared(world, ["dps"], status="exercise"), await asked(world)
    for status in ("actual", "exercise"):
        answer = await world.send("hsi", "intelligence.release", release(request, of, status=status))
        assert answer.refused_by(RefusalCode.STATUS_MIXED, "data.status")


# --- recalls and corrections ---


@pytest.mark.parametrize(("word", "reason"), [("recall", "not_lawful"), ("correct", "wrong_place")])
async def test_every_past_recipient_is_told_whatever_has_become_of_agreements_and_by_any_clock(
    world: Spoken, word: str, reason: str
) -> None:
    of, request = await shared(world, ["dps"]), await asked(world)
    await world.send("hsi", "intelligence.release", release(request, of))
    for agreement in (await world.store.policy()).agreements.values():
        terms = json.loads(agreement.terms.model_dump_json()) | {"agreement_id": agreement.id, "state": "terminated"}
        await world.submit(kit.agreement("dps", **terms), "agreement.status")
    assert not (await world.store.policy()).agreements
    said = {**kit.common(["coordinator"]), "target": of.reference, "reason": reason}
    answer = await world.send("hsi", f"message.{word}", said, time="2026-01-01T00:00:00Z")
    assert answer.accepted
    assert answer.said["flags"] == ["clock_skew"]
    assert answer.said["recipients"] == ["dps", "mshp"]
    assert await world.who_was_told(answer.message) == ["dps", "mshp"]
    (row,) = await world.rows("recalls")
    assert (row["agency"], row["id"], row["word"], row["reason"]) == ("hsi", of.message["id"], word, reason)


async def test_only_ones_own_message_is_recalled_and_unknown_looks_the_same(world: Spoken) -> None:
    of = await shared(world, ["mshp"])
    for agency, target in (("mshp", of.reference), ("hsi", {"agency": "hsi", "id": kit.fresh_id()})):
        for word, reason in (("recall", "not_lawful"), ("correct", "wrong_place")):
            said = {**kit.common(["coordinator"]), "target": target, "reason": reason}
            answer = await world.send(agency, f"message.{word}", said)
            assert answer.refused_by(HIDDEN, "data.target")
    assert await world.rows("recalls") == []


async def test_an_operation_is_cancelled_and_never_recalled(world: Spoken) -> None:
    notice = await world.send("hsi", "operation.notice", kit.plan(["mshp"]))
    for word, reason in (("recall", "sent_in_error"), ("correct", "wrong_time")):
        said = {**kit.common(["coordinator"]), "target": notice.reference, "reason": reason}
        answer = await world.send("hsi", f"message.{word}", said)
        assert answer.refused_by(RefusalCode.NOT_RECALLABLE, "data.target")


async def test_what_was_recalled_is_not_recalled_corrected_or_released_again(world: Spoken) -> None:
    of, request = await shared(world, ["dps"]), await asked(world)
    said = {**kit.common(["coordinator"]), "target": of.reference, "reason": "court_order"}
    assert (await world.send("hsi", "message.recall", said)).accepted
    again = RefusalCode.RECALLED_ALREADY
    assert (await world.send("hsi", "message.recall", said)).refused_by(again, "data.target")
    corrected = {**said, "reason": "wrong_grading"}
    assert (await world.send("hsi", "message.correct", corrected)).refused_by(again, "data.target")
    answer = await world.send("hsi", "intelligence.release", release(request, of))
    assert answer.refused_by(again, "data.share")
    recalled = {**kit.common(["coordinator"]), "target": request.reference, "reason": "sent_in_error"}
    await world.send("mshp", "message.recall", recalled)
    other = await shared(world, ["dps"])
    answer = await world.send("hsi", "intelligence.release", release(request, other))
    assert answer.refused_by(again, "data.request")


async def test_a_recall_in_one_batch_with_its_message_finds_whoever_was_sent_it(world: Spoken) -> None:
    sent = kit.submission("hsi", kit.body("hsi", "intelligence.share", share(["mshp"])))
    target = {"agency": "hsi", "id": json.loads(sent.body)["id"]}
    said = {**kit.common(["coordinator"]), "target": target, "reason": "sent_in_error"}
    recall = kit.submission("hsi", kit.body("hsi", "message.recall", said))
    receipts = await world.intake.receive([sent, recall])
    assert {each.verdict for each in receipts} == {Verdict.ACCEPTED}
    assert await world.who_was_told(json.loads(recall.body)) == ["mshp"]


async def test_an_exercise_is_not_recalled_as_if_it_were_actual(world: Spoken) -> None:
    of = await shared(world, ["mshp"], status="exercise")
    said = {**kit.common(["coordinator"]), "target": of.reference, "reason": "sent_in_error"}
    answer = await world.send("hsi", "message.recall", said)
    assert answer.refused_by(RefusalCode.STATUS_MIXED, "data.status")


# --- retention ---

RETENTION: dict[str, Json] = {
    "renew": {"until": "2027-11-27T00:00:00Z", "reason": "case_open"},
    "hold": {"action": "place", "reason": "litigation"},
    "validate": {
        "reviewed_at": "2026-11-27T17:00:00Z", "review_due": "2028-11-27T00:00:00Z", "reason": "still_current",
    },
}  # fmt: skip  # one word a line


def kept(word: str, record: Json) -> Json:
    return {**kit.common(["coordinator"]), "originator": OFFICER, "record": record, **RETENTION[word]}


async def test_the_owners_word_on_a_record_is_kept_and_goes_to_nobody(world: Spoken) -> None:
    plan, of = kit.plan(["coordinator"]), await shared(world, ["mshp"])
    await world.send("hsi", "operation.notice", plan)
    operation = {"operation_id": plan["operation_id"]}
    for word in RETENTION:
        for record in ({"message": of.reference}, operation):
            if word == "validate" and record is operation:
                continue
            answer = await world.send("hsi", f"record.{word}", kept(word, record))
            assert answer.accepted
            assert await world.who_was_told(answer.message) == []
    lifted = kept("hold", operation) | {"action": "lift"}
    assert (await world.send("hsi", "record.hold", lifted)).accepted
    rows = await world.rows("record_words")
    assert [(row["kind"], row["word"], row["reason"]) for row in rows] == [
        ("message", "renew", "case_open"),
        ("operation", "renew", "case_open"),
        ("message", "place", "litigation"),
        ("operation", "place", "litigation"),
        ("message", "validate", "still_current"),
        ("operation", "lift", "litigation"),
    ]
    assert {row["officer_id"] for row in rows} == {"4127"}
    assert {row["id"] for row in rows} == {plan["operation_id"], of.message["id"]}


@pytest.mark.parametrize("word", RETENTION)
async def test_anothers_record_and_none_look_the_same(world: Spoken, word: str) -> None:
    plan, of = kit.plan(["coordinator"]), await shared(world, ["mshp"])
    await world.send("hsi", "operation.notice", plan)
    wrong: list[Json] = [{"message": of.reference}, {"message": {"agency": "mshp", "id": kit.fresh_id()}}]
    if word != "validate":
        wrong += [{"operation_id": plan["operation_id"]}, {"operation_id": kit.fresh_id()}]
    for record in wrong:
        answer = await world.send("mshp", f"record.{word}", kept(word, record))
        assert answer.refused_by(HIDDEN, "data.record")
    assert await world.rows("record_words") == []


async def test_only_intelligence_is_validated(world: Spoken) -> None:
    notice = await world.send("hsi", "operation.notice", kit.plan(["mshp"]))
    answer = await world.send("hsi", "record.validate", kept("validate", {"message": notice.reference}))
    assert answer.refused_by(RefusalCode.INVALID_FIELD, "data.record.message")


# --- the journal, and the store ---


async def test_nothing_of_intelligence_stands_in_the_journal(world: Spoken) -> None:
    of = await world.send("hsi", "intelligence.share", MARKED)
    request = await asked(world, case_reference="MARK-1")
    await world.send("hsi", "intelligence.release", release(request, of))
    said = {**kit.common(["coordinator"]), "target": of.reference, "reason": "not_lawful"}
    await world.send("hsi", "message.recall", said)
    written = await world.written()
    assert b"MARK" not in written
    assert b"4127" not in written
    assert b"2200" not in written
    kinds = {leaf.object.type for leaf in await world.leaves() if isinstance(leaf, MessageAcceptedLeaf)}
    assert {*INTELLIGENCE, "message.recall"} <= kinds


async def test_the_store_tells_what_a_message_was_and_whom_it_reached(world: Spoken) -> None:
    of, request = await shared(world, ["dps", "mshp"]), await asked(world)
    keys = [ClaimKey(*each.reference.values()) for each in (of, request)]
    async with world.store.transaction() as transaction:
        known = await transaction.read(Ask(sent=[*keys, ClaimKey("hsi", kit.fresh_id())]))
    assert set(known.sent) == set(keys)
    found = known.sent[keys[0]]
    assert found == Sent(
        found.key,
        "gov.mo.coordination.intelligence.share.v1",
        "actual",
        "criminal-intelligence",
        ("dps", "mshp"),
        recalled=False,
    )
