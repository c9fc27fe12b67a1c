"""Bytes become a message of their type, or are refused with the field at fault; nothing makes the step fail."""

import json
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from coordinator.contract.example import RECEIVED, Valid
from coordinator.contract.examples import valid
from coordinator.contract.schema import schema_of
from coordinator.contract.valid_operations import multipolygon, point, polygon, route
from coordinator.model.decisions import Flag, Hint, RefusalCode, Refused, Stage
from coordinator.model.directory import Limits
from coordinator.model.messages import INCOMING_TYPES
from coordinator.model.work import ClaimKey, Read
from coordinator.steps import authorise, decode, validate
from tests.unit.example_world import Json, bounds, changed, directory, example, policy, read, submission

FROM_AGENCIES = [each for each in valid() if not str(each.message["source"]).startswith("//coordinator/")]


def refused(code: RefusalCode, field: str | None, hint: Hint | None = None) -> Refused:
    return Refused(code, Stage.VALIDATE, field, hint)


def at(offset: timedelta) -> str:
    return (RECEIVED + offset).isoformat()


# --- the sender's clock ---

ALWAYS_HEARD = [
    ("operation.notice", None),
    ("operation.update", None),
    ("operation.status", None),
    ("operation.cancel", None),
    ("operation.close", None),
    ("situation.alert", None),
    ("receipt.acknowledge", None),
    ("message.recall", None),
    ("message.correct", None),
    ("agreement.status", "suspended"),
    ("agreement.status", "terminated-by-a-clock-days-off"),
    ("credential.status", "suspended-by-employer"),
    ("credential.status", "revoked-by-other-side"),
]
HEARD_IN_TIME = [
    ("agreement.status", "participation-of-mshp-by-mshp"),
    ("agreement.status", "proposed"),
    ("credential.status", "nominated-by-employer"),
    ("credential.status", "training-by-employer"),
    ("credential.status", "certified-by-employer-4127"),
    ("credential.status", "authorised-by-other-side-4127"),
]
SKEWED = [
    timedelta(hours=-24, microseconds=-1),
    timedelta(days=-400),
    timedelta(minutes=2, microseconds=1),
    timedelta(3),
]
IN_TIME = [timedelta(hours=-24), timedelta(0), timedelta(minutes=2)]


@pytest.mark.parametrize(("name", "title"), ALWAYS_HEARD)
@pytest.mark.parametrize("offset", SKEWED)
def test_what_must_be_heard_is_heard_by_any_clock_and_flagged(name: str, title: str | None, offset: timedelta) -> None:
    found = read(changed(example(name, title), time=at(offset)))
    assert isinstance(found, Read)
    assert found.flags == (Flag.CLOCK_SKEW,)


@pytest.mark.parametrize(("name", "title"), HEARD_IN_TIME)
@pytest.mark.parametrize("offset", SKEWED)
def test_anything_else_is_refused_when_its_time_is_far_off(name: str, title: str, offset: timedelta) -> None:
    assert read(changed(example(name, title), time=at(offset))) == refused(RefusalCode.CLOCK_SKEW, "time")


@pytest.mark.parametrize(("name", "title"), [*ALWAYS_HEARD, *HEARD_IN_TIME])
@pytest.mark.parametrize("offset", IN_TIME)
def test_a_day_back_and_two_minutes_ahead_are_no_skew(name: str, title: str | None, offset: timedelta) -> None:
    found = read(changed(example(name, title), time=at(offset)))
    assert isinstance(found, Read)
    assert found.flags == ()


# --- windows ---


def window(start: timedelta, end: timedelta) -> Read | Refused:
    return read(changed(example("operation.notice"), data__start=at(start), data__end=at(end)))


def test_a_window_may_last_31_days_and_no_longer() -> None:
    assert isinstance(window(timedelta(0), timedelta(days=31)), Read)
    assert window(timedelta(0), timedelta(days=31, microseconds=1)) == refused(RefusalCode.WINDOW_TOO_LONG, "data.end")


