"""`GET /v1/feed` and what belongs to it, over HTTP with real tokens: lines, filters, waiting, exact bytes, receipts."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from coordinator.chores import withdraw
from coordinator.http.principals import AccessRole
from coordinator.model.leaf import LEAF
from coordinator.model.plan import Ask
from coordinator.model.work import Withdrawal
from tests import kit
from tests.integration.feeding import (
    GUARD_S,
    House,
    Options,
    alert,
    connected,
    house,
    marked,
    notice,
    prepare,
    read_lines,
    submitted,
    suspended,
)

LIAISON, AUDITOR = AccessRole.LIAISON, AccessRole.AUDITOR


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[House]:
    async with house(prepare(tmp_path), Options(per_caller=2)) as opened:
        yield opened


@pytest.fixture
async def hsi(made: House) -> AsyncIterator[httpx.AsyncClient]:
    async with client(made, "hsi") as opened:
        yield opened


def client(made: House, agency: str, *roles: AccessRole, subject: str = "cad") -> httpx.AsyncClient:
    headers = made.bearer(agency, *roles, subject=subject)
    return httpx.AsyncClient(base_url=made.address, headers=headers, timeout=GUARD_S)


async def test_lines_come_in_order_each_with_its_number_and_the_event_as_it_was_sent(
    made: House, hsi: httpx.AsyncClient
) -> None:
    sent = notice("mshp", ["hsi"])
    spread = json.dumps(json.loads(notice("mshp", ["hsi"])), indent=4).replace("\n", "\r\n").encode()
    await made.say(sent, spread)
    answer = await hsi.get("/v1/feed")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/jsonl")
    lines = read_lines(answer.content)
    assert [each["sequence"] for each in lines] == list(range(1, len(lines) + 1))
    assert answer.headers["x-sequence"] == str(len(lines)) == str(await made.last("hsi"))
    assert sent in answer.content
    assert lines[-1]["event"] == json.loads(spread)
    assert set(lines[0]) == {"sequence", "recordedtime", "event"}


async def test_since_and_limit_page_through_without_gap_or_repeat(made: House, hsi: httpx.AsyncClient) -> None:
    await made.say(*(alert(number) for number in range(57)))
    found, since = [], "0"
    while lines := read_lines((answer := await hsi.get("/v1/feed", params={"since": since, "limit": 10})).content):
        assert len(lines) <= 10
        found += [each["sequence"] for each in lines]
        since = answer.headers["x-sequence"]
    assert found == list(range(1, await made.last("hsi") + 1))


async def test_a_filter_that_passes_nothing_still_advances(made: House, hsi: httpx.AsyncClient) -> None:
    await made.say(alert(1), notice("mshp", ["hsi"]), alert(2))
    only = await hsi.get("/v1/feed", params={"types": "operation.notice"})
    assert [each["event"]["type"] for each in read_lines(only.content)] == ["gov.mo.coordination.operation.notice.v1"]
    assert only.headers["x-sequence"] == str(await made.last("hsi"))
    both = await hsi.get("/v1/feed?types=operation.notice&types=situation.alert,message.refused")
    assert len(read_lines(both.content)) == 3
    none = await hsi.get("/v1/feed", params={"types": "feed.withdrawn"})
    assert (none.content, none.headers["x-sequence"]) == (b"", str(await made.last("hsi")))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=-1", "since"),
        ("since=x", "since"),
        ("since=1&since=2", "since"),
        ("since=99999999999999999", "since"),
        ("since=%D9%A1", "since"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("wait=61", "wait"),
        ("wait=0.5", "wait"),
        ("types=operation.notic", "types"),
        ("wiat=5", "wiat"),
        ("since=0&Since=3", "(unknown)"),
        (f"{'a' * 33}=1", "(unknown)"),
    ],
)
async def test_what_cannot_be_read_is_named(hsi: httpx.AsyncClient, query: str, field: str) -> None:
    answer = await hsi.get(f"/v1/feed?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize("path", ["feed/sse?wait=5", f"messages/mshp/{kit.fresh_id()}?wait=5"])
async def test_the_other_addresses_name_an_unknown_parameter_too(hsi: httpx.AsyncClient, path: str) -> None:
    answer = await hsi.get(f"/v1/{path}")
    assert (answer.status_code, answer.json()["errors"]) == (400, [{"field": "wait", "reason": "invalid_parameter"}])


@pytest.mark.parametrize("path", ["/v1/feed", "/v1/feed/sse"])
async def test_a_number_that_was_never_given_is_said_to_be_ahead(
    made: House, hsi: httpx.AsyncClient, path: str
) -> None:
    last = await made.last("hsi")
    answer = await hsi.get(path, params={"since": last + 1})
    assert (answer.status_code, answer.json()["code"], answer.json()["last"]) == (409, "sequence_ahead", last)
    assert answer.json()["detail"] == f"ask the operator before going on; the feed ends at {last}"


async def test_waiting_ends_with_what_comes_or_with_nothing(made: House, hsi: httpx.AsyncClient) -> None:
    last = await made.last("hsi")
    asked = {"since": str(last), "wait": "30", "types": "situation.alert"}
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(hsi.get("/v1/feed", params=asked))
        await connected(made, 1)
        await made.say(notice("mshp", ["hsi"]), alert(1))
    lines = read_lines(waiting.result().content)
    assert [marked(each["event"]) for each in lines] == ["O-1"]
    assert lines[0]["sequence"] == last + 2
    empty = await hsi.get("/v1/feed", params={"since": last + 2, "wait": 1})
    assert (empty.status_code, empty.content, empty.headers["x-sequence"]) == (200, b"", str(last + 2))


async def test_too_many_that_wait_are_refused_and_one_that_left_makes_room(made: House) -> None:
    async with client(made, "hsi") as first, client(made, "hsi") as second:
        asked = {"since": await made.last("hsi"), "wait": 60}
        waiting = [asyncio.create_task(each.get("/v1/feed", params=asked)) for each in (first, second)]
        await connected(made, 2)
        refused = await second.get("/v1/feed/sse")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
        assert "retry-after" in refused.headers
        async with client(made, "dea") as other:
            assert (await other.get("/v1/feed", params={"wait": 1})).status_code == 200
        waiting[0].cancel()
        await asyncio.wait(waiting[:1])
    async with client(made, "hsi") as third, asyncio.timeout(GUARD_S):
        waiting[1].cancel()
        while (await third.get("/v1/feed", params={**asked, "wait": 1})).status_code == 429:  # noqa: ASYNC110  # nothing wakes a client
            await asyncio.sleep(0.05)


async def test_the_exact_bytes_are_given_to_who_was_sent_them_and_to_nobody_else(made: House) -> None:
    sent = json.dumps(json.loads(notice("mshp", ["hsi"])), indent=2).encode()
    await made.say(submitted(sent)._replace(jws="a..b"))
    path = f"/v1/messages/mshp/{json.loads(sent)['id']}"
    answers = {}
    for agency in ("mshp", "hsi", "dea", "dps"):
        async with client(made, agency) as asking:
            answers[agency] = await asking.get(path)
    async with client(made, "dps") as asking:
        nothing = await asking.get(f"/v1/messages/mshp/{kit.fresh_id()}")
    assert nothing.status_code == 404
    for agency in ("mshp", "hsi"):
        assert answers[agency].content == sent
        assert answers[agency].headers["content-type"] == "application/cloudevents+json"
        assert answers[agency].headers["x-jws"] == "a..b"
    for agency in ("dea", "dps"):
        shown = {key: value for key, value in answers[agency].json().items() if key != "request_id"}
        assert answers[agency].status_code == 404
        assert shown == {key: value for key, value in nothing.json().items() if key != "request_id"}


async def test_the_coordinators_own_words_are_given_to_whom_they_were_said(made: House) -> None:
    await made.say(notice("mshp", ["hsi"]))
    async with client(made, "mshp") as mshp, client(made, "hsi") as hsi:
        (receipt,) = read_lines((await mshp.get("/v1/feed?types=message.accepted")).content)[-1:]
        path = f"/v1/messages/coordinator/{receipt['event']['id']}"
        assert (await mshp.get(path)).json() == receipt["event"]
        assert (await hsi.get(path)).status_code == 404


@pytest.mark.parametrize("path", ["/v1/feed", "/v1/feed/sse", "/v1/messages/mshp/x", "/v1/feed/1/ack"])
async def test_without_a_proof_or_a_role_there_is_nothing(made: House, path: str) -> None:
    method = "POST" if path.endswith("ack") else "GET"
    async with client(made, "hsi", AUDITOR) as auditor, httpx.AsyncClient(base_url=made.address) as stranger:
        forbidden = await auditor.request(method, path, content=b"{}")
        unknown = await stranger.request(method, path, content=b"{}")
    assert (forbidden.status_code, forbidden.json()["code"]) == (403, "forbidden")
    assert (unknown.status_code, unknown.json()["code"]) == (401, "unauthenticated")


async def test_each_agency_has_its_own_feed(made: House, hsi: httpx.AsyncClient) -> None:
    sent = notice("mshp", ["hsi"])
    await made.say(sent)
    async with client(made, "dea", LIAISON, subject="o-7") as dea:
        theirs = read_lines((await dea.get("/v1/feed?limit=1000")).content)
    ours = read_lines((await hsi.get("/v1/feed?limit=1000")).content)
    assert json.loads(sent) in [each["event"] for each in ours]
    assert json.loads(sent) not in [each["event"] for each in theirs]


async def test_what_lost_its_ground_is_not_shown_and_its_number_waits_for_the_stub(
    made: House, hsi: httpx.AsyncClient
) -> None:
    shown, held = notice("mshp", ["hsi"]), notice("mshp", ["hsi"], name="RED OAK")
    await made.say(shown)
    before = await made.last("hsi")
    await made.confirm("hsi")
    await made.say(held)
    await made.say(suspended(made))
    await made.say(alert(1))
    first = await hsi.get("/v1/feed?limit=1000")
    assert first.headers["x-sequence"] == str(before)
    assert shown in first.content  # what was delivered is the agency's own
    path = f"/v1/messages/mshp/{json.loads(held)['id']}"
    assert (await hsi.get(path)).status_code == 404
    assert (await hsi.post(f"/v1/feed/{before + 1}/ack", json={"level": "read"})).status_code == 404
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(hsi.get("/v1/feed", params={"since": before, "wait": 30}))
        await connected(made, 1)
        found = await made.store.feed("hsi", before, 1)
        await made.intake.chore(Ask(dispatches=(found[0].key,)), withdraw([Withdrawal(found[0], "mshp")]))
    lines = read_lines(waiting.result().content)
    rest = read_lines((await hsi.get("/v1/feed", params={"since": lines[-1]["sequence"]})).content)
    assert [each["sequence"] for each in (*lines, *rest)] == [before + 1, before + 2, before + 3]
    stub, _, after = [each["event"] for each in (*lines, *rest)]
    assert stub["type"] == "gov.mo.coordination.feed.withdrawn.v1"
    assert marked(after) == "O-1"
    assert (await hsi.get(path)).status_code == 404
    assert (await hsi.get(f"/v1/messages/coordinator/{stub['id']}")).json() == stub


async def test_an_acknowledgement_is_a_message_like_any_other_and_twice_the_same_is_one(
    made: House, hsi: httpx.AsyncClient
) -> None:
    sent = notice("mshp", ["hsi"])
    await made.say(sent)
    number = await made.last("hsi")
    said = {"level": "accepted", "officer_id": "O-7"}
    first, second = await asyncio.gather(*(hsi.post(f"/v1/feed/{number}/ack", json=said) for _ in range(2)))
    again = await hsi.post(f"/v1/feed/{number}/ack", json=said)
    assert sorted(each.status_code for each in (first, second)) == [200, 201]
    assert (again.status_code, again.json()["verdict"]) == (200, "duplicate")
    assert len({each.json()["id"] for each in (first, second, again)}) == 1
    assert len({each.json()["position"] for each in (first, second, again)}) == 1
    other = await hsi.post(f"/v1/feed/{number}/ack", json={"level": "read", "officer_id": "O-7"})
    assert other.json()["id"] != again.json()["id"]
    async with client(made, "mshp") as mshp:
        told = read_lines((await mshp.get("/v1/feed?types=receipt.acknowledge")).content)
    assert [each["event"]["data"]["level"] for each in told] == ["accepted", "read"]
    data = told[0]["event"]["data"]
    assert data["target"] == {"agency": "mshp", "id": json.loads(sent)["id"]}
    assert data["originator"]["officer_id"] == "O-7"
    leaf = LEAF.validate_json((await made.store.entries(again.json()["position"], 1))[0])
    assert (leaf.action, leaf.channel, leaf.actor.agency) == ("message.accepted", "http", "hsi")


async def test_what_was_read_is_journaled_together_without_a_word_of_who(made: House, hsi: httpx.AsyncClient) -> None:
    await made.say(alert(1), alert(2))
    last = await made.last("hsi")
    await hsi.get("/v1/feed", params={"limit": 2})
    await hsi.get("/v1/feed", params={"since": last - 1})
    async with client(made, "dea", LIAISON, subject="o-7") as dea:
        await dea.get("/v1/feed?limit=1")
    await made.streams.reads.flush()
    await made.streams.reads.flush()
    entries = await made.store.entries(0, 1_000)
    found = [leaf for leaf in map(LEAF.validate_json, entries) if leaf.action == "feed.read"]
    assert [(leaf.actor.agency, leaf.count, leaf.first, leaf.last) for leaf in found] == [
        ("hsi", 3, 1, last),
        ("dea", 1, 1, 1),
    ]
    assert all(leaf.commit and leaf.channel == "http" for leaf in found)
    assert b"o-7" not in b"".join(entries)


async def test_the_coordinators_own_message_can_be_acknowledged(made: House) -> None:
    await made.say(notice("mshp", ["hsi"]))
    async with client(made, "mshp", LIAISON, subject="o-12") as mshp:
        answer = await mshp.post(f"/v1/feed/{await made.last('mshp')}/ack", json={"level": "displayed"})
    assert (answer.status_code, answer.json().get("recipients", [])) == (201, [])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", None),
        (b'{"level": "seen"}', "level"),
        (b'{"officer_id": "O-7"}', "level"),
        (b'{"level": "read", "note": "x"}', "note"),
        (b'{"level": "declined"}', "reason"),
        (b'{"level": "read", "reason": "not_for_us"}', "reason"),
        (b'{"level": "read", "officer_id": "Jane Doe"}', "officer_id"),
    ],
)
async def test_an_acknowledgement_that_cannot_be_read_says_which_field(
    made: House, hsi: httpx.AsyncClient, body: bytes, field: str | None
) -> None:
    await made.say(alert(1))
    answer = await hsi.post("/v1/feed/1/ack", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable")
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "text/plain"}, b'{"level": "read"}', 415),
        ({"Content-Type": "application/json", "Content-Encoding": "gzip"}, b'{"level": "read"}', 415),
        ({"Content-Type": "application/json"}, b'{"level": "read", "level": "accepted"}', 400),
    ],
    ids=["as a form sends it", "compressed", "the same key twice"],
)
async def test_an_acknowledgement_is_read_as_strictly_as_a_message(
    made: House, hsi: httpx.AsyncClient, headers: dict[str, str], body: bytes, status: int
) -> None:
    number = await made.last("hsi")
    answer = await hsi.post(f"/v1/feed/{number}/ack", content=body, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize("number", ["0", "99999", "x", "1.0", "-1", "99999999999999999999"])
async def test_an_unknown_number_is_not_there_to_acknowledge(hsi: httpx.AsyncClient, number: str) -> None:
    answer = await hsi.post(f"/v1/feed/{number}/ack", json={"level": "read"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_decline_has_a_reason(made: House, hsi: httpx.AsyncClient) -> None:
    await made.say(alert(1))
    said = {"level": "declined", "reason": "cannot_act"}
    assert (await hsi.post(f"/v1/feed/{await made.last('hsi')}/ack", json=said)).status_code == 201


async def test_curl_reads_the_feed_and_the_cloudevents_package_its_events(made: House) -> None:
    await made.say(notice("mshp", ["hsi"]), alert(1))
    header = f"Authorization: {made.bearer('hsi')['Authorization']}"
    command = ["curl", "-sS", "--fail", "-H", header, f"{made.address}/v1/feed?limit=1000"]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, timeout=GUARD_S, check=True)
    lines = done.stdout.decode().splitlines()
    assert len(lines) == await made.last("hsi")
    for line in lines:
        event = JSONFormat().read(CloudEvent, json.dumps(json.loads(line)["event"]))
        assert event.get_source() == json.loads(line)["event"]["source"]
        assert event.get_data() == json.loads(line)["event"]["data"]
