"""What is asked and entered beside an operation's own notice: questions, subject tokens, waivers."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from coordinator.model.area import Area
from coordinator.model.base import Frozen, HexHash, Instant, OfficerId, Uuid, broken
from coordinator.model.codes import Priority
from coordinator.model.decisions import RefusalCode
from coordinator.model.envelope import AgencyBody, AgencyEvent, PersonBody, to_the_coordinator_alone
from coordinator.model.rules import Audience, Heard, Rule, Speaker

MAX_TOKENS = 64
LATEST_ENTRY = timedelta(hours=24)
CaseReference = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9/-]{0,31}$"),
    Field(description="the sender's own number of the case, never a name"),
]


class TokenKind(StrEnum):
    """What kind of identifier a token stands for."""

    PERSON = "person"
    PHONE = "phone"
    PLATE = "plate"
    VIN = "vin"
    EMAIL = "email"
    WEAPON = "weapon"
    PLACE = "place"


class ExigentReason(StrEnum):
    """Why an operation goes ahead before it is entered."""

    LIFE_AT_RISK = "life_at_risk"
    ESCAPE_IMMINENT = "escape_imminent"
    EVIDENCE_AT_RISK = "evidence_at_risk"
    HOT_PURSUIT = "hot_pursuit"


class SubjectToken(Frozen):
    """An identifier that nobody here can read: HMAC-SHA-256 with a key that the coordinator does not hold."""

    kind: TokenKind
    token: HexHash
    key_epoch: Annotated[int, Field(ge=1, le=1_000_000, description="of the key that the agencies share")]


class SubjectBody(AgencyBody):
    """Whom or what an operation is about, so that two on one target can be found without a name."""

    operation_id: Uuid = Field(description="the sender's own live operation")
    tokens: Annotated[tuple[SubjectToken, ...], Field(min_length=1, max_length=MAX_TOKENS)]
    """In both epochs, until the operations of the older one have closed."""

    @model_validator(mode="after")
    def _goes_no_further(self) -> Self:
        to_the_coordinator_alone(self)
        return self

    @model_validator(mode="after")
    def _names_none_twice(self) -> Self:
        if len(set(self.tokens)) != len(self.tokens):
            raise broken(field="tokens", because="names the same twice")
        return self


class QuestionBody(PersonBody):
    """Whether anybody is there, without registering anything."""

    area: Area = Field(description="where; widened outwards to a grid of 1 km before it is compared")
    start: Instant = Field(description="from when; widened outwards to whole hours")
    end: Instant = Field(description="until when, exclusive")
    case_reference: CaseReference
    priority: Priority

    @model_validator(mode="after")
    def _goes_no_further(self) -> Self:
        to_the_coordinator_alone(self)
        return self

    @model_validator(mode="after")
    def _window_is_not_empty(self) -> Self:
        if self.end <= self.start:
            raise broken(field="end", because="`end` is not after `start`", code=RefusalCode.WINDOW_INVALID)
        return self


class WaiverBody(PersonBody):
    """That an operation went ahead without deconfliction, and who approved it."""

    operation_id: Uuid = Field(description="the sender's own operation, entered already or to be entered late")
    approved_by: OfficerId = Field(description="the supervisor")
    late_entry_due: Instant = Field(description="by when the operation is entered in full, at most 24 hours on")
    reason: ExigentReason


class DeconflictionSubject(AgencyEvent):
    """The subjects of an operation, as tokens."""

    name: ClassVar[str] = "deconfliction.subject"
    rule: ClassVar[Rule] = Rule(
        Speaker.PARTICIPATING_OWNER,
        Audience.NOBODY,
        "records the tokens, which no agency is ever shown",
        "matching tokens, and the limit on probes",
        state=(RefusalCode.NOT_LIVE,),
    )
    type: Literal["gov.mo.coordination.deconfliction.subject.v1"]
    data: SubjectBody

    @property
    def about(self) -> str:
        """The operation."""
        return f"operation/{self.data.operation_id}"

    @property
    def operations(self) -> tuple[str, ...]:
        """The operation."""
        return (self.data.operation_id,)


class DeconflictionRequest(AgencyEvent):
    """Whether anybody is there is asked."""

    name: ClassVar[str] = "deconfliction.request"
    rule: ClassVar[Rule] = Rule(
        Speaker.PARTICIPANT,
        Audience.NOBODY,
        "registers nothing; is answered with `deconfliction.result`, *possible* or *none known* among the live "
        "operations of other agencies, widened outwards to a grid of 1 km and whole hours",
        "the allowance for each officer, and telling the other desk who asked",
        state=(
            RefusalCode.AREA_INVALID,
            RefusalCode.AREA_OUTSIDE,
            RefusalCode.AREA_TOO_LARGE,
            RefusalCode.WINDOW_INVALID,
            RefusalCode.WINDOW_TOO_LONG,
            RefusalCode.WINDOW_OVER,
        ),
    )
    type: Literal["gov.mo.coordination.deconfliction.request.v1"]
    data: QuestionBody

    @property
    def comes_first(self) -> bool:
        """What was accepted before it must be seen by it."""
        return True


class DeconflictionWaiver(AgencyEvent):
    """An exigent operation is entered late."""

    name: ClassVar[str] = "deconfliction.waiver"
    rule: ClassVar[Rule] = Rule(
        Speaker.PARTICIPATING_OWNER,
        Audience.LEAD,
        "records who approved it and by when the operation is entered",
        "reminding of what is overdue, and the report of waivers for each officer",
        heard=Heard.ALWAYS,
        state=(RefusalCode.WINDOW_INVALID,),
    )
    type: Literal["gov.mo.coordination.deconfliction.waiver.v1"]
    data: WaiverBody

    @property
    def about(self) -> str:
        """The operation."""
        return f"operation/{self.data.operation_id}"

    @property
    def operations(self) -> tuple[str, ...]:
        """The operation."""
        return (self.data.operation_id,)

    @model_validator(mode="after")
    def _entry_is_soon(self) -> Self:
        if not self.time < self.data.late_entry_due <= self.time + LATEST_ENTRY:
            because = "after `time`, and at most 24 hours after it"
            raise broken(field="data.late_entry_due", because=because, code=RefusalCode.WINDOW_INVALID)
        return self