def test_a_window_that_has_begun_is_registered_and_one_that_is_over_is_not() -> None:
    assert isinstance(window(timedelta(hours=-2), timedelta(microseconds=1)), Read)
    assert window(timedelta(hours=-2), timedelta(0)) == refused(RefusalCode.WINDOW_OVER, "data.end")


def test_a_local_time_that_comes_twice_is_two_moments_by_its_offset() -> None:
    """America/Chicago, 1 November 2026: 01:30 at -05:00, and again an hour later at -06:00."""
    first, again = "2026-11-01T01:30:00-05:00", "2026-11-01T01:30:00-06:00"
    received = datetime.fromisoformat("2026-10-31T12:00:00-05:00")
    found = read(changed(example("operation.notice"), data__start=first, data__end=again), received=received)
    assert isinstance(found, Read)
    turned = read(changed(example("operation.notice"), data__start=again, data__end=first), received=received)
    assert turned == refused(RefusalCode.WINDOW_INVALID, "data.end")


def test_an_alert_is_refused_from_the_moment_when_it_expires() -> None:
    alert = example("situation.alert")
    assert isinstance(read(changed(alert, data__expires=at(timedelta(microseconds=1)))), Read)
    assert read(changed(alert, data__expires=at(timedelta(0)))) == refused(RefusalCode.EXPIRED, "data.expires")


# --- the ground ---


def ground(area: Json, name: str = "operation.notice") -> Read | Refused:
    return read(changed(example(name), data__area=area))


def names(found: Read | Refused) -> list[str]:
    assert isinstance(found, Read), found
    return [name for _, name in found.counties]


def test_the_counties_touched_are_read_back() -> None:
    assert names(ground(point((-92.1735, 38.5767), 100))) == ["Cole"]
    assert names(ground(point((-90.1994, 38.6270), 100))) == ["St. Louis"]
    assert names(ground(route(((-90.7415, 38.4820), (-91.1604, 38.2081)), 500))) == ["Crawford", "Franklin"]
    assert names(ground(point((-94.5786, 39.0997), 100), "situation.alert")) == ["Jackson"]


def test_no_counties_are_read_back_where_there_is_no_ground() -> None:
    found = read(example("operation.status").body)
    assert isinstance(found, Read)
    assert (found.shape, found.counties) == (None, ())


def test_ground_in_the_margin_around_the_domain_is_accepted() -> None:
    """Belleville and Olathe lie just over the border; Chicago does not."""
    assert names(ground(point((-89.9840, 38.5201), 100))) == []
    assert names(ground(point((-94.8191, 38.8814), 100))) == []
    assert ground(point((-87.6298, 41.8781), 100)) == refused(RefusalCode.AREA_OUTSIDE, "data.area")


@pytest.mark.parametrize("name", ["operation.notice", "situation.alert"])
def test_swapped_coordinates_are_hinted_at(name: str) -> None:
    hint = Hint.COORDINATES_SWAPPED
    jefferson_city = ground(point((38.5767, -92.1735), 100), name)
    assert jefferson_city == refused(RefusalCode.AREA_INVALID, "data.area.coordinates.1", hint)
    new_madrid = ground(point((36.59, -89.53), 100), name)
    assert new_madrid == refused(RefusalCode.AREA_OUTSIDE, "data.area", hint)


def test_ground_is_as_large_as_the_domain_allows_and_no_larger() -> None:
    assert isinstance(ground(point((-92.5, 38.5), 99_999)), Read)  # 31,400 km2
    wide = ((-94.5, 37.0), (-91.0, 37.0), (-91.0, 40.0), (-94.5, 40.0), (-94.5, 37.0))
    assert ground(polygon(wide)) == refused(RefusalCode.AREA_TOO_LARGE, "data.area")


