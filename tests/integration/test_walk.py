"""The walk over a real store: what agencies are told, what is refused, and that everything happens once."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from coordinator.intake import Intake
from coordinator.model.errors import ConfigurationError, StoreUnavailableError
from coordinator.model.leaf import LEAF
from coordinator.model.messages import MESSAGE
from coordinator.model.work import Batch, Judged, Receipt, Submission, Verdict
from coordinator.store import open_store
from coordinator.store.connections import serving_alone
from coordinator.store.migrate import migrate
from coordinator.store.sqlite import SqliteStore
from tests import kit
from tests.kit import Json


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
    receipts = await made.receive(kit.agreements())
    assert {receipt.verdict for receipt in receipts} == {Verdict.ACCEPTED}
    return made


async def one(intake: Intake, submission: Submission) -> Receipt:
    (receipt,) = await intake.receive([submission])
    return receipt


def told(receipt: Receipt) -> Json:
    """What the receipt says; every one is a valid message of ours."""
    assert receipt.body is not None
    MESSAGE.validate_json(receipt.body)
    data: Json = json.loads(receipt.body)["data"]
    return data


async def feed(store: SqliteStore, agency: str, *types: str) -> list[Json]:
    """The messages of those short types in an agency's feed; every one of ours is valid."""
    found = []
    for each in await store.feed(agency, 0, 10_000):
        message = json.loads(each.body)
        if message["source"].startswith("//coordinator/"):
            MESSAGE.validate_json(each.body)
        short = message["type"].removeprefix("gov.mo.coordination.").removesuffix(".v1")
        if short in types:
            found.append(message)
    return found


def about(agency: str, name: str, plan: Json, **more: object) -> Submission:
    data = {**kit.common(plan["to"]), "operation_id": plan["operation_id"], **more}
    return kit.submission(agency, kit.body(agency, name, data))


def registered(agency: str, plan: Json) -> Submission:
    return kit.submission(agency, kit.body(agency, "operation.notice", plan))


# registration and dissemination


async def test_a_notice_reaches_whom_it_names_byte_for_byte_and_nobody_else(intake: Intake, store: SqliteStore) -> None:
    sent = kit.notice("mshp", ["hsi", "dea"])
    receipt = await one(intake, sent)
    assert receipt.verdict is Verdict.ACCEPTED
    for agency in ("hsi", "dea"):
        assert sent.body in [each.body for each in await store.feed(agency, 0, 100)]
    for agency in ("atf", "dps", "mshp"):
        assert sent.body not in [each.body for each in await store.feed(agency, 0, 100)]


async def test_the_receipt_reads_back_position_digest_counties_and_verdict(intake: Intake) -> None:
    sent = kit.notice("mshp", ["hsi"])
    receipt = await one(intake, sent)
    said = told(receipt)
    assert said["position"] == receipt.position
    assert said["digest"] == sent.digest
    assert said["counties"] == ["Cole"]
    assert (said["deconfliction"], said["coverage"]) == ("none_known", "actual")
    assert said["recipients"] == ["hsi"]


async def test_without_an_agreement_the_operation_is_registered_withheld_and_dps_is_told(
    store: SqliteStore,
) -> None:
    intake = Intake(store, kit.domain())
    await intake.receive(kit.agreements()[:2])  # dps with mshp alone
    plan = kit.plan(["hsi", "nobody"])
    said = told(await one(intake, registered("mshp", plan)))
    assert said["withheld"] == [
        {"agency": "hsi", "reason": "no_agreement"},
        {"agency": "nobody", "reason": "unknown_agency"},
    ]
    copies = [each for each in await feed(store, "dps", "message.accepted") if each["data"].get("withheld")]
    assert [each["data"]["operation_id"] for each in copies] == [plan["operation_id"]]
    assert not await feed(store, "hsi", "operation.notice")


async def test_an_agency_without_participation_is_refused(store: SqliteStore) -> None:
    intake = Intake(store, kit.domain())
    receipt = await one(intake, kit.notice("hsi", ["coordinator"]))
    assert told(receipt)["code"] == "no_participation"


