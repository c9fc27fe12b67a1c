"""The geodesic distance between geometries whose edges are straight in longitude and latitude.

Method. A geodesic is never shorter than its chord in space, and hardly longer. So the search is made with straight
lines in space, and only its answer is a geodesic:

1. Geometries that meet are found by longitude and latitude, in which their edges are straight: distance 0.
2. A first guess, the nearest two positions in a plane scaled at the left one's latitude, is a pair of real positions:
   the nearest two are not farther apart. That bounds the search.
3. Edges are cut into pieces of at most 11 km (`pieces.py`). A pair of pieces is dropped if the two are farther apart
   than the bound: by their boxes; by how far they lie along the line of the guess; by the chord between them less
   their sags.
4. Within each pair of pieces that is left, the nearest two positions are sought from those of two straight lines
   (Ericson, Real-Time Collision Detection, 2005, section 5.1.9) by Newton's method on the squared chord.
5. The distance is the least geodesic between the positions found (Karney 2013, doi:10.1007/s00190-012-0578-z).

Error. The result is never below the true distance d but for rounding, since it is one between two real positions.
Steps 1 to 3 lose nothing: each bound is proven where it is computed. Step 4 seeks the least chord, not the least
geodesic; the two differ by d^3 / 24 R^2 with R between 6,335 and 6,400 km, so what is chosen may be longer than d by
2 % of that: 0.02 m at 100 km, 2 m at 500 km, and less than a micrometre within 3 km. (Newton's method leaves less:
what it neglects is of third order in a piece's length over R.) `tests/unit/test_geometry_exact.py` compares with
densified geodesics.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import shapely

from coordinator.model.geodesy import (
    FloatArray,
    IntArray,
    geodesic_m,
    grown,
    in_space,
    longest_geodesic_m,
    velocity,
)
from coordinator.model.pieces import GeometryArray, Pieces, cut

BoolArray = npt.NDArray[np.bool_]

_POINT: Final = 0
"""The type number of a point in shapely."""
_MANY: Final = 8
"""From so many comparisons on, preparing a geometry pays."""
_VERTICES: Final = 200_000
_PAIRS_OF_PIECES: Final = 1_000_000
"""What is looked at in one go: bounds on memory."""
_STEPS: Final = 2
_FLAT: Final = 1e-14
"""Squared sine of the angle between two pieces that are parallel but for rounding."""
_APART: Final = 1_000.0
"""Degrees: more than any two positions can be apart."""
_SLACK_M: Final = 1e-6
"""More than the rounding of positions in space, which is a nanometre."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of geometries, by their places, with the range of distances in metres that is of interest."""

    left: IntArray
    right: IntArray
    least: FloatArray
    """Any two that are this near are as good as met."""
    limit: FloatArray
    """Any two that are farther apart are of no interest."""

    def __len__(self) -> int:
        """Return how many."""
        return len(self.left)

    def take(self, chosen: IntArray | BoolArray | slice) -> "Pairs":
        """Return some of them."""
        return Pairs(self.left[chosen], self.right[chosen], self.least[chosen], self.limit[chosen])


@dataclass(frozen=True, slots=True)
class _Side:
    """Pieces that may hold the nearest position of their side, each with the place of its pair."""

    piece: IntArray
    pair: IntArray

    def take(self, chosen: IntArray | BoolArray | slice) -> "_Side":
        return _Side(self.piece[chosen], self.pair[chosen])


def distances_m(geometries: GeometryArray, pairs: Pairs) -> FloatArray:
    """Return the geodesic distance in metres of each pair, 0 where they meet, infinite if beyond the pair's limit.

    A distance that is at most the pair's least may come out too large, but not larger than that; one beyond the
    limit may come out as it is. Put on the left what stands in many pairs. No geometry may reach across the
    antimeridian.
    """
    result = np.full(len(pairs), np.inf)
    bounds = shapely.bounds(geometries)
    near = np.flatnonzero(_overlap(grown(bounds[pairs.left], pairs.limit), bounds[pairs.right]))
    dots = shapely.get_type_id(geometries) == _POINT
    both = dots[pairs.left[near]] & dots[pairs.right[near]]
    result[near[both]] = _between_points(geometries, pairs.take(near[both]))
    near = near[~both]
    meet = _meet(geometries, pairs.take(near))
    result[near[meet]] = 0.0
    near = near[~meet]
    for block in _blocks(_vertices(geometries, pairs.take(near)), _VERTICES):
        result[near[block]] = _between_edges(geometries, pairs.take(near[block]))
    return result


def _overlap(one: FloatArray, two: FloatArray) -> BoolArray:
    return np.asarray(((one[:, :2] <= two[:, 2:]) & (two[:, :2] <= one[:, 2:])).all(axis=1))


def _between_points(geometries: GeometryArray, pairs: Pairs) -> FloatArray:
    one, two = shapely.get_coordinates(geometries[pairs.left]), shapely.get_coordinates(geometries[pairs.right])
    return geodesic_m(one, two)


