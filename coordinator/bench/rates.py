"""How fast a backlog is worked off: confirmed publishes, and deliveries to the recipients, a second."""

import asyncio
import time
from dataclasses import dataclass

from coordinator.bench import traffic
from coordinator.bench.ground import Ground, say_agreements
from coordinator.bench.parties import RECIPIENTS, SENDER
from coordinator.bench.servers import BARE, FASTSTREAM, coordinator, peer
from coordinator.store import open_ledger
from coordinator.store.asking import figures
from coordinator.store.gauging import Paid, paid
from coordinator.store.sqlite import SqliteReader

COPIES = len(RECIPIENTS) + 1
"""What the walk publishes of a message: one to each recipient, and the receipt."""
_SELDOM_S, _OFTEN_S, _AT_ONCE_S = 0.1, 0.02, 0.002
"""Each look into the store costs the walk a little."""


@dataclass(frozen=True, slots=True)
class WalkRate:
    """What the walk did in a second."""

    publishes_per_s: float
    deliveries_per_s: float


async def agree(ground: Ground) -> None:
    """Have the template's service take every agency's words, and pay what it owes for them."""
    words = await say_agreements(ground)
    async with coordinator(ground.template) as server, open_ledger(ground.template.url) as store:
        await server.outlives(_agreed(store, words))


async def _agreed(store: SqliteReader, words: int) -> None:
    while True:
        found = await store.reading(figures)
        if found.messages >= words and not found.owed:
            return
        await asyncio.sleep(_SELDOM_S)


async def drained(store: SqliteReader, deliveries: int) -> None:
    """Wait until so many deliveries were numbered and none is owed."""
    while True:
        now = await store.reading(paid)
        if now.numbered >= deliveries and not now.owing:
            return
        await asyncio.sleep(_OFTEN_S if now.numbered >= deliveries else _SELDOM_S)


async def walk_rate(ground: Ground, name: str, messages: int) -> WalkRate:
    """The whole walk, receipts included, from the first commit to the last debt that is settled."""
    await ground.empty()
    await ground.fill([traffic.notice(number) for number in range(messages)])
    with ground.fresh(name) as home:
        async with open_ledger(home.url) as store:
            before = await store.reading(paid)
            async with coordinator(home) as server:
                seconds = await server.outlives(_timed(store, before, messages * COPIES))
    return WalkRate(messages * COPIES / seconds, messages * len(RECIPIENTS) / seconds)


async def _timed(store: SqliteReader, before: Paid, deliveries: int) -> float:
    while (await store.reading(paid)).numbered == before.numbered:  # noqa: ASYNC110  # another process writes it
        await asyncio.sleep(_AT_ONCE_S)
    began = time.perf_counter()
    await drained(store, before.numbered + deliveries)
    return time.perf_counter() - began


async def relay_rate(ground: Ground, messages: int) -> float:
    """Confirmed publishes a second of the bare relay: as many copies as the walk's, of the same messages."""
    return await _peer_rate(ground, BARE, (*RECIPIENTS, SENDER), messages, traffic.STRUCTURED)


async def faststream_rate(ground: Ground, messages: int) -> float:
    """Deliveries a second of FastStream: the same messages to the same recipients, without receipts."""
    return await _peer_rate(ground, FASTSTREAM, RECIPIENTS, messages, traffic.PLAIN)


async def _peer_rate(
    ground: Ground, module: str, recipients: tuple[str, ...], messages: int, content_type: str
) -> float:
    await ground.empty()
    await ground.fill([traffic.notice(number) for number in range(messages)], content_type)
    async with peer(ground, module, recipients, messages) as server:
        return (await server.told()).publishes_per_s
