"""The distance between any two shapes is that of the definition, computed by brute force over densified geodesics."""

from concurrent.futures import ThreadPoolExecutor
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.model.area import Area, LineString, Point, Polygon
from coordinator.model.geometry import Shape, all_within, distance_m, distances_m, shape_of
from tests.unit.densified import GEOD, covers, least_geodesic
from tests.unit.grounds import Ring, areas, edges_of, neighbours, reach_of, rings_of, side_by_side


def by_definition(one: Area, two: Area) -> float:
    apart = least_geodesic(edges_of(one), edges_of(two))
    return 0.0 if within_each_other(one, two) else max(0.0, apart - reach_of(one) - reach_of(two))


def within_each_other(one: Area, two: Area) -> bool:
    """Tell whether a corner of one lies in the other; where only edges cross, they are no distance apart anyhow."""
    return any(
        covers(rings_of(whole), ring[0])
        for whole, part in ((one, two), (two, one))
        if whole.type in {"Polygon", "MultiPolygon"}
        for ring in rings_of(part)
    )


def error_allowed(distance: float) -> float:
    """Two centimetres at 100 km, as `nearest.py` says; a metre where the brute force itself ends."""
    return 1.0 if distance < 1 else 0.001 + 0.02 * (distance / 100_000) ** 3


@settings(max_examples=90)
@given(neighbours())
def test_any_two_areas_are_as_far_apart_as_densified_geodesics_say(pair: tuple[Area, Area]) -> None:
    one, two = pair
    expected = by_definition(one, two)
    assert distance_m(shape_of(one), shape_of(two)) == pytest.approx(expected, abs=error_allowed(expected), rel=0)


@settings(max_examples=25)
@given(side_by_side())
def test_long_edges_side_by_side_are_judged_at_their_nearest(pair: tuple[Area, Area]) -> None:
    one, two = pair
    expected = by_definition(one, two)
    assert distance_m(shape_of(one), shape_of(two)) == pytest.approx(expected, abs=error_allowed(expected), rel=0)


@settings(max_examples=10)
@given(st.lists(st.tuples(st.floats(-0.1, 0.1), st.floats(-0.1, 0.1)), min_size=6, max_size=6), st.data())
def test_a_cluster_in_a_city_is_compared_all_at_once(places: list[tuple[float, float]], data: st.DataObject) -> None:
    city = [data.draw(areas((-90.3 + east, 38.63 + north), 0.03)) for east, north in places]
    shapes = [shape_of(area) for area in city]
    for area, distance in zip(city, distances_m(shapes[0], shapes), strict=True):
        expected = by_definition(city[0], area) if area is not city[0] else 0.0
        assert distance == pytest.approx(expected, abs=error_allowed(expected), rel=0)


@settings(max_examples=25)
@given(areas((-92.0, 38.5), 0.2), st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(10, 50_000))
def test_the_ground_of_a_point_is_a_geodesic_disc(area: Area, east: float, north: float, radius: float) -> None:
    centre = (-92.0 + east, 38.5 + north)
    rim = 720
    lons, lats, _ = GEOD.fwd([centre[0]] * rim, [centre[1]] * rim, np.linspace(0, 360, rim), [radius] * rim)
    bare = Shape(shape_of(area).core)
    from_rim = min(distances_m(bare, [Shape(shape_of(_dot(place)).core) for place in zip(lons, lats, strict=True)]))
    disc = Shape(shape_of(_dot(centre)).core, radius)
    if distance_m(bare, disc) > 0:
        assert -1e-6 < from_rim - distance_m(bare, disc) < 0.001 * radius
    else:
        assert distance_m(bare, Shape(disc.core)) <= radius + 1e-6


def _dot(place: tuple[float, float]) -> Area:
    return Point(type="Point", coordinates=place, radius_m=1)


HUNDRED_KM = 100_000.0


@pytest.mark.parametrize("azimuth", [0, 37, 90, 145, 180, 233, 270, 359])
def test_points_a_hundred_kilometres_apart(azimuth: float) -> None:
    east, north, _ = GEOD.fwd(-92.17, 38.57, azimuth, HUNDRED_KM)
    here = shape_of(Point(type="Point", coordinates=(-92.17, 38.57), radius_m=150))
    there = shape_of(Point(type="Point", coordinates=(east, north), radius_m=250))
    assert distance_m(here, there) == pytest.approx(HUNDRED_KM - 400, abs=1e-6)


def box(west: float, south: float, east: float, north: float) -> Ring:
    return ((west, south), (east, south), (east, north), (west, north), (west, south))


