"""The ground that an area means, and what deconfliction asks of it: how far apart, how large, where to look."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, isnan
from typing import Final

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from coordinator.model import nearest
from coordinator.model.area import Area, LineString, MultiPolygon, Point, Polygon, polygon_of
from coordinator.model.codes import Band
from coordinator.model.geodesy import Bounds, FloatArray, disc_m2, equal_area, grown_one, local_plane, projected, wgs84
from coordinator.model.pieces import GeometryArray

_M2_PER_KM2: Final = 1_000_000
_CLOSE_M: Final = 100
"""The narrower band of a pointer."""
_SHORT: Final = 0.1
"""Degrees: an edge of that length is straight in any projection, to some metres."""
_SHORTER: Final = 0.02
"""Degrees: to a third of a metre."""
_ARC: Final = 24
"""Sides to a quarter of a circle: they enclose all but 0.07 % of it."""

_POINT: Final = struct.Struct("<BIdd")
_POINT_KIND: Final = 1


@dataclass(frozen=True, slots=True, init=False, eq=False)
class Shape:
    """Ground: all within a geodesic distance of a core whose edges are straight in longitude and latitude (RFC 7946).

    So two shapes are as far apart as their cores, less both reaches, and that is exact on the ellipsoid. Most shapes
    are discs, and most questions to a disc need its centre only: its core is made when somebody asks for it.
    """

    reach_m: float
    """The radius of a point, the buffer of a line, 0 for polygons."""
    bounds: Bounds
    """West, south, east and north of the core: every coarse question begins with them."""
    around: Bounds
    """The same of all of the ground, or a little more."""
    _core: BaseGeometry | None

    def __init__(self, core: BaseGeometry, reach_m: float = 0.0) -> None:
        """Ask the core once: longitude and latitude in degrees on WGS 84; valid, not across the antimeridian."""
        _fill(self, core, reach_m, core.bounds)

    @classmethod
    def disc(cls, centre: tuple[float, float], radius_m: float) -> "Shape":
        """Return the ground within a distance in metres of a longitude and latitude in degrees."""
        shape = cls.__new__(cls)
        _fill(shape, None, radius_m, (*centre, *centre))
        return shape

    @classmethod
    def of_wkb(cls, core: bytes, reach_m: float) -> "Shape":
        """Return the shape whose core was written by `wkb`."""
        if len(core) == _POINT.size:
            _, kind, *centre = _POINT.unpack(core)
            if kind == _POINT_KIND:
                return cls.disc((centre[0], centre[1]), reach_m)
        return cls(shapely.from_wkb(core), reach_m)

    def wkb(self) -> bytes:
        """Write the core as well-known binary (OGC 06-103r4): little-endian, longitude and latitude in degrees."""
        # Of a point by ourselves: a call into shapely costs more than all else that is done with it.
        if self._core is None:
            return _POINT.pack(1, _POINT_KIND, *self.bounds[:2])
        return bytes(shapely.to_wkb(self._core, byte_order=1))

    @property
    def core(self) -> BaseGeometry:
        """Longitude and latitude in degrees on WGS 84; valid, not empty, not across the antimeridian."""
        core = self._core
        if core is None:
            core = shapely.points(self.bounds[:2])
            object.__setattr__(self, "_core", core)
        return core

    @property
    def centre(self) -> tuple[float, float] | None:
        """Longitude and latitude of a disc's centre; None where the core is no point."""
        return self.bounds[:2] if self._core is None or isinstance(self._core, shapely.Point) else None

    @property
    def is_empty(self) -> bool:
        """Whether there is no ground at all, as of slivers that vanish when they are merged."""
        return isnan(self.bounds[0])

    def __eq__(self, other: object) -> bool:
        """Whether the two are the same ground, written the same."""
        return isinstance(other, Shape) and self.reach_m == other.reach_m and bool(self.core == other.core)

    def __hash__(self) -> int:
        """Of the coarse figures."""
        return hash((self.bounds, self.reach_m))


def _fill(shape: Shape, core: BaseGeometry | None, reach_m: float, bounds: Bounds) -> None:
    """Write the fields of a shape that is being made; frozen, it has no other way."""
    object.__setattr__(shape, "reach_m", reach_m)
    object.__setattr__(shape, "bounds", bounds)
    object.__setattr__(shape, "around", grown_one(bounds, reach_m))
    object.__setattr__(shape, "_core", core)


@dataclass(frozen=True, slots=True)
class Box:
    """A range of longitudes and latitudes, in degrees."""

    west: float
    south: float
    east: float
    north: float


def shape_of(area: Area) -> Shape:
    """Return the ground that an area means."""
    match area:
        case Point():
            return Shape.disc(area.coordinates, area.radius_m)
        case LineString():
            return Shape(shapely.linestrings(area.coordinates), area.buffer_m)
        case Polygon():
            return Shape(polygon_of(area.coordinates))
        case MultiPolygon():
            return Shape(_together([polygon_of(rings) for rings in area.coordinates]))


