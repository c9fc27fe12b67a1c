"""What every test may ask for: one private broker for the run, a vhost of its own, a folder for a store."""

import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from hypothesis import HealthCheck, settings

from coordinator import logs
from coordinator.amqp.node import PrivateNode
from coordinator.model.errors import ConfigurationError

# No deadline: tests make no statement about time. The same examples in every run unless asked otherwise
# (HYPOTHESIS_PROFILE=dev), so that red stays red until it is mended.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# What the service says of each message is for operators; a failing test wants its own words.
logs.configure("error")

EVERYTHING = {"configure": ".*", "write": ".*", "read": ".*"}


@dataclass(frozen=True, slots=True)
class Vhost:
    """A vhost that belongs to one test, on the node that all tests share."""

    node: PrivateNode
    name: str

    @property
    def url(self) -> str:
        """The administrator's AMQP address in this vhost."""
        return self.url_for(self.node.layout.user, self.node.layout.password)

    def url_for(self, user: str, password: str) -> str:
        """Give an account's AMQP address in this vhost."""
        return self.node.url_for(user, password, self.name)

    async def ctl(self, command: str, *arguments: str) -> str:
        """Run a `rabbitmqctl` command in this vhost, as `list_queues name messages`."""
        return await self.node.ctl("--vhost", self.name, command, *arguments)

    async def manage(self, method: str, path: str, body: Mapping[str, object] | None = None) -> None:
        """Ask RabbitMQ's management API, as `PUT`, `policies/<vhost>/limits`; much quicker than `ctl`."""
        layout = self.node.layout
        headers = {"Authorization": aiohttp.encode_basic_auth(layout.user, layout.password)}
        async with (
            aiohttp.ClientSession(headers=headers, raise_for_status=True) as session,
            session.request(method, f"{self.node.management_url}/api/{path}", json=dict(body or {})),
        ):
            pass

    async def add_account(self, user: str, password: str, permissions: Mapping[str, str] = EVERYTHING) -> str:
        """Make an account, permit it here what matches (`configure`, `write`, `read`), and give its address."""
        await self.manage("PUT", f"users/{user}", {"password": password, "tags": ""})
        await self.manage("PUT", f"permissions/{self.name}/{user}", permissions)
        return self.url_for(user, password)


@pytest.fixture(scope="session")
async def broker() -> AsyncIterator[PrivateNode]:
    """Give the run's private RabbitMQ node, started when a test first asks for it; leave it as you found it."""
    quiet = {"management_agent.disable_metrics_collector": "true"}
    try:
        async with PrivateNode(management=True, settings=quiet) as node:
            yield node
    except ConfigurationError as error:
        pytest.fail(str(error), pytrace=False)


@asynccontextmanager
async def vhost_of(broker: PrivateNode) -> AsyncIterator[Vhost]:
    """Make a fresh vhost where the administrator may do everything; it goes, with its queues, at the end."""
    fresh = Vhost(broker, f"test-{secrets.token_hex(4)}")
    await fresh.manage("PUT", f"vhosts/{fresh.name}")
    await fresh.manage("PUT", f"permissions/{fresh.name}/{broker.layout.user}", EVERYTHING)
    yield fresh
    await fresh.manage("DELETE", f"vhosts/{fresh.name}")


@pytest.fixture
async def vhost(broker: PrivateNode) -> AsyncIterator[Vhost]:
    """Give a fresh vhost of the test's own."""
    async with vhost_of(broker) as fresh:
        yield fresh


@pytest.fixture
def store_folder(tmp_path: Path) -> Path:
    """Give an empty folder for a store and what it publishes."""
    folder = tmp_path / "store"
    folder.mkdir()
    return folder
