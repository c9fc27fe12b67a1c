"""The way in when the broker, a channel or a queue fails under it: nothing lost, nothing stuck, others unaffected."""

import asyncio

import pytest

from coordinator.amqp.inbound import Inbound
from coordinator.amqp.ingress import IngressState
from coordinator.model.work import Fate
from tests.conftest import Vhost
from tests.integration.doors import (
    INGRESS,
    Client,
    RecordingIntake,
    administrator,
    agency,
    close_connections,
    dispatch,
    inbound_of,
    own_account,
    publish,
    publishing,
    receiving,
    until,
)


def state(inbound: Inbound, queue: str) -> IngressState:
    return inbound.status().ingresses[queue].state


async def test_closing_during_acknowledgements_loses_and_repeats_nothing(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client:
        sent = [b"%d" % n for n in range(2_400)]
        await client.send_all("mshp", sent)
        seen: list[bytes] = []
        for turn in range(12):
            intake = RecordingIntake()
            inbound = inbound_of(vhost, intake, agency("mshp", client.user))
            async with receiving(inbound):
                await until(lambda intake=intake, turn=turn: len(intake.received) > turn * 7)  # type: ignore[misc]  # bound now
            assert inbound.status().session.trouble is None  # closed in order, not by the broker
            seen += [each.body for each in intake.received]
            if len(seen) == len(sent):
                break
            await client.send_all("mshp", extra := [b"more %d %d" % (turn, n) for n in range(100)])
            sent += extra
        async with receiving(inbound_of(vhost, rest := RecordingIntake(), agency("mshp", client.user))):
            await until(lambda: len(seen) + len(rest.received) == len(sent))
        assert sorted(seen + [each.body for each in rest.received]) == sorted(sent)


async def test_a_channel_closed_under_a_slow_commit_costs_repeats_only(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp", "dps") as client:
        committing, commit = asyncio.Event(), asyncio.Event()

        async def slowly(_: object) -> None:
            committing.set()
            await commit.wait()

        intake = RecordingIntake(before=slowly)
        inbound = inbound_of(
            vhost, intake, agency("mshp", client.user), agency("dps", client.user), url=await own_account(vhost)
        )
        async with receiving(inbound):
            await client.send_all("mshp", [b"%d" % n for n in range(40)])
            await committing.wait()
            await close_connections(vhost)
            await until(lambda: inbound.status().session.generation == 2)
            await until(lambda: inbound.status().ready)
            commit.set()
            await until(lambda: intake.bodies == {b"%d" % n for n in range(40)})
            await client.until_depth("router.in.mshp", 0)
            await client.send("dps", b"next")
            await until(lambda: b"next" in intake.bodies)
            assert inbound.status().session.generation == 2  # no tag of the old channel was acknowledged on the new one
        assert await client.depth("router.in.mshp") == await client.depth("router.dead") == 0


async def test_all_connections_closed_five_times_under_load(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp", "dps") as client:
        sent = [b"%d" % n for n in range(10_000)]
        intake = RecordingIntake()
        inbound = inbound_of(
            vhost, intake, agency("mshp", client.user), agency("dps", client.user), url=await own_account(vhost)
        )
        async with receiving(inbound):
            sending = asyncio.gather(client.send_all("mshp", sent[::2]), client.send_all("dps", sent[1::2]))
            for turn in range(1, 6):
                await until(lambda turn=turn: len(intake.bodies) >= turn * 1_000)  # type: ignore[misc]  # bound now
                await close_connections(vhost)
                await until(lambda turn=turn: inbound.status().session.generation > turn)  # type: ignore[misc]  # bound now
            await sending
            await until(lambda: len(intake.bodies) == len(sent))
            await until(lambda: inbound.status().ready)
        assert await client.depth("router.in.mshp") == await client.depth("router.in.dps") == 0
        assert await client.depth("router.dead") == 0


async def test_a_queue_deleted_under_its_consumer_is_told_and_others_go_on(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp", "dps") as client:
        intake = RecordingIntake()
        inbound = inbound_of(vhost, intake, agency("mshp", client.user), agency("dps", client.user))
        async with receiving(inbound):
            await until(lambda: inbound.status().ready)
            await client.channel.queue_delete("router.in.mshp")
            await until(lambda: "topology apply" in (inbound.status().ingresses["router.in.mshp"].trouble or ""))
            assert not inbound.status().ready
            assert state(inbound, "router.in.dps") is IngressState.CONSUMING
            await client.send("dps", b"other")
            await until(lambda: b"other" in intake.bodies)
            await client.declare_ingress("mshp")
            await until(lambda: inbound.status().ready)
            await client.send("mshp", b"again")
            await until(lambda: b"again" in intake.bodies)
            assert inbound.status().session.generation == 1
            assert inbound.status().ingresses["router.in.dps"].opened == 1
            assert inbound.status().ingresses["router.in.mshp"].opened < 20  # no endless loop


async def test_a_queue_redeclared_at_once_with_other_arguments_is_consumed_as_it_is_now(vhost: Vhost) -> None:
    """The broker moves the consumer to the new queue in silence, and then delivers nothing to it."""
    async with administrator(vhost, "mshp") as client:
        intake = RecordingIntake()
        inbound = inbound_of(vhost, intake, agency("mshp", client.user), renew_s=1.0)
        async with receiving(inbound):
            await until(lambda: inbound.status().ready)
            await client.channel.queue_delete("router.in.mshp")
            await client.declare_ingress("mshp", INGRESS | {"x-delivery-limit": 33, "x-max-length": 100})
            await client.send("mshp", b"again")
            await until(lambda: b"again" in intake.bodies)
            assert inbound.status().session.generation == 1
            assert inbound.status().ingresses["router.in.mshp"].opened < 20


async def test_a_missing_queue_at_the_start_does_not_keep_the_others_from_work(vhost: Vhost) -> None:
    async with administrator(vhost, "dps") as client:
        intake = RecordingIntake()
        inbound = inbound_of(vhost, intake, agency("mshp", client.user), agency("dps", client.user))
        async with receiving(inbound):
            await client.send("dps", b"there")
            await until(lambda: b"there" in intake.bodies)
            assert not inbound.status().ready
            await client.declare("mshp")
            await until(lambda: inbound.status().ready)


async def test_an_acknowledgement_that_comes_too_late_costs_a_repeat_only(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client:
        late, commit = asyncio.Event(), asyncio.Event()

        async def slowly(_: object) -> None:
            late.set()
            await commit.wait()

        intake = RecordingIntake(before=slowly)
        inbound = inbound_of(vhost, intake, agency("mshp", client.user))
        await vhost.node.ctl("eval", "application:set_env(rabbit, consumer_timeout, 200).")
        await vhost.node.ctl("eval", "application:set_env(rabbit, channel_tick_interval, 100).")
        try:
            async with receiving(inbound):
                await client.send("mshp", b"slow")
                await late.wait()
                await until(lambda: "timed out" in (inbound.status().ingresses["router.in.mshp"].trouble or ""))
                commit.set()
                await until(lambda: len(intake.received) >= 2)
                await client.until_depth("router.in.mshp", 0)
                assert inbound.status().session.generation == 1
        finally:
            await vhost.node.ctl("eval", "application:set_env(rabbit, consumer_timeout, 1800000).")
            await vhost.node.ctl("eval", "application:set_env(rabbit, channel_tick_interval, 60000).")
        assert intake.bodies == {b"slow"}


async def test_a_frozen_broker_comes_back_and_both_doors_with_it(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client, publishing(vhost.url, heartbeat_s=2, timeout_s=20) as publisher:
        intake = RecordingIntake()
        inbound = inbound_of(vhost, intake, agency("mshp", client.user), heartbeat_s=2)
        async with receiving(inbound):
            await until(lambda: inbound.status().ready)
            await asyncio.wait_for(publisher.ready(), 30)
            await vhost.node.suspend()
            try:
                assert set(await publish(publisher, *map(dispatch, range(20)))) == {Fate.UNKNOWN}
                await until(lambda: not inbound.status().ready)
            finally:
                await vhost.node.resume()
            assert set(await publish(publisher, *map(dispatch, range(20)))) == {Fate.CONFIRMED}
            await until(lambda: inbound.status().ready)
            await client.send("mshp", b"after")
            await until(lambda: b"after" in intake.bodies)
            assert inbound.status().session.generation == publisher.status().session.generation == 2


async def test_a_killed_broker_comes_back_with_everything_it_had_confirmed(vhost: Vhost) -> None:
    sent = [b"%d" % n for n in range(1_000)]
    async with publishing(vhost.url, timeout_s=30) as publisher:
        async with administrator(vhost, "mshp") as client:
            await client.send_all("mshp", sent)
        gate = asyncio.Event()
        intake = RecordingIntake(before=lambda _: gate.wait())
        inbound = inbound_of(vhost, intake, agency("mshp", client.user))
        async with receiving(inbound):
            await until(lambda: inbound.status().in_batch > 0)
            await vhost.node.kill()
            try:
                await until(lambda: not inbound.status().ready)
                paying = asyncio.create_task(publish(publisher, *map(dispatch, range(20))))
                gate.set()
            finally:
                await vhost.node.start()
            await until(lambda: intake.bodies == set(sent))
            assert set(await paying) == {Fate.CONFIRMED}
        async with await Client.connect(vhost.url) as later:
            assert await later.depth("router.in.mshp") == await later.depth("router.dead") == 0
            assert await later.depth("out.mshp") == 20


async def test_an_alarm_keeps_the_way_in_from_nothing(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client:
        await client.send_all("mshp", [b"%d" % n for n in range(300)])
        intake = RecordingIntake()
        await vhost.node.ctl("set_vm_memory_high_watermark", "0")
        try:
            async with receiving(inbound_of(vhost, intake, agency("mshp", client.user))):
                await until(lambda: len(intake.received) == 300)
        finally:
            await vhost.node.ctl("set_vm_memory_high_watermark", "absolute", "1GB")
        assert await client.depth("router.in.mshp") == 0


async def test_an_error_that_is_neither_the_brokers_nor_the_stores_ends_the_way_in_loudly(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client:

        async def broken(_: object) -> None:
            raise ZeroDivisionError

        await client.send("mshp", b"kept")
        inbound = inbound_of(vhost, RecordingIntake(before=broken), agency("mshp", client.user))
        with pytest.raises(ExceptionGroup) as raised:
            await asyncio.wait_for(inbound.run(), 30)
        assert raised.group_contains(ZeroDivisionError)
        await client.until_depth("router.in.mshp", 1)


async def test_the_way_in_stops_while_there_is_no_broker() -> None:
    class Nowhere:
        url = "amqp://mshp:secret@127.0.0.1:9/v"

    inbound = inbound_of(Nowhere(), RecordingIntake(), agency("mshp", "mshp"))  # type: ignore[arg-type]  # only its address is used
    async with receiving(inbound):
        await until(lambda: "no broker" in (inbound.status().session.trouble or ""))
