"""The extent of a domain: its outline and 50 km around it, with a hint when longitude and latitude are swapped."""

from itertools import pairwise

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.directory.counties import load_counties
from coordinator.model.area import Area, LineString, Point, Polygon
from coordinator.model.extent import Extent, Inside, Outside
from coordinator.model.geometry import Shape, shape_of
from tests.unit.densified import GEOD, least_geodesic

MISSOURI = load_counties().outline
EXTENT = Extent.around(MISSOURI, 50_000)


def point(east: float, north: float, radius_m: float = 100) -> Area:
    return Point(type="Point", coordinates=(east, north), radius_m=radius_m)


@pytest.mark.parametrize(
    "area",
    [
        point(-92.1735, 38.5767),
        point(-90.1848, 38.6247),
        point(-94.6275, 39.1141),  # Kansas City, Kansas
        point(-90.1526, 38.6176),  # East St. Louis, Illinois
        point(-92.5, 36.2),
        point(-92.5, 38.0, 100_000),
        LineString(type="LineString", coordinates=((-94.58, 39.1), (-90.2, 38.63)), buffer_m=50_000),
    ],
)
def test_what_lies_in_missouri_or_just_beyond_is_inside(area: Area) -> None:
    assert EXTENT.inside(shape_of(area)) == Inside()


@pytest.mark.parametrize(
    "area",
    [
        point(-87.63, 41.88),  # Chicago
        point(-97.33, 37.69),  # Wichita
        point(0, 0),
        point(180, 90),
        point(-180, -90, 100_000),
        point(-94.6, 39.1, 100_000),
        LineString(type="LineString", coordinates=((-94.58, 39.1), (-87.63, 41.88)), buffer_m=10),
        Polygon(type="Polygon", coordinates=(((-100, 30), (-80, 30), (-80, 45), (-100, 45), (-100, 30)),)),
        Polygon(type="Polygon", coordinates=(((-180, -90), (180, -90), (180, 90), (-180, 90), (-180, -90)),)),
    ],
)
def test_what_lies_elsewhere_or_reaches_beyond_is_outside(area: Area) -> None:
    assert EXTENT.inside(shape_of(area)) == Outside(swapped_would_fit=False)


def test_swapped_coordinates_are_recognised() -> None:
    """Only in the Bootheel can a longitude pass for a latitude; elsewhere it is refused when the area is read."""
    assert EXTENT.inside(shape_of(point(36.24, -89.7))) == Outside(swapped_would_fit=True)
    assert EXTENT.inside(Shape(shapely.Point(38.5767, -92.1735), 100)) == Outside(swapped_would_fit=True)
    assert EXTENT.inside(shape_of(point(36.24, 89.7))) == Outside(swapped_would_fit=False)


OUTLINE = list(pairwise(shapely.get_coordinates(MISSOURI.boundary).tolist()))


@settings(max_examples=40)
@given(st.floats(-96.6, -88.3), st.floats(35.3, 41.2))
def test_the_extent_ends_fifty_kilometres_from_the_outline(east: float, north: float) -> None:
    place = (east, north)
    from_outline = 0.0 if MISSOURI.covers(shapely.Point(place)) else least_geodesic([(place, place)], OUTLINE)
    if abs(from_outline - 50_000) > 50:
        expected = Inside() if from_outline < 50_000 else Outside(swapped_would_fit=False)
        assert EXTENT.inside(shape_of(point(*place, radius_m=1))) == expected


@given(st.floats(0, 360), st.floats(1, 60_000))
def test_a_disc_is_inside_as_long_as_its_rim_is(azimuth: float, radius: float) -> None:
    rim = shapely.linestrings(
        [GEOD.fwd(-94.6, 39.1, azimuth + turn, radius)[:2] for turn in range(0, 361, 3)],
    )
    whole = EXTENT.inside(shape_of(point(-94.6, 39.1, radius)))
    if abs(radius - _room(-94.6, 39.1)) > 100:
        assert (whole == Inside()) == EXTENT.ground.covers(rim)


def _room(east: float, north: float) -> float:
    from_border = shapely.shortest_line(shapely.segmentize(EXTENT.ground.boundary, 0.001), shapely.Point(east, north))
    return GEOD.line_length(*from_border.xy)
