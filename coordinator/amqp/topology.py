"""The broker's topology as data: what must exist, who may do what to it, and which limits hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from coordinator.model.codes import Lane
from coordinator.model.directory import Agency, Directory
from coordinator.model.errors import ConfigurationError

Arguments = Mapping[str, str | int]

DEFAULT_VHOST: Final = "coordination"
DEAD_LETTERS: Final = "router.dead"
"""The exchange, and the queue behind it, of what never reached the store."""
DELIVERY_LIMIT: Final = 50
"""Attempts at a message before it is dead-lettered: 25 clean restarts must not use it up for an innocent neighbour."""
LEAST_DELIVERY_LIMIT: Final = 20
"""Below this, restarts alone dead-letter messages that nobody touched (`broker.md`, 12)."""
NEVER_SPENT: Final = 1_000_000
"""A delivery limit for queues without dead-lettering, where a spent one would drop the message.

RabbitMQ 4 has a limit of 20 where none is given, and -1 drops at the first requeue on 3.10.
"""
_MIB: Final = 1024 * 1024
INGRESS_BYTES: Final = 256 * _MIB
OUT_BYTES: Final = 256 * _MIB
ALERT_BYTES: Final = 64 * _MIB
DEAD_BYTES: Final = 256 * _MIB

NOTHING: Final = r"^\z"
"""Matches no name, for none is empty: an empty pattern would be read as `^$`, which a lone line break matches."""
_ROUTER: Final = r"^router\.(dead|in\.[a-z0-9-]{2,32})\z"


def ingress_exchange(agency_id: str) -> str:
    """Return the exchange that an agency publishes to."""
    return f"in.{agency_id}"


def ingress_queue(agency_id: str) -> str:
    """Return the queue that the coordinator reads an agency's messages from: it tells who sent them."""
    return f"router.in.{agency_id}"


def egress_queue(agency_id: str, lane: Lane) -> str:
    """Return the queue that an agency's systems read."""
    return f"{lane.value}.{agency_id}"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable fanout exchange: routing keys are ignored."""

    name: str


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue."""

    name: str
    arguments: Arguments


@dataclass(frozen=True, slots=True, order=True)
class Binding:
    """From a fanout exchange to a queue."""

    exchange: str
    queue: str


@dataclass(frozen=True, slots=True)
class Permission:
    r"""What a user may do in the vhost: regular expressions over names, each ending in `\z`.

    (`$` would let a line break at the end of a name pass.)
    """

    user: str
    configure: str
    write: str
    read: str


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits that the broker lays on every queue of that pattern."""

    name: str
    pattern: str
    definition: Arguments
    priority: int = 10


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that one vhost must hold."""

    vhost: str
    coordinator: str
    """The coordinator's user."""
    exchanges: tuple[Exchange, ...]
    queues: tuple[Queue, ...]
    bindings: tuple[Binding, ...]
    permissions: tuple[Permission, ...]
    policies: tuple[Policy, ...]
    users: Mapping[str, str]
    """Agencies' users and their password hashes; the coordinator's password is not the directory's business."""
    shut_out: tuple[str, ...]
    """Users that the directory disables: they must not exist at the broker."""

    def queue(self, name: str) -> Queue:
        """Return the queue of that name; raises KeyError when there is none."""
        return {queue.name: queue for queue in self.queues}[name]


def plan_topology(
    directory: Directory, *, vhost: str = DEFAULT_VHOST, coordinator_user: str = "coordinator"
) -> Topology:
    """Derive a vhost's topology from the directory (`contracts.md`, AMQP).

    A vhost that agencies name as their own holds these; any other holds the agencies that name none.
    Raises ConfigurationError when the coordinator's user is also an agency's.
    """
    if coordinator_user in directory.users():
        owner = directory.users()[coordinator_user]
        msg = f"the coordinator's user {coordinator_user} is an account of {owner} too; rename one of them"
        raise ConfigurationError(msg)
    agencies = members_of(directory, vhost)
    enabled = [(agency, account) for agency in agencies for account in agency.accounts if account.enabled]
    ids = [agency.id for agency in agencies]
    return Topology(
        vhost=vhost,
        coordinator=coordinator_user,
        exchanges=(*(Exchange(ingress_exchange(one)) for one in ids), Exchange(DEAD_LETTERS)),
        queues=tuple(_queues(ids)),
        bindings=(*(Binding(ingress_exchange(one), ingress_queue(one)) for one in ids), _DEAD_BINDING),
        permissions=(
            _coordinator_permission(coordinator_user),
            *(_agency_permission(account.user, agency.id) for agency, account in enabled),
        ),
        policies=POLICIES,
        users=MappingProxyType({account.user: account.password_hash for _, account in enabled}),
        shut_out=tuple(account.user for agency in agencies for account in agency.accounts if not account.enabled),
    )


def members_of(directory: Directory, vhost: str) -> Sequence[Agency]:
    """Return the agencies whose queues are in a vhost: those that name it as their own, else those that name none."""
    agencies = [directory.agencies[agency_id] for agency_id in directory.ids]
    own = [agency for agency in agencies if agency.vhost == vhost]
    return own or [agency for agency in agencies if agency.vhost is None]


_DEAD_BINDING: Final = Binding(DEAD_LETTERS, DEAD_LETTERS)

_QUORUM: Final[Arguments] = MappingProxyType({"x-queue-type": "quorum"})

_INGRESS: Final[Arguments] = MappingProxyType(
    {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": DEAD_LETTERS,
        # At least once works with rejecting publishes only; with any other overflow the broker silently does less.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-max-length-bytes": INGRESS_BYTES,
    }
)

_DEAD: Final[Arguments] = MappingProxyType(
    {
        "x-queue-type": "quorum",
        "x-delivery-limit": NEVER_SPENT,
        "x-overflow": "reject-publish",
        "x-max-length-bytes": DEAD_BYTES,
    }
)
"""No dead-lettering of its own: a cycle drops messages with only a warning in the broker's log."""


def _queues(agency_ids: Sequence[str]) -> Iterator[Queue]:
    for agency_id in agency_ids:
        yield Queue(ingress_queue(agency_id), _INGRESS)
        for lane in Lane:
            yield Queue(egress_queue(agency_id, lane), _QUORUM)
    yield Queue(DEAD_LETTERS, _DEAD)


def _egress_policy(lane: Lane, max_bytes: int) -> Policy:
    return Policy(
        name=f"coordination-{lane.value}",
        pattern=rf"^{lane.value}\.[a-z0-9-]{{2,32}}\z",
        definition=MappingProxyType(
            {"max-length-bytes": max_bytes, "overflow": "reject-publish", "delivery-limit": NEVER_SPENT}
        ),
    )


POLICIES: Final = (_egress_policy(Lane.OUT, OUT_BYTES), _egress_policy(Lane.ALERT, ALERT_BYTES))
"""Limits of the agencies' queues: without a maximum, one absent recipient fills the disk and stops everybody."""


def _coordinator_permission(user: str) -> Permission:
    """Declare and read `router.*`, publish through the default exchange; on 3.10 dead-lettering needs no right of ours.

    Declaring a missing ingress queue would need write on `router.dead`, too: an administrator does that.
    """
    return Permission(user, configure=_ROUTER, write=r"^amq\.default\z", read=_ROUTER)


def _agency_permission(user: str, agency_id: str) -> Permission:
    lanes = "|".join(lane.value for lane in Lane)
    return Permission(user, configure=NOTHING, write=rf"^in\.{agency_id}\z", read=rf"^({lanes})\.{agency_id}\z")
