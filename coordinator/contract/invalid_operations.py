"""Mistakes in messages about operations: the plan, its window, the ground, what becomes of it."""

from collections.abc import Iterator
from itertools import pairwise
from math import cos, radians, sin
from typing import Final

from coordinator.contract.example import Mistake, absent
from coordinator.model.decisions import Hint, RefusalCode, Stage

WRONG: Final = RefusalCode.INVALID_FIELD
MISSING: Final = RefusalCode.MISSING_FIELD
WINDOW: Final = RefusalCode.WINDOW_INVALID
AREA: Final = RefusalCode.AREA_INVALID
OUTSIDE: Final = RefusalCode.AREA_OUTSIDE
LARGE: Final = RefusalCode.AREA_TOO_LARGE
COORDINATES: Final = "data.area.coordinates"
Ring = list[list[float]]

_OPEN: Final[Ring] = [[-93.3, 37.2], [-93.2, 37.2], [-93.2, 37.3], [-93.3, 37.3]]
_CLOSED: Final[Ring] = [*_OPEN, _OPEN[0]]
_BOW_TIE: Final[Ring] = [[-93.3, 37.2], [-93.2, 37.3], [-93.2, 37.2], [-93.3, 37.3], [-93.3, 37.2]]
_FLAT: Final[Ring] = [[-93.3, 37.2], [-93.2, 37.2], [-93.1, 37.2], [-93.3, 37.2]]
_ELSEWHERE: Final[Ring] = [[-92.3, 37.2], [-92.2, 37.2], [-92.2, 37.3], [-92.3, 37.2]]
_HALF_THE_STATE: Final[Ring] = [[-94.5, 37.0], [-91.0, 37.0], [-91.0, 40.0], [-94.5, 40.0], [-94.5, 37.0]]
_NEW_MADRID: Final = (-89.53, 36.59)
_DENVER: Final = (-104.99, 39.74)


def in_plan() -> Iterator[Mistake]:
    """Fields of a plan, without window and ground."""
    yield Mistake("operation-missing", {"data.operation_id": absent()}, MISSING, "data.operation_id")
    yield Mistake("operation-no-uuid", {"data.operation_id": "BLUE-HERON"}, WRONG, "data.operation_id")
    yield Mistake("name-prose", {"data.name": "Warrant on Elm Street, see J. Doe"}, WRONG, "data.name")
    yield Mistake("name-too-long", {"data.name": "H" * 33}, WRONG, "data.name")
    yield Mistake("event-type-unknown", {"data.event_type": "picnic"}, WRONG, "data.event_type")
    yield Mistake("duty-unknown", {"data.duty": "traffic"}, WRONG, "data.duty")
    yield Mistake("lead-upper-case", {"data.lead": "MSHP"}, WRONG, "data.lead")
    yield Mistake("participating-twice", {"data.participating": ["dea", "dea"]}, WRONG, "data.participating")
    yield Mistake("participating-newline", {"data.participating": ["de\na"]}, *_CONTROL)
    yield Mistake("joint-with-no-uuid", {"data.joint_with": ["TWIN OAKS"]}, WRONG, "data.joint_with.0")
    yield Mistake("contact-missing", {"data.contact": absent()}, MISSING, "data.contact")
    yield Mistake("callback-missing", {"data.contact": {"backup": "+15735550111"}}, MISSING, "data.contact.callback")
    yield Mistake("callback-national", {"data.contact.callback": "573-555-0110"}, WRONG, "data.contact.callback")
    nobody = {"function": "detain", "officer_ids": []}
    yield Mistake("authority-of-nobody", {"data.authority": nobody}, WRONG, "data.authority.officer_ids")
    twice = {"function": "detain", "officer_ids": ["4127", "4127"]}
    yield Mistake("authority-officer-twice", {"data.authority": twice}, WRONG, "data.authority.officer_ids")
    unknown = {"function": "deport", "officer_ids": ["4127"]}
    yield Mistake("authority-function-unknown", {"data.authority": unknown}, WRONG, "data.authority.function")
    yield Mistake("plainclothes-missing", {"data.plainclothes": absent()}, MISSING, "data.plainclothes")
    yield Mistake("plainclothes-number", {"data.plainclothes": 1}, WRONG, "data.plainclothes")
    yield Mistake("caution-prose", {"data.caution": ["the dog bites"]}, WRONG, "data.caution.0")
    yield Mistake("caution-twice", {"data.caution": ["armed", "armed"]}, WRONG, "data.caution")
    yield Mistake("sealed-word", {"data.sealed": "yes"}, WRONG, "data.sealed")
    yield Mistake("field-play-number", {"data.field_play": 0}, WRONG, "data.field_play")


