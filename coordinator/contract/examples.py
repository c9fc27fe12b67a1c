"""All examples: those in order, and those with a mistake."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Final

from coordinator.contract import (
    invalid_answers,
    invalid_authority,
    invalid_disputes,
    invalid_everywhere,
    invalid_intelligence,
    invalid_notices,
    invalid_operations,
    valid_answers,
    valid_authority,
    valid_disputes,
    valid_intelligence,
    valid_notices,
    valid_operations,
    valid_parties,
    valid_reports,
)
from coordinator.contract.example import Invalid, Mistake, Valid, mistaken
from coordinator.model.messages import INCOMING_TYPES, OUTGOING_TYPES

Mistakes = Callable[[], Iterator[Mistake]]
_TO_US: Final[tuple[Mistakes, ...]] = (
    invalid_disputes.for_the_coordinator_alone,
    invalid_everywhere.unless_always_heard,
)
_WORD: Final[tuple[Mistakes, ...]] = (
    invalid_disputes.in_word,
    invalid_disputes.for_agencies,
    invalid_everywhere.unless_operation,
)
_INTELLIGENCE: Final[tuple[Mistakes, ...]] = (
    invalid_intelligence.of_intelligence,
    invalid_disputes.for_agencies,
    invalid_disputes.by_a_person,
    invalid_everywhere.unless_always_heard,
)
_RECORD: Final[tuple[Mistakes, ...]] = (invalid_disputes.by_a_person, *_TO_US)
_OWN: Final[Mapping[str, tuple[Mistakes, ...]]] = {
    "operation.notice": (
        invalid_everywhere.in_envelope,
        invalid_everywhere.in_body,
        invalid_operations.in_plan,
        invalid_operations.in_window,
        invalid_operations.in_ground,
        invalid_operations.in_crowds,
    ),
    "operation.update": (invalid_operations.in_update, invalid_operations.in_window, invalid_operations.in_ground),
    "operation.status": (invalid_operations.in_status,),
    "operation.cancel": (invalid_operations.in_cancel,),
    "operation.close": (invalid_operations.in_close,),
    "agreement.status": (
        invalid_authority.in_agreement,
        invalid_everywhere.unless_operation,
        invalid_everywhere.unless_always_heard,
    ),
    "credential.status": (
        invalid_authority.in_credential,
        invalid_everywhere.unless_operation,
        invalid_everywhere.unless_always_heard,
    ),
    "situation.alert": (invalid_notices.in_alert, invalid_everywhere.unless_operation),
    "receipt.acknowledge": (invalid_notices.in_acknowledgement, invalid_everywhere.unless_operation),
    "deconfliction.subject": (invalid_disputes.in_subject, *_TO_US),
    "deconfliction.request": (
        invalid_disputes.in_request,
        invalid_disputes.by_a_person,
        invalid_operations.in_window,
        invalid_operations.in_ground,
        *_TO_US,
    ),
    "deconfliction.acknowledge": _WORD,
    "deconfliction.claim": (invalid_disputes.by_a_person, *_WORD),
    "deconfliction.handover": (invalid_disputes.in_handover, invalid_disputes.by_a_person, *_WORD),
    "deconfliction.response": (invalid_disputes.in_response, invalid_disputes.by_a_person, *_WORD),
    "deconfliction.waiver": (
        invalid_disputes.in_waiver,
        invalid_disputes.by_a_person,
        invalid_everywhere.unless_operation,
    ),
    "intelligence.share": (invalid_intelligence.in_share, invalid_intelligence.of_recipients, *_INTELLIGENCE),
    "intelligence.request": (invalid_intelligence.in_request, invalid_intelligence.of_recipients, *_INTELLIGENCE),
    "intelligence.release": (invalid_intelligence.in_release, *_INTELLIGENCE),
    "message.recall": (invalid_intelligence.in_target, invalid_everywhere.unless_operation),
    "message.correct": (
        invalid_intelligence.in_target,
        invalid_intelligence.in_correction,
        invalid_everywhere.unless_operation,
    ),
    "record.renew": (
        invalid_intelligence.in_record,
        invalid_intelligence.in_either,
        invalid_intelligence.in_renewal,
        *_RECORD,
    ),
    "record.validate": (invalid_intelligence.in_record, invalid_intelligence.in_validation, *_RECORD),
    "record.hold": (
        invalid_intelligence.in_record,
        invalid_intelligence.in_either,
        invalid_intelligence.in_hold,
        *_RECORD,
    ),
    "party.status": (
        invalid_intelligence.in_party,
        invalid_disputes.by_a_person,
        invalid_everywhere.unless_operation,
    ),
    "complaint.referral": (
        invalid_intelligence.in_complaint,
        invalid_disputes.by_a_person,
        invalid_everywhere.unless_always_heard,
    ),
}
"""The mistakes that are a type's own, beside those of any type."""


def valid() -> tuple[Valid, ...]:
    """Return them in the order in which a reader meets the types."""
    return tuple(
        chain(
            valid_operations.notices(),
            valid_operations.updates(),
            valid_operations.ends(),
            valid_authority.agreements(),
            valid_authority.credentials(),
            valid_disputes.words(),
            valid_disputes.beside(),
            valid_intelligence.intelligence(),
            valid_notices.alerts(),
            valid_intelligence.recalls(),
            valid_intelligence.retention(),
            valid_notices.acknowledgements(),
            valid_parties.parties(),
            valid_parties.complaints(),
            valid_answers.accepted(),
            valid_answers.refused(),
            valid_reports.reports(),
            valid_answers.conflicts(),
            valid_answers.notes(),
            valid_reports.retention(),
        )
    )


def invalid() -> tuple[Invalid, ...]:
    """Return them by type; each is the first valid example of its type with one mistake."""
    first = {each.name: each for each in reversed(valid())}
    found: list[Invalid] = []
    for model in INCOMING_TYPES:
        base = first[model.name]
        own = chain.from_iterable(mistakes() for mistakes in _OWN[model.name])
        found += (mistaken(base, mistake) for mistake in chain(invalid_everywhere.in_any_type(base), own))
    found += invalid_everywhere.in_bytes(first["operation.notice"])
    found += (mistaken(first[name], each) for name, each in invalid_operations.by_an_outsider())
    for own_model in OUTGOING_TYPES:
        base = first[own_model.name]
        found += (mistaken(base, mistake) for mistake in invalid_answers.in_answer(own_model.name))
    return tuple(found)
