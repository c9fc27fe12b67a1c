"""What every Publisher promises, whatever it publishes with: `ports.Publisher`."""

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson
import pytest

from coordinator.amqp.outbound import AmqpPublisher
from coordinator.amqp.session import Session
from coordinator.model.codes import Lane
from coordinator.model.work import Dispatch, Fate
from coordinator.ports import Publisher
from tests.conftest import Vhost
from tests.integration.doors import GUARD_S, administrator, close_connections, dispatch, own_account

RECIPIENTS = ("dps", "mshp", "hsi")


@dataclass(frozen=True, slots=True)
class Subject:
    """A publisher under test, its recipients' queues, and how its line is cut."""

    publisher: Publisher
    arrived: Callable[[str, Lane, int | bytes], Awaitable[Sequence[tuple[str, bytes]]]]
    """Takes messages from a recipient's queue, that many or until one has that body: dispatch id and body, in order."""
    cut: Callable[[], Awaitable[None]]


@pytest.fixture
async def subject(vhost: Vhost) -> AsyncIterator[Subject]:
    async with amqp(vhost) as one:
        yield one


@asynccontextmanager
async def amqp(vhost: Vhost) -> AsyncIterator[Subject]:
    """The publisher of the service, on a real RabbitMQ."""
    async with administrator(vhost, *RECIPIENTS) as client:

        async def arrived(recipient: str, lane: Lane, end: int | bytes) -> list[tuple[str, bytes]]:
            messages = await client.consume(f"{lane.value}.{recipient}", end)
            return [(str(message.message_id), message.body) for message in messages]

        publisher = AmqpPublisher(Session(await own_account(vhost), "test"))
        running = asyncio.create_task(publisher.run())
        yield Subject(publisher, arrived, lambda: close_connections(vhost))
        await publisher.stop()
        await asyncio.wait_for(running, GUARD_S)


async def publish(subject: Subject, *dispatches: Dispatch) -> list[Fate]:
    return list(await asyncio.wait_for(subject.publisher.publish(dispatches), GUARD_S))


async def test_nothing_to_publish_has_no_outcome(subject: Subject) -> None:
    assert await publish(subject) == []


async def test_what_is_confirmed_is_in_the_recipients_queue_byte_for_byte(subject: Subject) -> None:
    body = b'{"specversion": "1.0",\n\t"data": "\xc3\xa9"}  '
    assert await publish(subject, dispatch(1, "mshp", body=body)) == [Fate.CONFIRMED]
    assert await subject.arrived("mshp", Lane.OUT, 1) == [(dispatch(1).id, body)]


async def test_what_is_posted_is_told_once_with_every_outcome_in_the_order_given(subject: Subject) -> None:
    told: asyncio.Queue[Sequence[Fate]] = asyncio.Queue()
    subject.publisher.post([dispatch(1, "mshp"), dispatch(2, "nobody"), dispatch(3, "dps")], told.put_nowait)
    subject.publisher.post([], told.put_nowait)
    assert await asyncio.wait_for(told.get(), GUARD_S) == []
    assert await asyncio.wait_for(told.get(), GUARD_S) == [Fate.CONFIRMED, Fate.RETURNED, Fate.CONFIRMED]
    assert await publish(subject, dispatch(4, "mshp")) == [Fate.CONFIRMED]
    assert told.empty()


async def test_each_lane_has_its_own_queue(subject: Subject) -> None:
    fates = await publish(subject, dispatch(1, "mshp", Lane.OUT), dispatch(2, "mshp", Lane.ALERT))
    assert fates == [Fate.CONFIRMED, Fate.CONFIRMED]
    assert await subject.arrived("mshp", Lane.ALERT, 1) == [(dispatch(2).id, b"{}")]
    assert await subject.arrived("mshp", Lane.OUT, 1) == [(dispatch(1).id, b"{}")]


