"""A question about others: widened outwards to a grid and to whole hours, so that no answer is finer than that."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, floor
from typing import Final

from coordinator.model.codes import Status
from coordinator.model.covering import boxes
from coordinator.model.directory import Reach
from coordinator.model.geometry import Box, Shape

EAST_DEG: Final = 1 / 64
"""Width of a cell, in degrees of longitude: 1.13 km at 49.4 degrees north, more to the south of it."""
NORTH_DEG: Final = 3 / 256
"""Height of a cell, in degrees of latitude: 1.3 km. Both are sums of powers of two, so the grid's lines are exact."""
_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Enquiry:
    """Whether another agency has a live operation of that status in these boxes, within `[start, end)`."""

    id: str
    """Of the message that asks."""
    agency: str
    """Who asks: its own operations are no answer."""
    status: Status
    boxes: tuple[Box, ...]
    start: datetime
    end: datetime


def widened(box: Box) -> Box:
    """The cells of the grid that a box touches."""
    return Box(
        west=floor(box.west / EAST_DEG) * EAST_DEG,
        south=floor(box.south / NORTH_DEG) * NORTH_DEG,
        east=ceil(box.east / EAST_DEG) * EAST_DEG,
        north=ceil(box.north / NORTH_DEG) * NORTH_DEG,
    )


def whole_hours(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The hours of UTC that a window touches."""
    first, last = start.astimezone(UTC), end.astimezone(UTC)
    begin = first.replace(minute=0, second=0, microsecond=0)
    finish = last.replace(minute=0, second=0, microsecond=0)
    return begin, finish if finish == last else finish + _HOUR


def enquire(
    question: tuple[str, str, Status], shape: Shape, window: tuple[datetime, datetime], reach: Reach
) -> Enquiry:
    """Ask for whatever could conflict with an operation on that ground in that window, under the widest of all rules.

    `question` is its id, the agency that asks, and the status. Whatever a rule would match is found; what is found need
    not match one.
    """
    margin = timedelta(minutes=2 * reach.widen_minutes)
    start, end = whole_hours(window[0] - margin, window[1] + margin)
    cells = tuple(dict.fromkeys(widened(box) for box in boxes(shape, reach.distance_m)))
    return Enquiry(*question, cells, start, end)
