"""Examples of the coordinator's own messages."""

import hashlib
from collections.abc import Iterator
from typing import Final

from coordinator.contract.example import Json, Valid, every_attribute, ident
from coordinator.model.envelope import TYPE_PREFIX

_NOTICE: Final = ident("operation.notice search-warrant-point")
OPERATION: Final = ident("operation warrant")
_CONFLICT: Final = ident("conflict")
_OTHER: Final = {
    "agency": "dea",
    "contact": {"officer_id": "KC-31", "callback": "+18165550130", "backup": "+18165550131"},
    "caution": ["officers_in_plain_clothes", "armed"],
}
POINTER: Final = {
    "conflict_id": _CONFLICT,
    "operation_id": OPERATION,
    "other": _OTHER,
    "band": "within_100_m",
    "act_by": "2026-11-27T23:15:00Z",
}
SEALED: Final = {
    "conflict_id": _CONFLICT,
    "operation_id": OPERATION,
    "other": {"agency": "dea", "contact": {"callback": "+18165550130", "backup": "+18165550131"}},
    "eyes": "headquarters",
}


def accepted() -> Iterator[Valid]:
    """`message.accepted`: of operations, agreements, credentials, alerts."""
    plain = _receipt(operation_id=OPERATION, revision=1, deconfliction="none_known", coverage="actual")
    yield own("message.accepted", "no-conflict-known", plain | {"authority": "none", "counties": ["St. Louis"]})
    found = {"deconfliction": "conflict", "conflicts": [POINTER, SEALED], "recipients": ["dps"]}
    yield own("message.accepted", "conflict", plain | found | {"authority": "proven"})
    withheld = [{"agency": "cass-county-so", "reason": "unknown_agency"}, {"agency": "dea", "reason": "no_agreement"}]
    unproven = {"withheld": withheld, "authority": "unproven", "flags": ["clock_skew"]}
    yield own("message.accepted", "withheld-and-unproven", plain | unproven)
    exercise = {"status": "exercise", "coverage": "not_deconflicted_against_actual", "authority": "none"}
    yield own("message.accepted", "exercise", plain | exercise)
    for standing in ("in_force", "waiting_for_other_side", "terms_differ", "not_in_force"):
        yield own("message.accepted", f"agreement-{standing.replace('_', '-')}", _receipt(standing=standing))
    yield own("message.accepted", "alert", _receipt(recipients=["dps", "hsi"]))
    every = plain | found | unproven | {"counties": ["St. Louis"], "standing": "in_force", "more_conflicts": 3}
    yield own("message.accepted", "every-field", every, **attributes("message.accepted"))


def refused() -> Iterator[Valid]:
    """`message.refused`: unreadable, with the field at fault, with a hint."""
    unreadable = {"code": "duplicate_key", "stage": "decode", "explanation": "an object names the same key twice"}
    yield own("message.refused", "unreadable", _entry() | unreadable)
    field = {
        "target": {"agency": "mshp", "id": _NOTICE},
        "code": "window_invalid",
        "stage": "validate",
        "field": "data.end",
        "explanation": "the window is empty: the end is not after the start",
    }
    yield own("message.refused", "field-at-fault", _entry() | field)
    hinted = field | {
        "code": "area_outside",
        "field": "data.area",
        "hint": "coordinates_swapped",
        "explanation": "the area lies outside the domain",
    }
    whole = {
        "code": "all_or_nothing",
        "stage": "authorise",
        "field": "data.to",
        "withheld": [{"agency": "dea", "reason": "no_agreement"}],
        "explanation": "a named recipient may not be told, so nobody is; `withheld` names each one and why",
    }
    yield own("message.refused", "all-or-nothing", _entry() | field | whole)
    every = {"withheld": whole["withheld"]}
    yield own("message.refused", "every-field", _entry() | hinted | every, **attributes("message.refused"))


def conflicts() -> Iterator[Valid]:
    """`deconfliction.alert` and `deconfliction.closed`."""
    for change in ("opened", "changed", "reopened"):
        yield own("deconfliction.alert", change, body() | {"change": change, "pointer": POINTER})
    yield own("deconfliction.alert", "sealed", body() | {"change": "opened", "pointer": SEALED})
    every = body() | {"change": "opened", "pointer": POINTER}
    yield own("deconfliction.alert", "every-field", every, **attributes("deconfliction.alert"))
    for reason in ("operation_cancelled", "operation_closed", "moved_apart"):
        yield own("deconfliction.closed", reason.replace("_", "-"), _closed(reason))
    closed = _closed("moved_apart")
    yield own("deconfliction.closed", "every-field", closed, **attributes("deconfliction.closed"))


def notes() -> Iterator[Valid]:
    """`authority.lapsed`, `service.heartbeat`, `feed.withdrawn`."""
    for reason in ("credential_not_in_force", "agreement_not_in_force"):
        yield own("authority.lapsed", reason.replace("_", "-"), _lapsed(reason))
    yield own("authority.lapsed", "every-field", _lapsed("credential_not_in_force"), **attributes("authority.lapsed"))
    yield own("service.heartbeat", "first", body() | {"last_sequence": 0})
    yield own("service.heartbeat", "every-field", body() | {"last_sequence": 5_021}, **attributes("service.heartbeat"))
    withdrawn = {
        "target": {"agency": "hsi", "id": ident("operation.notice raid-multipolygon")},
        "recipient": "mshp",
        "reason": "agreement_ended",
    }
    yield own("feed.withdrawn", "agreement-ended", body() | withdrawn)
    yield own("feed.withdrawn", "every-field", body() | withdrawn, **attributes("feed.withdrawn"))


def own(name: str, title: str, data: Json, **envelope: object) -> Valid:
    """A message of the coordinator's own."""
    event = {
        "specversion": "1.0",
        "type": f"{TYPE_PREFIX}{name}.v1",
        "source": "//coordinator/missouri",
        "id": ident(f"{name} {title}"),
        "time": "2026-11-27T18:00:00.031416Z",
        **envelope,
        "data": data,
    }
    return Valid(name, title, event)


def attributes(name: str) -> Json:
    """All that an envelope may hold, of a message about a notice."""
    return every_attribute(name, f"message/{_NOTICE}")


def body() -> Json:
    """The part that every body of the coordinator's carries."""
    return {
        "to": ["mshp"],
        "purpose": "deconfliction",
        "status": "actual",
        "handling": {"marking": "TLP:AMBER", "regime": "operational", "redisseminate": "no"},
    }


def _entry() -> Json:
    digest = hashlib.sha256(b"the exact bytes that were sent").hexdigest()
    return body() | {"position": 1_027, "entry": ident("an entry"), "digest": f"sha-256:{digest}"}


def _receipt(**more: object) -> Json:
    leaf_hash = hashlib.sha256(b"\x00the leaf").hexdigest()
    return _entry() | {"target": {"agency": "mshp", "id": _NOTICE}, "leaf_hash": leaf_hash} | more


def _closed(reason: str) -> Json:
    return body() | {
        "conflict_id": _CONFLICT,
        "operation_id": OPERATION,
        "other_agency": "dea",
        "reason": reason,
    }


def _lapsed(reason: str) -> Json:
    return body() | {"operation_id": OPERATION, "agency": "mshp", "officer_id": "4127", "reason": reason}
