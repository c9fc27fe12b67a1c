"""Mistakes in messages about agreements and credentials, and words that are not the sender's to say."""

from collections.abc import Iterator, Mapping
from typing import Final

from coordinator.contract.example import Mistake, absent, ident
from coordinator.model.decisions import RefusalCode, Stage

WRONG: Final = RefusalCode.INVALID_FIELD
MISSING: Final = RefusalCode.MISSING_FIELD
WINDOW: Final = RefusalCode.WINDOW_INVALID
_HIDDEN: Final = RefusalCode.UNKNOWN_OR_FORBIDDEN
_DISSEMINATION: Final[dict[str, object]] = {
    "data.kind": "dissemination",
    "data.message_types": ["operation.notice"],
    "data.regimes": ["operational"],
}
_DELEGATION: Final[dict[str, object]] = {"data.kind": "287g", "data.functions": ["detain"]}


def in_agreement() -> Iterator[Mistake]:
    """Of a participation agreement between DPS and MSHP, by DPS."""
    yield Mistake("agreement-missing", {"data.agreement_id": absent()}, MISSING, "data.agreement_id")
    yield Mistake("kind-unknown", {"data.kind": "handshake"}, WRONG, "data.kind")
    yield Mistake("state-unknown", {"data.state": "signed"}, WRONG, "data.state")
    yield Mistake("state-missing", {"data.state": absent()}, MISSING, "data.state")
    yield Mistake("party-alone", {"data.parties": ["dps"]}, WRONG, "data.parties")
    yield Mistake("party-twice", {"data.parties": ["dps", "dps"]}, WRONG, "data.parties")
    three = {"data.parties": ["dps", "mshp", "hsi"]}
    yield Mistake("participation-of-three", three, WRONG, "data.parties", in_schema=False)
    yield Mistake("287g-of-three", _DELEGATION | three, WRONG, "data.parties", in_schema=False)
    yield Mistake(
        "covers-no-types", _DISSEMINATION | {"data.message_types": []}, WRONG, "data.message_types", in_schema=False
    )
    yield Mistake("covers-no-regimes", _DISSEMINATION | {"data.regimes": []}, WRONG, "data.regimes", in_schema=False)
    full_name = {"data.message_types": ["gov.mo.coordination.operation.notice.v1"]}
    yield Mistake("covers-a-full-name", _DISSEMINATION | full_name, WRONG, "data.message_types.0")
    yield Mistake("covers-every-type", _DISSEMINATION | {"data.message_types": ["*"]}, WRONG, "data.message_types.0")
    yield Mistake("delegates-nothing", {"data.kind": "287g"}, WRONG, "data.functions", in_schema=False)
    unknown = {"data.functions": ["deport"]}
    yield Mistake("function-unknown", _DELEGATION | unknown, WRONG, "data.functions.0")
    ended = {"data.expires": "2025-12-31T00:00:00-06:00"}
    yield Mistake("expires-before-effective", ended, WINDOW, "data.expires", in_schema=False)
    yield Mistake("effective-missing", {"data.effective": absent()}, MISSING, "data.effective")
    yield Mistake("digest-missing", {"data.document_digest": absent()}, MISSING, "data.document_digest")
    yield Mistake("digest-of-md5", {"data.document_digest": f"md5:{'5e' * 16}"}, WRONG, "data.document_digest")
    yield _judged("party-unknown", {"data.parties": ["dps", "cass-county-so"]}, RefusalCode.UNKNOWN_RECIPIENT)
    between = _DISSEMINATION | {"data.parties": ["mshp", "hsi"]}
    yield _judged("sender-not-a-party", between, RefusalCode.NOT_A_PARTY)
    without_lead = {"data.parties": ["mshp", "hsi"], "source": "//mshp/cad", "data.originator.ori": "MOEX00002"}
    yield _judged("participation-without-the-lead", without_lead, WRONG)
    yield _judged("287g-within-the-state", _DELEGATION, WRONG)
    federal = _DELEGATION | {"data.parties": ["hsi", "dea"], "source": "//hsi/case-desk"}
    yield _judged("287g-between-federal-agencies", federal, WRONG)


def in_credential() -> Iterator[Mistake]:
    """Of an officer's credential under the agreement between MSHP and HSI, by MSHP."""
    yield Mistake("agreement-missing", {"data.agreement_id": absent()}, MISSING, "data.agreement_id")
    yield Mistake("officer-missing", {"data.officer_id": absent()}, MISSING, "data.officer_id")
    yield Mistake("officer-named", {"data.officer_id": "Jane Doe"}, WRONG, "data.officer_id")
    yield Mistake("state-unknown", {"data.state": "sworn"}, WRONG, "data.state")
    yield Mistake("functions-none", {"data.functions": []}, WRONG, "data.functions")
    yield Mistake("function-twice", {"data.functions": ["detain", "detain"]}, WRONG, "data.functions")
    yield Mistake("function-unknown", {"data.functions": ["deport"]}, WRONG, "data.functions.0")
    ended = {"data.valid_to": "2026-01-31T00:00:00-06:00"}
    yield Mistake("ends-before-it-begins", ended, WINDOW, "data.valid_to", in_schema=False)
    yield Mistake("valid-from-a-date", {"data.valid_from": "2026-02-01"}, WRONG, "data.valid_from")
    yield Mistake("supervisor-missing", {"data.supervisor": absent()}, MISSING, "data.supervisor")
    unknown = {"data.agreement_id": ident("no such agreement")}
    yield _judged("agreement-unknown", unknown, _HIDDEN, "data.agreement_id")
    other_kind = {"data.agreement_id": ident("agreement dissemination")}
    yield _judged("agreement-of-another-kind", other_kind, _HIDDEN, "data.agreement_id")
    outsider = {"source": "//dps/desk"}
    yield _judged("sender-not-a-party", outsider, _HIDDEN, "data.agreement_id")
    own = {"data.state": "authorised"}
    yield _judged("employer-authorises-itself", own, RefusalCode.WRONG_SIDE, "data.state")
    for state in ("nominated", "training", "certified"):
        foreign = {"data.state": state, "source": "//hsi/case-desk"}
        yield _judged(f"{state}-by-other-side", foreign, RefusalCode.WRONG_SIDE, "data.state")


def _judged(title: str, changes: Mapping[str, object], code: RefusalCode, field: str = "data.parties") -> Mistake:
    return Mistake(title, changes, code, field, Stage.AUTHORISE, in_schema=False)
