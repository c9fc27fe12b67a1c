"""The broker's management API: what only it can tell or change (users, permissions, policies, bindings)."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeVar
from urllib.parse import quote

import aiohttp
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from yarl import URL

from coordinator.amqp.definitions import HASHING
from coordinator.amqp.topology import Permission, Policy
from coordinator.model.errors import BrokerUnavailableError, ConfigurationError

TIMEOUT_S: Final = 15
_NOT_ALLOWED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class FoundExchange(BaseModel, frozen=True):
    """An exchange as the broker has it."""

    name: str
    type: str
    durable: bool


class FoundQueue(BaseModel, frozen=True):
    """A queue as the broker has it."""

    name: str
    durable: bool
    arguments: Mapping[str, object]


class FoundBinding(BaseModel, frozen=True):
    """A binding as the broker has it; the empty source is the default exchange."""

    source: str
    destination: str
    destination_type: str
    properties_key: str


class FoundUser(BaseModel, frozen=True):
    """A user as the broker has it."""

    name: str
    password_hash: str
    hashing_algorithm: str | None = None
    tags: list[str] | str = ""
    """A list since 3.9; words with commas before."""

    @property
    def administers(self) -> bool:
        """Whether permissions do not matter: such a user can give itself any."""
        tags = self.tags.split(",") if isinstance(self.tags, str) else self.tags
        return "administrator" in (tag.strip() for tag in tags)


class FoundPermission(BaseModel, frozen=True):
    """A user's rights in the vhost."""

    user: str
    configure: str
    write: str
    read: str


class FoundPolicy(BaseModel, frozen=True):
    """A policy as the broker has it."""

    name: str
    pattern: str
    apply_to: str = Field(alias="apply-to")
    priority: int
    definition: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one vhost holds."""

    exchanges: Mapping[str, FoundExchange]
    queues: Mapping[str, FoundQueue]
    bindings: tuple[FoundBinding, ...]
    """Without those of the default exchange, which every queue has."""
    users: Mapping[str, FoundUser]
    """All users of the broker."""
    permissions: Mapping[str, FoundPermission]
    policies: tuple[FoundPolicy, ...]
    operator_policies: tuple[FoundPolicy, ...]


_Row = TypeVar("_Row", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Management:
    """A client of the management API, for one vhost. Every method raises BrokerUnavailableError."""

    session: aiohttp.ClientSession
    address: URL
    vhost: str

    async def snapshot(self) -> Snapshot:
        """Read everything; the account must be an administrator's."""
        vhost = quote(self.vhost, safe="")
        bindings = await self._rows(f"bindings/{vhost}", FoundBinding)
        return Snapshot(
            exchanges={one.name: one for one in await self._rows(f"exchanges/{vhost}", FoundExchange)},
            queues={one.name: one for one in await self._rows(f"queues/{vhost}", FoundQueue)},
            bindings=tuple(one for one in bindings if one.source),
            users={one.name: one for one in await self._rows("users", FoundUser)},
            permissions={one.user: one for one in await self._rows(f"vhosts/{vhost}/permissions", FoundPermission)},
            policies=tuple(await self._rows(f"policies/{vhost}", FoundPolicy)),
            operator_policies=tuple(await self._rows(f"operator-policies/{vhost}", FoundPolicy)),
        )

    async def put_user(self, name: str, password_hash: str) -> None:
        """Make or change a user without any tag; its rights stay."""
        body = {"password_hash": password_hash, "hashing_algorithm": HASHING, "tags": ""}
        await self._call("PUT", f"users/{quote(name, safe='')}", body)

    async def delete_user(self, name: str) -> None:
        """Remove a user, and with it all its rights."""
        await self._call("DELETE", f"users/{quote(name, safe='')}", None)

    async def put_permission(self, permission: Permission) -> None:
        """Give a user exactly these rights in the vhost."""
        body = {"configure": permission.configure, "write": permission.write, "read": permission.read}
        await self._call("PUT", f"permissions/{quote(self.vhost, safe='')}/{quote(permission.user, safe='')}", body)

    async def put_policy(self, policy: Policy) -> None:
        """Set a policy of the vhost."""
        body = {"pattern": policy.pattern, "apply-to": "queues", "priority": policy.priority}
        path = f"policies/{quote(self.vhost, safe='')}/{quote(policy.name, safe='')}"
        await self._call("PUT", path, {**body, "definition": dict(policy.definition)})

    async def delete_binding(self, binding: FoundBinding) -> None:
        """Remove a binding."""
        kind = "q" if binding.destination_type == "queue" else "e"
        ends = f"e/{quote(binding.source, safe='')}/{kind}/{quote(binding.destination, safe='')}"
        path = f"bindings/{quote(self.vhost, safe='')}/{ends}/{quote(binding.properties_key, safe='')}"
        await self._call("DELETE", path, None)

    async def _rows(self, path: str, row: type[_Row]) -> list[_Row]:
        answer = await self._call("GET", path, None)
        try:
            return TypeAdapter(list[row]).validate_json(answer)  # type: ignore[valid-type]  # a type known at run time
        except ValidationError as cause:
            msg = f"{self._place} answered GET {path} with something else than a management API would"
            raise BrokerUnavailableError(msg) from cause

    async def _call(self, method: str, path: str, body: Mapping[str, object] | None) -> bytes:
        address = URL(f"{self.address}/api/{path}", encoded=True)
        try:
            async with self.session.request(method, address, json=body) as response:
                answer = await response.read()
        except (aiohttp.ClientError, TimeoutError) as cause:
            msg = f"cannot reach the management API at {self._place}: check the address, and that the plugin is enabled"
            raise BrokerUnavailableError(msg) from cause
        if response.ok or (method == "DELETE" and response.status == HTTPStatus.NOT_FOUND):
            return answer
        hint = ": its account must be an administrator's" if response.status in _NOT_ALLOWED else ""
        msg = f"the management API at {self._place} answered {method} {path} with {response.status}{hint}"
        raise BrokerUnavailableError(msg)

    @property
    def _place(self) -> str:
        return f"{self.address.host}:{self.address.port}"


@contextlib.asynccontextmanager
async def management(url: str, vhost: str) -> AsyncIterator[Management]:
    """Open a client of the API at `http://user:password@host:port`.

    Raises ConfigurationError when the address has no user and password.
    """
    address = URL(url)
    if address.user is None or address.password is None:
        msg = "the management address needs an administrator's account, as http://user:password@host:15672"
        raise ConfigurationError(msg)
    headers = {"Authorization": aiohttp.encode_basic_auth(address.user, address.password)}
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        yield Management(session, URL(str(address.with_user(None)).rstrip("/")), vhost)
