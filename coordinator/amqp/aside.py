"""Publishes to queues that did not answer in time: each on a channel of its own, so that nobody waits for it."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from aiormq.abc import AbstractChannel

from coordinator.amqp.session import Link
from coordinator.amqp.trouble import broker_errors
from coordinator.amqp.window import LOST_S, Pending, Waiting, Window
from coordinator.model.errors import BrokerUnavailableError

SIZE: Final = 64
"""Publishes in flight to one such queue."""
_LOOK_S: Final = 1.0
_CLOSE_S: Final = 5.0


@dataclass(slots=True)
class _Lane:
    """What waits for one queue, and the window of its channel."""

    waiting: Waiting = field(default_factory=Waiting)
    signal: asyncio.Event = field(default_factory=asyncio.Event)
    window: Window | None = None


class Aside:
    """The channels beside the common one, for the life of one connection.

    A channel of RabbitMQ 3.10 stops while a quorum queue does not answer: at its first publish to it, and when 32 are
    unanswered. On the common channel that would stop everybody, at every attempt.
    """

    def __init__(self, link: Link, freed: Callable[[], None]) -> None:
        """Take a connection; `freed` is called whenever something was answered."""
        self._link = link
        self._freed = freed
        self._lanes: dict[str, _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return sum(len(lane.window) for lane in self._lanes.values() if lane.window is not None)

    def put(self, pending: Pending) -> None:
        """Write a publish as soon as its queue's own channel is there."""
        queue = pending.publish.queue
        if queue not in self._lanes:
            self._lanes[queue] = lane = _Lane()
            task = asyncio.create_task(self._serve(queue, lane), name=f"aside-{queue}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._lanes[queue].waiting.put(pending)
        self._lanes[queue].signal.set()

    def end(self, why: str) -> None:
        """Give up what is in flight."""
        for lane in self._lanes.values():
            if lane.window is not None:
                lane.window.end(why)

    def close(self) -> list[Pending]:
        """End with the connection; return what was not written, in order."""
        unsent: list[Pending] = []
        for lane in self._lanes.values():
            while (pending := lane.waiting.take()) is not None:
                unsent.append(pending)
        self.end("the connection was lost before the broker answered")
        for task in self._tasks:
            task.cancel()
        return unsent

    async def _serve(self, queue: str, lane: _Lane) -> None:
        """Write until nothing waits and all is answered, or the channel is lost or answers nothing for two minutes."""
        channel: AbstractChannel | None = None
        try:
            channel = await self._link.channel(confirms=True)
            lane.window = Window(channel, SIZE, lambda: self._answered(lane))
            while not channel.closing.done() and await self._write(lane, lane.window):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_S):
                        await lane.signal.wait()
                lane.signal.clear()
        except BrokerUnavailableError:
            pass  # nothing is known of what was in flight; what was not written is given up by those who wait for it
        finally:
            del self._lanes[queue]
            if lane.window is not None:
                lane.window.end("the queue did not answer")
            self._freed()
        if channel is not None:
            await _close(channel)

    async def _write(self, lane: _Lane, window: Window) -> bool:
        """Write what there is room for; whether there is more to wait for."""
        batch: list[Pending] = []
        while len(batch) < window.room and (pending := lane.waiting.take()) is not None:
            batch.append(pending)
        if batch:
            with broker_errors("publish"):
                await window.write(batch)
        now = asyncio.get_running_loop().time()
        return bool(lane.waiting or len(window)) and window.stuck(now, LOST_S) is None

    def _answered(self, lane: _Lane) -> None:
        lane.signal.set()
        self._freed()


async def _close(channel: AbstractChannel) -> None:
    """Close in good order if it still answers; else it goes with its connection."""
    with contextlib.suppress(BrokerUnavailableError, TimeoutError), broker_errors("close a channel"):
        async with asyncio.timeout(_CLOSE_S):
            await channel.close()
