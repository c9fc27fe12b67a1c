"""All examples: those in order, and those with a mistake."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Final

from coordinator.contract import (
    invalid_answers,
    invalid_authority,
    invalid_everywhere,
    invalid_notices,
    invalid_operations,
    valid_answers,
    valid_authority,
    valid_notices,
    valid_operations,
)
from coordinator.contract.example import Invalid, Mistake, Valid, mistaken
from coordinator.model.messages import INCOMING_TYPES, OUTGOING_TYPES

_OWN: Final[Mapping[str, tuple[Callable[[], Iterator[Mistake]], ...]]] = {
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
            valid_notices.alerts(),
            valid_notices.acknowledgements(),
            valid_answers.accepted(),
            valid_answers.refused(),
            valid_answers.conflicts(),
            valid_answers.notes(),
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
    for model in OUTGOING_TYPES:
        base = first[model.name]
        found += (mistaken(base, mistake) for mistake in invalid_answers.in_answer(model.name))
    return tuple(found)