async def test_authority_without_a_certified_officer_is_unproven_and_dps_is_told(
    intake: Intake, store: SqliteStore
) -> None:
    plan = kit.plan(["hsi"], duty="immigration_enforcement", authority={"function": "detain", "officer_ids": ["M-1"]})
    said = told(await one(intake, registered("mshp", plan)))
    assert said["authority"] == "unproven"
    copies = [each["data"] for each in await feed(store, "dps", "message.accepted") if each["data"].get("authority")]
    assert [each["operation_id"] for each in copies] == [plan["operation_id"]]
    assert "conflicts" not in copies[0] or copies[0]["conflicts"] == []


def delegation(agency: str, **changes: object) -> Submission:
    terms = {"kind": "287g", "parties": ["mshp", "hsi"], "functions": ["detain"], **changes}
    return kit.agreement(agency, **terms)


def credential(agency: str, agreement_id: str, state: str, **changes: object) -> Submission:
    data = {
        **kit.common(["coordinator"]),
        "agreement_id": agreement_id,
        "officer_id": "M-1",
        "state": state,
        "functions": ["detain"],
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_to": "2027-06-01T00:00:00Z",
        "supervisor": "M-9",
        **changes,
    }
    return kit.submission(agency, kit.body(agency, "credential.status", data))


async def certify(intake: Intake) -> str:
    agreement_id = kit.fresh_id()
    await intake.receive([delegation("mshp", agreement_id=agreement_id), delegation("hsi", agreement_id=agreement_id)])
    (first,) = await intake.receive([credential("mshp", agreement_id, "certified")])
    assert told(first)["standing"] == "waiting_for_other_side"
    (second,) = await intake.receive([credential("hsi", agreement_id, "authorised")])
    assert told(second)["standing"] == "in_force"
    return agreement_id


async def test_the_second_of_both_sides_words_takes_effect(intake: Intake) -> None:
    await certify(intake)
    plan = kit.plan(["hsi"], authority={"function": "detain", "officer_ids": ["M-1"]})
    assert told(await one(intake, registered("mshp", plan)))["authority"] == "proven"


async def test_losing_authority_during_the_window_raises_a_lapse_to_the_agency_and_dps(
    intake: Intake, store: SqliteStore
) -> None:
    agreement_id = await certify(intake)
    plan = kit.plan(["hsi"], authority={"function": "detain", "officer_ids": ["M-1"]})
    await one(intake, registered("mshp", plan))
    await one(intake, credential("hsi", agreement_id, "suspended"))
    for agency in ("mshp", "dps"):
        (lapse,) = await feed(store, agency, "authority.lapsed")
        assert (lapse["data"]["operation_id"], lapse["data"]["officer_id"]) == (plan["operation_id"], "M-1")
    assert not await feed(store, "hsi", "authority.lapsed")


async def test_a_suspension_by_either_side_stops_the_flow_at_once(intake: Intake, store: SqliteStore) -> None:
    everybody = next(iter(each for each in intake.policy.agreements.values() if each.terms.kind == "dissemination"))
    words = kit.agreement(
        "dea",
        agreement_id=everybody.id,
        kind="dissemination",
        parties=list(everybody.terms.parties),
        message_types=list(everybody.terms.message_types),
        regimes=["operational"],
        state="suspended",
    )
    await one(intake, words)
    said = told(await one(intake, kit.notice("mshp", ["hsi"])))
    assert said["withheld"] == [{"agency": "hsi", "reason": "no_agreement"}]
    assert not await feed(store, "hsi", "operation.notice")


async def test_a_change_of_agreements_in_a_batch_is_seen_by_what_follows_it(store: SqliteStore) -> None:
    intake = Intake(store, kit.domain())
    before, after = kit.notice("mshp", ["hsi"]), kit.notice("mshp", ["hsi"])
    receipts = await intake.receive([before, *kit.agreements(), after])
    assert [receipts[0].verdict, receipts[-1].verdict] == [Verdict.REFUSED, Verdict.ACCEPTED]


async def test_the_regime_must_be_covered_too(intake: Intake) -> None:
    plan = {**kit.plan(["hsi"]), **kit.common(["hsi"], regime="civil-immigration")}
    said = told(await one(intake, registered("mshp", plan)))
    assert said["withheld"] == [{"agency": "hsi", "reason": "no_agreement"}]


