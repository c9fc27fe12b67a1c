"""The metrics page, on a port of its own: what was measured, in the two formats that Prometheus reads."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from coordinator.http.app import serving
from coordinator.tally import Distribution, Tally

FRESH_S = 1.0
"""For how long an answer is good for others too: a flood of scrapes costs what one does."""
OPENMETRICS = "application/openmetrics-text"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Kind(StrEnum):
    """What a metric's numbers mean."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric under its exposed name; labels have values from closed lists, or the directory's agencies."""

    name: str
    kind: Kind
    says: str
    labels: tuple[str, ...] = ()


Reading = Mapping[Metric, Mapping[tuple[str, ...], float | Distribution]]
"""What was measured: by metric and the values of its labels. What is not known now is left out."""


class Exposition(Collector):
    """The metrics as they were read last, for a registry."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        """Take every metric that there is; none has been read."""
        self._metrics = metrics
        self.reading: Reading = {}

    def describe(self) -> Iterator[Family]:
        """Name every metric, read or not."""
        return map(_family, self._metrics)

    def collect(self) -> Iterator[Family]:
        """Give what was read last."""
        for metric in self._metrics:
            family = _family(metric)
            for labels, value in self.reading.get(metric, {}).items():
                _add(family, metric, labels, value)
            yield family


def _family(metric: Metric) -> Family:
    match metric.kind:
        case Kind.COUNTER:
            return CounterMetricFamily(metric.name, metric.says, labels=metric.labels)
        case Kind.GAUGE:
            return GaugeMetricFamily(metric.name, metric.says, labels=metric.labels)
        case Kind.HISTOGRAM:
            return HistogramMetricFamily(metric.name, metric.says, labels=metric.labels)
        case Kind.INFO:
            return InfoMetricFamily(metric.name.removesuffix("_info"), metric.says)


def _add(family: Family, metric: Metric, labels: Sequence[str], value: float | Distribution) -> None:
    match family, value:
        case HistogramMetricFamily(), Distribution():
            bounds = (*map(floatToGoString, value.bounds), "+Inf")
            family.add_metric(labels, list(zip(bounds, accumulate(value.counts), strict=True)), value.total)
        case InfoMetricFamily(), float() | int():
            family.add_metric((), dict(zip(metric.labels, labels, strict=True)))
        case ((CounterMetricFamily() | GaugeMetricFamily()), float() | int()):
            family.add_metric(labels, value)
        case _:
            msg = f"{metric.name} is a {metric.kind}"
            raise TypeError(msg)


def make_registry(exposition: Exposition) -> CollectorRegistry:
    """A registry of our own, never the library's global one; with what Linux tells of the process."""
    registry = CollectorRegistry()
    registry.register(exposition)
    ProcessCollector(registry=registry)
    return registry


class Page:
    """`GET /metrics`: scrapes that come at once share one reading and one answer."""

    def __init__(
        self,
        metrics: Sequence[Metric],
        measure: Callable[[], Awaitable[Reading]],
        fresh_s: float = FRESH_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take what measures; it must not raise, and must answer in bounded time."""
        self._exposition = Exposition(metrics)
        self._registry = make_registry(self._exposition)
        self._measure = measure
        self._fresh_s = fresh_s
        self._clock = clock
        self._turn = asyncio.Lock()
        self._read_at: float | None = None
        self._pages: dict[bool, bytes] = {}

    async def answer(self, request: web.Request) -> web.Response:
        """Answer in OpenMetrics where that is asked for, else in Prometheus' own text format."""
        modern = _wants_openmetrics(request.headers.get("Accept", ""))
        content_type = openmetrics.CONTENT_TYPE_LATEST if modern else CONTENT_TYPE_PLAIN_0_0_4
        return web.Response(body=await self.page(modern=modern), headers={"Content-Type": content_type})

    async def page(self, *, modern: bool) -> bytes:
        """Read if the last reading is old, and write it down on a thread: hundreds of agencies make a long page."""
        async with self._turn:
            if self._read_at is None or self._clock() - self._read_at >= self._fresh_s:
                self._exposition.reading = await self._measure()
                self._read_at = self._clock()
                self._pages.clear()
            if modern not in self._pages:
                self._pages[modern] = await asyncio.to_thread(self._written, modern=modern)
            return self._pages[modern]

    def _written(self, *, modern: bool) -> bytes:
        return _in_openmetrics(self._registry) if modern else generate_latest(self._registry)


def _in_openmetrics(registry: CollectorRegistry) -> bytes:
    written: bytes = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]  # brings no types
    return written


def _wants_openmetrics(accept: str) -> bool:
    """Whether OpenMetrics is among what is accepted; Prometheus prefers it wherever it names it."""
    kinds = ([part.strip() for part in each.split(";")] for each in accept.split(","))
    return any(kind[0] == OPENMETRICS and "q=0" not in kind[1:] for kind in kinds)


@asynccontextmanager
async def serving_metrics(page: Page, host: str, port: int) -> AsyncIterator[str]:
    """Serve the page alone until the block ends; yields its address. Raises `ConfigurationError` as `serving` does."""
    app = web.Application(client_max_size=0)
    app.add_routes([web.get("/metrics", page.answer)])
    async with serving(app, host, port) as address:
        yield f"{address}/metrics"


def counting(tally: Tally) -> Middleware:
    """The outermost middleware of the door: counts every answer by route, method and status, with its seconds."""

    @web.middleware
    async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
        began, status = time.perf_counter(), "disconnected"
        try:
            answer = await handler(request)
            status = str(answer.status)
            return answer
        finally:
            method = request.method if request.method in METHODS else "other"
            tally.request(method, _route(request), status, time.perf_counter() - began)

    return count


def _route(request: web.Request) -> str:
    """The route's pattern; whatever else is asked for is one route, or strangers could make as many as they like."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unmatched"
