"""Mistakes in intelligence, recalls and retention, and in what is said of parties and complaints."""

from collections.abc import Iterator, Mapping
from typing import Final

from coordinator.contract.example import Mistake, absent, ident
from coordinator.contract.invalid_disputes import MISSING, WRONG, beyond, judged
from coordinator.model.decisions import RefusalCode, Stage, WithheldReason

_WINDOW: Final = RefusalCode.WINDOW_INVALID
_UNKNOWN: Final = ("cass-county-so", WithheldReason.UNKNOWN_AGENCY)
_NONE: Final = ("dea", WithheldReason.NO_AGREEMENT)


def of_intelligence() -> Iterator[Mistake]:
    """Of all three types."""
    operational = {"marking": "TLP:AMBER", "regime": "operational", "redisseminate": "no"}
    yield beyond("regime-operational", {"data.handling": operational}, "data.handling.regime")


def of_recipients() -> Iterator[Mistake]:
    """All or nothing: each recipient that fails is named."""
    yield _nobody("recipient-unknown", {"data.to": ["cass-county-so"]}, _UNKNOWN)
    yield _nobody("one-without-agreement", {"data.to": ["dps", "dea"]}, _NONE)
    yield _nobody("two-that-fail", {"data.to": ["dea", "dps", "cass-county-so"]}, _NONE, _UNKNOWN)
    yield _nobody("agreement-of-others", {"data.to": ["dps"], "data.agreement_id": ident("none")}, _of("dps"))


def in_share() -> Iterator[Mistake]:
    """What makes it lawful, and what it is worth."""
    yield Mistake("predicate-missing", {"data.predicate": absent()}, MISSING, "data.predicate")
    yield Mistake("basis-rumour", {"data.predicate.basis": "rumour"}, WRONG, "data.predicate.basis")
    yield Mistake("approval-missing", {"data.predicate.approved_by": absent()}, MISSING, "data.predicate.approved_by")
    yield Mistake("attestation-missing", {"data.lawful_collection": absent()}, MISSING, "data.lawful_collection")
    yield Mistake("attestation-denied", {"data.lawful_collection": False}, WRONG, "data.lawful_collection")
    yield Mistake("protected-missing", {"data.protected_activity": absent()}, MISSING, "data.protected_activity")
    yield Mistake("reliability-unknown", {"data.source_reliability": "G"}, WRONG, "data.source_reliability")
    yield Mistake("validity-seven", {"data.content_validity": 7}, WRONG, "data.content_validity")
    yield Mistake("content-none", {"data.content": []}, WRONG, "data.content")
    yield Mistake("content-long", {"data.content": ["x" * 2_001]}, WRONG, "data.content.0")
    yield Mistake("identifier-a-sentence", {"data.subject.identifiers": ["a grey van"]}, WRONG, f"{_IDENTIFIERS}.0")
    yield Mistake("attachment-itself", {"data.attachments": [{"content": "JVBERi0="}]}, MISSING, _ATTACHED)
    late, early = {"data.review_due": "2031-12-27T00:00:00-06:00"}, {"data.review_due": "2026-11-01T00:00:00-05:00"}
    yield Mistake("review-after-six-years", late, _WINDOW, "data.review_due", in_schema=False)
    yield Mistake("review-over", early, _WINDOW, "data.review_due", in_schema=False)


_IDENTIFIERS: Final = "data.subject.identifiers"
_ATTACHED: Final = "data.attachments.0.digest"


def in_request() -> Iterator[Mistake]:
    """Why it may be asked for."""
    yield Mistake("need-missing", {"data.need_to_know": absent()}, MISSING, "data.need_to_know")
    yield Mistake("right-curiosity", {"data.right_to_know": "curiosity"}, WRONG, "data.right_to_know")
    yield Mistake("case-in-words", {"data.case_reference": "the van case"}, WRONG, "data.case_reference")


def in_release() -> Iterator[Mistake]:
    """Whom it answers, and with what."""
    yield Mistake("request-missing", {"data.request": absent()}, MISSING, "data.request")
    yield Mistake("share-missing", {"data.share": absent()}, MISSING, "data.share")
    yield Mistake("reason-favour", {"data.reason": "favour"}, WRONG, "data.reason")
    yield beyond("to-another", {"data.to": ["dps"]}, "data.to")
    yield beyond("to-one-more", {"data.to": ["mshp", "dps"]}, "data.to")
    yield beyond("answers-something-else", {"causationid": ident("something else")}, "causationid")
    dea = {"data.to": ["dea"], "data.request.agency": "dea"}
    yield _nobody("asked-without-agreement", dea, _NONE)


def in_target() -> Iterator[Mistake]:
    """Recalls and corrections."""
    yield Mistake("target-missing", {"data.target": absent()}, MISSING, "data.target")
    yield Mistake("target-number", {"data.target.id": 7}, WRONG, "data.target.id")
    yield Mistake("reason-missing", {"data.reason": absent()}, MISSING, "data.reason")
    yield Mistake("reason-prose", {"data.reason": "oops"}, WRONG, "data.reason")