# once and only once


async def test_a_redelivery_gets_the_first_receipt_and_makes_nothing_new(intake: Intake, store: SqliteStore) -> None:
    sent = kit.notice("mshp", ["hsi"])
    first = await one(intake, sent)
    before = await store.last_sequences()
    again = await one(intake, sent)
    assert (again.verdict, again.position, again.body) == (Verdict.DUPLICATE, first.position, first.body)
    assert await store.last_sequences() == before


async def test_a_redelivery_after_a_suspension_gets_the_same_answer(intake: Intake) -> None:
    sent = kit.notice("mshp", ["hsi"])
    first = await one(intake, sent)
    await one(intake, _suspended_participation(intake))
    assert told(await one(intake, kit.notice("mshp", ["hsi"])))["code"] == "no_participation"
    again = await one(intake, sent)
    assert again.body == first.body


def _suspended_participation(intake: Intake) -> Submission:
    found = next(each for each in intake.policy.agreements.values() if set(each.terms.parties) == {"dps", "mshp"})
    return kit.agreement("dps", agreement_id=found.id, parties=list(found.terms.parties), state="suspended")


async def test_the_same_id_twice_in_one_batch_is_one_message(intake: Intake, store: SqliteStore) -> None:
    sent = kit.notice("mshp", ["hsi"])
    receipts = await intake.receive([sent, sent, sent])
    assert [receipt.verdict for receipt in receipts] == [Verdict.ACCEPTED, Verdict.DUPLICATE, Verdict.DUPLICATE]
    assert len(await feed(store, "hsi", "operation.notice")) == 1


async def test_other_content_under_a_used_id_is_refused_and_its_redelivery_too(
    intake: Intake, store: SqliteStore
) -> None:
    message = kit.fresh_id()
    plan = kit.plan(["hsi"])
    await one(intake, kit.submission("mshp", kit.body("mshp", "operation.notice", plan, id=message)))
    other = kit.submission("mshp", kit.body("mshp", "operation.notice", {**plan, "name": "RED FOX"}, id=message))
    refused = await one(intake, other)
    assert told(refused)["code"] == "id_reused"
    before = await store.last_sequences()
    again = await one(intake, other)
    assert (again.verdict, again.body) == (Verdict.DUPLICATE, refused.body)
    assert await store.last_sequences() == before


async def test_a_refusal_claims_its_id_and_unreadable_input_its_digest(intake: Intake) -> None:
    bad = kit.submission("mshp", kit.body("mshp", "operation.notice", {"to": []}))
    garbage = kit.submission("mshp", b"\xff\xfe not json")
    for sent in (bad, garbage):
        first = await one(intake, sent)
        assert first.verdict is Verdict.REFUSED
        again = await one(intake, sent)
        assert (again.verdict, again.body) == (Verdict.DUPLICATE, first.body)
    assert "target" not in told(await one(intake, garbage))


async def test_another_agency_cannot_use_up_an_id(intake: Intake) -> None:
    message = kit.fresh_id()
    forged = kit.body("mshp", "operation.notice", kit.plan(["hsi"]), id=message)
    refused = await one(intake, kit.submission("hsi", forged))
    assert told(refused)["code"] == "sender_mismatch"
    assert told(refused)["target"]["agency"] == "hsi"
    assert (await one(intake, kit.submission("mshp", forged))).verdict is Verdict.ACCEPTED


# the life of an operation


async def test_an_update_must_be_the_next_revision_of_ones_own_live_operation(intake: Intake) -> None:
    plan = kit.plan(["hsi"])
    await one(intake, registered("mshp", plan))

    async def update(agency: str, revision: int, **changes: object) -> str:
        data = {**plan, "revision": revision, "reason": "time_changed", **changes}
        receipt = await one(intake, kit.submission(agency, kit.body(agency, "operation.update", data)))
        return str(told(receipt).get("code", "accepted"))

    assert await update("mshp", 3) == "stale_revision"
    assert await update("hsi", 2) == "unknown_or_forbidden"
    assert await update("mshp", 2, status="test") == "status_mixed"
    assert await update("mshp", 2) == "accepted"
    assert await update("mshp", 2) == "stale_revision"
    await one(intake, about("mshp", "operation.close", plan, outcome="completed"))
    assert await update("mshp", 3) == "not_live"


