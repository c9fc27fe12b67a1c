"""The topology as RabbitMQ's import file: `load_definitions` at its start, or `rabbitmqctl import_definitions`."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Final

from coordinator.amqp.topology import Topology

HASHING: Final = "rabbit_password_hashing_sha256"
SALT_BYTES: Final = 4


def password_hash(password: str, salt: bytes) -> str:
    """Return a password as RabbitMQ keeps it: Base64 of the salt and SHA-256 over salt and password.

    The salt is 4 random bytes (rabbitmq.com, *Credentials and Passwords*); raises ValueError for another length.
    """
    if len(salt) != SALT_BYTES:
        msg = f"a salt of {SALT_BYTES} bytes is needed, not of {len(salt)}"
        raise ValueError(msg)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode("ascii")


def definitions(topology: Topology, *, coordinator_password_hash: str) -> dict[str, object]:
    """Return RabbitMQ's definitions of one vhost; importing them again changes nothing, and never removes anything.

    Users have password hashes only. Disabled accounts are left out, so a broker that had them keeps them:
    `topology check` finds these.
    """
    users = {topology.coordinator: coordinator_password_hash, **topology.users}
    return {
        "users": [_user(name, hashed) for name, hashed in users.items()],
        "vhosts": [{"name": topology.vhost}],
        "permissions": list(_permissions(topology)),
        "exchanges": list(_exchanges(topology)),
        "queues": list(_queues(topology)),
        "bindings": list(_bindings(topology)),
        "policies": list(_policies(topology)),
    }


def _user(name: str, hashed: str) -> dict[str, object]:
    return {"name": name, "password_hash": hashed, "hashing_algorithm": HASHING, "tags": []}


def _permissions(topology: Topology) -> Iterator[dict[str, object]]:
    for one in topology.permissions:
        rights = {"configure": one.configure, "write": one.write, "read": one.read}
        yield {"user": one.user, "vhost": topology.vhost, **rights}


def _exchanges(topology: Topology) -> Iterator[dict[str, object]]:
    for exchange in topology.exchanges:
        kind = {"type": "fanout", "durable": True, "auto_delete": False, "internal": False, "arguments": {}}
        yield {"name": exchange.name, "vhost": topology.vhost, **kind}


def _queues(topology: Topology) -> Iterator[dict[str, object]]:
    for queue in topology.queues:
        kind = {"durable": True, "auto_delete": False, "arguments": dict(queue.arguments)}
        yield {"name": queue.name, "vhost": topology.vhost, **kind}


def _bindings(topology: Topology) -> Iterator[dict[str, object]]:
    for binding in topology.bindings:
        ends = {"source": binding.exchange, "destination": binding.queue, "destination_type": "queue"}
        yield {**ends, "vhost": topology.vhost, "routing_key": "", "arguments": {}}


def _policies(topology: Topology) -> Iterator[dict[str, object]]:
    for policy in topology.policies:
        limits = {"apply-to": "queues", "priority": policy.priority, "definition": dict(policy.definition)}
        yield {"name": policy.name, "vhost": topology.vhost, "pattern": policy.pattern, **limits}
