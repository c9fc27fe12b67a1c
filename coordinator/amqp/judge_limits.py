"""Judges the limits by policy: agencies' queues must have them, and none may make the broker lose messages."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from coordinator.amqp.findings import Finding, Severity, error, set_policy, warning
from coordinator.amqp.judge_declared import judge_delivery_limit
from coordinator.amqp.management import FoundPolicy, Snapshot
from coordinator.amqp.topology import Policy, Topology

_OF_QUEUES = frozenset({"all", "queues", "quorum_queues"})
_LOSING = ("message-ttl", "expires")
"""What makes the broker throw away what an absent recipient has not fetched."""
_SHOWN = 3


def judge_limits(topology: Topology, snapshot: Snapshot) -> Iterator[Finding]:
    """Yield what is wrong with the limits by policy; queues with the same fault stand in one finding."""
    faults: dict[tuple[Severity, str, str], list[str]] = defaultdict(list)
    for queue in topology.queues:
        policy = next((one for one in topology.policies if matches(one.pattern, queue.name)), None)
        limits = effective(queue.name, snapshot)
        judged = _egress(policy, limits, topology.vhost) if policy else _dropping(limits, topology.vhost)
        for finding in judged:
            faults[finding.severity, finding.what, finding.mend].append(queue.name)
    for (severity, what, mend), names in faults.items():
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        yield Finding(severity, f"{', '.join(names[:_SHOWN])}{more}: {what}", mend)


def _egress(policy: Policy, limits: Mapping[str, object], vhost: str) -> Iterator[Finding]:
    mend = set_policy(vhost, policy)
    most = limits.get("max-length-bytes")
    if not isinstance(most, int) or most <= 0:
        yield error("no policy limits the length in bytes, so an absent recipient could fill the disk", mend)
    if limits.get("overflow") != "reject-publish":
        yield error("overflow is not reject-publish by policy, so a full queue would drop messages", mend)
    if "delivery-limit" not in limits:
        yield warning("no delivery limit by policy: RabbitMQ 4 drops a message after 20 returns", mend)
    yield from _dropping(limits, vhost)


def _dropping(limits: Mapping[str, object], vhost: str) -> Iterator[Finding]:
    look = f"rabbitmqctl list_policies -p {vhost}; rabbitmqctl list_operator_policies -p {vhost}"
    if "delivery-limit" in limits:
        yield from judge_delivery_limit("delivery-limit by policy", limits["delivery-limit"], look)
    for key in _LOSING:
        if key in limits:
            yield error(f"a policy sets {key}, so the broker throws messages away", look)


def effective(queue_name: str, snapshot: Snapshot) -> Mapping[str, object]:
    """Return what policies set for a queue: the matching one of highest priority, capped by the operator's.

    (rabbitmq.com, *Policies*: operator policies win over ordinary ones, and of two numbers the lower one counts.)
    """
    limits = dict(_winner(queue_name, snapshot.policies))
    for key, value in _winner(queue_name, snapshot.operator_policies).items():
        before = limits.get(key)
        limits[key] = min(before, value) if isinstance(before, int) and isinstance(value, int) else value
    return limits


def _winner(queue_name: str, policies: Iterable[FoundPolicy]) -> Mapping[str, object]:
    matching = [one for one in policies if one.apply_to in _OF_QUEUES and matches(one.pattern, queue_name)]
    return max(matching, key=lambda one: one.priority).definition if matching else {}


def matches(pattern: str, name: str) -> bool:
    r"""Tell whether RabbitMQ would match that name: unanchored, in Perl's syntax, where `\z` is Python's `\Z`.

    A pattern that Python cannot read counts as matching, so that it is looked at.
    """
    try:
        return re.search(pattern.replace(r"\z", r"\Z"), name) is not None
    except re.error:
        return True