async def test_an_operation_id_is_registered_once_and_not_by_another(intake: Intake) -> None:
    plan = kit.plan(["hsi"])
    await one(intake, registered("mshp", plan))
    assert told(await one(intake, registered("mshp", plan)))["code"] == "already_registered"
    assert told(await one(intake, registered("dea", plan)))["code"] == "unknown_or_forbidden"


async def test_cancel_and_close_go_to_every_agency_that_was_sent_a_revision_whatever_agreements_say_now(
    intake: Intake, store: SqliteStore
) -> None:
    plan = kit.plan(["hsi"])
    await one(intake, registered("mshp", plan))
    revised = {**plan, **kit.common(["dea"]), "revision": 2, "reason": "correction"}
    await one(intake, kit.submission("mshp", kit.body("mshp", "operation.update", revised)))
    everybody = next(each for each in intake.policy.agreements.values() if each.terms.kind == "dissemination")
    words = {"message_types": list(everybody.terms.message_types), "regimes": ["operational"]}
    terms = {"kind": "dissemination", "parties": list(everybody.terms.parties), **words}
    await one(intake, kit.agreement("mshp", agreement_id=everybody.id, state="terminated", **terms))
    await one(intake, about("mshp", "operation.cancel", plan, reason="weather"))
    for agency in ("hsi", "dea"):
        assert len(await feed(store, agency, "operation.cancel")) == 1
    assert not await feed(store, "atf", "operation.cancel")


# conflicts


async def conflicts(store: SqliteStore, agency: str) -> list[Json]:
    return [each["data"] for each in await feed(store, agency, "deconfliction.alert")]


async def test_both_sides_of_a_conflict_are_told_alike_and_the_second_receipt_points(
    intake: Intake, store: SqliteStore
) -> None:
    ours, theirs = kit.plan(["coordinator"], caution=["armed"]), kit.plan(["coordinator"])
    assert told(await one(intake, registered("mshp", ours)))["deconfliction"] == "none_known"
    said = told(await one(intake, registered("hsi", theirs)))
    assert said["deconfliction"] == "conflict"
    (pointer,) = said["conflicts"]
    assert pointer["other"]["agency"] == "mshp"
    assert pointer["other"]["caution"] == ["armed"]
    assert pointer["other"]["contact"]["callback"] == ours["contact"]["callback"]
    assert pointer["band"] == "overlap"
    ((mine,), (yours,)) = [await conflicts(store, agency) for agency in ("mshp", "hsi")]
    assert mine["pointer"]["conflict_id"] == yours["pointer"]["conflict_id"] == pointer["conflict_id"]
    assert (mine["pointer"]["operation_id"], yours["pointer"]["operation_id"]) == (
        ours["operation_id"],
        theirs["operation_id"],
    )
    assert (mine["pointer"]["other"]["agency"], yours["pointer"]["other"]["agency"]) == ("hsi", "mshp")
    assert mine["change"] == yours["change"] == "opened"


@pytest.mark.parametrize(("minutes", "found"), [(119, True), (120, False)])
async def test_windows_two_hours_apart_do_not_conflict_and_one_minute_less_does(
    intake: Intake, minutes: int, *, found: bool
) -> None:
    await one(intake, registered("mshp", kit.plan(["coordinator"])))
    start = kit.NOW + timedelta(hours=3, minutes=minutes)
    later = kit.plan(["coordinator"], start=start.isoformat(), end=(start + timedelta(hours=1)).isoformat())
    said = told(await one(intake, registered("hsi", later)))
    assert (said["deconfliction"] == "conflict") is found