def _together(polygons: Sequence[shapely.Polygon]) -> BaseGeometry:
    """Return polygons as one geometry, merged where they touch or overlap."""
    apart = shapely.MultiPolygon(polygons)
    return apart if apart.is_valid else shapely.union_all(polygons)


# --- How far apart (the method and its error: `nearest.py`) ---


def distance_m(one: Shape, two: Shape) -> float:
    """Return the geodesic distance in metres, 0 when they touch or overlap."""
    return distances_m(one, (two,))[0]


def distances_m(one: Shape, others: Sequence[Shape]) -> list[float]:
    """Return the geodesic distance in metres to each of the others; far cheaper than one by one."""
    gaps = _gaps_m([(one, other) for other in others], [inf] * len(others))
    return [float(gap) for gap in gaps]


def within(one: Shape, two: Shape, limit_m: float) -> float | None:
    """Return the distance in metres if it is at most the limit, else None."""
    return all_within(((one, two),), (limit_m,))[0]


def all_within(pairs: Sequence[tuple[Shape, Shape]], limits_m: Sequence[float]) -> list[float | None]:
    """Return for each pair the distance in metres if it is at most the pair's limit, else None.

    One call for many pairs is far cheaper than many calls: each costs about a millisecond, and a pair a few
    microseconds (40 for two polygons of 20 vertices near each other). A shape that stands in many pairs stands
    first, and is the same object in each.
    """
    gaps = _gaps_m(pairs, limits_m)
    return [float(gap) if gap <= limit else None for gap, limit in zip(gaps, limits_m, strict=True)]


def _gaps_m(pairs: Sequence[tuple[Shape, Shape]], limits_m: Sequence[float]) -> FloatArray:
    shapes = {id(shape): shape for pair in pairs for shape in pair}
    place = {key: index for index, key in enumerate(shapes)}
    cores = _array(shape.core for shape in shapes.values())
    reach = np.array([shape.reach_m for shape in shapes.values()])
    left = np.array([place[id(one)] for one, _ in pairs], dtype=np.intp)
    right = np.array([place[id(two)] for _, two in pairs], dtype=np.intp)
    reaches = reach[left] + reach[right]
    limits = np.asarray(limits_m, dtype=float) + reaches
    distances = nearest.distances_m(cores, nearest.Pairs(left, right, reaches, limits))
    return np.asarray(np.maximum(distances - reaches, 0))


def _array(geometries: Iterable[BaseGeometry]) -> GeometryArray:
    return np.fromiter(geometries, dtype=np.object_)


def band(distance_m: float) -> Band:
    """Return how near a conflict is, in the words of a pointer, too coarse to triangulate with."""
    if distance_m <= 0:
        return Band.OVERLAP
    return Band.WITHIN_100_M if distance_m <= _CLOSE_M else Band.WITHIN_RULE


# --- How large ---


def area_km2(shape: Shape) -> float:
    """Return the area of the ground on the ellipsoid, in square kilometres.

    To a millionth for polygons and discs; for the ground along a line to one part in 500.
    """
    if shape.centre is not None:
        return disc_m2(shape.centre[1], shape.reach_m) / _M2_PER_KM2
    match shape.core:
        case shapely.Polygon() | shapely.MultiPolygon() if shape.reach_m == 0:
            square_metres = _enclosed_m2(shape.core)
        case _:
            square_metres = _buffered_m2(shape.core, shape.reach_m)
    return square_metres / _M2_PER_KM2


def most_area_km2(shape: Shape) -> float:
    """Return an upper bound of the area, quickly for any shape: ground along a line counts as often as it is passed.

    A buffer round a line that crosses itself thousands of times takes many seconds to measure exactly.
    """
    if shape.centre is None and isinstance(shape.core, shapely.LineString):
        length = wgs84().geometry_length(shape.core)
        return (2 * shape.reach_m * length + disc_m2(shape.bounds[1], shape.reach_m)) / _M2_PER_KM2
    return area_km2(shape)


def _enclosed_m2(polygons: BaseGeometry) -> float:
    """Measure in the cylindrical equal-area projection."""
    short = shapely.segmentize(polygons, _SHORTER)
    return float(shapely.area(shapely.transform(short, equal_area)))


def _buffered_m2(core: BaseGeometry, reach_m: float) -> float:
    """Measure in an equal-area plane round the middle, where lengths are right to one in 2,000 within 400 km."""
    plane = local_plane("laea", core)
    flat = projected(shapely.segmentize(core, _SHORT), plane)
    return float(shapely.area(shapely.buffer(flat, reach_m, quad_segs=_ARC)))
