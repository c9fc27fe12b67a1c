"""Areas: what is accepted, and that each mistake is named with its place and in plain words."""

import json
from math import cos, pi, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from coordinator.model.area import MAX_VERTICES, Area, LineString, MultiPolygon, Point, Polygon

AREA: TypeAdapter[Point | LineString | Polygon | MultiPolygon] = TypeAdapter(Area)
Positions = list[list[float]]
JEFFERSON_CITY = [-92.17, 38.57]
SQUARE: Positions = [[-92.2, 38.5], [-92.1, 38.5], [-92.1, 38.6], [-92.2, 38.6], [-92.2, 38.5]]
BOW_TIE: Positions = [[-92.2, 38.5], [-92.1, 38.6], [-92.1, 38.5], [-92.2, 38.6], [-92.2, 38.5]]


def ring(corners: int, radius: float = 0.1, east: float = 0.0) -> Positions:
    angles = [2 * pi * corner / corners for corner in range(corners)]
    positions = [[-92.2 + east + radius * cos(angle), 38.5 + radius * sin(angle)] for angle in angles]
    return [*positions, positions[0]]


def polygon(*rings: Positions) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": rings}


def point(coordinates: object, radius_m: object = 50) -> dict[str, object]:
    return {"type": "Point", "coordinates": coordinates, "radius_m": radius_m}


def line(coordinates: object, buffer_m: object = 50) -> dict[str, object]:
    return {"type": "LineString", "coordinates": coordinates, "buffer_m": buffer_m}


def read(area: object) -> Point | LineString | Polygon | MultiPolygon:
    return AREA.validate_json(json.dumps(area))


def mistakes(area: object) -> list[ErrorDetails]:
    with pytest.raises(ValidationError) as refused:
        read(area)
    return refused.value.errors(include_url=False)


def mistake(area: object) -> tuple[str, str]:
    """Return type and place of the only mistake."""
    (only,) = mistakes(area)
    return only["type"], ".".join(str(part) for part in only["loc"])


@pytest.mark.parametrize(
    "area",
    [
        point([-92, 38]),
        point(JEFFERSON_CITY, 0.001),
        point([-180, -90], 100_000),
        point([180, 90]),
        line([JEFFERSON_CITY, [-91.77, 37.95]]),
        line([[-92, 38], [-92, 38], [-91, 38]]),
        line([[-92, 38], [-91, 38], [-91, 39], [-91.5, 37]]),
        polygon(SQUARE),
        polygon(SQUARE[::-1]),
        polygon(ring(40), ring(10, 0.05)),
        polygon(ring(40), ring(10, 0.01, 0.03), ring(10, 0.01, -0.03)),
        polygon(ring(MAX_VERTICES)),
        {"type": "MultiPolygon", "coordinates": [[ring(10)], [ring(10, east=0.5)]]},
        {"type": "MultiPolygon", "coordinates": [[SQUARE], [SQUARE], [ring(10)]]},
    ],
)
def test_an_area_comes_back_as_it_was_written(area: dict[str, object]) -> None:
    written = read(area)
    assert json.loads(written.model_dump_json()) == json.loads(json.dumps(area))
    assert read(json.loads(written.model_dump_json())) == written
    assert isinstance(written, BaseModel)
    assert AREA.validate_python(area) == written


def test_whole_numbers_are_numbers() -> None:
    written = AREA.validate_json('{"type":"Point","coordinates":[-90,38],"radius_m":50}')
    assert written == Point(type="Point", coordinates=(-90.0, 38.0), radius_m=50.0)


TOO_FEW = "area_too_few_positions"
NOT_A_POSITION = "area_not_a_position"
TOO_MANY = "area_too_many_vertices"


