"""What a message does to an operation: registered, revised, under way, ended."""

from dataclasses import replace
from datetime import datetime

from coordinator.model.codes import Progress
from coordinator.model.decisions import RefusalCode, Refused
from coordinator.model.envelope import AgencyEvent
from coordinator.model.geometry import Shape
from coordinator.model.operations import (
    OperationCancel,
    OperationClose,
    OperationEvent,
    OperationNotice,
    OperationStatus,
    OperationUpdate,
    Plan,
)
from coordinator.model.volume import Card, OperationState, Registered, Volume
from coordinator.steps.register.effects import OperationEffect, refused

BEGUN = frozenset({OperationState.EXECUTING, OperationState.CLEAR})
"""Once an operation has begun, the moment at which it did stays its start, whatever its plan says."""
PROGRESS = {
    Progress.STAGED: OperationState.STAGED,
    Progress.EXECUTING: OperationState.EXECUTING,
    Progress.CLEAR: OperationState.CLEAR,
}


def operation(
    event: OperationEvent,
    shape: Shape | None,
    received: datetime,
    before: Registered | None,
    told: tuple[str, ...],
) -> OperationEffect | Refused:
    """Only its owner changes an operation; cancel and close go to whoever was `told` of it."""
    if isinstance(event, OperationNotice):
        if before is not None:
            own = before.volume.agency == event.agency
            code = RefusalCode.ALREADY_REGISTERED if own else RefusalCode.UNKNOWN_OR_FORBIDDEN
            return refused(code, "data.operation_id")
        return OperationEffect(None, _planned(event, event.data, 1, shape), moved=True)
    if before is None or before.volume.agency != event.agency:
        return refused(RefusalCode.UNKNOWN_OR_FORBIDDEN, "data.operation_id")
    if before.volume.status is not event.data.status:
        return refused(RefusalCode.STATUS_MIXED, "data.status")
    if not before.live:
        return refused(RefusalCode.NOT_LIVE, "data.operation_id")
    return _changed(event, shape, received, before, told)


def _changed(
    event: OperationEvent, shape: Shape | None, received: datetime, before: Registered, told: tuple[str, ...]
) -> OperationEffect | Refused:
    match event:
        case OperationUpdate():
            if event.data.revision != before.volume.revision + 1:
                return refused(RefusalCode.STALE_REVISION, "data.revision")
            planned = _planned(event, event.data, event.data.revision, shape)
            after = replace(planned, state=before.state)
            if before.state in BEGUN:
                after = _from_now(after, before.volume.start)
            return OperationEffect(before, after, moved=True)
        case OperationStatus():
            return _reported(event.data.progress, received, before)
        case OperationCancel():
            return OperationEffect(before, replace(before, state=OperationState.CANCELLED), moved=False, told=told)
        case OperationClose():
            return OperationEffect(before, replace(before, state=OperationState.CLOSED), moved=False, told=told)
        case _:
            return refused(RefusalCode.UNKNOWN_TYPE, "type")


def _reported(progress: Progress, received: datetime, before: Registered) -> OperationEffect | Refused:
    """How far it is: executing overrides the start, and what has begun is not staged again."""
    if progress is Progress.STAGED and before.state in BEGUN:
        return refused(RefusalCode.BEGUN_ALREADY, "data.progress")
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
