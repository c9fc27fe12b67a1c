"""Examples of alerts and acknowledgements."""

from collections.abc import Iterator
from typing import Final

from coordinator.contract.example import Json, Valid, common, every_attribute, ident, message, person
from coordinator.contract.valid_operations import ONE_OF_EACH, ST_LOUIS, point, route

INTERSTATE_70: Final = ((-92.3341, 38.9517), (-92.7430, 38.9736))
"""Columbia, Boonville."""


def alerts() -> Iterator[Valid]:
    """`situation.alert`: judged by agreement, of imminent danger, by area, with every shape."""
    yield _alert("mshp", "armed-subject", _situation("mshp", ["dps", "hsi"]))
    danger = {
        "originator": person("mshp"),
        "imminent_danger": True,
        "imminent_reason": "threat_to_officers",
        "situation": "shots_fired",
    }
    yield _alert("mshp", "imminent-danger", _situation("mshp", ["dps", "dea"], **danger))
    pursuit = danger | {"situation": "pursuit", "area": route(INTERSTATE_70, 1_000), "to_area": True}
    yield _alert("mshp", "pursuit-to-area", _situation("mshp", ["coordinator"], **pursuit))
    for shape, area in ONE_OF_EACH.items():
        yield _alert("hsi", f"area-{shape}", _situation("hsi", ["mshp"], area=area))
    yield _alert("mshp", "clock-days-off", _situation("mshp", ["dps"]), time="2026-11-25T11:59:30-06:00")
    everything = _situation("mshp", ["dps"], **danger, to_area=True, agreement_id=ident("agreement dissemination"))
    attributes = every_attribute("situation.alert", f"alert/{ident('an alert')}")
    yield _alert("mshp", "every-field", everything, **attributes)


def acknowledgements() -> Iterator[Valid]:
    """`receipt.acknowledge`: each level, of an agency's message and of the coordinator's own."""
    for level in ("displayed", "read", "accepted"):
        yield _acknowledge(level, {"level": level})
    yield _acknowledge("declined", {"level": "declined", "reason": "cannot_act"})
    own = {"to": ["coordinator"], "target": {"agency": "coordinator", "id": ident("deconfliction.alert opened")}}
    yield _acknowledge("read-of-the-coordinators-alert", {"level": "read", **own})
    yield _acknowledge("by-a-clock-days-off", {"level": "read"}, time="2026-11-25T11:59:30-06:00")
    target = ident("operation.notice surveillance-line")
    attributes = every_attribute("receipt.acknowledge", f"message/{target}")
    every = {"level": "declined", "reason": "not_for_us", "agreement_id": ident("agreement dissemination")}
    yield _acknowledge("every-field", every, **attributes)


def _situation(sender: str, to: list[str], **changes: object) -> Json:
    return {
        **common(sender, to, purpose="officer_safety"),
        "situation": "armed_subject",
        "priority": "urgent",
        "urgency": "Immediate",
        "severity": "Severe",
        "certainty": "Likely",
        "imminent_danger": False,
        "area": point(ST_LOUIS, 2_000),
        "expires": "2026-11-27T20:00:00-06:00",
        **changes,
    }


def _alert(sender: str, title: str, data: Json, **envelope: object) -> Valid:
    return message("situation.alert", sender, title, data, **envelope)


def _acknowledge(title: str, words: Json, **envelope: object) -> Valid:
    data = {
        **common("hsi", ["mshp"], purpose="coordination"),
        "originator": person("hsi"),
        "target": {"agency": "mshp", "id": ident("operation.notice surveillance-line")},
        **words,
    }
    return message("receipt.acknowledge", "hsi", title, data, **envelope)
