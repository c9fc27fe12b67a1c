"""The walk under the lock: a unit of judged submissions and what the store knows become one plan and its receipts."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from coordinator.fates import Conflicts, Fate
from coordinator.model.answers import MAX_POINTERS, LapseReason
from coordinator.model.codes import Lane
from coordinator.model.decisions import RefusalCode, Refused
from coordinator.model.directory import Directory
from coordinator.model.envelope import AgencyEvent
from coordinator.model.leaf import (
    MAX_OWED_PER_LEAF,
    MAX_WITHHELD_PER_LEAF,
    AuthorityLapsedLeaf,
    ConflictClosedLeaf,
    ConflictLeaf,
    MessageAcceptedLeaf,
    MessageDuplicateLeaf,
    MessageRefusedLeaf,
    untold,
)
from coordinator.model.messages import type_of
from coordinator.model.operations import OperationEvent
from coordinator.model.plan import AcknowledgementRow, ClaimRow, DispatchRow, Known, MessageRow, OperationRow
from coordinator.model.policy import Policy, standing_of
from coordinator.model.recorded import Row
from coordinator.model.work import (
    Admitted,
    Claim,
    Judged,
    Receipt,
    Submission,
    Verdict,
)
from coordinator.steps import authorise, record, register, route
from coordinator.steps.record import Draft


@dataclass(slots=True)
class Entering:
    """Enters one unit's fates, one after the other, into the draft."""

    draft: Draft
    known: Known
    before: Policy
    policy: Policy
    """As it is after the unit, for standing and lapses."""
    directory: Directory
    conflicts: Conflicts
    lead: str | None = field(init=False)

    def __post_init__(self) -> None:
        """Look up once who leads."""
        lead = self.directory.lead
        self.lead = lead.id if lead is not None else None

    def enter(self, index: int, fate: Fate) -> Receipt:
        """Enter one fate: its leaf, its effects, the deliveries it owes, and the receipt."""
        match fate.outcome:
            case Claim():
                return self._duplicate(fate, fate.outcome)
            case Refused():
                return self._refused(fate, fate.outcome)
            case _:
                return self._accepted(index, fate, fate.outcome)

    def _about(self, judged: Judged) -> dict[str, object]:
        submission, event = judged.submission, judged.event
        return {
            "t": record.stamp(submission.received),
            "actor": _actor(judged),
            "channel": submission.channel,
            "bytes": len(submission.body),
            "policy": self.known.head.policy_version,
            "correlation": event.correlationid if event else None,
            "causation": event.causationid if event else None,
        }

    def _detail(self, judged: Judged) -> dict[str, object]:
        return {"digest": judged.submission.digest, "account": judged.submission.account}

    def _duplicate(self, fate: Fate, claim: Claim) -> Receipt:
        submission = fate.judged.submission
        fields = {
            "t": record.stamp(submission.received),
            "actor": {"agency": submission.agency},
            "channel": submission.channel,
            "first": claim.position,
            "again": (claim.receipt,),
        }
        self.draft.enter(MessageDuplicateLeaf, submission.agency, fields)
        self.draft.plan.owed_again.append(claim.receipt)
        return Receipt(Verdict.DUPLICATE, claim.position, claim.entry, body=claim.body)

    def _refused(self, fate: Fate, refused: Refused) -> Receipt:
        draft, judged = self.draft, fate.judged
        position, entry, key = draft.position, draft.new_id(), draft.reserve()
        body = route.refuse(judged, refused, position, entry)
        owed = draft.owe(judged.submission.agency, Lane.OUT, key)
        fields = {
            **self._about(judged),
            "entry": entry,
            "message": body.target.id if body.target else None,
            "reason": refused.code,
            "stage": refused.stage,
        }
        detail = {**self._detail(judged), "field": refused.field}
        if refused.withheld:
            detail["withheld"] = [list(each) for each in refused.withheld]
        draft.enter(MessageRefusedLeaf, judged.submission.agency, fields, detail, (owed,))
        written = draft.write(key, route.tell_refused(judged, body), position)
        self._claim(fate, Verdict.REFUSED, position, entry, owed.id)
        return Receipt(Verdict.REFUSED, position, entry, refused, written)

    def _claim(self, fate: Fate, verdict: Verdict, position: int, entry: str, receipt: str) -> None:
        digest = fate.judged.submission.digest
        self.draft.plan.claims.append(ClaimRow(fate.claim, digest, position, entry, verdict, receipt))

    def _accepted(self, index: int, fate: Fate, effect: register.Effect) -> Receipt:
        draft, judged = self.draft, fate.judged
        read, verdict = judged.read, judged.verdict
        if isinstance(read, Refused) or isinstance(verdict, Refused):
            msg = "a refused submission cannot be accepted"
            raise TypeError(msg)
        event, sender = read.event, judged.submission.agency
        admitted = self._by_role(event, verdict, effect)
        position, entry = draft.position, draft.new_id()
        message, answer, copy = draft.reserve(), draft.reserve(), draft.reserve()
        owed, withheld = record.grant_all(draft, admitted.grants, event.lane, message), untold(admitted.withheld)
        owed += self._beside(judged, admitted, effect)
        receipt = draft.owe(sender, Lane.OUT, answer)
        owed.append(receipt)
        lead = self.lead if route.lead_hears(judged, admitted, self.lead) else None
        if lead is not None:
            owed.append(draft.owe(lead, Lane.OUT, copy))
        facts = self._facts(index, effect)
        fields = {
            **self._about(judged),
            "entry": entry,
            "message": event.id,
            "object": _subject(event, facts.get("revision")),
            "withheld": withheld[:MAX_WITHHELD_PER_LEAF],
            "flags": read.flags,
            "standing": facts.get("standing"),
        }
        hashed = draft.enter(MessageAcceptedLeaf, sender, fields, self._detail(judged), owed[:MAX_OWED_PER_LEAF])
        record.overflow(draft, owed, position, sender, withheld)
        self._keep(message, judged.submission, event, position)
        known = {"position": position, "entry": entry, "leaf_hash": hashed.hex(), **facts}
        body = route.accept(judged, read, admitted, known)
        written = draft.write(answer, route.tell_accepted(judged, body), position)
        if lead is not None:
            draft.write(copy, route.tell_lead(judged, body, lead), position)
        self._claim(fate, Verdict.ACCEPTED, position, entry, receipt.id)
        self._effect(effect, position, admitted)
        self._changes(index)
        return Receipt(Verdict.ACCEPTED, position, entry, body=written)

    def _keep(self, key: int, submission: Submission, event: AgencyEvent, position: int) -> None:
        kind = type_of(type(event))
        self.draft.keep(
            MessageRow(
                key, submission.agency, event.id, event.source, kind, submission.body, position, submission.jws,
                event.correlationid,
            )
        )  # fmt: skip  # one row, read as one

    def _by_role(self, event: AgencyEvent, admitted: Admitted, effect: register.Effect) -> Admitted:
        """Who hears by role, and whom only the store knows; that needs no agreement, and none takes it away."""
        match effect:
            case register.OperationEffect(told=told) if told is not None:
                return authorise.told_by_role(event, sorted(told), self.directory)._replace(withheld=())
            case register.RecordedEffect(told=told) if told is not None:
                return authorise.told_by_role(event, told, self.directory)
            case _:
                return admitted

    def _beside(self, judged: Judged, admitted: Admitted, effect: register.Effect) -> list[DispatchRow]:
        """What is owed beside the message and its receipt: the answer to a question, an earlier message released."""
        if not isinstance(effect, register.RecordedEffect):
            return []
        owed: list[DispatchRow] = []
        if effect.answered is not None and judged.event is not None:
            found = effect.answered.answer, effect.answered.looked
            telling = route.tell_result(judged, judged.event.data.status, found, self.draft.position)
            owed.append(self.draft.tell(telling))
        if effect.passes is not None:
            owed += record.grant_all(self.draft, admitted.also, Lane.OUT, effect.passes)
        return owed

    def _facts(self, index: int, effect: register.Effect) -> dict[str, object]:
        match effect:
            case register.OperationEffect():
                conflicts, volume = self.conflicts, effect.after.volume
                seen = conflicts.seen_by(index, volume.operation_id)
                found = route.pointers(volume, seen, conflicts.records, conflicts.volumes)
                more = {"more_conflicts": len(found) - MAX_POINTERS} if len(found) > MAX_POINTERS else {}
                return {"revision": volume.revision, "conflicts": found[:MAX_POINTERS], **more}
            case register.AgreementEffect():
                return {"standing": standing_of(self.policy.words_of.get(effect.word.agreement_id, ()), self.draft.now)}
            case register.CredentialEffect():
                word = effect.word
                return {"standing": self.policy.credential_standing(word.agreement_id, word.officer_id, self.draft.now)}
            case _:
                return {}

    def _effect(self, effect: register.Effect, position: int, admitted: Admitted) -> None:
        plan = self.draft.plan
        match effect:
            case register.OperationEffect():
                operation = effect.after.volume.operation_id
                plan.operations.append(OperationRow(effect.after, position, effect.moved))
                if effect.after.live:
                    plan.told.extend((operation, grant.agency) for grant in admitted.grants)
            case register.AgreementEffect():
                plan.agreement_words.append((effect.word, position))
                self._lapses(LapseReason.AGREEMENT_NOT_IN_FORCE)
            case register.CredentialEffect():
                plan.credential_words.append((effect.word, position))
                self._lapses(LapseReason.CREDENTIAL_NOT_IN_FORCE)
            case register.AcknowledgeEffect():
                plan.acknowledgements.append(
                    AcknowledgementRow(effect.target, effect.level.value, effect.officer_id, position)
                )
            case register.PartyEffect():
                self._record((effect.row,), position)
            case register.RecordedEffect():
                self._record(effect.rows, position)
            case register.NoEffect():
                pass

    def _record(self, rows: Iterable[Row], position: int) -> None:
        """Keep what was said, citing the entry."""
        for row in rows:
            self.draft.plan.recorded.setdefault(type(row), []).append(row._replace(position=position))

    def _changes(self, index: int) -> None:
        """Enter what the message did to conflicts; both sides are owed the same words."""
        for change in self.conflicts.changes.get(index, ()):
            conflict = change.conflict
            self.draft.plan.conflicts.append(conflict)
            owed = [self.draft.tell(telling) for telling in route.tell_conflict(change)]
            agency = change.first.agency
            fields: dict[str, object] = {
                "conflict": conflict.id,
                "operations": (conflict.pair.first, conflict.pair.second),
            }
            if conflict.closed_because is not None:
                fields["reason"] = conflict.closed_because
                self.draft.enter(ConflictClosedLeaf, agency, fields, owed=owed)
                continue
            match = conflict.match
            fields |= {
                "action": f"conflict.{change.change}",
                "revisions": conflict.revisions,
                "rule": match.rule,
                "rule_version": match.rule_version,
            }
            exact = {"distance_m": round(match.distance_m, 3), "gap_s": match.gap_s}
            self.draft.enter(ConflictLeaf, agency, fields, exact, owed)

    def _lapses(self, reason: LapseReason) -> None:
        """Raise `authority.lapsed` for live operations whose officers held their function before this message."""
        for operation in self.known.authorised:
            authority, volume = operation.authority, operation.volume
            if authority is None or volume.end <= self.draft.now:
                continue
            window = (max(volume.start, self.draft.now), volume.end)
            lacked = authorise.lacking_officers(volume.agency, authority, window, self.before)
            lacking = authorise.lacking_officers(volume.agency, authority, window, self.policy)
            lost = [officer for officer in lacking if officer not in lacked]
            if lost:
                tellings = route.tell_lapses(operation, lost, reason, self.lead)
                owed = [self.draft.tell(telling) for telling in tellings]
                fields = {"operation": volume.operation_id}
                position = self.draft.position
                self.draft.enter(AuthorityLapsedLeaf, volume.agency, fields, owed=owed[:MAX_OWED_PER_LEAF])
                record.overflow(self.draft, owed, position, volume.agency)


_UNPROVEN = frozenset({RefusalCode.SENDER_MISMATCH, RefusalCode.SENDER_DISABLED})


def _actor(judged: Judged) -> dict[str, object]:
    """The agency, and the system that spoke unless nothing proves it: what a forger wrote is no fact about anybody."""
    agency, verdict, event = judged.submission.agency, judged.verdict, judged.event
    forged = isinstance(verdict, Refused) and verdict.code in _UNPROVEN
    return {"agency": agency} if event is None or forged else {"agency": agency, "id": event.system}


def _subject(event: AgencyEvent, revision: object) -> dict[str, object]:
    """What a leaf says a message was about (`Subject`); `revision` is that of an operation, or None."""
    about = event.about
    if about is None:
        return {"type": event.name}
    said: dict[str, object] = {"type": event.name, "id": about.partition("/")[2]}
    return {**said, "revision": revision} if isinstance(event, OperationEvent) else said
