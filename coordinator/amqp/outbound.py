"""The way out: pays dispatches to the agencies' queues, each with its own outcome, many in flight at once."""

import asyncio
import contextlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from coordinator.amqp.aside import Aside
from coordinator.amqp.frames import HEARTBEAT_EXPIRES_MS, Publish
from coordinator.amqp.payment import Payment
from coordinator.amqp.session import Link, Session, SessionStatus
from coordinator.amqp.topology import egress_queue
from coordinator.amqp.trouble import reason
from coordinator.amqp.window import WINDOW, Pending, Waiting, Window
from coordinator.model.codes import Lane
from coordinator.model.errors import BrokerUnavailableError
from coordinator.model.work import Dispatch, Fate

PUBLISH_S: Final = 10.0
"""How long an outcome is waited for, in seconds; well below the relay's lease.

After as long without any answer to anything, another connection is tried.
"""
_LOOK_S: Final = 1.0
"""How often that is looked at; longer than it takes to notice an alarm."""


@dataclass(frozen=True, slots=True)
class OutboundStatus:
    """How the way out is doing, for readiness and metrics."""

    session: SessionStatus
    waiting: int
    in_flight: int

    @property
    def ready(self) -> bool:
        """Whether a publish would be written and confirmed now."""
        return self.session.ready


