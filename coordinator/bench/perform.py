"""Measures everything: paired rounds whose order alternates, then latencies, then conflict checks."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from coordinator.bench import traffic
from coordinator.bench.checks import measure_checks
from coordinator.bench.figures import FASTSTREAM, RELAY, WALK, Report, Round
from coordinator.bench.ground import Ground, set_up
from coordinator.bench.latency import faststream_latency, relay_latency, walk_latency
from coordinator.bench.rates import WalkRate, agree, faststream_rate, relay_rate, walk_rate
from coordinator.bench.servers import has_faststream

WITHOUT_FASTSTREAM = (
    "FastStream is not installed, so nothing is compared with it: `pip install 'faststream[rabbit]'` where this runs"
)


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured."""

    rounds: int = 3
    messages: int = 6_000
    """In the backlog of each run."""
    seconds: float = 10.0
    """Of each latency at each rate."""
    operations: tuple[int, ...] = (10_000, 1_000_000)
    """Live operations beside which conflict checks are measured; none leaves that out."""
    store: str | None = None


Tell = Callable[[str], None]


async def perform(options: Options, begin: Tell, say: Tell) -> Report:
    """Measure; `begin` is told what is measured now, `say` what was found, each in a line for people.

    Raises `ConfigurationError` with what is missing, and `ServerEndedError` when a server ends by itself.
    """
    report = Report(options.messages, len(traffic.notice(0)))
    peers = has_faststream()
    if not peers:
        say(WITHOUT_FASTSTREAM)
    begin("starting a broker")
    async with set_up(options.store) as ground:
        await agree(ground)
        for number in range(options.rounds):
            report.rounds.append(await _round(ground, number, options, begin, faststream=peers))
            say(f"round {number + 1} of {options.rounds}: {_told(report.rounds[-1])}")
        for who, measure in _latencies(ground, options.seconds, faststream=peers).items():
            begin(f"{who}: latency")
            report.latencies_ms[who] = await measure()
        for count in options.operations:
            begin(f"conflict checks among {count:,} live operations")
            report.checks_ms[count] = (await measure_checks(ground.folder, count)).ms
    return report


async def _round(ground: Ground, number: int, options: Options, begin: Tell, *, faststream: bool) -> Round:
    """Measure each once; every second round the other way round, so that no one is always the first."""
    walked: list[WalkRate] = []
    rates: dict[str, float] = {}

    async def walk() -> None:
        walked.append(await walk_rate(ground, f"round-{number}", options.messages))

    async def relay() -> None:
        rates[RELAY] = await relay_rate(ground, options.messages)

    async def peer() -> None:
        if faststream:
            rates[FASTSTREAM] = await faststream_rate(ground, options.messages)

    runs = [(RELAY, relay), (WALK, walk), (FASTSTREAM, peer)]
    for who, run in runs if number % 2 == 0 else reversed(runs):
        begin(f"round {number + 1} of {options.rounds}: {who}")
        await run()
    return Round(walked[0].publishes_per_s, walked[0].deliveries_per_s, rates[RELAY], rates.get(FASTSTREAM))


def _latencies(
    ground: Ground, seconds: float, *, faststream: bool
) -> Mapping[str, Callable[[], Awaitable[Mapping[int, list[float]]]]]:
    measures: dict[str, Callable[[], Awaitable[Mapping[int, list[float]]]]] = {
        WALK: lambda: walk_latency(ground, "latency", seconds),
        RELAY: lambda: relay_latency(ground, seconds),
    }
    if faststream:
        measures[FASTSTREAM] = lambda: faststream_latency(ground, seconds)
    return measures


def _told(found: Round) -> str:
    words = (
        f"walk {found.walk_publishes_per_s:,.0f} publishes/s, bare relay {found.relay_publishes_per_s:,.0f}/s, "
        f"ratio {found.ratio_relay:.2f}"
    )
    if found.ratio_faststream is not None:
        words += (
            f"; walk {found.walk_deliveries_per_s:,.0f} deliveries/s, "
            f"FastStream {found.faststream_deliveries_per_s:,.0f}/s, ratio {found.ratio_faststream:.2f}"
        )
    return words
