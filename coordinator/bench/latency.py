"""How long a message takes from its publish to the first recipient's consumer, at a steady pace."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aio_pika
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage

from coordinator.bench import traffic
from coordinator.bench.ground import Ground
from coordinator.bench.parties import RECIPIENTS, SENDER
from coordinator.bench.servers import BARE, FASTSTREAM, Server, coordinator, peer

RATES = (50, 200)
"""Messages a second."""
WARM_UP = 50
_LAST_S = 30.0
_PREFETCH = 500


@dataclass(slots=True)
class Wire:
    """A sender and a recipient, and what is on its way between them."""

    exchange: AbstractExchange
    content_type: str
    _sent: dict[bytes, float] = field(default_factory=dict)
    _took_ms: list[float] = field(default_factory=list)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self, incoming: AbstractIncomingMessage) -> None:
        """Take what arrives at the recipient."""
        now = time.perf_counter()
        began = self._sent.pop(incoming.body, None)
        if began is not None:
            self._took_ms.append(1_000 * (now - began))
        await incoming.ack()
        if not self._sent:
            self._arrived.set()

    async def paced(self, bodies: Sequence[bytes], rate: float) -> list[float]:
        """Send at a steady pace, whatever comes back; milliseconds of each, when all have arrived.

        Raises `TimeoutError` when the last ones do not.
        """
        self._took_ms.clear()
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number, body in enumerate(bodies):
                await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
                self._arrived.clear()
                self._sent[body] = time.perf_counter()
                group.create_task(self._send(body))
        async with asyncio.timeout(_LAST_S):
            await self._arrived.wait()
        return self._took_ms.copy()

    async def _send(self, body: bytes) -> None:
        await self.exchange.publish(traffic.message(body, SENDER, self.content_type), "")


@asynccontextmanager
async def wired(ground: Ground, content_type: str) -> AsyncIterator[Wire]:
    """A sender and a recipient on connections of their own."""
    async with (
        await aio_pika.connect(ground.url(RECIPIENTS[0])) as reader,
        await aio_pika.connect(ground.url(SENDER)) as writer,
    ):
        exchange = await (await writer.channel()).get_exchange(f"in.{SENDER}", ensure=False)
        wire = Wire(exchange, content_type)
        channel = await reader.channel()
        await channel.set_qos(prefetch_count=_PREFETCH)
        await (await channel.get_queue(f"out.{RECIPIENTS[0]}", ensure=False)).consume(wire.receive)
        yield wire


async def _measured(ground: Ground, content_type: str, seconds: float) -> Mapping[int, list[float]]:
    """Milliseconds of each message, by rate, after a warm-up."""
    numbers = iter(range(1_000_000))
    async with wired(ground, content_type) as wire:
        await wire.paced([traffic.notice(next(numbers)) for _ in range(WARM_UP)], RATES[0])
        return {
            rate: await wire.paced([traffic.notice(next(numbers)) for _ in range(max(1, int(seconds * rate)))], rate)
            for rate in RATES
        }


async def walk_latency(ground: Ground, name: str, seconds: float) -> Mapping[int, list[float]]:
    """Through the whole walk."""
    await ground.empty()
    with ground.fresh(name) as home:
        async with coordinator(home) as server:
            return await server.outlives(_measured(ground, traffic.STRUCTURED, seconds))


async def relay_latency(ground: Ground, seconds: float) -> Mapping[int, list[float]]:
    """Through the bare relay."""
    await ground.empty()
    async with peer(ground, BARE, (*RECIPIENTS, SENDER), None) as server:
        return await _through(server, ground, traffic.STRUCTURED, seconds)


async def faststream_latency(ground: Ground, seconds: float) -> Mapping[int, list[float]]:
    """Through FastStream."""
    await ground.empty()
    async with peer(ground, FASTSTREAM, RECIPIENTS, None) as server:
        return await _through(server, ground, traffic.PLAIN, seconds)


async def _through(server: Server, ground: Ground, content_type: str, seconds: float) -> Mapping[int, list[float]]:
    return await server.outlives(_measured(ground, content_type, seconds))
