"""Reads the parameters of a question about operations or conflicts: each once, of its form, and no others."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from coordinator.http.problems import invalid, only
from coordinator.model.base import Instant
from coordinator.model.geometry import Box
from coordinator.model.views import Sought
from coordinator.model.volume import OperationState

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200
"""Features of 64 KiB each at most: what one answer may be made of."""
OPERATION_STATES: Final = tuple(each.value for each in OperationState)
CONFLICT_STATES: Final = ("open", "closed")
FROM, TO, BBOX, AGENCY, STATE, LIMIT, CURSOR = NAMES = (
    "from", "to", "bbox", "agency", "state", "limit", "cursor",
)  # fmt: skip  # one row
_AGENCY: Final = re.compile(r"[a-z0-9-]{2,32}")
_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)
_LONGEST: Final = 256
_EDGES: Final = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was read: what is sought, how much at a time, and the cursor, which is still sealed."""

    sought: Sought
    limit: int
    cursor: str | None
    filters: tuple[tuple[str, str], ...]
    """As they were written, in order: what a cursor is bound to, and what the link to the next page repeats."""


def read_asked(request: web.Request, states: Collection[str]) -> Asked:
    """Read the question; raises `Problem` (`invalid_parameter`) that names the parameter and how it should look."""
    given = _each_once(request)
    sought = read_sought(given, states)
    filters = tuple((name, given[name]) for name in NAMES if name in given and name not in (LIMIT, CURSOR))
    return Asked(sought, _limit(given), given.get(CURSOR), filters)


def read_sought(given: Mapping[str, str], states: Collection[str]) -> Sought:
    """Read the filters by their names; raises `Problem` (`invalid_parameter`)."""
    begin, finish = _moment(FROM, given), _moment(TO, given)
    if begin is not None and finish is not None and finish <= begin:
        raise invalid(TO, "`to` is after `from`")
    return Sought(begin, finish, _box(given), _agency(given), _state(given, states))


def _each_once(request: web.Request) -> Mapping[str, str]:
    given: dict[str, str] = {}
    only(request.query, NAMES)
    for name, value in request.query.items():
        if name in given:
            raise invalid(name, f"give `{name}` once")
        if len(value) > _LONGEST:
            raise invalid(name, f"`{name}` has at most {_LONGEST} characters")
        given[name] = value
    return given


def nothing_asked(request: web.Request) -> None:
    """Refuse any parameter where there is none."""
    only(request.query, ())


def _moment(name: str, given: Mapping[str, str]) -> datetime | None:
    if name not in given:
        return None
    try:
        return _INSTANT.validate_python(given[name])
    except ValidationError:
        detail = f"`{name}` is RFC 3339 with seconds and an offset, as 2026-11-27T18:00:00Z (a + is written %2B)"
        raise invalid(name, detail) from None


def _box(given: Mapping[str, str]) -> Box | None:
    if BBOX not in given:
        return None
    try:
        edges = [float(each) for each in given[BBOX].split(",")]
    except ValueError:
        edges = []
    if len(edges) == _EDGES:
        west, south, east, north = edges
        # Comparisons with a NaN never hold.
        if -180 <= west < east <= 180 and -90 <= south < north <= 90:  # noqa: PLR2004  # the ranges of degrees
            return Box(west, south, east, north)
    raise invalid(BBOX, "`bbox` is west,south,east,north in degrees, as -92.3,38.4,-92.0,38.7")


def _agency(given: Mapping[str, str]) -> str | None:
    agency = given.get(AGENCY)
    if agency is not None and not _AGENCY.fullmatch(agency):
        raise invalid(AGENCY, "`agency` is an agency's id, as mshp")
    return agency


def _state(given: Mapping[str, str], states: Collection[str]) -> str | None:
    state = given.get(STATE)
    if state is not None and state not in states:
        raise invalid(STATE, f"`state` is one of {', '.join(states)}")
    return state


def _limit(given: Mapping[str, str]) -> int:
    written = given.get(LIMIT, str(DEFAULT_LIMIT))
    if written.isascii() and written.isdigit() and len(written) < len(str(MAX_LIMIT)) + 1:
        limit = int(written)
        if 1 <= limit <= MAX_LIMIT:
            return limit
    raise invalid(LIMIT, f"`limit` is a number from 1 to {MAX_LIMIT}")
