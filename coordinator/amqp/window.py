"""Publishes in flight on one channel: a bounded number, each with its own outcome, whenever that comes."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from aiormq.abc import AbstractChannel, ChannelFrame
from aiormq.channel import Channel
from aiormq.exceptions import DeliveryError, PublishError
from pamqp.commands import Basic

from coordinator.amqp.frames import Publish, UnsendableError, encode
from coordinator.model.errors import BrokerUnavailableError, ConfigurationError
from coordinator.model.work import Fate

WINDOW: Final = 1024
"""More than 256 gave nothing (`broker.md`); the rest is for queues that do not answer, 32 places for each."""
LOST_S: Final = 120.0
"""A publish that others have overtaken for so long will not be answered any more."""


class Pending:
    """A publish that is waiting, or in flight, or answered."""

    __slots__ = ("callers", "outcome", "publish", "written_at")

    def __init__(self, publish: Publish, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to wait, for one caller."""
        self.publish = publish
        self.callers = 1
        self.written_at: float | None = None
        self.outcome: asyncio.Future[object] = loop.create_future()

    def give_up(self) -> None:
        """One caller waits no longer. After the last, what was not written never will be.

        What was written keeps its place in the window until it is answered or the channel ends.
        """
        self.callers -= 1
        if not self.callers and self.written_at is None:
            self.outcome.cancel()

    @property
    def unsent(self) -> bool:
        """Whether it may still be written."""
        return self.written_at is None and not self.outcome.done()

    def fate(self) -> Fate:
        """How it ended, as far as is known now. Only a positive acknowledgement means that the broker has it safe."""
        if not self.outcome.done() or self.outcome.cancelled():
            return Fate.UNKNOWN
        match self.outcome.exception():
            case None:
                return Fate.CONFIRMED if isinstance(self.outcome.result(), Basic.Ack) else Fate.UNKNOWN
            case PublishError():
                return Fate.RETURNED
            case DeliveryError():
                return Fate.NACKED
            case UnsendableError():
                return Fate.UNSENDABLE
            case _:
                return Fate.UNKNOWN


class Waiting:
    """Publishes that are not written yet: alerts first, each kind in order."""

    def __init__(self) -> None:
        """Begin empty."""
        self._urgent: deque[Pending] = deque()
        self._others: deque[Pending] = deque()

    def __len__(self) -> int:
        return len(self._urgent) + len(self._others)

    def put(self, pending: Pending) -> None:
        """Let one wait."""
        self._of(pending).append(pending)

    def put_back(self, unsent: Sequence[Pending]) -> None:
        """Let those that were taken and not written wait again, in the order given, before all others."""
        for pending in reversed(unsent):
            self._of(pending).appendleft(pending)

    def take(self) -> Pending | None:
        """The next one that anybody still waits for."""
        while self:
            pending = (self._urgent or self._others).popleft()
            if not pending.outcome.done():
                return pending
        return None

    def drop(self) -> None:
        """Give all of them up."""
        while (pending := self.take()) is not None:
            pending.outcome.cancel()

    def _of(self, pending: Pending) -> "deque[Pending]":
        return self._urgent if pending.publish.urgent else self._others


class Window:
    """The publishes in flight on a channel that nothing else publishes on.

    `aiormq.Channel.basic_publish` costs about 140 microseconds a message, most of them for the task that waits, three
    context managers and pamqp's encoder. Here a batch is written at once, and its futures are put where the channel's
    reader looks for them: one publish costs about 20. What is used of the channel: `delivery_tag`, `confirmations`,
    `message_id_delivery_tag`, `write_queue`, `number` and `max_content_size`; a test fails when they change.
    """

    def __init__(self, channel: AbstractChannel, size: int, freed: Callable[[], None]) -> None:
        """Take an open channel; `freed` is called whenever a place becomes free.

        Raises ConfigurationError for a channel that does not confirm, or on which a returned message would count as
        delivered (`broker.md`, 2).
        """
        if not isinstance(channel, Channel) or not channel.publisher_confirms or not channel.on_return_raises:
            msg = "publish only on a channel with publisher confirms and on_return_raises=True"
            raise ConfigurationError(msg)
        self._channel = channel
        self._frame_max = channel.max_content_size + Channel.CONTENT_FRAME_SIZE
        self._size = size
        self._freed = freed
        self._in_flight: dict[str, Pending] = {}
        self._heard_at = 0.0
        self._excused_until = 0.0

    def __len__(self) -> int:
        return len(self._in_flight)

    @property
    def room(self) -> int:
        """How many more publishes may be written now."""
        return self._size - len(self._in_flight)

    async def write(self, batch: Sequence[Pending]) -> None:
        """Write publishes in order, at most as many as there is room for; each has an id that is not in flight."""
        frames: list[bytes] = []
        sendable: list[Pending] = []
        for pending in batch:
            try:
                frames.append(encode(pending.publish, self._channel.number, self._frame_max))
            except UnsendableError as error:
                pending.outcome.set_exception(error)
            else:
                sendable.append(pending)
        if not sendable:
            return
        await self._channel.write_queue.put(ChannelFrame(payload=b"".join(frames), should_close=False))
        now = asyncio.get_running_loop().time()
        for pending in sendable:  # no turn of the loop lies between: no confirm can come before its future is there
            self._await_confirm(pending, now)

    def stuck(self, now: float, silent_s: float) -> str | None:
        """Say since when the broker owes answers, if that is too long; None when all is well.

        When a queue is deleted and declared again under a publisher, a channel of RabbitMQ 3.10 can stop for ever to
        confirm anything, without a word; only another connection helps.
        """
        oldest = next(iter(self._in_flight.values()), None)
        if oldest is None or oldest.written_at is None:
            return None
        since = max(oldest.written_at, self._excused_until)
        if now - max(since, self._heard_at) > silent_s or now - since > LOST_S:
            return f"{len(self)} publishes are not answered, the oldest for {now - oldest.written_at:.0f} s"
        return None

    def excuse(self, now: float) -> None:
        """Begin to count anew: during an alarm the broker owes no answer."""
        self._excused_until = now

    def end(self, why: str) -> None:
        """Give up what is in flight: the channel is gone, and nobody knows what became of it."""
        self._channel.confirmations.clear()
        for pending in tuple(self._in_flight.values()):
            if not pending.outcome.done():
                pending.outcome.set_exception(BrokerUnavailableError(why))

    def _await_confirm(self, pending: Pending, now: float) -> None:
        channel, dispatch_id = self._channel, pending.publish.id
        channel.delivery_tag += 1
        channel.confirmations[channel.delivery_tag] = pending.outcome
        channel.message_id_delivery_tag[dispatch_id] = channel.delivery_tag
        pending.written_at = now
        self._in_flight[dispatch_id] = pending
        pending.outcome.add_done_callback(lambda outcome: self._answered(dispatch_id, outcome))

    def _answered(self, dispatch_id: str, outcome: asyncio.Future[object]) -> None:
        if not outcome.cancelled():
            outcome.exception()  # seen, should nobody else be waiting for it any more
        self._channel.message_id_delivery_tag.pop(dispatch_id, None)
        self._in_flight.pop(dispatch_id, None)
        self._heard_at = asyncio.get_running_loop().time()
        self._freed()
