"""The composition root: settings become a running service, in one stack and one task group."""

import asyncio
import gc
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog
from yarl import URL

from coordinator import chores
from coordinator.amqp.findings import refuse_errors
from coordinator.amqp.inbound import Inbound, InboundStatus
from coordinator.amqp.outbound import AmqpPublisher
from coordinator.amqp.session import Session
from coordinator.amqp.topology import members_of, plan_topology
from coordinator.amqp.verify import verify_topology
from coordinator.directory.counties import load_counties
from coordinator.directory.reader import load_directory
from coordinator.domain import Domain, system_clock, system_id
from coordinator.door import bearer_of, transport_of
from coordinator.feed import Feed
from coordinator.http import messages, operations
from coordinator.http.acks import Acks
from coordinator.http.app import Condition, Health, Route, make_app, serving
from coordinator.http.bearer import Bearer
from coordinator.http.cursors import KEY_BYTES
from coordinator.http.feeds import Feeds
from coordinator.http.limits import Buckets
from coordinator.http.metrics import Page, counting, serving_metrics
from coordinator.http.reads import Reads
from coordinator.http.streams import Streams
from coordinator.intake import Intake
from coordinator.journal.note import SigningKey
from coordinator.metering import METRICS, Meter
from coordinator.model.directory import Directory
from coordinator.model.extent import Extent
from coordinator.model.plan import Ask, Plan
from coordinator.posting import Posting
from coordinator.relay import Relay
from coordinator.seal import Seal
from coordinator.settings import Settings
from coordinator.steps.validate import Bounds
from coordinator.store import open_store
from coordinator.store.asking import fact
from coordinator.store.connections import serving_alone
from coordinator.store.feeding import StoredFeeds
from coordinator.store.migrate import require_newest
from coordinator.store.published import PublishedDirectory
from coordinator.store.querying import StoreQueries
from coordinator.store.sqlite import SqliteStore
from coordinator.watch import Watch

DRAIN_S = 10.0
SEAL_BEHIND_S = 10.0
ROUND_BEHIND_S = 30.0
SWITCH_S = 0.0005
"""How long a thread may keep the interpreter while the loop waits for it; Python's own 5 ms would be our latency."""
GARBAGE_AFTER = 20_000
"""New objects between two searches for cycles; a batch makes thousands that are gone, without cycles, when it ends."""
DIRECTORY_FACT = "directory"


def make_intake(
    store: SqliteStore,
    directory: Directory,
    domain: str,
    on_commit: Sequence[Callable[[Plan], None]] = (),
    clock: Callable[[], datetime] = system_clock,
) -> Intake:
    """The walk over a store, for one domain."""
    counties = load_counties()
    extent = Extent.around(counties.outline, directory.extent_margin_km * 1000)
    bounds = Bounds(directory.limits, extent, counties)
    return Intake(store, Domain(domain, directory, bounds, clock), on_commit)


