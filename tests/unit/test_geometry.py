"""What an area means on the ground: its shape, its size, its boxes, and the words for how near two come."""

from math import inf, pi

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.model.area import Area, LineString, MultiPolygon, Point, Polygon
from coordinator.model.codes import Band
from coordinator.model.covering import boxes
from coordinator.model.geodesy import grown, grown_one
from coordinator.model.geometry import Box, Shape, all_within, area_km2, band, distance_m, distances_m, shape_of, within
from tests.unit.densified import GEOD
from tests.unit.grounds import Ring, areas, edges_of

JEFFERSON_CITY = (-92.1735, 38.5767)


def point(place: tuple[float, float] = JEFFERSON_CITY, radius_m: float = 150) -> Shape:
    return shape_of(Point(type="Point", coordinates=place, radius_m=radius_m))


def square(west: float, south: float, size: float) -> Ring:
    east, north = west + size, south + size
    return ((west, south), (east, south), (east, north), (west, north), (west, south))


# --- Shapes ---


def test_polygons_that_touch_or_overlap_are_one_piece_of_ground() -> None:
    touching = ((square(-92.2, 38.5, 0.1),), (square(-92.1, 38.5, 0.1),), (square(-92.15, 38.55, 0.1),))
    shape = shape_of(MultiPolygon(type="MultiPolygon", coordinates=touching))
    assert shape.core.is_valid
    assert area_km2(shape) == pytest.approx(
        2.5 * area_km2(shape_of(Polygon(type="Polygon", coordinates=touching[0]))), rel=0.001
    )
    assert distance_m(shape, point((-92.15, 38.55), 1)) == 0


def test_nothing_is_compared_with_nothing() -> None:
    assert all_within((), ()) == []
    assert distances_m(point(), ()) == []


def test_what_is_beyond_the_limit_is_not_told() -> None:
    rolla = point((-91.7715, 37.9514), 250)
    apart = distance_m(point(), rolla)
    assert 77_000 < apart < 78_000
    assert within(point(), rolla, apart) == apart
    assert within(point(), rolla, apart - 0.001) is None
    assert within(point(), rolla, 0) is None
    assert within(point(), rolla, inf) == apart


def test_the_limit_is_met_at_exactly_the_limit() -> None:
    _, _, metres = GEOD.inv(*JEFFERSON_CITY, -92.17, 38.58)
    assert within(point(radius_m=metres / 2), point((-92.17, 38.58), metres / 2), 0) == 0
    assert within(point(radius_m=metres / 2), point((-92.17, 38.58), metres / 2 - 0.001), 0) is None


@pytest.mark.parametrize(
    ("metres", "words"),
    [
        (0, Band.OVERLAP),
        (0.001, Band.WITHIN_100_M),
        (100, Band.WITHIN_100_M),
        (100.001, Band.WITHIN_RULE),
        (800, Band.WITHIN_RULE),
    ],
)
def test_a_pointer_tells_no_more_than_a_band(metres: float, words: Band) -> None:
    assert band(metres) is words


# --- Size ---


def test_the_area_of_a_small_disc_is_that_of_the_plane() -> None:
    assert area_km2(point(radius_m=1_000)) == pytest.approx(pi, rel=1e-6)


@pytest.mark.parametrize("radius", [1_000, 30_000, 100_000])
def test_the_area_of_a_disc_is_that_of_its_outline(radius: float) -> None:
    rim = 2_000
    lons, lats, _ = GEOD.fwd([-92.0] * rim, [38.0] * rim, np.linspace(0, 360, rim, endpoint=False), [radius] * rim)
    enclosed, _ = GEOD.polygon_area_perimeter(lons, lats)
    assert area_km2(point((-92.0, 38.0), radius)) == pytest.approx(abs(enclosed) / 1e6, rel=5e-6)


@settings(max_examples=40)
@given(areas((-92.0, 38.5), 1.5))
def test_the_area_of_a_polygon_is_that_of_its_densified_outline(area: Area) -> None:
    shape = shape_of(area)
    if shape.reach_m == 0:
        fine = shapely.orient_polygons(shapely.segmentize(shape.core, 0.01))
        enclosed, _ = GEOD.geometry_area_perimeter(fine)
        assert area_km2(shape) == pytest.approx(enclosed / 1e6, rel=1e-5)


def test_the_ground_along_a_route_is_its_length_times_its_width_and_a_disc() -> None:
    route = LineString(type="LineString", coordinates=((-94.58, 39.1), (-92.33, 38.95), (-90.2, 38.63)), buffer_m=2_000)
    length = sum(GEOD.inv(*start, *end)[2] for start, end in edges_of(route))
    strip = length * 4_000 + pi * 2_000**2
    assert area_km2(shape_of(route)) == pytest.approx(strip / 1e6, rel=0.002)


# --- Boxes ---


def held(position: np.ndarray[tuple[int, ...], np.dtype[np.float64]], cover: tuple[Box, ...]) -> bool:
    east, north = position
    return any(box.west <= east <= box.east and box.south <= north <= box.north for box in cover)


