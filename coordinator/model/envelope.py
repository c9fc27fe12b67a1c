"""The CloudEvents 1.0 envelope in structured JSON, and the parts that every body carries."""

from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from coordinator.model.base import (
    COORDINATOR,
    UUID_PATTERN,
    AgencyId,
    Distinct,
    Frozen,
    Instant,
    OfficerId,
    Ori,
    Uuid,
    broken,
)
from coordinator.model.codes import Lane, Marking, Purpose, Regime, Status, YesNo
from coordinator.model.decisions import RefusalCode
from coordinator.model.rules import Heard, Rule

TYPE_PREFIX: Final = "gov.mo.coordination."
SCHEMA_PREFIX: Final = "https://coordination.mo.gov/schemas/"
"""What the identifiers of the published schemas begin with; they are names, and nothing need answer there."""
MAX_BODY_BYTES: Final = 64 * 1024
MAX_RECIPIENTS: Final = 32

Source = Annotated[
    str,
    StringConstraints(pattern=r"^//[a-z0-9-]{2,32}/[a-z0-9-]{1,32}$"),
    Field(description="//agency/system of the sender"),
]
SubjectText = Annotated[
    str,
    StringConstraints(pattern=f"^[a-z]{{1,32}}/{UUID_PATTERN}$"),
    Field(description="what it is about, such as operation/ and the operation's id"),
]
TraceParent = Annotated[
    str,
    StringConstraints(pattern=r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"),
    Field(description="W3C Trace Context"),
]


def schema_uri(event_type: str) -> str:
    """The identifier of the published JSON Schema of a CloudEvents type, and so the `dataschema` of its messages."""
    return f"{SCHEMA_PREFIX}{event_type.removeprefix(TYPE_PREFIX)}.json"


class Reference(Frozen):
    """How one message is referred to from another."""

    agency: AgencyId = Field(description="whose message it is")
    id: Uuid = Field(description="its id, unique per agency")


class Originator(Frozen):
    """Who speaks: the agency's ORI always, an officer where a person acts."""

    ori: Ori
    officer_id: OfficerId | None = Field(default=None, description="the person who acts; absent for a machine")
    on_behalf_of: OfficerId | None = Field(default=None, description="whom a desk enters for, on the phone")


class Handling(Frozen):
    """How the recipients must treat the content."""

    marking: Marking
    regime: Regime
    redisseminate: YesNo = Field(description="whether a recipient may pass it on")


class Body(Frozen):
    """The part that every body (`data`) carries."""

    to: Annotated[
        tuple[AgencyId, ...],
        Field(
            min_length=1,
            max_length=MAX_RECIPIENTS,
            description='explicit agencies, or ["coordinator"] alone; never an implicit "all"',
        ),
        Distinct(),
    ]
    purpose: Purpose
    status: Status
    handling: Handling

    @model_validator(mode="after")
    def _the_coordinator_stands_alone(self) -> Self:
        if COORDINATOR in self.to and len(self.to) > 1:
            raise broken(field="to", because='`to` is either agencies or ["coordinator"] alone')
        return self

    @model_validator(mode="after")
    def _green_is_never_actual(self) -> Self:
        if self.handling.marking is Marking.GREEN and self.status is Status.ACTUAL:
            because = "TLP:GREEN is for exercises and tests only"
            raise broken(field="handling.marking", because=because, code=RefusalCode.MARKING_NOT_ALLOWED)
        return self


class AgencyBody(Body):
    """The part that a body from an agency carries."""

    originator: Originator
    agreement_id: Uuid | None = Field(
        default=None, description="the agreement relied on; otherwise resolved, and journaled, per recipient"
    )


class PersonBody(AgencyBody):
    """The part that a body carries in which a person acts, never a machine."""

    @model_validator(mode="after")
    def _a_person_acts(self) -> Self:
        if self.originator.officer_id is None:
            raise broken(field="originator.officer_id", because="a person does this, whom `officer_id` names")
        return self


def to_the_coordinator_alone(body: Body) -> None:
    """Refuse a body of a type that is passed on to nobody, where it names somebody."""
    if body.to != (COORDINATOR,):
        raise broken(field="to", because='this type is for the coordinator alone: `to` is ["coordinator"]')


def to_agencies(body: Body) -> None:
    """Refuse a body of a type that is for others, where it names nobody."""
    if body.to == (COORDINATOR,):
        raise broken(field="to", because="this type names agencies in `to`")


class Event(Frozen):
    """A CloudEvent: the envelope of every message; each type narrows `type` and `data`.

    What the walk needs to know of a type beside its shape stands in the class variables, so that
    adding a type is adding one class.
    """

    name: ClassVar[str]
    """Short name, such as `operation.notice`."""
    lane: ClassVar[Lane] = Lane.OUT
    """Which of a recipient's two queues carries it."""

    specversion: Literal["1.0"] = Field(description="of CloudEvents")
    type: str
    id: Uuid = Field(description="unique per agency; version 7 recommended")
    source: Source
    time: Instant = Field(description="when it was written, by the sender's clock")
    subject: SubjectText | None = None
    datacontenttype: Literal["application/json"] = Field(default="application/json", description="of `data`")
    dataschema: str | None = Field(default=None, description="the published schema of this type")
    correlationid: Uuid | None = Field(default=None, description="the conversation")
    causationid: Uuid | None = Field(default=None, description="the message answered")
    expirytime: Instant | None = Field(default=None, description="when it need no longer be shown")
    dataclassification: Marking | None = Field(default=None, description="the same as `handling.marking`")
    traceparent: TraceParent | None = None
    data: Body

    @property
    def agency(self) -> str:
        """The agency that `source` claims."""
        return self.source[2:].partition("/")[0]

    @property
    def system(self) -> str:
        """The system that `source` claims."""
        return self.source[2:].partition("/")[2]

    @model_validator(mode="after")
    def _schema_is_the_types_own(self) -> Self:
        if self.dataschema is not None and self.dataschema != schema_uri(self.type):
            raise broken(field="dataschema", because="`dataschema` is not the published schema of this type")
        return self

    @model_validator(mode="after")
    def _classification_is_the_marking(self) -> Self:
        if self.dataclassification not in (None, self.data.handling.marking):
            because = "`dataclassification` and `data.handling.marking` differ"
            raise broken(field="dataclassification", because=because)
        return self


class AgencyEvent(Event):
    """A message from an agency."""

    rule: ClassVar[Rule]
    """How it is judged."""

    data: AgencyBody

    @property
    def about(self) -> str | None:
        """What `subject` says, if it says anything; None where the type leaves it free."""
        return None

    @property
    def objects(self) -> tuple[str, ...]:
        """The things whose state it touches: two messages that share one never meet in one transaction."""
        return () if self.about is None else (self.about,)

    @property
    def operations(self) -> tuple[str, ...]:
        """Ids of the operations that must be known to judge it."""
        return ()

    @property
    def conflicts(self) -> tuple[str, ...]:
        """Ids of the conflicts that must be known to judge it, with what came before it in its batch."""
        return ()

    @property
    def moves(self) -> bool:
        """Whether it may open, change or close conflicts."""
        return False

    @property
    def received(self) -> tuple[Reference, ...]:
        """The messages that the sender says it was sent."""
        return ()

    @property
    def sent(self) -> tuple[Reference, ...]:
        """The messages of which must be known what they are and to whom they went."""
        return ()

    @property
    def changes_policy(self) -> bool:
        """Whether it changes what others may do, and so is judged alone."""
        return False

    @property
    def comes_first(self) -> bool:
        """Whether what comes before it in a batch must be in the store when it is judged."""
        return False

    @property
    def ends(self) -> bool:
        """Whether it suspends, revokes or terminates."""
        return False

    @property
    def always_heard(self) -> bool:
        """Whether a skewed clock is never a reason to refuse it."""
        heard = self.rule.heard
        return heard is Heard.ALWAYS or (heard is Heard.ENDING and self.ends)

    @model_validator(mode="after")
    def _subject_is_what_it_is_about(self) -> Self:
        if self.subject is not None and self.about not in (None, self.subject):
            raise broken(field="subject", because=f"`subject` is {self.about}, or absent")
        return self


class OwnEvent(Event):
    """A message from the coordinator."""

    later: ClassVar[bool] = False
    """Whether its shape is fixed, but nothing sends it yet."""
