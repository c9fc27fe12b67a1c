"""Ground in terms of places becomes the GeoJSON area that a message carries."""

from typing import Any

import shapely

from coordinator.demo.scenario import Ground, Places
from coordinator.model.counties import Counties
from coordinator.model.geodesy import wgs84

Json = dict[str, Any]  # any JSON object
_SIMPLER: float = 0.01
"""Degrees: the outline of a county is drawn that coarsely, about a kilometre."""
_DECIMALS = 6
"""Of a degree: a tenth of a metre."""


def area_of(ground: Ground, places: Places, counties: Counties) -> Json:
    """Return the area as an agency writes it (RFC 7946 with a radius or a buffer, `domain.md`)."""
    if ground.county is not None:
        return _county(ground.county, counties)
    if ground.route:
        line = [list(places[place].at) for place in ground.route]
        return {"type": "LineString", "coordinates": line, "buffer_m": ground.buffer_m}
    if ground.blocks:
        rings = [[_block(places[place].at, ground.side_m)] for place in ground.blocks]
        one = len(rings) == 1
        return {"type": "Polygon" if one else "MultiPolygon", "coordinates": rings[0] if one else rings}
    position = moved(places[str(ground.place)].at, ground.east_m, ground.north_m)
    return {
        "type": "Point",
        "coordinates": position[::-1] if ground.swapped else position,
        "radius_m": ground.radius_m,
    }


def moved(at: tuple[float, float], east_m: float, north_m: float) -> list[float]:
    """The position so many metres to the north and then to the east, along geodesics."""
    longitude, latitude, _ = wgs84().fwd(at[0], at[1], 0, north_m)
    longitude, latitude, _ = wgs84().fwd(longitude, latitude, 90, east_m)
    return [round(float(longitude), _DECIMALS), round(float(latitude), _DECIMALS)]


def _block(at: tuple[float, float], side_m: float) -> list[list[float]]:
    half = side_m / 2
    corners = [moved(at, east, north) for east, north in ((-half, -half), (half, -half), (half, half), (-half, half))]
    return [*corners, corners[0]]


def _county(fips: str, counties: Counties) -> Json:
    outline = next(outline for county, outline in counties.outlines.items() if county.fips == fips)
    simple = shapely.simplify(outline, _SIMPLER)
    if not isinstance(simple, shapely.Polygon):
        msg = f"the county {fips} is not one piece"
        raise TypeError(msg)
    ring = [[round(longitude, _DECIMALS), round(latitude, _DECIMALS)] for longitude, latitude in simple.exterior.coords]
    return {"type": "Polygon", "coordinates": [ring]}
