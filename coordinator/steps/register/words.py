"""What is said and kept: on conflicts, beside operations, of intelligence, of recalls and retention."""

from datetime import UTC, datetime, timedelta

from coordinator.model import recorded
from coordinator.model.decisions import RefusalCode, Refused
from coordinator.model.disputes import ConflictEvent, DeconflictionAcknowledge, HandoverBody, ResponseBody
from coordinator.model.envelope import AgencyEvent, Reference
from coordinator.model.intelligence import (
    IntelligenceEvent,
    IntelligenceRelease,
    IntelligenceRequest,
    IntelligenceShare,
)
from coordinator.model.messages import TYPES, type_of
from coordinator.model.parties import ComplaintReferral
from coordinator.model.plan import Known, Sent, Target
from coordinator.model.questions import DeconflictionRequest, DeconflictionSubject, DeconflictionWaiver
from coordinator.model.recalls import RECALLABLE, CorrectBody, TargetEvent
from coordinator.model.records import HoldBody, RecordEvent, RenewBody, ValidateBody
from coordinator.model.reports import Answer, Looked
from coordinator.model.volume import Conflict, Registered
from coordinator.model.work import ClaimKey
from coordinator.steps.register.effects import Answered, RecordedEffect, refused

HIDDEN = RefusalCode.UNKNOWN_OR_FORBIDDEN
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _us(moment: datetime | None) -> int | None:
    """Microseconds since the Unix epoch, as rows hold moments."""
    return None if moment is None else _exactly(moment)