@pytest.mark.parametrize(("metres", "found"), [(289.0, True), (291.0, False)])
async def test_the_distance_between_the_grounds_decides(intake: Intake, metres: float, *, found: bool) -> None:
    await one(intake, registered("mshp", kit.plan(["coordinator"])))
    lon, lat = kit.JEFFERSON_CITY
    north = lat + (metres + 200) / 111_013.0  # two radii of 100 m between; a degree of latitude here
    area = {"type": "Point", "coordinates": [lon, north], "radius_m": 100.0}
    said = told(await one(intake, registered("hsi", kit.plan(["coordinator"], area=area))))
    assert (said["deconfliction"] == "conflict") is found


async def test_exercises_never_meet_actual_operations(intake: Intake) -> None:
    await one(intake, registered("mshp", kit.plan(["coordinator"])))
    exercise = {**kit.plan(["coordinator"]), **kit.common(["coordinator"], status="exercise")}
    said = told(await one(intake, registered("hsi", exercise)))
    assert (said["deconfliction"], said["coverage"]) == ("none_known", "not_deconflicted_against_actual")
    again = {**kit.plan(["coordinator"]), **kit.common(["coordinator"], status="exercise")}
    assert told(await one(intake, registered("dea", again)))["deconfliction"] == "conflict"


async def test_peers_of_one_batch_conflict_once_and_both_are_told(intake: Intake, store: SqliteStore) -> None:
    plans = {agency: kit.plan(["coordinator"]) for agency in ("mshp", "hsi", "dea")}
    await intake.receive([registered(agency, plan) for agency, plan in plans.items()])
    seen: Counter[str] = Counter()
    for agency in plans:
        seen.update(each["pointer"]["conflict_id"] for each in await conflicts(store, agency))
    assert sorted(seen.values()) == [2, 2, 2]


async def test_moving_apart_closes_and_coming_back_reopens_the_one_record(intake: Intake, store: SqliteStore) -> None:
    ours, theirs = kit.plan(["coordinator"]), kit.plan(["coordinator"])
    await intake.receive([registered("mshp", ours), registered("hsi", theirs)])
    away = {"type": "Point", "coordinates": [-94.58, 39.1], "radius_m": 50}

    async def revise(revision: int, **changes: object) -> None:
        data = {**ours, "revision": revision, "reason": "deconflicted", **changes}
        await one(intake, kit.submission("mshp", kit.body("mshp", "operation.update", data)))

    await revise(2, area=away)
    await revise(3)
    for agency in ("mshp", "hsi"):
        (closed,) = await feed(store, agency, "deconfliction.closed")
        assert closed["data"]["reason"] == "moved_apart"
        told_of = await conflicts(store, agency)
        assert [each["change"] for each in told_of] == ["opened", "reopened"]
        assert {each["pointer"]["conflict_id"] for each in told_of} == {closed["data"]["conflict_id"]}


@pytest.mark.parametrize(
    ("name", "more", "reason"),
    [
        ("operation.cancel", {"reason": "deconflicted"}, "operation_cancelled"),
        ("operation.close", {"outcome": "completed"}, "operation_closed"),
    ],
)
async def test_the_end_of_an_operation_closes_its_conflicts_for_both(
    intake: Intake, store: SqliteStore, name: str, more: Json, reason: str
) -> None:
    ours, theirs = kit.plan(["coordinator"]), kit.plan(["coordinator"])
    await intake.receive([registered("mshp", ours), registered("hsi", theirs)])
    await one(intake, about("mshp", name, ours, **more))
    for agency in ("mshp", "hsi"):
        (closed,) = await feed(store, agency, "deconfliction.closed")
        assert closed["data"]["reason"] == reason
    late = told(await one(intake, registered("dea", kit.plan(["coordinator"]))))
    assert [each["other"]["agency"] for each in late["conflicts"]] == ["hsi"]


async def test_executing_early_overrides_the_start(intake: Intake, store: SqliteStore) -> None:
    late = kit.plan(
        ["coordinator"],
        start=(kit.NOW + timedelta(hours=10)).isoformat(),
        end=(kit.NOW + timedelta(hours=12)).isoformat(),
    )
    await intake.receive([registered("mshp", kit.plan(["coordinator"])), registered("hsi", late)])
    assert not await conflicts(store, "mshp")
    await one(intake, about("hsi", "operation.status", late, progress="staged"))
    assert not await conflicts(store, "mshp")
    await one(intake, about("hsi", "operation.status", late, progress="executing"))
    for agency in ("mshp", "hsi"):
        assert [each["change"] for each in await conflicts(store, agency)] == ["opened"]


