"""Mistakes that any type of message can have: in its bytes, in its envelope, in the part that every body carries."""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from coordinator.contract.example import Invalid, Mistake, Valid, absent, ident
from coordinator.model.decisions import RefusalCode, Refused, Stage
from coordinator.model.envelope import TYPE_PREFIX

UNKNOWN_TYPE: Final = RefusalCode.UNKNOWN_TYPE
UNKNOWN_FIELD: Final = RefusalCode.UNKNOWN_FIELD
MISSING: Final = RefusalCode.MISSING_FIELD
WRONG: Final = RefusalCode.INVALID_FIELD
_GREEN: Final = {"marking": "TLP:GREEN", "regime": "operational", "redisseminate": "yes"}


def in_any_type(valid: Valid) -> Iterator[Mistake]:
    """What is shown for every type."""
    yield Mistake("version-unknown", {"type": f"{TYPE_PREFIX}{valid.name}.v2"}, UNKNOWN_TYPE, "type")
    yield Mistake("attribute-unknown", {"priority": "urgent"}, UNKNOWN_FIELD, "priority")
    yield Mistake("field-unknown", {"data.remarks": "call me"}, UNKNOWN_FIELD, "data.remarks")
    yield Mistake("data-missing", {"data": absent()}, MISSING, "data")
    yield Mistake("time-without-offset", {"time": "2026-11-27T11:59:30"}, WRONG, "time")
    yield Mistake("recipients-missing", {"data.to": absent()}, MISSING, "data.to")
    yield Mistake("recipients-none", {"data.to": []}, WRONG, "data.to")
    yield Mistake("recipient-twice", {"data.to": ["dps", "dps"]}, WRONG, "data.to")
    yield Mistake("recipients-mixed", {"data.to": ["dps", "coordinator"]}, WRONG, "data.to", in_schema=False)
    yield Mistake("originator-missing", {"data.originator": absent()}, MISSING, "data.originator")
    yield Mistake("marking-unknown", {"data.handling.marking": "TLP:RED"}, WRONG, "data.handling.marking")
    yield Mistake("regime-unknown", {"data.handling.regime": "military"}, WRONG, "data.handling.regime")
    code = RefusalCode.MARKING_NOT_ALLOWED
    yield Mistake("green-but-actual", {"data.handling": _GREEN}, code, "data.handling.marking", in_schema=False)
    forged = {"source": "//dea/desk"}
    yield _not_in_schema("source-of-another-agency", forged, RefusalCode.SENDER_MISMATCH, "source", agency="mshp")


def unless_operation() -> Iterator[Mistake]:
    """An operation is registered whoever it names; anything else is refused."""
    unknown = {"data.to": ["cass-county-so"]}
    yield _not_in_schema("recipient-unknown", unknown, RefusalCode.UNKNOWN_RECIPIENT, "data.to")


def unless_always_heard() -> Iterator[Mistake]:
    """Only what must be heard at once is heard whatever the sender's clock says."""
    for title, time in (("day-old", "2026-11-26T11:59:59-06:00"), ("minutes-ahead", "2026-11-27T12:02:01-06:00")):
        yield Mistake(title, {"time": time}, RefusalCode.CLOCK_SKEW, "time", in_schema=False)


