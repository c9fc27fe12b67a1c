"""The coordinator's own messages: receipts, refusals, alerts, closures, lapses, heartbeats, stubs."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from coordinator.model.base import MAX_SAFE_INTEGER, AgencyId, Digest, Frozen, HexHash, Instant, OfficerId, Uuid
from coordinator.model.codes import Band, Caution, Lane
from coordinator.model.decisions import Flag, Hint, RefusalCode, Stage, WithheldReason
from coordinator.model.envelope import Body, OwnEvent, Reference
from coordinator.model.operations import Contact

MAX_POINTERS = 50
"""In one receipt, which so stays well below the largest message."""
Position = Annotated[int, Field(ge=0, le=MAX_SAFE_INTEGER, description="the entry's place in the journal, zero-based")]
QUARTER_HOUR = timedelta(minutes=15)


class Deconfliction(StrEnum):
    """What is known at the position; never "clear"."""

    NONE_KNOWN = "none_known"
    CONFLICT = "conflict"


class Coverage(StrEnum):
    """Against what an operation was compared."""

    ACTUAL = "actual"
    NOT_DECONFLICTED_AGAINST_ACTUAL = "not_deconflicted_against_actual"


class AuthorityVerdict(StrEnum):
    """Whether the 287(g) authority that an operation rests on is known to be in force."""

    PROVEN = "proven"
    UNPROVEN = "unproven"
    NONE = "none"


class Standing(StrEnum):
    """What the last word on an agreement or a credential leaves it at."""

    IN_FORCE = "in_force"
    WAITING_FOR_OTHER_SIDE = "waiting_for_other_side"
    TERMS_DIFFER = "terms_differ"
    NOT_IN_FORCE = "not_in_force"


class Withheld(Frozen):
    """A named recipient that was not told, and why."""

    agency: AgencyId
    reason: WithheldReason


class Other(Frozen):
    """The other side of a conflict, as its owner chose to be reached."""

    agency: AgencyId
    contact: Contact
    caution: tuple[Caution, ...] = Field(default=(), description="what an officer who goes there must know")


class Eyes(StrEnum):
    """Who may see a pointer to a sealed operation."""

    HEADQUARTERS = "headquarters"


class Pointer(Frozen):
    """That somebody else is there and whom to call; too coarse to find them by."""

    conflict_id: Uuid = Field(description="one for each pair of operations, whatever is resent or updated")
    operation_id: Uuid = Field(description="the reader's own operation")
    other: Other
    band: Band | None = Field(default=None, description="absent for a sealed operation")
    act_by: Instant | None = Field(default=None, description="rounded down to a quarter hour")
    eyes: Eyes | None = None


def quarter_hour_before(moment: datetime) -> datetime:
    """The moment rounded down to a quarter hour, so that it does not give the other side's start away."""
    return moment - timedelta(minutes=moment.minute % 15, seconds=moment.second, microseconds=moment.microsecond)


class AcceptedBody(Body):
    """The receipt of an accepted message."""

    target: Reference = Field(description="the message accepted")
    position: Position
    entry: Uuid = Field(description="the journal's entry about it")
    digest: Digest = Field(description="of the exact bytes received")
    leaf_hash: HexHash = Field(description="of the entry, by which its place in the journal can be proven")
    recipients: tuple[AgencyId, ...] = Field(default=(), description="who is told")
    withheld: tuple[Withheld, ...] = Field(default=(), description="who was named and is not told, and why")
    flags: tuple[Flag, ...] = Field(default=(), description="what is odd about it")
    operation_id: Uuid | None = None
    revision: Annotated[int, Field(ge=1, le=MAX_SAFE_INTEGER)] | None = Field(
        default=None, description="of the operation, as it stands now"
    )
    deconfliction: Deconfliction | None = None
    coverage: Coverage | None = None
    conflicts: tuple[Pointer, ...] = Field(
        default=(), max_length=MAX_POINTERS, description="one for each conflict known at the position"
    )
    more_conflicts: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="how many more there are; each comes as an alert of its own"
    )
    counties: tuple[str, ...] = Field(default=(), description="the counties touched, read back")
    authority: AuthorityVerdict | None = None
    standing: Standing | None = Field(default=None, description="of the agreement or credential spoken of")


class MessageAccepted(OwnEvent):
    """Accepted means durable."""

    name: ClassVar[str] = "message.accepted"
    type: Literal["gov.mo.coordination.message.accepted.v1"] = "gov.mo.coordination.message.accepted.v1"
    data: AcceptedBody


