"""The whole service in one process, over a real broker: what agencies publish, receive and never see."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from coordinator.bootstrap import Service, running
from coordinator.journal.findings import Verdict, verdict
from coordinator.journal.verify import verify_directory
from coordinator.model.work import Submission
from tests import kit
from tests.conftest import Vhost
from tests.installation import Installation, Partner, install
from tests.integration import traffic
from tests.kit import Json


@pytest.fixture
async def installation(tmp_path: Path, vhost: Vhost) -> Installation:
    return await install(tmp_path, vhost)


@pytest.fixture
async def service(installation: Installation) -> AsyncIterator[Service]:
    async with running(installation.settings, installation.key) as started:
        await started.intake.receive([_now(each) for each in kit.agreements()])
        await traffic.until(lambda: traffic.paid(started.store))
        yield started


def _now(submission: Submission) -> Submission:
    """The same message as if written now: the service reads a real clock."""
    event = json.loads(submission.body)
    event["time"] = datetime.now(UTC).isoformat()
    return kit.submission(submission.agency, json.dumps(event).encode(), received=datetime.now(UTC))


def plan(to: list[str], **changes: object) -> Json:
    start = datetime.now(UTC) + timedelta(hours=1)
    window = {"start": start.isoformat(), "end": (start + timedelta(hours=2)).isoformat()}
    return kit.plan(to, **{**window, **changes})


def notice(agency: str, to: list[str], **changes: object) -> bytes:
    return _now(kit.submission(agency, kit.body(agency, "operation.notice", plan(to, **changes)))).body


async def until(condition: str, service: Service) -> None:
    """Wait until a condition of readiness holds."""
    async with asyncio.timeout(20):
        while not next(each for each in await service.conditions() if each.name == condition).holds:  # noqa: ASYNC110  # the state is asked for, as an operator does
            await asyncio.sleep(0.05)


def short(types: list[str | None]) -> list[str]:
    return [str(each).removeprefix("gov.mo.coordination.").removesuffix(".v1") for each in types]


async def test_a_notice_goes_from_one_agency_to_another_and_the_receipt_comes_back(
    service: Service, installation: Installation
) -> None:
    del service
    sent = notice("mshp", ["hsi"])
    async with Partner(installation, "mshp") as mshp, Partner(installation, "hsi") as hsi:
        before = len(await _waiting(hsi))
        await mshp.publish(sent)
        (received,) = await hsi.read("out", 1)
        receipt = await mshp.receipt(sent)
    assert before == 0
    assert received.body == sent
    assert received.headers["ce-source"] == "//mshp/cad"
    assert received.headers["ce-id"] == json.loads(sent)["id"]
    assert received.content_type == "application/cloudevents+json"
    assert receipt["type"] == "gov.mo.coordination.message.accepted.v1"


async def _waiting(partner: Partner) -> list[Json]:
    """Empty the agency's `out` queue of what the agreements left in it."""
    found = []
    queue = await partner.channel.get_queue(f"out.{partner.agency}", ensure=False)
    while (message := await queue.get(fail=False)) is not None:
        await message.ack()
        found.append(json.loads(message.body))
    return [each for each in found if each["type"].startswith("gov.mo.coordination.operation")]


async def test_a_conflict_is_told_to_both_on_their_alert_queues(service: Service, installation: Installation) -> None:
    del service
    async with Partner(installation, "mshp") as mshp, Partner(installation, "dea") as dea:
        await mshp.publish(notice("mshp", ["coordinator"]))
        await dea.publish(notice("dea", ["coordinator"]))
        ((ours,), (theirs,)) = [await each.read("alert", 1) for each in (mshp, dea)]
    pointers = [json.loads(each.body)["data"]["pointer"] for each in (ours, theirs)]
    assert pointers[0]["conflict_id"] == pointers[1]["conflict_id"]
    assert [pointer["other"]["agency"] for pointer in pointers] == ["dea", "mshp"]


async def test_an_alert_does_not_wait_behind_notices(service: Service, installation: Installation) -> None:
    del service
    async with Partner(installation, "mshp") as mshp, Partner(installation, "hsi") as hsi:
        await mshp.publish(*(notice("mshp", ["hsi"], area=_apart(number)) for number in range(300)))
        await mshp.publish(notice("mshp", ["hsi"]))
        await hsi.publish(notice("hsi", ["coordinator"]))
        (alert,) = await hsi.read("alert", 1)
    assert short([alert.type]) == ["deconfliction.alert"]


