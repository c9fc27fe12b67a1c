"""The grid only ever says what the polygons themselves would say, and says it wherever no outline is near."""

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry

from coordinator.directory.counties import load_counties
from coordinator.model.extent import Extent
from coordinator.model.geodesy import Bounds
from coordinator.model.grid import MIXED, NOWHERE, Grid

COUNTIES = list(load_counties().outlines.values())
GRID = Grid.over(COUNTIES)
GROUND = Extent.around(load_counties().outline, 50_000).ground
WIDE = Grid.over([GROUND])

places = st.tuples(st.floats(-97, -88), st.floats(35, 42))
widths = st.one_of(st.just(0.0), st.floats(0, 0.02), st.floats(0, 1))


def boxes_about(place: tuple[float, float], width: float, height: float) -> Bounds:
    east, north = place
    return (east - width, north - height, east + width, north + height)


def assert_true(grid: Grid, polygons: list[BaseGeometry], bounds: Bounds) -> None:
    found, box = grid.holder(bounds), shapely.box(*bounds)
    met = [index for index, polygon in enumerate(polygons) if polygon.intersects(box)]
    if found == NOWHERE:
        assert met == []
    elif found != MIXED:
        assert met == [found]
        assert polygons[found].covers(box)


@settings(max_examples=300)
@given(places, widths, widths)
def test_what_it_says_of_a_box_is_true(place: tuple[float, float], width: float, height: float) -> None:
    assert_true(GRID, COUNTIES, boxes_about(place, width, height))
    assert_true(WIDE, [GROUND], boxes_about(place, width, height))


corners = st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=3, max_size=8)
hulls = corners.map(lambda places: shapely.MultiPoint(places).convex_hull).filter(lambda hull: hull.area > 0)


@settings(max_examples=150)
@given(
    st.lists(hulls, min_size=1, max_size=4),
    st.lists(st.tuples(st.floats(-1.1, 1.1), st.floats(-1.1, 1.1), widths), min_size=20, max_size=20),
)
def test_it_is_true_of_any_polygons_even_if_they_overlap(
    polygons: list[BaseGeometry], asked: list[tuple[float, float, float]]
) -> None:
    grid = Grid.over(polygons)
    for east, north, width in asked:
        assert_true(grid, polygons, boxes_about((east, north), width, width))
    for east, north in shapely.get_coordinates(polygons).tolist():
        assert grid.holder((east, north, east, north)) == MIXED


@given(places)
def test_a_place_two_cells_from_every_outline_is_known(place: tuple[float, float]) -> None:
    point = shapely.Point(place)
    if all(polygon.boundary.distance(point) > 0.02 for polygon in [*COUNTIES, shapely.box(*GRID.box)]):
        holders = [index for index, polygon in enumerate(COUNTIES) if polygon.covers(point)]
        inside = shapely.box(*GRID.box).covers(point)
        assert GRID.holder((*place, *place)) == ([*holders, NOWHERE][0] if inside else MIXED)


def test_what_lies_in_no_cell_is_left_to_the_polygons() -> None:
    nowhere = float("nan")
    for bounds in [
        (-180, -90, 180, 90),
        (-452.0, 38.0, 267.0, 38.1),
        (10.0, 10.0, 10.0, 10.0),
        (nowhere, nowhere, nowhere, nowhere),
        GRID.box,
    ]:
        assert GRID.holder(bounds) == MIXED


@pytest.mark.parametrize("polygon", [shapely.box(-180, -90, 180, 90), shapely.box(-1e-9, -1e-9, 1e-9, 1e-9)])
def test_a_ground_of_any_size_has_a_grid_of_bounded_size(polygon: BaseGeometry) -> None:
    grid = Grid.over([polygon])
    assert len(grid.cells) < 1_100_000
    assert_true(grid, [polygon], (0, 0, 0, 0))


def test_no_ground_has_no_grid() -> None:
    assert Grid.over([]).holder((0, 0, 0, 0)) == MIXED
    assert Grid.over([shapely.Polygon()]).holder((0, 0, 0, 0)) == MIXED