_CONTROL: Final = (RefusalCode.FORBIDDEN_CHARACTER, None, Stage.DECODE)


def in_window() -> Iterator[Mistake]:
    """From when to when."""
    yield Mistake("start-missing", {"data.start": absent()}, MISSING, "data.start")
    # In Missouri this hour comes twice: without an offset it is two moments.
    yield Mistake("start-without-offset", {"data.start": "2026-11-01T01:30:00"}, WRONG, "data.start")
    yield Mistake("start-in-words", {"data.start": "tonight"}, WRONG, "data.start")
    yield Mistake("end-at-start", {"data.end": "2026-11-28T00:00:00Z"}, WINDOW, "data.end", in_schema=False)
    yield Mistake("end-before-start", {"data.end": "2026-11-27T17:00:00-06:00"}, WINDOW, "data.end", in_schema=False)
    long = {"data.end": "2026-12-28T18:00:01-06:00"}
    yield Mistake("window-over-31-days", long, RefusalCode.WINDOW_TOO_LONG, "data.end", in_schema=False)
    endless = {"data.end": "2999-12-31T23:59:59Z"}
    yield Mistake("window-of-centuries", endless, RefusalCode.WINDOW_TOO_LONG, "data.end", in_schema=False)
    over = {"data.start": "2026-11-27T09:00:00-06:00", "data.end": "2026-11-27T12:00:00-06:00"}
    yield Mistake("window-over", over, RefusalCode.WINDOW_OVER, "data.end", in_schema=False)
    yield Mistake("end-of-time", {"data.end": "9999-12-31T23:59:59Z"}, WRONG, "data.end")


def in_ground() -> Iterator[Mistake]:
    """Where, and how large."""
    yield Mistake("area-missing", {"data.area": absent()}, MISSING, "data.area")
    yield Mistake("area-circle", {"data.area": {"type": "Circle"}}, AREA, "data.area.type")
    yield Mistake("area-without-type", {"data.area.type": absent()}, MISSING, "data.area.type")
    yield Mistake("area-in-words", {"data.area": "Elm Street"}, AREA, "data.area")
    yield Mistake(
        "area-field-unknown", {"data.area.address": "Elm Street"}, RefusalCode.UNKNOWN_FIELD, "data.area.address"
    )
    yield Mistake("radius-missing", {"data.area.radius_m": absent()}, MISSING, "data.area.radius_m")
    for title, radius in (
        ("zero", 0),
        ("negative", -120),
        ("1e9", 1e9),
        ("text", "120"),
        ("true", True),
        ("null", None),
    ):
        yield Mistake(f"radius-{title}", {"data.area.radius_m": radius}, AREA, "data.area.radius_m")
    yield Mistake("position-with-height", {COORDINATES: [-90.2, 38.6, 150]}, AREA, COORDINATES)
    yield Mistake("position-in-text", {COORDINATES: ["-90.2", "38.6"]}, AREA, f"{COORDINATES}.0")
    yield Mistake("position-empty", {COORDINATES: []}, AREA, f"{COORDINATES}.0")
    swapped = {COORDINATES: [38.6270, -90.1994]}
    hint = Hint.COORDINATES_SWAPPED
    yield Mistake("position-swapped", swapped, AREA, f"{COORDINATES}.1", hint=hint)
    longitude, latitude = _NEW_MADRID
    swapped = {COORDINATES: [latitude, longitude]}
    yield Mistake("position-swapped-in-range", swapped, OUTSIDE, "data.area", hint=hint, in_schema=False)
    yield Mistake("position-outside-the-domain", {COORDINATES: list(_DENVER)}, OUTSIDE, "data.area", in_schema=False)
    yield from _in_lines()
    yield from _in_polygons()


def _in_lines() -> Iterator[Mistake]:
    line = {"type": "LineString", "coordinates": _OPEN, "buffer_m": 100}
    yield Mistake("line-of-one", {"data.area": line | {"coordinates": _OPEN[:1]}}, AREA, COORDINATES)
    same = [_OPEN[0], _OPEN[0]]
    yield Mistake(
        "line-without-length", {"data.area": line | {"coordinates": same}}, AREA, COORDINATES, in_schema=False
    )
    yield Mistake("line-without-buffer", {"data.area": line | {"buffer_m": 0}}, AREA, "data.area.buffer_m")
    yield Mistake(
        "line-with-radius", {"data.area": line | {"radius_m": 1}}, RefusalCode.UNKNOWN_FIELD, "data.area.radius_m"
    )


