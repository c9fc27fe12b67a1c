"""Questions, tokens and waivers, through the walk and a real store."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from coordinator.model.decisions import RefusalCode
from coordinator.model.work import Verdict
from tests import kit
from tests.integration.spoken import OFFICER, Answer, Spoken, spoken
from tests.kit import Json

HIDDEN = RefusalCode.UNKNOWN_OR_FORBIDDEN


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Spoken]:
    async with spoken(tmp_path) as made:
        yield made


def question(place: tuple[float, float] = kit.JEFFERSON_CITY, **said: object) -> Json:
    return {
        **kit.common(["coordinator"]),
        "originator": OFFICER,
        "area": {"type": "Point", "coordinates": list(place), "radius_m": 100.0},
        "start": (kit.NOW + timedelta(hours=1)).isoformat(),
        "end": (kit.NOW + timedelta(hours=3)).isoformat(),
        "case_reference": "2026-0457",
        "priority": "routine",
        **said,
    }


def moved(east: float, north: float = 0.0) -> tuple[float, float]:
    """So many degrees from the place where the operation is."""
    return (kit.JEFFERSON_CITY[0] + east, kit.JEFFERSON_CITY[1] + north)


async def answered(world: Spoken, agency: str, asked: Answer) -> Json:
    assert asked.accepted, asked.said
    results = await world.feed(agency, "deconfliction.result")
    (result,) = [each for each in results if each["causationid"] == asked.message["id"]]
    data: Json = result["data"]
    assert data["target"] == asked.reference
    assert data["position"] == asked.said["position"]
    return data


async def test_a_question_finds_an_operation_of_another_and_registers_nothing(world: Spoken) -> None:
    await world.send("dea", "operation.notice", kit.plan(["coordinator"]))
    before = await world.rows("operations")
    result = await answered(world, "mshp", await world.send("mshp", "deconfliction.request", question()))
    assert (result["answer"], result["coverage"]) == ("possible", "actual")
    assert result["looked"] == {"start": "2026-11-27T17:00:00Z", "end": "2026-11-27T23:00:00Z", "grid_km": 1}
    assert await world.rows("operations") == before
    assert await world.feed("dea", "deconfliction.alert") == []
    (row,) = await world.rows("questions")
    assert (row["agency"], row["officer_id"], row["case_reference"], row["possible"]) == (
        "mshp", "4127", "2026-0457", 1,
    )  # fmt: skip  # the row in its order


@pytest.mark.parametrize(
    ("says", "asked"),
    [
        ("ten kilometres away", question(moved(0.12))),
        ("a day later", question(start="2026-11-28T18:00:00Z", end="2026-11-28T20:00:00Z")),
        ("as an exercise", question(status="exercise")),
    ],
)
async def test_none_is_known_where_nobody_is(world: Spoken, says: str, asked: Json) -> None:
    del says
    await world.send("dea", "operation.notice", kit.plan(["coordinator"]))
    result = await answered(world, "mshp", await world.send("mshp", "deconfliction.request", asked))
    assert result["answer"] == "none_known"
    exercise = asked["status"] == "exercise"
    assert result["coverage"] == ("not_deconflicted_against_actual" if exercise else "actual")


async def test_ones_own_operation_and_one_that_ended_are_no_answer(world: Spoken) -> None:
    own, theirs = kit.plan(["coordinator"]), kit.plan(["coordinator"])
    await world.send("mshp", "operation.notice", own)
    await world.send("dea", "operation.notice", theirs)
    gone = {**kit.common(["coordinator"]), "operation_id": theirs["operation_id"], "reason": "weather"}
    await world.send("dea", "operation.cancel", gone)
    result = await answered(world, "mshp", await world.send("mshp", "deconfliction.request", question()))
    assert result["answer"] == "none_known"


async def test_a_question_sees_what_was_accepted_before_it_in_its_own_batch(world: Spoken) -> None:
    notice = kit.notice("dea", ["coordinator"])
    asked = kit.submission("mshp", kit.body("mshp", "deconfliction.request", question()))
    later = kit.submission("mshp", kit.body("mshp", "deconfliction.request", question(moved(0.5))))
    receipts = await world.intake.receive([notice, asked, later])
    assert {each.verdict for each in receipts} == {Verdict.ACCEPTED}
    results = await world.feed("mshp", "deconfliction.result")
    assert [each["data"]["answer"] for each in results] == ["possible", "none_known"]


async def test_no_answer_is_finer_than_the_grid(world: Spoken) -> None:
    """Whoever asks a step of 20 m at a time sees the answer change at lines of the grid alone, which says nothing."""
    await world.send("dea", "operation.notice", kit.plan(["coordinator"]))
    steps = [index * 0.0002 for index in range(150)]
    submissions = [
        kit.submission(
            "mshp",
            kit.body(
                "mshp",
                "deconfliction.request",
                question(area={"type": "Point", "coordinates": list(moved(east)), "radius_m": 1.0}),
            ),
        )
        for east in steps
    ]
    await world.intake.receive(submissions)
    results = await world.feed("mshp", "deconfliction.result")
    found = {each["causationid"]: each["data"]["answer"] for each in results}
    answers = [found[json.loads(each.body)["id"]] for each in submissions]
    assert answers[0] == "possible"
    assert answers[-1] == "none_known"
    (change,) = [index for index in range(1, len(answers)) if answers[index] != answers[index - 1]]
    # It changes where the western edge of what is asked, 800 m and a metre on, passes a line of the grid.
    west = moved(steps[change])[0] - 801 / 87_100
    assert abs(west * 64 - round(west * 64)) < 0.05


async def test_a_question_needs_participation_and_a_person(world: Spoken) -> None:
    agreements = [each for each in kit.agreements() if json.loads(each.body)["data"]["kind"] == "participation"]
    assert agreements
    answer = await world.send("usms", "deconfliction.request", question())
    assert answer.accepted
    # A law in which nobody takes part.
    world.clock.advance(days=3_000)
    late = kit.submission(
        "usms",
        kit.body(
            "usms",
            "deconfliction.request",
            question(start=_hours(world, 1), end=_hours(world, 2)),
            time=world.clock().isoformat(),
        ),
        received=world.clock(),
    )
    refused = await world.submit(late, "deconfliction.request")
    assert refused.refused_by(RefusalCode.NO_PARTICIPATION, "source")


def _hours(world: Spoken, hours: int) -> str:
    return (world.clock() + timedelta(hours=hours)).isoformat()


# --- tokens ---

TOKEN = {"kind": "plate", "token": "ab" * 32, "key_epoch": 7}


def tokens(operation: str, **said: object) -> Json:
    return {**kit.common(["coordinator"]), "operation_id": operation, "tokens": [TOKEN], **said}


async def test_tokens_are_kept_for_an_own_live_operation_and_shown_to_nobody(world: Spoken) -> None:
    plan = kit.plan(["hsi", "dea"])
    await world.send("mshp", "operation.notice", plan)
    both = [TOKEN, {**TOKEN, "key_epoch": 8, "token": "cd" * 32}]
    answer = await world.send("mshp", "deconfliction.subject", tokens(plan["operation_id"], tokens=both))
    assert answer.accepted
    assert answer.said["recipients"] == []
    assert await world.who_was_told(answer.message) == []
    rows = await world.rows("subject_tokens")
    assert [(row["operation"], row["kind"], row["token"], row["key_epoch"]) for row in rows] == [
        (plan["operation_id"], "plate", "ab" * 32, 7),
        (plan["operation_id"], "plate", "cd" * 32, 8),
    ]
    assert b"abababab" not in await world.written()
    for agency in kit.AGENCIES:
        assert all(b"abababab" not in each.body for each in await world.store.feed(agency, 0, 10_000))


async def test_tokens_of_anothers_operation_or_of_one_that_ended_are_refused(world: Spoken) -> None:
    plan = kit.plan(["coordinator"])
    await world.send("mshp", "operation.notice", plan)
    for agency, operation in (("dea", plan["operation_id"]), ("mshp", kit.fresh_id())):
        answer = await world.send(agency, "deconfliction.subject", tokens(operation))
        assert answer.refused_by(HIDDEN, "data.operation_id")
    mixed = await world.send("mshp", "deconfliction.subject", tokens(plan["operation_id"], status="test"))
    assert mixed.refused_by(RefusalCode.STATUS_MIXED, "data.status")
    gone = {**kit.common(["coordinator"]), "operation_id": plan["operation_id"], "outcome": "completed"}
    await world.send("mshp", "operation.close", gone)
    over = await world.send("mshp", "deconfliction.subject", tokens(plan["operation_id"]))
    assert over.refused_by(RefusalCode.NOT_LIVE, "data.operation_id")
    assert await world.rows("subject_tokens") == []


# --- waivers ---


def waiver(operation: str, **said: object) -> Json:
    return {
        **kit.common(["dps"]),
        "originator": OFFICER,
        "operation_id": operation,
        "approved_by": "2200",
        "late_entry_due": (kit.NOW + timedelta(hours=6)).isoformat(),
        "reason": "hot_pursuit",
        **said,
    }


async def test_a_waiver_is_kept_and_told_to_dps_before_and_after_the_operation_is_entered(world: Spoken) -> None:
    plan = kit.plan(["coordinator"])
    early = await world.send("mshp", "deconfliction.waiver", waiver(plan["operation_id"]))
    await world.send("mshp", "operation.notice", plan)
    late = await world.send("mshp", "deconfliction.waiver", waiver(plan["operation_id"]))
    for answer in (early, late):
        assert answer.accepted
        assert await world.who_was_told(answer.message) == ["dps"]
    rows = await world.rows("waivers")
    assert [(row["operation"], row["agency"], row["approved_by"], row["reason"]) for row in rows] == [
        (plan["operation_id"], "mshp", "2200", "hot_pursuit")
    ] * 2


async def test_a_waiver_of_anothers_operation_is_refused_and_an_exercise_is_not_mixed_in(world: Spoken) -> None:
    plan = kit.plan(["coordinator"])
    await world.send("mshp", "operation.notice", plan)
    foreign = await world.send("dea", "deconfliction.waiver", waiver(plan["operation_id"]))
    assert foreign.refused_by(HIDDEN, "data.operation_id")
    mixed = await world.send("mshp", "deconfliction.waiver", waiver(plan["operation_id"], status="exercise"))
    assert mixed.refused_by(RefusalCode.STATUS_MIXED, "data.status")
    assert await world.rows("waivers") == []
