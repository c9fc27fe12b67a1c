"""The figures that a benchmark ends with: medians and spread of paired rounds, as JSON and for people."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

WALK, RELAY, FASTSTREAM = "walk", "relay", "faststream"


@dataclass(frozen=True, slots=True)
class Round:
    """What one round measured, all on one broker, one after the other."""

    walk_publishes_per_s: float
    walk_deliveries_per_s: float
    relay_publishes_per_s: float
    faststream_deliveries_per_s: float | None

    @property
    def ratio_relay(self) -> float:
        """The walk's publishes to those of the bare relay."""
        return self.walk_publishes_per_s / self.relay_publishes_per_s

    @property
    def ratio_faststream(self) -> float | None:
        """The walk's deliveries to those of FastStream."""
        peer = self.faststream_deliveries_per_s
        return None if peer is None else self.walk_deliveries_per_s / peer


RATES = ("walk_publishes_per_s", "relay_publishes_per_s", "walk_deliveries_per_s", "faststream_deliveries_per_s")
RATIOS = ("ratio_relay", "ratio_faststream")
_WORDS = {
    "walk_publishes_per_s": "walk: publishes a second, receipts included",
    "relay_publishes_per_s": "bare aio-pika relay: publishes a second",
    "walk_deliveries_per_s": "walk: deliveries a second",
    "faststream_deliveries_per_s": "FastStream: deliveries a second",
    "ratio_relay": "walk ÷ bare relay",
    "ratio_faststream": "walk ÷ FastStream",
}


@dataclass(slots=True)
class Report:
    """Everything that was measured."""

    messages: int
    message_bytes: int
    rounds: list[Round] = field(default_factory=list)
    latencies_ms: dict[str, Mapping[int, Sequence[float]]] = field(default_factory=dict)
    """By what was measured and its rate, of each message."""
    checks_ms: dict[int, float] = field(default_factory=dict)
    """By number of live operations."""

    def fields(self) -> dict[str, object]:
        """The report as JSON; what was not measured is null."""
        names = (*RATES, *RATIOS)
        return {
            "rounds": len(self.rounds),
            "messages": self.messages,
            "message_bytes": self.message_bytes,
            **{name: self._median(name) for name in names},
            "spread": {name: self._spread(name) for name in names},
            "p50_ms": self._percentiles(0.5),
            "p99_ms": self._percentiles(0.99),
            "checks_ms": {str(count): ms for count, ms in self.checks_ms.items()} or None,
            "checks_growth": self.growth,
        }

    @property
    def growth(self) -> float | None:
        """How much longer a batch of checks takes among the most live operations than among the fewest."""
        found = [self.checks_ms[count] for count in sorted(self.checks_ms)]
        return round(found[-1] / found[0], 2) if found else None

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """A figure in words, its median, and its spread."""
        for name in (*RATES, *RATIOS):
            median, spread = self._median(name), self._spread(name)
            if median is None or spread is None:
                yield _WORDS[name], "not measured", ""
            else:
                yield _WORDS[name], _plain(median), f"{_plain(spread[0])} to {_plain(spread[1])}"
        for who, by_rate in self.latencies_ms.items():
            for rate, took in by_rate.items():
                middle, late = percentile(0.5, took), percentile(0.99, took)
                yield f"{who}: latency at {rate} messages a second", f"p50 {middle:.1f} ms", f"p99 {late:.1f} ms"
        for count, ms in self.checks_ms.items():
            yield f"100 conflict checks among {count:,} live operations", f"{ms:.1f} ms", ""
        if self.growth is not None:
            yield "growth of conflict checks", f"{self.growth:.2f}", ""

    def _values(self, name: str) -> list[float]:
        found = [getattr(each, name) for each in self.rounds]
        return [value for value in found if value is not None]

    def _median(self, name: str) -> float | None:
        values = self._values(name)
        return _rounded(name, statistics.median(values)) if values else None

    def _spread(self, name: str) -> tuple[float, float] | None:
        values = self._values(name)
        return (_rounded(name, min(values)), _rounded(name, max(values))) if values else None

    def _percentiles(self, share: float) -> dict[str, dict[str, float] | None]:
        return {
            who: {str(rate): round(percentile(share, took), 1) for rate, took in self.latencies_ms[who].items()}
            if who in self.latencies_ms
            else None
            for who in (WALK, RELAY, FASTSTREAM)
        }


def percentile(share: float, values: Sequence[float]) -> float:
    """The value that the share of all is at most."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _rounded(name: str, value: float) -> float:
    return round(value, 3) if name in RATIOS else round(value, 1)


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value > 100 else f"{value:.2f}"  # noqa: PLR2004  # rates and ratios
