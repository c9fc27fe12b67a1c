"""One queue that we consume: its channel of the moment, what it delivered and is not settled, and how it is doing."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import structlog
from aiormq.abc import AbstractChannel, DeliveredMessage

from coordinator.amqp.backoff import Backoff
from coordinator.amqp.binding import Content
from coordinator.amqp.session import REQUEST_S, Link
from coordinator.amqp.trouble import broker_errors, reason
from coordinator.model.errors import BrokerUnavailableError

_CONSUMER_TAG: Final = "coordinator.{}"
"""Each consumer of a channel has a tag of its own.

To one that comes back under its old tag, a quorum queue of RabbitMQ 3.10 delivers again everything that is not settled.
"""
LONGEST_REST_S: Final = 15.0
RENEW_S: Final = 10.0
"""How long a queue may deliver nothing before its consumer is renewed.

When a quorum queue is deleted and declared again at once, RabbitMQ 3.10 moves the consumer to the new queue, then drops
what that delivers to it, and says nothing to the client: only another channel helps.
"""
_SETTLE_S: Final = 10.0

Receiver = Callable[[DeliveredMessage], Coroutine[None, None, None]]


class IngressState(StrEnum):
    """What an ingress is doing."""

    CLOSED = "closed"
    """No channel: not connected, or waiting to try again."""
    CONSUMING = "consuming"
    PAUSED = "paused"
    """The channel is kept, with what it delivered, and nothing more is asked for."""


@dataclass(frozen=True, slots=True)
class IngressStatus:
    """How one ingress is doing, for readiness and metrics."""

    queue: str
    state: IngressState
    waiting: int
    opened: int
    """How often a channel was opened for it; an idle one is renewed."""
    trouble: str | None
    """Why it is closed, or was the last time."""


@dataclass(slots=True, eq=False)
class Opening:
    """One channel of an ingress: its delivery tags mean something there and nowhere else."""

    queue: str
    channel: AbstractChannel
    signal: asyncio.Event
    consuming: bool = False
    consumers: int = field(default=0, init=False)
    """How many consumers it has had, the present one too."""
    ended: str | None = None
    """Why nothing more can come of it."""
    over: bool = False
    """Nothing may be settled on it any more."""
    taken: int = field(default=0, init=False)
    """The last delivery tag; they begin at 1 and none is left out."""
    settled: int = field(default=0, init=False)
    """The last tag that is settled, with all before it."""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def consume(self, receiver: Receiver) -> None:
        """Ask for deliveries."""
        self.consumers += 1
        await self.channel.basic_consume(self.queue, receiver, consumer_tag=self._tag(), timeout=REQUEST_S)
        self.consuming = True

    async def pause(self) -> None:
        """Ask for no more deliveries; what was delivered stays."""
        await self.channel.basic_cancel(self._tag(), timeout=REQUEST_S)
        self.consuming = False

    def _tag(self) -> str:
        return _CONSUMER_TAG.format(self.consumers)

    def end(self, why: str) -> None:
        """Give it up; another one is opened."""
        self.ended = self.ended or why
        self.signal.set()

    def take(self, tag: int | None) -> int | None:
        """Return the tag if it is the next one; a missing delivery would be acknowledged unseen, with a later one."""
        if self.over or self.ended:
            return None
        if tag != self.taken + 1:
            self.end(f"delivery {self.taken + 1} is missing before {tag}")
            return None
        self.taken = tag
        return tag

    async def settle(self, rejected: Sequence[int], acked_up_to: int | None) -> None:
        """Give the rejected tags back for another attempt, then acknowledge everything up to a tag, at once.

        Does nothing once the channel is over: the broker delivers again, and intake answers as it did before.
        """
        try:
            with broker_errors("settle deliveries"):
                async with asyncio.timeout(_SETTLE_S), self._lock:
                    await self._settle(rejected, acked_up_to)
        except BrokerUnavailableError as error:
            self.end(str(error))

    async def _settle(self, rejected: Sequence[int], acked_up_to: int | None) -> None:
        if self.over:
            return
        for tag in rejected:
            await self.channel.basic_reject(tag, requeue=True, wait=False)
        if acked_up_to is not None:
            await self.channel.basic_ack(acked_up_to, multiple=True, wait=False)
        self.settled = max(self.settled, acked_up_to or 0, *rejected)

    async def close(self) -> None:
        """Close the channel; no acknowledgement is written after that, which would end the connection (504)."""
        async with self._lock:
            self.over = True
        with contextlib.suppress(BrokerUnavailableError), broker_errors("close a channel"):
            async with asyncio.timeout(_SETTLE_S):
                await self.channel.close()


@dataclass(frozen=True, slots=True, eq=False)
class Delivery:
    """One message of an ingress, and where it is to be settled."""

    content: Content
    tag: int
    opening: Opening

    @property
    def queue(self) -> str:
        """The queue that delivered it."""
        return self.opening.queue


class Ingress:
    """Keeps one queue consumed, whatever happens to it; its troubles are its own."""

    def __init__(self, queue: str, prefetch: int, wake: asyncio.Event, renew_s: float = RENEW_S) -> None:
        """Take the queue's name, how much the broker may deliver unsettled, and what to set when something changed."""
        self.queue = queue
        self.waiting: deque[Delivery] = deque()
        self._prefetch = prefetch
        self._renew_s = renew_s
        self._wake = wake
        self._wanted = IngressState.CONSUMING
        self.state = IngressState.CLOSED
        self._signal = asyncio.Event()
        self._backoff = Backoff(0.1, LONGEST_REST_S)
        self._opened = 0
        self._trouble: str | None = None

    def status(self) -> IngressStatus:
        """How the ingress is doing now."""
        return IngressStatus(self.queue, self.state, len(self.waiting), self._opened, self._trouble)

    def want(self, state: IngressState) -> None:
        """Say what the ingress should be doing; it gets there by itself. CLOSED is for good."""
        self._wanted = state
        self._signal.set()

    async def serve(self, link: Link) -> None:
        """Consume for the life of a connection; opens another channel when one ends. Returns when CLOSED is wanted."""
        try:
            while self._wanted is not IngressState.CLOSED:
                await self._serve_once(link)
        finally:
            self._enter(IngressState.CLOSED)

    async def _serve_once(self, link: Link) -> None:
        began = asyncio.get_running_loop().time()
        try:
            await self._serve_channel(link)
        except BrokerUnavailableError as error:
            self._enter(IngressState.CLOSED)
            self._trouble = str(error)
            rest = self._backoff.next(asyncio.get_running_loop().time() - began)
            log = structlog.get_logger("amqp")
            log.warning("ingress_closed", queue=self.queue, reason=self._trouble, again_in_s=rest)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._closed_wanted()

    async def _closed_wanted(self) -> None:
        while self._wanted is not IngressState.CLOSED:
            self._signal.clear()
            await self._signal.wait()

    async def _serve_channel(self, link: Link) -> None:
        """Open a channel and do on it what is wanted, until it ends, is to be renewed, or CLOSED is wanted."""
        opening = Opening(self.queue, await link.channel(), self._signal)
        self._opened += 1
        try:
            with broker_errors(f"consume {self.queue}"):
                await self._converse(opening)
        finally:
            opening.over = True
            self.waiting.clear()  # the broker delivers them again
        ended = opening.ended
        if ended is not None:
            self._enter(IngressState.CLOSED)
        await opening.close()
        if ended is not None:
            msg = f"cannot consume {self.queue}: {ended}"
            raise BrokerUnavailableError(msg)

    async def _converse(self, opening: Opening) -> None:
        """Begin, pause and resume to consume, as wanted, until nothing more can come or the channel has been idle."""
        channel = opening.channel
        # Nothing may be asked of the channel inside this callback: it would wait for ever (`broker.md`, 7).
        channel.on_consumer_cancel_callbacks.add(lambda _: opening.end("it was deleted, or has no leader now"))
        channel.closing.add_done_callback(lambda closing: opening.end(_why(closing)))
        await channel.basic_qos(prefetch_count=self._prefetch, timeout=REQUEST_S)
        while self._wanted is not IngressState.CLOSED and opening.ended is None:
            await self._reconcile(opening)
            taken = opening.taken
            try:
                async with asyncio.timeout(self._renew_s):
                    await self._signal.wait()
            except TimeoutError:
                if await self._idle(opening, taken):
                    return
            self._signal.clear()

    async def _reconcile(self, opening: Opening) -> None:
        wanted = self._wanted
        consume = wanted is IngressState.CONSUMING
        if consume and not opening.consuming:
            await opening.consume(self._receiver(opening))
            self._trouble = None
        elif opening.consuming and not consume:
            await opening.pause()
        self._enter(wanted)

    async def _idle(self, opening: Opening, taken: int) -> bool:
        """Tell whether nothing has come since `taken`, and everything is settled; then the consumer is cancelled."""
        if not opening.consuming or opening.taken != taken or opening.settled != taken:
            return False
        await opening.pause()
        return opening.taken == taken

    def _enter(self, state: IngressState) -> None:
        if self.state is not state:
            self.state = state
            self._wake.set()

    def _receiver(self, opening: Opening) -> Receiver:
        async def receive(message: DeliveredMessage) -> None:
            tag = opening.take(message.delivery_tag)
            if tag is not None:
                self.waiting.append(Delivery(Content.of(message), tag, opening))
                self._wake.set()

        return receive


def _why(closing: asyncio.Future[object]) -> str:
    return reason(None if closing.cancelled() else closing.exception())
