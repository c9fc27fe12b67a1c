"""A service whose relay is in trouble on purpose: queues that are gone, full, or do not answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from coordinator.bootstrap import Service, running
from coordinator.store.asking import parked
from tests import kit
from tests.installation import Installation
from tests.integration.traffic import agreements, as_of_now, paid, until

QUORUM = {"durable": True, "arguments": {"x-queue-type": "quorum"}}


@asynccontextmanager
async def relaying(installation: Installation) -> AsyncIterator[Service]:
    """A service whose lines rest briefly, where all take part and may tell each other, and nothing is owed."""
    async with running(installation.settings, installation.key) as started:
        started.relay.rests.first_s = 0.05
        started.relay.park_after = 4
        await started.intake.receive(agreements())
        await until(lambda: paid(started.store))
        yield started


async def remove(installation: Installation, queue: str) -> None:
    await installation.vhost.manage("DELETE", f"queues/{installation.vhost.name}/{queue}")


async def restore(installation: Installation, queue: str) -> None:
    await installation.vhost.manage("PUT", f"queues/{installation.vhost.name}/{queue}", QUORUM)


async def limit(installation: Installation, queue: str, messages: int | None) -> None:
    """Let a queue hold that many messages and refuse more, by a policy; or lift that."""
    path = f"policies/{installation.vhost.name}/test-limit"
    if messages is None:
        await installation.vhost.manage("DELETE", path)
        return
    definition = {"max-length": messages, "overflow": "reject-publish"}
    policy = {"pattern": f"^{queue}$", "definition": definition, "priority": 100, "apply-to": "queues"}
    await installation.vhost.manage("PUT", path, policy)


async def parked_ids(service: Service) -> list[str]:
    return [each.id for each in await service.store.reading(lambda db: parked(db, 100))]


def suspension(service: Service, agency: str) -> bytes:
    """One side's word that the agreement by which operations are told is suspended."""
    terms = next(each for each in service.intake.policy.agreements.values() if each.terms.kind == "dissemination")
    words = kit.agreement(
        agency,
        agreement_id=terms.id,
        kind="dissemination",
        parties=list(kit.AGENCIES),
        message_types=kit.OPERATION_TYPES,
        regimes=["operational"],
        state="suspended",
    )
    return as_of_now(words).body
