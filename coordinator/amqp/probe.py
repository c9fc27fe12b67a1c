"""Asks a live broker over AMQP what exists, and learns with which arguments, by declaring it again."""

import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import AMQPError, ChannelClosed, ChannelNotFoundEntity, ChannelPreconditionFailed
from aiormq.abc import AbstractChannel as UnderlayChannel
from aiormq.exceptions import (
    AuthenticationError,
    ChannelAccessRefused,
    ChannelLockedResource,
    ProbableAuthenticationError,
)
from pamqp.commands import Queue as QueueFrames
from yarl import URL

from coordinator.amqp.topology import Arguments, Exchange, Queue
from coordinator.amqp.trouble import refusal
from coordinator.model.errors import BrokerUnavailableError

TIMEOUT_S: Final = 15
_INEQUIVALENT: Final = re.compile(
    r"inequivalent arg '(?P<name>[^']+)' for .*: received .* but current is (?P<current>.*)", re.DOTALL
)
_CURRENT: Final = re.compile(r"none|(?:the value )?'(?P<value>.*?)'(?: of type '(?P<type>\w+)')?", re.DOTALL)
_MOST_DIFFERENCES: Final = 20


@dataclass(frozen=True, slots=True)
class Missing:
    """There is none of that name."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """It exists, and this account may not see its arguments; `why` are the broker's words."""

    why: str


@dataclass(frozen=True, slots=True)
class Present:
    """It exists. What differs from durable, kept and shared stands among the arguments, as `durable: "false"`."""

    arguments: Arguments
    messages: int = 0
    consumers: int = 0


Answer = Missing | Hidden | Present


class AccountRefusedError(BrokerUnavailableError):
    """The broker does not know the account, or not with this password."""


async def connect(url: str) -> AbstractConnection:
    """Connect plainly, without recovery.

    Raises BrokerUnavailableError (AccountRefusedError where that is the reason), which tells apart no broker, a refused
    account and a refused vhost, and never has the password.
    """
    address = URL(url)
    try:
        return await aio_pika.connect(url, timeout=TIMEOUT_S, heartbeat=15)
    except (AuthenticationError, ProbableAuthenticationError) as cause:
        raise AccountRefusedError(refusal(cause, address)) from cause
    except (OSError, AMQPError, TimeoutError) as cause:
        raise BrokerUnavailableError(refusal(cause, address)) from cause


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[AbstractConnection]:
    """Connect plainly, and close at the end.

    Raises BrokerUnavailableError, also when the connection breaks inside; its text never has the password.
    """
    address = URL(url)
    connection = await connect(url)
    try:
        async with connection:
            yield connection
    except ChannelAccessRefused as cause:
        msg = f"the account {address.user} may not do this ({cause}): it needs an administrator's --url"
        raise BrokerUnavailableError(msg) from cause
    except AMQPError as cause:
        msg = f"the broker at {address.host} ended the connection or refused a request: {cause}"
        raise BrokerUnavailableError(msg) from cause


@dataclass(slots=True)
class Probe:
    """One connection's view of the broker. A refused question closes its channel, so the next one opens another."""

    connection: AbstractConnection
    _channel: AbstractChannel | None = field(default=None, init=False)

    async def exchange(self, exchange: Exchange) -> Answer:
        """Ask for an exchange; where it is of another kind, the answer's arguments say in what."""
        found: dict[str, str | int] = {}

        async def declare(channel: UnderlayChannel) -> None:
            await channel.exchange_declare(exchange.name, exchange_type="fanout", durable=True, timeout=TIMEOUT_S)

        try:
            await self.ask(lambda channel: channel.exchange_declare(exchange.name, passive=True, timeout=TIMEOUT_S))
            await self.ask(declare)
        except ChannelNotFoundEntity:
            return Missing()
        except (ChannelAccessRefused, ChannelLockedResource) as refusal:
            return Hidden(str(refusal))
        except ChannelPreconditionFailed as refusal:
            difference = _difference(str(refusal))
            if difference is None:
                return Hidden(str(refusal))
            name, current = difference
            found[name] = "none" if current is None else current
        return Present(found)

    async def queue(self, queue: Queue) -> Answer:
        """Ask for a queue and its arguments. Nothing is created: only what is there is declared again."""
        try:
            counts = await self.ask(lambda channel: channel.queue_declare(queue.name, passive=True, timeout=TIMEOUT_S))
            arguments = await self._learn(queue)
        except ChannelNotFoundEntity:
            return Missing()
        except (ChannelAccessRefused, ChannelLockedResource, ChannelPreconditionFailed) as refusal:
            return Hidden(str(refusal))
        if not isinstance(counts, QueueFrames.DeclareOk):
            return Missing()
        return Present(arguments, counts.message_count or 0, counts.consumer_count or 0)

    async def ask(self, question: Callable[[UnderlayChannel], Awaitable[object]]) -> object:
        """Ask on the channel of this probe; what the broker refuses is raised, and costs the channel."""
        if self._channel is None:
            self._channel = self.connection.channel(publisher_confirms=False)
            await self._channel.initialize(timeout=TIMEOUT_S)
        try:
            return await question(await self._channel.get_underlay_channel())
        except ChannelClosed:
            self._channel = None
            raise

    async def _learn(self, queue: Queue) -> Arguments:
        """Declare the queue as it should be; each refusal names one argument that differs, and that is corrected.

        Raises ChannelPreconditionFailed when a refusal names none.
        """
        declaration = _Declaration(queue.name, dict(queue.arguments))
        for _ in range(_MOST_DIFFERENCES):
            try:
                await self.ask(declaration.ask)
            except ChannelPreconditionFailed as refusal:
                if not declaration.correct(str(refusal)):
                    raise
            else:
                break
        return declaration.found()


@dataclass(slots=True)
class _Declaration:
    name: str
    arguments: dict[str, str | int]
    flags: dict[str, bool] = field(default_factory=lambda: {"durable": True, "auto_delete": False, "exclusive": False})

    async def ask(self, channel: UnderlayChannel) -> None:
        await channel.queue_declare(
            self.name,
            durable=self.flags["durable"],
            auto_delete=self.flags["auto_delete"],
            exclusive=self.flags["exclusive"],
            arguments=dict(self.arguments),
            timeout=TIMEOUT_S,
        )

    def correct(self, refusal: str) -> bool:
        """Take over what the broker says it has; False when its words do not tell, or tell the same again."""
        difference = _difference(refusal)
        if difference is None:
            return False
        name, current = difference
        if name in self.flags:
            before, self.flags[name] = self.flags[name], current == "true"
            return before != self.flags[name]
        before_argument = self.arguments.pop(name, None)
        if isinstance(current, str) and isinstance(before_argument, int) and current.lstrip("-").isdigit():
            current = int(current)
        if current is not None:
            self.arguments[name] = current
        return before_argument != current

    def found(self) -> Arguments:
        usual = _Declaration(self.name, {}).flags
        return self.arguments | {name: str(on).lower() for name, on in self.flags.items() if on != usual[name]}


def _difference(refusal: str) -> tuple[str, str | int | None] | None:
    """Read the argument that a refusal names, and what the broker has in its place; None for none of it."""
    named = _INEQUIVALENT.search(refusal)
    current = _CURRENT.fullmatch(named["current"].strip()) if named else None
    if named is None or current is None:
        return None
    value = current["value"]
    if value is not None and current["type"] not in (None, "longstr") and value.lstrip("-").isdigit():
        return named["name"], int(value)
    return named["name"], value
