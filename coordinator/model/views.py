"""What one agency may see of an operation or a conflict: what it said itself and what it was sent, folded in order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from coordinator.model.answers import CloseReason, DeconflictionAlert, DeconflictionClosed, Pointer
from coordinator.model.area import LineString, MultiPolygon, Point, Polygon
from coordinator.model.codes import EventType, Status
from coordinator.model.disputes import (
    ContactMethod,
    Decision,
    DeconflictionAcknowledge,
    DeconflictionClaim,
    DeconflictionHandover,
    DeconflictionResponse,
)
from coordinator.model.geometry import Box, Shape, shape_of
from coordinator.model.messages import type_of
from coordinator.model.operations import (
    OperationCancel,
    OperationClose,
    OperationNotice,
    OperationStatus,
    OperationUpdate,
)
from coordinator.model.volume import OperationState

Json = Mapping[str, Any]  # the body of a message that was validated when it came

_PLANS = frozenset({type_of(OperationNotice), type_of(OperationUpdate)})
_ENDS = {type_of(OperationCancel): OperationState.CANCELLED, type_of(OperationClose): OperationState.CLOSED}
_PROGRESS = type_of(OperationStatus)
_ALERT, _CLOSED = type_of(DeconflictionAlert), type_of(DeconflictionClosed)
_WORDS = {
    type_of(each): each.name.rpartition(".")[2]
    for each in (DeconflictionAcknowledge, DeconflictionClaim, DeconflictionHandover, DeconflictionResponse)
}
OPERATION_TYPES = frozenset({*_PLANS, *_ENDS, _PROGRESS})
CONFLICT_TYPES = frozenset({_ALERT, _CLOSED})
"""What the coordinator says of a conflict; what its sides say is recorded as words on it."""


class Heard(NamedTuple):
    """A message that an agency sent itself, or was sent; what was withdrawn from it is not among them."""

    about: str
    """The operation, or the conflict."""
    sender: str
    type: str
    body: bytes
    recorded: str | None = None
    """When it was put into the agency's feed; None for its own."""


# --- operations -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OperationView:
    """An operation as one agency knows it: its own, or as the newest plan and report that it was sent say."""

    operation_id: str
    agency: str
    own: bool
    state: OperationState
    plan: Json | None = None
    """`data` of the newest notice or update, as its sender wrote it; None when only a report was sent."""
    status: Status = Status.ACTUAL

    @property
    def revision(self) -> int | None:
        """Of the plan that is known."""
        return None if self.plan is None else int(self.plan.get("revision", 1))

    @property
    def name(self) -> str | None:
        """The code word."""
        return None if self.plan is None else str(self.plan["name"])

    @property
    def event_type(self) -> EventType | None:
        """What kind it is."""
        return None if self.plan is None else EventType(self.plan["event_type"])

    @property
    def window(self) -> tuple[datetime, datetime] | None:
        """Half-open, as planned."""
        if self.plan is None:
            return None
        return datetime.fromisoformat(self.plan["start"]), datetime.fromisoformat(self.plan["end"])

    @property
    def shape(self) -> Shape | None:
        """The ground, as planned."""
        return None if self.plan is None else _shape(self.plan["area"])


def _shape(area: Json) -> Shape:
    """The ground of an area that was validated before."""
    match area["type"]:
        case "Point":
            return shape_of(Point.model_construct(**area))
        case "LineString":
            return shape_of(LineString.model_construct(**area))
        case "Polygon":
            return shape_of(Polygon.model_construct(**area))
        case _:
            return shape_of(MultiPolygon.model_construct(**area))


def operation_view(viewer: str, heard: Sequence[Heard]) -> OperationView | None:
    """Fold what an agency said or was sent of one operation, in the order of the journal; None when that is nothing."""
    view: OperationView | None = None
    for each in heard:
        if each.type not in OPERATION_TYPES:
            continue
        data = orjson.loads(each.body)["data"]
        if view is None:
            own = each.sender == viewer
            view = OperationView(each.about, each.sender, own, OperationState.PLANNED, status=Status(data["status"]))
        if each.type in _PLANS:
            view = replace(view, plan=data)
        elif each.type == _PROGRESS:
            view = replace(view, state=OperationState(data["progress"]))
        else:
            view = replace(view, state=_ENDS[each.type])
    return view


# --- conflicts --------------------------------------------------------------------------------------------------------


class Progress(StrEnum):
    """How far the two sides have come (`domain.md`, *Life*)."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLAIMED = "claimed"
    DECIDED = "decided"
    """By both sides; what they decided closes it, or not."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Word:
    """What one of the two sides said of a conflict: whose, what, by whom, and when by its own clock."""

    own: bool
    word: str
    """acknowledge, claim, handover or response."""
    officer_id: str | None
    time: datetime
    decision: Decision | None = None
    minutes: int | None = None
    reason: str | None = None
    successor: str | None = None
    contact: ContactMethod | None = None
    """How the two sides spoke, where they did."""
    stale: bool = False
    """Whether the conflict has changed since."""


