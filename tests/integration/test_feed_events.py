"""`GET /v1/feed/sse` over HTTP with real tokens, read by clients that we did not write, and by awkward ones."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from httpx_sse import EventSource, ServerSentEvent, aconnect_sse

from coordinator.chores import withdraw
from coordinator.http.principals import AccessRole
from coordinator.http.tokens import LEEWAY_S
from coordinator.model.plan import Ask
from coordinator.model.work import Withdrawal
from tests.integration import feeding
from tests.integration.feeding import (
    GUARD_S,
    House,
    Options,
    RawStream,
    alert,
    connected,
    house,
    marked,
    notice,
    prepare,
    suspended,
)
from tests.kit import Json

LIAISON = AccessRole.LIAISON


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[House]:
    async with house(prepare(tmp_path)) as opened:
        yield opened


@asynccontextmanager
async def events(made: House, agency: str = "hsi", **asked: str | int) -> AsyncIterator[EventSource]:
    headers = {
        **made.bearer(agency, LIAISON, subject="o-7"),
        **({"Last-Event-ID": str(asked.pop("resume"))} if "resume" in asked else {}),
    }
    async with (
        httpx.AsyncClient(base_url=made.address, headers=headers, timeout=GUARD_S) as client,
        aconnect_sse(client, "GET", "/v1/feed/sse", params=asked) as source,
    ):
        yield source


async def take(source: EventSource, count: int) -> list[ServerSentEvent]:
    found: list[ServerSentEvent] = []
    async with asyncio.timeout(GUARD_S):
        async for event in source.aiter_sse():
            found.append(event)
            if len(found) == count:
                break
    return found


def read(event: ServerSentEvent) -> Json:
    found: Json = json.loads(event.data)
    assert found["sequence"] == int(event.id)
    assert found["event"]["type"] == f"gov.mo.coordination.{event.event}.v1"
    return found


async def test_an_event_source_gets_what_there_is_and_then_what_comes(made: House) -> None:
    before = await made.last("hsi")
    sent = [alert(number) for number in range(40)]
    async with events(made) as source:
        assert source.response.headers["content-type"] == "text/event-stream"
        async with asyncio.TaskGroup() as group:
            taking = group.create_task(take(source, before + len(sent)))
            for each in sent:
                await made.say(each)
    found = [read(each) for each in taking.result()]
    assert [each["sequence"] for each in found] == list(range(1, before + len(sent) + 1))
    assert [each["event"] for each in found[before:]] == [json.loads(each) for each in sent]
    assert taking.result()[0].retry is not None


@pytest.mark.parametrize("many", [1, 3])
async def test_last_event_id_wins_over_since(made: House, many: int) -> None:
    await made.say(*(alert(number) for number in range(many)))
    last = await made.last("hsi")
    async with events(made, resume=str(last - many), since=0) as source:
        found = await take(source, many)
    assert [int(each.id) for each in found] == list(range(last - many + 1, last + 1))


@pytest.mark.parametrize("resume", ["", "x", "-1", "1.0", "1,2", "0x1", "99999999999999999", "1 OR 1=1"])
async def test_an_id_that_was_never_ours_is_refused(made: House, resume: str) -> None:
    async with httpx.AsyncClient(base_url=made.address, headers=made.bearer("hsi")) as client:
        answer = await client.get("/v1/feed/sse", headers={"Last-Event-ID": resume})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
    assert answer.json()["errors"][0]["field"] == "Last-Event-ID"


async def test_a_filter_passes_its_types_and_no_other(made: House) -> None:
    async with events(made, types="operation.notice") as source, asyncio.TaskGroup() as group:
        taking = group.create_task(take(source, 2))
        await connected(made, 1)
        await made.say(alert(1), notice("mshp", ["hsi"]))
        await made.say(alert(2))
        await made.say(notice("mshp", ["hsi"], name="RED OAK"))
    assert [each.event for each in taking.result()] == ["operation.notice"] * 2


async def test_a_huge_event_on_many_lines_with_every_kind_of_text_is_one_event(made: House) -> None:
    plan = json.loads(notice("mshp", ["hsi"]))
    plan["data"]["area"] = {
        "type": "LineString",
        "coordinates": [[-92.5 + 0.0001 * at, 38.5] for at in range(900)],
        "buffer_m": 100.0,
    }
    text = json.dumps(plan, indent=1).replace("\n", "\r\n").encode()
    assert 30_000 < len(text) < 64_000
    last = await made.last("hsi")
    async with events(made, since=last) as source, asyncio.TaskGroup() as group:
        taking = group.create_task(take(source, 2))
        await connected(made, 1)
        await made.say(text, alert(1))
    huge, small = [read(each) for each in taking.result()]
    assert huge["event"] == plan
    assert marked(small["event"]) == "O-1"


async def test_curl_follows_in_its_own_words(made: House) -> None:
    await made.say(alert(1), alert(2))
    last = await made.last("hsi")
    header = f"Authorization: {made.bearer('hsi')['Authorization']}"
    command = [
        "curl",
        "-sSN",
        "-m",
        "3",
        "-H",
        header,
        "-H",
        f"Last-Event-ID: {last - 2}",
        f"{made.address}/v1/feed/sse",
    ]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=GUARD_S, check=False)
    fields = [each.partition(": ") for each in done.stdout.decode().splitlines() if each and not each.startswith(":")]
    assert [name for name, _, _ in fields] == ["retry", *["id", "event", "data"] * 2]
    assert [value for name, _, value in fields if name == "id"] == [str(last - 1), str(last)]
    assert [marked(json.loads(value)["event"]) for name, _, value in fields if name == "data"] == ["O-1", "O-2"]


async def test_what_is_read_byte_by_byte_is_the_same(made: House) -> None:
    await made.say(*(alert(number) for number in range(5)))
    last = await made.last("hsi")
    async with RawStream.open(made, "hsi", since=last - 5) as stream:
        text = b""
        async with asyncio.timeout(GUARD_S):
            while text.count(b"\n\n") < 5:
                text += await stream.reader.read(1)
    ids = [line for line in text.split(b"\n") if line.startswith(b"id: ")]
    assert ids == [b"id: %d" % at for at in range(last - 4, last + 1)]


async def test_who_breaks_off_in_the_middle_of_an_event_resumes_after_the_last_whole_one(made: House) -> None:
    await made.say(*(alert(number) for number in range(6)))
    last = await made.last("hsi")
    async with RawStream.open(made, "hsi", since=last - 6) as stream, asyncio.timeout(GUARD_S):
        whole = await stream.reader.readuntil(b"\n\n")
        await stream.reader.readuntil(b"event: ")  # the next one has begun
    number = int(whole.partition(b"id: ")[2].partition(b"\n")[0])
    async with events(made, resume=str(number)) as source:
        assert [int(each.id) for each in await take(source, 5)] == list(range(number + 1, last + 1))


async def test_a_half_closed_connection_is_over_and_its_place_is_free(tmp_path: Path) -> None:
    async with house(prepare(tmp_path), Options(per_caller=1)) as made, RawStream.open(made, "hsi") as stream:
        await stream.reader.readuntil(b"\n\n")
        stream.writer.write_eof()
        async with asyncio.timeout(GUARD_S):
            while await stream.reader.read(65_536):
                pass
        async with events(made) as source:  # another subject
            assert await take(source, 1)
        async with RawStream.open(made, "hsi") as again, asyncio.timeout(GUARD_S):
            assert await again.reader.readuntil(b"\n\n")


async def test_a_stream_that_hears_nothing_gets_a_comment(made: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coordinator.http.streams.BEAT_S", 0.5)
    last = await made.last("hsi")
    async with RawStream.open(made, "hsi", since=last) as stream, asyncio.timeout(GUARD_S):
        await stream.reader.readuntil(b"retry: 2000\n")
        for _ in range(2):
            assert b"\n\n" not in await stream.reader.readuntil(b": heartbeat\n")
        await made.say(alert(1))
        assert b"id: %d\n" % (last + 1) in await stream.reader.readuntil(b"\n\n")


async def test_too_many_streams_of_one_caller_are_refused_and_another_caller_is_not(tmp_path: Path) -> None:
    async with house(prepare(tmp_path), Options(per_caller=2)) as made, events(made), events(made):
        async with events(made) as third:
            answer = json.loads(await third.response.aread())
            assert (third.response.status_code, answer["code"]) == (429, "too_many_streams")
        async with events(made, "dea") as other:
            assert other.response.status_code == 200


async def test_a_stream_ends_when_its_token_is_revoked(made: House) -> None:
    token = made.token("hsi", LIAISON, subject="o-7")
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(base_url=made.address, headers=headers, timeout=GUARD_S) as client,
        aconnect_sse(client, "GET", "/v1/feed/sse", params={"since": await made.last("hsi")}) as source,
    ):
        await connected(made, 1)
        made.revoked.add(made.tokens.claims_of(token).jti)
        async with asyncio.timeout(GUARD_S):
            text = "".join([each async for each in source.response.aiter_text()])
    assert text.endswith(": sign in again\n")
    await made.say(alert(1))


async def test_a_stream_ends_when_its_token_does(made: House, monkeypatch: pytest.MonkeyPatch) -> None:
    token = made.token("hsi", LIAISON, subject="o-7", lifetime=timedelta(minutes=5))
    async with RawStream.open(made, "hsi", token=token, since=await made.last("hsi")) as stream:
        await connected(made, 1)
        moment = made.tokens.claims_of(token).exp + LEEWAY_S + 1
        monkeypatch.setattr(made.door, "now", lambda: float(moment))
        async with asyncio.timeout(GUARD_S):
            assert (await stream.reader.read()).count(b": sign in again\n") == 1


async def test_at_a_graceful_stop_streams_say_so_and_nothing_is_lost(tmp_path: Path) -> None:
    url, port = prepare(tmp_path), feeding.free_port()
    async with house(url, Options(port=port)) as made:
        last = await made.last("hsi")
        stream = await RawStream.connect(made, "hsi", since=last)
        await connected(made, 1)
        await made.say(alert(1))
    async with asyncio.timeout(GUARD_S):
        text = (await stream.reader.read()).decode()
    await stream.close()
    assert f"id: {last + 1}\n" in text
    assert text.rstrip("0\r\n").endswith(": the service is stopping")
    async with house(url, Options(port=port, agree=False)) as made:
        await made.say(alert(2))
        async with events(made, resume=str(last + 1)) as source:
            (found,) = await take(source, 1)
    assert int(found.id) == last + 2


async def test_what_lost_its_ground_reaches_all_who_wait_for_it_as_a_stub(made: House) -> None:
    last = await made.last("hsi")
    await made.say(notice("mshp", ["hsi"]))
    await made.say(suspended(made))
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        opened = [await stack.enter_async_context(events(made, since=last)) for _ in range(3)]
        taking = [group.create_task(take(each, 3)) for each in opened]
        await connected(made, 3)
        (held, *_) = await made.store.feed("hsi", last, 1)
        await made.intake.chore(Ask(dispatches=(held.key,)), withdraw([Withdrawal(held, "mshp")]))
        await made.say(alert(1))
        await asyncio.wait(taking)
    for each in taking:
        found = [read(event) for event in each.result()]
        assert [event["sequence"] for event in found] == [last + 1, last + 2, last + 3]
        assert [event["event"]["type"].split(".")[3] for event in found] == ["feed", "agreement", "situation"]
