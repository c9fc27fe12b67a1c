"""The scenario of the demo holds all that it must: its places are real, its conflicts the right ones."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import combinations

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from coordinator.demo.compose import compose
from coordinator.demo.letters import Letter, Program
from coordinator.demo.parties import make_parties
from coordinator.demo.scenario import NoticeRow, Places, Scenario, load_places, load_scenario
from coordinator.demo.weekend import Weekend
from coordinator.directory.reader import examine
from coordinator.directory.writer import render_directory
from coordinator.model.answers import AuthorityVerdict, Change, CloseReason
from coordinator.model.codes import EventType, Progress, Role, Status
from coordinator.model.decisions import RefusalCode, WithheldReason
from coordinator.model.geometry import Shape, all_within, distance_m, shape_of
from coordinator.model.messages import INCOMING
from coordinator.model.operations import OperationCancel, OperationNotice, OperationStatus, OperationUpdate
from coordinator.model.volume import Volume
from coordinator.steps.register import volume_of
from tests import kit

HEADQUARTERS = {
    "A": "Lee's Summit",
    "B": "Macon",
    "C": "Weldon Spring",
    "D": "Springfield",
    "E": "Poplar Bluff",
    "F": "Jefferson City",
    "G": "Willow Springs",
    "H": "St. Joseph",
    "I": "Rolla",
}
INTERSTATE_44 = ("pacific", "st-clair", "sullivan", "bourbon", "cuba", "st-james", "rolla")


@cache
def scenario() -> Scenario:
    return load_scenario()


@cache
def places() -> Places:
    return load_places()


@cache
def program(seed: int = 1, now: datetime = kit.NOW) -> Program:
    return compose(scenario(), places(), kit.counties(), seed, now)


def notices(event_type: EventType) -> list[NoticeRow]:
    return [row for row in scenario().notice if row.event_type is event_type]


def notice(key: str) -> NoticeRow:
    return next(row for row in scenario().notice if row.key == key)


# the parties and the places


def test_twelve_agencies_take_part_and_one_of_them_leads() -> None:
    roles = [row.role for row in scenario().agency]
    assert len(roles) == 12
    assert (roles.count(Role.LEAD), roles.count(Role.PATROL)) == (1, 1)
    assert {"ice-ero", "hsi", "cbp", "dea", "fbi", "atf", "usms"} <= {row.id for row in scenario().agency}


def test_the_directory_of_the_parties_is_sound_and_its_numbers_are_fictional() -> None:
    parties = make_parties(scenario(), kit.counties())
    text = render_directory(parties.directory)
    reading = examine(text, counties=kit.counties().names)
    assert (reading.mistakes, reading.warnings) == ((), ())
    phones = [line.split('"')[1] for line in text.splitlines() if line.startswith("phone")]
    assert len(set(phones)) == len(phones) == 36
    assert all(phone.startswith("+157355501") for phone in phones)


def test_at_least_forty_real_places_are_used() -> None:
    used = {place for row in scenario().notice for place in row.ground.places} | set(scenario().routine.places)
    assert used <= places().keys()
    assert len(used) >= 40


def test_every_place_lies_in_its_county() -> None:
    for place in places().values():
        touched = kit.counties().touched(Shape(shapely.Point(place.at)))
        assert [county.fips for county in touched] == [place.county], place.name


def test_the_nine_troops_have_their_headquarters_where_they_are_and_each_has_an_operation() -> None:
    homes = {place.troop: place.name for place in places().values() if place.headquarters}
    assert homes == HEADQUARTERS
    speaking = {row.system for row in scenario().notice if row.agency == "mshp"} | {
        INCOMING.validate_json(letter.body).system for letter in program().letters if letter.routine
    }
    assert {f"troop-{letter.lower()}" for letter in HEADQUARTERS} <= speaking
    used = {place for row in scenario().notice for place in row.ground.places}
    assert {place.id for place in places().values() if place.headquarters} <= used


# each situation that was asked for


def test_warrants_in_st_louis_and_kansas_city() -> None:
    towns = {place for row in notices(EventType.SEARCH_WARRANT) for place in row.ground.places}
    assert {"st-louis", "kansas-city"} <= towns


def test_an_interdiction_along_interstate_44_a_sweep_of_a_county_and_a_surveillance_along_a_route() -> None:
    assert [row.ground.route for row in notices(EventType.INTERDICTION)] == [INTERSTATE_44]
    (sweep,) = notices(EventType.SWEEP)
    assert sweep.ground.county in kit.counties().names
    (surveillance,) = notices(EventType.SURVEILLANCE)
    assert len(surveillance.ground.route) >= 3


@pytest.mark.parametrize("wanted", [EventType.CHECKPOINT, EventType.FUGITIVE, EventType.PROTECTIVE_DETAIL])
def test_other_kinds_of_operations(wanted: EventType) -> None:
    assert notices(wanted)


def test_a_near_miss_of_exactly_120_minutes_on_one_ground() -> None:
    early, late = notice("fbi-warrant"), notice("dea-buy-bust")
    weekend = Weekend(kit.NOW)
    assert early.ground == late.ground
    assert weekend.moment(late.window[0]) - weekend.moment(early.window[1]) == timedelta(minutes=120)
    assert ("fbi-warrant", "dea-buy-bust") in [row.between for row in scenario().apart]


def test_a_near_miss_of_300_m_in_the_same_hours() -> None:
    one, other = (
        next(letter for letter in program().letters if letter.key == key) for key in ("fbi-warrant", "atf-raid")
    )
    gap = distance_m(volume(one).shape, volume(other).shape)
    assert gap == pytest.approx(300, abs=0.5)
    assert volume(one).start < volume(other).end
    assert volume(other).start < volume(one).end
    assert ("fbi-warrant", "atf-raid") in [row.between for row in scenario().apart]


def test_a_duplicate_a_forged_sender_and_what_the_broker_itself_refuses() -> None:
    assert scenario().again
    codes = {row.refused.code for row in scenario().notice if row.refused is not None}
    assert codes == {RefusalCode.SENDER_MISMATCH, RefusalCode.AREA_INVALID}
    assert {row.tries for row in scenario().intrusion} == {"foreign_user_id", "foreign_exchange", "foreign_queue"}


def test_what_the_agreements_do_not_allow() -> None:
    assert WithheldReason.NO_AGREEMENT in notice("no-agreement").withheld.values()
    assert notice("not-certified").authority is AuthorityVerdict.UNPROVEN
    assert notice("proven").authority is AuthorityVerdict.PROVEN


def test_plans_change_and_an_exercise_is_held() -> None:
    closings = {row.history[-1] for row in scenario().conflict}
    assert closings == {Change.OPENED, CloseReason.MOVED_APART, CloseReason.OPERATION_CANCELLED}
    assert Progress.EXECUTING in [row.progress for row in scenario().status]
    exercise = notice("exercise")
    assert exercise.status is Status.EXERCISE
    assert exercise.ground.place == notice("kcpd-warrant").ground.place


def test_a_queue_is_missing_and_an_alert_overtakes_a_pile() -> None:
    (missing,) = (act for act in scenario().act if act.missing is not None)
    (behind,) = (act for act in scenario().act if act.behind is not None)
    assert any(missing.missing in row.told for row in scenario().notice if row.act == missing.key)
    assert all(row.agency != missing.missing for row in scenario().notice if row.act == missing.key)
    alert = next(row for row in scenario().alert if row.act == behind.key and row.imminent is not None)
    assert alert.to_area
    assert behind.behind in alert.told
    assert scenario().routine.count >= 100


# what is composed


def volume(letter: Letter, revision: int = 1) -> Volume:
    event = INCOMING.validate_json(letter.body)
    assert isinstance(event, OperationNotice | OperationUpdate)
    return volume_of(event, event.data, revision, shape_of(event.data.area))


def test_every_message_is_in_order_but_the_one_that_must_not_be() -> None:
    for letter in program().letters:
        if letter.key == "swapped-coordinates":
            with pytest.raises(ValidationError):
                INCOMING.validate_json(letter.body)
        else:
            INCOMING.validate_json(letter.body)


def test_the_same_seed_gives_the_same_ids_and_order_and_another_seed_others() -> None:
    def sent(seed: int) -> list[tuple[str, str]]:
        return [(each.key, each.id) for each in compose(scenario(), places(), kit.counties(), seed, kit.NOW).letters]

    assert sent(7) == sent(7)
    assert sent(7) != sent(8)
    assert len(set(sent(7))) == len(sent(7))


def pairs_of(volumes: list[Volume], of: Program) -> set[frozenset[str]]:
    """The pairs that conflict, from the definition alone: every one compared with every other."""
    directory = make_parties(scenario(), kit.counties()).directory
    near = []
    for one, other in combinations(volumes, 2):
        rule = directory.stricter(one.event_type, other.event_type)
        gap = max(one.start - other.end, other.start - one.end)
        if one.status is other.status and gap < timedelta(minutes=2 * rule.widen_minutes):
            near.append((one, other, rule.distance_m))
    gaps = all_within([(one.shape, other.shape) for one, other, _ in near], [limit for *_, limit in near])
    return {
        frozenset(of.operations[each.operation_id].key for each in (one, other))
        for (one, other, _), found in zip(near, gaps, strict=True)
        if found is not None
    }


MOMENTS = [
    kit.NOW,
    datetime(2026, 10, 30, 20, 59, tzinfo=UTC),  # a Friday before the clocks go back
    datetime(2026, 10, 30, 21, 1, tzinfo=UTC),  # a Friday too late for its own weekend
    datetime(2027, 3, 10, 5, 7, tzinfo=UTC),  # the week in which they go forward
    datetime(2026, 12, 31, 23, 59, tzinfo=UTC),
]


@pytest.mark.parametrize("now", MOMENTS, ids=str)
@pytest.mark.parametrize("seed", [1, 7, 23])
def test_all_pairs_compared_by_the_definition_give_exactly_the_expected_conflicts(seed: int, now: datetime) -> None:
    played = program(seed, now)
    before, after = {}, {}
    for letter in sorted(played.letters, key=lambda each: each.name):  # notices before updates
        if letter.name == "operation.notice" and letter.expected.refused is None:
            planned = volume(letter)
            before[planned.operation_id] = after[planned.operation_id] = planned
    for letter in played.letters:
        event = INCOMING.validate_json(letter.body) if letter.expected.refused is None else None
        match event:
            case OperationUpdate():
                after[event.data.operation_id] = volume(letter, 2)
            case OperationCancel():
                del after[event.data.operation_id]
            case OperationStatus() if event.data.progress is Progress.EXECUTING:
                after[event.data.operation_id] = replace(after[event.data.operation_id], start=now)
            case _:
                pass
    early, late = pairs_of(list(before.values()), played), pairs_of(list(after.values()), played)
    assert early | late == {frozenset(row.between) for row in scenario().conflict}
    closed = {frozenset(row.between) for row in scenario().conflict if row.history[-1] is not Change.OPENED}
    assert early - late == closed


@given(st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)))  # noqa: DTZ001  # hypothesis wants them without offset
def test_every_window_lies_ahead_and_is_not_empty(moment: datetime) -> None:
    weekend = Weekend(moment.replace(tzinfo=UTC))
    for row in scenario().notice:
        start, end = (weekend.moment(text) for text in row.window)
        assert weekend.now < start < end
        assert end - weekend.now < timedelta(days=11)
