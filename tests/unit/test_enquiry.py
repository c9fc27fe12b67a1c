"""What is asked for others is widened outwards: it misses nothing that a rule would match, and is never finer."""

from datetime import UTC, datetime, timedelta
from math import cos, radians
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from coordinator.contract.example import ident
from coordinator.model.area import Point
from coordinator.model.codes import EventType, Status
from coordinator.model.covering import boxes
from coordinator.model.directory import Directory
from coordinator.model.enquiry import EAST_DEG, NORTH_DEG, enquire, whole_hours, widened
from coordinator.model.geometry import Box, shape_of
from coordinator.model.operations import Contact
from coordinator.model.volume import Card, Volume
from coordinator.steps import deconflict

DIRECTORY: Final = Directory({})
NOON: Final = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
CARD: Final = Card(Contact(callback="+15735550110", backup="+15735550111"), (), sealed=False)

longitudes = st.floats(-95.7, -89.2)
latitudes = st.floats(36.0, 40.6)
minutes = st.integers(0, 24 * 60)


def volume(place: tuple[float, float], radius_m: float, start: datetime, event_type: EventType, name: str) -> Volume:
    area = Point(type="Point", coordinates=place, radius_m=radius_m)
    end = start + timedelta(minutes=90)
    return Volume(ident(name), "mshp", 1, Status.ACTUAL, event_type, shape_of(area), start, end, CARD)


def meet(one: Box, other: Box) -> bool:
    return one.west <= other.east and other.west <= one.east and one.south <= other.north and other.south <= one.north


@given(
    place=st.tuples(longitudes, latitudes),
    step=st.tuples(st.floats(-0.02, 0.02), st.floats(-0.02, 0.02)),
    radius=st.floats(1, 500),
    event_type=st.sampled_from(EventType),
    later=st.integers(-300, 300),
)
def test_whatever_a_rule_would_match_is_found(
    place: tuple[float, float], step: tuple[float, float], radius: float, event_type: EventType, later: int
) -> None:
    there = (place[0] + step[0], place[1] + step[1])
    asked = volume(place, 100, NOON, EventType.SURVEILLANCE, "asked")
    other = volume(there, radius, NOON + timedelta(minutes=later), event_type, "other")
    (match,) = deconflict.judge([(asked, other)], DIRECTORY)
    question = (asked.operation_id, "dea", Status.ACTUAL)
    enquiry = enquire(question, asked.shape, (asked.start, asked.end), DIRECTORY.widest())
    found = (
        any(meet(one, two) for one in enquiry.boxes for two in boxes(other.shape))
        and other.start <= enquiry.end
        and other.end >= enquiry.start
    )
    assert match is None or found


@given(place=st.tuples(longitudes, latitudes), radius=st.floats(1, 2_000))
def test_a_box_is_widened_to_whole_cells_of_a_kilometre_at_least(place: tuple[float, float], radius: float) -> None:
    area = Point(type="Point", coordinates=place, radius_m=radius)
    for box in boxes(shape_of(area)):
        cells = widened(box)
        assert cells.west <= box.west
        assert cells.south <= box.south
        assert cells.east >= box.east
        assert cells.north >= box.north
        assert widened(cells) == cells
        assert (cells.north - cells.south) * 110.5 >= 1
        assert (cells.east - cells.west) * 111.2 * cos(radians(place[1])) >= 1


def test_a_cell_is_a_kilometre_wide_wherever_there_is_a_domain_of_the_country() -> None:
    northernmost = 49.4
    assert EAST_DEG * 111.3 * cos(radians(northernmost)) >= 1
    assert NORTH_DEG * 110.5 >= 1


@given(start=minutes, length=st.integers(1, 600))
def test_a_window_is_widened_to_whole_hours_and_no_further(start: int, length: int) -> None:
    begin = NOON + timedelta(minutes=start)
    end = begin + timedelta(minutes=length)
    first, last = whole_hours(begin, end)
    assert begin - timedelta(hours=1) < first <= begin
    assert end <= last < end + timedelta(hours=1)
    assert {first.minute, last.minute, first.second, last.second} == {0}
