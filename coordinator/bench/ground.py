"""Where everything is measured: one private broker, and a fresh copy of one prepared installation for each run."""

import asyncio
import json
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import aio_pika

from coordinator.amqp.definitions import definitions
from coordinator.amqp.node import PrivateNode
from coordinator.amqp.topology import egress_queue, plan_topology
from coordinator.bench import traffic
from coordinator.bench.parties import COORDINATOR_USER, SENDER, Parties, agreements, make_parties
from coordinator.directory.writer import render_directory
from coordinator.journal.note import SigningKey
from coordinator.model.codes import Lane
from coordinator.model.errors import ConfigurationError
from coordinator.store.connections import path_of
from coordinator.store.migrate import migrate

ORIGIN: Final = "coordination.example/benchmark"
_AT_ONCE: Final = 500
_STORE_FILES: Final = ("", "-wal", "-shm", ".serving")


@dataclass(frozen=True, slots=True)
class Home:
    """One installation: its folder and its store."""

    folder: Path
    store: Path

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "coordinator.toml"

    @property
    def url(self) -> str:
        """The store's address."""
        return f"sqlite:///{self.store}"


@dataclass(frozen=True, slots=True)
class Ground:
    """One broker, and a folder for installations."""

    node: PrivateNode
    folder: Path
    parties: Parties
    store: Path | None = None
    """Where the store of a run is, if that is chosen; it is made anew, and taken away."""

    @property
    def template(self) -> Home:
        """The installation that every run begins with: agreed upon, and nothing owed."""
        return Home(self.folder / "template", self.folder / "template" / "coordinator.db")

    def url(self, user: str) -> str:
        """The broker's address for an account."""
        return self.node.url_for(user, self.parties.passwords[user])

    def install(self, home: Home) -> None:
        """Write an installation's files."""
        url = self.url(COORDINATOR_USER)
        sections: dict[str, dict[str, object]] = {
            "domain": {"origin": ORIGIN},
            "amqp": {"url": url},
            "store": {"url": home.url},
            "http": {"port": 0},
            "log": {"level": "error"},
        }
        lines = [
            line
            for section, entries in sections.items()
            for line in (f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in entries.items()))
        ]
        home.config.write_text("\n".join([*lines, ""]), encoding="utf-8")

    @contextmanager
    def fresh(self, name: str) -> Iterator[Home]:
        """A copy of the template, which goes afterwards."""
        folder = self.folder / name
        home = Home(folder, self.store or folder / "coordinator.db")
        shutil.copytree(self.template.folder, folder)
        if self.store is not None:
            shutil.move(folder / "coordinator.db", self.store)
        self.install(home)
        try:
            yield home
        finally:
            shutil.rmtree(folder)
            for suffix in _STORE_FILES:
                home.store.with_name(f"{home.store.name}{suffix}").unlink(missing_ok=True)

    async def fill(self, bodies: Sequence[bytes], content_type: str = traffic.STRUCTURED, user: str = SENDER) -> None:
        """Put messages into an agency's ingress, as that agency."""
        async with await aio_pika.connect(self.url(user)) as connection:
            exchange = await (await connection.channel()).get_exchange(f"in.{user}", ensure=False)
            for start in range(0, len(bodies), _AT_ONCE):
                messages = [traffic.message(body, user, content_type) for body in bodies[start : start + _AT_ONCE]]
                await asyncio.gather(*(exchange.publish(each, "") for each in messages))

    async def empty(self) -> None:
        """Forget what earlier runs left in the queues."""
        async with await aio_pika.connect(self.node.admin_url) as connection:
            channel = await connection.channel()
            queues = [egress_queue(agency, lane) for agency in self.parties.directory.ids for lane in Lane]
            for name in (*queues, f"router.in.{SENDER}"):
                await (await channel.get_queue(name, ensure=False)).purge()


@asynccontextmanager
async def set_up(store_url: str | None = None) -> AsyncIterator[Ground]:
    """Start a broker that has everything, and write the template, without its agreements; all goes afterwards.

    Raises `ConfigurationError` with what is missing, and when the chosen store exists: it would be overwritten.
    """
    store = path_of(store_url).absolute() if store_url is not None else None
    if store is not None and (store.exists() or not store.parent.is_dir()):
        what = "is there already" if store.exists() else "is in no folder that exists"
        msg = f"--store {store} {what}: name a new file, which the benchmark makes and takes away"
        raise ConfigurationError(msg)
    parties = make_parties()
    topology = plan_topology(parties.directory, coordinator_user=COORDINATOR_USER)
    loaded = definitions(topology, coordinator_password_hash=parties.coordinator_hash)
    with tempfile.TemporaryDirectory(prefix="coordinator-bench-") as folder:
        async with PrivateNode(definitions=loaded, vhost=topology.vhost) as node:
            ground = Ground(node, Path(folder), parties, store)
            _write_template(ground)
            yield ground


def _write_template(ground: Ground) -> None:
    home = ground.template
    home.folder.mkdir()
    key = SigningKey(ORIGIN, secrets.token_bytes(32))
    (home.folder / "journal.key").write_text(f"{key.encode()}\n", encoding="utf-8")
    (home.folder / "directory.toml").write_text(render_directory(ground.parties.directory), encoding="utf-8")
    ground.install(home)
    migrate(home.url)


async def say_agreements(ground: Ground) -> int:
    """Have every agency say its words over AMQP; returns how many."""
    words: dict[str, list[bytes]] = {}
    for agency, body in agreements(traffic.ids(), datetime.now(UTC)):
        words.setdefault(agency, []).append(body)
    for agency, bodies in words.items():
        await ground.fill(bodies, user=agency)
    return sum(map(len, words.values()))
