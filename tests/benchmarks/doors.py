"""The doors alone against the bare relay, on one private broker: what is left of the machine for the walk between."""

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import aio_pika
from pamqp.common import Arguments

from coordinator.amqp.inbound import Inbound
from coordinator.amqp.node import PrivateNode
from coordinator.amqp.outbound import AmqpPublisher
from coordinator.amqp.session import Session
from coordinator.bench.bare_relay import bare_relay
from coordinator.bench.peer import Job, Relayed
from coordinator.model.codes import AgencyKind, Lane, Role
from coordinator.model.directory import Account, Agency, Desk
from coordinator.model.work import Batch, Dispatch, Prepared, Receipt, Submission, Verdict

DESK = Desk("Desk", "+15735550100", "desk@mshp.example")
QUORUM: Arguments = {"x-queue-type": "quorum"}
RECIPIENTS = ("dps", "hsi", "fbi")


class Copying:
    """An intake that records nothing and pays each message's copies at once."""

    def __init__(self, publisher: AmqpPublisher, recipients: Sequence[str]) -> None:
        self.publisher = publisher
        self.recipients = recipients
        self.messages = 0
        self.began = 0.0
        self.leisure = asyncio.Event()
        self.leisure.set()

    def prepare(self, submission: Submission) -> Prepared:
        """Judge nothing."""
        return Prepared(submission)

    async def record(self, batch: Batch) -> Sequence[Receipt]:
        """Pay and wait for every outcome."""
        self.began = self.began or time.perf_counter()
        numbers = range(self.messages, self.messages + len(batch.prepared))
        await self.publisher.publish(
            [
                dispatch(number, copy, recipient, each.submission.body)
                for number, each in zip(numbers, batch.prepared, strict=True)
                for copy, recipient in enumerate(self.recipients)
            ]
        )
        self.messages += len(batch.prepared)
        return [Receipt(Verdict.ACCEPTED)] * len(batch.prepared)

    async def quarantine(self, batch: Sequence[tuple[Submission, str]]) -> None:
        """Nothing is ever set aside here."""


def dispatch(number: int, copy: int, recipient: str, body: bytes) -> Dispatch:
    """Give one copy of one message."""
    return Dispatch(
        key=number,
        id=f"01997ac4-9f60-7c2e-8d{copy:02d}-{number:012d}",
        recipient=recipient,
        lane=Lane.OUT,
        sequence=number + 1,
        type="gov.mo.coordination.operation.notice.v1",
        event_id=f"01997ac4-9f60-7c2e-8d6c-{number:012d}",
        sender="mshp",
        source="//mshp/cad",
        body=body,
        recorded="2026-11-27T18:00:00.000000Z",
        attempts=0,
        correlation=f"01997ac4-9f60-7c2e-8d6c-{number:012d}",
    )


async def doors(url: str, user: str, recipients: Sequence[str], messages: int) -> Relayed:
    """Move messages from the agency's queue to each recipient's through both doors."""
    publisher = AmqpPublisher(Session(url, "relay"))
    accounts = (Account(user, "", ("cad",)),)
    agency = Agency("mshp", "MSHP", AgencyKind.STATE, Role.PATROL, "MOEX00001", DESK, DESK, DESK, frozenset(), accounts)
    intake = Copying(publisher, recipients)
    inbound = Inbound(Session(url, "intake"), intake, [agency], clock=lambda: datetime.now(UTC))
    async with asyncio.TaskGroup() as group:
        group.create_task(publisher.run())
        group.create_task(inbound.run())
        while intake.messages < messages:  # noqa: ASYNC110 - a benchmark may poll
            await asyncio.sleep(0.001)
        seconds = time.perf_counter() - intake.began
        inbound.stop()
        await publisher.stop()
    return Relayed(intake.messages, intake.messages * len(recipients), seconds)


async def fill(url: str, user: str, messages: int) -> None:
    """Empty every queue, then put that many messages of about 1 KB in the agency's."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        for name in ("router.in.mshp", "router.dead", *(f"out.{recipient}" for recipient in RECIPIENTS)):
            queue = await channel.declare_queue(name, durable=True, arguments=QUORUM)
            await queue.purge()
        message = aio_pika.Message(
            b"x" * 1000, content_type="application/cloudevents+json", delivery_mode=2, user_id=user
        )
        publish = channel.default_exchange.publish
        for _ in range(0, messages, 500):
            await asyncio.gather(*(publish(message, "router.in.mshp") for _ in range(500)))


async def main(messages: int, rounds: int) -> None:
    """Print publishes a second of both, and their ratio, for 1, 2 and 3 copies; medians of paired rounds."""
    async with PrivateNode() as node:
        user = node.layout.user
        for copies in (1, 2, 3):
            recipients = RECIPIENTS[:copies]
            pairs: list[tuple[float, float]] = []
            for _ in range(rounds):
                await fill(node.url, user, messages)
                bare = await bare_relay(Job(node.url, "router.in.mshp", recipients, messages))
                await fill(node.url, user, messages)
                ours = await doors(node.url, user, recipients, messages)
                pairs.append((ours.publishes_per_s, bare.publishes_per_s))
            ratio = statistics.median(ours / bare for ours, bare in pairs)
            ours, bare = (statistics.median(each) for each in zip(*pairs, strict=True))
            print(f"{copies} copies: doors {ours:,.0f}/s, bare relay {bare:,.0f}/s, ratio {ratio:.2f}")  # noqa: T201


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    asyncio.run(main(given.messages, given.rounds))