def _apart(number: int) -> Json:
    """Places that are kilometres from each other, along the west of the state."""
    place = [-94.5 + 0.05 * (number % 20), 36.7 + 0.05 * (number // 20)]
    return {"type": "Point", "coordinates": place, "radius_m": 50}


async def test_what_is_published_verifies_after_a_graceful_stop(installation: Installation) -> None:
    async with running(installation.settings, installation.key) as service:
        await service.intake.receive([_now(each) for each in kit.agreements()])
        async with Partner(installation, "mshp") as mshp:
            await mshp.publish(*(notice("mshp", ["hsi", "dea"], area=_apart(number)) for number in range(50)))
            async with asyncio.timeout(20):
                while (await service.store.last_sequences()).get("dea", 0) < 50:  # noqa: ASYNC110  # the store is asked
                    await asyncio.sleep(0.05)
        size = await service.store.size()
    folder = installation.settings.journal.publish_dir

    def read(path: str) -> bytes | None:
        file = folder / path
        return file.read_bytes() if file.is_file() else None

    finding = verify_directory(read, installation.key.verifier, None)
    assert verdict(finding) is Verdict.TRUE, finding
    assert finding.size > size  # type: ignore[union-attr]  # a true finding has one: the stop itself is in it


async def test_health_says_what_is_wrong(service: Service, installation: Installation) -> None:
    await until("consumers", service)
    await until("publisher", service)
    await until("relay", service)
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{service.address}/healthz") as alive:
            assert alive.status == 200
        async with session.get(f"{service.address}/readyz") as ready:
            assert ready.status == 200, await ready.text()
        await installation.vhost.manage("DELETE", f"queues/{installation.vhost.name}/router.in.dea")
        async with asyncio.timeout(20):
            while True:
                async with session.get(f"{service.address}/readyz") as ready:
                    said = await ready.json()
                    if ready.status == 503:
                        break
                await asyncio.sleep(0.05)
        assert "router.in.dea" in said["conditions"]["consumers"]


async def test_a_queue_that_is_missing_at_first_holds_nobody_up_and_gets_everything_in_the_end(
    service: Service, installation: Installation
) -> None:
    del service
    name = installation.vhost.name
    await installation.vhost.manage("DELETE", f"queues/{name}/out.dea")
    async with Partner(installation, "mshp") as mshp, Partner(installation, "hsi") as hsi:
        await _waiting(hsi)
        sent = [notice("mshp", ["dea", "hsi"]) for _ in range(5)]
        await mshp.publish(*sent)
        received = await hsi.read("out", 5)
        assert [each.body for each in received] == sent
        arguments = {"x-queue-type": "quorum"}
        await installation.vhost.manage("PUT", f"queues/{name}/out.dea", {"durable": True, "arguments": arguments})
        async with Partner(installation, "dea") as dea:
            bodies: list[bytes] = []
            async with asyncio.timeout(30):
                while not set(sent) <= set(bodies):
                    bodies += [each.body for each in await dea.read("out", 1)]


async def test_a_start_is_refused_with_the_operators_words_when_the_broker_is_not_as_it_must_be(
    installation: Installation,
) -> None:
    await installation.vhost.manage("DELETE", f"queues/{installation.vhost.name}/router.in.dea")
    with pytest.raises(Exception, match=r"router\.in\.dea"):
        async with running(installation.settings, installation.key):
            pass


async def test_every_agency_hears_a_heartbeat_with_its_last_sequence(
    service: Service, installation: Installation
) -> None:
    await until("publisher", service)
    await service.watch.beat()
    last = (await service.store.last_sequences())["usms"]
    async with Partner(installation, "usms") as usms:
        queue = await usms.channel.get_queue("out.usms", ensure=False)
        async with asyncio.timeout(20):
            while True:
                message = await queue.get(fail=False)
                if message is not None and short([message.type]) == ["service.heartbeat"]:
                    break
                await asyncio.sleep(0)
    assert json.loads(message.body)["data"]["last_sequence"] <= last
    assert "x-sequence" not in message.headers
    assert message.expiration is not None
