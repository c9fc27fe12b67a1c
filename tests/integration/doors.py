"""Agencies, their queues and an intake that does as told, for the tests of the AMQP doors on a real broker."""

import asyncio
import itertools
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

import aio_pika
from aio_pika.abc import AbstractConnection
from aiormq.abc import AbstractChannel, ChannelFrame
from aiormq.channel import Channel
from pamqp.commands import Basic

from coordinator.amqp.inbound import Inbound
from coordinator.amqp.outbound import AmqpPublisher
from coordinator.amqp.session import Session
from coordinator.amqp.topology import DEAD_LETTERS, egress_queue, ingress_exchange, ingress_queue
from coordinator.model.codes import AgencyKind, Lane, Role
from coordinator.model.directory import Account, Agency, Desk
from coordinator.model.work import Batch, Dispatch, Fate, Prepared, Receipt, Submission, Verdict
from tests.conftest import Vhost

GUARD_S = 30.0
NOW = datetime(2026, 11, 27, 18, tzinfo=UTC)
DESK = Desk("Desk", "+15735550100", "desk@mshp.example")
STRUCTURED = "application/cloudevents+json"
QUORUM = {"x-queue-type": "quorum"}
INGRESS = QUORUM | {
    "x-delivery-limit": 20,
    "x-dead-letter-exchange": DEAD_LETTERS,
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
}


def agency(agency_id: str, *users: str, require_user_id: bool = True) -> Agency:
    """Give an agency that speaks through these users of the broker."""
    accounts = tuple(Account(user, "", ("cad",)) for user in users)
    name, kind, role = agency_id.upper(), AgencyKind.STATE, Role.PATROL
    return Agency(agency_id, name, kind, role, "MOEX00001", DESK, DESK, DESK, frozenset(), accounts, require_user_id)


async def until(holds: Callable[[], bool], guard_s: float = GUARD_S) -> None:
    """Return when it holds; fails after the guard time."""
    async with asyncio.timeout(guard_s):
        while not holds():  # noqa: ASYNC110 - what is asked of is not ours to signal from
            await asyncio.sleep(0.005)


def ticking() -> Callable[[], datetime]:
    """Give a clock that is a second later each time it is read."""
    ticks = itertools.count()
    return lambda: NOW + timedelta(seconds=next(ticks))


@dataclass
class RecordingIntake:
    """Records what the door hands over; answers as `judge` says, after `before`."""

    judge: Callable[[Submission], Verdict] = lambda _: Verdict.ACCEPTED
    before: Callable[[Sequence[Submission]], Awaitable[object]] | None = None
    batches: list[list[Submission]] = field(default_factory=list)
    quarantined: list[tuple[Submission, str]] = field(default_factory=list)
    leisure: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.leisure.set()

    @property
    def received(self) -> list[Submission]:
        """Everything, in order, repeats too."""
        return [submission for batch in self.batches for submission in batch]

    @property
    def bodies(self) -> set[bytes]:
        """Every body at least once."""
        return {submission.body for submission in self.received}

    def prepare(self, submission: Submission) -> Prepared:
        """Judge nothing yet."""
        return Prepared(submission)

    async def record(self, batch: Batch) -> Sequence[Receipt]:
        """Record a batch once `before` has let it pass."""
        submissions = [each.submission for each in batch.prepared]
        if self.before is not None:
            await self.before(submissions)
        self.batches.append(submissions)
        return [Receipt(self.judge(submission)) for submission in submissions]

    async def quarantine(self, batch: Sequence[tuple[Submission, str]]) -> None:
        """Record what was set aside."""
        self.quarantined += batch


