"""Every type of message behind one discriminated union, and the registry by short name."""

from functools import cache
from typing import Annotated, get_args

from pydantic import Field, TypeAdapter

from coordinator.model.answers import (
    AuthorityLapsed,
    DeconflictionAlert,
    DeconflictionClosed,
    FeedWithdrawn,
    MessageAccepted,
    MessageRefused,
    ServiceHeartbeat,
)
from coordinator.model.authority import AgreementStatus, CredentialStatus
from coordinator.model.envelope import Event
from coordinator.model.notices import ReceiptAcknowledge, SituationAlert
from coordinator.model.operations import (
    OperationCancel,
    OperationClose,
    OperationNotice,
    OperationStatus,
    OperationUpdate,
)

Incoming = Annotated[
    OperationNotice
    | OperationUpdate
    | OperationStatus
    | OperationCancel
    | OperationClose
    | AgreementStatus
    | CredentialStatus
    | SituationAlert
    | ReceiptAcknowledge,
    Field(discriminator="type"),
]
"""What an agency may send."""

Outgoing = Annotated[
    MessageAccepted
    | MessageRefused
    | DeconflictionAlert
    | DeconflictionClosed
    | AuthorityLapsed
    | ServiceHeartbeat
    | FeedWithdrawn,
    Field(discriminator="type"),
]
"""What the coordinator itself sends."""

Message = Annotated[Incoming | Outgoing, Field(discriminator="type")]

INCOMING: TypeAdapter[Incoming] = TypeAdapter(Incoming)
MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)


def _members(union: object) -> tuple[type[Event], ...]:
    """The models of a discriminated union, in the order written."""
    plain, *_ = get_args(union)
    return get_args(plain)


INCOMING_TYPES = _members(Incoming)
OUTGOING_TYPES = _members(Outgoing)


@cache
def type_of(model: type[Event]) -> str:
    """The CloudEvents `type` of a model, such as `gov.mo.coordination.operation.notice.v1`."""
    (name,) = get_args(model.model_fields["type"].annotation)
    return str(name)


TYPES: dict[str, type[Event]] = {type_of(model): model for model in (*INCOMING_TYPES, *OUTGOING_TYPES)}
OUTGOING_NAMES: frozenset[str] = frozenset(type_of(model) for model in OUTGOING_TYPES)
