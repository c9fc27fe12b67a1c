"""THE WALK: a batch of submissions in, a receipt for each out, one transaction between."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import structlog

from coordinator import chores, judging, walk
from coordinator.canonical import log_messages
from coordinator.cutting import cut
from coordinator.domain import Domain
from coordinator.fates import Fate, find_conflicts, moved, settle_claim
from coordinator.model.base import COORDINATOR
from coordinator.model.decisions import QuarantineReason, RefusalCode
from coordinator.model.errors import StoreUnavailableError
from coordinator.model.plan import Ask, Known, Plan
from coordinator.model.policy import Policy
from coordinator.model.volume import Volume
from coordinator.model.work import (
    Batch,
    ClaimKey,
    Dead,
    Judged,
    Prepared,
    Receipt,
    Settlement,
    Submission,
    Verdict,
)
from coordinator.outcomes import Outcomes
from coordinator.ports import Store, Transaction
from coordinator.steps import deconflict, record, register
from coordinator.surveying import Surveyor, planned
from coordinator.tally import Tally

MAX_SURVEYS = 3
DEAD_QUEUE = "router.dead"

Chore = Callable[[record.Draft, Known], None]


@dataclass(slots=True)
class Intake:
    """Settles batches of submissions; the only writer of the journal."""

    store: Store
    domain: Domain
    on_commit: Sequence[Callable[[Plan], None]] = ()
    tally: Tally = field(default_factory=Tally)
    policy: Policy = field(init=False)
    leisure: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    surveyor: Surveyor = field(init=False)
    _outcomes: Outcomes = field(init=False, default_factory=Outcomes)

    def __post_init__(self) -> None:
        """Begin with no policy: the first transaction tells the newest."""
        self.policy = Policy(-1, self.domain.lead)
        self.leisure.set()
        self.surveyor = Surveyor(self.store, self.domain.directory)

    async def receive(self, submissions: Sequence[Submission]) -> Sequence[Receipt]:
        """Settle a batch; a receipt for each, in order. Raises `StoreUnavailableError` as `record` does."""
        return await self.record(Batch([self.prepare(each) for each in submissions]))

    def prepare(self, submission: Submission) -> Prepared:
        """Do what needs no store; a door does it while an earlier batch is being recorded.

        One message that a step cannot bear fails alone; it is tried again, and set aside in the end.
        """
        try:
            return Prepared(submission, judging.judge(submission, self.domain, self.policy))
        except Exception:  # noqa: BLE001  # whatever a step cannot bear must not stop the messages beside it
            structlog.get_logger("intake").exception("failed", agency=submission.agency, digest=submission.digest)
            return Prepared(submission)

    async def record(self, batch: Batch) -> Sequence[Receipt]:
        """Do the rest of the walk; a receipt for each, in order.

        Raises `StoreUnavailableError` when the store cannot be written; the door keeps the batch and hands it in again.
        """
        receipts = batch.receipts
        left = {at: each.judged for at, each in enumerate(batch.prepared) if at not in receipts}
        failed = {at: Receipt(Verdict.FAILED) for at, judged in left.items() if judged is None}
        receipts |= failed
        self.tally.failed += len(failed)
        places = (at for at, judged in left.items() if judged is not None)
        with self._outcomes.recording():
            for unit in cut([judged for judged in left.values() if judged is not None]):
                settled = await self._settle(unit)
                receipts |= zip(islice(places, len(unit)), settled, strict=True)
        return [receipts[at] for at in range(len(batch.prepared))]

    async def _settle(self, unit: Sequence[Judged]) -> Sequence[Receipt]:
        """One poisonous row never sinks its neighbours: halve until it stands alone, and fails alone."""
        try:
            return await self._commit(unit)
        except StoreUnavailableError:
            raise
        except Exception:
            if len(unit) > 1:
                half = len(unit) // 2
                return [*await self._settle(unit[:half]), *await self._settle(unit[half:])]
            log = structlog.get_logger("intake")
            log.exception("failed", claim=unit[0].claim.id, agency=unit[0].submission.agency)
            self.tally.failed += 1
            return [Receipt(Verdict.FAILED)]

    async def _commit(self, unit: Sequence[Judged]) -> Sequence[Receipt]:
        """3 to 7, in one transaction: claims, state, conflicts, entries, deliveries, head.

        Where little lies near a unit it is compared under the lock. Else the lock is released and the survey made
        outside; again, when too much has changed since, or when the lock shows other volumes than were thought (an
        operation that executes early); the last time it is made under the lock.
        """
        volumes = [volume for each in unit if (volume := planned(each)) is not None]
        surveyed = await self.surveyor.ahead(volumes)
        for attempt in range(MAX_SURVEYS):
            async with self.store.transaction() as transaction:
                known = await self._read(transaction, self._ask(unit, volumes, surveyed))
                fates = self._fates(unit, known)
                thought, volumes = volumes, moved(fates)
                standing = await self.surveyor.standing(surveyed, thought, volumes, known)
                if standing is None and attempt == MAX_SURVEYS - 1:
                    standing = await self.surveyor.survey(volumes)
                if standing is not None:
                    return await self._write(transaction, known, fates, standing)
            surveyed = await self.surveyor.survey(volumes)
        msg = "unreachable: the last survey is always used"
        raise AssertionError(msg)

    async def _read(self, transaction: Transaction, ask: Ask) -> Known:
        """Read a little in many steps, for each of which the store's thread must get hold of the interpreter."""
        self.leisure.clear()
        try:
            return await transaction.read(ask)
        finally:
            self.leisure.set()

    def _fates(self, unit: Sequence[Judged], known: Known) -> Sequence[Fate]:
        """3, 4: claims first; then, judged by the policy that the lock shows, the state of each object."""
        if known.policy is not None:
            self.policy = known.policy
        return [settle_claim(judging.by_policy(each, self.domain, self.policy), known, self.policy) for each in unit]

    async def _write(
        self,
        transaction: Transaction,
        known: Known,
        fates: Sequence[Fate],
        survey: deconflict.Survey,
        chore: Chore | None = None,
    ) -> Sequence[Receipt]:
        """5 to 7: conflicts, deliveries, entries; then one write."""
        draft = record.Draft(
            known, self.domain.clock(), f"//{COORDINATOR}/{self.domain.id}", self.domain.new_id, self.domain.new_salt
        )
        with self._outcomes.riding() as settlements:
            conflicts = find_conflicts(fates, survey, known, self.domain.directory, draft)
            after = register.policy_after(self.policy, (fate.outcome for fate in fates))
            entering = walk.Entering(draft, known, self.policy, after, self.domain.directory, conflicts)
            receipts = [entering.enter(index, fate) for index, fate in enumerate(fates)]
            if chore is not None:
                chore(draft, known)
            record.settled(draft, settlements)
            plan, began = draft.finish(after.version), time.perf_counter()
            await transaction.write(plan)
            took_s = time.perf_counter() - began
        self.policy = after
        for heed in self.on_commit:
            heed(draft.plan)
        self.tally.recorded(receipts, draft.plan, took_s)
        log_messages((fate.judged, receipt) for fate, receipt in zip(fates, receipts, strict=True))
        return receipts

    def _ask(self, unit: Sequence[Judged], volumes: Sequence[Volume], surveyed: deconflict.Survey | None) -> Ask:
        events = [each.event for each in unit if each.event is not None]
        digests = (ClaimKey(each.claim.agency, each.submission.digest) for each in unit)
        return Ask(
            claims=tuple(dict.fromkeys([*(each.claim for each in unit), *digests])),
            operations=tuple([operation for event in events for operation in event.operations]),
            disputes=tuple([conflict for event in events for conflict in event.conflicts]),
            targets=tuple([target for event in events if event.received for target in register.targets_of(event)]),
            sent=tuple([ClaimKey(each.agency, each.id) for event in events for each in event.sent]),
            enquiries=self.surveyor.enquiries(unit),
            around=self.surveyor.probes(volumes) if surveyed is None else (),
            since=surveyed.position if surveyed is not None and surveyed.asked else None,
            policy_version=self.policy.version,
            authorised=any(event.changes_policy for event in events),
        )

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Record how deliveries fared; returns when that is durable.

        They ride with the next batch while batches follow each other, else in a transaction of their own after 20 ms.
        """
        await self._outcomes.wait_for(settlements, lambda: self.chore(Ask(), chores.nothing))

    async def quarantine(self, batch: Sequence[tuple[Submission, str]]) -> None:
        """Set aside what no attempt could process, each with the name of its queue; an operator may replay it."""
        await self.chore(Ask(), chores.quarantine([_dead(each, queue, self.domain.new_id()) for each, queue in batch]))

    async def chore(self, ask: Ask, enter: Chore) -> None:
        """Record work that is no message (`chores.py`) in a transaction of its own."""
        async with self.store.transaction() as transaction:
            known = await transaction.read(replace(ask, policy_version=self.policy.version))
            await self._write(transaction, known, self._fates((), known), deconflict.NOTHING_SURVEYED, enter)


def _dead(submission: Submission, queue: str, dead_id: str) -> Dead:
    reason = QuarantineReason.DEAD_LETTERED if queue == DEAD_QUEUE else QuarantineReason.ATTEMPTS_SPENT
    if submission.flaw is RefusalCode.UNREADABLE_HEADERS:
        reason = QuarantineReason.UNREADABLE_HEADERS
    return Dead(dead_id, queue, submission.agency, submission.account, reason, submission.body, submission.received)