def in_envelope() -> Iterator[Mistake]:
    """Every attribute."""
    yield Mistake("specversion-old", {"specversion": "0.3"}, WRONG, "specversion")
    yield Mistake("type-missing", {"type": absent()}, MISSING, "type")
    yield Mistake("type-unknown", {"type": "gov.mo.coordination.operation.gossip.v1"}, UNKNOWN_TYPE, "type")
    yield Mistake("type-no-text", {"type": ["operation.notice"]}, UNKNOWN_TYPE, "type")
    yield Mistake("id-missing", {"id": absent()}, MISSING, "id")
    yield Mistake("id-no-uuid", {"id": "case-2026-0457"}, WRONG, "id")
    yield Mistake("id-upper-case", {"id": ident("upper").upper()}, WRONG, "id")
    yield Mistake("id-number", {"id": 7}, WRONG, "id")
    yield Mistake("source-missing", {"source": absent()}, MISSING, "source")
    yield Mistake("source-without-system", {"source": "//mshp"}, WRONG, "source")
    yield Mistake("source-with-routing-key", {"source": "//mshp/#"}, WRONG, "source")
    yield Mistake("source-confusable", {"source": "//m\u0455hp/cad"}, WRONG, "source", agency="mshp")
    system = {"source": "//mshp/radar"}
    yield _not_in_schema("system-unknown", system, RefusalCode.SENDER_MISMATCH, "source")
    yield Mistake("time-missing", {"time": absent()}, MISSING, "time")
    yield Mistake("time-epoch", {"time": 1_795_802_370}, WRONG, "time")
    yield Mistake("time-without-seconds", {"time": "2026-11-27T11:59-06:00"}, WRONG, "time")
    yield Mistake("time-date-only", {"time": "2026-11-27"}, WRONG, "time")
    yield Mistake("time-other-era", {"time": "0001-01-01T00:00:00Z"}, WRONG, "time")
    yield Mistake("time-end-of-time", {"time": "9999-12-31T23:59:59Z"}, WRONG, "time")
    yield Mistake("time-no-such-day", {"time": "2026-02-30T12:00:00-06:00"}, WRONG, "time")
    yield Mistake("subject-prose", {"subject": "warrant for J. Doe"}, WRONG, "subject")
    other = {"subject": f"operation/{ident('another operation')}"}
    yield Mistake("subject-of-another-operation", other, WRONG, "subject", in_schema=False)
    yield Mistake("content-not-json", {"datacontenttype": "application/xml"}, WRONG, "datacontenttype")
    schema = "https://coordination.mo.gov/schemas/operation.notice.v9.json"
    yield Mistake("schema-unknown", {"dataschema": schema}, WRONG, "dataschema")
    yield Mistake("correlation-no-uuid", {"correlationid": "case-0457"}, WRONG, "correlationid")
    yield Mistake("causation-no-uuid", {"causationid": "yesterday's"}, WRONG, "causationid")
    yield Mistake("expiry-without-offset", {"expirytime": "2026-11-28T12:00:00"}, WRONG, "expirytime")
    differs = {"dataclassification": "TLP:AMBER+STRICT"}
    yield Mistake("classification-differs", differs, WRONG, "dataclassification", in_schema=False)
    yield Mistake("trace-malformed", {"traceparent": "00-trace-01"}, WRONG, "traceparent")
    yield Mistake("data-base64", {"data_base64": "e30="}, UNKNOWN_FIELD, "data_base64")
    yield Mistake("data-list", {"data": []}, WRONG, "data")


def in_body() -> Iterator[Mistake]:
    """Every field that all bodies share."""
    yield Mistake("nationality", {"data.nationality": "x"}, UNKNOWN_FIELD, "data.nationality")
    many = [f"agency-{number}" for number in range(33)]
    yield Mistake("recipients-33", {"data.to": many}, WRONG, "data.to")
    yield Mistake("recipient-with-routing-key", {"data.to": ["mshp.*"]}, WRONG, "data.to.0")
    yield Mistake("recipient-confusable", {"data.to": ["dp\u0455"]}, WRONG, "data.to.0")
    yield Mistake("recipient-all", {"data.to": "all"}, WRONG, "data.to")
    yield Mistake("purpose-unknown", {"data.purpose": "curiosity"}, WRONG, "data.purpose")
    yield Mistake("purpose-missing", {"data.purpose": absent()}, MISSING, "data.purpose")
    yield Mistake("status-unknown", {"data.status": "draft"}, WRONG, "data.status")
    yield Mistake("status-missing", {"data.status": absent()}, MISSING, "data.status")
    yield Mistake("handling-missing", {"data.handling": absent()}, MISSING, "data.handling")
    missing = {"data.handling.redisseminate": absent()}
    yield Mistake("redisseminate-missing", missing, MISSING, "data.handling.redisseminate")
    yield Mistake("redisseminate-no-word", {"data.handling.redisseminate": False}, WRONG, "data.handling.redisseminate")
    yield Mistake("ori-missing", {"data.originator": {}}, MISSING, "data.originator.ori")
    yield Mistake("ori-malformed", {"data.originator.ori": "MO-1"}, WRONG, "data.originator.ori")
    yield Mistake("officer-named", {"data.originator.officer_id": "Sgt. Doe"}, WRONG, "data.originator.officer_id")
    named = {"data.originator.on_behalf_of": "J. Doe"}
    yield Mistake("on-behalf-of-a-name", named, WRONG, "data.originator.on_behalf_of")
    yield Mistake("agreement-no-uuid", {"data.agreement_id": "MOU-12"}, WRONG, "data.agreement_id")


