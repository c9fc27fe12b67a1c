"""The coordinator's answers and reminders beyond receipts: results, escalations, recalls outstanding, retention."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from coordinator.model.answers import Coverage, Pointer, Position
from coordinator.model.base import AgencyId, Frozen, Instant
from coordinator.model.codes import Lane
from coordinator.model.envelope import Body, OwnEvent, Reference
from coordinator.model.records import Record


class Answer(StrEnum):
    """What is known of others where was asked; never "clear"."""

    POSSIBLE = "possible"
    NONE_KNOWN = "none_known"


class Looked(Frozen):
    """How far the question was widened: nothing finer is answered."""

    start: Instant = Field(description="a whole hour")
    end: Instant = Field(description="a whole hour, exclusive")
    grid_km: Literal[1] = Field(default=1, description="no cell of the grid is smaller, in kilometres")


class ResultBody(Body):
    """The answer to one question."""

    target: Reference = Field(description="the question")
    position: Position
    answer: Answer
    coverage: Coverage
    looked: Looked


class DeconflictionResult(OwnEvent):
    """What is known of others where was asked, at a position of the journal."""

    name: ClassVar[str] = "deconfliction.result"
    type: Literal["gov.mo.coordination.deconfliction.result.v1"] = "gov.mo.coordination.deconfliction.result.v1"
    data: ResultBody


class Level(StrEnum):
    """To whom a conflict is raised."""

    WATCH_DESK = "watch_desk"
    SUPERVISOR = "supervisor"
    HEADQUARTERS = "headquarters"


class EscalationReason(StrEnum):
    """Why a conflict is raised."""

    NOT_ACKNOWLEDGED = "not_acknowledged"
    NOT_DECIDED = "not_decided"
    DECISIONS_DIFFER = "decisions_differ"
    REFERRED_UP = "referred_up"
    IMMINENT = "imminent"


class EscalationBody(Body):
    """A conflict that waits for somebody."""

    level: Level
    reason: EscalationReason
    pointer: Pointer
    waiting_since: Instant = Field(description="when the deadline passed")


class DeconflictionEscalation(OwnEvent):
    """A conflict is raised a level."""

    name: ClassVar[str] = "deconfliction.escalation"
    later: ClassVar[bool] = True
    lane: ClassVar[Lane] = Lane.ALERT
    type: Literal["gov.mo.coordination.deconfliction.escalation.v1"] = "gov.mo.coordination.deconfliction.escalation.v1"
    data: EscalationBody


class OutstandingBody(Body):
    """Who has not acknowledged a recall or a correction."""

    target: Reference = Field(description="the message recalled or corrected")
    recall: Reference = Field(description="the recall or correction")
    outstanding: Annotated[tuple[AgencyId, ...], Field(max_length=1_000)]
    """Past recipients who have not acknowledged it; empty in the last report."""
    since: Instant = Field(description="when it was accepted")


class RecallOutstanding(OwnEvent):
    """The standing report of a recall or a correction."""

    name: ClassVar[str] = "recall.outstanding"
    later: ClassVar[bool] = True
    type: Literal["gov.mo.coordination.recall.outstanding.v1"] = "gov.mo.coordination.recall.outstanding.v1"
    data: OutstandingBody


class ReviewReason(StrEnum):
    """Why a record is to be looked at."""

    REVIEW_DUE = "review_due"
    RETENTION_ENDS = "retention_ends"
    HOLD_ENDS = "hold_ends"


class ReviewBody(Body):
    """A record that its owner must renew, validate, hold or let go."""

    record: Record
    due: Instant = Field(description="when it is purged unless something is said")
    reason: ReviewReason


class RecordReview(OwnEvent):
    """A record is due for review."""

    name: ClassVar[str] = "record.review"
    later: ClassVar[bool] = True
    type: Literal["gov.mo.coordination.record.review.v1"] = "gov.mo.coordination.record.review.v1"
    data: ReviewBody


class PurgeReason(StrEnum):
    """Why a record is gone."""

    RETENTION_ENDED = "retention_ended"
    NOT_VALIDATED = "not_validated"
    COURT_ORDER = "court_order"


class PurgedBody(Body):
    """A record whose detail is gone from every table and queue of ours."""

    record: Record
    purged: Instant = Field(description="when")
    reason: PurgeReason


class RecordPurged(OwnEvent):
    """A record was purged; recipients purge theirs."""

    name: ClassVar[str] = "record.purged"
    later: ClassVar[bool] = True
    type: Literal["gov.mo.coordination.record.purged.v1"] = "gov.mo.coordination.record.purged.v1"
    data: PurgedBody
