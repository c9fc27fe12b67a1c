"""The peer of our figures: a relay in plain aio-pika, as its manual shows it, in batches with confirms."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

PREFETCH = 200


@dataclass(frozen=True, slots=True)
class Relayed:
    """What a relay did, and how long it took, from the first delivery to the last acknowledgement."""

    messages: int
    publishes: int
    seconds: float

    @property
    def publishes_per_s(self) -> float:
        """Confirmed publishes a second."""
        return self.publishes / self.seconds


async def bare_relay(url: str, ingress: str, recipients: Sequence[str], messages: int) -> Relayed:
    """Copy `messages` from a queue to each recipient's `out` queue: consume, publish a batch, acknowledge it.

    A batch is what is there, at most the prefetch; its copies are published with `Exchange.publish` and gathered, each
    with its confirm; then one multiple acknowledgement.
    """
    async with await aio_pika.connect(url) as reading, await aio_pika.connect(url) as writing:
        source = await reading.channel()
        await source.set_qos(prefetch_count=PREFETCH)
        target = await writing.channel(publisher_confirms=True, on_return_raises=True)
        arriving: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        await (await source.get_queue(ingress)).consume(arriving.put)
        done, began = 0, 0.0
        while done < messages:
            batch = [await arriving.get()]
            began = began or time.perf_counter()
            while not arriving.empty():
                batch.append(arriving.get_nowait())
            await _publish(target, batch, recipients)
            await batch[-1].ack(multiple=True)
            done += len(batch)
        return Relayed(done, done * len(recipients), time.perf_counter() - began)


async def _publish(
    channel: AbstractChannel, batch: Sequence[AbstractIncomingMessage], recipients: Sequence[str]
) -> None:
    exchange = channel.default_exchange
    await asyncio.gather(
        *(
            exchange.publish(_copy(message), f"out.{recipient}", mandatory=True)
            for message in batch
            for recipient in recipients
        )
    )


def _copy(message: AbstractIncomingMessage) -> aio_pika.Message:
    return aio_pika.Message(
        message.body,
        content_type=message.content_type,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        type=message.type,
    )