def in_correction() -> Iterator[Mistake]:
    """What replaces it."""
    yield Mistake("replacement-prose", {"data.replacement": "it was the other van"}, WRONG, "data.replacement")


def in_record() -> Iterator[Mistake]:
    """What is kept."""
    yield Mistake("record-missing", {"data.record": absent()}, MISSING, "data.record")
    yield Mistake("reason-prose", {"data.reason": "just in case"}, WRONG, "data.reason")


def in_either() -> Iterator[Mistake]:
    """An operation or a message, one of the two."""
    yield beyond("record-of-nothing", {"data.record": {}}, "data.record.operation_id")
    both = {"operation_id": ident("x"), "message": {"agency": "hsi", "id": ident("y")}}
    yield beyond("record-of-both", {"data.record": both}, "data.record.operation_id")


def in_renewal() -> Iterator[Mistake]:
    """Until when."""
    yield Mistake("until-missing", {"data.until": absent()}, MISSING, "data.until")
    for title, until in (("for-ever", "2999-01-01T00:00:00Z"), ("until-yesterday", "2026-11-26T00:00:00Z")):
        yield Mistake(title, {"data.until": until}, _WINDOW, "data.until", in_schema=False)


def in_validation() -> Iterator[Mistake]:
    """When it was reviewed, and when next."""
    yield Mistake("reviewed-missing", {"data.reviewed_at": absent()}, MISSING, "data.reviewed_at")
    late = {"data.review_due": "2040-01-01T00:00:00Z"}
    yield Mistake("review-in-years", late, _WINDOW, "data.review_due", in_schema=False)
    operation = {"data.record": {"operation_id": ident("x")}}
    yield Mistake("of-an-operation", operation, MISSING, "data.record.message")


def in_hold() -> Iterator[Mistake]:
    """Whether it begins or ends."""
    yield Mistake("action-missing", {"data.action": absent()}, MISSING, "data.action")
    yield Mistake("action-unknown", {"data.action": "extend"}, WRONG, "data.action")
    lifted = {"data.action": "lift", "data.until": "2027-01-01T00:00:00Z"}
    yield beyond("lifted-until", lifted, "data.until")


def in_party() -> Iterator[Mistake]:
    """Only DPS speaks of parties, and never shuts itself out."""
    yield Mistake("party-missing", {"data.party": absent()}, MISSING, "data.party")
    yield Mistake("state-unknown", {"data.state": "deleted"}, WRONG, "data.state")
    yield Mistake("reason-prose", {"data.reason": "they know why"}, WRONG, "data.reason")
    yield Mistake("account-a-sentence", {"data.account": "all of them"}, WRONG, "data.account")
    yield beyond("account-and-key", {"data.account": "dea", "data.key_id": "dea:1"}, "data.key_id")
    yield judged("by-another", {"source": "//mshp/cad"}, RefusalCode.LEAD_ONLY, "source")
    hidden = RefusalCode.UNKNOWN_OR_FORBIDDEN
    yield judged("party-unknown", {"data.party": "cass-county-so"}, hidden, "data.party")
    yield judged("account-unknown", {"data.account": "dea-old"}, hidden, "data.account")
    yield judged("account-of-another", {"data.account": "hsi"}, hidden, "data.account")
    itself = {"data.party": "dps"}
    yield judged("the-lead-itself", itself, WRONG, "data.party")
    yield judged("the-account-it-speaks-by", itself | {"data.account": "dps"}, WRONG, "data.account")


def in_complaint() -> Iterator[Mistake]:
    """The restricted route."""
    yield Mistake("category-missing", {"data.category": absent()}, MISSING, "data.category")
    yield Mistake("category-prose", {"data.category": "he shouted"}, WRONG, "data.category")
    yield Mistake("operation-named", {"data.operation_id": ident("x")}, RefusalCode.UNKNOWN_FIELD, "data.operation_id")
    unknown = {"data.concerned": "cass-county-so"}
    yield judged("agency-unknown", unknown, RefusalCode.UNKNOWN_OR_FORBIDDEN, "data.concerned")
    yield _nobody("to-the-one-complained-of", {"data.to": ["dps", "hsi"]}, _apart("hsi"))
    yield _nobody("recipient-unknown", {"data.to": ["cass-county-so"]}, _apart("cass-county-so"))


def _of(agency: str) -> tuple[str, WithheldReason]:
    return agency, WithheldReason.NO_AGREEMENT


def _apart(agency: str) -> tuple[str, WithheldReason]:
    return agency, WithheldReason.NOT_A_RECIPIENT


def _nobody(title: str, changes: Mapping[str, object], *failing: tuple[str, WithheldReason]) -> Mistake:
    code = RefusalCode.ALL_OR_NOTHING
    return Mistake(title, changes, code, "data.to", Stage.AUTHORISE, in_schema=False, withheld=failing)
