"""A private RabbitMQ node: its own folder, ports and cookie, on loopback only, gone without a trace afterwards."""

import asyncio
import contextlib
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import aio_pika
from aio_pika.exceptions import AMQPError

from coordinator.amqp.installation import find_installation
from coordinator.amqp.keeper import Keeper
from coordinator.amqp.node_layout import LOOPBACK, Definitions, plan_node
from coordinator.model.errors import BrokerUnavailableError, ConfigurationError

_POLL_S = 0.05
_LINES_TOLD = 8


class PrivateNode:
    """One RabbitMQ node that belongs to one owner; use it as an async context manager.

    However the owner ends, SIGKILL included, no process and no temporary folder stays behind.
    """

    def __init__(  # noqa: PLR0913 - independent options, all by keyword
        self,
        *,
        definitions: Definitions | None = None,
        data: Path | None = None,
        settings: Mapping[str, str] | None = None,
        vhost: str = "coordination",
        name: str = "coordinator",
        port: int | None = None,
        management: bool = False,
        start_timeout_s: float = 60.0,
    ) -> None:
        """Choose the node's ports and account; nothing is started or written before the context is entered.

        `definitions` are RabbitMQ's own (users, vhosts, permissions, queues, policies), loaded before the port opens,
        at each start. `data` keeps the database in a folder of the caller's. `settings` are added lines of
        `rabbitmq.conf`, as `{"consumer_timeout": "60000"}`. `management` turns on the management plugin.
        Raises ConfigurationError when RabbitMQ or Erlang is missing, or `port` is not to be had.
        """
        self._installation = find_installation()
        self.layout = plan_node(data=data, vhost=vhost, name=name, port=port, management=management)
        self._environment = self.layout.environment(self._installation)
        self._definitions = definitions or {}
        self._settings = settings or {}
        self._start_timeout_s = start_timeout_s
        self._keeper = Keeper(self.layout.run)
        self._log_start = 0
        self._server: Process | None = None

    async def __aenter__(self) -> Self:
        """Start the node and wait until it answers.

        Raises ConfigurationError when it stops or stays silent: the text has its last lines and the next thing to do.
        """
        try:
            await self._keeper.open()
            self.layout.write(self._definitions, self._settings)
            await self._start_epmd()
            await self.start()
        except BaseException:
            await self._keeper.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the node and its port mapper, and remove what was temporary; data that are kept are closed in order."""
        try:
            if self.layout.keeps_data:
                await self.stop()
        finally:
            await self._keeper.close()

    @property
    def url(self) -> str:
        """The AMQP address of the administrator's account in the default vhost."""
        return self.url_for(self.layout.user, self.layout.password)

    @property
    def admin_url(self) -> str:
        """The account that may do everything, here the only one; agencies' accounts come with `definitions`."""
        return self.url

    @property
    def management_url(self) -> str:
        """The address of the management API, without the account (`layout.user`, `layout.password`).

        Raises ConfigurationError unless the node was made with `management=True`.
        """
        if self.layout.ports.management is None:
            msg = "this private node has no management plugin: make it with management=True"
            raise ConfigurationError(msg)
        return f"http://{LOOPBACK}:{self.layout.ports.management}"

    @property
    def pid(self) -> int:
        """The process id of the running node."""
        return self._running().pid

    def url_for(self, user: str, password: str, vhost: str | None = None) -> str:
        """Give the AMQP address for another account, or another vhost."""
        return self.layout.url(user, password, self.layout.vhost if vhost is None else vhost)

    async def start(self) -> None:
        """Start the node again after it ended, on the same data, ports and account; wait until it answers."""
        server = self._server
        if server is None or server.returncode is not None:
            server = await self._spawn()
        try:
            async with asyncio.timeout(self._start_timeout_s):
                while not await self._answers():
                    self._refuse_ended(server)
                    await asyncio.sleep(_POLL_S)
        except TimeoutError as error:
            msg = self._failure(f"did not answer within {self._start_timeout_s:g} s")
            raise ConfigurationError(msg) from error

    async def stop(self) -> None:
        """Stop the node in order (SIGTERM), keeping its data; a suspended node too. `start` brings it back."""
        if self._server is None:
            return
        with contextlib.suppress(BrokerUnavailableError):  # it may have ended by itself
            self._signal(signal.SIGTERM)
            self._signal(signal.SIGCONT)
        try:
            async with asyncio.timeout(self._start_timeout_s):
                await self._server.wait()
        except TimeoutError:
            self._signal(signal.SIGKILL)
        await self._ended()

    async def kill(self) -> None:
        """End the node at once (SIGKILL), as a power cut would."""
        self._signal(signal.SIGKILL)
        await self._ended()

    async def suspend(self) -> None:
        """Freeze the node (SIGSTOP): its connections stay open, and nothing answers."""
        self._signal(signal.SIGSTOP)

    async def resume(self) -> None:
        """Let a frozen node go on (SIGCONT)."""
        self._signal(signal.SIGCONT)

    async def ctl(self, *arguments: str) -> str:
        """Run `rabbitmqctl` on this node and return what it printed; it takes a second or two.

        Raises BrokerUnavailableError with the command's own words when it fails.
        """
        command = await asyncio.create_subprocess_exec(
            self._installation.ctl,
            "--quiet",
            *arguments,
            env=self._environment,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
        )
        try:
            output, complaint = await command.communicate()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                command.kill()
            await command.wait()
            raise
        if command.returncode:
            words = (complaint or output).decode(errors="replace").strip()
            msg = f"rabbitmqctl {' '.join(arguments)}: {words}"
            raise BrokerUnavailableError(msg)
        return output.decode(errors="replace")

    async def _spawn(self) -> Process:
        if self._server is not None:
            await self._ended()
        self._log_start = self.layout.log.stat().st_size
        program = str(self._installation.server)
        self._server = await self._keeper.spawn("node", program, env=self._environment, output=self.layout.log)
        return self._server

    async def _start_epmd(self) -> None:
        """Start the node's own port mapper; it stays while the node restarts."""
        port = self.layout.ports.epmd
        command = (str(self._installation.epmd), "-port", str(port), "-address", LOOPBACK)
        epmd = await self._keeper.spawn("epmd", *command, env=self._environment, output=self.layout.log)
        async with asyncio.timeout(self._start_timeout_s):
            while not await _listens(port):
                self._refuse_ended(epmd)
                await asyncio.sleep(_POLL_S)

    async def _answers(self) -> bool:
        """Tell whether the broker is up: its port opens last of all, and then it must take our account."""
        if not await _listens(self.layout.ports.amqp):
            return False
        try:
            connection = await aio_pika.connect(self.url, timeout=5)
        except OSError:
            return False
        except AMQPError as error:
            # 3.10 gives up half-way on definitions it cannot load, without a word in its log.
            advice = "Check its definitions, which it did not load whole: do they define each vhost that they use?"
            msg = self._failure("is up but refuses its own account", advice)
            raise ConfigurationError(msg) from error
        await connection.close()
        return True

    async def _ended(self) -> None:
        await self._keeper.ended("node")
        self._server = None

    def _running(self) -> Process:
        if self._server is None or self._server.returncode is not None:
            msg = "the private RabbitMQ node is not running; `start` brings it back"
            raise BrokerUnavailableError(msg)
        return self._server

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._running().send_signal(number)

    def _refuse_ended(self, process: Process) -> None:
        if process.returncode is not None:
            msg = self._failure(f"stopped while it started (exit code {process.returncode})")
            raise ConfigurationError(msg)

    def _failure(self, what: str, advice: str = "Mend what its log says:") -> str:
        log = self.layout.log.read_bytes()[self._log_start :].decode(errors="replace")
        lines = [line for line in log.splitlines() if line.strip()]
        told = [line for line in lines if "[error]" in line][:_LINES_TOLD] or lines[-_LINES_TOLD:]
        if "eaddrinuse" in log:
            advice = "Another program took one of its ports meanwhile: start again."
        return "\n".join([f"the private RabbitMQ node {what}. {advice}", *told])


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