class Client:
    """An agency's system, or an administrator: a plain connection with a confirming channel."""

    def __init__(self, connection: AbstractConnection, channel: AbstractChannel, user: str) -> None:
        self.connection = connection
        self.channel = channel
        self.user = user

    @classmethod
    async def connect(cls, url: str) -> Self:
        """Connect as the account in the address."""
        connection = await aio_pika.connect(url)
        channel = await connection.channel(on_return_raises=True)
        return cls(connection, await channel.get_underlay_channel(), str(connection.url.user))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.connection.close()

    async def send(self, agency_id: str, body: bytes = b"{}", **properties: object) -> None:
        """Publish as an agency should; `properties` add or replace."""
        plain: dict[str, object] = {"content_type": STRUCTURED, "delivery_mode": 2, "user_id": self.user}
        await self.channel.basic_publish(
            body,
            exchange=ingress_exchange(agency_id),
            properties=Basic.Properties(**(plain | properties)),  # type: ignore[arg-type]  # tests name them freely
            timeout=GUARD_S,
        )

    async def send_all(self, agency_id: str, bodies: Iterable[bytes]) -> None:
        """Publish many at once and return when the broker has them."""
        await asyncio.gather(*(self.send(agency_id, body) for body in bodies))

    async def send_raw(
        self, agency_id: str, flags: int, properties: bytes, *, key: bytes = b"", body: bytes = b"{}"
    ) -> None:
        """Publish with properties and routing key as bytes, as no library would, and return when it is confirmed.

        Raises ConnectionError when the broker closes the channel, or the connection, instead.
        """
        channel = self.channel
        assert isinstance(channel, Channel)
        exchange = ingress_exchange(agency_id).encode()
        method = struct.pack(">HHH", 60, 40, 0) + _short(exchange) + _short(key) + b"\x00"
        header = struct.pack(">HHQH", 60, 0, len(body), flags) + properties
        payload = b"".join(
            struct.pack(">BHI", kind, channel.number, len(part)) + part + b"\xce"
            for kind, part in ((1, method), (2, header), (3, body))
        )
        channel.delivery_tag += 1
        confirm: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        channel.confirmations[channel.delivery_tag] = confirm
        await channel.write_queue.put(ChannelFrame(payload=payload, should_close=False))
        await asyncio.wait({confirm, channel.closing}, timeout=GUARD_S, return_when=asyncio.FIRST_COMPLETED)
        if not confirm.done():
            msg = f"not confirmed: {channel.closing}"
            raise ConnectionError(msg)

    async def depth(self, queue: str) -> int:
        """Count the messages that are ready in a queue."""
        declared = await self.channel.queue_declare(queue, passive=True)
        return declared.message_count or 0

    async def until_depth(self, queue: str, count: int) -> None:
        """Return when that many messages are ready in a queue."""
        async with asyncio.timeout(GUARD_S):
            while await self.depth(queue) != count:  # noqa: ASYNC110 - the broker tells only who asks
                await asyncio.sleep(0.02)

    async def consume(self, queue: str, end: int | bytes) -> list[aio_pika.abc.AbstractIncomingMessage]:
        """Take messages in order: that many, or until one has that body."""
        channel = await self.connection.channel()
        messages: list[aio_pika.abc.AbstractIncomingMessage] = []
        async with asyncio.timeout(GUARD_S), (await channel.get_queue(queue)).iterator() as arriving:
            async for message in arriving:
                await message.ack()
                messages.append(message)
                if end in (len(messages), message.body):
                    break
        await channel.close()
        return messages

    async def declare(self, *agency_ids: str, arguments: Mapping[str, object] | None = None) -> None:
        """Make what a deployment has for these agencies."""
        channel = self.channel
        await channel.exchange_declare(DEAD_LETTERS, exchange_type="fanout", durable=True)
        await channel.queue_declare(DEAD_LETTERS, durable=True, arguments=dict(QUORUM))
        await channel.queue_bind(DEAD_LETTERS, DEAD_LETTERS)
        for agency_id in agency_ids:
            await channel.exchange_declare(ingress_exchange(agency_id), exchange_type="fanout", durable=True)
            await self.declare_ingress(agency_id, arguments or INGRESS)
            for lane in Lane:
                await channel.queue_declare(egress_queue(agency_id, lane), durable=True, arguments=dict(QUORUM))

    async def declare_ingress(self, agency_id: str, arguments: Mapping[str, object] = INGRESS) -> None:
        """Make one ingress queue and bind it."""
        queue = ingress_queue(agency_id)
        await self.channel.queue_declare(queue, durable=True, arguments=dict(arguments))  # type: ignore[arg-type]  # pamqp's table type is invariant
        await self.channel.queue_bind(queue, ingress_exchange(agency_id))


