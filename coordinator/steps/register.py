"""Step 4: what an admitted message does to the state of the object that it names."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from coordinator.model.authority import AgreementStatus, CredentialBody, CredentialStatus
from coordinator.model.codes import AcknowledgeLevel, AgreementState, CredentialState, Progress
from coordinator.model.decisions import RefusalCode, Refused, Stage
from coordinator.model.envelope import AgencyEvent
from coordinator.model.geometry import Shape
from coordinator.model.notices import ReceiptAcknowledge
from coordinator.model.operations import (
    OperationCancel,
    OperationClose,
    OperationEvent,
    OperationNotice,
    OperationStatus,
    OperationUpdate,
    Plan,
)
from coordinator.model.plan import Known, Target
from coordinator.model.policy import AgreementWord, CredentialWord, Policy
from coordinator.model.volume import Card, OperationState, Registered, Volume
from coordinator.model.work import Read

BEGUN = frozenset({OperationState.EXECUTING, OperationState.CLEAR})
"""Once an operation has begun, the moment at which it did stays its start, whatever its plan says."""
PROGRESS = {
    Progress.STAGED: OperationState.STAGED,
    Progress.EXECUTING: OperationState.EXECUTING,
    Progress.CLEAR: OperationState.CLEAR,
}


@dataclass(frozen=True, slots=True)
class OperationEffect:
    """An operation's state before and after; `moved` when its volume must be compared anew."""

    before: Registered | None
    after: Registered
    moved: bool


@dataclass(frozen=True, slots=True)
class AgreementEffect:
    """One side's new word on an agreement."""

    word: AgreementWord


@dataclass(frozen=True, slots=True)
class CredentialEffect:
    """One side's new word on a credential."""

    word: CredentialWord


@dataclass(frozen=True, slots=True)
class AcknowledgeEffect:
    """How far a message got with a person."""

    target: Target
    level: AcknowledgeLevel
    officer_id: str | None


@dataclass(frozen=True, slots=True)
class NoEffect:
    """The message changes no state; it is passed on."""


Effect = OperationEffect | AgreementEffect | CredentialEffect | AcknowledgeEffect | NoEffect


def apply(read: Read, received: datetime, known: Known, policy: Policy) -> Effect | Refused:
    """Apply a message to the object's state as it is under the lock; illegal moves are refused."""
    event = read.event
    match event:
        case OperationEvent():
            return _operation(event, read.shape, received, known.operations.get(event.data.operation_id))
        case AgreementStatus():
            return _agreement(event, policy)
        case CredentialStatus():
            return _credential(event, policy)
        case ReceiptAcknowledge():
            target = target_of(event)
            if target not in known.reached:
                return _refused(RefusalCode.UNKNOWN_OR_FORBIDDEN, "data.target")
            return AcknowledgeEffect(target, event.data.level, event.data.originator.officer_id)
        case _:
            return NoEffect()


def target_of(event: ReceiptAcknowledge) -> Target:
    """What is acknowledged, and by whom."""
    return Target(event.data.target.agency, event.data.target.id, event.agency)


def _operation(
    event: OperationEvent, shape: Shape | None, received: datetime, before: Registered | None
) -> OperationEffect | Refused:
    if isinstance(event, OperationNotice):
        if before is not None:
            own = before.volume.agency == event.agency
            code = RefusalCode.ALREADY_REGISTERED if own else RefusalCode.UNKNOWN_OR_FORBIDDEN
            return _refused(code, "data.operation_id")
        return OperationEffect(None, _planned(event, event.data, 1, shape), moved=True)
    if before is None or before.volume.agency != event.agency:
        return _refused(RefusalCode.UNKNOWN_OR_FORBIDDEN, "data.operation_id")
    if before.volume.status is not event.data.status:
        return _refused(RefusalCode.STATUS_MIXED, "data.status")
    if not before.live:
        return _refused(RefusalCode.NOT_LIVE, "data.operation_id")
    return _changed(event, shape, received, before)


def _changed(
    event: OperationEvent, shape: Shape | None, received: datetime, before: Registered
) -> OperationEffect | Refused:
    match event:
        case OperationUpdate():
            if event.data.revision != before.volume.revision + 1:
                return _refused(RefusalCode.STALE_REVISION, "data.revision")
            planned = _planned(event, event.data, event.data.revision, shape)
            after = replace(planned, state=before.state)
            if before.state in BEGUN:
                after = _from_now(after, before.volume.start)
            return OperationEffect(before, after, moved=True)
        case OperationStatus():
            return _reported(event.data.progress, received, before)
        case OperationCancel():
            return OperationEffect(before, replace(before, state=OperationState.CANCELLED), moved=False)
        case OperationClose():
            return OperationEffect(before, replace(before, state=OperationState.CLOSED), moved=False)
        case _:
            return _refused(RefusalCode.UNKNOWN_TYPE, "type")


