"""Makes a broker as the topology says: exchanges, queues and bindings over AMQP, the rest over the management API."""

from dataclasses import dataclass, field

from coordinator.amqp.apply_rights import Rights
from coordinator.amqp.findings import IMPORT, Finding, delete_user, error, set_permissions, set_policy
from coordinator.amqp.judge_declared import judge_exchange, judge_queue
from coordinator.amqp.management import management
from coordinator.amqp.probe import TIMEOUT_S, Missing, Present, Probe, connected
from coordinator.amqp.topology import Binding, Exchange, Queue, Topology


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done, and what is left to a person."""

    done: tuple[str, ...]
    left: tuple[Finding, ...]
    """What could not be mended this way, and why."""
    commands: tuple[str, ...]
    """What to run on the broker's machine, where no management address was given."""


async def apply_topology(
    url: str,
    topology: Topology,
    *,
    management_url: str | None = None,
    coordinator_password_hash: str | None = None,
    recreate: bool = False,
) -> Applied:
    """Make what is missing, as an administrator (`url`).

    What exists with other arguments cannot be changed, only deleted and made anew. That is done with `recreate`, and
    only to queues that are empty and that nobody reads. While it is done, the exchange before the queue is gone, so
    publishers get an error rather than their messages a grave. Without a management address, the commands for users,
    permissions and policies are returned instead; no password is in them.
    Raises BrokerUnavailableError.
    """
    async with connected(url) as connection:
        builder = _Builder(topology, Probe(connection), recreate=recreate)
        for queue in topology.queues:
            await builder.make_queue(queue)
        for exchange in topology.exchanges:
            await builder.make_exchange(exchange)
        for binding in topology.bindings:
            await builder.bind(binding)
    if management_url is None:
        return Applied(tuple(builder.done), tuple(builder.left), commands(topology))
    async with management(management_url, topology.vhost) as client:
        rights = Rights(topology, client, await client.snapshot())
        await rights.apply(coordinator_password_hash)
    return Applied((*builder.done, *rights.done), (*builder.left, *rights.left), ())


def commands(topology: Topology) -> tuple[str, ...]:
    """Return the commands that make users, permissions and policies, to be run where the broker runs."""
    return (
        IMPORT,
        *(set_permissions(topology.vhost, permission) for permission in topology.permissions),
        *(set_policy(topology.vhost, policy) for policy in topology.policies),
        *(delete_user(user) for user in topology.shut_out),
    )


@dataclass(slots=True)
class _Builder:
    """Makes what AMQP can make."""

    topology: Topology
    probe: Probe
    recreate: bool
    done: list[str] = field(default_factory=list)
    left: list[Finding] = field(default_factory=list)

    async def make_queue(self, queue: Queue) -> None:
        answer = await self.probe.queue(queue)
        findings = [*judge_queue(queue, answer, self.topology)]
        if isinstance(answer, Missing):
            await self._declare_queue(queue)
            self.done.append(f"made queue {queue.name}")
        elif findings and self.recreate and isinstance(answer, Present):
            await self._recreate_queue(queue)
        else:
            self.left += findings

    async def make_exchange(self, exchange: Exchange) -> None:
        answer = await self.probe.exchange(exchange)
        findings = [*judge_exchange(exchange, answer, self.topology)]
        if findings and self.recreate and isinstance(answer, Present):
            await self._delete_exchange(exchange.name)
        elif not isinstance(answer, Missing):
            self.left += findings
            return
        name = exchange.name
        await self.probe.ask(
            lambda channel: channel.exchange_declare(name, exchange_type="fanout", durable=True, timeout=TIMEOUT_S)
        )
        self.done.append(f"made exchange {name}")

    async def bind(self, binding: Binding) -> None:
        """Bind; the broker does not tell whether it was bound already."""
        await self.probe.ask(lambda channel: channel.queue_bind(binding.queue, binding.exchange, timeout=TIMEOUT_S))

    async def _recreate_queue(self, queue: Queue) -> None:
        for binding in self.topology.bindings:
            if binding.queue == queue.name:
                await self._delete_exchange(binding.exchange)
        answer = await self.probe.queue(queue)
        if isinstance(answer, Present) and (answer.messages or answer.consumers):
            what = f"queue {queue.name} holds {answer.messages} messages and has {answer.consumers} consumers"
            self.left.append(error(f"{what}: it was not made anew", "empty it, stop its readers, and apply again"))
            return
        await self.probe.ask(lambda channel: channel.queue_delete(queue.name, timeout=TIMEOUT_S))
        await self._declare_queue(queue)
        self.done.append(f"made queue {queue.name} anew")

    async def _declare_queue(self, queue: Queue) -> None:
        await self.probe.ask(
            lambda channel: channel.queue_declare(
                queue.name, durable=True, arguments={**queue.arguments}, timeout=TIMEOUT_S
            )
        )

    async def _delete_exchange(self, name: str) -> None:
        await self.probe.ask(lambda channel: channel.exchange_delete(name, timeout=TIMEOUT_S))