class RefusedBody(Body):
    """The receipt of a refused message."""

    target: Reference | None = Field(default=None, description="absent when the message was unreadable")
    position: Position
    entry: Uuid = Field(description="the journal's entry about it")
    digest: Digest = Field(description="of the exact bytes received")
    code: RefusalCode
    stage: Stage
    field: str | None = Field(default=None, max_length=128, description="the field at fault, as a dotted path")
    hint: Hint | None = None
    explanation: str = Field(max_length=256, description="the code in plain words")
    withheld: tuple[Withheld, ...] = Field(default=(), description="which recipients it is about, and why each")


class MessageRefused(OwnEvent):
    """Refused, with a closed reason; nothing was delivered."""

    name: ClassVar[str] = "message.refused"
    type: Literal["gov.mo.coordination.message.refused.v1"] = "gov.mo.coordination.message.refused.v1"
    data: RefusedBody


class Change(StrEnum):
    """What happened to a conflict."""

    OPENED = "opened"
    CHANGED = "changed"
    REOPENED = "reopened"


class ConflictBody(Body):
    """A conflict, as one side sees it."""

    change: Change
    pointer: Pointer


class DeconflictionAlert(OwnEvent):
    """Two operations come too near each other; both sides are told alike."""

    name: ClassVar[str] = "deconfliction.alert"
    lane: ClassVar[Lane] = Lane.ALERT
    type: Literal["gov.mo.coordination.deconfliction.alert.v1"] = "gov.mo.coordination.deconfliction.alert.v1"
    data: ConflictBody


class CloseReason(StrEnum):
    """Why a conflict no longer holds."""

    OPERATION_CANCELLED = "operation_cancelled"
    OPERATION_CLOSED = "operation_closed"
    MOVED_APART = "moved_apart"


class ConflictClosedBody(Body):
    """A conflict that no longer holds."""

    conflict_id: Uuid = Field(description="the conflict that was alerted")
    operation_id: Uuid = Field(description="the reader's own operation")
    other_agency: AgencyId
    reason: CloseReason


class DeconflictionClosed(OwnEvent):
    """A conflict no longer holds."""

    name: ClassVar[str] = "deconfliction.closed"
    lane: ClassVar[Lane] = Lane.ALERT
    type: Literal["gov.mo.coordination.deconfliction.closed.v1"] = "gov.mo.coordination.deconfliction.closed.v1"
    data: ConflictClosedBody


class LapseReason(StrEnum):
    """Why an operation's authority is not, or no longer, proven."""

    CREDENTIAL_NOT_IN_FORCE = "credential_not_in_force"
    AGREEMENT_NOT_IN_FORCE = "agreement_not_in_force"


class LapsedBody(Body):
    """An officer of a live operation is without the authority that the operation names."""

    operation_id: Uuid = Field(description="the operation that names the officer")
    agency: AgencyId = Field(description="whose operation it is")
    officer_id: OfficerId
    reason: LapseReason


class AuthorityLapsed(OwnEvent):
    """An officer lost authority during an operation's window."""

    name: ClassVar[str] = "authority.lapsed"
    lane: ClassVar[Lane] = Lane.ALERT
    type: Literal["gov.mo.coordination.authority.lapsed.v1"] = "gov.mo.coordination.authority.lapsed.v1"
    data: LapsedBody


class HeartbeatBody(Body):
    """Silence must not read as "no conflicts"."""

    last_sequence: Annotated[int, Field(ge=0, le=MAX_SAFE_INTEGER)]
    """The last number in the reader's feed; whoever has less has missed something."""


class ServiceHeartbeat(OwnEvent):
    """The coordinator is alive; no sequence, no leaf, expires in 120 s."""

    name: ClassVar[str] = "service.heartbeat"
    type: Literal["gov.mo.coordination.service.heartbeat.v1"] = "gov.mo.coordination.service.heartbeat.v1"
    data: HeartbeatBody


class WithdrawnReason(StrEnum):
    """Why a content was withdrawn between acceptance and delivery."""

    AGREEMENT_ENDED = "agreement_ended"


class WithdrawnBody(Body):
    """Stands in the place of content that may no longer be delivered."""

    target: Reference = Field(description="the message withdrawn")
    recipient: AgencyId = Field(description="from whom it is withheld")
    reason: WithdrawnReason


class FeedWithdrawn(OwnEvent):
    """The stub that replaces withdrawn content; the sender is told with the same words."""

    name: ClassVar[str] = "feed.withdrawn"
    type: Literal["gov.mo.coordination.feed.withdrawn.v1"] = "gov.mo.coordination.feed.withdrawn.v1"
    data: WithdrawnBody