async def test_each_recipients_messages_arrive_in_the_order_given(subject: Subject) -> None:
    sent = [dispatch(n, RECIPIENTS[n % 3], body=b"%d" % n) for n in range(1_500)]
    assert set(await publish(subject, *sent)) == {Fate.CONFIRMED}
    for index, recipient in enumerate(RECIPIENTS):
        arrived = await subject.arrived(recipient, Lane.OUT, 500)
        assert [body for _, body in arrived] == [b"%d" % n for n in range(index, 1_500, 3)]


async def test_a_missing_recipient_changes_nobody_elses_outcome(subject: Subject) -> None:
    sent = [dispatch(n, "nobody" if n % 3 == 1 else "mshp") for n in range(30)]
    fates = await publish(subject, *sent)
    assert fates == [Fate.RETURNED if n % 3 == 1 else Fate.CONFIRMED for n in range(30)]
    assert len(await subject.arrived("mshp", Lane.OUT, 20)) == 20


async def test_what_cannot_be_sent_at_all_is_refused_and_its_neighbours_go(subject: Subject) -> None:
    giant = dispatch(2, "mshp", jws="x" * 200 * 1024)
    huge = dispatch(3, "mshp", body=b"x" * 1024 * 1024)
    long = dispatch(4, "mshp")._replace(correlation="c" * 300)
    fates = await publish(subject, dispatch(1, "mshp"), giant, huge, long, dispatch(5, "mshp"))
    assert fates == [Fate.CONFIRMED, Fate.UNSENDABLE, Fate.UNSENDABLE, Fate.UNSENDABLE, Fate.CONFIRMED]


async def test_many_callers_at_once_each_get_their_own_outcomes(subject: Subject) -> None:
    numbers = itertools.count()

    async def call(recipient: str, fate: Fate) -> None:
        sent = [dispatch(next(numbers), recipient) for _ in range(7)]
        assert await publish(subject, *sent) == [fate] * 7

    pairs = [("mshp", Fate.CONFIRMED), ("nobody", Fate.RETURNED), ("dps", Fate.CONFIRMED)] * 20
    await asyncio.gather(*(call(recipient, fate) for recipient, fate in pairs))


async def test_a_line_cut_again_and_again_loses_nothing_that_is_sent_until_confirmed(subject: Subject) -> None:
    sent = [dispatch(n, "mshp", body=b"%d" % n) for n in range(3_000)]
    owed = {each.id: each for each in sent}
    cuts = 0
    while owed:
        part = list(owed.values())[:600]
        paying = asyncio.create_task(publish(subject, *part))
        if cuts < 5:
            await asyncio.sleep(0)
            await subject.cut()
            cuts += 1
        for each, fate in zip(part, await paying, strict=True):
            assert fate in {Fate.CONFIRMED, Fate.UNKNOWN}
            if fate is Fate.CONFIRMED:
                del owed[each.id]
    await publish(subject, dispatch(9_999, "mshp", body=b"last"))
    arrived = {body for _, body in await subject.arrived("mshp", Lane.OUT, b"last")}
    assert arrived == {b"last", *(each.body for each in sent)}


async def test_ready_returns_once_there_is_a_connection(subject: Subject) -> None:
    await asyncio.wait_for(subject.publisher.ready(), GUARD_S)
    await subject.cut()
    await asyncio.wait_for(subject.publisher.ready(), GUARD_S)


async def test_a_heartbeat_is_confirmed_or_returned_like_any_other(subject: Subject) -> None:
    event = {"id": str(uuid.UUID(int=7)), "type": "t", "source": "//coordinator/mo", "time": "2026-11-27T18:00:00Z"}
    body = orjson.dumps(event)
    assert await subject.publisher.beat("mshp", body) is Fate.CONFIRMED
    assert await subject.publisher.beat("nobody", body) is Fate.RETURNED
    assert [beat for _, beat in await subject.arrived("mshp", Lane.OUT, 1)] == [body]
