"""Examples of intelligence, of recalls and corrections, and of how long what is kept is kept."""

from collections.abc import Iterator
from typing import Final

from coordinator.contract.example import Json, Valid, common, every_attribute, ident, message, person

_INTELLIGENCE: Final = {"marking": "TLP:AMBER", "regime": "criminal-intelligence", "redisseminate": "no"}
_AGREEMENT: Final = ident("agreement dissemination")
_SUBJECT: Final = {"kind": "vehicle", "identifiers": ["MO-7XY421"]}
_CONTENT: Final = ("A grey van has stood at the same warehouse in four of five nights.",)
SHARE: Final = {"agency": "hsi", "id": ident("intelligence.share one-recipient")}
REQUEST: Final = {"agency": "mshp", "id": ident("intelligence.request about-a-vehicle")}


def intelligence() -> Iterator[Valid]:
    """`intelligence.share`, `intelligence.request`, `intelligence.release`."""
    yield _share("one-recipient", ["mshp"], {})
    yield _share("two-recipients", ["mshp", "dps"], {"source_reliability": "A", "content_validity": 1})
    exercise = {"status": "exercise", "handling": _INTELLIGENCE}
    yield _share("exercise", ["mshp"], exercise)
    attached = {"digest": f"sha-256:{'a7' * 32}", "media_type": "image/jpeg", "bytes": 204_800}
    every = {"protected_activity": "directly_related", "attachments": [attached], "agreement_id": _AGREEMENT}
    yield _share("every-field", ["mshp"], every, **_attributes("intelligence.share"))
    yield _request("about-a-vehicle", {})
    person_asked = {"subject": {"kind": "phone", "identifiers": ["+15735550142"]}, "need_to_know": "officer_safety"}
    yield _request("about-a-phone", person_asked)
    yield _request("every-field", {"agreement_id": _AGREEMENT}, **_attributes("intelligence.request"))
    yield _release("need-shown", {}, causationid=REQUEST["id"])
    yield _release("court-order", {"reason": "court_order"})
    answered = {"request": {"agency": "mshp", "id": ident("a message answered")}, "agreement_id": _AGREEMENT}
    yield _release("every-field", answered, **_attributes("intelligence.release"))


def recalls() -> Iterator[Valid]:
    """`message.recall` and `message.correct`."""
    late = {"time": "2026-11-25T11:59:30-06:00"}
    yield _about_target("message.recall", "sent-in-error", {"reason": "sent_in_error"})
    yield _about_target("message.recall", "by-a-clock-days-off", {"reason": "not_lawful"}, **late)
    yield _every_target("message.recall", {"reason": "source_discredited"})
    yield _about_target("message.correct", "wrong-place", {"reason": "wrong_place"})
    yield _about_target("message.correct", "by-a-clock-days-off", {"reason": "wrong_time"}, **late)
    yield _every_target("message.correct", {"reason": "wrong_grading", "replacement": ident("the right one")})


def retention() -> Iterator[Valid]:
    """`record.renew`, `record.validate`, `record.hold`."""
    share, operation = {"message": SHARE}, {"operation_id": ident("operation of hsi")}
    until = {"until": "2028-11-27T00:00:00-06:00"}
    yield _record("record.renew", "operation", operation, {**until, "reason": "prosecution"})
    yield _record("record.renew", "intelligence", share, {**until, "reason": "case_open"})
    yield _record("record.renew", "every-field", share, {**until, "reason": "appeal"}, every=True)
    yield _record("record.renew", "every-field-of-an-operation", operation, {**until, "reason": "appeal"}, every=True)
    reviewed = {"reviewed_at": "2026-11-27T11:00:00-06:00", "review_due": "2028-11-27T00:00:00-06:00"}
    for reason in ("still_current", "confirmed_anew"):
        yield _record("record.validate", reason.replace("_", "-"), share, {**reviewed, "reason": reason})
    yield _record("record.validate", "every-field", share, {**reviewed, "reason": "case_open"}, every=True)
    yield _record("record.hold", "placed", operation, {"action": "place", "reason": "litigation"})
    yield _record("record.hold", "lifted", operation, {"action": "lift", "reason": "litigation"})
    every = {"action": "place", **until, "reason": "court_order"}
    yield _record("record.hold", "every-field", share, every, every=True)


def _attributes(name: str) -> Json:
    return every_attribute(name, f"intelligence/{ident('an item of intelligence')}")


def _share(title: str, to: list[str], said: Json, **envelope: object) -> Valid:
    data = {
        **_of_hsi(to),
        "predicate": {"basis": "reasonable_suspicion", "offence": "narcotics", "approved_by": "2200"},
        "lawful_collection": True,
        "protected_activity": "none",
        "subject": _SUBJECT,
        "content": list(_CONTENT),
        "source_reliability": "B",
        "content_validity": 2,
        "review_due": "2029-11-27T00:00:00-06:00",
        **said,
    }
    return message("intelligence.share", "hsi", title, data, **envelope)


def _request(title: str, said: Json, **envelope: object) -> Valid:
    data = {
        **common("mshp", ["hsi"], purpose="criminal_investigation", handling=_INTELLIGENCE),
        "originator": person("mshp"),
        "subject": _SUBJECT,
        "need_to_know": "active_case",
        "right_to_know": "criminal_investigation",
        "case_reference": "2026-0457",
        "priority": "routine",
        **said,
    }
    return message("intelligence.request", "mshp", title, data, **envelope)


def _release(title: str, said: Json, **envelope: object) -> Valid:
    answered = {"request": REQUEST, "share": SHARE, "reason": "need_shown", **said}
    return message("intelligence.release", "hsi", title, {**_of_hsi(["mshp"]), **answered}, **envelope)


def _of_hsi(to: list[str], **changes: object) -> Json:
    own = {"purpose": "criminal_investigation", "handling": _INTELLIGENCE, **changes}
    return {**common("hsi", to, **own), "originator": person("hsi")}


def _about_target(name: str, title: str, said: Json, **envelope: object) -> Valid:
    return message(name, "hsi", title, {**_of_hsi(["mshp"]), "target": SHARE, **said}, **envelope)


def _every_target(name: str, said: Json) -> Valid:
    attributes = every_attribute(name, f"message/{SHARE['id']}")
    return _about_target(name, "every-field", {**said, "agreement_id": _AGREEMENT}, **attributes)


def _record(name: str, title: str, record: Json, said: Json, *, every: bool = False) -> Valid:
    data = {**_of_hsi(["coordinator"], purpose="administration"), "record": record, **said}
    if not every:
        return message(name, "hsi", title, data)
    operation = record.get("operation_id")
    subject = f"message/{SHARE['id']}" if operation is None else f"operation/{operation}"
    return message(name, "hsi", title, data | {"agreement_id": _AGREEMENT}, **every_attribute(name, subject))
