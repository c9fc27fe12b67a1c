"""Squares of a fixed grid, by which what holds for all of a square is worked out once and then looked up."""

from math import floor
from typing import Final

from coordinator.model.geodesy import Bounds

CELL: Final = 0.02
"""Degrees: about 2 km; an area of some hundred metres lies in one cell, two or four."""
_FARTHEST: Final = 360.0
"""Degrees: beyond it there is no place."""

Cell = tuple[int, int]


def cells_of(bounds: Bounds) -> tuple[Cell, ...]:
    """Return the cells that hold all of a box (west, south, east, north in degrees); none when that takes over four."""
    west, south, east, north = bounds
    if not -_FARTHEST < west <= east < _FARTHEST:
        return ()
    left, right, low, high = floor(west / CELL), floor(east / CELL), floor(south / CELL), floor(north / CELL)
    if right - left > 1 or high - low > 1:
        return ()
    return tuple((column, row) for column in range(left, right + 1) for row in range(low, high + 1))


def bounds_of(cell: Cell) -> Bounds:
    """Return the box of a cell, a hair larger than itself: what holds for it holds for all that is in the cell."""
    column, row = cell
    hair = CELL * 1e-9
    return column * CELL - hair, row * CELL - hair, (column + 1) * CELL + hair, (row + 1) * CELL + hair
