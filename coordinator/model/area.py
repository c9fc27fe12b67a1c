"""The ground that an operation occupies, as GeoJSON writes it (RFC 7946), checked once when it is read."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Final, Literal

import shapely
from pydantic import AfterValidator, Field, Strict, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from coordinator.model.base import Frozen

MAX_VERTICES: Final = 1_000
"""Corners of one area, all its rings together; the position that closes a ring is not one more."""
MAX_REACH_M: Final = 100_000
"""The largest radius of a point and buffer of a line, in metres."""
_LEAST_RING: Final = 4
_LEAST_POLYGON: Final = 1e-10
"""Square degrees, about a square metre: what is smaller encloses no ground."""


class AreaMistake(StrEnum):
    """What can be wrong with coordinates; each is the type of a validation error."""

    NOT_A_POSITION = "area_not_a_position"
    OUT_OF_RANGE = "area_out_of_range"
    SWAPPED = "area_swapped"
    TOO_FEW_POSITIONS = "area_too_few_positions"
    TOO_MANY_VERTICES = "area_too_many_vertices"
    NOT_CLOSED = "area_not_closed"
    SELF_INTERSECTING = "area_self_intersecting"
    HOLE_OUTSIDE = "area_hole_outside"
    ZERO_AREA = "area_zero_area"


_EXPLANATIONS: Final[dict[str, str]] = {
    AreaMistake.NOT_A_POSITION: "a position is two numbers, longitude and latitude, and nothing else",
    AreaMistake.OUT_OF_RANGE: "longitude lies between -180 and 180, latitude between -90 and 90",
    AreaMistake.SWAPPED: "latitude lies between -90 and 90; longitude comes first, and the two look swapped",
    AreaMistake.TOO_FEW_POSITIONS: "a line needs 2 different positions, a ring 4, a polygon 1 ring, an area 1 polygon",
    AreaMistake.TOO_MANY_VERTICES: f"an area has at most {MAX_VERTICES:,} vertices in all",
    AreaMistake.NOT_CLOSED: "the ring does not end at the position where it begins",
    AreaMistake.SELF_INTERSECTING: "the outline crosses or touches itself",
    AreaMistake.HOLE_OUTSIDE: "a hole lies outside its polygon, or within another hole",
    AreaMistake.ZERO_AREA: "the polygon encloses no ground",
}


def _error(mistake: AreaMistake, where: str = "") -> PydanticCustomError:
    return PydanticCustomError(mistake.value, "{explanation}", {"explanation": _EXPLANATIONS[mistake] + where})


# --- Positions and rings, in the form that RFC 7946 gives them ---

Longitude = Annotated[float, Field(ge=-180, le=180, description="degrees east")]
Latitude = Annotated[float, Field(ge=-90, le=90, description="degrees north")]
Position = Annotated[tuple[Longitude, Latitude], Strict(strict=False)]
"""Longitude, then latitude, in degrees on WGS 84. Arrays may come as lists or tuples; numbers stay strict."""


def _distinct(line: tuple[Position, ...]) -> tuple[Position, ...]:
    if all(position == line[0] for position in line):
        raise _error(AreaMistake.TOO_FEW_POSITIONS)
    return line


def _closed(ring: tuple[Position, ...]) -> tuple[Position, ...]:
    if ring[0] != ring[-1]:
        raise _error(AreaMistake.NOT_CLOSED)
    return ring


Line = Annotated[
    tuple[Position, ...],
    Strict(strict=False),
    Field(min_length=2, max_length=MAX_VERTICES, fail_fast=True),
    AfterValidator(_distinct),
]
Ring = Annotated[
    tuple[Position, ...],
    Strict(strict=False),
    Field(min_length=_LEAST_RING, max_length=MAX_VERTICES + 1, fail_fast=True),
    AfterValidator(_closed),
]
Rings = Annotated[tuple[Ring, ...], Strict(strict=False), Field(min_length=1, max_length=MAX_VERTICES, fail_fast=True)]
"""The outer ring and then the holes. Either may turn either way, as RFC 7946, section 3.1.6, asks of readers."""


def polygon_of(rings: Rings) -> shapely.Polygon:
    """Return the polygon in longitude and latitude, its edges straight there (RFC 7946, section 3.1.1)."""
    return shapely.Polygon(rings[0], rings[1:])


def _limit(polygons: Iterable[Rings]) -> None:
    """Count before any geometry is built, so that a flood of vertices costs nothing."""
    if sum(len(ring) - 1 for rings in polygons for ring in rings) > MAX_VERTICES:
        raise _error(AreaMistake.TOO_MANY_VERTICES)


def _flaw(rings: Rings) -> PydanticCustomError | None:
    """Return what makes the polygon invalid (OGC 06-103r4, section 6.1.11), or None."""
    polygon = polygon_of(rings)
    if shapely.is_valid(polygon):
        return _error(AreaMistake.ZERO_AREA) if polygon.area < _LEAST_POLYGON else None
    if polygon.convex_hull.area < _LEAST_POLYGON:
        return _error(AreaMistake.ZERO_AREA)
    reason, _, place = str(shapely.is_valid_reason(polygon)).rstrip("]").partition("[")
    where = f", near {', '.join(place.split())}" if place else ""
    return _error(AreaMistake.HOLE_OUTSIDE if "ole" in reason else AreaMistake.SELF_INTERSECTING, where)


def _sound(rings: Rings) -> Rings:
    _limit((rings,))
    flaw = _flaw(rings)
    if flaw is not None:
        raise flaw
    return rings


def _all_sound(polygons: tuple[Rings, ...]) -> tuple[Rings, ...]:
    """Judge each polygon by itself: that two of one area touch or overlap does not make the ground less clear."""
    _limit(polygons)
    for index, rings in enumerate(polygons):
        flaw = _flaw(rings)
        if flaw is not None:
            raise _at((index,), flaw, rings)
    return polygons


# --- Errors in plain words, at the place where the mistake is ---


def _at(place: tuple[int | str, ...], error: PydanticCustomError, received: object) -> ValidationError:
    details = InitErrorDetails(type=error, loc=place, input=received)
    return ValidationError.from_exception_data("Area", [details])


def _own(first: ErrorDetails, coordinates: object) -> PydanticCustomError:
    """Keep an error of this module, and put one of pydantic's own in our words."""
    if first["type"] in _EXPLANATIONS:
        return PydanticCustomError(first["type"], "{explanation}", first["ctx"])
    return _error(_mistake(first, coordinates))