def _reported(progress: Progress, received: datetime, before: Registered) -> OperationEffect | Refused:
    """How far it is: executing overrides the start, and what has begun is not staged again."""
    if progress is Progress.STAGED and before.state in BEGUN:
        return _refused(RefusalCode.BEGUN_ALREADY, "data.progress")
    after = replace(before, state=PROGRESS[progress])
    if progress is Progress.EXECUTING:
        after = _from_now(after, received)
    return OperationEffect(before, after, moved=after.volume != before.volume)


def volume_of(event: AgencyEvent, plan: Plan, revision: int, shape: Shape) -> Volume:
    """The volume that a plan occupies."""
    card = Card(plan.contact, plan.caution, plan.sealed)
    return Volume(
        plan.operation_id, event.agency, revision, plan.status, plan.event_type, shape, plan.start, plan.end, card
    )


def _planned(event: AgencyEvent, plan: Plan, revision: int, shape: Shape | None) -> Registered:
    if shape is None:
        msg = "a plan was read without its shape"
        raise TypeError(msg)
    return Registered(volume_of(event, plan, revision, shape), OperationState.PLANNED, plan.authority)


def _from_now(registered: Registered, now: datetime) -> Registered:
    """Executing overrides a start that lies ahead."""
    volume = registered.volume
    return replace(registered, volume=replace(volume, start=min(volume.start, now)))


def _agreement(event: AgreementStatus, policy: Policy) -> AgreementEffect | Refused:
    """An agreement's kind and parties are its identity: whoever speaks first fixes them."""
    said = event.data
    first = next(iter(policy.words_of.get(said.agreement_id, ())), None)
    if first is not None:
        if event.agency not in first.terms.parties:
            return _refused(RefusalCode.UNKNOWN_OR_FORBIDDEN, "data.agreement_id")
        same = first.terms.kind is said.kind and set(first.terms.parties) == set(said.parties)
        if not same:
            return _refused(RefusalCode.TERMS_FIXED, "data.parties")
    ended = any(word.state is AgreementState.TERMINATED for word in policy.words_of.get(said.agreement_id, ()))
    if ended and said.state is not AgreementState.TERMINATED:
        return _refused(RefusalCode.ENDED_FOR_GOOD, "data.state")
    return AgreementEffect(AgreementWord(said.agreement_id, event.agency, said.terms, said.state))


def _credential(event: CredentialStatus, policy: Policy) -> CredentialEffect | Refused:
    said = event.data
    if said.state is not CredentialState.REVOKED and _revoked(policy, said):
        return _refused(RefusalCode.ENDED_FOR_GOOD, "data.state")
    window = said.valid_from, said.valid_to
    return CredentialEffect(
        CredentialWord(said.agreement_id, said.officer_id, event.agency, said.state, said.functions, *window)
    )


def policy_after(policy: Policy, outcomes: Iterable[object]) -> Policy:
    """The policy with the words that a unit's outcomes hold; it moves by one version when anything was said."""
    agreements, credentials = policy.agreement_words, policy.credential_words
    moved = False
    for outcome in outcomes:
        match outcome:
            case AgreementEffect(word=said):
                side = (said.agreement_id, said.agency)
                agreements = (*(each for each in agreements if (each.agreement_id, each.agency) != side), said)
                moved = True
            case CredentialEffect(word=spoken):
                key = (spoken.agreement_id, spoken.officer_id, spoken.agency)
                kept = (each for each in credentials if (each.agreement_id, each.officer_id, each.agency) != key)
                credentials = (*kept, spoken)
                moved = True
            case _:
                pass
    return Policy(policy.version + 1, policy.lead, agreements, credentials) if moved else policy


def _revoked(policy: Policy, said: CredentialBody) -> bool:
    """Whether either side has revoked the credential: then one side's word alone can never bring it back."""
    return any(
        word.state is CredentialState.REVOKED
        for word in policy.credential_words
        if (word.agreement_id, word.officer_id) == (said.agreement_id, said.officer_id)
    )


def _refused(code: RefusalCode, field: str) -> Refused:
    return Refused(code, Stage.REGISTER, field)
