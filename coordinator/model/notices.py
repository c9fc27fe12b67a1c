"""Messages from desk to desk that carry no operation: situation alerts and acknowledgements."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from coordinator.model.admission import Admission
from coordinator.model.area import Area
from coordinator.model.base import COORDINATOR, Instant
from coordinator.model.codes import (
    AcknowledgeLevel,
    Certainty,
    DeclineReason,
    ImminentReason,
    Lane,
    Priority,
    Severity,
    Situation,
    Urgency,
)
from coordinator.model.envelope import AgencyBody, AgencyEvent, Reference


class AlertBody(AgencyBody):
    """Something happens now; structured, without identity. Words of CAP 1.2."""

    situation: Situation
    priority: Priority
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    imminent_danger: bool
    imminent_reason: ImminentReason | None = None
    area: Area
    to_area: bool = Field(default=False, description="also every agency that covers a county touched by the area")
    expires: Instant

    @model_validator(mode="after")
    def _imminent_danger_is_vouched_for(self) -> Self:
        if self.imminent_danger and (self.imminent_reason is None or self.originator.officer_id is None):
            code = "imminent_danger_not_vouched_for"
            raise PydanticCustomError(code, "imminent danger needs `imminent_reason` and `originator.officer_id`")
        if self.to == (COORDINATOR,) and not self.to_area:
            code = "alert_for_nobody"
            raise PydanticCustomError(code, "an alert names agencies in `to`, or sets `to_area`")
        return self


class SituationAlert(AgencyEvent):
    """Something happens now that others must know."""

    name: ClassVar[str] = "situation.alert"
    admission: ClassVar[Admission] = Admission.ALERT
    lane: ClassVar[Lane] = Lane.ALERT
    type: Literal["gov.mo.coordination.situation.alert.v1"]
    data: AlertBody

    @property
    def always_heard(self) -> bool:
        """An alert is judged by `expires`, never by the sender's clock."""
        return True


class AcknowledgeBody(AgencyBody):
    """How far a message got with a person (`originator.officer_id` says who)."""

    target: Reference
    level: AcknowledgeLevel
    reason: DeclineReason | None = None

    @model_validator(mode="after")
    def _a_decline_has_a_reason(self) -> Self:
        if (self.level is AcknowledgeLevel.DECLINED) != (self.reason is not None):
            code = "decline_reason"
            raise PydanticCustomError(code, "`reason` is given for `declined`, and only then")
        return self


class ReceiptAcknowledge(AgencyEvent):
    """A recipient has displayed, read, accepted or declined a message."""

    name: ClassVar[str] = "receipt.acknowledge"
    admission: ClassVar[Admission] = Admission.ROLE
    type: Literal["gov.mo.coordination.receipt.acknowledge.v1"]
    data: AcknowledgeBody

    @property
    def objects(self) -> tuple[str, ...]:
        """The acknowledgement of that message by this agency."""
        return (f"receipt/{self.data.target.agency}/{self.data.target.id}/{self.agency}",)

    @property
    def always_heard(self) -> bool:
        """A receipt is heard however wrong the clock."""
        return True
