"""Feeds under load and in trouble: very many streams, readers that do not read, restarts while messages come."""

import asyncio
import contextlib
import json
import resource
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from httpx_sse import aconnect_sse
from yarl import URL

from tests.integration.feeding import (
    GUARD_S,
    House,
    Options,
    RawStream,
    alert,
    connected,
    free_port,
    house,
    prepare,
)

IDLE, ACTIVE = 1_000, 200


@pytest.fixture
def many_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def collect(stream: RawStream, last: int) -> list[int]:
    """The numbers of whole events that come, up to `last`."""
    found: list[int] = []
    async with asyncio.timeout(GUARD_S):
        while not found or found[-1] < last:
            block = await stream.reader.readuntil(b"\n\n")
            found += [int(line[4:]) for line in block.split(b"\n") if line.startswith(b"id: ")]
    return found


@pytest.mark.usefixtures("many_files")
async def test_a_thousand_idle_and_two_hundred_active_streams_are_served_by_one_process(tmp_path: Path) -> None:
    async with house(prepare(tmp_path), Options(per_caller=IDLE)) as made:
        idle = [await RawStream.connect(made, "dea", since=await made.last("dea")) for _ in range(IDLE)]
        start = await made.last("hsi")
        active = [await RawStream.connect(made, "hsi", since=start) for _ in range(ACTIVE)]
        await connected(made, IDLE + ACTIVE)
        for number in range(0, 50, 5):
            await made.say(*(alert(at) for at in range(number, number + 5)))
        last = await made.last("hsi")
        assert last == start + 50
        for found in await asyncio.gather(*(collect(each, last) for each in active)):
            assert found == list(range(start + 1, last + 1))
        await made.say(alert(1, ["dea"]))
        number = await made.last("dea")
        for found in await asyncio.gather(*(collect(each, number) for each in idle)):
            assert found == [number]
        assert made.feed.status().cut_off == 0
        for each in (*idle, *active):
            each.writer.close()


async def slow(made: House, since: int, page: str = "feed/sse", more: str = "") -> socket.socket:
    """A client that asks, and then does not read; its own buffer is small."""
    found = URL(made.address)
    asking = socket.socket()
    asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    asking.setblocking(False)  # noqa: FBT003  # its only parameter
    loop = asyncio.get_running_loop()
    await loop.sock_connect(asking, (found.host, found.port))
    token = made.token("hsi", subject="desk")
    request = f"GET /v1/{page}?since={since}{more} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {token}\r\n\r\n"
    await loop.sock_sendall(asking, request.encode())
    return asking


async def test_who_does_not_read_is_cut_off_disturbs_nobody_and_resumes_where_it_was(tmp_path: Path) -> None:
    async with house(prepare(tmp_path), Options(send_s=2.0)) as made:
        start = await made.last("hsi")
        stuck = [await slow(made, start) for _ in range(3)]
        reading = await RawStream.connect(made, "hsi", since=start)
        await connected(made, 4)
        unread = 0
        async with asyncio.TaskGroup() as group:
            collecting = group.create_task(collect(reading, start + 6_000))
            for number in range(0, 6_000, 100):
                await made.say(*(alert(at) for at in range(number, number + 100)))
                unread = max(unread, made.streams.unread)
        assert collecting.result() == list(range(start + 1, start + 6_001))
        async with asyncio.timeout(GUARD_S):
            while made.feed.status().cut_off < 3:  # noqa: ASYNC110  # nothing wakes a test
                await asyncio.sleep(0.02)
        assert unread < 4 * 1_024 * 1_024  # of five megabytes for each
        for each in stuck:
            got = await drained(each)
            numbers = [int(line[4:]) for line in got.split(b"\n") if line.startswith(b"id: ")]
            whole = numbers[:-1]  # the last one may be torn
            assert whole == list(range(start + 1, start + 1 + len(whole)))
            async with RawStream.open(made, "hsi", since=whole[-1]) as again:
                rest = await collect(again, start + 6_000)
            assert [*whole, *rest] == list(range(start + 1, start + 6_001))
        await reading.close()


