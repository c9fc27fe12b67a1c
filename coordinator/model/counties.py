"""The counties of a domain, and which of them a shape touches."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import radians
from types import MappingProxyType
from typing import Final

import shapely
from shapely.geometry.base import BaseGeometry

from coordinator.model.geodesy import GREATEST_RADIUS_M
from coordinator.model.geometry import Shape, all_within
from coordinator.model.grid import NOWHERE, Grid

_MOST_M: Final = radians(GREATEST_RADIUS_M) * (1 + 1e-9)
"""Metres: a straight way of one degree in longitude and latitude is nowhere longer."""


@dataclass(frozen=True, slots=True, order=True)
class County:
    """A county or a county equivalent, as an independent city is."""

    fips: str
    """State and county code of five digits (ANSI INCITS 31)."""
    name: str


@dataclass(frozen=True, slots=True)
class Counties:
    """All counties of a domain with their outlines, polygons in longitude and latitude."""

    outlines: Mapping[County, BaseGeometry]
    outline: BaseGeometry = field(init=False, repr=False, compare=False)
    """Of all of them together."""
    _ordered: tuple[County, ...] = field(init=False, repr=False, compare=False)
    _shapes: tuple[Shape, ...] = field(init=False, repr=False, compare=False)
    _tree: shapely.STRtree = field(init=False, repr=False, compare=False)
    _grid: Grid = field(init=False, repr=False, compare=False)
    _alone: tuple[tuple[County], ...] = field(init=False, repr=False, compare=False)
    """Each as the answer that it is where no other is near."""

    def __post_init__(self) -> None:
        """Put them in order of their codes, and index them."""
        ordered = tuple(sorted(self.outlines))
        outlines = [self.outlines[county] for county in ordered]
        object.__setattr__(self, "outlines", MappingProxyType(dict(self.outlines)))
        object.__setattr__(self, "outline", shapely.union_all(outlines))
        object.__setattr__(self, "_ordered", ordered)
        object.__setattr__(self, "_shapes", tuple(Shape(outline) for outline in outlines))
        object.__setattr__(self, "_tree", shapely.STRtree(outlines))
        object.__setattr__(self, "_grid", Grid.over(outlines))
        object.__setattr__(self, "_alone", tuple((county,) for county in ordered))

    @property
    def names(self) -> Mapping[str, str]:
        """FIPS code to name, in the order of the codes; one name may stand for two of them."""
        return {county.fips: county.name for county in self._ordered}

    def touched(self, shape: Shape) -> tuple[County, ...]:
        """Return the counties that the ground of a shape touches, in the order of their codes."""
        holder = self._grid.holder(shape.around)
        if holder >= 0:
            return self._alone[holder]
        if holder == NOWHERE:
            return ()
        near = sorted(self._tree.query(shapely.box(*shape.around), predicate="intersects").tolist())
        degrees = shape.reach_m / _MOST_M
        met = {index for index in near if shapely.dwithin(shape.core, self._shapes[index].core, degrees)}
        rest = [index for index in near if index not in met]
        if rest:
            gaps = all_within([(shape, self._shapes[index]) for index in rest], [0.0] * len(rest))
            met.update(index for index, gap in zip(rest, gaps, strict=True) if gap is not None)
        return tuple(self._ordered[index] for index in sorted(met))
