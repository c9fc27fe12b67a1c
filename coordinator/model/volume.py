"""What deconfliction compares: an operation's ground times its window, and the pairs that were found."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from coordinator.model.answers import Change, CloseReason
from coordinator.model.codes import Band, Caution, EventType, Status
from coordinator.model.geometry import Box, Shape
from coordinator.model.operations import Authority, Contact


class OperationState(StrEnum):
    """Where an operation is in its life; the first three are live."""

    PLANNED = "planned"
    STAGED = "staged"
    EXECUTING = "executing"
    CLEAR = "clear"
    CANCELLED = "cancelled"
    CLOSED = "closed"


LIVE_STATES = frozenset({OperationState.PLANNED, OperationState.STAGED, OperationState.EXECUTING, OperationState.CLEAR})
"""An operation is live from acceptance until closed or cancelled; `clear` does not end it."""


@dataclass(frozen=True, slots=True)
class Card:
    """What a pointer to an operation may show, as its owner chose."""

    contact: Contact
    caution: tuple[Caution, ...]
    sealed: bool


@dataclass(frozen=True, slots=True)
class Volume:
    """A live operation as deconfliction sees it: the ground times the half-open window `[start, end)` in UTC."""

    operation_id: str
    agency: str
    revision: int
    status: Status
    event_type: EventType
    shape: Shape
    start: datetime
    end: datetime
    card: Card


@dataclass(frozen=True, slots=True)
class Match:
    """That a rule matches two operations, with what it was decided by; exact figures are for the auditor."""

    rule: str
    rule_version: str
    distance_m: float
    gap_s: int
    band: Band
    act_by: datetime


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """An unordered pair of operations, in one canonical order; there is one record per pair."""

    first: str
    second: str

    @classmethod
    def of(cls, one: str, two: str) -> "Pair":
        """The pair, whichever comes first."""
        return cls(one, two) if one < two else cls(two, one)

    def other(self, operation_id: str) -> str:
        """The other operation of the pair."""
        return self.second if operation_id == self.first else self.first


@dataclass(frozen=True, slots=True)
class Conflict:
    """The record of a pair, as the store holds it."""

    id: str
    pair: Pair
    open: bool
    match: Match
    revisions: tuple[int, int]
    episode: int
    closed_because: CloseReason | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """An operation as the store holds it: its volume, where it is in its life, and what it rests on."""

    volume: Volume
    state: OperationState
    authority: Authority | None = None

    @property
    def live(self) -> bool:
        """Whether it still occupies its volume."""
        return self.state in LIVE_STATES


@dataclass(frozen=True, slots=True)
class Probe:
    """A coarse question to the store: what is live within these boxes and this window (both already widened)."""

    operation_id: str
    status: Status
    boxes: tuple[Box, ...]
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """What the store answered to probes, as of a position: nothing accepted at or after it is in here."""

    position: int
    volumes: Mapping[str, Volume]
    hits: tuple[tuple[str, str], ...]
    """Pairs of a probe's operation and a live operation in its boxes and window."""


@dataclass(frozen=True, slots=True)
class ConflictChange:
    """What becomes of a pair: opened, changed or reopened with a match, or closed with a reason."""

    conflict: Conflict
    change: Change | CloseReason
    first: Volume
    second: Volume