class AmqpPublisher:
    """The port `Publisher` on RabbitMQ: the default exchange, mandatory, persistent, confirmed, one queue each.

    `run` keeps the connection; `publish` may be called at any time, and waits for a connection until its time is up.
    """

    def __init__(self, session: Session, *, window: int = WINDOW, timeout_s: float = PUBLISH_S) -> None:
        """Take a session that nothing else uses: an alarm of the broker stops all that its connection does."""
        self._session = session
        self._size = window
        self._timeout_s = timeout_s
        self._waiting = Waiting()
        self._known: dict[str, Pending] = {}
        self._window: Window | None = None
        self._silent: set[str] = set()
        """Queues that did not answer in time, until they answer."""
        self._aside: Aside | None = None
        self._signal = asyncio.Event()
        self._roomy = asyncio.Event()
        self._answered_all = asyncio.Event()
        self._answered_all.set()
        self._stopping = False

    def status(self) -> OutboundStatus:
        """How the way out is doing now."""
        in_flight = sum(len(each) for each in (self._window, self._aside) if each is not None)
        return OutboundStatus(self._session.status(), len(self._waiting), in_flight)

    def is_ready(self) -> bool:
        """Whether a publish would be written now: connected, no alarm, room in the window."""
        return self._roomy.is_set() and self._session.status().ready

    async def ready(self) -> None:
        """Return when a publish can be written now."""
        while not self.is_ready():
            await self._session.ready()
            await self._roomy.wait()

    def post(self, dispatches: Sequence[Dispatch], tell: Callable[[Sequence[Fate]], None]) -> None:
        """Publish in order, and tell every outcome, in the order given; raises for no dispatch.

        A dispatch that is still in flight from an earlier call is not written twice: both calls get its outcome.
        """
        self._begin([self._enter(Publish.of(dispatch)) for dispatch in dispatches], tell)

    async def publish(self, dispatches: Sequence[Dispatch]) -> Sequence[Fate]:
        """Publish as `post` does, and return the outcomes."""
        return await self._pay([self._enter(Publish.of(dispatch)) for dispatch in dispatches])

    async def beat(self, agency: str, body: bytes) -> Fate:
        """Publish a heartbeat to an agency's `out` queue; it expires in 120 s, so that absent queues do not fill."""
        event = orjson.loads(body)
        beat = Publish(
            queue=egress_queue(agency, Lane.OUT),
            id=str(uuid.uuid5(uuid.UUID(event["id"]), agency)),
            type=event["type"],
            body=body,
            event_id=event["id"],
            source=event["source"],
            recorded=event["time"],
            expires_ms=HEARTBEAT_EXPIRES_MS,
        )
        return (await self._pay([self._enter(beat)]))[0]

    async def run(self) -> None:
        """Keep the connection and write what is published, until `stop`; raises only what is not the broker's doing."""
        await self._session.run(self._serve)
        self._waiting.drop()

    async def stop(self, grace_s: float = PUBLISH_S) -> None:
        """Wait for what is in flight, at most `grace_s`, and let `run` end."""
        self._session.stop()
        self._stopping = True
        self._signal.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._answered_all.wait()
        self._waiting.drop()
        for each in (self._window, self._aside):
            if each is not None:
                each.end("the service stopped")
        self._signal.set()

    def _enter(self, publish: Publish) -> Pending:
        known = self._known.get(publish.id)
        if known is not None and known.publish == publish:
            return known
        pending = Pending(publish)
        if known is not None:
            # One id, two contents: a returned message is known by its id alone (`broker.md`, 1), so never both at once.
            pending.give_up()
            return pending
        self._known[publish.id] = pending
        self._answered_all.clear()
        pending.listen(self._forget)
        self._waiting.put(pending)
        return pending

    def _begin(self, entered: Sequence[Pending], tell: Callable[[Sequence[Fate]], None]) -> Payment:
        payment = Payment(entered, tell)
        payment.limit(asyncio.get_running_loop().call_later(self._timeout_s, self._time_is_up, payment))
        self._signal.set()
        return payment

    async def _pay(self, entered: Sequence[Pending]) -> Sequence[Fate]:
        outcome: asyncio.Future[Sequence[Fate]] = asyncio.get_running_loop().create_future()
        payment = self._begin(entered, outcome.set_result)
        try:
            return await outcome
        finally:
            payment.leave()

    def _time_is_up(self, payment: Payment) -> None:
        """Write aside from now on to queues that have not answered, though the broker reads what we send."""
        payment.end()
        if self._session.status().ready:
            self._silent.update(
                each.publish.queue for each in payment.entered if each.written_at is not None and not each.done()
            )

    async def _serve(self, link: Link) -> None:
        """Write what is waiting for the life of one connection; a channel that ends or is stuck ends it."""
        channel = await link.channel(confirms=True)
        window = self._window = Window(channel, self._size, self._freed)
        aside = self._aside = Aside(link, self._freed)
        closing = channel.closing
        closing.add_done_callback(lambda _: self._signal.set())
        self._roomy.set()
        try:
            while not closing.done():
                await self._write(window, aside)
                if self._stopping and not (len(self._waiting) or len(window) or len(aside)):
                    return
                await self._wait(window)
            why = None if closing.cancelled() else closing.exception()
            msg = f"the broker closed the channel: {reason(why)}"
            raise BrokerUnavailableError(msg)
        finally:
            self._window = self._aside = None
            self._roomy.clear()
            self._waiting.put_back(aside.close())
            window.end("the connection was lost before the broker answered")

    async def _wait(self, window: Window) -> None:
        """Wait for something to do; raises BrokerUnavailableError when the broker owes answers for too long."""
        now = asyncio.get_running_loop().time()
        if self._session.status().blocked_s:
            window.excuse(now)
        elif (stuck := window.stuck(now, self._timeout_s + _LOOK_S)) is not None:
            raise BrokerUnavailableError(stuck)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await self._signal.wait()
        self._signal.clear()

    async def _write(self, window: Window, aside: Aside) -> None:
        batch: list[Pending] = []
        room = window.room
        while len(batch) < room and (pending := self._waiting.take()) is not None:
            if pending.publish.queue in self._silent:
                aside.put(pending)
            else:
                batch.append(pending)
        try:
            if batch:
                await window.write(batch)
        finally:  # the connection may have been lost before anything was written
            self._waiting.put_back([each for each in batch if each.written_at is None and not each.done()])
        if not window.room:
            self._roomy.clear()

    def _freed(self) -> None:
        if self._window is not None:
            self._roomy.set()
        if len(self._waiting) or self._stopping:
            self._signal.set()

    def _forget(self, pending: Pending) -> None:
        del self._known[pending.publish.id]
        if not self._known:
            self._answered_all.set()
        if pending.fate() is not Fate.UNKNOWN:
            self._silent.discard(pending.publish.queue)
