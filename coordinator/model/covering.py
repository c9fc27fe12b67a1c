"""Boxes of longitude and latitude that together hold a shape and all around it: what an R-tree is asked with."""

from heapq import heappop, heappush
from itertools import count
from math import ceil, cos, floor, radians
from typing import Final

import shapely
from shapely.geometry.base import BaseGeometry

from coordinator.model.geodesy import Bounds, grown_one
from coordinator.model.geometry import Box, Shape

_GAIN: Final = 0.75
"""Two boxes must be at most this much of the one they replace."""
_WORTHWHILE: Final = 0.1
"""Degrees: a geometry of less extent stays in one box."""
_FINEST: Final = 1e7
"""Bounds are rounded outwards to this part of a degree, a centimetre."""


def boxes(shape: Shape, margin_m: float = 0.0, at_most: int = 16) -> tuple[Box, ...]:
    """Return boxes that hold everything within a distance in metres of a shape.

    Long and scattered shapes are halved, the largest box first, as long as that makes the boxes smaller.
    """
    distance = shape.reach_m + margin_m
    west, south, east, north = shape.bounds
    if max((east - west) * cos(radians((south + north) / 2)), north - south) < _WORTHWHILE:
        return (_box(shape.bounds, distance),)
    waiting: list[tuple[float, int, BaseGeometry]] = []
    done: list[BaseGeometry] = []
    number = count()
    heappush(waiting, (-_size(shape.core, distance), next(number), shape.core))
    while waiting and len(waiting) + len(done) < at_most:
        size, _, part = heappop(waiting)
        halves = _halves(part)
        sizes = [_size(half, distance) for half in halves]
        if sum(sizes) > _GAIN * -size:
            done.append(part)
            continue
        for half, half_size in zip(halves, sizes, strict=True):
            heappush(waiting, (-half_size, next(number), half))
    return tuple(_box(part.bounds, distance) for part in (*done, *(part for _, _, part in waiting)))


def _halves(part: BaseGeometry) -> tuple[BaseGeometry, ...]:
    """Cut across the longer extent, in the middle; what is small stays whole.

    The sides are wider by a hair, so that what lies along the cut is in both halves.
    """
    west, south, east, north = part.bounds
    middle, centre = (west + east) / 2, (south + north) / 2
    wide = (east - west) * cos(radians(centre))
    if max(wide, north - south) < _WORTHWHILE:
        return (part,)
    if wide > north - south:
        sides = (west, south, middle, north), (middle, south, east, north)
    else:
        sides = (west, south, east, centre), (west, centre, east, north)
    halves = tuple(shapely.clip_by_rect(part, *grown_one(side, 0.0)) for side in sides)
    return (part,) if any(half.is_empty for half in halves) else halves


def _size(part: BaseGeometry, distance_m: float) -> float:
    """Return the extent of the box, in square degrees at its latitude."""
    west, south, east, north = grown_one(part.bounds, distance_m)
    return (east - west) * (north - south)


def _box(bounds: Bounds, distance_m: float) -> Box:
    west, south, east, north = grown_one(bounds, distance_m)
    return Box(
        west=max(floor(west * _FINEST) / _FINEST, -180.0),
        south=max(floor(south * _FINEST) / _FINEST, -90.0),
        east=min(ceil(east * _FINEST) / _FINEST, 180.0),
        north=min(ceil(north * _FINEST) / _FINEST, 90.0),
    )
