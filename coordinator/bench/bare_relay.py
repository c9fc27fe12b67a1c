"""A peer: a relay in plain aio-pika, as its manual shows it, in batches with confirms, and nothing else."""

import asyncio
import time
from collections.abc import Sequence

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from coordinator.bench.peer import Job, Relayed, serve

PREFETCH = 200


async def bare_relay(job: Job) -> Relayed:
    """Copy messages from a queue to each recipient's `out` queue: consume, publish a batch, acknowledge it.

    A batch is what is there, at most the prefetch; its copies are published with `Exchange.publish` and gathered, each
    with its confirm; then one multiple acknowledgement.
    """
    async with await aio_pika.connect(job.url) as reading, await aio_pika.connect(job.url) as writing:
        source = await reading.channel()
        await source.set_qos(prefetch_count=PREFETCH)
        target = await writing.channel(publisher_confirms=True, on_return_raises=True)
        arriving: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        await (await source.get_queue(job.ingress)).consume(arriving.put)
        done, began = 0, 0.0
        while job.messages is None or done < job.messages:
            batch = [await arriving.get()]
            began = began or time.perf_counter()
            while not arriving.empty():
                batch.append(arriving.get_nowait())
            await _publish(target, batch, job.recipients)
            await batch[-1].ack(multiple=True)
            done += len(batch)
        return Relayed(done, done * len(job.recipients), time.perf_counter() - began)


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


if __name__ == "__main__":
    serve(bare_relay)
