"""Step 1: a submission becomes a message of its type, or is refused with the field at fault."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from coordinator.model.area import Area, AreaMistake, LineString, MultiPolygon, Point, Polygon
from coordinator.model.base import UUID_PATTERN
from coordinator.model.counties import Counties
from coordinator.model.decisions import Flag, Hint, RefusalCode, Refused, Stage
from coordinator.model.directory import Limits
from coordinator.model.envelope import AgencyEvent
from coordinator.model.extent import Extent, Outside
from coordinator.model.geometry import Shape, most_area_km2, shape_of
from coordinator.model.messages import INCOMING, OUTGOING_NAMES, TYPES
from coordinator.model.notices import SituationAlert
from coordinator.model.operations import OperationNotice, OperationUpdate, Plan
from coordinator.model.questions import DeconflictionRequest, QuestionBody
from coordinator.model.work import ClaimKey, Read, Submission

OLDEST = timedelta(hours=24)
NEWEST = timedelta(minutes=2)
_UUID = re.compile(UUID_PATTERN)
_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SHAPES = frozenset({"Point", "LineString", "Polygon", "MultiPolygon"})
_BY_ERROR: Mapping[str, RefusalCode] = {
    "json_invalid": RefusalCode.NOT_JSON,
    "extra_forbidden": RefusalCode.UNKNOWN_FIELD,
    "missing": RefusalCode.MISSING_FIELD,
    "union_tag_not_found": RefusalCode.MISSING_FIELD,
    "union_tag_invalid": RefusalCode.INVALID_FIELD,
    RefusalCode.WINDOW_INVALID: RefusalCode.WINDOW_INVALID,
    RefusalCode.MARKING_NOT_ALLOWED: RefusalCode.MARKING_NOT_ALLOWED,
}
"""By the type of a validation error: pydantic's own, or of a rule of the models (`base.broken`)."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a domain accepts: how large, how long, and where."""

    limits: Limits
    extent: Extent
    counties: Counties


def claim_key(submission: Submission, decoded: Mapping[str, object] | Refused) -> ClaimKey:
    """Under what the submission is claimed: the proven sender and the id, or the digest where no id can be read."""
    found = decoded.get("id") if isinstance(decoded, Mapping) else None
    readable = isinstance(found, str) and _UUID.fullmatch(found) is not None
    return ClaimKey(submission.agency, str(found) if readable else submission.digest)


def read(submission: Submission, decoded: Mapping[str, object], bounds: Bounds) -> Read | Refused:
    """Make the message of its type, and hold it against the bounds of the domain and the clock of its receipt."""
    named = decoded.get("type")
    if "type" in decoded and (not isinstance(named, str) or named not in TYPES):
        return _refused(RefusalCode.UNKNOWN_TYPE, "type")
    if named in OUTGOING_NAMES:
        return _refused(RefusalCode.NOT_FROM_AN_AGENCY, "type")
    try:
        event = INCOMING.validate_json(submission.body)
    except ValidationError as error:
        return _from_errors(error.errors(include_url=False, include_input=False))
    skewed = not submission.received - OLDEST <= event.time <= submission.received + NEWEST
    if skewed and not event.always_heard:
        return _refused(RefusalCode.CLOCK_SKEW, "time")
    flags = (Flag.CLOCK_SKEW,) if skewed else ()
    return _within(event, submission.received, flags, bounds)


def _within(event: AgencyEvent, received: datetime, flags: tuple[Flag, ...], bounds: Bounds) -> Read | Refused:
    match event:
        case OperationNotice() | OperationUpdate():
            area = event.data.area
            refused = _window(event.data, received, bounds.limits)
        case DeconflictionRequest():
            area = event.data.area
            refused = _window(event.data, received, bounds.limits)
        case SituationAlert():
            area = event.data.area
            refused = _refused(RefusalCode.EXPIRED, "data.expires") if event.data.expires <= received else None
        case _:
            return Read(event, flags=flags)
    if refused is None and _corners(area) > bounds.limits.vertices:
        refused = _refused(RefusalCode.AREA_TOO_LARGE, "data.area.coordinates")
    shape = shape_of(area)
    if refused is None and shape.is_empty:
        refused = _refused(RefusalCode.AREA_INVALID, "data.area.coordinates")
    refused = refused or _ground(shape, bounds)
    if refused is not None:
        return refused
    counties = tuple([(county.fips, county.name) for county in bounds.counties.touched(shape)])
    return Read(event, shape, counties, flags)


def _window(plan: Plan | QuestionBody, received: datetime, limits: Limits) -> Refused | None:
    if plan.end - plan.start > timedelta(days=limits.window_days):
        return _refused(RefusalCode.WINDOW_TOO_LONG, "data.end")
    if plan.end <= received:
        return _refused(RefusalCode.WINDOW_OVER, "data.end")
    return None


def _corners(area: Area) -> int:
    match area:
        case Point():
            return 1
        case LineString():
            return len(area.coordinates)
        case Polygon():
            return sum(len(ring) - 1 for ring in area.coordinates)
        case MultiPolygon():
            return sum(len(ring) - 1 for rings in area.coordinates for ring in rings)


def _ground(shape: Shape, bounds: Bounds) -> Refused | None:
    place = bounds.extent.inside(shape)
    if isinstance(place, Outside):
        hint = Hint.COORDINATES_SWAPPED if place.swapped_would_fit else None
        return Refused(RefusalCode.AREA_OUTSIDE, Stage.VALIDATE, "data.area", hint)
    if most_area_km2(shape) > bounds.limits.area_km2:
        return _refused(RefusalCode.AREA_TOO_LARGE, "data.area")
    return None


def _from_errors(errors: list[ErrorDetails]) -> Refused:
    """Name the first mistake, and the field at fault."""
    error = errors[0]
    code = _BY_ERROR.get(error["type"], RefusalCode.INVALID_FIELD)
    path = _path(error)
    if path[:2] == ["data", "area"] and code is RefusalCode.INVALID_FIELD:
        code = RefusalCode.AREA_INVALID
    hint = Hint.COORDINATES_SWAPPED if error["type"] == AreaMistake.SWAPPED else None
    return Refused(code, Stage.VALIDATE, ".".join(path) or None, hint)


def _path(error: ErrorDetails) -> list[str]:
    """The way to the field at fault: without the names of the unions' members, and with what a rule itself names.

    An unknown field's name is a text of the sender's: one that is no plain word is not repeated, only where it stands.
    """
    place = error["loc"][1:]
    path = [str(part) for at, part in enumerate(place) if not (part in _SHAPES and place[at - 1] == "area")]
    path = [part for part in path if _WORD.fullmatch(part)]
    context = error.get("ctx", {})
    named = context.get("field", context.get("discriminator"))
    return path if named is None else [*path, str(named).strip("'")]


def _refused(code: RefusalCode, field: str | None) -> Refused:
    return Refused(code, Stage.VALIDATE, field)
