"""A whole installation for a test: configuration, directory, keys and store in a folder, and a vhost as it must be."""

import asyncio
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from yarl import URL

from coordinator.amqp.apply import apply_topology
from coordinator.amqp.definitions import password_hash
from coordinator.amqp.topology import plan_topology
from coordinator.directory.reader import read_directory
from coordinator.domain import system_clock, system_id
from coordinator.http.principals import AccessRole, Principal
from coordinator.http.tokens import LIFETIME, TokenKeys, Tokens, load_token_keys
from coordinator.journal.note import SigningKey
from coordinator.model.directory import Directory
from coordinator.model.work import Submission
from coordinator.settings import Settings, load
from coordinator.store.migrate import migrate
from tests import kit
from tests.conftest import Vhost

ORIGIN = "coordination.test/missouri"
PASSWORD = "coordinator-fictional"


@dataclass(frozen=True, slots=True)
class Installation:
    """Where everything is."""

    folder: Path
    vhost: Vhost
    directory: Directory
    key: SigningKey

    @property
    def config(self) -> Path:
        return self.folder / "coordinator.toml"

    @property
    def settings(self) -> Settings:
        return load(self.config)

    @property
    def environment(self) -> dict[str, str]:
        """What a command needs to speak as any agency."""
        accounts = {f"COORDINATOR_AMQP__ACCOUNTS__{agency}": kit.password(agency) for agency in self.directory.ids}
        return {**os.environ, **accounts}

    def token(self, agency: str, *roles: AccessRole, subject: str | None = None) -> str:
        """A token of the HTTP door: a publisher's, unless other roles are named."""
        settings = self.settings
        keys = load_token_keys(settings.http.token_key)
        issued = Tokens(keys, settings.domain.origin, settings.domain.id, self.directory)
        principal = Principal(agency, subject or agency, frozenset(roles or {AccessRole.PUBLISHER}))
        return issued.issue(principal, system_clock(), LIFETIME, system_id())

    def bearer(self, agency: str, *roles: AccessRole, subject: str | None = None) -> dict[str, str]:
        """The header that shows such a token."""
        return {"Authorization": f"Bearer {self.token(agency, *roles, subject=subject)}"}

    def url(self, agency: str) -> str:
        """The broker's address for an agency's account."""
        return self.vhost.url_for(agency, kit.password(agency))


async def install(folder: Path, vhost: Vhost, toml: str | None = None) -> Installation:
    """Make an installation whose broker is as its directory says."""
    text = toml or kit.directory_toml()
    directory = read_directory(text, counties=kit.counties().names)
    assert isinstance(directory, Directory), directory
    key = SigningKey(ORIGIN, b"7" * 32)
    url = vhost.url_for("coordinator", PASSWORD)
    (folder / "directory.toml").write_text(text)
    (folder / "journal.key").write_text(f"{key.encode()}\n")
    (folder / "journal.vkey").write_text(f"{key.verifier.encode()}\n")
    (folder / "token.key").write_text(TokenKeys.generate().encode(private=True))
    (folder / "token.key").chmod(0o600)
    (folder / "coordinator.toml").write_text(
        f'[domain]\norigin = "{ORIGIN}"\n[amqp]\nurl = "{url}"\nheartbeat_s = 5\n[http]\nport = 0\n'
    )
    migrate(f"sqlite:///{folder}/coordinator.db")
    layout = vhost.node.layout
    manage = URL(vhost.node.management_url).with_user(layout.user).with_password(layout.password)
    applied = await apply_topology(
        vhost.url,
        plan_topology(directory, vhost=vhost.name),
        management_url=str(manage),
        coordinator_password_hash=password_hash(PASSWORD, b"salt"),
    )
    assert not applied.left, applied.left
    return Installation(folder, vhost, directory, key)


class Partner:
    """An agency's system as its own developers write it: plain aio-pika, its own account, its own queues."""

    def __init__(self, installation: Installation, agency: str) -> None:
        self.agency = agency
        self._url = installation.url(agency)
        self._arrived: dict[str, asyncio.Queue[AbstractIncomingMessage]] = {}

    async def __aenter__(self) -> Self:
        self._connection = await aio_pika.connect(self._url)
        self.channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
        await self.channel.set_qos(prefetch_count=200)
        self._exchange = await self.channel.get_exchange(f"in.{self.agency}", ensure=False)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._connection.close()

    async def publish(self, *messages: Submission | bytes, **properties: object) -> None:
        for message in messages:
            body = message.body if isinstance(message, Submission) else message
            plain = {"user_id": self.agency, "content_type": "application/cloudevents+json", **properties}
            ready = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, **plain)  # type: ignore[arg-type]  # properties as the test gives them
            await self._exchange.publish(ready, "", mandatory=True)

    async def receipt(self, message: Submission | bytes) -> kit.Json:
        """Wait for the answer to a message: its type and its data."""
        body = message.body if isinstance(message, Submission) else message
        wanted = json.loads(body)["id"]
        while True:
            (found,) = await self.read("out", 1)
            event: kit.Json = json.loads(found.body)
            if event["data"].get("target", {}).get("id") == wanted:
                return event

    async def read(self, lane: str, count: int) -> list[AbstractIncomingMessage]:
        """Take that many messages from one of the agency's two queues, as they come; heartbeats do not count."""
        if lane not in self._arrived:
            self._arrived[lane] = asyncio.Queue()
            queue = await self.channel.get_queue(f"{lane}.{self.agency}", ensure=False)
            await queue.consume(self._arrived[lane].put)
        found: list[AbstractIncomingMessage] = []
        async with asyncio.timeout(30):
            while len(found) < count:
                message = await self._arrived[lane].get()
                await message.ack()
                if message.type != "gov.mo.coordination.service.heartbeat.v1":
                    found.append(message)
        return found
