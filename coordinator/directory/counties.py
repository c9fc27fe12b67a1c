"""Reads the outlines of Missouri's counties that come with the package.

NOTICE: `missouri-counties.geojson` is made from the US Census Bureau's cartographic boundary files (public domain),
through the us-atlas 3.0.1 package (ISC). The outlines are generalised: a border may be some hundred metres off.
"""

from importlib.resources import files
from typing import Annotated, Literal

from pydantic import Field

from coordinator.model.area import MultiPolygon, Polygon
from coordinator.model.base import Frozen
from coordinator.model.counties import Counties, County
from coordinator.model.geometry import shape_of


class _Properties(Frozen):
    name: str
    fips: str


class _Feature(Frozen):
    type: Literal["Feature"]
    id: str
    properties: _Properties
    geometry: Annotated[Polygon | MultiPolygon, Field(discriminator="type")]


class _Collection(Frozen):
    type: Literal["FeatureCollection"]
    features: tuple[_Feature, ...]


def load_counties() -> Counties:
    """Return the 114 counties of Missouri and the City of St. Louis."""
    text = files("coordinator.directory").joinpath("missouri-counties.geojson").read_bytes()
    return Counties(
        {
            County(feature.properties.fips, feature.properties.name): shape_of(feature.geometry).core
            for feature in _Collection.model_validate_json(text).features
        }
    )