async def test_a_sealed_operation_shows_its_contact_for_headquarters_and_nothing_else(intake: Intake) -> None:
    await one(intake, registered("mshp", kit.plan(["coordinator"], sealed=True, caution=["armed"])))
    (pointer,) = told(await one(intake, registered("hsi", kit.plan(["coordinator"]))))["conflicts"]
    assert pointer["eyes"] == "headquarters"
    assert pointer["other"]["caution"] == []
    assert not {"band", "act_by"} & set(pointer)


# alerts and receipts


def alert(agency: str, to: list[str], **changes: object) -> Submission:
    data = {
        **kit.common(to),
        "situation": "shots_fired",
        "priority": "urgent",
        "urgency": "Immediate",
        "severity": "Extreme",
        "certainty": "Observed",
        "imminent_danger": False,
        "area": {"type": "Point", "coordinates": list(kit.JEFFERSON_CITY), "radius_m": 500},
        "expires": (kit.NOW + timedelta(hours=1)).isoformat(),
        **changes,
    }
    return kit.submission(agency, kit.body(agency, "situation.alert", data))


async def test_imminent_danger_reaches_every_covering_desk_without_an_agreement(store: SqliteStore) -> None:
    intake = Intake(store, kit.domain())
    plain = await one(intake, alert("mshp", ["hsi"]))
    assert told(plain)["code"] == "no_recipient_allowed"
    danger = alert(
        "mshp",
        ["coordinator"],
        to_area=True,
        imminent_danger=True,
        imminent_reason="threat_to_officers",
        originator={"ori": "MOTEST001", "officer_id": "M-1"},
    )
    said = told(await one(intake, danger))
    assert set(said["recipients"]) == set(kit.AGENCIES) - {"mshp"}
    assert len(await feed(store, "atf", "situation.alert")) == 1


async def test_only_who_was_sent_a_message_may_acknowledge_it(intake: Intake, store: SqliteStore) -> None:
    sent = kit.notice("mshp", ["hsi"])
    await one(intake, sent)

    def ack(agency: str) -> Submission:
        target = {"agency": "mshp", "id": json.loads(sent.body)["id"]}
        data = {**kit.common(["mshp"]), "target": target, "level": "read"}
        data["originator"] = {"ori": "MOTEST003", "officer_id": "H-7"}
        return kit.submission(agency, kit.body(agency, "receipt.acknowledge", data))

    assert (await one(intake, ack("hsi"))).verdict is Verdict.ACCEPTED
    assert told(await one(intake, ack("dea")))["code"] == "unknown_or_forbidden"
    assert len(await feed(store, "mshp", "receipt.acknowledge")) == 1


# the journal


async def test_every_entry_is_a_valid_leaf_and_names_each_delivery_once(intake: Intake, store: SqliteStore) -> None:
    plan = kit.plan(["hsi", "nobody"])
    await intake.receive([registered("mshp", plan), registered("hsi", kit.plan(["mshp"])), registered("mshp", plan)])
    await one(intake, about("mshp", "operation.cancel", plan, reason="weather"))
    entries = await store.entries(0, 10_000)
    assert len(entries) == await store.size()
    owed: Counter[str] = Counter()
    for entry in entries:
        leaf = LEAF.validate_json(entry)
        owed.update(each.id for each in getattr(leaf, "owed", ()))
    sent = [each.id for agency in kit.AGENCIES for each in await store.feed(agency, 0, 10_000)]
    assert owed == Counter(sent)
    assert set(owed.values()) == {1}


async def test_a_leaf_holds_no_digest_of_a_body_and_no_contact(intake: Intake, store: SqliteStore) -> None:
    sent = kit.notice("mshp", ["hsi"])
    receipt = await one(intake, sent)
    assert receipt.position is not None
    (entry,) = await store.entries(receipt.position, 1)
    assert sent.digest.removeprefix("sha-256:").encode() not in entry
    assert b"+1573" not in entry
    assert b"BLUE HERON" not in entry


