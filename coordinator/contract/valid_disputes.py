"""Examples of what the sides of a conflict say, and of what is asked and entered beside an operation."""

import hashlib
from collections.abc import Iterator
from typing import Final

from coordinator.contract.example import Json, Valid, common, every_attribute, ident, message, person
from coordinator.contract.valid_operations import ONE_OF_EACH, ST_LOUIS, point

CONFLICT: Final = ident("conflict")
_WARRANT: Final = ident("operation warrant")
_AGREEMENT: Final = ident("agreement dissemination")


def words() -> Iterator[Valid]:
    """`deconfliction.acknowledge`, `.claim`, `.handover`, `.response`: each thing that they may say."""
    by_machine = {"originator": {"ori": "MOEX00002"}}
    yield _word("acknowledge", "by-an-officer", {})
    yield _word("acknowledge", "by-a-machine", by_machine)
    yield _word("acknowledge", "every-field", {}, every=True)
    yield _word("claim", "by-an-officer", {})
    yield _word("claim", "urgent", {"priority": "urgent"})
    yield _word("claim", "every-field", {}, every=True)
    for reason in ("shift_change", "case_reassigned"):
        yield _word("handover", reason.replace("_", "-"), {"successor": "4130", "reason": reason})
    yield _word("handover", "every-field", {"successor": "4130", "reason": "unavailable"}, every=True)
    made = {"contact_made": {"by": "4127", "at": "2026-11-27T11:50:00-06:00", "method": "phone"}}
    for decision, reason in (("proceed", "targets_differ"), ("joint", "same_target"), ("delay", "officer_safety")):
        yield _word("response", decision, {**made, "decision": decision, "reason": reason})
    yield _word("response", "refer-up", {"decision": "refer_up", "reason": "beyond_authority"})
    more = {**made, "decision": "need_more_time", "minutes": 30, "reason": "no_contact_yet"}
    yield _word("response", "every-field", more, every=True)


def beside() -> Iterator[Valid]:
    """`deconfliction.subject`, `.request`, `.waiver`."""
    yield _subject("one-token", [_token("person", "a name", 7)])
    yield _subject("both-epochs", [_token("plate", "a plate", epoch) for epoch in (6, 7)])
    kinds = ("person", "phone", "plate", "vin", "email", "weapon", "place")
    yield _subject("every-field", [_token(kind, kind, 7) for kind in kinds], every=True)
    for shape, area in ONE_OF_EACH.items():
        yield _request(f"area-{shape}", {"area": area})
    yield _request("every-field", {}, every=True)
    yield _waiver("life-at-risk", {})
    yield _waiver("by-a-clock-days-off", {}, time="2026-11-25T11:59:30-06:00", due="2026-11-25T18:00:00-06:00")
    yield _waiver("every-field", {"reason": "hot_pursuit"}, every=True)


def _every(name: str, subject: str | None) -> Json:
    return every_attribute(f"deconfliction.{name}", subject)


def _word(name: str, title: str, said: Json, *, every: bool = False) -> Valid:
    more = {"priority": "routine", "agreement_id": _AGREEMENT} if every else {}
    data = {**common("mshp", ["dea"]), "originator": person("mshp"), "conflict_id": CONFLICT, **said, **more}
    attributes = _every(name, f"conflict/{CONFLICT}") if every else {}
    return message(f"deconfliction.{name}", "mshp", title, data, **attributes)


def _token(kind: str, words: str, epoch: int) -> Json:
    return {"kind": kind, "token": hashlib.sha256(f"{epoch} {words}".encode()).hexdigest(), "key_epoch": epoch}


def _subject(title: str, tokens: list[Json], *, every: bool = False) -> Valid:
    data = {**common("mshp", ["coordinator"]), "operation_id": _WARRANT, "tokens": tokens}
    if every:
        data |= {"originator": person("mshp"), "agreement_id": _AGREEMENT}
    attributes = _every("subject", f"operation/{_WARRANT}") if every else {}
    return message("deconfliction.subject", "mshp", title, data, **attributes)


def _request(title: str, said: Json, *, every: bool = False) -> Valid:
    asked = {
        "area": point(ST_LOUIS, 120),
        "start": "2026-11-27T18:00:00-06:00",
        "end": "2026-11-27T21:00:00-06:00",
        "case_reference": "2026-0457",
        "priority": "routine",
    }
    data = {**common("mshp", ["coordinator"]), "originator": person("mshp"), **asked, **said}
    if every:
        data |= {"agreement_id": _AGREEMENT}
    attributes = _every("request", f"question/{ident('a question')}") if every else {}
    return message("deconfliction.request", "mshp", title, data, **attributes)


def _waiver(
    title: str, said: Json, *, every: bool = False, due: str = "2026-11-27T18:00:00-06:00", **envelope: object
) -> Valid:
    data = {
        **common("mshp", ["dps"]),
        "originator": person("mshp"),
        "operation_id": _WARRANT,
        "approved_by": "2200",
        "late_entry_due": due,
        "reason": "life_at_risk",
        **said,
    }
    if every:
        data |= {"agreement_id": _AGREEMENT}
    attributes = _every("waiver", f"operation/{_WARRANT}") if every else envelope
    return message("deconfliction.waiver", "mshp", title, data, **attributes)