def _mistake(first: ErrorDetails, coordinates: object) -> AreaMistake:
    match first["type"]:
        case "greater_than_equal" | "less_than_equal":
            return AreaMistake.SWAPPED if _looks_swapped(first["loc"], coordinates) else AreaMistake.OUT_OF_RANGE
        case "too_short":
            return AreaMistake.TOO_FEW_POSITIONS
        case "too_long" if first["ctx"]["max_length"] > len(("longitude", "latitude")):
            return AreaMistake.TOO_MANY_VERTICES
        case _:
            return AreaMistake.NOT_A_POSITION


def _looks_swapped(place: tuple[int | str, ...], coordinates: object) -> bool:
    """Whether the position with a number out of range would be in range the other way round."""
    position = coordinates
    for index in place[:-1]:
        if not isinstance(position, list | tuple) or not isinstance(index, int):
            return False
        position = position[index]
    match position:
        case [int() | float() as longitude, int() | float() as latitude]:
            return abs(longitude) <= 90 and abs(latitude) <= 180  # noqa: PLR2004 -- the ranges of the two, exchanged
        case _:
            return False


def _in_plain_words(coordinates: object, read: ValidatorFunctionWrapHandler) -> object:
    """Say the first mistake in the words of the domain, and where it is."""
    try:
        return read(coordinates)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _at(first["loc"], _own(first, coordinates), first["input"]) from None


_Plain = WrapValidator(_in_plain_words)
Reach = Annotated[float, Field(gt=0, le=MAX_REACH_M)]


class Point(Frozen):
    """The ground within a distance of a point: a geodesic disc."""

    type: Literal["Point"]
    coordinates: Annotated[Position, _Plain]
    radius_m: Annotated[Reach, Field(description="metres from the point that are occupied")]


class LineString(Frozen):
    """The ground within a distance of a route."""

    type: Literal["LineString"]
    coordinates: Annotated[Line, _Plain]
    buffer_m: Annotated[Reach, Field(description="metres to either side of the line, and beyond its ends")]


class Polygon(Frozen):
    """The ground within an outline, less its holes."""

    type: Literal["Polygon"]
    coordinates: Annotated[Rings, AfterValidator(_sound), _Plain]


class MultiPolygon(Frozen):
    """The ground within any of several polygons."""

    type: Literal["MultiPolygon"]
    coordinates: Annotated[
        tuple[Rings, ...],
        Strict(strict=False),
        Field(min_length=1, max_length=MAX_VERTICES, fail_fast=True),
        AfterValidator(_all_sound),
        _Plain,
    ]


Area = Annotated[Point | LineString | Polygon | MultiPolygon, Field(discriminator="type")]
"""Any of the four."""
