"""Mistakes in alerts and acknowledgements."""

from collections.abc import Iterator, Mapping
from typing import Final

from coordinator.contract.example import Mistake, absent
from coordinator.model.decisions import RefusalCode, Stage

WRONG: Final = RefusalCode.INVALID_FIELD
MISSING: Final = RefusalCode.MISSING_FIELD


def in_alert() -> Iterator[Mistake]:
    """Of an alert that is judged by agreement."""
    for field in ("situation", "priority", "urgency", "severity", "certainty", "imminent_danger", "area", "expires"):
        yield Mistake(f"{field.replace('_', '-')}-missing", {f"data.{field}": absent()}, MISSING, f"data.{field}")
    yield Mistake("situation-prose", {"data.situation": "man with a gun"}, WRONG, "data.situation")
    yield Mistake("urgency-not-of-cap", {"data.urgency": "immediate"}, WRONG, "data.urgency")
    yield Mistake("severity-number", {"data.severity": 3}, WRONG, "data.severity")
    yield Mistake("certainty-not-of-cap", {"data.certainty": "Sure"}, WRONG, "data.certainty")
    yield Mistake("priority-unknown", {"data.priority": "flash"}, WRONG, "data.priority")
    yield Mistake("identity", {"data.subject_name": "J. Doe"}, RefusalCode.UNKNOWN_FIELD, "data.subject_name")
    yield Mistake("danger-in-words", {"data.imminent_danger": "yes"}, WRONG, "data.imminent_danger")
    officer = {"data.originator.officer_id": "DESK-12", "data.imminent_danger": True}
    yield _beyond("danger-without-reason", officer, "data.imminent_reason")
    reason = {"data.imminent_reason": "crossfire_risk"}
    yield _beyond("reason-without-danger", reason, "data.imminent_reason")
    yield _beyond("danger-without-officer", reason | {"data.imminent_danger": True}, "data.originator.officer_id")
    yield _beyond("for-nobody", {"data.to": ["coordinator"]}, "data.to")
    over = {"data.expires": "2026-11-27T12:00:00-06:00"}
    yield Mistake("expired", over, RefusalCode.EXPIRED, "data.expires", in_schema=False)
    outside = {"data.area": {"type": "Point", "coordinates": [-104.99, 39.74], "radius_m": 2_000}}
    yield Mistake("outside-the-domain", outside, RefusalCode.AREA_OUTSIDE, "data.area", in_schema=False)
    yield _judged("no-agreement-with-any-recipient", {"data.to": ["dea"]})
    yield _judged("for-the-sender-alone", {"data.to": ["mshp"]})


def in_acknowledgement() -> Iterator[Mistake]:
    """Of a message that was displayed."""
    yield Mistake("target-missing", {"data.target": absent()}, MISSING, "data.target")
    yield Mistake("target-without-agency", {"data.target.agency": absent()}, MISSING, "data.target.agency")
    yield Mistake("target-number", {"data.target.id": 7}, WRONG, "data.target.id")
    yield Mistake("level-missing", {"data.level": absent()}, MISSING, "data.level")
    yield Mistake("level-unknown", {"data.level": "glanced_at"}, WRONG, "data.level")
    yield _beyond("declined-without-reason", {"data.level": "declined"}, "data.reason")
    yield _beyond("reason-without-decline", {"data.reason": "cannot_act"}, "data.reason")
    yield Mistake("reason-prose", {"data.level": "declined", "data.reason": "busy"}, WRONG, "data.reason")
    other = {"subject": "message/00000000-0000-0000-0000-000000000000"}
    yield _beyond("subject-of-another-message", other, "subject")


def _beyond(title: str, changes: Mapping[str, object], field: str) -> Mistake:
    return Mistake(title, changes, WRONG, field, in_schema=False)


def _judged(title: str, changes: Mapping[str, object]) -> Mistake:
    return Mistake(title, changes, RefusalCode.NO_RECIPIENT_ALLOWED, "data.to", Stage.AUTHORISE, in_schema=False)