def _exactly(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _officer(event: AgencyEvent) -> str:
    return event.data.originator.officer_id or ""


def _word(event: AgencyEvent) -> str:
    """The second half of the type's short name."""
    return event.name.partition(".")[2]


# --- conflicts ---


def on_conflict(event: ConflictEvent, known: Known) -> RecordedEffect | Refused:
    """A party's word; a conflict that is not there and one of others look the same."""
    dispute = known.disputes.get(event.data.conflict_id)
    if dispute is None or event.agency not in dispute.agencies:
        return refused(HIDDEN, "data.conflict_id")
    conflict = dispute.conflict
    side = dispute.agencies.index(event.agency)
    own = (conflict.pair.first, conflict.pair.second)[side]
    if dispute.status != event.data.status.value:
        return refused(RefusalCode.STATUS_MIXED, "data.status")
    # The other side is sent these bytes, and knows of its own operation alone.
    for name in ("correlationid", "causationid"):
        if getattr(event, name) == own:
            return refused(RefusalCode.INVALID_FIELD, name)
    if not conflict.open and not isinstance(event, DeconflictionAcknowledge):
        return refused(RefusalCode.CONFLICT_CLOSED, "data.conflict_id")
    return RecordedEffect((_conflict_word(event, conflict, own),), told=(dispute.agencies[1 - side],))


def _own(event: AgencyEvent, operation: str, known: Known) -> Registered | None:
    """The sender's own operation, or None where there is none or it is another's."""
    found = known.operations.get(operation)
    return found if found is not None and found.volume.agency == event.agency else None


def _conflict_word(event: ConflictEvent, conflict: Conflict, own: str) -> recorded.ConflictWord:
    said = event.data
    plain = recorded.ConflictWord(
        conflict.id, own, event.agency, _word(event), said.originator.officer_id, None, None, None, None,
        None, None, None, *conflict.revisions,
    )  # fmt: skip  # the columns in their order
    match said:
        case HandoverBody():
            return plain._replace(successor=said.successor, reason=said.reason.value)
        case ResponseBody():
            made = said.contact_made
            decided = plain._replace(decision=said.decision.value, reason=said.reason.value, minutes=said.minutes)
            if made is None:
                return decided
            return decided._replace(contact_us=_us(made.at), contact_by=made.by, contact_method=made.method.value)
        case _:
            return plain


# --- beside an operation ---


def tokens(event: DeconflictionSubject, known: Known) -> RecordedEffect | Refused:
    """Only for an own live operation; the tokens go no further."""
    said = event.data
    own = _own(event, said.operation_id, known)
    if own is None:
        return refused(HIDDEN, "data.operation_id")
    if own.volume.status is not said.status:
        return refused(RefusalCode.STATUS_MIXED, "data.status")
    if not own.live:
        return refused(RefusalCode.NOT_LIVE, "data.operation_id")
    return RecordedEffect(
        tuple(recorded.Token(said.operation_id, each.kind.value, each.token, each.key_epoch) for each in said.tokens)
    )


def waiver(event: DeconflictionWaiver, known: Known) -> RecordedEffect | Refused:
    """Of an own operation, or of one that is not entered yet: that is what a late entry means."""
    said = event.data
    found = known.operations.get(said.operation_id)
    if found is not None and found.volume.agency != event.agency:
        return refused(HIDDEN, "data.operation_id")
    if found is not None and found.volume.status is not said.status:
        return refused(RefusalCode.STATUS_MIXED, "data.status")
    due = _exactly(said.late_entry_due)
    row = recorded.Waiver(said.operation_id, event.agency, _officer(event), said.approved_by, due, said.reason.value)
    return RecordedEffect((row,))


def question(event: DeconflictionRequest, known: Known) -> RecordedEffect:
    """Answered by what the lock shows; it comes first in its unit, so nothing accepted before it is unseen.

    Raises `KeyError` when nobody looked: none is known only to who has looked.
    """
    said = event.data
    enquiry, possible = known.enquired[ClaimKey(event.agency, event.id)]
    answer = Answer.POSSIBLE if possible else Answer.NONE_KNOWN
    window = _exactly(said.start), _exactly(said.end)
    row = recorded.Question(event.agency, event.id, _officer(event), said.case_reference, *window, int(possible))
    return RecordedEffect((row,), answered=Answered(answer, Looked(start=enquiry.start, end=enquiry.end)))


# --- intelligence ---


def intelligence(event: IntelligenceEvent, known: Known) -> RecordedEffect | Refused:
    """Enter it in the record of disseminations; the deliveries of the same entry say to whom it went."""
    row = recorded.Dissemination(event.agency, event.id, _word(event), _officer(event), None, None, None, None, None)
    match event:
        case IntelligenceShare():
            return RecordedEffect((row._replace(review_us=_us(event.data.review_due)),))
        case IntelligenceRelease():
            return _release(event, row, known)
        case _:
            return RecordedEffect((row,))


def _release(event: IntelligenceRelease, row: recorded.Dissemination, known: Known) -> RecordedEffect | Refused:
    """The owner of a share lets whoever asked have it; what that agency has already it is not sent again."""
    said = event.data
    asked = _reached(event, said.request, known)
    share = known.sent.get(ClaimKey(*_key(said.share))) if said.share.agency == event.agency else None
    if asked is None or asked.type != type_of(IntelligenceRequest):
        return refused(HIDDEN, "data.request")
    if share is None or share.type != type_of(IntelligenceShare):
        return refused(HIDDEN, "data.share")
    if {asked.status, share.status} != {said.status.value}:
        return refused(RefusalCode.STATUS_MIXED, "data.status")
    for field, found in (("data.request", asked), ("data.share", share)):
        if found.recalled:
            return refused(RefusalCode.RECALLED_ALREADY, field)
    entered = row._replace(
        share_agency=said.share.agency,
        share_id=said.share.id,
        request_agency=said.request.agency,
        request_id=said.request.id,
    )
    return RecordedEffect((entered,), passes=None if said.request.agency in share.recipients else share.key)


def _key(reference: Reference) -> tuple[str, str]:
    return reference.agency, reference.id


def _reached(event: AgencyEvent, reference: Reference, known: Known) -> Sent | None:
    """What the sender was indeed sent."""
    reached = Target(*_key(reference), event.agency) in known.reached
    return known.sent.get(ClaimKey(*_key(reference))) if reached else None


# --- recalls, retention, complaints ---


def on_target(event: TargetEvent, known: Known) -> RecordedEffect | Refused:
    """A recall or a correction of the sender's own message goes to whoever was sent it."""
    said = event.data
    target = known.sent.get(ClaimKey(*_key(said.target))) if said.target.agency == event.agency else None
    if target is None:
        return refused(HIDDEN, "data.target")
    if TYPES[target.type].name not in RECALLABLE:
        return refused(RefusalCode.NOT_RECALLABLE, "data.target")
    if target.status != said.status.value:
        return refused(RefusalCode.STATUS_MIXED, "data.status")
    if target.recalled:
        return refused(RefusalCode.RECALLED_ALREADY, "data.target")
    replacement = said.replacement if isinstance(said, CorrectBody) else None
    officer = said.originator.officer_id
    row = recorded.Recall(*_key(said.target), _word(event), said.reason.value, officer, replacement)
    return RecordedEffect((row,), told=target.recipients)


def on_record(event: RecordEvent, known: Known) -> RecordedEffect | Refused:
    """The owner's word on how long an operation or a message of its own is kept."""
    said, record = event.data, event.data.record
    if record.message is not None:
        own = record.message.agency == event.agency
        kind, owned = "message", own and ClaimKey(*_key(record.message)) in known.sent
    else:
        kind, owned = "operation", _own(event, record.id, known) is not None
    if not owned:
        return refused(HIDDEN, "data.record")
    if isinstance(said, ValidateBody) and known.sent[ClaimKey(*_key(said.record.message))].type != type_of(
        IntelligenceShare
    ):
        return refused(RefusalCode.INVALID_FIELD, "data.record.message")
    row = recorded.RecordWord(kind, event.agency, record.id, _word(event), _officer(event), None, None, "")
    match said:
        case RenewBody():
            row = row._replace(until_us=_us(said.until), reason=said.reason.value)
        case ValidateBody():
            until, reviewed = _us(said.review_due), _us(said.reviewed_at)
            row = row._replace(until_us=until, reviewed_us=reviewed, reason=said.reason.value)
        case HoldBody():
            row = row._replace(word=said.action.value, until_us=_us(said.until), reason=said.reason.value)
        case _:
            pass
    return RecordedEffect((row,))


def complaint(event: ComplaintReferral) -> RecordedEffect:
    """That it was referred; what it says is in the message alone."""
    said = event.data
    return RecordedEffect((recorded.Complaint(said.complaint_id, event.agency, said.concerned, said.category.value),))
