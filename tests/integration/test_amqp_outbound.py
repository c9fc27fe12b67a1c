"""The way out on a real broker: what recipients see, and every outcome when the broker or a queue is in trouble."""

import asyncio

import pytest
from aiormq.channel import Channel

from coordinator.amqp.frames import Publish
from coordinator.amqp.window import LOST_S, Pending, Window
from coordinator.model.codes import Lane
from coordinator.model.errors import ConfigurationError
from coordinator.model.work import Fate
from tests.conftest import Vhost
from tests.integration.doors import (
    GUARD_S,
    administrator,
    close_connections,
    dispatch,
    own_account,
    publish,
    publishing,
    resume,
    suspend,
    until,
)


async def test_recipients_see_every_property_of_the_contract(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client, publishing(vhost.url) as publisher:
        sent = dispatch(7, correlation="01997ac4-9f60-7c2e-8d6d-000000000000", jws="eyJhbGciOiJFZERTQSJ9..c2ln")
        await publish(publisher, sent)
        (message,) = await client.consume("out.mshp", 1)
    assert message.message_id == sent.id
    assert message.correlation_id == sent.correlation
    assert message.type == sent.type
    assert message.content_type == "application/cloudevents+json"
    assert message.delivery_mode == 2
    assert message.expiration is None
    assert message.reply_to is None
    assert message.headers == {
        "ce-id": sent.event_id,
        "ce-source": "//dps/watch",
        "x-sequence": 7,
        "x-recorded-time": "2026-11-27T18:00:00.000000Z",
        "x-jws": sent.jws,
    }


async def test_heartbeats_expire_and_have_no_sequence(vhost: Vhost) -> None:
    body = b'{"id": "01997ac4-9f60-7c2e-8d6b-000000000001", "type": "t", "source": "s", "time": "2026-11-27T18:00:00Z"}'
    async with administrator(vhost, "mshp", "dps") as client, publishing(vhost.url) as publisher:
        assert await publisher.beat("mshp", body) is await publisher.beat("dps", body) is Fate.CONFIRMED
        (beat,) = await client.consume("out.mshp", 1)
        (other,) = await client.consume("out.dps", 1)
    assert beat.expiration == 120
    assert "x-sequence" not in beat.headers
    assert beat.message_id != other.message_id


async def test_seven_copies_with_one_missing_queue_lose_only_that_one(vhost: Vhost) -> None:
    recipients = ["dps", "mshp", "nobody", "hsi", "fbi", "atf", "dea"]
    async with (
        administrator(vhost, *(each for each in recipients if each != "nobody")),
        publishing(vhost.url) as publisher,
    ):
        copies = [dispatch(n, recipient, event_id="one") for n, recipient in enumerate(recipients)]
        fates = await asyncio.gather(*(publisher.publish([each]) for each in copies))
        assert [fate for (fate,) in fates] == [
            Fate.RETURNED if each == "nobody" else Fate.CONFIRMED for each in recipients
        ]


async def test_one_id_for_two_queues_is_never_reported_wrong(vhost: Vhost) -> None:
    """A returned message is known by its id alone: under one id, the lost copy would pass for the delivered one."""
    async with administrator(vhost, "dps", "mshp") as client, publishing(vhost.url) as publisher:
        copies = [dispatch(1, recipient) for recipient in ("dps", "nobody", "mshp")]
        assert await publish(publisher, *copies) == [Fate.CONFIRMED, Fate.UNKNOWN, Fate.UNKNOWN]
        assert await publish(publisher, copies[1]) == [Fate.RETURNED]
        assert await publish(publisher, copies[2]) == [Fate.CONFIRMED]
        assert await client.depth("out.mshp") == 1


async def test_a_full_queue_refuses_its_own_and_nobody_elses(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client, publishing(vhost.url) as publisher:
        await client.channel.queue_declare(
            "out.full",
            durable=True,
            arguments={"x-queue-type": "quorum", "x-max-length": 3, "x-overflow": "reject-publish"},
        )
        fates: list[Fate] = []
        for n in range(20):
            fates += await publish(publisher, dispatch(2 * n, "full"), dispatch(2 * n + 1, "mshp"))
        assert set(fates[1::2]) == {Fate.CONFIRMED}
        assert Fate.NACKED in fates[::2]
        assert await client.depth("out.full") == fates[::2].count(Fate.CONFIRMED) < 20


async def test_a_queue_declared_anew_under_the_publisher_stops_nobody_for_long(vhost: Vhost) -> None:
    """A channel of RabbitMQ 3.10 may then confirm nothing any more, for any queue, and say nothing."""
    async with administrator(vhost, "mshp", "dps") as client, publishing(vhost.url, timeout_s=1) as publisher:
        await publisher.ready()

        async def churn() -> None:
            for _ in range(15):
                await client.channel.queue_delete("out.mshp")
                await client.channel.queue_declare("out.mshp", durable=True, arguments={"x-queue-type": "quorum"})

        churning = asyncio.create_task(churn())
        owed = {n: dispatch(n, "dps" if n % 2 else "mshp") for n in range(2_000)}
        async with asyncio.timeout(GUARD_S):
            while owed:
                part = list(owed.values())[:100]
                for each, fate in zip(part, await publisher.publish(part), strict=True):
                    if fate is Fate.CONFIRMED:
                        del owed[each.key]
        await churning
        assert await client.depth("out.dps") >= 1_000


async def test_a_queue_that_does_not_answer_delays_others_once_at_most(vhost: Vhost) -> None:
    """The first publish to it stops its whole channel, and so it would stop the next, and the next."""
    async with administrator(vhost, "mshp", "dps", "hsi") as client, publishing(vhost.url, timeout_s=1) as publisher:
        await suspend(vhost, "out.mshp")
        stuck = dispatch(0)
        others = [dispatch(n, "dps" if n % 2 else "hsi") for n in range(1, 11)]
        assert (await publish(publisher, stuck, *others))[0] is Fate.UNKNOWN
        async with asyncio.timeout(GUARD_S):
            while set(await publisher.publish(others)) != {Fate.CONFIRMED}:
                pass
        generation = publisher.status().session.generation
        for start in range(100, 130, 10):
            retry = asyncio.create_task(publisher.publish([stuck]))
            late = [dispatch(n, "dps" if n % 2 else "hsi") for n in range(start, start + 10)]
            assert set(await publish(publisher, *late)) == {Fate.CONFIRMED}
            assert not retry.done()
            assert await retry == [Fate.UNKNOWN]
        assert publisher.status().session.generation == generation
        assert publisher.status().in_flight == 1
        await resume(vhost, "out.mshp")
        await until(lambda: publisher.status().in_flight == 0)
        assert await publish(publisher, dispatch(200, body=b"last")) == [Fate.CONFIRMED]
        arrived = [each.message_id for each in await client.consume("out.mshp", b"last")]
    assert set(arrived) == {stuck.id, dispatch(200).id}


async def test_alerts_are_written_before_notices_that_wait(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client, publishing(vhost.url, window=4) as publisher:
        notices = [dispatch(n) for n in range(300)]
        paying = asyncio.create_task(publisher.publish(notices))
        await until(lambda: publisher.status().waiting > 200)
        assert await publish(publisher, dispatch(1_000, lane=Lane.ALERT)) == [Fate.CONFIRMED]
        assert not paying.done()
        assert set(await paying) == {Fate.CONFIRMED}
        assert await client.depth("out.mshp") == 300


async def test_a_channel_that_hides_returned_messages_is_refused(vhost: Vhost) -> None:
    async with administrator(vhost) as client:
        blind = await client.connection.channel(on_return_raises=False)
        unconfirmed = await client.connection.channel(publisher_confirms=False)
        for channel in (blind, unconfirmed):
            with pytest.raises(ConfigurationError, match="on_return_raises"):
                Window(await channel.get_underlay_channel(), 1, lambda: None)


async def test_a_silent_broker_is_given_its_time_and_more_after_an_alarm(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client:
        channel = await client.connection.channel(on_return_raises=True)
        window = Window(await channel.get_underlay_channel(), 8, lambda: None)
        loop = asyncio.get_running_loop()
        pending = Pending(Publish.of(dispatch(1)))
        assert window.stuck(loop.time(), 10) is None  # nothing is owed
        await vhost.node.suspend()
        try:
            await window.write([pending])
            now = loop.time()
            assert window.stuck(now + 9, 10) is None
            assert "1 publishes are not answered" in (window.stuck(now + 11, 10) or "")
            assert window.stuck(now + LOST_S + 1, 1_000) is not None
            window.excuse(now + 11)
            assert window.stuck(now + 20, 10) is None
        finally:
            await vhost.node.resume()
        await until(pending.done)
        assert pending.fate() is Fate.CONFIRMED
        assert window.stuck(loop.time() + 100, 10) is None


async def test_an_alarm_leaves_outcomes_unknown_in_a_bounded_window_and_all_arrive_after_it(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client, publishing(vhost.url, window=8, timeout_s=0.3) as publisher:
        await publisher.ready()
        await vhost.node.ctl("set_vm_memory_high_watermark", "0")
        try:
            sent = [dispatch(n, body=b"%d" % n) for n in range(20)]
            assert set(await publish(publisher, *sent)) == {Fate.UNKNOWN}
            assert publisher.status().in_flight == 8  # what was written keeps its place
            assert set(await publish(publisher, *sent)) == {Fate.UNKNOWN}  # and is not written twice
            assert publisher.status().in_flight == 8
            await until(lambda: not publisher.status().ready)
        finally:
            await vhost.node.ctl("set_vm_memory_high_watermark", "absolute", "1GB")
        await asyncio.wait_for(publisher.ready(), GUARD_S)
        await until(lambda: publisher.status().in_flight == 0)
        assert [message.body for message in await client.consume("out.mshp", 8)] == [b"%d" % n for n in range(8)]
        assert set(await publish(publisher, *sent[8:])) == {Fate.CONFIRMED}


async def test_without_the_right_to_publish_the_reason_is_told(vhost: Vhost) -> None:
    nothing = {"configure": "^$", "write": "^$", "read": "^$"}
    url = await vhost.add_account(f"mute-{vhost.name}", "secret", nothing)
    async with administrator(vhost, "mshp"), publishing(url, timeout_s=5) as publisher:
        assert await publish(publisher, dispatch(1)) == [Fate.UNKNOWN]
        await until(lambda: "ACCESS_REFUSED" in (publisher.status().session.trouble or ""))


async def test_what_is_published_while_disconnected_goes_with_the_next_connection(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client, publishing(await own_account(vhost)) as publisher:
        await publisher.ready()
        await close_connections(vhost)
        await until(lambda: not publisher.status().session.connected)
        assert await publish(publisher, dispatch(1), dispatch(2)) == [Fate.CONFIRMED, Fate.CONFIRMED]
        assert await client.depth("out.mshp") == 2


async def test_without_a_broker_outcomes_are_unknown_when_the_time_is_up() -> None:
    async with publishing("amqp://mshp:secret@127.0.0.1:9/v", timeout_s=0.1) as publisher:
        assert await publish(publisher, dispatch(1), dispatch(2)) == [Fate.UNKNOWN, Fate.UNKNOWN]
        assert publisher.status().waiting <= 2
        assert not publisher.status().ready


async def test_stopping_waits_for_what_is_in_flight(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client:
        async with publishing(vhost.url) as publisher:
            await publisher.ready()
            paying = asyncio.create_task(publisher.publish([dispatch(n) for n in range(1_000)]))
            await until(lambda: publisher.status().in_flight > 0)
        assert set(await paying) == {Fate.CONFIRMED}
        assert await client.depth("out.mshp") == 1_000


async def test_a_caller_that_leaves_takes_its_unwritten_messages_along(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client, publishing(vhost.url, window=4) as publisher:
        await publisher.ready()
        paying = asyncio.create_task(publisher.publish([dispatch(n) for n in range(500)]))
        await until(lambda: publisher.status().in_flight > 0)
        paying.cancel()
        await asyncio.wait([paying])
        assert await publish(publisher, dispatch(1_000, lane=Lane.ALERT)) == [Fate.CONFIRMED]
        await until(lambda: publisher.status().in_flight == 0)
        assert await client.depth("out.mshp") < 500


async def test_the_client_still_keeps_its_books_where_the_window_writes_them(vhost: Vhost) -> None:
    """When this fails, aiormq has changed: `Window` must follow, or go back to `basic_publish`."""
    async with administrator(vhost, "mshp") as client:
        channel = client.channel
        assert isinstance(channel, Channel)
        before = channel.delivery_tag
        paying = asyncio.create_task(client.send("mshp", b"{}", message_id="m"))
        while channel.delivery_tag == before:  # noqa: ASYNC110 - it is seen between two turns of the loop
            await asyncio.sleep(0)
        assert isinstance(channel.confirmations[before + 1], asyncio.Future)
        assert channel.message_id_delivery_tag["m"] == before + 1
        await paying
        assert channel.confirmations == {}
        assert channel.message_id_delivery_tag == {}
        assert channel.max_content_size + Channel.CONTENT_FRAME_SIZE == 131_072