SQUARE = ((-93.3, 37.2), (-93.2, 37.2), (-93.2, 37.3), (-93.3, 37.3), (-93.3, 37.2))
OTHER_SQUARE = tuple((longitude + 1, latitude) for longitude, latitude in SQUARE)


@pytest.mark.parametrize(
    ("area", "corners"),
    [
        (point((-92.1735, 38.5767), 100), 1),
        (route(SQUARE[:4], 100), 4),
        (polygon(SQUARE), 4),
        (multipolygon(SQUARE, OTHER_SQUARE), 8),
    ],
)
def test_a_domain_may_allow_fewer_corners_than_the_contract(area: Json, corners: int) -> None:
    body = changed(example("operation.notice"), data__area=area)
    decoded = decode.decode(body)
    assert isinstance(decoded, dict)
    for limit, allowed in ((corners, True), (corners - 1, False)):
        limited = replace(bounds(), limits=Limits(vertices=limit))
        found = validate.read(submission(body, "mshp"), decoded, limited)
        assert isinstance(found, Read) == allowed
        assert allowed or found == refused(RefusalCode.AREA_TOO_LARGE, "data.area.coordinates")


# --- which field, and under what a message is claimed ---


def test_an_attribute_of_null_is_as_good_as_absent() -> None:
    """CloudEvents 1.0, JSON format, section 2.2."""
    notice = example("operation.notice")
    found = read(changed(notice, subject=None, expirytime=None, dataschema=None, data__agreement_id=None))
    plain = read(notice.body)
    assert isinstance(found, Read)
    assert isinstance(plain, Read)
    assert found.event == plain.event


@pytest.mark.parametrize("name", ["caf\u00e9", "a b", "a\\b", "<b>", "a.b", "x" * 65, ""])
def test_a_field_that_the_sender_invented_is_not_repeated_unless_it_is_a_plain_word(name: str) -> None:
    in_body = read(changed(example("operation.notice"), **{f"data__{name}": 1}))
    assert in_body == refused(RefusalCode.UNKNOWN_FIELD, "data")
    in_envelope = read(changed(example("operation.notice"), **{name: 1}))
    assert in_envelope == refused(RefusalCode.UNKNOWN_FIELD, None)


def test_a_plain_word_is_repeated_so_that_the_sender_finds_it() -> None:
    found = read(changed(example("operation.notice"), **{f"data__{'x' * 64}": 1}))
    assert found == refused(RefusalCode.UNKNOWN_FIELD, f"data.{'x' * 64}")


def claimed(body: bytes) -> ClaimKey:
    return validate.claim_key(submission(body, "mshp"), decode.decode(body))


def test_a_message_is_claimed_by_its_id_under_the_agency_of_the_queue() -> None:
    notice = example("operation.notice")
    assert claimed(changed(notice, source="//dea/desk")) == ClaimKey("mshp", notice.message["id"])
    assert claimed(changed(notice, type="nonsense")) == ClaimKey("mshp", notice.message["id"])


@pytest.mark.parametrize("spoilt", ["x", "", 7, None, ["x"], {"a": 1}, "018F4E7A-0000-7000-8000-000000000000"])
def test_a_message_without_a_readable_id_is_claimed_by_its_digest(spoilt: object) -> None:
    body = changed(example("operation.notice"), id=spoilt)
    assert claimed(body) == ClaimKey("mshp", submission(body, "mshp").digest)


def test_an_unreadable_message_is_claimed_by_its_digest() -> None:
    assert claimed(b"\xff") == ClaimKey("mshp", submission(b"\xff", "mshp").digest)


# --- whatever comes ---


def judged(body: bytes) -> object:
    """All that is done with a body before the transaction."""
    decoded = decode.decode(body)
    came = submission(body, "mshp")
    validate.claim_key(came, decoded)
    if isinstance(decoded, Refused):
        return decoded
    found = validate.read(came, decoded, bounds())
    return found if isinstance(found, Refused) else authorise.judge(came, found, policy(), directory())


