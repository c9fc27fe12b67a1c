"""How long what is kept is kept: renewals, validations and holds, by the owner of the record."""

from datetime import timedelta
from enum import StrEnum
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from coordinator.model.base import Frozen, Instant, Uuid, broken
from coordinator.model.decisions import RefusalCode
from coordinator.model.envelope import AgencyEvent, PersonBody, Reference, to_the_coordinator_alone
from coordinator.model.rules import Audience, Rule, Speaker

LONGEST_RENEWAL = timedelta(days=5 * 365 + 1)


class RenewReason(StrEnum):
    """Why a record is kept longer."""

    CASE_OPEN = "case_open"
    PROSECUTION = "prosecution"
    APPEAL = "appeal"


class ValidateReason(StrEnum):
    """Why intelligence still stands."""

    STILL_CURRENT = "still_current"
    CONFIRMED_ANEW = "confirmed_anew"
    CASE_OPEN = "case_open"


class HoldReason(StrEnum):
    """Why a record may not be purged."""

    LITIGATION = "litigation"
    COURT_ORDER = "court_order"
    COMPLAINT = "complaint"
    AUDIT = "audit"


class HoldAction(StrEnum):
    """Whether a hold begins or ends."""

    PLACE = "place"
    LIFT = "lift"


class Record(Frozen):
    """What is kept: an operation, or a message such as a share of intelligence; one of the two."""

    operation_id: Uuid | None = None
    message: Reference | None = None

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if (self.operation_id is None) == (self.message is None):
            raise broken(field="operation_id", because="either `operation_id` or `message`")
        return self

    @property
    def id(self) -> str:
        """The operation's id or the message's."""
        return self.operation_id or (self.message.id if self.message is not None else "")


class IntelligenceRecord(Frozen):
    """A share of intelligence that is kept."""

    message: Reference

    @property
    def operation_id(self) -> None:
        """No operation."""
        return

    @property
    def id(self) -> str:
        """The message's id."""
        return self.message.id


class RecordBody(PersonBody):
    """What every word on retention carries; `originator.officer_id` is the reviewer."""

    record: Record | IntelligenceRecord

    @model_validator(mode="after")
    def _goes_no_further(self) -> Self:
        to_the_coordinator_alone(self)
        return self


class RenewBody(RecordBody):
    """Kept longer."""

    record: Record
    until: Instant = Field(description="until when it is kept")
    reason: RenewReason


class ValidateBody(RecordBody):
    """Found to be right still."""

    record: IntelligenceRecord
    reviewed_at: Instant = Field(description="when it was reviewed")
    review_due: Instant = Field(description="when it is reviewed next, at most five years on")
    reason: ValidateReason


class HoldBody(RecordBody):
    """Not purged while it is held."""

    record: Record
    action: HoldAction
    until: Instant | None = Field(default=None, description="absent when it holds until it is lifted")
    reason: HoldReason

    @model_validator(mode="after")
    def _a_lifted_hold_has_no_end(self) -> Self:
        if self.action is HoldAction.LIFT and self.until is not None:
            raise broken(field="until", because="not given when a hold is lifted")
        return self


class RecordEvent(AgencyEvent):
    """A word on how long a record is kept."""

    data: RecordBody

    @property
    def about(self) -> str:
        """The operation or the message."""
        record = self.data.record
        return f"{'operation' if record.message is None else 'message'}/{record.id}"

    @property
    def operations(self) -> tuple[str, ...]:
        """The operation, if it is one."""
        operation = self.data.record.operation_id
        return () if operation is None else (operation,)

    @property
    def sent(self) -> tuple[Reference, ...]:
        """The message, if it is one."""
        message = self.data.record.message
        return () if message is None else (message,)


def _soon(event: RecordEvent, field: str, moment: Instant) -> None:
    if not event.time < moment <= event.time + LONGEST_RENEWAL:
        because = "after `time`, and at most five years after it"
        raise broken(field=f"data.{field}", because=because, code=RefusalCode.WINDOW_INVALID)


_WINDOW = (RefusalCode.WINDOW_INVALID,)


class RecordRenew(RecordEvent):
    """A record is kept longer than it would be."""

    name: ClassVar[str] = "record.renew"
    rule: ClassVar[Rule] = Rule(
        Speaker.RECORD_OWNER, Audience.NOBODY, "records until when it is kept", "retention and purge", state=_WINDOW
    )
    type: Literal["gov.mo.coordination.record.renew.v1"]
    data: RenewBody

    @model_validator(mode="after")
    def _ends(self) -> Self:
        _soon(self, "until", self.data.until)
        return self


class RecordValidate(RecordEvent):
    """Intelligence was reviewed and stands."""

    name: ClassVar[str] = "record.validate"
    rule: ClassVar[Rule] = Rule(
        Speaker.RECORD_OWNER, Audience.NOBODY, "records who reviewed it, and when it is due next", "review and purge",
        state=(*_WINDOW, RefusalCode.INVALID_FIELD),
    )  # fmt: skip  # one rule, read as one
    type: Literal["gov.mo.coordination.record.validate.v1"]
    data: ValidateBody

    @model_validator(mode="after")
    def _is_reviewed_in_time(self) -> Self:
        _soon(self, "review_due", self.data.review_due)
        return self


class RecordHold(RecordEvent):
    """A record may not be purged, or may be again."""

    name: ClassVar[str] = "record.hold"
    rule: ClassVar[Rule] = Rule(
        Speaker.RECORD_OWNER, Audience.NOBODY, "records that it is held, or held no longer", "retention and purge"
    )
    type: Literal["gov.mo.coordination.record.hold.v1"]
    data: HoldBody