async def test_one_poisonous_message_does_not_sink_its_neighbours(intake: Intake, store: SqliteStore) -> None:
    good = [kit.notice("mshp", ["hsi"]) for _ in range(49)]
    poison = kit.notice("mshp", ["hsi"])._replace(account="mshp", jws=b"not text")  # type: ignore[arg-type]  # what the store cannot bind
    poison = poison._replace(jws=_Unbindable())  # type: ignore[arg-type]  # a value that no column takes
    receipts = await intake.receive([*good[:20], poison, *good[20:]])
    assert [receipt.verdict for receipt in receipts].count(Verdict.ACCEPTED) == 49
    assert receipts[20].verdict is Verdict.FAILED
    assert len(await feed(store, "hsi", "operation.notice")) == 49


class _Unbindable:
    """A value that no database column takes."""


# what a reviewer broke


async def test_a_term_that_ends_beyond_the_year_2999_in_utc_is_refused_and_harms_nobody(
    intake: Intake, store: SqliteStore
) -> None:
    never = kit.agreement("dps", expires="2999-12-31T23:59:59-06:00")
    assert told(await one(intake, never))["code"] == "invalid_field"
    assert (await one(intake, kit.notice("mshp", ["hsi"]))).verdict is Verdict.ACCEPTED
    assert (await store.policy()).version == intake.policy.version


async def test_slivers_that_vanish_when_merged_are_refused_as_an_invalid_area(intake: Intake) -> None:
    lon, lat = kit.JEFFERSON_CITY
    sliver = [[lon, lat], [lon + 0.05, lat + 1e-9], [lon + 0.05, lat], [lon, lat]]
    twin = [[lon, lat], [lon + 0.05, lat + 1.1e-9], [lon + 0.05, lat], [lon, lat]]
    receipts = await intake.receive(
        [
            kit.notice("mshp", ["hsi"], area={"type": "MultiPolygon", "coordinates": [[sliver], [twin]]}),
            kit.notice("mshp", ["hsi"]),
        ]
    )
    assert told(receipts[0])["code"] == "area_invalid"
    assert receipts[1].verdict is Verdict.ACCEPTED


async def test_a_message_that_a_step_cannot_bear_fails_alone(intake: Intake) -> None:
    unbearable = kit.notice("mshp", ["hsi"])._replace(received=None)  # type: ignore[arg-type]  # what no door makes
    receipts = await intake.receive([kit.notice("mshp", ["hsi"]), unbearable, kit.notice("mshp", ["hsi"])])
    assert [each.verdict for each in receipts] == [Verdict.ACCEPTED, Verdict.FAILED, Verdict.ACCEPTED]


AWAY = {"type": "Point", "coordinates": [-94.58, 39.1], "radius_m": 50}


async def test_who_registers_before_a_move_in_the_same_batch_meets_the_operation_as_it_was(
    intake: Intake, store: SqliteStore
) -> None:
    ours, theirs = kit.plan(["coordinator"]), kit.plan(["coordinator"])
    await one(intake, registered("mshp", ours))
    moves = {**ours, "area": AWAY, "revision": 2, "reason": "deconflicted"}
    update = kit.submission("mshp", kit.body("mshp", "operation.update", moves))
    receipts = await intake.receive([registered("hsi", theirs), update])
    assert told(receipts[0])["deconfliction"] == "conflict"
    for agency in ("mshp", "hsi"):
        assert [each["change"] for each in await conflicts(store, agency)] == ["opened"]
        assert [each["data"]["reason"] for each in await feed(store, agency, "deconfliction.closed")] == ["moved_apart"]


async def test_a_notice_and_an_update_at_one_place_in_one_batch_have_true_receipts(intake: Intake) -> None:
    ours, theirs = kit.plan(["coordinator"], area=AWAY), kit.plan(["coordinator"])
    await one(intake, registered("mshp", ours))
    moves = {**ours, "area": theirs["area"], "revision": 2, "reason": "area_changed"}
    update = kit.submission("mshp", kit.body("mshp", "operation.update", moves))
    receipts = await intake.receive([registered("hsi", theirs), update])
    assert [told(each)["deconfliction"] for each in receipts] == ["none_known", "conflict"]


