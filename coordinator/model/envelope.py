"""The CloudEvents 1.0 envelope in structured JSON, and the parts that every body carries."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from coordinator.model.admission import Admission
from coordinator.model.base import (
    COORDINATOR,
    AgencyId,
    Frozen,
    Instant,
    OfficerId,
    Ori,
    Uuid,
)
from coordinator.model.codes import Lane, Marking, Purpose, Regime, Status, YesNo

TYPE_PREFIX = "gov.mo.coordination."
MAX_BODY_BYTES = 64 * 1024
MAX_RECIPIENTS = 32

Source = Annotated[
    str,
    StringConstraints(pattern=r"^//[a-z0-9-]{2,32}/[a-z0-9-]{1,32}$"),
    Field(description="//agency/system of the sender"),
]
UriText = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,256}$")]
SubjectText = Annotated[str, StringConstraints(pattern=r"^[a-z]{1,32}/[A-Za-z0-9-]{1,64}$")]
TraceParent = Annotated[str, StringConstraints(pattern=r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")]


class Reference(Frozen):
    """How one message is referred to from another."""

    agency: AgencyId
    id: Uuid


class Originator(Frozen):
    """Who speaks: the agency's ORI always, an officer where a person acts."""

    ori: Ori
    officer_id: OfficerId | None = None
    on_behalf_of: OfficerId | None = Field(default=None, description="whom a desk enters for, on the phone")


class Handling(Frozen):
    """How the recipients must treat the content."""

    marking: Marking
    regime: Regime
    redisseminate: YesNo


class Body(Frozen):
    """The part that every body (`data`) carries."""

    to: Annotated[
        tuple[AgencyId, ...],
        Field(
            min_length=1,
            max_length=MAX_RECIPIENTS,
            description='explicit agencies, or ["coordinator"] alone; never an implicit "all"',
        ),
    ]
    purpose: Purpose
    status: Status
    handling: Handling

    @model_validator(mode="after")
    def _recipients_and_marking_agree(self) -> Self:
        if len(set(self.to)) != len(self.to):
            code = "recipient_repeated"
            raise PydanticCustomError(code, "`to` names an agency twice")
        if COORDINATOR in self.to and len(self.to) > 1:
            code = "recipient_mixed"
            raise PydanticCustomError(code, '`to` is either agencies or ["coordinator"] alone')
        if self.handling.marking is Marking.GREEN and self.status is Status.ACTUAL:
            code = "marking_not_allowed"
            raise PydanticCustomError(code, "TLP:GREEN is for exercises and tests only")
        return self


class AgencyBody(Body):
    """The part that a body from an agency carries."""

    originator: Originator
    agreement_id: Uuid | None = Field(
        default=None, description="the agreement relied on; otherwise resolved, and journaled, per recipient"
    )


class Event(Frozen):
    """A CloudEvent: the envelope of every message; each type narrows `type` and `data`.

    What the walk needs to know of a type beside its shape stands in the class variables, so that
    adding a type is adding one class.
    """

    name: ClassVar[str]
    """Short name, such as `operation.notice`."""
    admission: ClassVar[Admission]
    """By which rule a sender and its recipients are judged."""
    lane: ClassVar[Lane] = Lane.OUT
    """Which of a recipient's two queues carries it."""

    specversion: Literal["1.0"]
    id: Uuid = Field(description="unique per agency; version 7 recommended")
    source: Source
    time: Instant
    subject: SubjectText | None = None
    datacontenttype: Literal["application/json"] = "application/json"
    dataschema: UriText | None = None
    correlationid: Uuid | None = Field(default=None, description="the conversation")
    causationid: Uuid | None = Field(default=None, description="the message answered")
    expirytime: Instant | None = None
    dataclassification: Marking | None = None
    traceparent: TraceParent | None = None

    @property
    def agency(self) -> str:
        """The agency that `source` claims."""
        return self.source[2:].partition("/")[0]

    @property
    def system(self) -> str:
        """The system that `source` claims."""
        return self.source[2:].partition("/")[2]


class AgencyEvent(Event):
    """A message from an agency."""

    data: AgencyBody

    @property
    def objects(self) -> tuple[str, ...]:
        """The things whose state it touches: two messages that share one never meet in one transaction."""
        return ()

    @property
    def changes_policy(self) -> bool:
        """Whether it changes what others may do, and so is judged alone."""
        return False

    @property
    def always_heard(self) -> bool:
        """Whether a skewed clock is never a reason to refuse it."""
        return False

    @model_validator(mode="after")
    def _classification_is_the_marking(self) -> Self:
        if self.dataclassification is not None and self.dataclassification is not self.data.handling.marking:
            code = "classification_differs"
            raise PydanticCustomError(code, "`dataclassification` and `data.handling.marking` differ")
        return self


class OwnEvent(Event):
    """A message from the coordinator."""

    admission: ClassVar[Admission] = Admission.OWN
    data: Body
