"""An installation under attack: a hostile system, innocent ones beside it, and what the store says of each message."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol

from coordinator.bootstrap import Service, running
from coordinator.model.leaf import LEAF, Leaf
from tests import kit
from tests.installation import Installation, Partner
from tests.integration import posting, traffic
from tests.integration.posting import Poster
from tests.kit import Json

GUARD_S = 20
"""An innocent neighbour is delivered within two seconds; a guard is tenfold that."""
ATTACKER, NEIGHBOUR, RECIPIENT = "mshp", "dea", "hsi"


class Door(Protocol):
    """One way into the service, as the attacker's system uses it."""

    async def send(self, body: bytes) -> None:
        """Hand the bytes over, by all that this door asks of a sender."""
        ...

    async def answer(self) -> Json:
        """Wait for what the sender is told of what it sent: `verdict`, `position`, and of a refusal `code`, `field`."""
        ...


class AmqpDoor:
    """Publishes to the agency's exchange; answers come to its queue."""

    def __init__(self, partner: Partner) -> None:
        self._partner = partner

    async def send(self, body: bytes) -> None:
        await self._partner.publish(body)

    async def answer(self) -> Json:
        (found,) = await self._partner.read("out", 1)
        event: Json = json.loads(found.body)
        return {**event["data"], "verdict": traffic.short(event["type"]).removeprefix("message.")}


class HttpDoor:
    """Posts with the agency's token. What is recorded is answered twice: at once, and by the receipt in the queue."""

    def __init__(self, poster: Poster, partner: Partner) -> None:
        self._poster = poster
        self._queue = AmqpDoor(partner)
        self._said: Json = {}

    async def send(self, body: bytes) -> None:
        answer = await self._poster.post(body)
        assert answer.headers["X-Request-Id"] == answer.document.get("request_id", answer.headers["X-Request-Id"])
        problem = answer.status >= HTTPStatus.BAD_REQUEST
        self._said = {**answer.document, "status": answer.status}
        if problem:
            (why,) = answer.document["errors"] or [{"reason": answer.document["code"], "field": None}]
            self._said |= {"verdict": "refused", "code": why["reason"], "field": why["field"]}

    async def answer(self) -> Json:
        if "position" in self._said:
            receipt = await self._queue.answer()
            for key in ("position", "code", "entry", "digest", "hint", "withheld"):
                if (receipt.get(key) or None) != (self._said.get(key) or None):
                    msg = f"{key}: the receipt says {receipt.get(key)}, and the answer {self._said.get(key)}"
                    raise AssertionError(msg)
        return self._said


@dataclass
class Scene:
    """The service, the parties, and the door under attack."""

    service: Service
    installation: Installation
    partners: Mapping[str, Partner]
    door: Door
    neighbours: int = field(default=0)

    async def neighbour(self) -> bytes:
        """Let the innocent neighbour send a notice, of ground where nobody else is; return what it sent."""
        self.neighbours += 1
        sent = traffic.notice(NEIGHBOUR, [RECIPIENT], area=traffic.apart(self.neighbours))
        await self.partners[NEIGHBOUR].publish(sent)
        return sent

    async def delivered(self, agency: str = RECIPIENT) -> bytes:
        """The next message in an agency's queue."""
        (found,) = await self.partners[agency].read("out", 1)
        return found.body

    async def sequences(self) -> dict[str, int]:
        """How many messages each agency has been sent, or is owed."""
        return dict(await self.service.store.last_sequences())

    async def leaf(self, position: int) -> Leaf:
        """The journal's entry at a position."""
        (entry,) = await self.service.store.entries(position, 1)
        return LEAF.validate_json(entry)


@asynccontextmanager
async def besieged(installation: Installation, by: str, agreeing: Sequence[str] = kit.AGENCIES) -> AsyncIterator[Scene]:
    """The service with its agreements in force and every queue read empty, attacked `by` one of its doors."""
    async with running(installation.settings, installation.key) as service, AsyncExitStack() as stack:
        await service.intake.receive([traffic.as_of_now(each) for each in kit.agreements(agreeing)])
        await traffic.until(lambda: traffic.paid(service.store))
        partners = {
            agency: await stack.enter_async_context(Partner(installation, agency))
            for agency in (ATTACKER, NEIGHBOUR, RECIPIENT, "dps")
        }
        sequences = await service.store.last_sequences()
        for agency, partner in partners.items():
            await partner.read("out", sequences[agency])
        door: Door = AmqpDoor(partners[ATTACKER])
        if by == "http":
            poster = await stack.enter_async_context(posting.poster(service.address, installation, ATTACKER))
            door = HttpDoor(poster, partners[ATTACKER])
        yield Scene(service, installation, partners, door)


def new(sent: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    """How many messages came to each agency since; nobody to whom nothing came."""
    return {agency: last - before.get(agency, 0) for agency, last in sent.items() if last != before.get(agency, 0)}


def with_id(body: bytes, fresh: str | None = None) -> bytes:
    """The same message under another id."""
    event = json.loads(body)
    return json.dumps({**event, "id": fresh or kit.fresh_id()}).encode()