async def test_once_begun_an_operation_keeps_its_start_and_is_not_staged_again(
    intake: Intake, store: SqliteStore
) -> None:
    hours = {"start": (kit.NOW + timedelta(hours=10)).isoformat(), "end": (kit.NOW + timedelta(hours=12)).isoformat()}
    late = kit.plan(["coordinator"], **hours)
    await intake.receive([registered("mshp", kit.plan(["coordinator"])), registered("hsi", late)])
    said = told(await one(intake, about("hsi", "operation.status", late, progress="executing")))
    assert said["deconfliction"] == "conflict"
    await one(intake, about("hsi", "operation.status", late, progress="clear"))
    refused = await one(intake, about("hsi", "operation.status", late, progress="staged"))
    assert told(refused)["code"] == "begun_already"
    same = {**late, "revision": 2, "reason": "correction"}
    await one(intake, kit.submission("hsi", kit.body("hsi", "operation.update", same)))
    assert not await feed(store, "mshp", "deconfliction.closed")


async def test_one_side_alone_never_brings_back_what_was_ended_for_good(intake: Intake) -> None:
    terms = {"agreement_id": kit.fresh_id(), "kind": "287g", "parties": ["mshp", "hsi"], "functions": ["detain"]}
    await intake.receive([kit.agreement("mshp", **terms), kit.agreement("hsi", **terms)])
    await one(intake, credential("mshp", str(terms["agreement_id"]), "certified"))
    await one(intake, credential("hsi", str(terms["agreement_id"]), "revoked"))
    again = await one(intake, credential("hsi", str(terms["agreement_id"]), "authorised"))
    assert told(again)["code"] == "ended_for_good"
    await one(intake, kit.agreement("hsi", state="terminated", **terms))
    assert told(await one(intake, kit.agreement("hsi", **terms)))["code"] == "ended_for_good"
    assert told(await one(intake, kit.agreement("mshp", state="terminated", **terms)))["standing"] == "not_in_force"


async def test_an_agreement_whose_term_is_over_stands_as_not_in_force(intake: Intake) -> None:
    past = {"agreement_id": kit.fresh_id(), "effective": "2020-01-01T00:00:00Z", "expires": "2021-01-01T00:00:00Z"}
    receipts = await intake.receive([kit.agreement("dps", **past), kit.agreement("mshp", **past)])
    assert told(receipts[1])["standing"] == "not_in_force"


async def test_a_receipt_with_many_conflicts_stays_small_and_says_how_many_more(
    intake: Intake, store: SqliteStore
) -> None:
    crowd = [registered("mshp", kit.plan(["coordinator"])) for _ in range(60)]
    await intake.receive(crowd)
    receipt = await one(intake, registered("hsi", kit.plan(["coordinator"])))
    said = told(receipt)
    assert (len(said["conflicts"]), said["more_conflicts"]) == (50, 10)
    assert receipt.body is not None
    assert len(receipt.body) < 64 * 1024
    assert len(await conflicts(store, "hsi")) == 60


async def test_what_was_committed_before_the_store_went_away_is_not_walked_again(
    intake: Intake, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = kit.plan(["hsi"])
    sent = [registered("mshp", plan), about("mshp", "operation.cancel", plan, reason="weather")]
    batch = Batch([intake.prepare(each) for each in sent])
    commit, calls = Intake._commit, list[int]()  # noqa: SLF001  # the store goes away between two units

    async def failing(self: Intake, unit: Sequence[Judged]) -> Sequence[Receipt]:
        calls.append(len(unit))
        if len(calls) in {2, 3}:
            msg = "the disk is full"
            raise StoreUnavailableError(msg)
        return await commit(self, unit)

    monkeypatch.setattr(Intake, "_commit", failing)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            await intake.record(batch)
    before = await store.size()
    receipts = await intake.record(batch)
    assert [each.verdict for each in receipts] == [Verdict.ACCEPTED, Verdict.ACCEPTED]
    assert await store.size() == before + 1


async def test_one_file_has_one_service(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    with serving_alone(url), pytest.raises(ConfigurationError, match="another coordinator"), serving_alone(url):
        pass
    with serving_alone(url):
        pass
