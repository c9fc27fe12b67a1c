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

CONSUMER_TAG: Final = "coordinator"
LONGEST_REST_S: Final = 15.0
_SETTLE_S: Final = 10.0


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
    """How often a channel was opened for it."""
    trouble: str | None
    """Why it is closed, or was the last time."""


@dataclass(slots=True, eq=False)
class Opening:
    """One channel of an ingress: its delivery tags mean something there and nowhere else."""

    queue: str
    channel: AbstractChannel
    signal: asyncio.Event
    ended: str | None = None
    """Why nothing more can come of it."""
    over: bool = False
    """Nothing may be settled on it any more."""
    _next_tag: int = field(default=1, init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    def end(self, why: str) -> None:
        """Give it up; another one is opened."""
        self.ended = self.ended or why
        self.signal.set()

    def take(self, tag: int | None) -> int | None:
        """Return the tag if it is the next one; a missing delivery would be acknowledged unseen, with a later one."""
        if self.over or self.ended:
            return None
        if tag != self._next_tag:
            self.end(f"delivery {self._next_tag} is missing before {tag}")
            return None
        self._next_tag += 1
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

    def __init__(self, queue: str, prefetch: int, wake: asyncio.Event) -> None:
        """Take the queue's name, how much the broker may deliver unsettled, and what to set when something changed."""
        self.queue = queue
        self.waiting: deque[Delivery] = deque()
        self._prefetch = prefetch
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
        loop, log = asyncio.get_running_loop(), structlog.get_logger("amqp")
        while self._wanted is not IngressState.CLOSED:
            began = loop.time()
            try:
                await self._serve_channel(link)
            except BrokerUnavailableError as error:
                self._trouble = str(error)
                rest = self._backoff.next(loop.time() - began)
                log.warning("ingress_closed", queue=self.queue, reason=self._trouble, again_in_s=rest)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closed_wanted(), rest)

    async def _closed_wanted(self) -> None:
        while self._wanted is not IngressState.CLOSED:
            self._signal.clear()
            await self._signal.wait()

    async def _serve_channel(self, link: Link) -> None:
        """Open a channel and do on it what is wanted, until it ends or CLOSED is wanted."""
        opening = Opening(self.queue, await link.channel(), self._signal)
        self._opened += 1
        try:
            with broker_errors(f"consume {self.queue}"):
                await self._converse(opening)
        finally:
            self._enter(IngressState.CLOSED)
            opening.over = True
            self.waiting.clear()  # the broker delivers them again
        ended = opening.ended
        await opening.close()
        if ended is not None:
            msg = f"cannot consume {self.queue}: {ended}"
            raise BrokerUnavailableError(msg)

    async def _converse(self, opening: Opening) -> None:
        """Begin, pause and resume to consume, as wanted, until CLOSED is wanted or nothing more can come."""
        channel = opening.channel
        # Nothing may be asked of the channel inside this callback: it would wait for ever (`broker.md`, 7).
        channel.on_consumer_cancel_callbacks.add(lambda _: opening.end("it was deleted, or has no leader now"))
        channel.closing.add_done_callback(lambda closing: opening.end(_why(closing)))
        await channel.basic_qos(prefetch_count=self._prefetch, timeout=REQUEST_S)
        while self._wanted is not IngressState.CLOSED and opening.ended is None:
            await self._reconcile(opening)
            await self._signal.wait()
            self._signal.clear()

    async def _reconcile(self, opening: Opening) -> None:
        channel, wanted = opening.channel, self._wanted
        if wanted is self.state:
            return
        if wanted is IngressState.CONSUMING:
            receiver = self._receiver(opening)
            await channel.basic_consume(self.queue, receiver, consumer_tag=CONSUMER_TAG, timeout=REQUEST_S)
            self._trouble = None
        elif self.state is IngressState.CONSUMING:
            await channel.basic_cancel(CONSUMER_TAG, timeout=REQUEST_S)
        self._enter(wanted)

    def _enter(self, state: IngressState) -> None:
        self.state = state
        self._wake.set()

    def _receiver(self, opening: Opening) -> Callable[[DeliveredMessage], Coroutine[None, None, None]]:
        async def receive(message: DeliveredMessage) -> None:
            tag = opening.take(message.delivery_tag)
            if tag is not None:
                self.waiting.append(Delivery(Content.of(message), tag, opening))
                self._wake.set()

        return receive


def _why(closing: asyncio.Future[object]) -> str:
    return reason(None if closing.cancelled() else closing.exception())
