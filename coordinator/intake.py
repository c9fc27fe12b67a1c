"""THE WALK: a batch of submissions in, a receipt for each out, one transaction between."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice

import structlog

from coordinator import chores, walk
from coordinator.model.base import COORDINATOR
from coordinator.model.codes import Progress
from coordinator.model.decisions import QuarantineReason, RefusalCode, Refused, Stage
from coordinator.model.directory import Directory
from coordinator.model.envelope import AgencyEvent
from coordinator.model.errors import StoreUnavailableError
from coordinator.model.identity import RANDOM_BYTES, moment_half, random_half
from coordinator.model.notices import ReceiptAcknowledge
from coordinator.model.operations import OperationEvent, OperationNotice, OperationStatus, OperationUpdate
from coordinator.model.plan import MAX_NEAR, Ask, Known, Plan
from coordinator.model.policy import Policy
from coordinator.model.volume import Neighbourhood, Probe, Volume
from coordinator.model.work import (
    Admitted,
    Batch,
    ClaimKey,
    Dead,
    Judged,
    Prepared,
    Read,
    Receipt,
    Settlement,
    Submission,
    Verdict,
)
from coordinator.ports import Store, Transaction
from coordinator.steps import authorise, decode, deconflict, record, register, validate

MAX_BATCH = 200
MAX_CHANGED = 50
"""Operations changed since the survey that are judged under the lock; above it the survey is made again."""
MAX_SURVEYS = 3
SETTLE_AFTER_S = 0.02
DEAD_QUEUE = "router.dead"
SALT_BYTES = 32

Chore = Callable[[record.Draft, Known], None]


def system_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


class Identifiers:
    """Fresh identifiers that sort by time; what is random in them is made for many at once."""

    def __init__(self, at_once: int = 32) -> None:
        self._at_once = at_once
        self._random: list[str] = []
        self._millisecond = -1
        self._moment = ""

    def __call__(self) -> str:
        """The next identifier."""
        if not self._random:
            noise = secrets.token_bytes(self._at_once * RANDOM_BYTES)
            self._random = [random_half(noise[at : at + RANDOM_BYTES]) for at in range(0, len(noise), RANDOM_BYTES)]
        millisecond = time.time_ns() // 1_000_000
        if millisecond != self._millisecond:
            self._millisecond, self._moment = millisecond, moment_half(millisecond)
        return self._moment + self._random.pop()


def system_id() -> str:
    """One fresh identifier."""
    return Identifiers(1)()


class Salts:
    """Random 256-bit salts, each for one commitment (`audit.md`); drawn for many at once."""

    def __init__(self, at_once: int = 16) -> None:
        self._at_once = at_once
        self._drawn: list[bytes] = []

    def __call__(self) -> bytes:
        """The next salt."""
        if not self._drawn:
            noise = secrets.token_bytes(self._at_once * SALT_BYTES)
            self._drawn = [noise[at : at + SALT_BYTES] for at in range(0, len(noise), SALT_BYTES)]
        return self._drawn.pop()


@dataclass(frozen=True, slots=True)
class Domain:
    """What the walk knows beside the store: who the parties are, what is accepted, and its sources of time and ids."""

    id: str
    directory: Directory
    bounds: validate.Bounds
    clock: Callable[[], datetime] = system_clock
    new_id: Callable[[], str] = field(default_factory=Identifiers)
    new_salt: Callable[[], bytes] = field(default_factory=Salts)

    @property
    def lead(self) -> str:
        """The id of the agency that leads."""
        lead = self.directory.lead
        return lead.id if lead is not None else ""


@dataclass(slots=True)
class Intake:
    """Settles batches of submissions; the only writer of the journal."""

    store: Store
    domain: Domain
    on_commit: Sequence[Callable[[Plan], None]] = ()
    policy: Policy = field(init=False)
    crowded: bool = field(init=False, default=False)
    """Whether much lay near what was surveyed last: then the next survey is made before the lock is taken."""
    _owing: list[tuple[Sequence[Settlement], asyncio.Future[None]]] = field(init=False, default_factory=list)

    _recording: int = field(init=False, default=0)
    """Batches that are being recorded."""
    _recorded: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Begin with no policy: the first transaction tells the newest."""
        self.policy = Policy(-1, self.domain.lead)

    async def receive(self, submissions: Sequence[Submission]) -> Sequence[Receipt]:
        """Settle a batch; a receipt for each, in order. Raises `StoreUnavailableError` as `record` does."""
        return await self.record(Batch([self.prepare(each) for each in submissions]))

    def prepare(self, submission: Submission) -> Prepared:
        """Do what needs no store; a door does it while an earlier batch is being recorded.

        One message that a step cannot bear fails alone; it is tried again, and set aside in the end.
        """
        try:
            return Prepared(submission, self._judge(submission))
        except Exception:  # noqa: BLE001  # whatever a step cannot bear must not stop the messages beside it
            structlog.get_logger("intake").exception("failed", agency=submission.agency, digest=submission.digest)
            return Prepared(submission)

    async def record(self, batch: Batch) -> Sequence[Receipt]:
        """Do the rest of the walk; a receipt for each, in order.

        Raises `StoreUnavailableError` when the store cannot be written; the door keeps the batch and hands it in again.
        """
        receipts = batch.receipts
        left = {at: each.judged for at, each in enumerate(batch.prepared) if at not in receipts}
        receipts |= {at: Receipt(Verdict.FAILED) for at, judged in left.items() if judged is None}
        places = (at for at, judged in left.items() if judged is not None)
        self._recording += 1
        try:
            for unit in cut([judged for judged in left.values() if judged is not None]):
                settled = await self._settle(unit)
                receipts |= zip(islice(places, len(unit)), settled, strict=True)
        finally:
            self._recording -= 1
            self._recorded.set()
        return [receipts[at] for at in range(len(batch.prepared))]

    def _judge(self, submission: Submission) -> Judged:
        """1, 2: validate and authorise; pure, and provisional until the policy's version is seen under the lock."""
        if submission.flaw is not None:
            flaw = Refused(submission.flaw, Stage.DOOR)
            return Judged(submission, flaw, flaw, ClaimKey(submission.agency, submission.digest))
        decoded = decode.decode(submission.body)
        claim = validate.claim_key(submission, decoded)
        read = decoded if isinstance(decoded, Refused) else validate.read(submission, decoded, self.domain.bounds)
        return Judged(submission, read, self._verdict(submission, read), claim, self.policy.version)

    def _verdict(self, submission: Submission, read: Read | Refused) -> Admitted | Refused:
        """Judge by the policy as we know it."""
        if isinstance(read, Refused):
            return read
        return authorise.judge(submission, read, self.policy, self.domain.directory)

    def _authorised(self, judged: Judged) -> Judged:
        """What was judged by another version of the policy is judged again."""
        version = self.policy.version
        if judged.policy_version == version and version >= 0:
            return judged
        return judged._replace(verdict=self._verdict(judged.submission, judged.read), policy_version=version)

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
            return [Receipt(Verdict.FAILED)]

    async def _commit(self, unit: Sequence[Judged]) -> Sequence[Receipt]:
        """3 to 7, in one transaction: claims, state, conflicts, entries, deliveries, head.

        Where little lies near a unit it is compared under the lock. Else the lock is released and the survey made
        outside; again, when too much has changed since, or when the lock shows other volumes than were thought (an
        operation that executes early); the last time it is made under the lock.
        """
        volumes = [volume for each in unit if (volume := _planned(each)) is not None]
        surveyed = await self._survey(volumes) if self.crowded or not volumes else None
        for attempt in range(MAX_SURVEYS):
            async with self.store.transaction() as transaction:
                known = await transaction.read(self._ask(unit, volumes, surveyed))
                fates = self._fates(unit, known)
                thought, volumes = volumes, walk.moved(fates)
                standing = await self._standing(surveyed, thought, volumes, known)
                if standing is None and attempt == MAX_SURVEYS - 1:
                    standing = await self._survey(volumes)
                if standing is not None:
                    return await self._write(transaction, known, fates, standing)
            surveyed = await self._survey(volumes)
        msg = "unreachable: the last survey is always used"
        raise AssertionError(msg)

    async def _standing(
        self, surveyed: deconflict.Survey | None, thought: Sequence[Volume], moved: Sequence[Volume], known: Known
    ) -> deconflict.Survey | None:
        """Return the survey, or the one that the lock allows to make; None when there is none that still stands."""
        if surveyed is None and known.around is not None:
            surveyed = await self._compare(thought, known.around)
        if surveyed is None or len(known.changed) > MAX_CHANGED or not surveyed.covers(moved):
            return None
        return surveyed

    async def _survey(self, volumes: Sequence[Volume]) -> deconflict.Survey:
        """Find what lies near from a snapshot, outside the lock, and compare."""
        if not volumes:
            return deconflict.NOTHING_SURVEYED
        around = await self.store.neighbours(self._probes(volumes))
        self.crowded = len(around.hits) > MAX_NEAR
        return await self._compare(volumes, around)

    async def _compare(self, volumes: Sequence[Volume], around: Neighbourhood) -> deconflict.Survey:
        """Leave heavy geometry to a worker thread."""
        if not around.hits:
            return deconflict.survey(volumes, around, self.domain.directory)
        return await asyncio.to_thread(deconflict.survey, volumes, around, self.domain.directory)

    def _probes(self, volumes: Sequence[Volume]) -> Sequence[Probe]:
        return [deconflict.probe(volume, self.domain.directory) for volume in volumes]

    def _fates(self, unit: Sequence[Judged], known: Known) -> Sequence[walk.Fate]:
        """3, 4: claims first; then, judged by the policy that the lock shows, the state of each object."""
        if known.policy is not None:
            self.policy = known.policy
        return [walk.settle_claim(self._authorised(each), known, self.policy) for each in unit]

    async def _write(
        self,
        transaction: Transaction,
        known: Known,
        fates: Sequence[walk.Fate],
        survey: deconflict.Survey,
        chore: Chore | None = None,
    ) -> Sequence[Receipt]:
        """5 to 7: conflicts, deliveries, entries; then one write."""
        draft = record.Draft(
            known, self.domain.clock(), f"//{COORDINATOR}/{self.domain.id}", self.domain.new_id, self.domain.new_salt
        )
        settling, self._owing = self._owing, []
        try:
            conflicts = walk.find_conflicts(fates, survey, known, self.domain.directory, draft)
            after = register.policy_after(self.policy, (fate.outcome for fate in fates))
            entering = walk.Entering(draft, known, self.policy, after, self.domain.directory, conflicts)
            receipts = [entering.enter(index, fate) for index, fate in enumerate(fates)]
            if chore is not None:
                chore(draft, known)
            record.settled(draft, [settlement for settlements, _ in settling for settlement in settlements])
            await transaction.write(draft.finish(after.version))
        except BaseException:
            self._owing = settling + self._owing
            raise
        self._committed(draft.plan, after, fates, receipts, settling)
        return receipts

    def _ask(self, unit: Sequence[Judged], volumes: Sequence[Volume], surveyed: deconflict.Survey | None) -> Ask:
        events = [each.event for each in unit]
        digests = (ClaimKey(each.claim.agency, each.submission.digest) for each in unit)
        return Ask(
            claims=tuple(dict.fromkeys([*(each.claim for each in unit), *digests])),
            operations=tuple(event.data.operation_id for event in events if isinstance(event, OperationEvent)),
            targets=tuple(register.target_of(event) for event in events if isinstance(event, ReceiptAcknowledge)),
            around=self._probes(volumes) if surveyed is None else (),
            since=surveyed.position if surveyed is not None and surveyed.asked else None,
            policy_version=self.policy.version,
            authorised=any(event is not None and event.changes_policy for event in events),
        )

    def _committed(
        self,
        plan: Plan,
        after: Policy,
        fates: Sequence[walk.Fate],
        receipts: Sequence[Receipt],
        settled: Sequence[tuple[Sequence[Settlement], asyncio.Future[None]]],
    ) -> None:
        self.policy = after
        for _, future in settled:
            if not future.done():
                future.set_result(None)
        for heed in self.on_commit:
            heed(plan)
        log = structlog.get_logger("intake").bind()
        if log.is_enabled_for(logging.INFO):
            for fate, receipt in zip(fates, receipts, strict=True):
                log.info("message", **canonical(fate.judged, receipt))

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Record how deliveries fared; returns when that is durable.

        They ride with the next batch while batches follow each other, else in a transaction of their own after 20 ms.
        """
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = (settlements, durable)
        self._owing.append(waiting)
        await asyncio.sleep(SETTLE_AFTER_S)
        while self._recording and not durable.done():
            self._recorded.clear()
            await self._recorded.wait()
        if not durable.done():
            try:
                await self.chore(Ask(), chores.nothing)
            except StoreUnavailableError:
                if not durable.done():
                    # Who hears of it hands them in again: what still waited here would be entered twice.
                    self._owing.remove(waiting)
                    raise
        await durable

    async def quarantine(self, batch: Sequence[tuple[Submission, str]]) -> None:
        """Set aside what no attempt could process, each with the name of its queue; an operator may replay it."""
        await self.chore(Ask(), chores.quarantine([_dead(each, queue, self.domain.new_id()) for each, queue in batch]))

    async def chore(self, ask: Ask, enter: Chore) -> None:
        """Record work that is no message (`chores.py`) in a transaction of its own."""
        async with self.store.transaction() as transaction:
            known = await transaction.read(replace(ask, policy_version=self.policy.version))
            await self._write(transaction, known, self._fates((), known), deconflict.NOTHING_SURVEYED, enter)


def _planned(judged: Judged) -> Volume | None:
    """The volume that a notice or update would occupy; surveyed whatever the verdict, which is provisional still."""
    read = judged.read
    if isinstance(read, Refused) or read.shape is None:
        return None
    event = read.event
    if not isinstance(event, OperationNotice | OperationUpdate):
        return None
    revision = event.data.revision if isinstance(event, OperationUpdate) else 1
    return register.volume_of(event, event.data, revision, read.shape)


def _dead(submission: Submission, queue: str, dead_id: str) -> Dead:
    reason = QuarantineReason.DEAD_LETTERED if queue == DEAD_QUEUE else QuarantineReason.ATTEMPTS_SPENT
    if submission.flaw is RefusalCode.UNREADABLE_HEADERS:
        reason = QuarantineReason.UNREADABLE_HEADERS
    return Dead(dead_id, queue, submission.agency, submission.account, reason, submission.body, submission.received)


def _moves(event: AgencyEvent | None) -> bool:
    """Whether a message may move an operation that was there before."""
    match event:
        case OperationUpdate():
            return True
        case OperationStatus():
            return event.data.progress is Progress.EXECUTING
        case _:
            return False


def cut(judged: Sequence[Judged]) -> Iterator[Sequence[Judged]]:
    """Cut a batch into units.

    No object and no claim stands twice in one; a change of agreements or credentials stands alone; and whatever moves
    an operation that was there before comes first in its unit: what comes before it meets the operation as it was.
    """
    unit: list[Judged] = []
    seen: set[object] = set()
    for each in judged:
        event, claim = each.event, each.claim
        alone = event is not None and event.changes_policy
        # Plain pairs: they are made and hashed for every message.
        claims = ((claim.agency, claim.id), (claim.agency, each.submission.digest))
        keys = claims if event is None else (*claims, *event.objects)
        if unit and (alone or _moves(event) or len(unit) >= MAX_BATCH or not seen.isdisjoint(keys)):
            yield unit
            unit, seen = [], set()
        unit.append(each)
        seen.update(keys)
        if alone:
            yield unit
            unit, seen = [], set()
    if unit:
        yield unit


def canonical(judged: Judged, receipt: Receipt) -> dict[str, object]:
    """The one log line of a message: ids and closed codes only; its `entry` finds the leaf."""
    submission, event, refused = judged.submission, judged.event, receipt.refused
    fields: dict[str, object] = {
        "verdict": receipt.verdict.value,
        "agency": submission.agency,
        "id": judged.claim.id,
    }
    if event is not None:
        fields["type"] = event.name
    fields |= {"channel": submission.channel.value, "bytes": len(submission.body)}
    if receipt.position is not None:
        fields |= {"position": receipt.position, "entry": receipt.entry}
    if refused is not None:
        fields |= {"code": refused.code.value, "stage": refused.stage.value}
        if refused.field is not None:
            fields["field"] = refused.field
    return fields
