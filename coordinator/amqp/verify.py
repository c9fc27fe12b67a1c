"""Verifies a live broker against the topology, without changing anything."""

from collections.abc import Iterable, Sequence

from coordinator.amqp.findings import Finding, Severity, unverified
from coordinator.amqp.judge_declared import judge_bindings, judge_cycles, judge_egress, judge_exchange, judge_queue
from coordinator.amqp.judge_limits import effective, judge_limits
from coordinator.amqp.judge_rights import judge_rights
from coordinator.amqp.management import Snapshot, management
from coordinator.amqp.probe import Present, Probe, connected
from coordinator.amqp.topology import Binding, Topology
from coordinator.model.errors import BrokerUnavailableError

_WITH_MANAGEMENT = "coordinator topology check --management-url http://ADMINISTRATOR:PASSWORD@HOST:15672"


async def verify_topology(
    url: str, topology: Topology, *, management_url: str | None = None, must_see: bool = False
) -> tuple[Finding, ...]:
    """Return everything that is not as it must be, or cannot be seen, errors first.

    `url` is the account of the coordinator, or an administrator's, in the topology's vhost. Without a management
    address, users, permissions, bindings and limits by policy are reported as not verified; so they are where the
    address does not answer, unless it `must_see`.
    Raises BrokerUnavailableError when the broker does not let us in.
    """
    async with connected(url) as connection:
        probe = Probe(connection)
        exchanges = {one.name: await probe.exchange(one) for one in topology.exchanges}
        queues = {one.name: await probe.queue(one) for one in topology.queues}
    findings = [
        *(
            one
            for exchange in topology.exchanges
            for one in judge_exchange(exchange, exchanges[exchange.name], topology)
        ),
        *(one for queue in topology.queues for one in judge_queue(queue, queues[queue.name], topology)),
    ]
    seen = [finding for finding in findings if finding.severity is not Severity.UNVERIFIED]
    snapshot = await _snapshot(management_url, topology.vhost, must_see=must_see)
    if isinstance(snapshot, Snapshot):
        return _ordered([*seen, *_seen_from_above(topology, snapshot)])
    known = {name: answer.arguments for name, answer in queues.items() if isinstance(answer, Present)}
    hidden = _hidden(len(findings) - len(seen))
    return _ordered([*seen, *judge_cycles(known, topology.bindings), *hidden, snapshot])


async def _snapshot(url: str | None, vhost: str, *, must_see: bool) -> Snapshot | Finding:
    what = "bindings, users, permissions and limits by policy were not verified"
    if url is None:
        return unverified(f"{what}: no management address is given", _WITH_MANAGEMENT)
    try:
        async with management(url, vhost) as client:
            return await client.snapshot()
    except BrokerUnavailableError as refusal:
        if must_see:
            raise
        return unverified(f"{what}: {refusal}", _WITH_MANAGEMENT)


def _hidden(number: int) -> Iterable[Finding]:
    if number:
        what = f"the kind of {number} exchanges and queues of agencies was not verified: this account may not see it"
        yield unverified(what, _WITH_MANAGEMENT)


def _seen_from_above(topology: Topology, snapshot: Snapshot) -> Iterable[Finding]:
    yield from judge_egress(topology, snapshot)
    yield from judge_bindings(topology, snapshot)
    yield from judge_limits(topology, snapshot)
    yield from judge_rights(topology, snapshot)
    # An argument wins over a policy's key of the same meaning (rabbitmq.com, *Policies*).
    arguments = {name: {**effective(name, snapshot), **queue.arguments} for name, queue in snapshot.queues.items()}
    bindings = tuple(
        Binding(one.source, one.destination) for one in snapshot.bindings if one.destination_type == "queue"
    )
    yield from judge_cycles(arguments, bindings)


def _ordered(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    order = list(Severity)
    unique = dict.fromkeys(findings)  # AMQP and the management API may both have seen the same fault
    return tuple(sorted(unique, key=lambda finding: order.index(finding.severity)))
