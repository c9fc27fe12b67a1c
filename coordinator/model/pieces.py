"""The edges of shapes, cut into pieces so short that each is almost straight in space."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import shapely

from coordinator.model.geodesy import GREATEST_RADIUS_M, FloatArray, IntArray, in_space, velocity

GeometryArray = npt.NDArray[np.object_]

_LONGEST: Final = 0.1
"""Degrees of longitude and latitude together: at most 11 km."""
_MOST: Final = 2_000
"""Cuts in one geometry: where its edges are longer together than 20,000 km, the pieces are longer too."""
_POLYGON: Final = 3
"""The type number of a polygon in shapely."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces of edges, straight in longitude and latitude; those of geometry `g` are `first[g]` to `first[g + 1]`.

    A point counts as an edge of no length.
    """

    first: IntArray
    start: FloatArray
    """Degrees, (n, 2)."""
    step: FloatArray
    """From start to end in degrees, (n, 2)."""
    tail: FloatArray
    """Start in space, metres, (n, 3)."""
    head: FloatArray
    """End in space, metres, (n, 3)."""
    bend: FloatArray
    """Change of velocity from start to end, metres, (n, 3)."""
    sag: FloatArray
    """How far, at most, a piece is from the straight line in space between its ends, in metres, (n,)."""

    def count(self, geometries: IntArray) -> IntArray:
        """Return the numbers of pieces of geometries."""
        return self.first[geometries + 1] - self.first[geometries]

    def of(self, geometries: IntArray) -> tuple[IntArray, IntArray]:
        """Return the pieces of geometries, one after the other, and for each the place in `geometries`."""
        counts = self.count(geometries)
        owner = np.repeat(np.arange(len(geometries)), counts)
        before = np.cumsum(counts) - counts
        return np.arange(len(owner)) + (self.first[geometries] - before)[owner], owner

    def position(self, pieces: IntArray, part: FloatArray) -> FloatArray:
        """Return positions in degrees, part of the way along pieces, (n, 2)."""
        return self.start[pieces] + self.step[pieces] * part[:, np.newaxis]

    def boxes(self, pieces: IntArray) -> FloatArray:
        """Return west, south, east and north of pieces, (n, 4)."""
        start, end = self.start[pieces], self.start[pieces] + self.step[pieces]
        return np.hstack((np.minimum(start, end), np.maximum(start, end)))


def cut(geometries: GeometryArray) -> Pieces:
    """Cut the edges of points, lines, polygons and collections of them in longitude and latitude."""
    start, step, owner = _edges(geometries)
    length = np.abs(step).sum(axis=1)
    longest = np.maximum(np.bincount(owner, length, len(geometries)) / _MOST, _LONGEST)
    parts = np.maximum(np.ceil(length / longest[owner]), 1).astype(np.intp)
    edge = np.repeat(np.arange(len(parts)), parts)
    nth = np.arange(len(edge)) - (np.cumsum(parts) - parts)[edge]
    start = start[edge] + step[edge] * (nth / parts[edge])[:, np.newaxis]
    step = step[edge] / parts[edge, np.newaxis]
    counts = np.bincount(owner[edge], minlength=len(geometries))
    return Pieces(
        first=np.concatenate(((0,), np.cumsum(counts))),
        start=start,
        step=step,
        tail=in_space(start),
        head=in_space(start + step),
        bend=velocity(start + step, step) - velocity(start, step),
        sag=_sag_m(step),
    )


def _sag_m(step: FloatArray) -> FloatArray:
    """Bound the error of linear interpolation, an eighth of the greatest second derivative (Davis 1975, section 3.1).

    By the angle, no derivative of a position on the ellipsoid is above its greatest radius, but for the change of
    that radius itself, for which one part in a hundred is allowed.
    """
    angle = np.radians(np.abs(step).sum(axis=1))
    return np.asarray(1.01 * GREATEST_RADIUS_M / 8 * angle**2)


def _edges(geometries: GeometryArray) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return start and step of each edge in degrees, and the place of its geometry, in ascending order."""
    chains, owners = _chains(geometries)
    degrees, chain = shapely.get_coordinates(chains, return_index=True)
    joined = np.append(chain[1:] == chain[:-1], False)
    lone = np.bincount(chain, minlength=len(chains))[chain] == 1
    step = np.where(joined[:, np.newaxis], np.roll(degrees, -1, axis=0) - degrees, 0.0)
    edge = joined | lone
    return degrees[edge], step[edge], owners[chain[edge]]


def _chains(geometries: GeometryArray) -> tuple[GeometryArray, IntArray]:
    """Return points, lines and rings, each with the place of its geometry, in ascending order."""
    parts, owner = shapely.get_parts(geometries, return_index=True)
    areal = shapely.get_type_id(parts) == _POLYGON
    rings, of = shapely.get_rings(parts[areal], return_index=True)
    chains = np.concatenate((parts[~areal], rings))
    owners = np.concatenate((owner[~areal], owner[areal][of]))
    order = np.argsort(owners, kind="stable")
    return chains[order], owners[order]