@pytest.mark.parametrize(
    ("area", "expected", "place"),
    [
        # Positions
        (point([-92]), NOT_A_POSITION, "Point.coordinates.1"),
        (point([]), NOT_A_POSITION, "Point.coordinates.0"),
        (point(None), NOT_A_POSITION, "Point.coordinates"),
        (point("-92,38"), NOT_A_POSITION, "Point.coordinates"),
        (point({"0": -92, "1": 38}), NOT_A_POSITION, "Point.coordinates"),
        (point([-92, 38, 170]), NOT_A_POSITION, "Point.coordinates"),
        (point([-92, "38"]), NOT_A_POSITION, "Point.coordinates.1"),
        (point([-92, True]), NOT_A_POSITION, "Point.coordinates.1"),
        (point([-92, None]), NOT_A_POSITION, "Point.coordinates.1"),
        (line([JEFFERSON_CITY, [[-91, 38]]]), NOT_A_POSITION, "LineString.coordinates.1.0"),
        (polygon([-92, 38]), NOT_A_POSITION, "Polygon.coordinates.0.0"),  # type: ignore[list-item] # the mistake
        (polygon([*SQUARE[:2], [], *SQUARE[2:]]), NOT_A_POSITION, "Polygon.coordinates.0.2.0"),
        # Ranges
        (point([-181, 38]), "area_out_of_range", "Point.coordinates.0"),
        (point([181, 95]), "area_out_of_range", "Point.coordinates.0"),
        (point([-120, 95]), "area_out_of_range", "Point.coordinates.1"),
        (point([38, -92]), "area_swapped", "Point.coordinates.1"),
        (line([[38.5, -92.1], [38.6, -92.2]]), "area_swapped", "LineString.coordinates.0.1"),
        (polygon([position[::-1] for position in SQUARE]), "area_swapped", "Polygon.coordinates.0.0.1"),
        # Lines
        (line([]), TOO_FEW, "LineString.coordinates"),
        (line([JEFFERSON_CITY]), TOO_FEW, "LineString.coordinates"),
        (line([JEFFERSON_CITY] * 3), TOO_FEW, "LineString.coordinates"),
        (line([[-92 + n / 10_000, 38] for n in range(MAX_VERTICES + 1)]), TOO_MANY, "LineString.coordinates"),
        # Rings
        (polygon(), TOO_FEW, "Polygon.coordinates"),
        (polygon([]), TOO_FEW, "Polygon.coordinates.0"),
        (polygon([*SQUARE[:2], SQUARE[0]]), TOO_FEW, "Polygon.coordinates.0"),
        (polygon(SQUARE[:-1]), "area_not_closed", "Polygon.coordinates.0"),
        (polygon(ring(20), ring(20, 0.05)[:-1]), "area_not_closed", "Polygon.coordinates.1"),
        (polygon(ring(MAX_VERTICES + 1)), TOO_MANY, "Polygon.coordinates.0"),
        (polygon(ring(10_001)), TOO_MANY, "Polygon.coordinates.0"),
        (polygon(ring(600), ring(600, 0.05)), TOO_MANY, "Polygon.coordinates"),
        # Polygons
        (polygon(BOW_TIE), "area_self_intersecting", "Polygon.coordinates"),
        (polygon([*SQUARE[:2], SQUARE[0], *SQUARE[2:]]), "area_self_intersecting", "Polygon.coordinates"),
        (polygon(SQUARE, SQUARE), "area_self_intersecting", "Polygon.coordinates"),
        (polygon(ring(20), ring(20, 0.05, 0.08)), "area_self_intersecting", "Polygon.coordinates"),
        (polygon(ring(20), ring(20, 0.05, 0.5)), "area_hole_outside", "Polygon.coordinates"),
        (polygon(ring(20), ring(20, 0.05), ring(20, 0.02)), "area_hole_outside", "Polygon.coordinates"),
        (polygon([[-92, 38], [-91, 39], [-90, 40], [-92, 38]]), "area_zero_area", "Polygon.coordinates"),
        (polygon([JEFFERSON_CITY] * 4), "area_zero_area", "Polygon.coordinates"),
        (polygon(ring(4, 1e-6)), "area_zero_area", "Polygon.coordinates"),
        # Several polygons
        ({"type": "MultiPolygon", "coordinates": []}, TOO_FEW, "MultiPolygon.coordinates"),
        ({"type": "MultiPolygon", "coordinates": [[SQUARE], []]}, TOO_FEW, "MultiPolygon.coordinates.1"),
        (
            {"type": "MultiPolygon", "coordinates": [[SQUARE], [BOW_TIE]]},
            "area_self_intersecting",
            "MultiPolygon.coordinates.1",
        ),
        (
            {"type": "MultiPolygon", "coordinates": [[ring(400)], [ring(400, east=1)], [ring(400, east=2)]]},
            TOO_MANY,
            "MultiPolygon.coordinates",
        ),
        # Radius and buffer
        (point(JEFFERSON_CITY, 0), "greater_than", "Point.radius_m"),
        (point(JEFFERSON_CITY, -1), "greater_than", "Point.radius_m"),
        (point(JEFFERSON_CITY, 1e9), "less_than_equal", "Point.radius_m"),
        (point(JEFFERSON_CITY, "50"), "float_type", "Point.radius_m"),
        (line(SQUARE, 0), "greater_than", "LineString.buffer_m"),
        (line(SQUARE, 100_001), "less_than_equal", "LineString.buffer_m"),
        # Members
        ({"type": "Point", "coordinates": JEFFERSON_CITY}, "missing", "Point.radius_m"),
        ({"type": "Polygon"}, "missing", "Polygon.coordinates"),
        (point(JEFFERSON_CITY) | {"bbox": [0, 0, 1, 1]}, "extra_forbidden", "Point.bbox"),
        (polygon(SQUARE) | {"radius_m": 50}, "extra_forbidden", "Polygon.radius_m"),
        ({"type": "Circle", "coordinates": JEFFERSON_CITY}, "union_tag_invalid", ""),
        ({"type": "point", "coordinates": JEFFERSON_CITY, "radius_m": 50}, "union_tag_invalid", ""),
        ({"coordinates": JEFFERSON_CITY, "radius_m": 50}, "union_tag_not_found", ""),
        ([SQUARE], "dict_type", ""),
    ],
)
def test_each_mistake_is_named_with_its_place(area: object, expected: str, place: str) -> None:
    assert mistake(area) == (expected, place)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_a_coordinate_is_finite(number: str) -> None:
    with pytest.raises(ValidationError, match="coordinates"):
        AREA.validate_json(f'{{"type":"Point","coordinates":[-92,{number}],"radius_m":50}}')
    with pytest.raises(ValidationError, match="radius_m"):
        AREA.validate_json(f'{{"type":"Point","coordinates":[-92,38],"radius_m":{number}}}')


