"""Messages about operations: notice, update, status, cancel, close."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from coordinator.model.area import Area
from coordinator.model.base import AgencyId, Code, Distinct, Frozen, Instant, OfficerId, Phone, Uuid, broken
from coordinator.model.codes import CancelReason, Caution, Duty, EventType, Function, Outcome, Progress, UpdateReason
from coordinator.model.decisions import RefusalCode
from coordinator.model.envelope import MAX_RECIPIENTS, AgencyBody, AgencyEvent
from coordinator.model.rules import Audience, Heard, Rule, Speaker

_PLAN = (
    RefusalCode.AREA_INVALID,
    RefusalCode.AREA_OUTSIDE,
    RefusalCode.AREA_TOO_LARGE,
    RefusalCode.WINDOW_INVALID,
    RefusalCode.WINDOW_TOO_LONG,
    RefusalCode.WINDOW_OVER,
)
"""What refuses a plan for its ground and its window."""


class Contact(Frozen):
    """Whom the other side calls; the owner chooses what the pointer shows."""

    officer_id: OfficerId | None = Field(default=None, description="absent when the desk answers")
    callback: Phone = Field(description="answered 24/7")
    backup: Phone = Field(description="when the callback does not answer")


class Authority(Frozen):
    """The 287(g) authority that the duty rests on."""

    function: Function
    officer_ids: Annotated[tuple[OfficerId, ...], Field(min_length=1, max_length=64), Distinct()]
    """Every officer who will use it; each needs a credential in force for the whole window."""


class OperationBody(AgencyBody):
    """What every message about an operation carries."""

    operation_id: Uuid = Field(description="given by the agency that registers it, and by nobody else")


class Plan(OperationBody):
    """The planned operation in full; an update says all of it again."""

    name: Code
    event_type: EventType
    duty: Duty
    start: Instant = Field(description="when the ground is first occupied")
    end: Instant = Field(description="when it is left, exclusive")
    area: Area = Field(description="the ground occupied")
    lead: AgencyId
    participating: Annotated[tuple[AgencyId, ...], Field(max_length=MAX_RECIPIENTS), Distinct()] = ()
    """Agencies on the ground beside the lead."""
    joint_with: Annotated[tuple[Uuid, ...], Field(max_length=MAX_RECIPIENTS), Distinct()] = ()
    """Operations planned together with this one."""
    contact: Contact
    authority: Authority | None = None
    plainclothes: bool = Field(description="whether officers work without uniform")
    caution: Annotated[tuple[Caution, ...], Field(max_length=len(Caution)), Distinct()] = ()
    """What an officer who walks into the area must know."""
    sealed: bool = Field(default=False, description="whether the other side of a conflict learns the contact only")
    field_play: bool = Field(default=False, description="whether an exercise occupies real ground")

    @model_validator(mode="after")
    def _window_is_not_empty(self) -> Self:
        if self.end <= self.start:
            raise broken(field="end", because="`end` is not after `start`", code=RefusalCode.WINDOW_INVALID)
        return self


class Revision(Plan):
    """A revised plan."""

    revision: Annotated[int, Field(ge=2, le=1_000_000, description="the notice is revision 1; one more each time")]
    reason: UpdateReason


class StatusReport(OperationBody):
    """How far the operation is."""

    progress: Progress


class Cancellation(OperationBody):
    """The operation will not take place."""

    reason: CancelReason


class Closure(OperationBody):
    """The operation has ended."""

    outcome: Outcome


class OperationEvent(AgencyEvent):
    """A message about an operation; registered whoever may read it."""

    data: OperationBody

    @property
    def about(self) -> str:
        """The operation."""
        return f"operation/{self.data.operation_id}"

    @property
    def operations(self) -> tuple[str, ...]:
        """The operation."""
        return (self.data.operation_id,)

    @property
    def moves(self) -> bool:
        """Any of them may."""
        return True


class OperationNotice(OperationEvent):
    """An operation is planned."""

    name: ClassVar[str] = "operation.notice"
    rule: ClassVar[Rule] = Rule(
        Speaker.PARTICIPANT,
        Audience.EACH_BY_AGREEMENT,
        "registers the operation and compares it with every live one; conflicts are told to both sides",
        heard=Heard.ALWAYS,
        state=(*_PLAN, RefusalCode.ALREADY_REGISTERED, RefusalCode.UNKNOWN_OR_FORBIDDEN),
    )
    type: Literal["gov.mo.coordination.operation.notice.v1"]
    data: Plan


class OperationUpdate(OperationEvent):
    """The plan has changed."""

    name: ClassVar[str] = "operation.update"
    rule: ClassVar[Rule] = Rule(
        Speaker.PARTICIPATING_OWNER,
        Audience.EACH_BY_AGREEMENT,
        "revises the operation and compares it anew",
        heard=Heard.ALWAYS,
        state=(*_PLAN, RefusalCode.STALE_REVISION, RefusalCode.NOT_LIVE),
    )
    type: Literal["gov.mo.coordination.operation.update.v1"]
    data: Revision

    @property
    def comes_first(self) -> bool:
        """It moves an operation that was there before: what was accepted before it meets the operation as it was."""
        return True


class OperationStatus(OperationEvent):
    """Staged, executing or clear."""

    name: ClassVar[str] = "operation.status"
    rule: ClassVar[Rule] = Rule(
        Speaker.PARTICIPATING_OWNER,
        Audience.EACH_BY_AGREEMENT,
        "records how far the operation is; executing overrides its start",
        heard=Heard.ALWAYS,
        state=(RefusalCode.NOT_LIVE, RefusalCode.BEGUN_ALREADY),
    )
    type: Literal["gov.mo.coordination.operation.status.v1"]
    data: StatusReport

    @property
    def comes_first(self) -> bool:
        """As an update, when the operation begins early."""
        return self.data.progress is Progress.EXECUTING


class OperationCancel(OperationEvent):
    """The plan is given up."""

    name: ClassVar[str] = "operation.cancel"
    rule: ClassVar[Rule] = Rule(
        Speaker.OPERATION_OWNER,
        Audience.WHO_WAS_TOLD,
        "ends the operation: it will not take place; its conflicts close",
        heard=Heard.ALWAYS,
        state=(RefusalCode.NOT_LIVE,),
    )
    type: Literal["gov.mo.coordination.operation.cancel.v1"]
    data: Cancellation


class OperationClose(OperationEvent):
    """The operation is over."""

    name: ClassVar[str] = "operation.close"
    rule: ClassVar[Rule] = Rule(
        Speaker.OPERATION_OWNER,
        Audience.WHO_WAS_TOLD,
        "ends the operation: it is over; its conflicts close",
        heard=Heard.ALWAYS,
        state=(RefusalCode.NOT_LIVE,),
    )
    type: Literal["gov.mo.coordination.operation.close.v1"]
    data: Closure
