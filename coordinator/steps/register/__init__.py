"""Step 4: what an admitted message does to the state of the object that it names."""

from datetime import datetime

from coordinator.model.authority import AgreementStatus, CredentialStatus
from coordinator.model.decisions import RefusalCode, Refused
from coordinator.model.disputes import ConflictEvent
from coordinator.model.envelope import AgencyEvent
from coordinator.model.intelligence import IntelligenceEvent
from coordinator.model.notices import ReceiptAcknowledge
from coordinator.model.operations import OperationEvent
from coordinator.model.parties import ComplaintReferral, PartyStatus
from coordinator.model.plan import Known, Target
from coordinator.model.policy import Policy
from coordinator.model.questions import DeconflictionRequest, DeconflictionSubject, DeconflictionWaiver
from coordinator.model.recalls import TargetEvent
from coordinator.model.records import RecordEvent
from coordinator.model.work import Read
from coordinator.steps.register import law, words
from coordinator.steps.register.effects import (
    AcknowledgeEffect,
    AgreementEffect,
    Answered,
    CredentialEffect,
    Effect,
    NoEffect,
    OperationEffect,
    PartyEffect,
    RecordedEffect,
    refused,
)
from coordinator.steps.register.law import policy_after
from coordinator.steps.register.operations import operation, volume_of

__all__ = [
    "AcknowledgeEffect",
    "AgreementEffect",
    "Answered",
    "CredentialEffect",
    "Effect",
    "NoEffect",
    "OperationEffect",
    "PartyEffect",
    "RecordedEffect",
    "apply",
    "policy_after",
    "targets_of",
    "volume_of",
]


def apply(read: Read, received: datetime, known: Known, policy: Policy) -> Effect | Refused:
    """Apply a message to the object's state as it is under the lock; illegal moves are refused."""
    event = read.event
    match event:
        case OperationEvent():
            before = known.operations.get(event.data.operation_id)
            return operation(event, read.shape, received, before, known.told.get(event.data.operation_id, ()))
        case AgreementStatus():
            return law.agreement(event, policy)
        case CredentialStatus():
            return law.credential(event, policy)
        case PartyStatus():
            return law.party(event, policy)
        case ReceiptAcknowledge():
            return _acknowledged(event, known)
        case _:
            return _said(event, known)


def _said(event: AgencyEvent, known: Known) -> Effect | Refused:
    """What is kept as it was said."""
    match event:
        case ConflictEvent():
            return words.on_conflict(event, known)
        case IntelligenceEvent():
            return words.intelligence(event, known)
        case TargetEvent():
            return words.on_target(event, known)
        case RecordEvent():
            return words.on_record(event, known)
        case _:
            return _beside(event, known)


def _beside(event: AgencyEvent, known: Known) -> Effect | Refused:
    """What is kept beside operations and parties."""
    match event:
        case DeconflictionSubject():
            return words.tokens(event, known)
        case DeconflictionRequest():
            return words.question(event, known)
        case DeconflictionWaiver():
            return words.waiver(event, known)
        case ComplaintReferral():
            return words.complaint(event)
        case _:
            return NoEffect()


def _acknowledged(event: ReceiptAcknowledge, known: Known) -> AcknowledgeEffect | Refused:
    (target,) = targets_of(event)
    if target not in known.reached:
        return refused(RefusalCode.UNKNOWN_OR_FORBIDDEN, "data.target")
    return AcknowledgeEffect(target, event.data.level, event.data.originator.officer_id)


def targets_of(event: AgencyEvent) -> tuple[Target, ...]:
    """What the sender says it was sent."""
    return tuple([Target(each.agency, each.id, event.agency) for each in event.received])
