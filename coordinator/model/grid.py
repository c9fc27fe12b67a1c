"""Squares of a fixed grid, by which what holds for all of a square is worked out once and then looked up."""

from math import floor
from typing import Final

from coordinator.model.geodesy import Bounds

CELL: Final = 0.05
"""Degrees: about 5 km; nine in ten areas of a hundred metres lie in one cell altogether."""
_FARTHEST: Final = 7_200
"""Cells from the origin to the end of the world, in either direction."""

Cell = tuple[int, int]


def cell_of(bounds: Bounds) -> Cell | None:
    """Return the cell that holds all of a box (west, south, east, north, in degrees), None when several do."""
    west, south, east, north = bounds
    column, row = floor(west / CELL), floor(south / CELL)
    inside = floor(east / CELL) == column and floor(north / CELL) == row
    return (column, row) if inside and abs(column) <= _FARTHEST else None


def bounds_of(cell: Cell) -> Bounds:
    """Return the box of a cell, a hair larger than itself: what holds for it holds for all that is in the cell."""
    column, row = cell
    hair = CELL * 1e-9
    return column * CELL - hair, row * CELL - hair, (column + 1) * CELL + hair, (row + 1) * CELL + hair
