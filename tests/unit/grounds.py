"""Areas at random, near each other and far apart, for the tests of geometry."""

from itertools import pairwise
from math import cos, pi, sin

from hypothesis import strategies as st

from coordinator.model.area import Area, LineString, MultiPolygon, Point, Polygon

Position = tuple[float, float]
Ring = tuple[Position, ...]


@st.composite
def stars(draw: st.DrawFn, centre: Position, size: float, tall: float = 1.0) -> Ring:
    """A ring that sees its centre from every corner; `size` in degrees, `tall` times as high as wide."""
    radii = draw(st.lists(st.floats(0.3, 1), min_size=3, max_size=12))
    turn = draw(st.floats(0, 2 * pi))
    angles = [turn + 2 * pi * n / len(radii) for n in range(len(radii))]
    corners = [
        (centre[0] + size * radius * cos(angle), centre[1] + size * tall * radius * sin(angle))
        for radius, angle in zip(radii, angles, strict=True)
    ]
    return (*corners, corners[0])


@st.composite
def areas(draw: st.DrawFn, centre: Position, size: float) -> Area:
    """Any kind of area around a centre, none of its corners farther from it than `size`, in degrees."""
    kind = draw(st.sampled_from(["point", "route", "outline", "holed", "several"]))
    reach = draw(st.floats(1, 2_000))
    match kind:
        case "point":
            return Point(type="Point", coordinates=centre, radius_m=reach)
        case "route":
            percent = st.integers(-100, 100)
            stops = draw(st.lists(st.tuples(percent, percent), min_size=2, max_size=8, unique=True))
            course = tuple((centre[0] + size * east / 100, centre[1] + size * north / 100) for east, north in stops)
            return LineString(type="LineString", coordinates=course, buffer_m=reach)
        case "outline":
            tall = draw(st.sampled_from([1.0, 1.0, 0.1]))
            return Polygon(type="Polygon", coordinates=(draw(stars(centre, size, tall)),))
        case "holed":
            outer = draw(stars(centre, size))
            return Polygon(type="Polygon", coordinates=(outer, _shrunk(outer, centre, draw(st.floats(0.2, 0.9)))))
        case _:
            one = draw(stars((centre[0] - size / 2, centre[1]), size / 3))
            two = draw(stars((centre[0] + size / 2, centre[1] + size / 2), size / 3))
            return MultiPolygon(type="MultiPolygon", coordinates=((one,), (two,)))


def _shrunk(ring: Ring, centre: Position, part: float) -> Ring:
    return tuple(
        (centre[0] + part * (east - centre[0]), centre[1] + part * (north - centre[1])) for east, north in ring
    )


@st.composite
def neighbours(draw: st.DrawFn) -> tuple[Area, Area]:
    """Two areas from a hundred metres to hundreds of kilometres large, with about a gap of any size between."""
    sizes = [10 ** draw(st.floats(-3, 0.4)) for _ in range(2)]
    gap = 10 ** draw(st.floats(-4, 0.2)) * draw(st.sampled_from([-1.0, 1.0, 1.0]))
    angle = draw(st.floats(0, 2 * pi) | st.sampled_from([0.0, pi / 2]))
    away = sum(sizes) + gap
    here = (draw(st.floats(-95, -90)), draw(st.floats(36, 41) | st.floats(-60, 60)))
    there = (here[0] + away * cos(angle), here[1] + away * sin(angle))
    return draw(areas(here, sizes[0])), draw(areas(there, sizes[1]))


@st.composite
def side_by_side(draw: st.DrawFn) -> tuple[Area, Area]:
    """Two long edges that run almost parallel: the distance hardly changes over hundreds of kilometres."""
    angle = draw(st.floats(0, pi) | st.sampled_from([0.0, pi / 2]))
    long, gap = draw(st.floats(0.1, 2.5)), 10 ** draw(st.floats(-3.5, 0))
    middle = (-92.5, draw(st.floats(36, 41)))
    along, across = (cos(angle) * long, sin(angle) * long), (-sin(angle) * gap, cos(angle) * gap)
    skew = [gap * draw(st.floats(-0.3, 0.3)) * draw(st.sampled_from([1.0, 0.01])) for _ in range(4)]
    one = ((middle[0] - along[0], middle[1] - along[1]), (middle[0] + along[0], middle[1] + along[1]))
    two = (
        (one[0][0] + across[0] + skew[0], one[0][1] + across[1] + skew[1]),
        (one[1][0] + across[0] + skew[2], one[1][1] + across[1] + skew[3]),
    )
    return (
        LineString(type="LineString", coordinates=one, buffer_m=1),
        LineString(type="LineString", coordinates=two, buffer_m=1),
    )


def rings_of(area: Area) -> list[Ring]:
    """All lines of an area, each as its positions in order."""
    match area:
        case Point():
            return [(area.coordinates, area.coordinates)]
        case LineString():
            return [area.coordinates]
        case Polygon():
            return list(area.coordinates)
        case MultiPolygon():
            return [ring for rings in area.coordinates for ring in rings]


def edges_of(area: Area) -> list[tuple[Position, Position]]:
    """All edges of an area; a point is one of no length."""
    return [edge for ring in rings_of(area) for edge in pairwise(ring)]


def reach_of(area: Area) -> float:
    """Metres around the coordinates that are occupied too."""
    match area:
        case Point():
            return area.radius_m
        case LineString():
            return area.buffer_m
        case _:
            return 0.0
