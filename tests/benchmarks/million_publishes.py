"""A million publishes on a private broker, one in a hundred given up by its caller: memory must stay flat."""

import argparse
import asyncio
import gc
import resource
import sys
import time
from collections import Counter
from pathlib import Path

import aio_pika

from coordinator.amqp.node import PrivateNode
from coordinator.amqp.outbound import AmqpPublisher
from coordinator.amqp.session import Session
from coordinator.model.work import Fate
from tests.benchmarks.doors import dispatch

ROUND = 1_000
GIVEN_UP = ROUND // 100
ALLOWED_MB = 5.0


def memory_mb() -> float:
    """Resident memory of this process; what Linux tells, else the peak."""
    gc.collect()
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


async def give_up(publisher: AmqpPublisher, number: int) -> Fate | None:
    """Publish, and leave as soon as it is written: its place in the window stays taken until the confirm."""
    paying = asyncio.create_task(publisher.publish([dispatch(number, 1, "mshp", b"x" * 1000)]))
    for _ in range(3):
        await asyncio.sleep(0)
    paying.cancel()
    await asyncio.wait([paying])
    return None if paying.cancelled() else paying.result()[0]


async def publish_round(publisher: AmqpPublisher, first: int) -> Counter[Fate | None]:
    """Publish a round of messages; None stands for those that were given up."""
    leaving = [asyncio.create_task(give_up(publisher, first + number)) for number in range(GIVEN_UP)]
    kept = [dispatch(first + number, 2, "mshp", b"x" * 1000) for number in range(GIVEN_UP, ROUND)]
    outcomes: Counter[Fate | None] = Counter(await publisher.publish(kept))
    outcomes.update(await asyncio.gather(*leaving))
    return outcomes


async def main(count: int) -> int:
    """Print memory as it goes; return 1 when it grew after the first tenth, or an outcome was not as it should be."""
    async with PrivateNode() as node:
        async with await aio_pika.connect(node.url) as connection:
            channel = await connection.channel()
            bounded = {"x-queue-type": "quorum", "x-max-length": 1_000}
            await channel.declare_queue("out.mshp", durable=True, arguments=bounded)  # type: ignore[arg-type]  # pamqp's table type is invariant
        publisher = AmqpPublisher(Session(node.url, "million"), timeout_s=60)
        running = asyncio.create_task(publisher.run())
        outcomes: Counter[Fate | None] = Counter()
        began, settled_mb, now_mb = time.perf_counter(), 0.0, 0.0
        for first in range(0, count, ROUND):
            outcomes += await publish_round(publisher, first)
            if (first + ROUND) % max(count // 10, ROUND) == 0:
                now_mb = memory_mb()
                settled_mb = settled_mb or now_mb
                rate = (first + ROUND) / (time.perf_counter() - began)
                print(f"{first + ROUND:>9,} publishes, {rate:,.0f}/s, {now_mb:.1f} MB")  # noqa: T201
        await publisher.stop()
        await running
    told = ", ".join(f"{key.value if key else 'given up'}: {number:,}" for key, number in outcomes.items())
    print(f"{told}; memory grew by {now_mb - settled_mb:.1f} MB after the first tenth")  # noqa: T201
    confirmed = outcomes[Fate.CONFIRMED] + outcomes[None] == count
    return 0 if confirmed and now_mb - settled_mb <= ALLOWED_MB else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    sys.exit(asyncio.run(main(parser.parse_args().count)))
