"""Criminal intelligence: shared all or nothing, with the predicate and the attestations that make it lawful."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from coordinator.model.base import Digest, Distinct, Frozen, Instant, OfficerId, broken
from coordinator.model.codes import Priority, Regime
from coordinator.model.decisions import RefusalCode
from coordinator.model.envelope import AgencyEvent, PersonBody, Reference, to_agencies
from coordinator.model.questions import CaseReference
from coordinator.model.rules import Audience, Rule, Speaker

LONGEST_REVIEW = timedelta(days=5 * 365 + 1)
"""Five years (28 CFR 23.20(h)); of any five there are one leap day at least."""
Paragraph = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]
Identifier = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9@+._:/-]{1,64}$"),
    Field(description="as issued: a plate, a number, an address of e-mail; never a sentence"),
]


class Basis(StrEnum):
    """Which ground there is to believe that a crime is involved (28 CFR 23.20(a))."""

    REASONABLE_SUSPICION = "reasonable_suspicion"
    PROBABLE_CAUSE = "probable_cause"
    WARRANT = "warrant"


class Offence(StrEnum):
    """Which crime it is about."""

    NARCOTICS = "narcotics"
    HUMAN_TRAFFICKING = "human_trafficking"
    SMUGGLING = "smuggling"
    FIREARMS = "firearms"
    VIOLENT_CRIME = "violent_crime"
    ORGANISED_CRIME = "organised_crime"
    TERRORISM = "terrorism"
    FRAUD = "fraud"
    CHILD_EXPLOITATION = "child_exploitation"


class ProtectedActivity(StrEnum):
    """Whether it touches views, associations or religion (28 CFR 23.20(b))."""

    NONE = "none"
    DIRECTLY_RELATED = "directly_related"


class SubjectKind(StrEnum):
    """Whom or what it is about."""

    PERSON = "person"
    GROUP = "group"
    VEHICLE = "vehicle"
    PHONE = "phone"
    PLACE = "place"
    WEAPON = "weapon"
    ACCOUNT = "account"


class NeedToKnow(StrEnum):
    """What the asker needs it for."""

    ACTIVE_CASE = "active_case"
    PLANNED_OPERATION = "planned_operation"
    OFFICER_SAFETY = "officer_safety"
    THREAT_ASSESSMENT = "threat_assessment"


class RightToKnow(StrEnum):
    """What entitles the asker to it."""

    CRIMINAL_INVESTIGATION = "criminal_investigation"
    TASK_FORCE = "task_force"
    COURT_ORDER = "court_order"


class ReleaseReason(StrEnum):
    """Why it is released."""

    NEED_SHOWN = "need_shown"
    COURT_ORDER = "court_order"
    OFFICER_SAFETY = "officer_safety"


class MediaType(StrEnum):
    """What an attachment is."""

    PDF = "application/pdf"
    JPEG = "image/jpeg"
    PNG = "image/png"
    CSV = "text/csv"


class Predicate(Frozen):
    """The ground that it was collected and is shared on."""

    basis: Basis
    offence: Offence
    approved_by: OfficerId = Field(description="the supervisor")


class Subject(Frozen):
    """Whom or what it is about, by identifiers."""

    kind: SubjectKind
    identifiers: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=16), Distinct()]
    """Each as it was issued."""


class Attachment(Frozen):
    """A file that is exchanged elsewhere, by its digest."""

    digest: Digest
    media_type: MediaType
    bytes: Annotated[int, Field(ge=1, le=2**40, description="its size")]


class IntelligenceBody(PersonBody):
    """What every message of intelligence carries."""

    @model_validator(mode="after")
    def _is_for_somebody(self) -> Self:
        to_agencies(self)
        return self

    @model_validator(mode="after")
    def _has_its_regime(self) -> Self:
        if self.handling.regime is not Regime.CRIMINAL_INTELLIGENCE:
            raise broken(field="handling.regime", because="always criminal-intelligence")
        return self


class ShareBody(IntelligenceBody):
    """The intelligence itself."""

    predicate: Predicate
    lawful_collection: Literal[True] = Field(description="attested: it was collected lawfully")
    protected_activity: ProtectedActivity = Field(description="attested: what it touches of what is protected")
    subject: Subject
    content: Annotated[tuple[Paragraph, ...], Field(min_length=1, max_length=20)]
    """Paragraphs: the only prose that an agency may send, because only all of it or nothing is passed on."""
    source_reliability: Literal["A", "B", "C", "D", "E", "F"] = Field(description="A reliable, F cannot be judged")
    content_validity: Annotated[int, Field(ge=1, le=6, description="1 confirmed, 6 cannot be judged")]
    review_due: Instant = Field(description="when it is reviewed, at most five years on")
    attachments: Annotated[tuple[Attachment, ...], Field(max_length=16)] = ()
    """Files, by digest."""


class RequestBody(IntelligenceBody):
    """What is wanted, and why it may be asked for."""

    subject: Subject
    need_to_know: NeedToKnow
    right_to_know: RightToKnow
    case_reference: CaseReference
    priority: Priority


class ReleaseBody(IntelligenceBody):
    """The second step: the owner of a share lets whoever asked have it."""

    request: Reference = Field(description="the request answered")
    share: Reference = Field(description="the sender's own share that goes to whoever asked")
    reason: ReleaseReason


class IntelligenceEvent(AgencyEvent):
    """A message of intelligence."""

    data: IntelligenceBody


def _rule(speaker: Speaker, effect: str, later: str, *state: RefusalCode) -> Rule:
    return Rule(speaker, Audience.ALL_BY_AGREEMENT, effect, later, state=state)


class IntelligenceShare(IntelligenceEvent):
    """Intelligence is shared with those whom agreements entitle to it."""

    name: ClassVar[str] = "intelligence.share"
    rule: ClassVar[Rule] = _rule(
        Speaker.PARTICIPANT,
        "is passed on, and entered in the record of disseminations with its review date",
        "review and purge",
        RefusalCode.WINDOW_INVALID,
    )
    type: Literal["gov.mo.coordination.intelligence.share.v1"]
    data: ShareBody

    @model_validator(mode="after")
    def _is_reviewed_in_time(self) -> Self:
        if not self.time < self.data.review_due <= self.time + LONGEST_REVIEW:
            because = "after `time`, and at most five years after it"
            raise broken(field="data.review_due", because=because, code=RefusalCode.WINDOW_INVALID)
        return self


class IntelligenceRequest(IntelligenceEvent):
    """Intelligence is asked for."""

    name: ClassVar[str] = "intelligence.request"
    rule: ClassVar[Rule] = _rule(Speaker.PARTICIPANT, "is passed on and recorded", "the report of requests by officer")
    type: Literal["gov.mo.coordination.intelligence.request.v1"]
    data: RequestBody


class IntelligenceRelease(IntelligenceEvent):
    """A request is granted."""

    name: ClassVar[str] = "intelligence.release"
    rule: ClassVar[Rule] = _rule(
        Speaker.SHARE_OWNER,
        "is passed on to whoever asked, with the share itself, byte for byte; both need their agreement",
        "",
        RefusalCode.STATUS_MIXED,
        RefusalCode.RECALLED_ALREADY,
    )
    type: Literal["gov.mo.coordination.intelligence.release.v1"]
    data: ReleaseBody

    @property
    def objects(self) -> tuple[str, ...]:
        """The share: a recall of it never meets its release."""
        return (f"sent/{self.data.share.agency}/{self.data.share.id}",)

    @property
    def received(self) -> tuple[Reference, ...]:
        """The request."""
        return (self.data.request,)

    @property
    def sent(self) -> tuple[Reference, ...]:
        """The request and the share."""
        return (self.data.request, self.data.share)

    @model_validator(mode="after")
    def _answers_the_request(self) -> Self:
        if self.causationid not in (None, self.data.request.id):
            raise broken(field="causationid", because="the request's id, or absent")
        if self.data.to != (self.data.request.agency,):
            raise broken(field="data.to", because="the agency that asked, and nobody else")
        return self
