"""Publishes in flight on one channel: a bounded number, each with its own outcome, whenever that comes."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import structlog
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
    """A publish that is waiting, or in flight, or answered.

    It stands where the channel's reader expects a future, and has what that calls: `done`, `cancelled`, `set_result`
    and `set_exception`. A future would cost a turn of the loop, and a handle, for each of its callbacks.
    """

    __slots__ = ("_fate", "_given_up", "_listeners", "callers", "publish", "written_at")

    def __init__(self, publish: Publish) -> None:
        """Begin to wait, for nobody yet."""
        self.publish = publish
        self.callers = 0
        self.written_at: float | None = None
        self._fate: Fate | None = None
        self._given_up = False
        self._listeners: list[Callable[[Pending], None]] = []

    def listen(self, listener: Callable[["Pending"], None]) -> None:
        """Call when it is answered or given up; only before that."""
        self._listeners.append(listener)

    def leave(self) -> None:
        """One caller waits no longer. After the last, what was not written never will be.

        What was written keeps its place in the window until it is answered or the channel ends.
        """
        self.callers -= 1
        if not self.callers and self.written_at is None:
            self.give_up()

    def give_up(self) -> None:
        """Not written, and never to be."""
        self._given_up = not self.done()
        self._end(Fate.UNKNOWN)

    def fate(self) -> Fate:
        """How it ended, as far as is known now."""
        return self._fate or Fate.UNKNOWN

    def done(self) -> bool:
        """Whether nothing more will be known of it."""
        return self._fate is not None

    def cancelled(self) -> bool:
        """Whether it was given up; then an answer is no surprise."""
        return self._given_up

    def set_result(self, frame: object) -> None:
        """Take the broker's answer. Only a positive acknowledgement means that the broker has it safe."""
        self._end(Fate.CONFIRMED if isinstance(frame, Basic.Ack) else Fate.UNKNOWN)

    def set_exception(self, error: BaseException) -> None:
        """Take the broker's refusal, or the end of the channel."""
        match error:
            case PublishError():
                self._end(Fate.RETURNED)
            case DeliveryError():
                self._end(Fate.NACKED)
            case UnsendableError():
                self._end(Fate.UNSENDABLE)
            case _:
                self._end(Fate.UNKNOWN)

    def _end(self, fate: Fate) -> None:
        if self._fate is None:
            self._fate = fate
            listeners, self._listeners = self._listeners, []  # who listens knows us too: nothing is left in a circle
            for listener in listeners:
                listener(self)


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
            if not pending.done():
                return pending
        return None

    def drop(self) -> None:
        """Give all of them up."""
        while (pending := self.take()) is not None:
            pending.give_up()

    def _of(self, pending: Pending) -> "deque[Pending]":
        return self._urgent if pending.publish.urgent else self._others


class Window:
    """The publishes in flight on a channel that nothing else publishes on.

    `aiormq.Channel.basic_publish` costs about 140 microseconds a message, most of them for the task that waits, three
    context managers and pamqp's encoder. Here a batch is written at once, and what awaits the answers is put where the
    channel's reader looks for futures: one publish costs about 20. What is used of the channel: `delivery_tag`,
    `confirmations`, `message_id_delivery_tag`, `write_queue`, `number` and `max_content_size`; a test fails when they
    change.
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
        self._now = asyncio.get_running_loop().time

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
                structlog.get_logger("amqp").error("unsendable", dispatch=pending.publish.id, reason=str(error))
                pending.set_exception(error)
            else:
                sendable.append(pending)
        if not sendable:
            return
        await self._channel.write_queue.put(ChannelFrame(payload=b"".join(frames), should_close=False))
        now = self._now()
        for pending in sendable:  # no turn of the loop lies between: no confirm can come before it is looked for
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
            pending.set_exception(BrokerUnavailableError(why))

    def _await_confirm(self, pending: Pending, now: float) -> None:
        channel, dispatch_id = self._channel, pending.publish.id
        channel.delivery_tag += 1
        channel.confirmations[channel.delivery_tag] = pending  # type: ignore[assignment]  # see Pending
        channel.message_id_delivery_tag[dispatch_id] = channel.delivery_tag
        pending.written_at = now
        self._in_flight[dispatch_id] = pending
        pending.listen(self._answered)

    def _answered(self, pending: Pending) -> None:
        dispatch_id = pending.publish.id
        self._channel.message_id_delivery_tag.pop(dispatch_id, None)
        self._in_flight.pop(dispatch_id, None)
        self._heard_at = self._now()
        self._freed()
