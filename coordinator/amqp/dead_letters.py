"""Where dead letters can go, and whether they can come back: RabbitMQ drops messages that go in a circle."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from coordinator.amqp.topology import Binding


@dataclass(frozen=True, slots=True)
class DeadLettering:
    """What a queue does with its dead letters."""

    exchange: str
    """The empty name is the default exchange."""
    routing_key: str | None
    """The key they are sent on with; None keeps their own."""


def dead_lettering(arguments: Mapping[str, object]) -> DeadLettering | None:
    """Return what a queue's arguments, or a policy's keys, say of dead letters; None when they are dropped."""
    exchange = arguments.get("x-dead-letter-exchange", arguments.get("dead-letter-exchange"))
    key = arguments.get("x-dead-letter-routing-key", arguments.get("dead-letter-routing-key"))
    if not isinstance(exchange, str):
        return None
    return DeadLettering(exchange, key if isinstance(key, str) else None)


def cycles(dead_letters: Mapping[str, DeadLettering], bindings: Sequence[Binding]) -> tuple[tuple[str, ...], ...]:
    """Return each circle of queues along which a dead letter can come back, beginning at its first by name.

    Exchanges count as fanout: what is bound is reached, whatever the key.
    """
    onward = {queue: tuple(_next(queue, to, bindings)) for queue, to in dead_letters.items()}
    found = {_rotated(circle) for queue in onward for circle in _circles((queue,), onward)}
    return tuple(sorted(found))


def _next(queue: str, to: DeadLettering, bindings: Sequence[Binding]) -> Iterator[str]:
    if to.exchange:
        yield from (binding.queue for binding in bindings if binding.exchange == to.exchange)
    else:  # the default exchange leads to the queue that the key names; a message may bear the key of this queue
        yield to.routing_key or queue


def _circles(path: tuple[str, ...], onward: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    for queue in onward.get(path[-1], ()):
        if queue == path[0]:
            yield path
        elif queue not in path:
            yield from _circles((*path, queue), onward)


def _rotated(circle: tuple[str, ...]) -> tuple[str, ...]:
    first = circle.index(min(circle))
    return circle[first:] + circle[:first]
