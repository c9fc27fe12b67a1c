"""Messages from desk to desk that carry no operation: situation alerts and acknowledgements."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from coordinator.model.area import Area
from coordinator.model.base import COORDINATOR, Instant, broken
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
from coordinator.model.decisions import RefusalCode
from coordinator.model.envelope import AgencyBody, AgencyEvent, Reference
from coordinator.model.rules import Audience, Heard, Rule, Speaker


class AlertBody(AgencyBody):
    """Something happens now; structured, without identity. Words of CAP 1.2."""

    situation: Situation
    priority: Priority
    urgency: Urgency
    severity: Severity
    certainty: Certainty
    imminent_danger: bool = Field(description="whether it reaches every recipient without an agreement")
    imminent_reason: ImminentReason | None = None
    area: Area = Field(description="where it matters")
    to_area: bool = Field(default=False, description="also every agency that covers a county touched by the area")
    expires: Instant = Field(description="when it is no longer to be acted on")

    @model_validator(mode="after")
    def _imminent_danger_is_vouched_for(self) -> Self:
        if self.imminent_danger != (self.imminent_reason is not None):
            raise broken(field="imminent_reason", because="given for imminent danger, and only then")
        if self.imminent_danger and self.originator.officer_id is None:
            raise broken(field="originator.officer_id", because="an officer vouches for imminent danger")
        return self

    @model_validator(mode="after")
    def _is_for_somebody(self) -> Self:
        if self.to == (COORDINATOR,) and not self.to_area:
            raise broken(field="to", because="an alert names agencies in `to`, or sets `to_area`")
        return self


class SituationAlert(AgencyEvent):
    """Something happens now that others must know."""

    name: ClassVar[str] = "situation.alert"
    rule: ClassVar[Rule] = Rule(
        Speaker.ANYBODY,
        Audience.EVERYBODY_IN_DANGER,
        "is passed on, before notices",
        later="the review of imminent danger by DPS within 24 h",
        heard=Heard.ALWAYS,
        state=(
            RefusalCode.EXPIRED,
            RefusalCode.AREA_INVALID,
            RefusalCode.AREA_OUTSIDE,
            RefusalCode.AREA_TOO_LARGE,
        ),
    )
    lane: ClassVar[Lane] = Lane.ALERT
    type: Literal["gov.mo.coordination.situation.alert.v1"]
    data: AlertBody


class AcknowledgeBody(AgencyBody):
    """How far a message got with a person (`originator.officer_id` says who)."""

    target: Reference = Field(description="the message acknowledged")
    level: AcknowledgeLevel
    reason: DeclineReason | None = Field(default=None, description="for `declined`, and only then")

    @model_validator(mode="after")
    def _a_decline_has_a_reason(self) -> Self:
        if (self.level is AcknowledgeLevel.DECLINED) != (self.reason is not None):
            raise broken(field="reason", because="given for `declined`, and only then")
        return self


class ReceiptAcknowledge(AgencyEvent):
    """A recipient has displayed, read, accepted or declined a message."""

    name: ClassVar[str] = "receipt.acknowledge"
    rule: ClassVar[Rule] = Rule(
        Speaker.RECIPIENT,
        Audience.TARGETS_SENDER,
        "records how far a message got, and with which person",
        heard=Heard.ALWAYS,
    )
    type: Literal["gov.mo.coordination.receipt.acknowledge.v1"]
    data: AcknowledgeBody

    @property
    def about(self) -> str:
        """The message acknowledged."""
        return f"message/{self.data.target.id}"

    @property
    def objects(self) -> tuple[str, ...]:
        """The acknowledgement of that message by this agency."""
        return (f"receipt/{self.data.target.agency}/{self.data.target.id}/{self.agency}",)

    @property
    def received(self) -> tuple[Reference, ...]:
        """The message acknowledged."""
        return (self.data.target,)