def _meet(geometries: GeometryArray, pairs: Pairs) -> BoolArray:
    """Tell the pairs that touch or overlap.

    What stands on the left often is prepared; as a copy, for a prepared geometry must not be used by two threads
    (github.com/libgeos/geos/issues/825).
    """
    often = np.flatnonzero(np.bincount(pairs.left, minlength=len(geometries)) >= _MANY)
    left = geometries.copy()
    left[often] = shapely.from_wkb(shapely.to_wkb(geometries[often]))
    shapely.prepare(left[often])
    return np.asarray(shapely.intersects(left[pairs.left], geometries[pairs.right]))


def _vertices(geometries: GeometryArray, pairs: Pairs) -> IntArray:
    vertices = shapely.get_num_coordinates(geometries)
    return np.asarray(vertices[pairs.left] + vertices[pairs.right])


def _blocks(weights: IntArray, weight: int) -> list[slice]:
    """Return slices of about that weight."""
    if not len(weights):
        return []
    ends = np.append(np.flatnonzero(np.diff(np.cumsum(weights) // weight)) + 1, len(weights))
    return [slice(int(start), int(end)) for start, end in zip((0, *ends[:-1]), ends, strict=True)]


def _between_edges(geometries: GeometryArray, pairs: Pairs) -> FloatArray:
    """Take steps 2 to 5 for pairs that do not meet."""
    bound, direction = _guess(geometries, pairs)
    result = np.where(bound <= pairs.limit, bound, np.inf)
    far = np.flatnonzero(bound > pairs.least)
    if len(far):
        pairs = pairs.take(far)
        radius = np.minimum(bound[far], pairs.limit) + _SLACK_M
        result[far] = np.minimum(result[far], _search(geometries, pairs, direction[far], radius))
    return result


def _search(geometries: GeometryArray, pairs: Pairs, direction: FloatArray, radius: FloatArray) -> FloatArray:
    """Take steps 3 to 5: return the distances that are within the radius, and infinity for others."""
    used, places = np.unique(np.concatenate((pairs.left, pairs.right)), return_inverse=True)
    pairs = Pairs(places[: len(pairs)], places[len(pairs) :], pairs.least, pairs.limit)
    pieces, bounds = cut(geometries[used]), shapely.bounds(geometries[used])
    left, right = _sides(pieces, bounds, pairs, direction, radius)
    result = np.full(len(pairs), np.inf)
    for block in _blocks(np.bincount(left.pair, minlength=len(pairs))[right.pair], _PAIRS_OF_PIECES):
        one, two = _joined(pieces, left, right.take(block), radius)
        one, two = _close(pieces, one, two, radius)
        np.minimum.at(result, one.pair, _refined_m(pieces, one.piece, two.piece))
    return result


def _guess(geometries: GeometryArray, pairs: Pairs) -> tuple[FloatArray, FloatArray]:
    """Take step 2, with a degree of longitude scaled to one of latitude.

    Return a bound on each distance in metres, (n,), and the direction in space from right to left, (n, 3).
    """
    lefts, place = np.unique(pairs.left, return_inverse=True)
    south, north = shapely.bounds(geometries[lefts])[:, 1::2].T
    scale = np.cos(np.radians(np.minimum(np.abs(south + north) / 2, 89)))
    one = _stretched(geometries[lefts], scale)[place]
    two = _stretched(geometries[pairs.right], scale[place])
    ends = shapely.get_coordinates(shapely.shortest_line(one, two)).reshape(-1, 2, 2)
    ends[:, :, 0] /= scale[place, np.newaxis]
    across = in_space(ends[:, 0]) - in_space(ends[:, 1])
    chord = np.sqrt(np.vecdot(across, across))
    return longest_geodesic_m(chord), across / np.maximum(chord, _SLACK_M)[:, np.newaxis]


def _stretched(geometries: GeometryArray, scale: FloatArray) -> GeometryArray:
    degrees, owner = shapely.get_coordinates(geometries, return_index=True)
    degrees[:, 0] *= scale[owner]
    return shapely.set_coordinates(geometries.copy(), degrees)


def _sides(
    pieces: Pieces, bounds: FloatArray, pairs: Pairs, direction: FloatArray, radius: FloatArray
) -> tuple[_Side, _Side]:
    """Take step 3 side by side: keep a piece by its box, and by how far it lies along the direction of the guess."""
    left = _within(pieces, pairs.left, grown(bounds[pairs.right], radius))
    right = _within(pieces, pairs.right, grown(bounds[pairs.left], radius))
    lowest = _along(pieces, left, direction).min(axis=0) - pieces.sag[left.piece]
    highest = _along(pieces, right, direction).max(axis=0) + pieces.sag[right.piece]
    floor, ceiling = np.full(len(pairs), np.inf), np.full(len(pairs), -np.inf)
    np.minimum.at(floor, left.pair, lowest)
    np.maximum.at(ceiling, right.pair, highest)
    return (
        left.take(lowest - ceiling[left.pair] <= radius[left.pair]),
        right.take(floor[right.pair] - highest <= radius[right.pair]),
    )


def _within(pieces: Pieces, geometries: IntArray, bounds: FloatArray) -> _Side:
    piece, pair = pieces.of(geometries)
    return _Side(piece, pair).take(_overlap(pieces.boxes(piece), bounds[pair]))


def _along(pieces: Pieces, side: _Side, direction: FloatArray) -> FloatArray:
    """Return how far both ends of the pieces lie along the direction of their pair, (2, n)."""
    toward = direction[side.pair]
    return np.stack((np.vecdot(pieces.tail[side.piece], toward), np.vecdot(pieces.head[side.piece], toward)))


def _joined(pieces: Pieces, left: _Side, right: _Side, radius: FloatArray) -> tuple[_Side, _Side]:
    """Take step 3 together: pair up the pieces whose boxes come within the bound.

    One tree serves all pairs: each pair's boxes are moved so far east that they meet no other pair's.
    """
    left = left.take((left.pair >= right.pair[0]) & (left.pair <= right.pair[-1]))
    there = _shifted(pieces.boxes(left.piece), left.pair)
    here = _shifted(grown(pieces.boxes(right.piece), radius[right.pair]), right.pair)
    from_right, from_left = shapely.STRtree(there).query(here)
    return left.take(from_left), right.take(from_right)


def _shifted(boxes: FloatArray, pair: IntArray) -> GeometryArray:
    """Return lines whose envelopes are the boxes, each pair's apart from the others'."""
    corners = boxes.reshape(-1, 2, 2).copy()
    corners[:, :, 0] += (_APART * pair)[:, np.newaxis]
    return np.asarray(shapely.linestrings(corners))


def _close(pieces: Pieces, left: _Side, right: _Side, radius: FloatArray) -> tuple[_Side, _Side]:
    """Take step 3 to its end: keep what may hold the nearest positions, by the chords between the pieces."""
    tail, other = pieces.tail[left.piece], pieces.tail[right.piece]
    ahead, beside = pieces.head[left.piece] - tail, pieces.head[right.piece] - other
    s, t = _Quadratic.of(tail - other, ahead, beside).lowest()
    across = tail - other + ahead * s[:, np.newaxis] - beside * t[:, np.newaxis]
    chord = np.sqrt(np.vecdot(across, across))
    sag = pieces.sag[left.piece] + pieces.sag[right.piece]
    least = radius.copy()
    np.minimum.at(least, left.pair, longest_geodesic_m(chord + sag) + _SLACK_M)
    kept = chord - sag <= least[left.pair]
    return left.take(kept), right.take(kept)


def _refined_m(pieces: Pieces, left: IntArray, right: IntArray) -> FloatArray:
    """Take steps 4 and 5: return the distance of each pair of pieces."""
    tail, other = pieces.tail[left], pieces.tail[right]
    quadratic = _Quadratic.of(tail - other, pieces.head[left] - tail, pieces.head[right] - other)
    s, t = quadratic.lowest()
    for _ in range(_STEPS):
        s, t = _newton(pieces, left, right, s, t)
    return geodesic_m(pieces.position(left, s), pieces.position(right, t))


def _newton(
    pieces: Pieces, left: IntArray, right: IntArray, s: FloatArray, t: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the lowest place of the parabola that half the squared chord is at (s, t)."""
    here, there = pieces.position(left, s), pieces.position(right, t)
    across = in_space(here) - in_space(there)
    ahead, beside = velocity(here, pieces.step[left]), velocity(there, pieces.step[right])
    straight = _Quadratic.of(across, ahead, beside)
    a = straight.a + np.vecdot(across, pieces.bend[left])
    e = straight.e - np.vecdot(across, pieces.bend[right])
    b = straight.b
    return _Quadratic(a, b, e, straight.c - a * s + b * t, straight.f + e * t - b * s).lowest()


@dataclass(frozen=True, slots=True)
class _Quadratic:
    """Half the squared chord, a s^2 / 2 - b s t + e t^2 / 2 + c s - f t, over s and t from 0 to 1."""

    a: FloatArray
    b: FloatArray
    e: FloatArray
    c: FloatArray
    f: FloatArray

    @classmethod
    def of(cls, across: FloatArray, ahead: FloatArray, beside: FloatArray) -> "_Quadratic":
        """For two straight lines, from what lies between their starts and from their steps, (n, 3) each."""
        return cls(
            np.vecdot(ahead, ahead),
            np.vecdot(ahead, beside),
            np.vecdot(beside, beside),
            np.vecdot(ahead, across),
            np.vecdot(beside, across),
        )

    def lowest(self) -> tuple[FloatArray, FloatArray]:
        """Return where it is lowest: within its valley, or at the lower end of a valley that does not bend upwards."""
        bend = self.a * self.e - self.b * self.b
        fall = self.b * self.f - self.c * self.e
        s = np.where(bend > _FLAT * self.a * self.e, _ratio(fall, bend), fall > bend / 2)
        t = _ratio(self.b * s + self.f, self.e)
        return _ratio(self.b * t - self.c, self.a), t


def _ratio(dividend: FloatArray, divisor: FloatArray) -> FloatArray:
    """Return the ratios between 0 and 1; 0 for a piece that has no length."""
    ratio = np.divide(dividend, divisor, out=np.zeros(len(divisor)), where=divisor > 0)
    return np.minimum(np.maximum(ratio, 0), 1)