def test_an_edge_along_a_parallel_is_no_geodesic() -> None:
    """Straight edges are straight in longitude and latitude: the middle of a long one lies south of the geodesic."""
    edge = LineString(type="LineString", coordinates=((-95.0, 38.0), (-90.0, 38.0)), buffer_m=1)
    south = Point(type="Point", coordinates=(-92.5, 37.9), radius_m=1)
    _, _, straight_down = GEOD.inv(-92.5, 38.0, -92.5, 37.9)
    assert distance_m(shape_of(edge), shape_of(south)) == pytest.approx(straight_down - 2, abs=1e-6)


def test_a_tall_shape_is_not_judged_by_the_scale_of_its_middle() -> None:
    """Meridians draw together northwards: in degrees the south end is nearer, in metres the north end."""
    lean = LineString(type="LineString", coordinates=((-92.0, 36.0), (-92.001, 40.5)), buffer_m=1)
    tall = LineString(type="LineString", coordinates=((-91.9, 36.0), (-91.9, 40.5)), buffer_m=1)
    _, _, north = GEOD.inv(-92.001, 40.5, -91.9, 40.5)
    _, _, south = GEOD.inv(-92.0, 36.0, -91.9, 36.0)
    assert north < south
    assert distance_m(shape_of(lean), shape_of(tall)) == pytest.approx(north - 2, abs=0.5)
    assert distance_m(shape_of(lean), shape_of(tall)) == pytest.approx(by_definition(lean, tall), abs=0.001)


def test_an_operation_in_the_hole_of_another_is_beside_it() -> None:
    ring = Polygon(type="Polygon", coordinates=(box(-92.2, 38.4, -92.0, 38.6), box(-92.15, 38.45, -92.05, 38.55)))
    inside = Point(type="Point", coordinates=(-92.1, 38.46), radius_m=100)
    _, _, to_the_rim = GEOD.inv(-92.1, 38.46, -92.1, 38.45)
    assert distance_m(shape_of(ring), shape_of(inside)) == pytest.approx(to_the_rim - 100, abs=0.01)


@settings(max_examples=30)
@given(neighbours())
def test_the_order_of_two_does_not_matter(pair: tuple[Area, Area]) -> None:
    one, two = map(shape_of, pair)
    assert distance_m(one, two) == pytest.approx(distance_m(two, one), abs=1e-5)


@settings(max_examples=30)
@given(neighbours(), st.floats(0, 5_000), st.floats(0, 5_000))
def test_a_larger_radius_never_gives_a_larger_distance(pair: tuple[Area, Area], less: float, more: float) -> None:
    one, two = map(shape_of, pair)
    narrow, wide = (Shape(one.core, one.reach_m + extra) for extra in sorted((less, more)))
    near, nearer = distances_m(two, (narrow, wide))
    assert nearer <= near
    for limit in (near, near + 1):
        assert all_within([(narrow, two), (wide, two)], [limit, limit]) == pytest.approx([near, nearer], abs=1e-6)


@settings(max_examples=30)
@given(areas((-92.0, 38.5), 0.5), st.floats(0, 1))
def test_what_lies_in_a_shape_is_at_no_distance(area: Area, part: float) -> None:
    shape = shape_of(area)
    (first, second), *_ = edges_of(area)
    on_edge = (first[0] + part * (second[0] - first[0]), first[1] + part * (second[1] - first[1]))
    assert distances_m(shape, [shape, Shape(shape.core), shape_of(_dot(on_edge))]) == [0, 0, 0]


@settings(max_examples=5)
@given(neighbours())
def test_two_threads_may_compare_the_same_shapes(pair: tuple[Area, Area]) -> None:
    one, two = map(shape_of, pair)
    others = [two, Shape(two.core), one] * 20
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda shape: distances_m(shape, others), [one] * 8))
    assert answers == [distances_m(one, others)] * 8


@settings(max_examples=30)
@given(st.lists(neighbours(), min_size=1, max_size=4), st.floats(0, 200_000))
def test_many_at_once_are_judged_as_one_by_one(pairs: list[tuple[Area, Area]], limit: float) -> None:
    shapes = [(shape_of(one), shape_of(two)) for one, two in pairs]
    shapes += [(shapes[0][0], other) for _, other in shapes]
    one_by_one = [distance_m(one, two) for one, two in shapes]
    assert all_within(shapes, [inf] * len(shapes)) == pytest.approx(one_by_one, abs=1e-5)
    for judged, distance in zip(all_within(shapes, [limit] * len(shapes)), one_by_one, strict=True):
        if abs(distance - limit) > 1:
            assert (judged is None) == (distance > limit)
