"""A peer: the same routing in FastStream, without a database, as its manual advises for speed.

Its best reasonable settings: no log line for each message (its own default writes two); orjson, if it is installed,
which it then uses; a prefetch of 200, up to which it handles messages side by side; the copies of a message gathered,
each persistent, mandatory and confirmed; the body passed on as bytes; only the fields that route are validated;
acknowledged by its own default when the handler returns. It runs on uvloop.
"""

import asyncio
import time
from dataclasses import dataclass, field

from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue
from faststream.rabbit.annotations import RabbitMessage
from pydantic import BaseModel

from coordinator.bench.peer import Job, Relayed, serve

PREFETCH = 200


class Routing(BaseModel):
    """To whom a message goes."""

    to: tuple[str, ...]


class Notice(BaseModel):
    """What routing needs of a message."""

    id: str
    type: str
    data: Routing


@dataclass(slots=True)
class Progress:
    """How many messages were handled, since when, and whether that is all."""

    wanted: int | None
    done: int = 0
    copies: int = 0
    began: float = 0.0
    all_done: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self) -> None:
        """Say that a message came."""
        self.began = self.began or time.perf_counter()

    def end(self, copies: int) -> None:
        """Say that its copies are confirmed."""
        self.done += 1
        self.copies += copies
        if self.done == self.wanted:
            self.all_done.set()


async def faststream_relay(job: Job) -> Relayed:
    """Copy messages from a queue to the `out` queue of each agency that they name."""
    progress = Progress(job.messages)
    broker = RabbitBroker(job.url, logger=None, default_channel=Channel(PREFETCH, on_return_raises=True))
    source = RabbitQueue(job.ingress, QueueType.QUORUM, durable=True, declare=False)

    @broker.subscriber(source)
    async def relay(notice: Notice, message: RabbitMessage) -> None:
        progress.begin()
        to = notice.data.to
        await asyncio.gather(
            *(
                broker.publish(
                    message.body,
                    f"out.{each}",
                    persist=True,
                    content_type=message.content_type,
                    message_type=notice.type,
                    correlation_id=notice.id,
                )
                for each in to
            )
        )
        progress.end(len(to))

    async with broker:
        await broker.start()
        await progress.all_done.wait()
        seconds = time.perf_counter() - progress.began
    return Relayed(progress.done, progress.copies, seconds)


if __name__ == "__main__":
    serve(faststream_relay)
