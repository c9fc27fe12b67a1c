"""Figures of the feeds: commit to client, what an idle client costs, catching up; the clients are another process.

`python -m tests.benchmarks.feeds` prints them; there is no broker, so what is measured is the walk, the feed and HTTP.
"""

import asyncio
import gc
import http.client
import json
import os
import re
import resource
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import uvloop

from coordinator import logs
from coordinator.bootstrap import tune_interpreter
from coordinator.model.plan import Plan
from tests.integration.feeding import House, Options, alert, connected, house, prepare, submitted

CLIENTS, RATE, SECONDS = 200, 100, 20
IDLE, WARM = 1_000, 100
ITEMS = 100_000
SPREAD = ("dps", "stl-pd", "hsi", "dea", "atf", "usms")
_ID = re.compile(rb"^id: (\d+)$", re.MULTILINE)

FILL = f"""
INSERT INTO messages (key, agency, id, source, type, body, position)
SELECT m.key + 1000000 + n, m.agency, printf('00000000-0000-4000-8000-%012d', n), m.source, m.type, m.body, m.position
FROM messages AS m, (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {ITEMS}) SELECT n FROM c)
WHERE m.key = ?1
"""  # noqa: S608  # a constant
OWE = f"""
INSERT INTO dispatches (key, id, recipient, lane, sequence, message, position, recorded, state)
SELECT d.key + 1000000 + n, printf('00000000-0000-4000-9000-%012d', n), d.recipient, d.lane, d.sequence + n,
    d.message + 1000000 + n, d.position, d.recorded, 'confirmed'
FROM dispatches AS d, (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {ITEMS})
    SELECT n FROM c)
WHERE d.key = ?1
"""  # noqa: S608  # a constant


# --- the clients, in a process of their own ---


class Client(asyncio.Protocol):
    """Follows, and notes when each number came; what it reads is as it comes from the socket."""

    def __init__(self, request: bytes, seen: list[tuple[int, int]]) -> None:
        self._request = request
        self._seen = seen
        self._rest = b""
        self.answered = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._request)  # type: ignore[attr-defined]  # uvloop's is no `asyncio.Transport` by class

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        if not self.answered.done():
            self.answered.set_result(data[:12])
        whole, _, self._rest = (self._rest + data).rpartition(b"\n\n")
        self._seen += [(int(number), now) for number in _ID.findall(whole)]


async def listen(asked: dict[str, object]) -> None:
    """Open the streams, say so, and tell what came when stdin ends."""
    gc.disable()  # its pauses would be the clients' own
    seen: list[tuple[int, int]] = []
    loop = asyncio.get_running_loop()
    address = urlsplit(str(asked["address"]))
    host, port = str(address.hostname), address.port or 0
    clients = []
    for request in asked["requests"]:  # type: ignore[attr-defined]  # a list, by JSON
        made = await loop.create_connection(lambda r=request: Client(r.encode(), seen), host, port)  # type: ignore[misc]
        clients.append(made)
        assert (await made[1].answered) == b"HTTP/1.1 200"
    sys.stdout.write("open\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.readline)
    np.save(str(asked["out"]), np.array(seen, dtype=np.int64).reshape(-1, 2))
    for transport, _ in clients:
        transport.close()


def catch_up(asked: dict[str, object]) -> None:
    """Read the whole feed by pages, then by events; print items a second of each."""
    address, bearer, last = urlsplit(str(asked["address"])), str(asked["bearer"]), int(str(asked["last"]))
    connection = http.client.HTTPConnection(str(address.hostname), address.port)
    began, since, count = time.monotonic(), 0, 0
    while since < last:
        connection.request("GET", f"/v1/feed?since={since}&limit=1000", headers={"Authorization": bearer})
        answer = connection.getresponse()
        count += answer.read().count(b"\n")
        since = int(answer.headers["X-Sequence"])
    pages = count / (time.monotonic() - began)
    assert count == last
    with socket.create_connection((address.hostname, address.port)) as following:
        request = f"GET /v1/feed/sse?since=0 HTTP/1.1\r\nHost: bench\r\nAuthorization: {bearer}\r\n\r\n"
        following.sendall(request.encode())
        began, text, found = time.monotonic(), b"", 0
        while found < last:
            text += following.recv(1 << 20)
            whole, end, rest = text.rpartition(b"\n\n")
            if end:
                found += len(_ID.findall(whole))
                text = rest
    events = found / (time.monotonic() - began)
    sys.stdout.write(json.dumps([pages, events]) + "\n")


# --- the service, and what it costs ---


async def other(kind: str, asked: dict[str, object]) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.benchmarks.feeds", kind,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 24,
    )  # fmt: skip  # the command on one line
    assert process.stdin is not None
    process.stdin.write(json.dumps(asked).encode() + b"\n")
    await process.stdin.drain()
    return process