def within_reach(area: Area, distance: float, data: st.DataObject) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """A position within a distance of a shape: on one of its edges, or between its corners, and then anywhere off."""
    (one, two), (three, _) = (data.draw(st.sampled_from(edges_of(area))) for _ in range(2))
    part, other = data.draw(st.floats(0, 1)), data.draw(st.floats(0, 1))
    position = np.array(one) + part * (np.array(two) - one)
    between = position + other * (np.array(three) - position)
    core = shape_of(area).core
    start = between if core.intersects(shapely.Point(between)) else position
    azimuth, metres = data.draw(st.floats(0, 360)), distance * data.draw(st.floats(0, 1))
    lon, lat, _ = GEOD.fwd(start[0], start[1], azimuth, metres)
    return np.array([lon, lat])


@settings(max_examples=100)
@given(
    area=st.floats(-3, 0.5).flatmap(lambda exponent: areas((-92.0, 38.5), 10**exponent)),
    margin=st.floats(0, 50_000),
    at_most=st.integers(1, 20),
    data=st.data(),
)
def test_boxes_hold_whatever_is_within_the_margin(area: Area, margin: float, at_most: int, data: st.DataObject) -> None:
    shape = shape_of(area)
    cover = boxes(shape, margin, at_most)
    assert 1 <= len(cover) <= at_most
    for _ in range(5):
        assert held(within_reach(area, (shape.reach_m + margin) * 0.999_999, data), cover)


def square_degrees(cover: tuple[Box, ...]) -> float:
    return sum((box.east - box.west) * (box.north - box.south) for box in cover)


I_44 = ((-90.20, 38.62), (-91.15, 38.21), (-91.77, 37.95), (-92.66, 37.68), (-93.29, 37.25), (-94.51, 37.04))
"""Interstate 44 by St. Louis, Sullivan, Rolla, Lebanon, Springfield and Joplin."""


def test_a_long_route_is_held_by_boxes_much_smaller_than_one() -> None:
    route = shape_of(LineString(type="LineString", coordinates=I_44, buffer_m=500))
    (one,) = boxes(route, 800, at_most=1)
    assert square_degrees(boxes(route, 800)) < 0.2 * square_degrees((one,))


def test_scattered_polygons_are_held_by_boxes_much_smaller_than_one() -> None:
    places = (square(-94.6, 39.1, 0.05), square(-90.3, 38.6, 0.05), square(-93.3, 37.2, 0.05))
    shape = shape_of(MultiPolygon(type="MultiPolygon", coordinates=tuple((place,) for place in places)))
    assert square_degrees(boxes(shape, 800)) < 0.02 * square_degrees(boxes(shape, 800, at_most=1))


def test_what_is_small_or_square_has_one_box() -> None:
    assert len(boxes(point(), 800)) == 1
    assert len(boxes(shape_of(Polygon(type="Polygon", coordinates=(square(-92.2, 38.5, 0.02),))), 800)) == 1
    assert len(boxes(shape_of(Polygon(type="Polygon", coordinates=(square(-92.2, 38.5, 1),))), 800)) == 1


def test_a_line_along_the_cut_between_two_boxes_is_held() -> None:
    course = ((-93.0, 37.5), (-92.0, 38.0), (-92.0, 38.1), (-91.0, 38.6))
    cover = boxes(shape_of(LineString(type="LineString", coordinates=course, buffer_m=1)), 0)
    assert len(cover) > 1
    assert all(held(np.array((-92.0, north)), cover) for north in np.linspace(38.0, 38.1, 10))


def test_boxes_stay_on_the_globe() -> None:
    (far_north,) = boxes(point((-92.0, 89.9), 50_000), 0)
    assert far_north == Box(-180, far_north.south, 180, 90)
    (far_east,) = boxes(point((179.9, 38.0), 50_000), 0)
    assert far_east.east == 180


@given(
    st.tuples(st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180), st.floats(-90, 90)),
    st.floats(0, 1_000_000),
)
def test_one_box_grows_as_many_do(bounds: tuple[float, float, float, float], margin: float) -> None:
    assert grown_one(bounds, margin) == pytest.approx(tuple(grown(np.array([bounds]), np.array([margin]))[0]))


@given(st.floats(-180, 180), st.floats(-90, 90), st.floats(0.01, 100_000))
def test_a_disc_is_the_ground_around_its_centre(east: float, north: float, radius: float) -> None:
    """Whichever way it is made: what is asked of its centre is what is asked of its core."""
    disc, around = Shape.disc((east, north), radius), Shape(shapely.Point(east, north), radius)
    assert (disc.bounds, disc.around, disc.centre) == (around.bounds, around.around, around.centre)
    assert area_km2(disc) == area_km2(around)
    assert disc == around
    assert hash(disc) == hash(around)
    assert disc != Shape.disc((east, north), radius + 1)
    assert disc != Shape(shapely.box(0, 0, 1, 1), radius)
