"""A supervised connection to the broker: when one is lost the next begins, under the next generation number."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import aio_pika
import structlog
from aiormq.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import ConnectionClosed
from yarl import URL

from coordinator.amqp.backoff import Backoff
from coordinator.amqp.trouble import broker_errors, reason, refusal
from coordinator.model.errors import BrokerUnavailableError

HEARTBEAT_S: Final = 15
"""The client's own 60 would leave us stuck for three minutes on a silent broker (`broker.md`)."""
CONNECT_S: Final = 10.0
REQUEST_S: Final = 10.0
"""How long the broker may take to answer a request, such as opening a channel."""
_CLOSE_S: Final = 5.0
_BLOCKED_POLL_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Link:
    """One connection, for as long as it lives; `generation` tells it from those before and after."""

    connection: AbstractConnection
    generation: int

    async def channel(self, *, confirms: bool = False) -> AbstractChannel:
        """Open a channel; with `confirms`, every publish is confirmed and returned messages are seen.

        Raises BrokerUnavailableError.
        """
        with broker_errors("open a channel"):
            if self.connection.is_closed:  # the client would say so with a RuntimeError
                raise ConnectionClosed(None, "the connection is gone")
            return await self.connection.channel(
                publisher_confirms=confirms, on_return_raises=confirms, timeout=REQUEST_S
            )

    async def ready(self) -> None:
        """Return when the broker reads what we send: at once, or when its alarm is over."""
        await self.connection.ready()


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """How a session is doing, for readiness and metrics."""

    name: str
    connected: bool
    generation: int
    """How often it has connected."""
    blocked_s: float
    """For how long the broker has been refusing what we publish (an alarm), in seconds; 0 when it is not."""
    blocked_total_s: float
    trouble: str | None
    """Why it is not connected, or why the last connection ended."""

    @property
    def ready(self) -> bool:
        """Whether the broker can be used now."""
        return self.connected and not self.blocked_s


class Session:
    """Keeps one connection to the broker, as long as `run` runs."""

    def __init__(
        self,
        url: str,
        name: str,
        *,
        heartbeat_s: int = HEARTBEAT_S,
        backoff: Backoff | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the address, and the name under which the broker lists the connection. Nothing is opened yet."""
        self._url = URL(url).update_query(heartbeat=heartbeat_s)
        self.name = name
        self._backoff = backoff or Backoff()
        self._monotonic = monotonic
        self._generation = 0
        self._link: Link | None = None
        self._trouble: str | None = "not connected yet"
        self._blocked_since: float | None = None
        self._blocked_total = 0.0
        self._usable = asyncio.Event()
        self._stopping = asyncio.Event()

    def status(self) -> SessionStatus:
        """How the session is doing now."""
        since = self._blocked_since
        blocked = 0.0 if since is None else max(self._monotonic() - since, 1e-9)
        total = self._blocked_total + blocked
        return SessionStatus(self.name, self._link is not None, self._generation, blocked, total, self._trouble)

    async def ready(self) -> None:
        """Return when the broker is connected and reads what we send; wait while it is not."""
        await self._usable.wait()

    def stop(self) -> None:
        """Begin no further generation. The present one ends when its `use` returns."""
        self._stopping.set()

    async def run(self, use: Callable[[Link], Awaitable[None]]) -> None:
        """Connect and run `use` with the connection; cancel it when the connection is lost, and begin again.

        Returns when `use` returns, or after `stop`. What `use` raises is raised, except BrokerUnavailableError and
        what the client raises: those are the broker's trouble, and the next generation begins.
        """
        log = structlog.get_logger("amqp")
        while not self._stopping.is_set():
            began = self._monotonic()
            try:
                async with self._connected() as link:
                    await self._supervise(link, use)
                    return
            except BrokerUnavailableError as error:
                self._trouble = str(error)
            rest = self._backoff.next(self._monotonic() - began)
            log.warning("broker_unavailable", session=self.name, reason=self._trouble, again_in_s=rest)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._stopping.wait()

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[Link]:
        connection = await self._connect()
        if connection.transport is None:
            msg = "the connection was lost as soon as it was there"
            raise BrokerUnavailableError(msg)
        self._generation += 1
        self._link = Link(connection.transport.connection, self._generation)
        log = structlog.get_logger("amqp")
        log.info("broker_connected", session=self.name, generation=self._generation)
        try:
            yield self._link
        finally:
            self._link = None
            await _close(connection)

    async def _connect(self) -> aio_pika.abc.AbstractConnection:
        try:
            async with asyncio.timeout(CONNECT_S):
                return await aio_pika.connect(self._url, client_properties={"connection_name": self.name})
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise BrokerUnavailableError(refusal(error, self._url)) from error
        except (OSError, aio_pika.exceptions.AMQPError, TimeoutError) as error:
            raise BrokerUnavailableError(refusal(error, self._url)) from error

    async def _supervise(self, link: Link, use: Callable[[Link], Awaitable[None]]) -> None:
        """Run `use` until it ends or the connection does, whichever comes first."""
        closing = link.connection.closing
        work = asyncio.create_task(_used(link, use), name=f"{self.name}-{link.generation}")
        watch = asyncio.create_task(self._watch_alarms(link), name=f"{self.name}-alarms")
        try:
            self._trouble = None
            await asyncio.wait({work, watch, closing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended = [task for task in (work, watch) if task.done()]
            self._usable.clear()
            await _cancel(work, watch)
            self._unblocked()
        for task in ended:
            task.result()  # raises what ended it
        if work.done() and not work.cancelled():
            work.result()
            return
        msg = f"the connection was lost: {_closing_reason(closing)}"
        raise BrokerUnavailableError(msg)

    async def _watch_alarms(self, link: Link) -> None:
        """Measure for how long the broker does not read; only its waiting tells (`broker.md`, 8)."""
        while True:
            self._blocked_since = self._monotonic()
            self._usable.clear()
            await link.ready()  # at once, without a turn of the loop, when there is no alarm
            self._unblocked()
            self._usable.set()
            await asyncio.sleep(_BLOCKED_POLL_S)

    def _unblocked(self) -> None:
        if self._blocked_since is not None:
            self._blocked_total += self._monotonic() - self._blocked_since
        self._blocked_since = None


async def _used(link: Link, use: Callable[[Link], Awaitable[None]]) -> None:
    with broker_errors("use the broker"):
        await use(link)


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    """Cancel and wait; what the client keeps from ending must not keep the next generation from beginning."""
    for task in tasks:
        task.cancel()
    _, hanging = await asyncio.wait(tasks, timeout=_CLOSE_S)
    for task in hanging:
        structlog.get_logger("amqp").error("still_running", task=task.get_name())


async def _close(connection: aio_pika.abc.AbstractConnection) -> None:
    """Close in good order where the other side still answers; a silent one is left to its fate."""
    with contextlib.suppress(BrokerUnavailableError), broker_errors("close the connection"):
        async with asyncio.timeout(_CLOSE_S):
            await connection.close()


def _closing_reason(closing: asyncio.Future[object]) -> str:
    if closing.cancelled():
        return reason(asyncio.CancelledError())
    return reason(closing.exception() if closing.done() else None)
