"""What the two sides of a conflict say to each other: taking note, taking ownership, handing over, deciding."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from coordinator.model.base import Frozen, Instant, OfficerId, Uuid, broken
from coordinator.model.codes import Priority
from coordinator.model.decisions import RefusalCode
from coordinator.model.envelope import AgencyBody, AgencyEvent, PersonBody, to_agencies
from coordinator.model.rules import Audience, Heard, Rule, Speaker

LONGEST_DELAY_MINUTES = 24 * 60


class Decision(StrEnum):
    """What one side means to do; `need_more_time` and `refer_up` never close a conflict."""

    PROCEED = "proceed"
    JOINT = "joint"
    DELAY = "delay"
    CANCEL = "cancel"
    NEED_MORE_TIME = "need_more_time"
    REFER_UP = "refer_up"


class ContactMethod(StrEnum):
    """How two people spoke."""

    PHONE = "phone"
    RADIO = "radio"
    IN_PERSON = "in_person"
    VIDEO = "video"


class HandoverReason(StrEnum):
    """Why somebody else takes over."""

    SHIFT_CHANGE = "shift_change"
    UNAVAILABLE = "unavailable"
    SUPERVISOR_DECIDES = "supervisor_decides"
    CASE_REASSIGNED = "case_reassigned"


class DecisionReason(StrEnum):
    """Why it was decided so."""

    TARGETS_DIFFER = "targets_differ"
    SAME_TARGET = "same_target"
    OFFICER_SAFETY = "officer_safety"
    CASE_PRIORITY = "case_priority"
    WARRANT_EXPIRES = "warrant_expires"
    NO_CONTACT_YET = "no_contact_yet"
    BEYOND_AUTHORITY = "beyond_authority"


class ContactMade(Frozen):
    """That a person of this side spoke with one of the other."""

    by: OfficerId
    at: Instant = Field(description="when they spoke")
    method: ContactMethod


class ConflictWordBody(AgencyBody):
    """What every word on a conflict carries."""

    conflict_id: Uuid = Field(description="as the pointer names it; the sender's operation is never named")
    priority: Priority | None = Field(default=None, description="how soon an answer is wanted")

    @model_validator(mode="after")
    def _is_for_the_other_side(self) -> Self:
        to_agencies(self)
        return self


class PersonsWordBody(ConflictWordBody, PersonBody):
    """A word that only a person may say."""


class HandoverBody(PersonsWordBody):
    """Who takes over from whom."""

    successor: OfficerId = Field(description="who owns it from now on")
    reason: HandoverReason


class ResponseBody(PersonsWordBody):
    """What one side decides; binds to both operations as they are now."""

    contact_made: ContactMade | None = Field(default=None, description="absent while nobody has been reached")
    decision: Decision
    minutes: Annotated[int, Field(ge=1, le=LONGEST_DELAY_MINUTES)] | None = Field(
        default=None, description="for `need_more_time`, and only then"
    )
    reason: DecisionReason

    @model_validator(mode="after")
    def _more_time_has_an_end(self) -> Self:
        if (self.decision is Decision.NEED_MORE_TIME) != (self.minutes is not None):
            raise broken(field="minutes", because="given for `need_more_time`, and only then")
        return self


_LATER = "timers, levels, the closing of a conflict by what both sides decided, and decisions voided by a change"


def _rule(effect: str, *state: RefusalCode) -> Rule:
    state = (RefusalCode.INVALID_FIELD, *state)
    return Rule(Speaker.CONFLICT_PARTY, Audience.OTHER_SIDE, effect, _LATER, Heard.ALWAYS, state)


class ConflictEvent(AgencyEvent):
    """A word of one side on a conflict; goes by role to the other, whatever becomes of agreements."""

    data: ConflictWordBody

    @property
    def about(self) -> str:
        """The conflict."""
        return f"conflict/{self.data.conflict_id}"

    @property
    def conflicts(self) -> tuple[str, ...]:
        """The conflict: by it alone the two operations are found, for the other side reads every byte of this."""
        return (self.data.conflict_id,)


class DeconflictionAcknowledge(ConflictEvent):
    """One side takes note of a conflict; without an officer it stops no timer."""

    name: ClassVar[str] = "deconfliction.acknowledge"
    rule: ClassVar[Rule] = _rule("records who took note, also of a conflict that is closed by now")
    type: Literal["gov.mo.coordination.deconfliction.acknowledge.v1"]
    data: ConflictWordBody


class DeconflictionClaim(ConflictEvent):
    """An officer takes a conflict on."""

    name: ClassVar[str] = "deconfliction.claim"
    rule: ClassVar[Rule] = _rule("records which officer owns it on this side", RefusalCode.CONFLICT_CLOSED)
    type: Literal["gov.mo.coordination.deconfliction.claim.v1"]
    data: PersonsWordBody


class DeconflictionHandover(ConflictEvent):
    """An officer hands a conflict over to another of the same agency."""

    name: ClassVar[str] = "deconfliction.handover"
    rule: ClassVar[Rule] = _rule("records who owns it from now on", RefusalCode.CONFLICT_CLOSED)
    type: Literal["gov.mo.coordination.deconfliction.handover.v1"]
    data: HandoverBody


class DeconflictionResponse(ConflictEvent):
    """One side has decided, or says that it cannot yet."""

    name: ClassVar[str] = "deconfliction.response"
    rule: ClassVar[Rule] = _rule(
        "records the decision with both operations' revisions; nothing is closed by it", RefusalCode.CONFLICT_CLOSED
    )
    type: Literal["gov.mo.coordination.deconfliction.response.v1"]
    data: ResponseBody
