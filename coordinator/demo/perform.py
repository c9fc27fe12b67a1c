"""One performance from beginning to end: set up, play, stop, verify, tell."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from coordinator import logs
from coordinator.amqp.probe import connected
from coordinator.bootstrap import Service, running
from coordinator.demo.addresses import addresses, left_behind
from coordinator.demo.broker import Operator
from coordinator.demo.compose import compose
from coordinator.demo.disputes import found_lines
from coordinator.demo.letters import Program
from coordinator.demo.liaison import Liaison
from coordinator.demo.mailroom import Mailbox, Mailroom, Received, StalledError, eventually
from coordinator.demo.play import Observed, Play
from coordinator.demo.promises import Performance, Promise, hold
from coordinator.demo.scenario import load_places, load_scenario
from coordinator.demo.screen import Screen
from coordinator.demo.stage import Stage, set_up
from coordinator.demo.telling import Line, Teller, Tone
from coordinator.demo.weekend import Weekend, shown
from coordinator.directory.counties import load_counties
from coordinator.journal.findings import Finding, Intact
from coordinator.journal.verify import verify_directory
from coordinator.store import open_ledger
from coordinator.store.asking import Figures, figures

_LOG_LINES: Final = 5


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for."""

    seed: int
    stay: bool
    out: Path | None
    url: str | None
    """The address of a broker to use, with an administrator's account; None for a private node."""


@dataclass(frozen=True, slots=True)
class Closing:
    """The closing figures."""

    messages: int
    """Accepted from agencies."""
    deliveries: int
    conflicts: int
    refused: int
    checkpoint_size: int
    """Entries of the journal under its newest signed checkpoint."""
    seconds: float

    def fields(self) -> dict[str, int | float]:
        """The figures by name."""
        return asdict(self)

    def words(self) -> str:
        """The figures in a line, beginning with what the first line of the play announced."""
        return (
            f"{self.messages + self.refused} messages: {self.messages} accepted, {self.refused} refused; "
            f"deliveries {self.deliveries}, conflicts {self.conflicts}, checkpoint size {self.checkpoint_size}, "
            f"seconds {self.seconds}"
        )


async def perform(options: Options, screen: Screen, tell: Callable[[Closing], None]) -> bool:
    """Play the scenario and tell the closing figures; returns whether everything held that was promised.

    With `stay`, everything is up until SIGINT or SIGTERM after that. Raises `CoordinatorError` when it cannot be
    played.
    """
    began = time.monotonic()
    performing = asyncio.current_task()
    if performing is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, performing.cancel)
    scenario, counties = load_scenario(), load_counties()
    program = compose(scenario, load_places(), counties, options.seed, datetime.now(UTC))
    _introduce(screen, program, options)
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(set_up(scenario, counties, options.url, options.out))
        stack.enter_context(_logging_to(stage.log))
        return await _performed(stage, program, options, screen, partial(_close, screen, tell, began))


async def _performed(
    stage: Stage, program: Program, options: Options, screen: Screen, close: Callable[[Performance], bool]
) -> bool:
    async with running(stage.settings, stage.key) as service:
        try:
            mailroom, observed = await _played(stage, program, service, screen)
            if options.stay:
                held = close(await _examined(stage, program, mailroom, observed, service))
                for line in addresses(stage, service.address, program):
                    screen.say(Line(Tone.NOTICE, line))
                await _asked_to_stop()
                return held
        except StalledError as stalled:
            screen.say(Line(Tone.BAD, f"BROKEN: {stalled}"))
            _show_log(screen, stage.log)
            return False
    held = close(await _examined(stage, program, mailroom, observed))
    if options.out is not None:
        for line in left_behind(stage):
            screen.say(Line(Tone.NOTICE, line))
    if not held:
        _show_log(screen, stage.log)
    return held