async def test_large_answers_that_nobody_reads_are_few_at_a_time_and_end(tmp_path: Path) -> None:
    async with house(prepare(tmp_path), Options(send_s=3.0)) as made:
        start = await made.last("hsi")
        for number in range(0, 1_000, 100):
            await made.say(*(alert(at) for at in range(number, number + 100)))
        stuck = [await slow(made, start, "feed", "&limit=1000") for _ in range(40)]
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(GUARD_S):
            heads = [await loop.sock_recv(each, 12) for each in stuck]
            assert Counter(heads) == {b"HTTP/1.1 200": 4, b"HTTP/1.1 429": 36}
            taken = [each for each, head in zip(stuck, heads, strict=True) if head == b"HTTP/1.1 200"]
            while made.sending.cut_off < len(taken):  # noqa: ASYNC110  # nothing wakes a test
                await asyncio.sleep(0.02)
        for each in taken:
            assert len(await drained(each)) < 1_000 * len(alert(1))
        for each in stuck:
            each.close()
        async with httpx.AsyncClient(base_url=made.address, headers=made.bearer("hsi")) as client:
            whole = await client.get("/v1/feed", params={"since": start, "limit": 1_000})
        assert len(whole.text.splitlines()) == 1_000


async def drained(asking: socket.socket) -> bytes:
    """What had come before it was cut off."""
    got, loop = b"", asyncio.get_running_loop()
    with contextlib.suppress(ConnectionError), asking:
        async with asyncio.timeout(GUARD_S):
            while more := await loop.sock_recv(asking, 65_536):
                got += more
    return got


async def test_through_restarts_and_cut_lines_each_client_sees_every_number_once(tmp_path: Path) -> None:
    url, options = prepare(tmp_path), Options(port=free_port())
    async with house(url, options) as made:
        bearers = [made.bearer("hsi", subject=each) for each in ("cad", "desk", "o-1", "o-2")]
    lives, each_life = 4, 60
    total: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        clients = [group.create_task(follow(f"http://127.0.0.1:{options.port}", each, total)) for each in bearers]
        for life in range(lives):
            async with house(url, Options(port=options.port, agree=False)) as made:
                for number in range(each_life):
                    await made.say(alert(number))
                    if number % 20 == 10:
                        made.streams.cut()
                        await asyncio.sleep(0.05)
                if life == lives - 1:
                    total.set_result(await made.last("hsi") + 1)
                    await made.say(alert(0))
                    await asyncio.wait(clients)
    for each in clients:
        assert each.result() == list(range(1, total.result() + 1))


async def follow(address: str, bearer: dict[str, str], total: "asyncio.Future[int]") -> list[int]:
    """Follow as an event source does: come back after every break, with the last id."""
    found: list[int] = []
    async with httpx.AsyncClient(base_url=address, headers=bearer, timeout=GUARD_S) as client, asyncio.timeout(GUARD_S):
        while not (total.done() and found and found[-1] >= total.result()):
            resume = {"Last-Event-ID": str(found[-1])} if found else {}
            with contextlib.suppress(httpx.TransportError):
                async with aconnect_sse(client, "GET", "/v1/feed/sse", headers=resume) as source:
                    if source.response.status_code == 200:
                        async for event in source.aiter_sse():
                            assert json.loads(event.data)["sequence"] == int(event.id)
                            found.append(int(event.id))
                            if total.done() and found[-1] >= total.result():
                                break
            await asyncio.sleep(0.02)
    return found


async def test_a_lost_wake_up_costs_a_poll_and_nothing_else(tmp_path: Path) -> None:
    async with house(prepare(tmp_path)) as made:
        start = await made.last("hsi")
        async with RawStream.open(made, "hsi", since=start) as stream:
            await connected(made, 1)
            made.intake.on_commit = ()
            await made.say(alert(1), alert(2))
            assert await collect(stream, start + 2) == [start + 1, start + 2]
