"""Distances by brute force, from the definition: edges cut finely, and the least geodesic between any two places.

Independent of the code under test: no plane, no bounds but the lengths of the cuts, no search but by halving.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from pyproj import Geod

Floats = npt.NDArray[np.float64]
Edge = tuple[tuple[float, float], tuple[float, float]]

GEOD = Geod(ellps="WGS84")
CUT = 0.1
"""Degrees."""


def geodesic(one: Floats, two: Floats) -> Floats:
    """Return distances in metres between positions (..., 2) that broadcast."""
    one, two = np.broadcast_arrays(one, two)
    _, _, metres = GEOD.inv(one[..., 0].ravel(), one[..., 1].ravel(), two[..., 0].ravel(), two[..., 1].ravel())
    return np.asarray(metres, dtype=np.float64).reshape(one.shape[:-1])


@dataclass(frozen=True)
class Cuts:
    """Short edges."""

    start: Floats
    step: Floats
    half: Floats
    """Metres from the middle that hold a whole cut."""

    @classmethod
    def of(cls, edges: Sequence[Edge]) -> "Cuts":
        starts, steps = [], []
        for edge in np.array(edges):
            step = edge[1] - edge[0]
            parts = max(1, int(np.ceil(np.abs(step).max() / CUT)))
            starts += [edge[0] + step * n / parts for n in range(parts)]
            steps += [step / parts] * parts
        start, step = np.array(starts), np.array(steps)
        return cls(start, step, 0.51 * geodesic(start, start + step) + 20)

    def at(self, cut: npt.NDArray[np.intp], part: Floats) -> Floats:
        return self.start[cut] + self.step[cut] * part[..., np.newaxis]


def least_geodesic(one: Sequence[Edge], two: Sequence[Edge]) -> float:
    """Return the least distance in metres between places on two sets of edges."""
    a, b = Cuts.of(one), Cuts.of(two)
    middles = geodesic((a.start + a.step / 2)[:, np.newaxis], (b.start + b.step / 2)[np.newaxis])
    i, j = np.nonzero(middles - a.half[:, np.newaxis] - b.half[np.newaxis] <= middles.min())
    low, high, best = np.zeros(len(i)), np.ones(len(i)), np.inf
    for places in (17, *[5] * 14):
        part = np.linspace(low, high, places, axis=1)
        nearest = _to_edges(a.at(i[:, np.newaxis], part), b, j)
        best = min(best, float(nearest.min()))
        middle = part[np.arange(len(i)), nearest.argmin(axis=1)]
        width = 1.1 * (high - low) / (places - 1)
        low, high = np.maximum(middle - width, 0), np.minimum(middle + width, 1)
        may = nearest.min(axis=1) <= best + 2 * width * a.half[i]
        i, j, low, high = i[may], j[may], low[may], high[may]
    return best


def _to_edges(places: Floats, cuts: Cuts, cut: npt.NDArray[np.intp]) -> Floats:
    """Return the distance from places (n, m, 2) to one cut for each row, by golden sections."""
    low, high = np.zeros(places.shape[:-1]), np.ones(places.shape[:-1])
    which = cut[:, np.newaxis]
    for _ in range(32):
        left, right = low + 0.382 * (high - low), low + 0.618 * (high - low)
        nearer = geodesic(places, cuts.at(which, left)) < geodesic(places, cuts.at(which, right))
        low, high = np.where(nearer, low, left), np.where(nearer, right, high)
    ends = [np.zeros_like(low), (low + high) / 2, np.ones_like(low)]
    return np.asarray(np.min([geodesic(places, cuts.at(which, end)) for end in ends], axis=0))


def covers(rings: Sequence[Sequence[tuple[float, float]]], place: tuple[float, float]) -> bool:
    """Tell whether a ray eastwards from a place crosses the rings an odd number of times."""
    inside = False
    for ring in rings:
        for (x, y), (u, v) in pairwise(ring):
            if (y > place[1]) != (v > place[1]) and place[0] < x + (u - x) * (place[1] - y) / (v - y):
                inside = not inside
    return inside
