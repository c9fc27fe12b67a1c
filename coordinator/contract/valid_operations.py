"""Examples of operations: warrants, a surveillance along a route, a sweep, two sites at once, an exercise."""

from collections.abc import Iterator
from typing import Final

from coordinator.contract.example import Json, Valid, common, every_attribute, ident, message, person

ST_LOUIS: Final = (-90.1994, 38.6270)
JEFFERSON_CITY: Final = (-92.1735, 38.5767)
INTERSTATE_44: Final = ((-90.7415, 38.4820), (-90.9810, 38.3453), (-91.1604, 38.2081))
"""Pacific, St. Clair, Sullivan."""
SPRINGFIELD: Final = ((-93.32, 37.19), (-93.26, 37.19), (-93.26, 37.23), (-93.32, 37.23), (-93.32, 37.19))
_SQUARE_IN_SPRINGFIELD: Final = ((-93.30, 37.20), (-93.30, 37.21), (-93.28, 37.21), (-93.28, 37.20), (-93.30, 37.20))
_KANSAS_CITY: Final = ((-94.59, 39.09), (-94.57, 39.09), (-94.57, 39.11), (-94.59, 39.11), (-94.59, 39.09))
_INDEPENDENCE: Final = ((-94.42, 39.08), (-94.40, 39.08), (-94.40, 39.10), (-94.42, 39.10), (-94.42, 39.08))
CONTACT: Final = {"callback": "+15735550110", "backup": "+15735550111"}


def point(place: tuple[float, float], radius_m: float) -> Json:
    """The ground around a place."""
    return {"type": "Point", "coordinates": list(place), "radius_m": radius_m}


def route(places: tuple[tuple[float, float], ...], buffer_m: float) -> Json:
    """The ground along a road."""
    return {"type": "LineString", "coordinates": [list(place) for place in places], "buffer_m": buffer_m}


def polygon(*rings: tuple[tuple[float, float], ...]) -> Json:
    """The ground within an outline, less its holes."""
    return {"type": "Polygon", "coordinates": [[list(place) for place in ring] for ring in rings]}


def multipolygon(*outlines: tuple[tuple[float, float], ...]) -> Json:
    """The ground within several outlines."""
    return {"type": "MultiPolygon", "coordinates": [[[list(place) for place in ring]] for ring in outlines]}


ONE_OF_EACH: Final = {
    "point": point(JEFFERSON_CITY, 150),
    "line": route(INTERSTATE_44, 500),
    "polygon": polygon(SPRINGFIELD),
    "multipolygon": multipolygon(_KANSAS_CITY, _INDEPENDENCE),
}


def plan(sender: str, to: list[str], operation: str, **changes: object) -> Json:
    """A plan with all that it must say, as changed."""
    return {
        **common(sender, to),
        "operation_id": ident(f"operation {operation}"),
        "name": "BLUE HERON",
        "event_type": "search_warrant",
        "duty": "none",
        "start": "2026-11-27T18:00:00-06:00",
        "end": "2026-11-27T21:00:00-06:00",
        "area": point(ST_LOUIS, 120),
        "lead": sender,
        "contact": CONTACT,
        "plainclothes": False,
        **changes,
    }


def _all_of_it(sender: str) -> Json:
    """All that a plan may say beside what it must."""
    return {
        "originator": person(sender),
        "agreement_id": ident("agreement dissemination"),
        "participating": ["dea", "hsi"],
        "joint_with": [ident("operation joint")],
        "contact": {"officer_id": "4127", **CONTACT},
        "authority": {"function": "arrest_immigration", "officer_ids": ["4127"]},
        "plainclothes": True,
        "caution": ["armed", "dogs", "fortified"],
        "sealed": True,
        "field_play": False,
    }


