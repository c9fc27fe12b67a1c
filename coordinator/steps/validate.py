"""Step 1: a submission becomes a message of its type, or is refused with the field at fault."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from coordinator.model.counties import Counties
from coordinator.model.decisions import Flag, Hint, RefusalCode, Refused, Stage
from coordinator.model.directory import Limits
from coordinator.model.envelope import AgencyEvent
from coordinator.model.extent import Extent, Outside
from coordinator.model.geometry import Shape, area_km2, shape_of
from coordinator.model.messages import INCOMING, OUTGOING_NAMES, TYPES
from coordinator.model.notices import SituationAlert
from coordinator.model.operations import OperationNotice, OperationUpdate, Plan
from coordinator.model.work import ClaimKey, Read, Submission

OLDEST = timedelta(hours=24)
NEWEST = timedelta(minutes=2)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FIELD = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_BY_ERROR: Mapping[str, RefusalCode] = {
    "extra_forbidden": RefusalCode.UNKNOWN_FIELD,
    "missing": RefusalCode.MISSING_FIELD,
    "union_tag_invalid": RefusalCode.UNKNOWN_TYPE,
    "union_tag_not_found": RefusalCode.MISSING_FIELD,
    "window_empty": RefusalCode.WINDOW_INVALID,
    "marking_not_allowed": RefusalCode.MARKING_NOT_ALLOWED,
}


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
    if isinstance(named, str) and named not in TYPES:
        return _refused(RefusalCode.UNKNOWN_TYPE, "type")
    if named in OUTGOING_NAMES:
        return _refused(RefusalCode.NOT_FROM_AN_AGENCY, "type")
    try:
        event = INCOMING.validate_json(submission.body)
    except ValidationError as error:
        return _from_error(error.errors(include_url=False, include_context=False, include_input=False))
    skewed = not submission.received - OLDEST <= event.time <= submission.received + NEWEST
    if skewed and not event.always_heard:
        return _refused(RefusalCode.CLOCK_SKEW, "time")
    flags = (Flag.CLOCK_SKEW,) if skewed else ()
    return _within(event, submission.received, flags, bounds)


def _within(event: AgencyEvent, received: datetime, flags: tuple[Flag, ...], bounds: Bounds) -> Read | Refused:
    match event:
        case OperationNotice() | OperationUpdate():
            plan = event.data
            shape = shape_of(plan.area)
            refused = _window(plan, received, bounds.limits) or _ground(shape, bounds)
        case SituationAlert():
            shape = shape_of(event.data.area)
            over = event.data.expires <= received
            refused = _refused(RefusalCode.EXPIRED, "data.expires") if over else _ground(shape, bounds)
        case _:
            return Read(event, flags=flags)
    if refused is not None:
        return refused
    counties = tuple((county.fips, county.name) for county in bounds.counties.touched(shape))
    return Read(event, shape, counties, flags)


def _window(plan: Plan, received: datetime, limits: Limits) -> Refused | None:
    if plan.end - plan.start > timedelta(days=limits.window_days):
        return _refused(RefusalCode.WINDOW_TOO_LONG, "data.end")
    if plan.end <= received:
        return _refused(RefusalCode.WINDOW_OVER, "data.end")
    return None


def _ground(shape: Shape, bounds: Bounds) -> Refused | None:
    place = bounds.extent.inside(shape)
    if isinstance(place, Outside):
        hint = Hint.COORDINATES_SWAPPED if place.swapped_would_fit else None
        return Refused(RefusalCode.AREA_OUTSIDE, Stage.VALIDATE, "data.area", hint)
    if area_km2(shape) > bounds.limits.area_km2:
        return _refused(RefusalCode.AREA_TOO_LARGE, "data.area")
    return None


def _from_error(errors: list[ErrorDetails]) -> Refused:
    """Name the first mistake; one for an unknown field would name a text of the sender's, so only a plain one is."""
    error = errors[0]
    path = [str(part) for part in error["loc"][1:]]
    code = _BY_ERROR.get(error["type"], RefusalCode.INVALID_FIELD)
    if "area" in path[:2]:
        path = [part for part in path if part not in {"Point", "LineString", "Polygon", "MultiPolygon"}]
        if error["type"].startswith("area_") or code is RefusalCode.INVALID_FIELD:
            code = RefusalCode.AREA_INVALID
    if code is RefusalCode.UNKNOWN_TYPE:
        path = ["type"]
    field = ".".join(path)
    return _refused(code, field if _FIELD.fullmatch(field) else None)


def _refused(code: RefusalCode, field: str | None) -> Refused:
    return Refused(code, Stage.VALIDATE, field)
