"""Taking back or putting right what was sent: heard by any clock, told to every past recipient."""

from enum import StrEnum
from typing import ClassVar, Final, Literal

from pydantic import Field

from coordinator.model.base import Uuid
from coordinator.model.decisions import RefusalCode
from coordinator.model.envelope import AgencyBody, AgencyEvent, Reference
from coordinator.model.rules import Audience, Heard, Rule, Speaker

RECALLABLE: Final = frozenset(
    {"situation.alert", "intelligence.share", "intelligence.request", "intelligence.release", "complaint.referral"}
)
"""Short types that may be recalled or corrected. An operation is cancelled or updated, an agreement suspended, a
word on a conflict said anew: each of them has its own way, which also changes what holds."""


class RecallReason(StrEnum):
    """Why a message is taken back."""

    SENT_IN_ERROR = "sent_in_error"
    NOT_LAWFUL = "not_lawful"
    SOURCE_DISCREDITED = "source_discredited"
    COURT_ORDER = "court_order"
    SUPERSEDED = "superseded"


class CorrectReason(StrEnum):
    """Why a message is put right."""

    WRONG_SUBJECT = "wrong_subject"
    WRONG_PLACE = "wrong_place"
    WRONG_TIME = "wrong_time"
    WRONG_GRADING = "wrong_grading"
    INCOMPLETE = "incomplete"


class RecallBody(AgencyBody):
    """Which message is taken back."""

    target: Reference = Field(description="the sender's own message")
    reason: RecallReason


class CorrectBody(AgencyBody):
    """Which message is put right, and by which."""

    target: Reference = Field(description="the sender's own message")
    reason: CorrectReason
    replacement: Uuid | None = Field(default=None, description="the sender's message that says it rightly, if there is")


class TargetEvent(AgencyEvent):
    """A message about one that the sender has sent before."""

    data: RecallBody | CorrectBody

    @property
    def about(self) -> str:
        """The message spoken of."""
        return f"message/{self.data.target.id}"

    @property
    def objects(self) -> tuple[str, ...]:
        """The message spoken of: a release of it never meets its recall."""
        return (f"sent/{self.data.target.agency}/{self.data.target.id}",)

    @property
    def sent(self) -> tuple[Reference, ...]:
        """The message spoken of."""
        return (self.data.target,)


def _rule(effect: str, later: str) -> Rule:
    state = (RefusalCode.STATUS_MIXED, RefusalCode.NOT_RECALLABLE, RefusalCode.RECALLED_ALREADY)
    return Rule(Speaker.MESSAGE_OWNER, Audience.PAST_RECIPIENTS, effect, later, Heard.ALWAYS, state)


class MessageRecall(TargetEvent):
    """A message is taken back."""

    name: ClassVar[str] = "message.recall"
    rule: ClassVar[Rule] = _rule(
        "records the recall, after which the target is released to nobody; what lies in a recipient's own queue is "
        "beyond our reach, and the recipient must act",
        "the stub in each feed, and the standing report of who has not acknowledged",
    )
    type: Literal["gov.mo.coordination.message.recall.v1"]
    data: RecallBody


class MessageCorrect(TargetEvent):
    """A message is put right."""

    name: ClassVar[str] = "message.correct"
    rule: ClassVar[Rule] = _rule("records the correction", "the standing report of who has not acknowledged")
    type: Literal["gov.mo.coordination.message.correct.v1"]
    data: CorrectBody
