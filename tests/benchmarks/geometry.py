"""Prints what exact geometry costs a candidate, in microseconds: `.venv/bin/python tests/benchmarks/geometry.py`.

A figure is the least of three runs; as a ratio, that of one geodesic in the same run is 1.
"""

import sys
from collections.abc import Callable
from math import inf
from pathlib import Path
from time import perf_counter

import numpy as np
import shapely

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from coordinator.directory.counties import load_counties
from coordinator.model.covering import boxes
from coordinator.model.geodesy import wgs84
from coordinator.model.geometry import Shape, all_within

CANDIDATES = 10_000
RULE_M = 800.0
CENTRE = (-92.17, 38.57)
CITIES = ((-90.20, 38.63), (-94.58, 39.10), (-93.29, 37.21))
RANDOM = np.random.default_rng(25_04)


def star(vertices: int, size: float, centre: tuple[float, float], rough: float = 0.3) -> Shape:
    """Return a polygon that sees its centre from every vertex; `size` in degrees."""
    angles = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    radii = size * (1 - rough * RANDOM.random(vertices))
    corners = np.column_stack((centre[0] + radii * np.cos(angles), centre[1] + radii * np.sin(angles)))
    return Shape(shapely.Polygon(corners))


def spots(centre: tuple[float, float], spread: float) -> list[tuple[float, float]]:
    """Return places around a centre; `spread` in degrees."""
    return [(float(east), float(north)) for east, north in RANDOM.normal(centre, spread, (CANDIDATES, 2))]


def measured(name: str, one: Shape, others: list[Shape], limit_m: float, geodesic_us: float) -> None:
    """Print one line."""
    pairs, limits = [(one, other) for other in others], [limit_m] * len(others)
    found = sum(distance is not None for distance in all_within(pairs, limits))
    best = inf
    for _ in range(3):
        begun = perf_counter()
        all_within(pairs, limits)
        best = min(best, perf_counter() - begun)
    each = best / len(others) * 1e6
    print(f"{name:58} {each:7.1f} us   x {each / geodesic_us:5.1f}   {found:6,} within")  # noqa: T201 -- its purpose


def one_geodesic() -> float:
    """Return the microseconds of one geodesic, in bulk."""
    places = np.array(spots(CENTRE, 0.5)).T
    begun = perf_counter()
    for _ in range(10):
        wgs84().inv(*places, *places[:, ::-1])
    return (perf_counter() - begun) / 10 / CANDIDATES * 1e6


def single(name: str, work: Callable[[], object]) -> None:
    """Print what one call costs."""
    begun = perf_counter()
    for _ in range(200):
        work()
    print(f"{name:58} {(perf_counter() - begun) / 200 * 1e6:7.1f} us a call")  # noqa: T201 -- its purpose


def main() -> None:
    """Print every figure."""
    unit = one_geodesic()
    points = [Shape(shapely.Point(place), 150) for place in spots(CENTRE, 0.5)]
    polygons = [star(20, 0.01, place) for place in spots(CENTRE, 0.5)]
    city = [star(20, 0.005, place) for place in spots(CITIES[0], 0.05)]
    state = star(1_000, 1.2, CENTRE, rough=0.05)
    for limit, words in ((inf, "exact, however far"), (RULE_M, "within 800 m")):
        measured(f"point against points, {words}", points[0], points, limit, unit)
        measured(f"20 vertices against points, {words}", polygons[0], points, limit, unit)
        measured(f"20 vertices against 20 vertices, {words}", polygons[0], polygons, limit, unit)
        measured(f"20 vertices against 20 in one city, {words}", star(20, 0.005, CITIES[0]), city, limit, unit)
        measured(f"1,000 vertices against points, {words}", state, points, limit, unit)
        measured(f"1,000 vertices against 20 vertices, {words}", state, polygons, limit, unit)
    route = Shape(shapely.linestrings([CITIES[0], (-91.77, 37.95), (-92.66, 37.68), CITIES[2]]), 500)
    counties = load_counties()
    single("one pair of 20 vertices by itself", lambda: all_within([(polygons[0], polygons[1])], [inf]))
    single("boxes of a point", lambda: boxes(points[0], RULE_M))
    single("boxes of a route of 250 km", lambda: boxes(route, RULE_M))
    single("counties of a point", lambda: counties.touched(Shape(shapely.Point(CENTRE), 150)))


if __name__ == "__main__":
    main()
