"""The whole walk against the bare relay, on one private broker in one run: publishes a second, and latency.

Run as `python -m tests.benchmarks.walk [--messages N] [--rounds N] [--seconds S]`. Nothing is asserted.
"""

import argparse
import asyncio
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aio_pika
import uvloop
from aio_pika.abc import AbstractIncomingMessage

from coordinator import logs
from coordinator.amqp.definitions import definitions, password_hash
from coordinator.amqp.node import PrivateNode
from coordinator.amqp.topology import plan_topology
from coordinator.bootstrap import Service, running, tune_interpreter
from coordinator.journal.note import SigningKey
from coordinator.model.work import Submission
from coordinator.settings import Settings, load
from coordinator.store.migrate import migrate
from tests import kit
from tests.benchmarks.bare_relay import bare_relay

RECIPIENTS = ("hsi", "dea")
COPIES = len(RECIPIENTS) + 1
PASSWORD = "coordinator-fictional"
ORIGIN = "coordination.test/benchmark"
PACE = 200


def notice(number: int) -> bytes:
    """An operation notice of about 1 KB; places and hours are spread, so that few conflict."""
    start = datetime.now(UTC) + timedelta(hours=1 + 3 * (number // 2_000))
    spread = random.Random(number)  # noqa: S311  # a seed that reproduces
    place = [spread.uniform(-94.5, -90.5), spread.uniform(36.8, 38.8)]
    plan = kit.plan(
        RECIPIENTS,
        start=start.isoformat(),
        end=(start + timedelta(minutes=45)).isoformat(),
        area={"type": "Point", "coordinates": place, "radius_m": 100.0},
        participating=["mshp", "stl-pd", "dps"],
        caution=["armed", "dogs", "fortified"],
        joint_with=[kit.fresh_id() for _ in range(3)],
    )
    return kit.body("mshp", "operation.notice", plan, time=datetime.now(UTC).isoformat())


def agreed() -> list[Submission]:
    """Agreements of everybody, as if written now."""
    words = []
    for each in kit.agreements():
        event = {**json.loads(each.body), "time": datetime.now(UTC).isoformat()}
        words.append(kit.submission(each.agency, json.dumps(event).encode(), received=datetime.now(UTC)))
    return words


class Ground:
    """One broker, and a fresh installation for each round."""

    def __init__(self, node: PrivateNode, folder: Path) -> None:
        self.node = node
        self.folder = folder
        self.key = SigningKey(ORIGIN, b"7" * 32)
        self.url = node.url_for("coordinator", PASSWORD)

    def settings(self, name: str) -> Settings:
        """A new store and journal; the directory of the tests."""
        folder = self.folder / name
        folder.mkdir()
        (folder / "directory.toml").write_text(kit.directory_toml())
        config = folder / "coordinator.toml"
        config.write_text(f'[domain]\norigin = "{ORIGIN}"\n[amqp]\nurl = "{self.url}"\n[http]\nport = 0\n')
        migrate(f"sqlite:///{folder}/coordinator.db")
        return load(config)

    async def fill(self, bodies: list[bytes]) -> None:
        """Put messages into the ingress of mshp, as mshp."""
        async with await aio_pika.connect(self.node.url_for("mshp", kit.password("mshp"))) as connection:
            channel = await connection.channel()
            exchange = await channel.get_exchange("in.mshp", ensure=False)
            for start in range(0, len(bodies), 500):
                await asyncio.gather(*(exchange.publish(message(body), "") for body in bodies[start : start + 500]))

    async def empty(self) -> None:
        """Forget what earlier rounds left in the queues."""
        async with await aio_pika.connect(self.node.admin_url) as connection:
            channel = await connection.channel()
            for agency in kit.AGENCIES:
                for lane in ("out", "alert"):
                    await (await channel.get_queue(f"{lane}.{agency}", ensure=False)).purge()


def message(body: bytes) -> aio_pika.Message:
    """As an agency sends it."""
    return aio_pika.Message(
        body,
        user_id="mshp",
        content_type="application/cloudevents+json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )


def progress(db: sqlite3.Connection) -> tuple[int, bool]:
    """How many deliveries were ever owed, and whether one is owed now: looked up, not counted, so that it is free."""
    (numbered,) = db.execute("SELECT dispatch FROM head").fetchone()
    owed = db.execute("SELECT 1 FROM dispatches WHERE state = 'owed' LIMIT 1").fetchone()
    return numbered, owed is not None


async def drained(service: Service, deliveries: int) -> None:
    """Wait until so many deliveries were numbered and none is owed."""
    while True:
        numbered, owing = await service.store.reading(progress)
        if numbered >= deliveries and not owing:
            return
        await asyncio.sleep(0.02 if numbered >= deliveries else 0.1)  # seldom, since each look costs the walk a little


async def walk_rate(ground: Ground, name: str, messages: int) -> float:
    """Confirmed publishes a second of the whole walk, receipts included, from the first commit to the last debt."""
    settings = ground.settings(name)
    words = agreed()
    async with running(settings, ground.key) as service:
        await service.intake.receive(words)
        await drained(service, 0)
        agreed_upon, _ = await service.store.reading(progress)
    await ground.empty()
    await ground.fill([notice(number) for number in range(messages)])
    async with running(settings, ground.key) as service:
        base = await service.store.size()
        while await service.store.size() == base:  # noqa: ASYNC110  # the store is asked, as the service's peer would
            await asyncio.sleep(0.002)
        began = time.perf_counter()
        await drained(service, agreed_upon + messages * COPIES)
        return messages * COPIES / (time.perf_counter() - began)


async def relay_rate(ground: Ground, messages: int) -> float:
    """Confirmed publishes a second of the bare relay, the same copies of the same messages."""
    await ground.empty()
    await ground.fill([notice(number) for number in range(messages)])
    relayed = await bare_relay(ground.node.admin_url, "router.in.mshp", (*RECIPIENTS, "mshp"), messages)
    return relayed.publishes_per_s


async def latencies(ground: Ground, seconds: float) -> list[float]:
    """Milliseconds from publish to the consumer of the first recipient, paced, for whatever relays meanwhile."""
    sent: dict[bytes, float] = {}
    took: list[float] = []
    arrived = asyncio.Event()
    bodies = [notice(number) for number in range(int(seconds * PACE))]
    async with AsyncExitStack() as stack:
        reader = await stack.enter_async_context(
            await aio_pika.connect(ground.node.url_for("hsi", kit.password("hsi")))
        )
        writer = await stack.enter_async_context(
            await aio_pika.connect(ground.node.url_for("mshp", kit.password("mshp")))
        )
        channel = await reader.channel()
        await channel.set_qos(prefetch_count=500)

        async def receive(incoming: AbstractIncomingMessage) -> None:
            now = time.perf_counter()
            if incoming.body in sent:
                took.append(1_000 * (now - sent.pop(incoming.body)))
            await incoming.ack()
            if len(took) == len(bodies):
                arrived.set()

        await (await channel.get_queue("out.hsi", ensure=False)).consume(receive)
        exchange = await (await writer.channel()).get_exchange("in.mshp", ensure=False)
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number, body in enumerate(bodies):
                await asyncio.sleep(max(0.0, began + number / PACE - time.perf_counter()))
                sent[body] = time.perf_counter()
                group.create_task(_publish(exchange, body))
        async with asyncio.timeout(30):
            await arrived.wait()
    return took


async def _publish(exchange: aio_pika.abc.AbstractExchange, body: bytes) -> None:
    await exchange.publish(message(body), "")


async def walk_latency(ground: Ground, name: str, seconds: float) -> list[float]:
    """Paced latency through the whole walk."""
    async with running(ground.settings(name), ground.key) as service:
        words = agreed()
        await service.intake.receive(words)
        await drained(service, 0)
        await ground.empty()
        return await latencies(ground, seconds)


async def relay_latency(ground: Ground, seconds: float) -> list[float]:
    """Paced latency through the bare relay."""
    await ground.empty()
    count = int(seconds * PACE)
    relaying = asyncio.create_task(bare_relay(ground.node.admin_url, "router.in.mshp", (*RECIPIENTS, "mshp"), count))
    took = await latencies(ground, seconds)
    await relaying
    return took


def p(share: float, values: list[float]) -> float:
    """The value that the share of all is at most."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


async def measure(messages: int, rounds: int, seconds: float) -> dict[str, object]:
    """Paired rounds; medians and spread."""
    directory = kit.directory()
    topology = plan_topology(directory, vhost="coordination")
    loaded = definitions(topology, coordinator_password_hash=password_hash(PASSWORD, b"salt"))
    with tempfile.TemporaryDirectory() as folder:
        async with PrivateNode(definitions=loaded) as node:
            ground = Ground(node, Path(folder))
            rates = []
            for number in range(rounds):
                relay = await relay_rate(ground, messages)
                walk = await walk_rate(ground, f"rate-{number}", messages)
                rates.append((walk, relay))
                say(f"round {number + 1}: walk {walk:.0f}/s, bare relay {relay:.0f}/s, ratio {walk / relay:.2f}")
            paced = {
                "relay": await relay_latency(ground, seconds),
                "walk": await walk_latency(ground, "latency", seconds),
            }
    ratios = [walk / relay for walk, relay in rates]
    p99 = {name: p(0.99, values) for name, values in paced.items()}
    return {
        "message_bytes": len(notice(0)),
        "walk_publishes_per_s": round(statistics.median(walk for walk, _ in rates)),
        "relay_publishes_per_s": round(statistics.median(relay for _, relay in rates)),
        "ratio_relay": round(statistics.median(ratios), 3),
        "ratio_spread": [round(min(ratios), 3), round(max(ratios), 3)],
        "p50_ms": {name: round(p(0.5, values), 1) for name, values in paced.items()},
        "p99_ms": {name: round(value, 1) for name, value in p99.items()},
        "p99_ratio": round(p99["walk"] / p99["relay"], 2),
    }


def say(text: str) -> None:
    """Tell a person, beside the figures."""
    sys.stderr.write(f"{text}\n")


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--messages", type=int, default=6_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=20.0)
    chosen = options.parse_args()
    logs.configure("error")
    tune_interpreter()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(measure(chosen.messages, chosen.rounds, chosen.seconds))
    sys.stdout.write(f"{json.dumps(found)}\n")


if __name__ == "__main__":
    main()
