"""How far a domain reaches: where operations may lie."""

from dataclasses import dataclass, field
from typing import Final

import shapely
from shapely.geometry.base import BaseGeometry

from coordinator.model.geodesy import local_plane, projected
from coordinator.model.geometry import Shape, distance_m
from coordinator.model.grid import Grid

_SHORT: Final = 0.05
"""Degrees: the outline's edges are cut that short before they are projected."""
_SIMPLER_M: Final = 5.0
_LONGEST_M: Final = 10_000.0
_ARC: Final = 64
"""Sides to a quarter of a circle."""


@dataclass(frozen=True, slots=True)
class Inside:
    """The whole shape lies inside."""


INSIDE: Final = Inside()


@dataclass(frozen=True, slots=True)
class Outside:
    """Part of the shape, or all of it, lies outside."""

    swapped_would_fit: bool
    """Whether it would lie inside with longitude and latitude exchanged."""


@dataclass(frozen=True, slots=True)
class Extent:
    """The ground of a domain with a margin around it."""

    ground: BaseGeometry
    """Polygons in longitude and latitude."""
    _grid: Grid = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Lay the grid over it."""
        object.__setattr__(self, "_grid", Grid.over([self.ground]))

    @classmethod
    def around(cls, outline: BaseGeometry, margin_m: float) -> "Extent":
        """Return the extent of a domain from its outline in degrees, to 0.1 % of the margin within 400 km.

        The margin is drawn in an azimuthal equidistant plane round the middle of the domain.
        """
        plane = local_plane("aeqd", outline)
        flat = projected(shapely.segmentize(outline, _SHORT), plane)
        wide = shapely.segmentize(shapely.buffer(flat, margin_m, quad_segs=_ARC).simplify(_SIMPLER_M), _LONGEST_M)
        return cls(projected(wide, plane, inverse=True))

    def inside(self, shape: Shape) -> Inside | Outside:
        """Judge whether all of the ground that a shape occupies is inside."""
        if self._holds(shape):
            return INSIDE
        return Outside(swapped_would_fit=self._holds(_swapped(shape)))

    def _holds(self, shape: Shape) -> bool:
        if self._grid.holder(shape.around) >= 0 or self.ground.covers(shapely.box(*shape.around)):
            return True
        return self.ground.covers(shape.core) and (
            shape.reach_m == 0 or distance_m(Shape(shape.core), Shape(self.ground.boundary)) >= shape.reach_m
        )


def _swapped(shape: Shape) -> Shape:
    return Shape(shapely.transform(shape.core, lambda degrees: degrees[:, ::-1]), shape.reach_m)