async def own_account(vhost: Vhost) -> str:
    """Give the address of a fresh account, whose connections can be closed without those of the test itself."""
    return await vhost.add_account(f"coordinator-{vhost.name}", "secret")


async def close_connections(vhost: Vhost) -> None:
    """Close every connection of that account, as an operator would."""
    await vhost.manage("DELETE", f"connections/username/coordinator-{vhost.name}")


async def suspend(vhost: Vhost, queue: str) -> None:
    """Let a queue answer nothing more, as one whose leader hangs."""
    await vhost.node.ctl("eval", f"sys:suspend(whereis('{vhost.name}_{queue}')).")


async def resume(vhost: Vhost, queue: str) -> None:
    await vhost.node.ctl("eval", f"sys:resume(whereis('{vhost.name}_{queue}')).")


@asynccontextmanager
async def administrator(vhost: Vhost, *agency_ids: str) -> AsyncIterator[Client]:
    """Connect as the administrator, with the topology of these agencies in place."""
    async with await Client.connect(vhost.url) as client:
        await client.declare(*agency_ids)
        yield client


@asynccontextmanager
async def receiving(inbound: Inbound) -> AsyncIterator[None]:
    """Run the way in, and stop it in order."""
    running = asyncio.create_task(inbound.run())
    try:
        yield
        inbound.stop()
        await asyncio.wait_for(running, GUARD_S)
    finally:
        running.cancel()
        await asyncio.wait([running])


def inbound_of(vhost: Vhost, intake: RecordingIntake, *agencies: Agency, **options: object) -> Inbound:
    """Make the way in for these agencies."""
    url, heartbeat_s = str(options.pop("url", vhost.url)), int(str(options.pop("heartbeat_s", 15)))
    session = Session(url, "intake", heartbeat_s=heartbeat_s)
    return Inbound(session, intake, agencies, clock=ticking(), **options)  # type: ignore[arg-type]  # tests name options freely


@asynccontextmanager
async def publishing(url: str, **options: float) -> AsyncIterator[AmqpPublisher]:
    """Run the way out, and stop it in order."""
    session = Session(url, "relay", heartbeat_s=int(options.pop("heartbeat_s", 15)))
    publisher = AmqpPublisher(session, **options)  # type: ignore[arg-type]  # tests name options freely
    running = asyncio.create_task(publisher.run())
    try:
        yield publisher
        await publisher.stop()
        await asyncio.wait_for(running, GUARD_S)
    finally:
        running.cancel()
        await asyncio.wait([running])


async def publish(publisher: AmqpPublisher, *dispatches: Dispatch) -> Sequence[Fate]:
    """Publish, within the guard time."""
    return await asyncio.wait_for(publisher.publish(dispatches), GUARD_S)


def dispatch(
    number: int, recipient: str = "mshp", lane: Lane = Lane.OUT, body: bytes = b"{}", **changes: object
) -> Dispatch:
    """Give a dispatch whose ids derive from its number."""
    plain: dict[str, object] = {
        "key": number,
        "id": f"01997ac4-9f60-7c2e-8d6b-{number:012d}",
        "recipient": recipient,
        "lane": lane,
        "sequence": number,
        "type": "gov.mo.coordination.operation.notice.v1",
        "event_id": f"01997ac4-9f60-7c2e-8d6c-{number:012d}",
        "sender": "dps",
        "source": "//dps/watch",
        "body": body,
        "recorded": "2026-11-27T18:00:00.000000Z",
        "attempts": 0,
    }
    return Dispatch(**(plain | changes))  # type: ignore[arg-type]  # tests name fields freely


def _short(text: bytes) -> bytes:
    return bytes((len(text),)) + text
