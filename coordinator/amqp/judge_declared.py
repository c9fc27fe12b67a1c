"""Judges exchanges, queues and bindings as they were found."""

from collections.abc import Iterator, Mapping

from coordinator.amqp import dead_letters
from coordinator.amqp.findings import APPLY, RECREATE, UNBIND, Finding, error, set_permissions, unverified, warning
from coordinator.amqp.management import FoundBinding, Snapshot
from coordinator.amqp.probe import Answer, Hidden, Missing, Present
from coordinator.amqp.topology import LEAST_DELIVERY_LIMIT, Binding, Exchange, Queue, Topology

_LIMIT = "x-delivery-limit"
_BYTES = "x-max-length-bytes"


def judge_exchange(exchange: Exchange, answer: Answer, topology: Topology) -> Iterator[Finding]:
    """Yield what is wrong with an exchange."""
    match answer:
        case Missing():
            yield error(f"exchange {exchange.name} is missing", APPLY)
        case Hidden(why):
            yield from _hidden(f"exchange {exchange.name}", exchange.name, why, topology)
        case Present(arguments) if arguments:
            differs = ", ".join(f"{name} {value}" for name, value in arguments.items())
            yield error(f"exchange {exchange.name} is not a durable fanout exchange but has {differs}", RECREATE)
        case Present():
            return


def judge_queue(queue: Queue, answer: Answer, topology: Topology) -> Iterator[Finding]:
    """Yield what is wrong with a queue."""
    match answer:
        case Missing():
            yield error(f"queue {queue.name} is missing", APPLY)
        case Hidden(why):
            yield from _hidden(f"queue {queue.name}", queue.name, why, topology)
        case Present(arguments):
            yield from judge_arguments(queue, arguments)


def judge_arguments(queue: Queue, found: Mapping[str, object]) -> Iterator[Finding]:
    """Yield what is wrong with a queue's arguments. A larger or smaller maximum length is the operator's choice."""
    for name in sorted({*queue.arguments, *found}):
        wanted, current = queue.arguments.get(name), found.get(name)
        if name == _LIMIT and wanted is not None:
            yield from judge_delivery_limit(f"queue {queue.name}: {_LIMIT}", current, RECREATE)
        elif name == _BYTES and wanted is not None and isinstance(current, int) and current > 0:
            continue
        elif current != wanted:
            yield error(f"queue {queue.name}: {name} is {_word(current)} and must be {_word(wanted)}", RECREATE)


def judge_delivery_limit(what: str, current: object, mend: str) -> Iterator[Finding]:
    """Yield what is wrong with a delivery limit (`broker.md`, 12)."""
    if not isinstance(current, int):
        yield error(f"{what} is {_word(current)} and must be at least {LEAST_DELIVERY_LIMIT}", mend)
    elif current <= 0:
        yield error(f"{what} is {current}: RabbitMQ 3.10 drops a message at its first return to the queue", mend)
    elif current < LEAST_DELIVERY_LIMIT:
        text = f"{what} is {current}: below {LEAST_DELIVERY_LIMIT}, restarts alone give up messages that nobody touched"
        yield warning(text, mend)


def judge_cycles(arguments: Mapping[str, Mapping[str, object]], bindings: tuple[Binding, ...]) -> Iterator[Finding]:
    """Yield every circle of dead letters; `arguments` are those of each queue that is known."""
    letters = {name: dead_letters.dead_lettering(found) for name, found in arguments.items()}
    known = {name: one for name, one in letters.items() if one is not None}
    for circle in dead_letters.cycles(known, bindings):
        way = " to ".join((*circle, circle[0]))
        yield error(f"dead letters go in a circle, where RabbitMQ drops them: {way}", RECREATE)


def judge_bindings(topology: Topology, snapshot: Snapshot) -> Iterator[Finding]:
    """Yield every binding that is missing, or that leads from or to ours and must not."""
    found = {Binding(one.source, one.destination) for one in snapshot.bindings if one.destination_type == "queue"}
    for binding in topology.bindings:
        if binding not in found:
            yield error(f"exchange {binding.exchange} is not bound to queue {binding.queue}", APPLY)
    for one in foreign_bindings(topology, snapshot):
        yield error(
            f"exchange {one.source} is bound to {one.destination_type} {one.destination}, and must not be", UNBIND
        )


def foreign_bindings(topology: Topology, snapshot: Snapshot) -> tuple[FoundBinding, ...]:
    """Return the bindings that touch an exchange or queue of ours and are not of the topology."""
    exchanges = {exchange.name for exchange in topology.exchanges}
    ours = {"exchange": exchanges, "queue": {queue.name for queue in topology.queues}}
    return tuple(
        one
        for one in snapshot.bindings
        if (one.source in exchanges or one.destination in ours.get(one.destination_type, ()))
        and (one.destination_type != "queue" or Binding(one.source, one.destination) not in topology.bindings)
    )


def judge_egress(topology: Topology, snapshot: Snapshot) -> Iterator[Finding]:
    """Yield what is wrong with what AMQP does not show the coordinator: its agencies' exchanges and queues."""
    for exchange in topology.exchanges:
        kind = snapshot.exchanges.get(exchange.name)
        if kind is not None and (kind.type != "fanout" or not kind.durable):
            durable = "" if kind.durable else "transient "
            what = f"exchange {exchange.name} is not a durable fanout exchange but a {durable}{kind.type} one"
            yield error(what, RECREATE)
    for queue in topology.queues:
        found = snapshot.queues.get(queue.name)
        if found is not None:
            flags = {} if found.durable else {"durable": "false"}
            yield from judge_arguments(queue, {**found.arguments, **flags})


def _hidden(what: str, name: str, why: str, topology: Topology) -> Iterator[Finding]:
    if not name.startswith("router."):
        yield unverified(f"{what}: its kind cannot be seen by this account", "coordinator topology check")
    elif "ACCESS_REFUSED" in why:
        permission = next(one for one in topology.permissions if one.user == topology.coordinator)
        yield error(f"{what} cannot be verified: {why}", set_permissions(topology.vhost, permission))
    else:
        yield error(f"{what} cannot be verified: {why}", RECREATE)


def _word(value: object) -> str:
    return "not set" if value is None else str(value)
