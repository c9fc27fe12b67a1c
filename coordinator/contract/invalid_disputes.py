"""Mistakes in what the sides of a conflict say, and in what is asked and entered beside an operation."""

from collections.abc import Iterator, Mapping
from typing import Final

from coordinator.contract.example import Mistake, absent
from coordinator.model.decisions import RefusalCode, Stage

WRONG: Final = RefusalCode.INVALID_FIELD
MISSING: Final = RefusalCode.MISSING_FIELD
_TOKENS: Final = "data.tokens"


def for_the_coordinator_alone() -> Iterator[Mistake]:
    """Of types that are passed on to nobody."""
    yield beyond("recipient-named", {"data.to": ["dps"]}, "data.to")


def for_agencies() -> Iterator[Mistake]:
    """Of types that are for others."""
    yield beyond("for-nobody", {"data.to": ["coordinator"]}, "data.to")


def by_a_person() -> Iterator[Mistake]:
    """Of what only a person does."""
    yield beyond("officer-missing", {"data.originator.officer_id": absent()}, "data.originator.officer_id")


def in_word() -> Iterator[Mistake]:
    """Of every word on a conflict."""
    yield Mistake("conflict-missing", {"data.conflict_id": absent()}, MISSING, "data.conflict_id")
    operation = {"data.operation_id": "01931a2b-0000-7000-8000-000000000000"}
    yield Mistake("operation-named", operation, RefusalCode.UNKNOWN_FIELD, "data.operation_id")
    yield Mistake("conflict-number", {"data.conflict_id": 7}, WRONG, "data.conflict_id")
    yield Mistake("priority-unknown", {"data.priority": "flash"}, WRONG, "data.priority")
    yield beyond("subject-of-the-operation", {"subject": "operation/00000000-0000-0000-0000-000000000000"}, "subject")


def in_handover() -> Iterator[Mistake]:
    """Who takes over."""
    yield Mistake("successor-missing", {"data.successor": absent()}, MISSING, "data.successor")
    yield Mistake("successor-named", {"data.successor": "Jane Doe"}, WRONG, "data.successor")
    yield Mistake("reason-prose", {"data.reason": "gone home"}, WRONG, "data.reason")


def in_response() -> Iterator[Mistake]:
    """What is decided."""
    yield Mistake("decision-missing", {"data.decision": absent()}, MISSING, "data.decision")
    yield Mistake("decision-unknown", {"data.decision": "ignore"}, WRONG, "data.decision")
    yield Mistake("reason-missing", {"data.reason": absent()}, MISSING, "data.reason")
    yield beyond("minutes-without-need", {"data.minutes": 30}, "data.minutes")
    yield beyond("more-time-without-end", {"data.decision": "need_more_time"}, "data.minutes")
    yield Mistake("minutes-of-days", {"data.minutes": 10_000}, WRONG, "data.minutes")
    yield Mistake("contact-by-letter", {"data.contact_made.method": "letter"}, WRONG, "data.contact_made.method")
    yield Mistake("contact-with-nobody", {"data.contact_made.by": absent()}, MISSING, "data.contact_made.by")


def in_subject() -> Iterator[Mistake]:
    """Tokens."""
    yield Mistake("tokens-none", {_TOKENS: []}, WRONG, _TOKENS)
    yield Mistake("tokens-missing", {_TOKENS: absent()}, MISSING, _TOKENS)
    yield Mistake("token-a-name", {f"{_TOKENS}.0.token": "JOHN DOE"}, WRONG, f"{_TOKENS}.0.token")
    yield Mistake("token-a-plate", {f"{_TOKENS}.0.token": "MO7XY421"}, WRONG, f"{_TOKENS}.0.token")
    yield Mistake("kind-unknown", {f"{_TOKENS}.0.kind": "nationality"}, WRONG, f"{_TOKENS}.0.kind")
    yield Mistake("epoch-missing", {f"{_TOKENS}.0.key_epoch": absent()}, MISSING, f"{_TOKENS}.0.key_epoch")
    yield Mistake("epoch-zero", {f"{_TOKENS}.0.key_epoch": 0}, WRONG, f"{_TOKENS}.0.key_epoch")
    token = {"kind": "phone", "token": "0f" * 32, "key_epoch": 7}
    yield beyond("token-twice", {_TOKENS: [token, token]}, _TOKENS)
    many = [{"kind": "phone", "token": f"{number:064x}", "key_epoch": 7} for number in range(65)]
    yield Mistake("tokens-65", {_TOKENS: many}, WRONG, _TOKENS)


def in_request() -> Iterator[Mistake]:
    """What a question carries beside ground and window."""
    yield Mistake("case-missing", {"data.case_reference": absent()}, MISSING, "data.case_reference")
    yield Mistake("case-in-words", {"data.case_reference": "the van case"}, WRONG, "data.case_reference")
    yield Mistake("priority-missing", {"data.priority": absent()}, MISSING, "data.priority")


def in_waiver() -> Iterator[Mistake]:
    """Who approved it, and by when it is entered."""
    yield Mistake("approval-missing", {"data.approved_by": absent()}, MISSING, "data.approved_by")
    yield Mistake("approval-named", {"data.approved_by": "Capt. Doe"}, WRONG, "data.approved_by")
    yield Mistake("reason-prose", {"data.reason": "no time"}, WRONG, "data.reason")
    for title, due in (("due-next-week", "2026-12-04T18:00:00-06:00"), ("due-before", "2026-11-27T11:00:00-06:00")):
        code = RefusalCode.WINDOW_INVALID
        yield Mistake(title, {"data.late_entry_due": due}, code, "data.late_entry_due", in_schema=False)


def beyond(title: str, changes: Mapping[str, object], field: str) -> Mistake:
    """Of a rule that no schema can say."""
    return Mistake(title, changes, WRONG, field, in_schema=False)


def judged(
    title: str, changes: Mapping[str, object], code: RefusalCode, field: str, *, agency: str | None = None
) -> Mistake:
    """Of rights, which are beyond a schema."""
    return Mistake(title, changes, code, field, Stage.AUTHORISE, agency=agency, in_schema=False)