@dataclass(frozen=True, slots=True)
class SideView:
    """One side of a conflict, as that side was told: the newest pointer, and whether it still holds."""

    operation_id: str
    """The viewer's own operation."""
    status: Status
    pointer: Pointer
    open: bool
    change: str
    """The last word: opened, changed, reopened, or why it was closed."""
    told: str | None
    """When that word was put into the agency's feed."""
    operation: OperationView | None = None
    """The viewer's own operation, as it stands."""
    words: tuple[Word, ...] = ()
    """What both sides said since it was opened last, in the order of the journal."""
    within: bool = False
    """Whether both operations are the viewer's own: then what it says, it says for both."""

    @property
    def closed_because(self) -> CloseReason | None:
        """Why it no longer holds."""
        return None if self.open else CloseReason(self.change)

    @property
    def progress(self) -> Progress:
        """How far the two sides have come, as far as this one was told."""
        if not self.open:
            return Progress.CLOSED
        said = {(each.own, each.word) for each in self.words if not each.stale}
        if {(True, "response"), (self.within, "response")} <= said:
            return Progress.DECIDED
        if any(each.word != "acknowledge" for each in self.words):
            return Progress.CLAIMED
        return Progress.ACKNOWLEDGED if self.words else Progress.OPEN


@dataclass(frozen=True, slots=True)
class ConflictView:
    """A conflict as one agency knows it; two sides only when both operations are its own."""

    conflict_id: str
    sides: tuple[SideView, ...]

    @property
    def open(self) -> bool:
        """Whether it still holds, as far as the agency was told."""
        return any(side.open for side in self.sides)

    @property
    def status(self) -> Status:
        """Actual, exercise or test: never mixed."""
        return self.sides[0].status


def conflict_view(viewer: str, heard: Sequence[Heard], own: Mapping[str, OperationView]) -> ConflictView | None:
    """Fold what an agency said and was sent of one conflict, in order; `own` are its operations by id."""
    sides: dict[str, SideView] = {}
    for each in heard:
        event = orjson.loads(each.body)
        data = event["data"]
        if each.type == _ALERT:
            pointer = Pointer.model_validate_json(orjson.dumps(data["pointer"]))
            before = sides.get(pointer.operation_id)
            sides[pointer.operation_id] = _alerted(before, pointer, data, each.recorded)
        elif each.type == _CLOSED and data["operation_id"] in sides:
            of = data["operation_id"]
            sides[of] = replace(sides[of], open=False, change=str(data["reason"]), told=each.recorded)
        elif each.type in _WORDS:
            word = _word(each.type, event, own=each.sender == viewer)
            sides = {of: replace(side, words=(*side.words, word)) for of, side in sides.items()}
    if not sides:
        return None
    known = tuple(
        replace(side, operation=own.get(side.operation_id), within=side.pointer.other.agency == viewer)
        for _, side in sorted(sides.items())
    )
    return ConflictView(heard[0].about, known)


def _alerted(before: SideView | None, pointer: Pointer, data: Json, told: str | None) -> SideView:
    """A side as its newest alert shows it; a change makes what was said before stale, a new beginning forgets it."""
    status, change = Status(data["status"]), str(data["change"])
    kept = before.words if before is not None and before.open else ()
    words = tuple(replace(each, stale=True) for each in kept)
    return SideView(pointer.operation_id, status, pointer, open=True, change=change, told=told, words=words)


def _word(kind: str, event: Json, *, own: bool) -> Word:
    data = event["data"]
    met = data.get("contact_made")
    return Word(
        own=own,
        word=_WORDS[kind],
        officer_id=data["originator"].get("officer_id"),
        time=datetime.fromisoformat(event["time"]),
        decision=Decision(data["decision"]) if "decision" in data else None,
        minutes=data.get("minutes"),
        reason=data.get("reason"),
        successor=data.get("successor"),
        contact=ContactMethod(met["method"]) if met is not None else None,
    )


def operations_of(heard: Iterable[Heard]) -> set[str]:
    """The viewer's own operations that alerts speak of."""
    return {str(orjson.loads(each.body)["data"]["pointer"]["operation_id"]) for each in heard if each.type == _ALERT}


# --- questions --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sought:
    """What is asked for; of a conflict, window and ground are those of the viewer's own operation."""

    begin: datetime | None = None
    finish: datetime | None = None
    """Half-open: what ends at `begin`, or starts at `finish`, is not meant."""
    box: Box | None = None
    agency: str | None = None
    """Whose operation; of a conflict, whose the other one is."""
    state: str | None = None
    """`OperationState`; of a conflict `open` or `closed`."""

    def in_window(self, view: OperationView | None) -> bool:
        """Whether an operation takes place in the window that is asked for."""
        if self.begin is None and self.finish is None:
            return True
        window = view.window if view is not None else None
        if window is None:
            return False
        start, end = window
        return (self.finish is None or start < self.finish) and (self.begin is None or end > self.begin)


@dataclass(frozen=True, slots=True)
class OperationPage:
    """Operations in the order of their ids, and the id after which the next page begins (None: there is no more)."""

    views: tuple[OperationView, ...] = ()
    after: str | None = None


@dataclass(frozen=True, slots=True)
class ConflictPage:
    """Conflicts in the order of their ids, and the id after which the next page begins (None: there is no more)."""

    views: tuple[ConflictView, ...] = ()
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an operator may see of an operation or a conflict: who and how far, and nothing of its content."""

    id: str
    agencies: tuple[str, ...]
    state: str
    revisions: tuple[int, ...] = field(default=())