def in_bytes(valid: Valid) -> Iterator[Invalid]:
    """What two readers could read differently is refused before it is read as a message."""
    body = valid.body
    head = body.index(b'"id"')
    for title, spoilt, code in (
        ("empty", b"", RefusalCode.NOT_JSON),
        ("cut-short", body[: len(body) // 2], RefusalCode.NOT_JSON),
        ("two-messages", body + body, RefusalCode.NOT_JSON),
        ("list-of-messages", b"[" + body + b"]", RefusalCode.NOT_JSON),
        ("comment", body.replace(b"{", b"{ // urgent", 1), RefusalCode.NOT_JSON),
        ("byte-order-mark", b"\xef\xbb\xbf" + body, RefusalCode.NOT_UTF8),
        ("utf-16", body.decode().encode("utf-16"), RefusalCode.NOT_UTF8),
        ("latin-1", _said(body, "BLUE H\u00c9RON").decode().encode("latin-1"), RefusalCode.NOT_UTF8),
        ("key-twice", body[:head] + b'"id": "x",\n  ' + body[head:], RefusalCode.DUPLICATE_KEY),
        ("key-twice-inside", body.replace(b'"ori"', b'"ori": "MOEX00004", "ori"'), RefusalCode.DUPLICATE_KEY),
        ("key-twice-escaped", body.replace(b'"ori"', b'"\\u006fri": "x", "ori"'), RefusalCode.DUPLICATE_KEY),
        ("not-a-number", _radius(body, b"NaN"), RefusalCode.NUMBER_OUT_OF_RANGE),
        ("infinity", _radius(body, b"Infinity"), RefusalCode.NUMBER_OUT_OF_RANGE),
        ("beyond-floats", _radius(body, b"1e400"), RefusalCode.NUMBER_OUT_OF_RANGE),
        ("beyond-integers", _radius(body, b"9007199254740993"), RefusalCode.NUMBER_OUT_OF_RANGE),
        ("digits-5000", _radius(body, b"1" * 5_000), RefusalCode.NUMBER_OUT_OF_RANGE),
        ("nested-33-deep", _radius(body, b"[" * 30 + b"]" * 30), RefusalCode.TOO_DEEP),
        ("null-character", _said(body, "BLUE\x00"), RefusalCode.FORBIDDEN_CHARACTER),
        ("newline-in-name", _said(body, "BLUE HERON\n"), RefusalCode.FORBIDDEN_CHARACTER),
        ("surrogate-alone", _said(body, "BLUE \ud800"), RefusalCode.FORBIDDEN_CHARACTER),
        ("direction-override", _said(body, "BLUE \u202eNOREH"), RefusalCode.FORBIDDEN_CHARACTER),
        ("delete-in-a-key", body.replace(b'"duty"', b'"du\x7fty"'), RefusalCode.FORBIDDEN_CHARACTER),
    ):
        yield Invalid(valid.name, title, spoilt, Refused(code, Stage.DECODE), "mshp", in_schema=False)


def _said(body: bytes, name: str) -> bytes:
    return body.replace(b'"BLUE HERON"', json.dumps(name, ensure_ascii="\u00c9" not in name).encode())


def _radius(body: bytes, number: bytes) -> bytes:
    return body.replace(b'"radius_m": 120', b'"radius_m": ' + number)


def _not_in_schema(
    title: str, changes: Mapping[str, object], code: RefusalCode, field: str, *, agency: str | None = None
) -> Mistake:
    return Mistake(title, changes, code, field, Stage.AUTHORISE, agency=agency, in_schema=False)
