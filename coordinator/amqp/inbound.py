"""The way in: drains the agencies' queues into batches, hands them to intake, and acknowledges what is recorded."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Final

import structlog

from coordinator.amqp import guard
from coordinator.amqp.attempts import ATTEMPTS, Attempts
from coordinator.amqp.binding import dead_letter, submission
from coordinator.amqp.ingress import RENEW_S, Delivery, Ingress, IngressState, IngressStatus, Opening
from coordinator.amqp.patience import PATIENCE_S, Patience
from coordinator.amqp.session import Link, Session, SessionStatus
from coordinator.amqp.topology import DEAD_LETTERS, ingress_queue
from coordinator.model.directory import Agency
from coordinator.model.errors import StoreUnavailableError
from coordinator.model.work import Batch, Prepared, Receipt, Submission, Verdict
from coordinator.ports import Intake

MAX_BATCH: Final = 150
_AT_ONCE: Final = 16
"""Messages that are judged before others on the loop have their turn: the batch that is being recorded comes first."""
_PREFETCH_TOTAL, _LEAST_PREFETCH, _MOST_PREFETCH = 2_400, 20, 300
_DEAD_PREFETCH: Final = 20

_REDELIVERED: Final = attrgetter("content.redelivered")

Ready = tuple[Delivery, Prepared]


@dataclass(frozen=True, slots=True)
class InboundStatus:
    """How the way in is doing, for readiness and metrics."""

    session: SessionStatus
    ingresses: Mapping[str, IngressStatus]
    """By queue."""
    in_batch: int
    """Messages that are judged or being recorded now."""
    trouble: str | None
    """Why the store does not record, when it does not."""
    redelivered: int
    """How many messages came that the broker had delivered before, since the service began."""
    stopping: bool

    @property
    def ready(self) -> bool:
        """Whether every queue is being consumed."""
        consuming = all(each.state is IngressState.CONSUMING for each in self.ingresses.values())
        return self.session.connected and consuming and not self.stopping


class Inbound:
    """Every agency's ingress queue, and the dead letters, on one connection; one batch is recorded at a time."""

    def __init__(  # noqa: PLR0913 - independent options, all by keyword
        self,
        session: Session,
        intake: Intake,
        agencies: Sequence[Agency],
        *,
        clock: Callable[[], datetime],
        attempts: int = ATTEMPTS,
        patience_s: float = PATIENCE_S,
        renew_s: float = RENEW_S,
    ) -> None:
        """Take a session that nothing else uses, and the agencies of its vhost; the owner of a queue is the sender."""
        self._session = session
        self._intake = intake
        self._clock = clock
        self._attempts = Attempts(attempts)
        self._patience = Patience(patience_s, self._pause, self._resume)
        self._wake = asyncio.Event()
        self._agencies = {ingress_queue(agency.id): agency for agency in agencies}
        prefetch = prefetch_for(len(agencies))
        self._ingresses = [Ingress(queue, prefetch, self._wake, renew_s) for queue in sorted(self._agencies)]
        self._dead = Ingress(DEAD_LETTERS, _DEAD_PREFETCH, self._wake, renew_s)
        self._ready: list[Ready] = []
        self._in_batch = 0
        self._redelivered = 0
        self._stopping = False

    def status(self) -> InboundStatus:
        """How the way in is doing now."""
        ingresses = {ingress.queue: ingress.status() for ingress in self._all()}
        return InboundStatus(
            self._session.status(),
            ingresses,
            self._in_batch + len(self._ready),
            self._patience.trouble,
            self._redelivered,
            self._stopping,
        )

    async def run(self) -> None:
        """Receive until `stop`; raises only what is neither the broker's doing nor the store's absence."""
        guard.install()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._session.run(self._serve), name="inbound-session")
            await self._drain()
            self._want(IngressState.CLOSED)
            self._session.stop()

    def stop(self) -> None:
        """Stop in order: not ready, ask for no more, finish what is in memory, settle it, close. `run` then returns."""
        self._stopping = True
        self._want(IngressState.PAUSED)
        self._patience.give_up()
        self._wake.set()

    async def _serve(self, link: Link) -> None:
        async with asyncio.TaskGroup() as group:
            for ingress in self._all():
                group.create_task(ingress.serve(link), name=ingress.queue)

    async def _drain(self) -> None:
        """Record batch after batch; what comes while one is recorded is judged meanwhile, and is the next."""
        async with asyncio.TaskGroup() as group:
            recording: asyncio.Task[bool] | None = None
            while True:
                self._wake.clear()
                await self._intake.leisure.wait()
                more = self._prepare_some()
                if recording is None or recording.done():
                    if recording is not None and not recording.result():
                        return
                    recording = self._begin(group)
                    if recording is None and self._stopping and self._quiet():
                        return
                await (asyncio.sleep(0) if more else self._wake.wait())

    def _quiet(self) -> bool:
        """Tell whether nothing more comes and nothing is left."""
        return not any(each.waiting or each.state is IngressState.CONSUMING for each in self._all())

    def _prepare_some(self) -> bool:
        """Judge some of what has come; tell whether there is more, and room for it in the next batch."""
        for delivery in self._take(min(_AT_ONCE, MAX_BATCH - len(self._ready))):
            submitted = submission(delivery.content, self._agencies[delivery.queue], self._clock())
            self._ready.append((delivery, self._intake.prepare(submitted)))
        return len(self._ready) < MAX_BATCH and any(each.waiting for each in self._ingresses)

    def _begin(self, group: asyncio.TaskGroup) -> asyncio.Task[bool] | None:
        batch, self._ready = self._ready, []
        dead = self._take_dead()
        self._in_batch = len(batch)
        return group.create_task(self._record(batch, dead)) if batch or dead else None

    async def _record(self, batch: Sequence[Ready], dead: Sequence[Delivery]) -> bool:
        """Record and settle; False when the store did not until the service was stopped: then nothing is lost."""
        try:
            await self._receive(batch)
            await self._bury(dead)
        except StoreUnavailableError as error:  # only after `stop`: what is not recorded comes again
            structlog.get_logger("amqp").warning("gave_back", messages=len(batch) + len(dead), reason=str(error))
            return False
        finally:
            self._in_batch = 0
            self._wake.set()
        return True

    def _take(self, most: int) -> list[Delivery]:
        """Take one message of each ingress in turn, until there are enough or none has more."""
        self._ingresses.append(self._ingresses.pop(0))
        turns = deque(ingress for ingress in self._ingresses if ingress.waiting)
        taken: list[Delivery] = []
        while turns and len(taken) < most:
            ingress = turns.popleft()
            taken.append(ingress.waiting.popleft())
            if ingress.waiting:
                turns.append(ingress)
        return taken

    def _take_dead(self) -> list[Delivery]:
        dead = list(self._dead.waiting)
        self._dead.waiting.clear()
        return dead

    async def _receive(self, ready: Sequence[Ready]) -> None:
        """Have a batch recorded, and settle each message by its receipt."""
        if not ready:
            return
        batch = Batch([prepared for _, prepared in ready])
        receipts = await self._patience.until_done(lambda: self._intake.record(batch))
        failed = [
            (delivery, prepared.submission)
            for (delivery, prepared), receipt in zip(ready, receipts, strict=True)
            if self._failed(delivery, prepared.submission, receipt)
        ]
        again = await self._set_aside(failed)
        deliveries = [delivery for delivery, _ in ready]
        self._redelivered += sum(map(_REDELIVERED, deliveries))
        await _settle(deliveries, again)

    def _failed(self, delivery: Delivery, submitted: Submission, receipt: Receipt) -> bool:
        match receipt.verdict:
            case Verdict.FAILED:
                return True
            case Verdict.ACCEPTED | Verdict.DUPLICATE | Verdict.REFUSED | Verdict.QUARANTINED:
                self._attempts.worked(delivery.queue, submitted.digest)
                return False

    async def _set_aside(self, failed: Sequence[tuple[Delivery, Submission]]) -> set[Delivery]:
        """Quarantine what has had its last attempt; return what may be tried again."""
        again: set[Delivery] = set()
        spent: list[tuple[Submission, str]] = []
        for delivery, submitted in failed:
            if self._attempts.spent_after_failure(delivery.queue, submitted.digest, delivery.content.delivery_count):
                spent.append((submitted, delivery.queue))
            else:
                again.add(delivery)
        if spent:
            await self._patience.until_done(lambda: self._intake.quarantine(spent))
        return again

    async def _bury(self, dead: Sequence[Delivery]) -> None:
        """Put dead letters into the store, where an operator finds them."""
        if not dead:
            return
        letters = [dead_letter(each.content, self._agencies, self._clock()) for each in dead]
        for letter in letters:
            structlog.get_logger("amqp").warning("dead_letter", queue=letter.queue, reason=letter.reason)
        batch = [(letter.submission, DEAD_LETTERS) for letter in letters]
        await self._patience.until_done(lambda: self._intake.quarantine(batch))
        await _settle(dead, set())

    def _pause(self) -> None:
        self._want(IngressState.PAUSED)

    def _resume(self) -> None:
        if not self._stopping:
            self._want(IngressState.CONSUMING)

    def _want(self, state: IngressState) -> None:
        for ingress in self._all():
            ingress.want(state)

    def _all(self) -> Iterator[Ingress]:
        yield from self._ingresses
        yield self._dead


def prefetch_for(agencies: int) -> int:
    """Return how much each queue may deliver unsettled: little enough that nobody's flood delays another's message."""
    return max(_LEAST_PREFETCH, min(_MOST_PREFETCH, _PREFETCH_TOTAL // max(agencies, 1)))


async def _settle(batch: Sequence[Delivery], again: set[Delivery]) -> None:
    """Give back what is to be tried again, then acknowledge the rest: once for each channel."""
    rejected: dict[Opening, list[int]] = {delivery.opening: [] for delivery in batch}
    acked_up_to: dict[Opening, int] = {}
    for delivery in batch:
        if delivery in again:
            rejected[delivery.opening].append(delivery.tag)
        else:
            acked_up_to[delivery.opening] = delivery.tag
    await asyncio.gather(*(opening.settle(tags, acked_up_to.get(opening)) for opening, tags in rejected.items()))
