"""The broker of the demo: a private node with an account for each agency, or one that is given, as far as it allows."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aio_pika.abc import AbstractConnection
from yarl import URL

from coordinator.amqp.apply import apply_topology
from coordinator.amqp.definitions import definitions
from coordinator.amqp.findings import refuse_errors
from coordinator.amqp.node import PrivateNode
from coordinator.amqp.probe import TIMEOUT_S, Missing, Present, Probe, connected
from coordinator.amqp.topology import Topology, plan_topology
from coordinator.demo.parties import COORDINATOR_USER, Parties
from coordinator.model.errors import BrokerUnavailableError, ConfigurationError
from coordinator.settings import AMQP, check_address


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker that holds what the parties need."""

    topology: Topology
    operator_url: str
    coordinator_url: str
    account_urls: Mapping[str, str]
    """By agency."""
    own_accounts: bool
    """Whether each agency has an account of its own, which the broker lets do nothing else."""


@asynccontextmanager
async def private_broker(parties: Parties) -> AsyncIterator[Broker]:
    """Start a node of our own that loads everything at its start; nothing of it stays behind."""
    topology = plan_topology(parties.directory, coordinator_user=COORDINATOR_USER)
    loaded = definitions(topology, coordinator_password_hash=parties.coordinator_hash)
    async with PrivateNode(definitions=loaded, vhost=topology.vhost) as node:
        address = {user: node.url_for(user, password) for user, password in parties.passwords.items()}
        coordinator = address.pop(COORDINATOR_USER)
        yield Broker(topology, node.url, coordinator, address, own_accounts=True)


@asynccontextmanager
async def given_broker(url: str, parties: Parties) -> AsyncIterator[Broker]:
    """Use a vhost that holds none of our queues yet, with an administrator's account, and leave it so.

    Accounts cannot be made over AMQP: every agency uses the given one. Raises `ConfigurationError` when something of
    the same name is there: it may be in use.
    """
    try:
        address = URL(check_address(url, AMQP))
    except ValueError as error:
        msg = f"COORDINATOR_AMQP__URL: {error}; or leave it out, and the demo starts a broker of its own"
        raise ConfigurationError(msg) from None
    vhost = address.path.removeprefix("/") or "/"
    topology = plan_topology(parties.directory, vhost=vhost, coordinator_user=address.user or "guest")
    async with connected(url) as connection:
        await _refuse_used(Probe(connection), topology)
    try:
        refuse_errors((await apply_topology(url, topology)).left)
        yield Broker(topology, url, url, dict.fromkeys(parties.directory.ids, url), own_accounts=False)
    finally:
        async with connected(url) as connection:
            await _remove(Probe(connection), topology)


async def _refuse_used(probe: Probe, topology: Topology) -> None:
    for queue in topology.queues:
        if not isinstance(await probe.queue(queue), Missing):
            msg = (
                f"the vhost {topology.vhost} has a queue {queue.name} already, and the demo would use it: "
                "give COORDINATOR_AMQP__URL an empty vhost (rabbitmqctl add_vhost), or unset it for a private node"
            )
            raise ConfigurationError(msg)


async def _remove(probe: Probe, topology: Topology) -> None:
    for exchange in topology.exchanges:
        await _remove_exchange(probe, exchange.name)
    for queue in topology.queues:
        await _remove_queue(probe, queue.name)


async def _remove_exchange(probe: Probe, name: str) -> None:
    await probe.ask(lambda channel: channel.exchange_delete(name, timeout=TIMEOUT_S))


async def _remove_queue(probe: Probe, name: str) -> None:
    await probe.ask(lambda channel: channel.queue_delete(name, timeout=TIMEOUT_S))


@dataclass(slots=True)
class Operator:
    """Whoever runs the broker: looks at queues, removes one and makes it again."""

    topology: Topology
    connection: AbstractConnection
    _probe: Probe = field(init=False)

    def __post_init__(self) -> None:
        self._probe = Probe(self.connection)

    async def depth(self, name: str) -> int:
        """How many messages wait in a queue; raises `BrokerUnavailableError` when it is missing."""
        answer = await self._probe.queue(self.topology.queue(name))
        if not isinstance(answer, Present):
            msg = f"the queue {name} cannot be seen"
            raise BrokerUnavailableError(msg)
        return answer.messages

    async def remove(self, name: str) -> None:
        """Remove a queue and what is in it."""
        await _remove_queue(self._probe, name)

    async def make(self, name: str) -> None:
        """Make a queue as the topology says."""
        queue = self.topology.queue(name)
        await self._probe.ask(
            lambda channel: channel.queue_declare(name, durable=True, arguments={**queue.arguments}, timeout=TIMEOUT_S)
        )
