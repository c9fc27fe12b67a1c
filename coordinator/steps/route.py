"""Step 6: who is told what; builds the coordinator's own messages, one for each recipient."""

from collections.abc import Iterable, Mapping, Sequence

from coordinator.model.answers import (
    AcceptedBody,
    AuthorityLapsed,
    AuthorityVerdict,
    Change,
    CloseReason,
    ConflictBody,
    ConflictClosedBody,
    Coverage,
    Deconfliction,
    DeconflictionAlert,
    DeconflictionClosed,
    Eyes,
    FeedWithdrawn,
    LapsedBody,
    LapseReason,
    MessageAccepted,
    MessageRefused,
    Other,
    Pointer,
    RefusedBody,
    WithdrawnBody,
    WithdrawnReason,
    Withheld,
)
from coordinator.model.codes import Marking, Purpose, Regime, Status, YesNo
from coordinator.model.decisions import Refused
from coordinator.model.envelope import Handling, Reference
from coordinator.model.operations import OperationCancel, OperationClose, OperationEvent
from coordinator.model.reports import Answer, DeconflictionResult, Looked, ResultBody
from coordinator.model.volume import Conflict, ConflictChange, Pair, Registered, Volume
from coordinator.model.work import Admitted, Dispatch, Judged, Read, Telling

OWN_HANDLING = Handling(marking=Marking.AMBER, regime=Regime.OPERATIONAL, redisseminate=YesNo.NO)
"""The coordinator's own messages carry no content of a regime, only what its reader needs to act."""


def pointer(conflict: Conflict, own: Volume, other: Volume) -> Pointer:
    """What one side sees of the other; of a sealed operation the contact for headquarters' eyes, and nothing else."""
    card = other.card
    if card.sealed:
        hidden = Other(agency=other.agency, contact=card.contact)
        return Pointer(conflict_id=conflict.id, operation_id=own.operation_id, other=hidden, eyes=Eyes.HEADQUARTERS)
    return Pointer(
        conflict_id=conflict.id,
        operation_id=own.operation_id,
        other=Other(agency=other.agency, contact=card.contact, caution=card.caution),
        band=conflict.match.band,
        act_by=conflict.match.act_by,
    )


def pointers(
    own: Volume, pairs: Iterable[Pair], records: Mapping[Pair, Conflict], volumes: Mapping[str, Volume]
) -> tuple[Pointer, ...]:
    """What one operation's receipt shows of those pairs that it is a side of."""
    found = [pair for pair in pairs if own.operation_id in (pair.first, pair.second)]
    return tuple(pointer(records[pair], own, volumes[pair.other(own.operation_id)]) for pair in found)


def tell_conflict(change: ConflictChange) -> tuple[Telling, Telling]:
    """Tell both sides alike, whatever a receipt has said already."""
    return (_side(change, change.first, change.second), _side(change, change.second, change.first))


def _side(change: ConflictChange, own: Volume, other: Volume) -> Telling:
    conflict = change.conflict
    subject = f"conflict/{conflict.id}"
    match change.change:
        case CloseReason():
            body: ConflictBody | ConflictClosedBody = ConflictClosedBody(
                to=(own.agency,),
                purpose=Purpose.DECONFLICTION,
                status=own.status,
                handling=OWN_HANDLING,
                conflict_id=conflict.id,
                operation_id=own.operation_id,
                other_agency=other.agency,
                reason=change.change,
            )
            return Telling(DeconflictionClosed, own.agency, body, subject, conflict.id)
        case Change():
            body = ConflictBody(
                to=(own.agency,),
                purpose=Purpose.DECONFLICTION,
                status=own.status,
                handling=OWN_HANDLING,
                change=change.change,
                pointer=pointer(conflict, own, other),
            )
            return Telling(DeconflictionAlert, own.agency, body, subject, conflict.id)


def accept(judged: Judged, read: Read, admitted: Admitted, facts: Mapping[str, object]) -> AcceptedBody:
    """The receipt of an accepted message; `facts` are what only the transaction knows (position, pointers ...)."""
    event = read.event
    sender = event.agency
    words: dict[str, object] = {
        "to": (sender,),
        "purpose": event.data.purpose,
        "status": event.data.status,
        "handling": OWN_HANDLING,
        "target": {"agency": sender, "id": event.id},
        "digest": judged.submission.digest,
        "recipients": tuple([grant.agency for grant in admitted.grants]),
        "withheld": admitted.withheld,
        "flags": read.flags,
        "counties": tuple([name for _, name in read.counties]),
        **facts,
    }
    if isinstance(event, OperationEvent):
        words["operation_id"] = event.data.operation_id
        if not isinstance(event, OperationCancel | OperationClose):
            words["deconfliction"] = Deconfliction.CONFLICT if facts.get("conflicts") else Deconfliction.NONE_KNOWN
            words["coverage"] = coverage(event.data.status)
            words["authority"] = admitted.authority
    return AcceptedBody.model_validate(words)