@dataclass(slots=True)
class Service:
    """A running coordinator and its parts."""

    address: str
    store: SqliteStore
    intake: Intake
    inbound: Inbound
    posting: Posting
    publisher: AmqpPublisher
    relay: Relay
    seal: Seal
    watch: Watch
    feed: Feed
    health: Health
    bearer: Bearer | None
    """None where there is no token key: then the HTTP door is shut."""
    streams: Streams | None = None
    reads: Reads | None = None
    ending: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """What ends the streams that are open, when the service stops."""
    reading: asyncio.Task[None] | None = None
    taking: asyncio.Task[None] | None = None
    metrics_address: str | None = None
    """None where no port for metrics is set."""

    def begin(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Start every part in one group: if one dies, the service dies loudly."""
        self.reading = group.create_task(self.inbound.run(), name="inbound")
        self.taking = group.create_task(self.posting.run(), name="posting")
        door = () if self.bearer is None else (self.bearer, self.bearer.sign_ins)
        listening = [each for each in (self.streams, self.reads) if each is not None]
        parts = (self.publisher, self.relay, self.seal, self.watch, self.feed, *door, *listening)
        return [
            self.reading,
            self.taking,
            *(group.create_task(part.run(), name=type(part).__name__.lower()) for part in parts),
        ]

    async def stop(self) -> None:
        """Stop in order: not ready, take no more, finish what is in memory, end streams, pay what is owed, seal.

        Health is answered, and whoever posts is told to come again, until the end.
        """
        log = structlog.get_logger("service")
        self.health.stopping = True
        self.posting.stop()
        self.inbound.stop()
        await asyncio.wait([task for task in (self.reading, self.taking) if task is not None])
        for end in self.ending:
            await end()
        try:
            async with asyncio.timeout(DRAIN_S):
                await self.relay.drain()
        except TimeoutError:
            log.warning("not_drained", in_flight=self.relay.status().in_flight)
        if self.bearer is not None:
            await self.bearer.sign_ins.flush()
        await self.intake.chore(Ask(), chores.service("stopped"))
        await self.seal.flush()
        await self.publisher.stop()
        log.info("stopped", position=self.seal.status.size)

    async def conditions(self) -> list[Condition]:
        """What readiness rests on, each with what is wrong in an operator's words."""
        inbound, outbound = self.inbound.status(), self.publisher.status()
        relay, seal = self.relay.status(), self.seal.status
        round_at = relay.last_round
        turning = round_at is not None and (datetime.now(UTC) - round_at).total_seconds() < ROUND_BEHIND_S
        return [
            Condition("consumers", inbound.ready, f"not reading: {_why_not_reading(inbound)}"),
            Condition("publisher", outbound.ready, f"not publishing: {outbound.session.trouble or 'blocked'}"),
            Condition("store", await self._store_answers(), "the store does not answer"),
            Condition("relay", turning, "the relay has made no round for half a minute"),
            Condition(
                "seal", seal.behind_s < SEAL_BEHIND_S, f"no checkpoint for {seal.behind_s:.0f} s: {seal.last_error}"
            ),
        ]

    async def _store_answers(self) -> bool:
        try:
            await self.store.size()
        except Exception:  # noqa: BLE001  # whatever is wrong, the answer is no
            return False
        return True


def _why_not_reading(inbound: InboundStatus) -> str:
    troubles = [each.trouble for each in inbound.ingresses.values() if each.trouble]
    return inbound.session.trouble or inbound.trouble or (troubles[0] if troubles else "starting")


@asynccontextmanager
async def running(settings: Settings, key: SigningKey) -> AsyncIterator[Service]:
    """Run the service until the block ends, then stop it in order. A part that dies takes the block with it."""
    directory = load_directory(settings.directory.path, counties=load_counties().names)
    lead = directory.lead.id if directory.lead is not None else ""
    require_newest(settings.store.url)
    await _require_topology(settings, directory)
    async with AsyncExitStack() as stack:
        stack.enter_context(serving_alone(settings.store.url))
        store = await stack.enter_async_context(open_store(settings.store.url, lead))
        service = _assemble(settings, directory, store, key)
        if service.bearer is not None:
            await service.bearer.refresh()  # before anybody can call
        app = make_app(service.health, service.bearer, _routes(service, settings, directory))
        app.middlewares.insert(0, counting(service.intake.tally))
        opened_door = serving(app, settings.http.host, settings.http.port, transport_of(settings.http))
        service.address = await stack.enter_async_context(opened_door)
        if settings.http.metrics_port is not None:
            opened = serving_metrics(
                _metrics(service, directory), settings.http.metrics_host, settings.http.metrics_port
            )
            service.metrics_address = await stack.enter_async_context(opened)
        await _begin(service, directory)
        async with asyncio.TaskGroup() as group:
            tasks = service.begin(group)
            try:
                yield service
                await service.stop()
            finally:
                for task in tasks:
                    task.cancel()


def _assemble(settings: Settings, directory: Directory, store: SqliteStore, key: SigningKey) -> Service:
    url = settings.amqp.url.get_secret_value()
    heartbeat = settings.amqp.heartbeat_s
    # One process serves an SQLite store, so a restart takes its own lines back at once, whatever its number is now.
    owner = "service"  # one to a file (`serving_alone`), so that a restart takes its lines over at once
    heeding: list[Callable[[Plan], None]] = []
    intake = make_intake(store, directory, settings.domain.id, heeding)
    publisher = AmqpPublisher(Session(url, "coordinator relay", heartbeat_s=heartbeat))
    session = Session(url, "coordinator intake", heartbeat_s=heartbeat)
    agencies = members_of(directory, vhost_in(url))
    inbound = Inbound(session, intake, agencies, clock=system_clock)
    relay = Relay(store, publisher, intake, system_clock, owner)
    archive = PublishedDirectory(settings.journal.publish_dir)
    seal = Seal(store, archive, key, now=system_clock, interval_s=settings.journal.checkpoint_interval_s)
    feed = Feed(StoredFeeds(store), system_clock)
    heeding += [relay.heed, feed.heed, lambda _: seal.wake()]
    watch = Watch(store, publisher, [each.id for each in agencies], settings.domain.id, system_clock, system_id)
    health = Health(ask=_not_yet)
    bearer = bearer_of(settings, directory, store, intake)
    posting = Posting(intake)
    service = Service("", store, intake, inbound, posting, publisher, relay, seal, watch, feed, health, bearer)
    health.ask = service.conditions
    return service


def _routes(service: Service, settings: Settings, directory: Directory) -> list[Route]:
    """What the HTTP door answers under `/v1/`: a line for each of its rooms."""
    rates = Buckets(settings.http.rate_per_s, settings.http.rate_burst)
    return [
        *messages.routes(messages.Messages(service.posting, directory, system_clock, rates)),
        *_feeds(service, settings),
        *Acks(service.feed, service.posting, directory, system_clock, rates).routes(),
        *operations.routes(_queries(service, directory), directory.names, secrets.token_bytes(KEY_BYTES)),
    ]


def _queries(service: Service, directory: Directory) -> StoreQueries:
    return StoreQueries(service.store, directory.lead.id if directory.lead is not None else "", system_clock)


def _feeds(service: Service, settings: Settings) -> Sequence[Route]:
    """The feeds, where callers can be proven; their streams end when the service stops."""
    if service.bearer is None:
        return ()
    reads = service.reads = Reads(lambda read: service.intake.chore(Ask(), chores.feeds_read(read)))
    streams = service.streams = Streams(service.bearer, settings.http.streams_per_caller, reads)
    service.ending += [streams.stop, reads.flush]
    return Feeds(service.feed, streams).routes()


def _metrics(service: Service, directory: Directory) -> Page:
    """The page of metrics, over a registry of its own."""
    meter = Meter(
        service.intake.tally,
        service.store,
        service.inbound,
        service.publisher,
        service.relay,
        service.seal,
        service.posting,
        service.feed,
        tuple(sorted(directory.ids)),
        system_clock,
    )
    return Page(METRICS, meter.measure)


async def _not_yet() -> list[Condition]:
    return [Condition("assembled", holds=False, words="the service is being put together")]


async def _require_topology(settings: Settings, directory: Directory) -> None:
    """Verify rather than declare what belongs to others; refuse to start with the operator's words."""
    url = settings.amqp.url.get_secret_value()
    management = settings.amqp.management_url
    topology = plan_topology(directory, vhost=vhost_in(url), coordinator_user=user_in(url))
    findings = await verify_topology(
        url, topology, management_url=management.get_secret_value() if management is not None else None
    )
    log = structlog.get_logger("service")
    for finding in findings:
        log.warning("topology", severity=finding.severity.value, what=finding.what, mend=finding.mend)
    refuse_errors(findings)


async def _begin(service: Service, directory: Directory) -> None:
    """Journal the start, and the directory when it is another one than at the last start."""
    await service.intake.chore(Ask(), chores.service("started"))
    known = await service.store.reading(lambda db: fact(db, DIRECTORY_FACT))
    if known != directory.fingerprint:
        digest = directory.fingerprint.removeprefix("sha-256:")
        await service.intake.chore(Ask(), chores.directory_changed(digest))
        await service.store.remember(DIRECTORY_FACT, directory.fingerprint)


def vhost_in(url: str) -> str:
    """The vhost that an AMQP address names."""
    return URL(url).path.removeprefix("/") or "/"


def user_in(url: str) -> str:
    """The user that an AMQP address names."""
    return URL(url).user or "guest"


def tune_interpreter() -> None:
    """Set the interpreter for a service: short turns between threads, no search for cycles in what stays for good."""
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER)


async def serve(settings: Settings, key: SigningKey) -> None:
    """Serve until SIGTERM or SIGINT."""
    stopping = asyncio.Event()
    tune_interpreter()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with running(settings, key) as service:
        log = structlog.get_logger("service")
        log.info("started", http=service.address, metrics=service.metrics_address, domain=settings.domain.id)
        await stopping.wait()