async def _played(stage: Stage, program: Program, service: Service, screen: Screen) -> tuple[Mailroom, Observed]:
    teller = Teller(program)

    def show(received: Received) -> None:
        line = teller.line(received)
        if line is not None:
            screen.heard(received.agency, line)

    agencies = stage.parties.directory.ids
    mailroom = Mailroom({agency: Mailbox(agency) for agency in agencies}, show)
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(connected(stage.broker.operator_url))
        liaisons = {}
        for agency, url in stage.broker.account_urls.items():
            user = agency if stage.broker.own_accounts else None
            liaisons[agency] = await stack.enter_async_context(Liaison(agency, url, user, mailroom.take))
        stack.enter_context(screen.progress(len(program.letters)))
        operator = Operator(stage.broker.topology, connection)
        play = Play(program, stage.broker, service, operator, liaisons, mailroom, screen)
        return mailroom, await play.perform()


async def _examined(
    stage: Stage, program: Program, mailroom: Mailroom, observed: Observed, service: Service | None = None
) -> Performance:
    """Read what is recorded and verify what is published; of a running service once it has settled everything."""
    async with open_ledger(stage.settings.store.url) as store:
        found = await store.reading(figures)
        if service is not None:
            found = await _settled(service)
            await service.seal.flush()
        last = await store.last_sequences()
    return Performance(program, mailroom, observed, found, last, _verified(stage))


async def _settled(service: Service) -> Figures:
    """The figures once every delivery is confirmed and recorded."""

    async def none_owed() -> bool:
        return not (await service.store.reading(figures)).owed

    await eventually(none_owed, "everything owed was confirmed")
    return await service.store.reading(figures)


def _verified(stage: Stage) -> Finding:
    def read(path: str) -> bytes | None:
        file = stage.journal / path
        return file.read_bytes() if file.is_file() else None

    return verify_directory(read, stage.key.verifier)


def _close(screen: Screen, tell: Callable[[Closing], None], began: float, performance: Performance) -> bool:
    """Say of each promise whether it was kept, then the figures."""
    promises = hold(performance)
    screen.heading("Conflicts found, and what came near and was none")
    for line in found_lines(performance.program, performance.mailroom):
        screen.say(line)
    screen.heading("What was promised")
    for line in _judged(promises):
        screen.say(line)
    found, finding = performance.figures, performance.finding
    size = finding.size if isinstance(finding, Intact) else 0
    seconds = round(time.monotonic() - began, 1)
    closing = Closing(found.messages, found.deliveries, found.conflicts, found.refused, size, seconds)
    screen.heading(closing.words())
    tell(closing)
    return not any(promise.faults for promise in promises)


def _judged(promises: Sequence[Promise]) -> Iterator[Line]:
    for promise in promises:
        if not promise.faults:
            yield Line(Tone.GOOD, f"kept: {promise.words}")
        for fault in promise.faults:
            yield Line(Tone.BAD, f"BROKEN: {promise.words}: {fault}")


def _introduce(screen: Screen, program: Program, options: Options) -> None:
    scenario = program.scenario
    weekend = Weekend(datetime.now(UTC))
    screen.heading(
        f"A busy weekend in Missouri from {shown(weekend.moment('Fri 18:00'))} on: {len(scenario.agency)} agencies, "
        f"{len(program.letters)} messages, seed {options.seed}. Operations and people are invented."
    )
    broker = "starting a private RabbitMQ node" if options.url is None else "using the broker that is given"
    screen.note(f"{broker}; each agency reads and writes its own queues only")


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Log to a file while the service runs: the screen belongs to the play."""
    with path.open("w", encoding="utf-8") as stream:
        logs.configure("info", "json", stream)
        try:
            yield
        finally:
            logs.configure("warning", "console")


def _show_log(screen: Screen, path: Path) -> None:
    """Show the last of what the service warned of."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for line in [each for each in lines if '"level":"info"' not in each][-_LOG_LINES:]:
        screen.say(Line(Tone.BAD, line))


async def _asked_to_stop() -> None:
    """Return on SIGINT or SIGTERM."""
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    await asked.wait()
