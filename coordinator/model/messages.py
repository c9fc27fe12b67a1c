"""Every type of message behind one discriminated union, and the registry by short name."""

from functools import cache
from typing import Annotated, Any, get_args

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
from coordinator.model.disputes import (
    DeconflictionAcknowledge,
    DeconflictionClaim,
    DeconflictionHandover,
    DeconflictionResponse,
)
from coordinator.model.envelope import AgencyEvent, Event, OwnEvent
from coordinator.model.intelligence import IntelligenceRelease, IntelligenceRequest, IntelligenceShare
from coordinator.model.notices import ReceiptAcknowledge, SituationAlert
from coordinator.model.operations import (
    OperationCancel,
    OperationClose,
    OperationNotice,
    OperationStatus,
    OperationUpdate,
)
from coordinator.model.parties import ComplaintReferral, PartyStatus
from coordinator.model.questions import DeconflictionRequest, DeconflictionSubject, DeconflictionWaiver
from coordinator.model.recalls import MessageCorrect, MessageRecall
from coordinator.model.records import RecordHold, RecordRenew, RecordValidate
from coordinator.model.reports import (
    DeconflictionEscalation,
    DeconflictionResult,
    RecallOutstanding,
    RecordPurged,
    RecordReview,
)

Incoming = Annotated[
    OperationNotice
    | OperationUpdate
    | OperationStatus
    | OperationCancel
    | OperationClose
    | DeconflictionSubject
    | DeconflictionRequest
    | DeconflictionAcknowledge
    | DeconflictionClaim
    | DeconflictionHandover
    | DeconflictionResponse
    | DeconflictionWaiver
    | IntelligenceShare
    | IntelligenceRequest
    | IntelligenceRelease
    | SituationAlert
    | MessageRecall
    | MessageCorrect
    | RecordRenew
    | RecordValidate
    | RecordHold
    | ReceiptAcknowledge
    | PartyStatus
    | ComplaintReferral
    | AgreementStatus
    | CredentialStatus,
    Field(discriminator="type"),
]
"""What an agency may send."""

Outgoing = Annotated[
    MessageAccepted
    | MessageRefused
    | DeconflictionResult
    | DeconflictionAlert
    | DeconflictionEscalation
    | DeconflictionClosed
    | AuthorityLapsed
    | RecallOutstanding
    | RecordReview
    | RecordPurged
    | FeedWithdrawn
    | ServiceHeartbeat,
    Field(discriminator="type"),
]
"""What the coordinator itself sends."""

Message = Annotated[Incoming | Outgoing, Field(discriminator="type")]

INCOMING: TypeAdapter[Incoming] = TypeAdapter(Incoming)
MESSAGE: TypeAdapter[Message] = TypeAdapter(Message)


def _members(union: object) -> Any:  # noqa: ANN401  # the tuple of models, as the union names them
    """The models of a discriminated union, in the order written."""
    plain, *_ = get_args(union)
    return get_args(plain)


INCOMING_TYPES: tuple[type[AgencyEvent], ...] = _members(Incoming)
OUTGOING_TYPES: tuple[type[OwnEvent], ...] = _members(Outgoing)


@cache
def type_of(model: type[Event]) -> str:
    """The CloudEvents `type` of a model, such as `gov.mo.coordination.operation.notice.v1`."""
    (name,) = get_args(model.model_fields["type"].annotation)
    return str(name)


TYPES: dict[str, type[Event]] = {type_of(model): model for model in (*INCOMING_TYPES, *OUTGOING_TYPES)}
OUTGOING_NAMES: frozenset[str] = frozenset(type_of(model) for model in OUTGOING_TYPES)