def coverage(status: Status) -> Coverage:
    """Against what an operation or a question was compared."""
    return Coverage.ACTUAL if status is Status.ACTUAL else Coverage.NOT_DECONFLICTED_AGAINST_ACTUAL


def tell_result(judged: Judged, status: Status, found: tuple[Answer, Looked], position: int) -> Telling:
    """Answer a question: what is known of others, at the position, no finer than was looked."""
    answer, looked = found
    sender, message = judged.submission.agency, judged.claim.id
    body = ResultBody(
        to=(sender,),
        purpose=Purpose.DECONFLICTION,
        status=status,
        handling=OWN_HANDLING,
        target=Reference(agency=sender, id=message),
        position=position,
        answer=answer,
        coverage=coverage(status),
        looked=looked,
    )
    correlation = judged.event.correlationid if judged.event else None
    return Telling(DeconflictionResult, sender, body, f"message/{message}", correlation, message)


def tell_accepted(judged: Judged, body: AcceptedBody) -> Telling:
    """Answer the sender."""
    return _receipt(judged, MessageAccepted, judged.submission.agency, body)


def lead_hears(judged: Judged, admitted: Admitted, lead: str | None) -> bool:
    """Whether DPS hears of another agency's message: something of it was withheld, or its authority is unproven."""
    if lead is None or lead == judged.submission.agency:
        return False
    return bool(admitted.withheld) or admitted.authority is AuthorityVerdict.UNPROVEN


def tell_lead(judged: Judged, body: AcceptedBody, lead: str) -> Telling:
    """Tell DPS (`lead_hears`), without any pointer of the conflict itself."""
    reduced = body.model_copy(
        update={"to": (lead,), "conflicts": (), "more_conflicts": None, "deconfliction": None, "coverage": None}
    )
    return _receipt(judged, MessageAccepted, lead, reduced)


def refuse(judged: Judged, refused: Refused, position: int, entry: str) -> RefusedBody:
    """The receipt of a refused message; goes to the owner of the ingress, never to whom `source` claims."""
    event = judged.event
    readable = not judged.claim.id.startswith("sha-256:")
    return RefusedBody(
        to=(judged.submission.agency,),
        purpose=event.data.purpose if event else Purpose.ADMINISTRATION,
        status=event.data.status if event else Status.ACTUAL,
        handling=OWN_HANDLING,
        target=Reference(agency=judged.submission.agency, id=judged.claim.id) if readable else None,
        position=position,
        entry=entry,
        digest=judged.submission.digest,
        code=refused.code,
        stage=refused.stage,
        field=refused.field,
        hint=refused.hint,
        explanation=refused.explanation,
        withheld=tuple(Withheld(agency=agency, reason=reason) for agency, reason in refused.withheld),
    )


def tell_refused(judged: Judged, body: RefusedBody) -> Telling:
    """Answer the sender."""
    return _receipt(judged, MessageRefused, judged.submission.agency, body)


def _receipt(
    judged: Judged, kind: type[MessageAccepted | MessageRefused], to: str, body: AcceptedBody | RefusedBody
) -> Telling:
    event = judged.event
    target = body.target
    own = to == judged.submission.agency
    return Telling(
        kind,
        to,
        body,
        subject=f"message/{target.id}" if target else None,
        correlation=event.correlationid if event else None,
        causation=target.id if target and own else None,
    )


def tell_lapses(operation: Registered, officers: Sequence[str], reason: LapseReason, lead: str | None) -> list[Telling]:
    """Tell the agency and DPS that officers of a live operation are without the authority it names."""
    volume = operation.volume
    told = dict.fromkeys([volume.agency, *([lead] if lead is not None else [])])
    return [
        Telling(
            AuthorityLapsed,
            agency,
            LapsedBody(
                to=(agency,),
                purpose=Purpose.ADMINISTRATION,
                status=volume.status,
                handling=OWN_HANDLING,
                operation_id=volume.operation_id,
                agency=volume.agency,
                officer_id=officer,
                reason=reason,
            ),
            subject=f"operation/{volume.operation_id}",
        )
        for officer in officers
        for agency in told
    ]


def tell_withdrawn(dispatch: Dispatch, sender: str, status: Status) -> tuple[Telling, Telling]:
    """The stub for the recipient, and the same words for the sender."""
    target = Reference(agency=sender, id=dispatch.event_id)

    def telling(recipient: str) -> Telling:
        body = WithdrawnBody(
            to=(recipient,),
            purpose=Purpose.ADMINISTRATION,
            status=status,
            handling=OWN_HANDLING,
            target=target,
            recipient=dispatch.recipient,
            reason=WithdrawnReason.AGREEMENT_ENDED,
        )
        return Telling(FeedWithdrawn, recipient, body, f"message/{dispatch.event_id}", dispatch.correlation)

    return telling(dispatch.recipient), telling(sender)