def _in_polygons() -> Iterator[Mistake]:
    yield Mistake("polygon-empty", _polygon(), AREA, COORDINATES)
    yield Mistake("polygon-of-one-position", _polygon(_CLOSED[:1]), AREA, f"{COORDINATES}.0")
    yield Mistake("polygon-open", _polygon(_OPEN), AREA, f"{COORDINATES}.0", in_schema=False)
    yield Mistake("polygon-crossing-itself", _polygon(_BOW_TIE), AREA, COORDINATES, in_schema=False)
    yield Mistake("polygon-without-ground", _polygon(_FLAT), AREA, COORDINATES, in_schema=False)
    yield Mistake("polygon-hole-outside", _polygon(_CLOSED, _ELSEWHERE), AREA, COORDINATES, in_schema=False)
    yield Mistake("polygon-too-large", _polygon(_HALF_THE_STATE), LARGE, "data.area", in_schema=False)
    yield Mistake("multipolygon-empty", {"data.area": {"type": "MultiPolygon", "coordinates": []}}, AREA, COORDINATES)
    parts = {"type": "MultiPolygon", "coordinates": [[_CLOSED], [_BOW_TIE]]}
    yield Mistake("multipolygon-part-crossing", {"data.area": parts}, AREA, f"{COORDINATES}.1", in_schema=False)


def in_crowds() -> Iterator[Mistake]:
    """More vertices than an area may have, in a body that is not too large."""
    field = f"{COORDINATES}.0"
    yield Mistake("polygon-1001-vertices", _polygon(_round(1_001)), AREA, field)
    many = {"type": "MultiPolygon", "coordinates": [[_round(600)], [_round(600)]]}
    yield Mistake("multipolygon-1200-vertices", {"data.area": many}, AREA, COORDINATES, in_schema=False)


def _polygon(*rings: Ring) -> dict[str, object]:
    return {"data.area": {"type": "Polygon", "coordinates": list(rings)}}


def _round(corners: int) -> Ring:
    """A ring of so many corners around Springfield, with coordinates short enough for the body's limit."""
    turns = (radians(360 * corner / corners) for corner in range(corners))
    ring = [[round(-93.3 + 0.5 * cos(turn), 4), round(37.2 + 0.4 * sin(turn), 4)] for turn in turns]
    if any(one == other for one, other in pairwise(ring)):
        msg = "corners must differ"
        raise ValueError(msg)
    return [*ring, ring[0]]


def in_update() -> Iterator[Mistake]:
    """Revisions."""
    yield Mistake("revision-missing", {"data.revision": absent()}, MISSING, "data.revision")
    for title, number in (("one", 1), ("text", "2"), ("true", True), ("too-large", 1_000_001)):
        yield Mistake(f"revision-{title}", {"data.revision": number}, WRONG, "data.revision")
    yield Mistake("revision-fraction", {"data.revision": 2.5}, WRONG, "data.revision")
    yield Mistake("reason-missing", {"data.reason": absent()}, MISSING, "data.reason")
    yield Mistake("reason-prose", {"data.reason": "he moved"}, WRONG, "data.reason")
    yield Mistake("name-missing", {"data.name": absent()}, MISSING, "data.name")


def in_status() -> Iterator[Mistake]:
    """How far it is."""
    yield Mistake("progress-missing", {"data.progress": absent()}, MISSING, "data.progress")
    yield Mistake("progress-unknown", {"data.progress": "nearly"}, WRONG, "data.progress")
    yield Mistake("operation-missing", {"data.operation_id": absent()}, MISSING, "data.operation_id")


def in_cancel() -> Iterator[Mistake]:
    """Why it will not be."""
    yield Mistake("reason-missing", {"data.reason": absent()}, MISSING, "data.reason")
    yield Mistake("reason-prose", {"data.reason": "subject left town"}, WRONG, "data.reason")
    yield Mistake("operation-number", {"data.operation_id": 457}, WRONG, "data.operation_id")


def in_close() -> Iterator[Mistake]:
    """How it ended."""
    yield Mistake("outcome-missing", {"data.outcome": absent()}, MISSING, "data.outcome")
    yield Mistake("outcome-prose", {"data.outcome": "two arrested"}, WRONG, "data.outcome")
    yield Mistake("arrests-counted", {"data.arrests": 2}, RefusalCode.UNKNOWN_FIELD, "data.arrests")


def by_an_outsider() -> Iterator[tuple[str, Mistake]]:
    """Each with the type that it is of: DEA has no participation agreement in these examples."""
    stranger = {"source": "//dea/desk", "data.originator.ori": "MOEX00004"}
    for name, changes in (("operation.notice", stranger | {"data.lead": "dea"}), ("operation.status", stranger)):
        code = RefusalCode.NO_PARTICIPATION
        yield name, Mistake("no-participation", changes, code, "source", Stage.AUTHORISE, in_schema=False)