WORDS = (None, True, False, "", "x", "x" * 300, "\u202e", "mshp\n", "*", "#", "all", "coordinator", "//dea/desk")
NUMBERS = (0, -1, 1.5, 2**53, 10**30)
PARTS: tuple[object, ...] = ([], {}, [[]], [{}], {"type": "Point"}, ["dps"], ["dps"] * 40, [0, 0])
MOMENTS = ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-11-27T24:00:00Z", "2026-02-29T00:00:00Z")
TYPES = ("gov.mo.coordination.operation.update.v1", "gov.mo.coordination.message.accepted.v1")
HOSTILE = st.sampled_from([*WORDS, *NUMBERS, *PARTS, *MOMENTS, *TYPES]).map(deepcopy)
DEGREES = st.floats(-200, 200) | st.sampled_from([0, 90, -90, 180, -180, 38.6, -90.2])
POSITIONS = st.tuples(DEGREES, DEGREES)
NEAR = st.tuples(st.floats(-96, -89), st.floats(35.9, 40.7))
METRES = st.floats(-1, 100_001) | st.sampled_from([1e-9, 100_000])


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A valid example with up to three things replaced, added or taken away, anywhere."""
    event: Json = json.loads(draw(st.sampled_from(FROM_AGENCIES)).body)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(event))
        holder, key = places[draw(st.integers(0, len(places) - 1))]
        if draw(st.booleans()):
            holder[key] = draw(HOSTILE)
        elif isinstance(holder, dict) and draw(st.booleans()):
            holder["remarks"] = draw(HOSTILE)
        else:
            del holder[key]
    return json.dumps(event).encode()


def _places(holder: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 -- any JSON value
    """Every place in a document where something stands: what holds it, and its key or index there."""
    keys: Iterable[Any] = holder if isinstance(holder, dict) else range(len(holder))
    for key in keys:
        yield holder, key
        if isinstance(holder[key], dict | list):
            yield from _places(holder[key])


@settings(max_examples=600)
@given(mutated())
def test_a_mutated_message_gives_a_value_and_what_the_model_accepts_its_schema_accepts(body: bytes) -> None:
    judged(body)
    found = read(body)
    if isinstance(found, Read):
        assert list(_schema(found.event.name).iter_errors(json.loads(body))) == []


@cache
def _schema(name: str) -> Draft202012Validator:
    return Draft202012Validator(next(schema_of(model) for model in INCOMING_TYPES if model.name == name))


@settings(max_examples=300)
@given(st.sampled_from(FROM_AGENCIES), st.integers(0, 2_000), st.binary(max_size=4), st.integers(0, 4))
def test_spoilt_bytes_give_a_value(of: Valid, start: int, new: bytes, gone: int) -> None:
    body = of.body
    start %= len(body)
    judged(body[:start] + new + body[start + gone :])


@given(st.binary(max_size=100))
def test_any_bytes_give_a_refusal(body: bytes) -> None:
    assert isinstance(judged(body), Refused)


def shapes(positions: st.SearchStrategy[tuple[float, float]]) -> st.SearchStrategy[Json]:
    """Areas of every shape, most of them unsound."""
    rings = st.lists(positions, min_size=3, max_size=6).map(lambda ring: (*ring, ring[0]))
    return st.one_of(
        st.builds(point, positions, METRES),
        st.builds(route, st.lists(positions, min_size=2, max_size=5).map(tuple), METRES),
        st.builds(polygon, rings),
        st.builds(polygon, rings, rings),
        st.builds(multipolygon, rings, rings),
    )


@settings(max_examples=300)
@given(shapes(POSITIONS))
def test_any_ground_on_earth_gives_a_value(area: Json) -> None:
    assert isinstance(ground(area), Read | Refused)


@settings(max_examples=300)
@given(shapes(NEAR))
def test_any_ground_near_missouri_gives_a_value(area: Json) -> None:
    assert isinstance(ground(area), Read | Refused)