@pytest.mark.parametrize(
    ("area", "words"),
    [
        (point([38, -92]), "longitude comes first, and the two look swapped"),
        (polygon(SQUARE[:-1]), "the ring does not end at the position where it begins"),
        (polygon(BOW_TIE), "the outline crosses or touches itself, near -92.15, 38.55"),
        (polygon(ring(2_000)), "at most 1,000 vertices"),
        (point([-92, 38, 100]), "two numbers, longitude and latitude, and nothing else"),
    ],
)
def test_a_mistake_is_said_in_plain_words(area: object, words: str) -> None:
    (only,) = mistakes(area)
    assert words in only["msg"]


def test_a_sender_with_many_mistakes_hears_of_the_first() -> None:
    (only,) = mistakes(line([[-92, 200]] * 900))
    assert only["loc"] == ("LineString", "coordinates", 0, 1)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=20))
def test_whatever_stands_for_coordinates_is_read_or_refused(coordinates: object) -> None:
    for kind in ("Point", "LineString", "Polygon", "MultiPolygon"):
        reach = {"Point": {"radius_m": 1}, "LineString": {"buffer_m": 1}}.get(kind, {})
        try:
            AREA.validate_python({"type": kind, "coordinates": coordinates} | reach)
        except ValidationError as refused:
            assert all(each["loc"][:2] == (kind, "coordinates") for each in refused.errors())  # noqa: PT017 -- may pass


@given(corners=st.integers(3, 60), radius=st.floats(0.001, 1), backwards=st.booleans())
def test_any_regular_outline_is_accepted_either_way_round(corners: int, radius: float, *, backwards: bool) -> None:
    outline = ring(corners, radius)
    assert isinstance(read(polygon(outline[::-1] if backwards else outline)), Polygon)
