"""Which counties an operation touches: read back to the sender, and whom an alert by area reaches."""

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.directory.counties import load_counties
from coordinator.model.area import Area, LineString, Point, Polygon
from coordinator.model.counties import Counties, County
from coordinator.model.geometry import Shape, area_km2, distance_m, shape_of
from tests.unit.densified import GEOD
from tests.unit.grounds import areas

MISSOURI = load_counties()

# Towns and their counties: US Census Bureau, gazetteer of places; coordinates rounded.
TOWNS = [
    ("Jefferson City", -92.1735, 38.5767, "29051", "Cole"),
    ("Rolla", -91.7715, 37.9514, "29161", "Phelps"),
    ("Joplin", -94.5133, 37.0842, "29097", "Jasper"),
    ("St. Louis", -90.1994, 38.6270, "29510", "St. Louis"),
    ("Clayton", -90.3237, 38.6426, "29189", "St. Louis"),
    ("Kansas City", -94.5786, 39.0997, "29095", "Jackson"),
    ("Springfield", -93.2923, 37.2090, "29077", "Greene"),
    ("Columbia", -92.3341, 38.9517, "29019", "Boone"),
    ("St. Joseph", -94.8467, 39.7675, "29021", "Buchanan"),
    ("Kirksville", -92.5832, 40.1948, "29001", "Adair"),
    ("Kennett", -90.0557, 36.2362, "29069", "Dunklin"),
    ("Sedalia", -93.2283, 38.7045, "29159", "Pettis"),
    ("West Plains", -91.8524, 36.7281, "29091", "Howell"),
    ("Macon", -92.4727, 39.7423, "29121", "Macon"),
]


def point(east: float, north: float, radius_m: float = 50) -> Shape:
    return shape_of(Point(type="Point", coordinates=(east, north), radius_m=radius_m))


def test_missouri_has_114_counties_and_an_independent_city() -> None:
    assert len(MISSOURI.names) == 115
    assert list(MISSOURI.names) == sorted(MISSOURI.names)
    assert all(len(fips) == 5 and fips.startswith("29") for fips in MISSOURI.names)
    assert [fips for fips, name in MISSOURI.names.items() if name == "St. Louis"] == ["29189", "29510"]


def test_the_counties_together_are_missouri() -> None:
    """The state measures 69,707 square miles (US Census Bureau, State Area Measurements)."""
    assert area_km2(Shape(MISSOURI.outline)) == pytest.approx(69_707 * 2.589988, rel=0.002)
    assert MISSOURI.outline.geom_type == "Polygon"


@pytest.mark.parametrize(("town", "east", "north", "fips", "name"), TOWNS)
def test_a_town_lies_in_its_county(town: str, east: float, north: float, fips: str, name: str) -> None:
    assert MISSOURI.touched(point(east, north)) == (County(fips, name),), town


def test_the_reach_counts() -> None:
    touched = MISSOURI.touched(point(-92.1735, 38.5767, 30_000))
    assert [county.name for county in touched] == ["Boone", "Callaway", "Cole", "Miller", "Moniteau", "Osage"]


def test_a_route_touches_the_counties_that_it_passes() -> None:
    i_44 = ((-90.20, 38.62), (-91.15, 38.21), (-91.77, 37.95), (-92.66, 37.68), (-93.29, 37.25), (-94.51, 37.04))
    touched = MISSOURI.touched(shape_of(LineString(type="LineString", coordinates=i_44, buffer_m=200)))
    names = [county.name for county in touched]
    assert {"Franklin", "Crawford", "Phelps", "Laclede", "Greene", "Jasper"} <= set(names)
    assert [county.fips for county in touched] == sorted(county.fips for county in touched)


def test_an_area_over_a_border_touches_both_sides() -> None:
    around_the_bridge = ((-92.2, 38.56), (-92.1, 38.56), (-92.1, 38.62), (-92.2, 38.62), (-92.2, 38.56))
    touched = MISSOURI.touched(shape_of(Polygon(type="Polygon", coordinates=(around_the_bridge,))))
    assert [county.name for county in touched] == ["Callaway", "Cole"]


def test_beyond_the_state_no_county_is_touched() -> None:
    assert MISSOURI.touched(point(-97.33, 37.69)) == ()
    assert MISSOURI.touched(point(-90.10, 38.62, 1_000)) == ()


def test_the_reach_across_a_border_is_geodesic() -> None:
    inside_kansas = (-94.75, 38.0)
    border = shapely.shortest_line(MISSOURI.outline, shapely.Point(inside_kansas)).coords[0]
    near = GEOD.line_length([-94.75, border[0]], [38.0, border[1]])
    apart = distance_m(Shape(MISSOURI.outline), Shape(shapely.Point(inside_kansas)))
    assert apart == pytest.approx(near, abs=200)
    assert MISSOURI.touched(point(*inside_kansas, apart - 0.01)) == ()
    (touched,) = MISSOURI.touched(point(*inside_kansas, apart + 0.01))
    assert touched.name in {"Bates", "Vernon"}


@settings(max_examples=40)
@given(area=areas((-92.5, 38.5), 1.0), data=st.data())
def test_a_county_is_touched_when_it_is_at_no_distance(area: Area, data: st.DataObject) -> None:
    shape = shape_of(area)
    touched = MISSOURI.touched(shape)
    county = data.draw(st.sampled_from(sorted(MISSOURI.outlines)))
    assert (county in touched) == (distance_m(shape, Shape(MISSOURI.outlines[county])) == 0)


def test_counties_of_another_domain_can_be_given() -> None:
    one, two = (County("99001", "Here"), shapely.box(0, 0, 1, 1)), (County("99003", "There"), shapely.box(1, 0, 2, 1))
    counties = Counties(dict((two, one)))
    assert counties.names == {"99001": "Here", "99003": "There"}
    assert counties.outline.equals(shapely.box(0, 0, 2, 1))
    assert [county.fips for county in counties.touched(point(1, 0.5))] == ["99001", "99003"]