def notices() -> Iterator[Valid]:
    """`operation.notice`, with every shape of area."""
    yield _notice("mshp", "search-warrant-point", plan("mshp", ["coordinator"], "warrant"))
    surveillance = {"name": "SLOW RIVER", "event_type": "surveillance", "area": route(INTERSTATE_44, 250)}
    along = plan("mshp", ["dps", "hsi"], "surveillance", **surveillance, plainclothes=True)
    yield _notice("mshp", "surveillance-line", along)
    sweep = {"name": "GREEN HILLS", "event_type": "sweep", "area": polygon(SPRINGFIELD)}
    yield _notice("dps", "sweep-polygon", plan("dps", ["mshp", "hsi", "dea"], "sweep", **sweep))
    around = {"event_type": "checkpoint", "area": polygon(SPRINGFIELD, _SQUARE_IN_SPRINGFIELD)}
    yield _notice("mshp", "checkpoint-polygon-with-hole", plan("mshp", ["dps"], "checkpoint", **around))
    both = {"name": "TWIN OAKS", "event_type": "raid", "area": multipolygon(_KANSAS_CITY, _INDEPENDENCE)}
    yield _notice("hsi", "raid-multipolygon", plan("hsi", ["mshp", "dea"], "raid", **both))
    duty = {"duty": "immigration_enforcement", "event_type": "fugitive", "caution": ["officers_in_plain_clothes"]}
    authority = {"function": "serve_warrants", "officer_ids": ["4127", "4130"]}
    delegated = plan("mshp", ["hsi"], "delegated", **duty, authority=authority, area=point(JEFFERSON_CITY, 200.5))
    yield _notice("mshp", "delegated-authority", delegated)
    yield _notice("mshp", "recipient-unknown-and-withheld", plan("mshp", ["dps", "cass-county-so"], "withheld"))
    yield _notice("mshp", "clock-days-off", plan("mshp", ["dps"], "clock"), time="2026-11-25T11:59:30-06:00")
    precise = {"start": "2026-11-28T00:00:00.123456789Z", "end": "2026-11-28T03:00:00.5+00:00"}
    yield _notice("mshp", "fractions-of-a-second", plan("mshp", ["coordinator"], "precise", **precise))
    intelligence = {"marking": "TLP:AMBER+STRICT", "regime": "criminal-intelligence", "redisseminate": "no"}
    yield _notice("hsi", "criminal-intelligence", plan("hsi", ["mshp"], "intelligence", handling=intelligence))
    exercise = {
        "status": "exercise",
        "handling": {"marking": "TLP:GREEN", "regime": "operational", "redisseminate": "yes"},
    }
    yield _notice("mshp", "exercise-green", plan("mshp", ["dps"], "exercise", **exercise, field_play=True))
    everything = plan("mshp", ["dps", "hsi"], "everything", **_all_of_it("mshp"))
    yield _notice("mshp", "every-field", everything, **_attributes("operation.notice", everything))


def updates() -> Iterator[Valid]:
    """`operation.update`: the whole plan again."""
    again = {"revision": 2, "reason": "area_changed", "area": point(JEFFERSON_CITY, 300)}
    yield message("operation.update", "mshp", "moved", plan("mshp", ["coordinator"], "warrant", **again))
    later = {"start": "2026-11-27T22:00:00-06:00", "end": "2026-11-27T23:00:00-06:00", "reason": "deconflicted"}
    yield message("operation.update", "mshp", "postponed", plan("mshp", ["dps"], "warrant", **later, revision=3))
    for shape, area in ONE_OF_EACH.items():
        moved = plan("hsi", ["mshp"], f"moved {shape}", area=area, revision=2, reason="area_changed")
        yield message("operation.update", "hsi", f"area-{shape}", moved)
    more = {**_all_of_it("mshp"), "revision": 1_000_000, "reason": "correction"}
    everything = plan("mshp", ["dps", "hsi"], "everything", **more)
    attributes = _attributes("operation.update", everything)
    yield message("operation.update", "mshp", "every-field", everything, **attributes)


def ends() -> Iterator[Valid]:
    """`operation.status`, `operation.cancel`, `operation.close`: each word that they may say."""
    for progress in ("staged", "executing", "clear"):
        yield _about("operation.status", progress, {"progress": progress})
    for reason in ("deconflicted", "weather", "entered_in_error"):
        yield _about("operation.cancel", reason.replace("_", "-"), {"reason": reason})
    for outcome in ("completed", "completed_with_arrests", "aborted"):
        yield _about("operation.close", outcome.replace("_", "-"), {"outcome": outcome})
    last = {"operation.status": {"progress": "executing"}, "operation.cancel": {"reason": "legal"}}
    for name, words in {**last, "operation.close": {"outcome": "handed_over"}}.items():
        every = {"originator": person("mshp"), "agreement_id": ident("agreement dissemination"), **words}
        yield _about(name, "every-field", every, attributes=True)


def _notice(sender: str, title: str, data: Json, **envelope: object) -> Valid:
    return message("operation.notice", sender, title, data, **envelope)


def _about(name: str, title: str, words: Json, *, attributes: bool = False) -> Valid:
    data = {**common("mshp", ["dps", "hsi"]), "operation_id": ident("operation warrant"), **words}
    return message(name, "mshp", title, data, **(_attributes(name, data) if attributes else {}))


def _attributes(name: str, data: Json) -> Json:
    return every_attribute(name, f"operation/{data['operation_id']}")
