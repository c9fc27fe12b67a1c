"""Every type of message behind one discriminated union, and the registry by short name."""

from typing import Annotated

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

INCOMING_TYPES: tuple[type[Event], ...] = (
    OperationNotice,
    OperationUpdate,
    OperationStatus,
    OperationCancel,
    OperationClose,
    AgreementStatus,
    CredentialStatus,
    SituationAlert,
    ReceiptAcknowledge,
)
OUTGOING_TYPES: tuple[type[Event], ...] = (
    MessageAccepted,
    MessageRefused,
    DeconflictionAlert,
    DeconflictionClosed,
    AuthorityLapsed,
    ServiceHeartbeat,
    FeedWithdrawn,
)


def type_of(model: type[Event]) -> str:
    """The CloudEvents `type` of a model, such as `gov.mo.coordination.operation.notice.v1`."""
    literal = model.model_fields["type"].annotation
    return str(literal.__args__[0])  # type: ignore[union-attr]  # a Literal always has arguments


TYPES: dict[str, type[Event]] = {type_of(model): model for model in (*INCOMING_TYPES, *OUTGOING_TYPES)}
OUTGOING_NAMES: frozenset[str] = frozenset(type_of(model) for model in OUTGOING_TYPES)
