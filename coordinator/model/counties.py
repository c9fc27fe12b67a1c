"""The counties of a domain, and which of them a shape touches."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import shapely
from shapely.geometry.base import BaseGeometry

from coordinator.model.geodesy import grown_one
from coordinator.model.geometry import Shape, all_within
from coordinator.model.grid import Cell, bounds_of, cells_of


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
    _cells: dict[Cell, County | None] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Put them in order of their codes, and index them."""
        ordered = tuple(sorted(self.outlines))
        outlines = [self.outlines[county] for county in ordered]
        object.__setattr__(self, "outlines", MappingProxyType(dict(self.outlines)))
        object.__setattr__(self, "outline", shapely.union_all(outlines))
        object.__setattr__(self, "_ordered", ordered)
        object.__setattr__(self, "_shapes", tuple(Shape(outline) for outline in outlines))
        object.__setattr__(self, "_tree", shapely.STRtree(outlines))

    @property
    def names(self) -> Mapping[str, str]:
        """FIPS code to name, in the order of the codes; one name may stand for two of them."""
        return {county.fips: county.name for county in self._ordered}

    def touched(self, shape: Shape) -> tuple[County, ...]:
        """Return the counties that the ground of a shape touches, in the order of their codes."""
        bounds = grown_one(shape.bounds, shape.reach_m)
        alone = {self._alone_in(cell) for cell in cells_of(bounds)}
        if len(alone) == 1 and (county := alone.pop()) is not None:
            return (county,)
        around = shapely.box(*bounds)
        near = sorted(self._tree.query(around, predicate="intersects").tolist())
        met = {index for index in near if shapely.intersects(shape.core, self._shapes[index].core)}
        rest = [index for index in near if index not in met]
        if rest:
            gaps = all_within([(shape, self._shapes[index]) for index in rest], [0.0] * len(rest))
            met.update(index for index, gap in zip(rest, gaps, strict=True) if gap is not None)
        return tuple(self._ordered[index] for index in sorted(met))

    def _alone_in(self, cell: Cell) -> County | None:
        """The county that a cell lies in altogether, if there is one; worked out once for each cell."""
        if cell not in self._cells:
            box = shapely.box(*bounds_of(cell))
            near = self._tree.query(box, predicate="intersects").tolist()
            whole = len(near) == 1 and shapely.covers(self._shapes[near[0]].core, box)
            self._cells[cell] = self._ordered[near[0]] if whole else None
        return self._cells[cell]