async def said(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


def requests(made: House, agencies: Sequence[str], last: dict[str, int]) -> list[str]:
    token = {agency: made.token(agency) for agency in set(agencies)}
    return [
        f"GET /v1/feed/sse?since={last.get(agency, 0)} HTTP/1.1\r\nHost: bench\r\n"
        f"Authorization: Bearer {token[agency]}\r\n\r\n"
        for agency in agencies
    ]


async def listening(made: House, agencies: Sequence[str], out: Path) -> Callable[[], Awaitable[np.ndarray]]:
    """Have them listen in another process; returns what ends them, and gives what they saw."""
    last = dict(await made.store.last_sequences())
    before = made.feed.status().listeners
    asked: dict[str, object] = {"address": made.address, "requests": requests(made, agencies, last), "out": str(out)}
    process = await other("listen", asked)
    assert await said(process) == "open"
    await connected(made, before + len(agencies))

    async def end() -> np.ndarray:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        await process.stdin.drain()
        await process.wait()
        found: np.ndarray = np.load(out)
        return found

    return end


async def latency(folder: Path, agencies: Sequence[str]) -> tuple[float, float, int]:
    """p50 and p99 in ms from the commit to the client, and how many events came."""
    committed: dict[tuple[str, int], int] = {}

    def heed(plan: Plan) -> None:
        now = time.monotonic_ns()
        committed.update({(row.recipient, row.sequence): now for row in plan.dispatches})

    options = Options(per_caller=2_000, heeding=[heed])
    async with house(prepare(folder), options) as made:
        to = sorted(set(agencies))
        level = max((await made.store.last_sequences()).values())
        for agency in to:  # numbers of all agencies alike, so that one number is one event
            for _ in range(level - await made.last(agency)):
                await made.say(alert(0, [agency]))
        end = await listening(made, agencies, folder / "seen.npy")
        loop = asyncio.get_running_loop()
        began = loop.time()
        committed.clear()
        for number in range(RATE * SECONDS):
            await asyncio.sleep(max(0.0, began + number / RATE - loop.time()))
            await made.intake.receive([submitted(alert(number, to))])
        await asyncio.sleep(1)
        seen = await end()
    moments = {sequence: now for (agency, sequence), now in committed.items() if agency == to[0]}
    late = np.array([now - moments[int(number)] for number, now in seen if int(number) in moments]) / 1e6
    return float(np.percentile(late, 50)), float(np.percentile(late, 99)), len(late)


def resident() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def idle(folder: Path) -> float:
    """Kilobytes that each idle stream adds."""
    async with house(prepare(folder), Options(per_caller=2_000)) as made:
        warm = await listening(made, ["dea"] * WARM, folder / "warm.npy")
        await asyncio.sleep(2)
        before = resident()
        end = await listening(made, ["dea"] * IDLE, folder / "idle.npy")
        await asyncio.sleep(2)
        cost = (resident() - before) / IDLE / 1_000
        await end()
        await warm()
    return cost


async def catching_up(folder: Path) -> tuple[float, float]:
    """Items a second by pages, and by events."""
    async with house(prepare(folder)) as made:
        await made.say(alert(1))
        first = (await made.store.feed("hsi", 0, 1_000))[-1]
        with sqlite3.connect(folder / "feeds.db") as db:
            (message,) = db.execute("SELECT message FROM dispatches WHERE key = ?", (first.key,)).fetchone()
            for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                db.execute(f"DROP TRIGGER {trigger}")  # what is filled in cites its pattern's entry
            db.execute(FILL, (message,))
            db.execute(OWE, (first.key,))
            db.execute("UPDATE feeds SET last = last + ? WHERE agency = 'hsi'", (ITEMS,))
        db.close()
        asked: dict[str, object] = {
            "address": made.address,
            "bearer": made.bearer("hsi")["Authorization"],
            "last": await made.last("hsi"),
        }
        process = await other("catch-up", asked)
        pages, events = json.loads(await said(process))
        await process.wait()
    return pages, events


async def main() -> None:
    """Measure one after the other, each over a store of its own."""
    logs.configure("error")
    tune_interpreter()  # as `serve` does
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name) / each for each in ("idle", "one", "spread", "catch")]
        for each in folders:
            each.mkdir()
        print(f"idle client, {IDLE} streams: {await idle(folders[0]):.1f} kB each (goal: at most 40)")  # noqa: T201
        for folder, agencies in (
            (folders[1], ["hsi"] * CLIENTS),
            (folders[2], [SPREAD[at % len(SPREAD)] for at in range(CLIENTS)]),
        ):
            p50, p99, count = await latency(folder, agencies)
            print(  # noqa: T201
                f"commit to client, {CLIENTS} clients of {len(set(agencies))} agencies, {RATE} events a second each: "
                f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, {count} events (goal: p99 at most 50)"
            )
        pages, events = await catching_up(folders[3])
        print(f"catching up {ITEMS}: {pages:,.0f} a second by GET, {events:,.0f} by SSE (goal: 20,000)")  # noqa: T201


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["listen"]:
            uvloop.run(listen(json.loads(sys.stdin.readline())))
        case ["catch-up"]:
            catch_up(json.loads(sys.stdin.readline()))
        case _:
            uvloop.run(main())
