"""What a private RabbitMQ node is told: its folder, name, ports, account, configuration and environment."""

import json
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import quote

from coordinator.amqp.installation import Installation
from coordinator.model.errors import ConfigurationError

LOOPBACK = "127.0.0.1"
SHARED_PORTS = frozenset({5672, 4369})
"""The machine's own broker and port mapper: a private node never stands in their place."""
_PORTS = range(20000, 32000)
"""Below the ports that systems lend to outgoing connections, which could take one before the node does."""

Definitions = Mapping[str, object]
"""RabbitMQ's definitions (users, vhosts, permissions, queues, bindings, policies), as its import file has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The loopback ports of one node."""

    amqp: int
    distribution: int
    epmd: int
    management: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeLayout:
    """Everything that tells this node apart from any other on the machine; kept over its restarts."""

    run: Path
    """the node's temporary folder: configuration, cookie, log"""
    data: Path
    """the broker's database, inside `run` unless the caller keeps it"""
    name: str
    vhost: str
    user: str
    password: str
    ports: Ports

    @property
    def log(self) -> Path:
        """What the node printed, all its starts in order."""
        return self.run / "node.log"

    @property
    def keeps_data(self) -> bool:
        """Whether the database outlives the node."""
        return not self.data.is_relative_to(self.run)

    def url(self, user: str, password: str, vhost: str) -> str:
        """Give the AMQP address of this node for an account and a vhost."""
        account = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"amqp://{account}@{LOOPBACK}:{self.ports.amqp}/{quote(vhost, safe='')}"

    def environment(self, installation: Installation) -> dict[str, str]:
        """Give the environment of the node and its commands: nothing of the machine's own RabbitMQ gets in."""
        folders = [str(installation.epmd.parent), os.environ.get("PATH", os.defpath)]
        return {
            "PATH": os.pathsep.join(folders),
            "LANG": "C.UTF-8",
            "ERL_CRASH_DUMP_SECONDS": "0",  # none
            "HOME": str(self.run),  # Erlang reads the cookie here
            "ERL_EPMD_PORT": str(self.ports.epmd),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "ERL_FLAGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_NODENAME": f"{self.name}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
            "RABBITMQ_NODE_PORT": str(self.ports.amqp),
            "RABBITMQ_DIST_PORT": str(self.ports.distribution),
            "RABBITMQ_MNESIA_BASE": str(self.data),
            "RABBITMQ_LOG_BASE": str(self.run),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": str(self.run / "rabbitmq.conf"),
            "RABBITMQ_CONFIG_FILES": str(self.run / "conf.d"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.run / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.run / "enabled_plugins"),
            # The script then becomes the node, so that the process started is the process to signal;
            # two schedulers that sleep when idle, so that several nodes share a small machine.
            "RABBITMQ_ALLOW_INPUT": "true",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-noinput +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
        }

    def write(self, definitions: Definitions, settings: Mapping[str, str]) -> None:
        """Write the files that the node reads, for this user only; `settings` are added lines of rabbitmq.conf."""
        self.data.mkdir(parents=True, exist_ok=True)
        plugins = "[rabbitmq_management]." if self.ports.management else "[]."
        _write(self.run / ".erlang.cookie", secrets.token_hex(16))
        _write(self.run / "enabled_plugins", plugins)
        _write(self.run / "definitions.json", json.dumps(self._with_administrator(definitions)))
        _write(self.run / "rabbitmq.conf", self._conf(settings))

    def _conf(self, settings: Mapping[str, str]) -> str:
        lines = {
            "log.console": "true",
            "log.console.level": "info",
            "log.console.use_colors": "off",
            "log.file": "false",
            "load_definitions": str(self.run / "definitions.json"),
            "max_message_size": "262144",
            "vm_memory_high_watermark.absolute": "1GB",
            "disk_free_limit.absolute": "50MB",
        }
        if self.ports.management:
            lines |= {"management.tcp.ip": LOOPBACK, "management.tcp.port": str(self.ports.management)}
        return "".join(f"{key} = {value}\n" for key, value in (lines | dict(settings)).items())

    def _with_administrator(self, definitions: Definitions) -> dict[str, object]:
        """Add our account: a node that loads definitions makes no default user (RabbitMQ, *Definitions*)."""
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        vhosts = _rows(definitions, "vhosts")
        if all(row.get("name") != self.vhost for row in vhosts):
            vhosts.append({"name": self.vhost})
        user = {"name": self.user, "password": self.password, "tags": "administrator"}
        permission = {"user": self.user, "vhost": self.vhost, **everything}
        return {
            **definitions,
            "vhosts": vhosts,
            "users": [*_rows(definitions, "users"), user],
            "permissions": [*_rows(definitions, "permissions"), permission],
        }


def plan_node(*, data: Path | None, vhost: str, name: str, port: int | None, management: bool) -> NodeLayout:
    """Plan a node with a folder, free ports and an account of its own; nothing is written yet.

    Raises ConfigurationError when `port` is taken, or belongs to the machine's own broker.
    """
    run = Path(tempfile.gettempdir()).resolve() / f"coordinator-node-{secrets.token_hex(8)}"
    return NodeLayout(
        run=run,
        data=run / "data" if data is None else data.resolve(),
        name=name,
        vhost=vhost,
        user=f"administrator-{secrets.token_hex(4)}",
        password=secrets.token_urlsafe(24),
        ports=_choose_ports(port, management=management),
    )


def _choose_ports(asked: int | None, *, management: bool) -> Ports:
    if asked in SHARED_PORTS:
        msg = f"port {asked} belongs to this machine's own RabbitMQ or epmd; leave `port` out, or choose another"
        raise ConfigurationError(msg)
    if asked is not None and not _free(asked):
        msg = f"port {asked} is taken; leave `port` out, or choose another"
        raise ConfigurationError(msg)
    unused = _unused(asked)
    return Ports(
        amqp=asked or next(unused),
        distribution=next(unused),
        epmd=next(unused),
        management=next(unused) if management else None,
    )


def _unused(asked: int | None) -> Iterator[int]:
    for port in secrets.SystemRandom().sample(_PORTS, len(_PORTS)):
        if port != asked and _free(port):
            yield port


def _free(port: int) -> bool:
    with socket.socket() as probe:
        # As Erlang listens: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _rows(definitions: Definitions, key: str) -> list[dict[str, object]]:
    return list(cast("Sequence[dict[str, object]]", definitions.get(key, ())))


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
