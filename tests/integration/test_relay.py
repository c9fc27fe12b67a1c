"""The relay over a real broker and a real store: queues in trouble, lost ground, order, and what its leaves say."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from coordinator.bootstrap import Service, running
from coordinator.chores import released
from coordinator.model.errors import StoreUnavailableError
from coordinator.model.plan import Ask
from coordinator.model.work import Lease, Leased
from coordinator.relay import POLL_S
from coordinator.store.asking import parked
from tests.conftest import Vhost
from tests.installation import Installation, Partner, install
from tests.integration.relaying import limit, parked_ids, relaying, remove, restore, suspension
from tests.integration.traffic import (
    agreements,
    apart,
    dispatch_of,
    id_of,
    leaves,
    notice,
    paid,
    short,
    states,
    times,
    until,
)


@pytest.fixture
async def installation(tmp_path: Path, vhost: Vhost) -> Installation:
    return await install(tmp_path, vhost)


@pytest.fixture
async def service(installation: Installation) -> AsyncIterator[Service]:
    async with relaying(installation) as started:
        yield started


async def test_what_finds_no_queue_is_tried_again_under_its_id_then_parked_and_goes_when_released(
    service: Service, installation: Installation
) -> None:
    await remove(installation, "out.dea")
    sent = notice("mshp", ["dea", "hsi"])
    async with Partner(installation, "mshp") as mshp:
        await mshp.publish(sent)
    first = await dispatch_of(service.store, "dea", id_of(sent))
    await until(lambda: parked_ids(service))
    (stuck,) = await service.store.reading(lambda db: parked(db, 100))
    assert (stuck.id, stuck.sequence, stuck.body) == (first.id, first.sequence, sent)
    for action in ("relay.returned", "relay.parked"):
        assert await times(service.store, action) == {first.id: 1}
    assert (await states(service.store))[(await dispatch_of(service.store, "hsi", id_of(sent))).id] == "confirmed"

    await restore(installation, "out.dea")
    await service.intake.chore(Ask(), released([first.id]))
    async with Partner(installation, "dea") as dea:
        (received,) = await dea.read("out", 1)
    assert (received.message_id, received.body) == (first.id, sent)
    await until(lambda: paid(service.store))
    assert (await times(service.store, "relay.settled"))[first.id] == 1
    assert await times(service.store, "relay.released") == {first.id: 1}


async def test_a_full_queue_holds_up_its_own_agency_alone(service: Service, installation: Installation) -> None:
    service.relay.park_after = 1_000
    await limit(installation, "out.dea", 1)
    sent = [notice("mshp", ["dea", "hsi"], area=apart(number)) for number in range(12)]
    async with Partner(installation, "mshp") as mshp, Partner(installation, "hsi") as hsi:
        await hsi.read("out", len(await service.store.feed("hsi", 0, 1_000)))
        for each in sent:
            await mshp.publish(each)
            (received,) = await hsi.read("out", 1)
            assert received.body == each
    await until(lambda: times(service.store, "relay.refused"))
    refused = await times(service.store, "relay.refused")
    assert set(refused.values()) == {1}
    assert refused.keys() <= {each.id for each in await service.store.feed("dea", 0, 1_000)}

    await limit(installation, "out.dea", None)
    async with Partner(installation, "dea") as dea:
        bodies: list[bytes] = []
        while not set(sent) <= set(bodies):
            bodies += [each.body for each in await dea.read("out", 1)]
    await until(lambda: paid(service.store))
    assert set((await states(service.store)).values()) == {"confirmed"}


async def test_what_loses_its_ground_before_it_is_delivered_goes_as_a_stub_under_its_number(
    service: Service, installation: Installation
) -> None:
    service.relay.park_after = 1_000
    await remove(installation, "out.dea")
    sent = notice("mshp", ["dea"])
    async with Partner(installation, "mshp") as mshp:
        await mshp.publish(sent)
        owed = await dispatch_of(service.store, "dea", id_of(sent))
        await until(lambda: times(service.store, "relay.returned"))
        await mshp.publish(suspension(service, "mshp"))
        await until(lambda: times(service.store, "feed.withdrawn"))
        await restore(installation, "out.dea")
        async with Partner(installation, "dea") as dea:
            (received,) = await dea.read("out", 1)
        told = [await mshp.read("out", 1)]
        while short(told[-1][0].type) != "feed.withdrawn":
            told.append(await mshp.read("out", 1))
    assert short(received.type) == "feed.withdrawn"
    assert received.headers["x-sequence"] == owed.sequence
    assert received.message_id == owed.id
    assert json.loads(received.body)["data"]["target"] == {"agency": "mshp", "id": id_of(sent)}
    assert json.loads(told[-1][0].body)["data"]["recipient"] == "dea"
    await until(lambda: paid(service.store))
    feed = await service.store.feed("dea", 0, 1_000)
    assert [each.sequence for each in feed] == list(range(1, len(feed) + 1))
    assert sent not in [each.body for each in feed]


async def test_each_queue_gets_its_messages_in_the_order_of_its_feed(
    service: Service, installation: Installation
) -> None:
    sent = [notice("mshp", ["dea", "hsi"], area=apart(number)) for number in range(120)]
    async with Partner(installation, "mshp") as mshp, Partner(installation, "dea") as dea:
        before = len(await service.store.feed("dea", 0, 1_000))
        await mshp.publish(*sent)
        received = await dea.read("out", before + len(sent))
    sequences = [each.headers["x-sequence"] for each in received]
    assert sequences == list(range(1, before + len(sent) + 1))
    assert [each.body for each in received][before:] == sent


async def test_what_was_just_committed_goes_without_a_look_into_the_store(
    service: Service, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = [notice("mshp", ["hsi"], area=apart(number)) for number in range(20)]
    asked, look, again = asyncio.Event(), service.store.lease, asyncio.Event()

    async def slow(lease: Lease) -> Leased:
        asked.set()
        await again.wait()
        return await look(lease)

    async with Partner(installation, "mshp") as mshp, Partner(installation, "hsi") as hsi:
        await mshp.publish(sent[0])
        await until(lambda: paid(service.store))
        await asyncio.sleep(2 * POLL_S)  # a look that finds nothing more: the line is level
        monkeypatch.setattr(service.store, "lease", slow)
        await asked.wait()
        await mshp.publish(*sent[1:])
        found: list[bytes] = []
        while not set(sent) <= set(found):
            found += [each.body for each in await hsi.read("out", 1)]
        assert [each for each in found if each in sent] == sent
        again.set()
    await until(lambda: paid(service.store))


async def test_a_lost_wake_up_costs_a_poll_and_nothing_else(service: Service, installation: Installation) -> None:
    service.intake.on_commit = ()
    sent = notice("mshp", ["hsi"])
    async with Partner(installation, "mshp") as mshp, Partner(installation, "hsi") as hsi:
        await mshp.publish(sent)
        receipt = await mshp.receipt(sent)
        while (await hsi.read("out", 1))[0].body != sent:
            pass
    assert short(receipt["type"]) == "message.accepted"


async def test_a_message_that_comes_again_is_answered_with_its_first_receipt_and_told_to_nobody(
    service: Service, installation: Installation
) -> None:
    sent = notice("mshp", ["hsi"])
    async with Partner(installation, "mshp") as mshp:
        await mshp.publish(sent)
        await until(lambda: dispatch_of(service.store, "hsi", id_of(sent)))
        await until(lambda: paid(service.store))
        before = await service.store.last_sequences()
        await mshp.publish(sent, sent)
        await until(lambda: seen(service, "message.duplicate", 2))
        await until(lambda: paid(service.store))
        found = await mshp.read("out", before["mshp"] + 1)
    answers = [each for each in found if json.loads(each.body)["data"].get("target", {}).get("id") == id_of(sent)]
    assert len(answers) >= 2
    assert len({(each.message_id, each.body, each.headers["x-sequence"]) for each in answers}) == 1
    assert await service.store.last_sequences() == before


async def seen(service: Service, action: str, count: int) -> bool:
    return sum(leaf.action == action for leaf in await leaves(service.store)) >= count


async def test_every_delivery_ends_confirmed_and_is_settled_once_though_connections_are_cut(
    service: Service, installation: Installation
) -> None:
    sent = [notice("mshp", ["dea", "hsi", "usms"], area=apart(number)) for number in range(150)]
    async with Partner(installation, "mshp") as mshp:
        await mshp.publish(*sent[:50])
        for start in (50, 100):
            await installation.vhost.manage("DELETE", "connections/username/coordinator")
            await mshp.publish(*sent[start : start + 50])
        await dispatch_of(service.store, "usms", id_of(sent[-1]))
    await until(lambda: paid(service.store))
    # A message whose acknowledgement was cut off came again, and its receipt is owed again, perhaps only now.
    again = {each for leaf in await leaves(service.store) for each in getattr(leaf, "again", ())}
    ended = {each: state for each, state in (await states(service.store)).items() if each not in again}
    settled = await times(service.store, "relay.settled")
    assert set(ended.values()) == {"confirmed"}
    assert {each: settled[each] for each in ended} == dict.fromkeys(ended, 1)


async def test_a_settlement_that_the_store_could_not_take_is_entered_once(
    service: Service, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    chore, failures = service.intake.chore, iter([True, True])

    async def unavailable_twice(*work: object) -> None:
        if next(failures, False):
            msg = "the disk is full"
            raise StoreUnavailableError(msg)
        await chore(*work)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(type(service.intake), "chore", lambda _self, *work: unavailable_twice(*work))
    sent = notice("mshp", ["hsi"])
    async with Partner(installation, "mshp") as mshp:
        await mshp.publish(sent)
    owed = await dispatch_of(service.store, "hsi", id_of(sent))
    await until(lambda: paid(service.store))
    assert (await times(service.store, "relay.settled"))[owed.id] == 1


async def test_what_one_process_left_owed_the_next_one_delivers_at_once(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(installation.settings, installation.key) as first:
        await first.intake.receive(agreements())
        await until(lambda: paid(first.store))
        await remove(installation, "out.dea")
        sent = notice("mshp", ["dea"])
        async with Partner(installation, "mshp") as mshp:
            await mshp.publish(sent)
        owed = await dispatch_of(first.store, "dea", id_of(sent))
        await until(lambda: times(first.store, "relay.returned"))
    await restore(installation, "out.dea")
    monkeypatch.setattr(os, "getpid", lambda: 999_999)
    async with running(installation.settings, installation.key) as second, Partner(installation, "dea") as dea:
        # Well within the lease that the first one had: nobody else may serve this store, so nobody is waited for.
        async with asyncio.timeout(8):
            while (received := (await dea.read("out", 1))[0]).message_id != owed.id:
                pass
        assert received.body == sent
        await until(lambda: paid(second.store))
