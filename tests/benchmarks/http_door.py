"""The HTTP door against the AMQP door: the same messages from 32 posters to the same service, a process of its own."""

import argparse
import asyncio
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aio_pika
import aiohttp
import uvloop

from coordinator.amqp.node import PrivateNode
from coordinator.store import open_ledger
from coordinator.store.asking import figures
from tests import kit
from tests.conftest import EVERYTHING, Vhost
from tests.installation import Installation, Partner, install
from tests.integration.posting import STRUCTURED, apart, notice, now

SENDER, RECIPIENT = "mshp", "hsi"
PLACES = 70 * 60
"""That `apart` knows."""
Send = Callable[[bytes], Awaitable[None]]


@asynccontextmanager
async def served(installation: Installation, port: int) -> AsyncIterator[str]:
    """Serve as an operator does."""
    config = installation.config
    config.write_text(config.read_text().replace("port = 0", f"port = {port}") + '[log]\nlevel = "warning"\n')
    command = [sys.executable, "-c", "from coordinator.cli import main; main()", "--config", str(config), "serve"]
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command) as process:  # noqa: ASYNC220  # starting it takes no time
        try:
            await ready(address)
            yield address
        finally:
            process.terminate()


async def ready(address: str) -> None:
    """Wait until the service says so."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(60):
        while True:
            try:
                async with session.get(f"{address}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)


async def accepted(installation: Installation) -> int:
    """How many messages the store has accepted."""
    async with open_ledger(installation.settings.store.url) as store:
        return (await store.reading(figures)).messages


async def recorded(installation: Installation, count: int) -> None:
    """Wait until the store has accepted so many."""
    while await accepted(installation) < count:  # noqa: ASYNC110  # the writer is another process
        await asyncio.sleep(0.01)


async def by(posters: int, messages: Sequence[bytes], send: Send) -> None:
    """Send by so many posters, each of which waits for its answer before its next."""
    waiting = iter(messages)

    async def one() -> None:
        for message in waiting:
            await send(message)

    async with asyncio.TaskGroup() as group:
        for _ in range(posters):
            group.create_task(one())


async def over_http(installation: Installation, address: str, posters: int, messages: Sequence[bytes]) -> float:
    """Post them, and return messages a second until the last verdict."""
    headers = {"Content-Type": STRUCTURED, **installation.bearer(SENDER, subject="cad")}
    connector = aiohttp.TCPConnector(limit=posters)
    async with aiohttp.ClientSession(address, connector=connector, headers=headers) as session:

        async def send(message: bytes) -> None:
            async with session.post("/v1/messages", data=message) as answer:
                if answer.status != 201:
                    raise RuntimeError(await answer.text())
                await answer.read()

        began = time.perf_counter()
        await by(posters, messages, send)
        return len(messages) / (time.perf_counter() - began)


async def over_amqp(installation: Installation, posters: int, messages: Sequence[bytes]) -> float:
    """Publish them with confirms, and return messages a second until the store has accepted the last."""
    before = await accepted(installation)
    async with Partner(installation, SENDER) as partner:

        async def send(message: bytes) -> None:
            await partner.publish(message)

        began = time.perf_counter()
        await by(posters, messages, send)
        await recorded(installation, before + len(messages))
        return len(messages) / (time.perf_counter() - began)


def planned(number: int) -> bytes:
    """A plan that lies near no other one, in place or in time: each round finds the store as empty around it."""
    start = datetime.now(UTC) + timedelta(hours=1 + 5 * (number // PLACES))
    window = {"start": start.isoformat(), "end": (start + timedelta(hours=2)).isoformat()}
    return notice(SENDER, [RECIPIENT], area=apart(number), **window)


async def quiet(installation: Installation) -> None:
    """Empty the recipients' queues once everything is delivered, so that each round begins alike."""
    async with open_ledger(installation.settings.store.url) as store:
        while (await store.reading(figures)).owed:  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.1)
    async with await aio_pika.connect(installation.vhost.url) as connection:
        channel = await connection.channel()
        for agency in installation.directory.ids:
            for lane in ("out", "alert"):
                await (await channel.get_queue(f"{lane}.{agency}", ensure=False)).purge()


def line(number: int, http: float, amqp: float) -> str:
    """One round, for people."""
    return f"round {number}: http {http:,.0f}/s, amqp {amqp:,.0f}/s, ratio {http / amqp:.2f}"


async def main(count: int, rounds: int, posters: int, port: int) -> None:
    """Print both rates of each round, and the medians with their ratio, as one JSON object."""
    pairs: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        async with PrivateNode(management=True) as node:
            vhost = Vhost(node, f"bench-{secrets.token_hex(4)}")
            await vhost.manage("PUT", f"vhosts/{vhost.name}")
            await vhost.manage("PUT", f"permissions/{vhost.name}/{node.layout.user}", EVERYTHING)
            installation = await install(Path(folder), vhost)
            async with served(installation, port) as address:
                agreements = [now(each.body) for each in kit.agreements()]
                for each, body in zip(kit.agreements(), agreements, strict=True):
                    async with Partner(installation, each.agency) as partner:
                        await partner.publish(body)
                await recorded(installation, len(agreements))
                number = 0
                for round_ in range(rounds):
                    made = [[planned(number + each * count + at) for at in range(count)] for each in (0, 1)]
                    number += 2 * count
                    await quiet(installation)
                    amqp = await over_amqp(installation, posters, made[0])
                    await quiet(installation)
                    http = await over_http(installation, address, posters, made[1])
                    pairs.append((http, amqp))
                    print(line(round_, http, amqp), flush=True)  # noqa: T201
    http, amqp = (statistics.median(each) for each in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    print(json.dumps({"http_per_s": round(http), "amqp_per_s": round(amqp), "ratio_http": round(ratio, 2)}))  # noqa: T201


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--posters", type=int, default=32)
    parser.add_argument("--port", type=int, default=18_080 + os.getpid() % 1_000)
    given = parser.parse_args()
    uvloop.run(main(given.messages, given.rounds, given.posters, given.port))
