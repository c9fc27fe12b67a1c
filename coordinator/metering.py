"""What is measured of a running service, and under which names: tallies, the parts' words, a read of the store."""

import asyncio
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from itertools import product

import structlog

from coordinator.amqp.inbound import Inbound
from coordinator.amqp.outbound import AmqpPublisher
from coordinator.amqp.session import SessionStatus
from coordinator.feed import Feed
from coordinator.http.metrics import Kind, Metric, Reading
from coordinator.model.codes import Lane
from coordinator.model.decisions import RefusalCode
from coordinator.model.errors import StoreUnavailableError
from coordinator.model.messages import INCOMING_TYPES, OUTGOING_TYPES, type_of
from coordinator.model.work import Fate
from coordinator.posting import Posting
from coordinator.relay import Relay
from coordinator.seal import Seal
from coordinator.store.gauging import Standing, standing
from coordinator.store.sqlite import SqliteReader
from coordinator.tally import Tally

STORE_S = 2.0
"""How long a scrape waits for the store."""
NO_LEVEL = "none"
"""Of a conflict that nobody was alarmed for; levels come with escalation."""
OTHER = "other"
"""An agency that the directory names no more."""
_PREFIX = "gov.mo.coordination."

BUILD = Metric("coordinator_build_info", Kind.INFO, "Which program runs; always 1.", ("version", "python"))
STORE_UP = Metric(
    "coordinator_store_up",
    Kind.GAUGE,
    "1 when the store answered this scrape; 0 when not, and what it tells is left out.",
)
ENTRIES = Metric("coordinator_journal_entries", Kind.GAUGE, "Entries of the journal that are committed.")
OLDEST = Metric(
    "coordinator_oldest_owed_seconds",
    Kind.GAUGE,
    "Age of the oldest delivery that is owed on a line, since it was recorded; 0 when none is.",
    ("agency", "lane"),
)
OWED = Metric("coordinator_owed_dispatches", Kind.GAUGE, "Deliveries that are owed; counted up to 100,000.")
AGAIN = Metric(
    "coordinator_owed_again_dispatches", Kind.GAUGE, "Of these, tried in vain at least once; counted up to 100,000."
)
PARKED = Metric(
    "coordinator_parked_dispatches", Kind.GAUGE, "Deliveries given up until an operator replays them; up to 100,000."
)
DEAD = Metric(
    "coordinator_set_aside_messages", Kind.GAUGE, "Messages set aside that wait for an operator; up to 100,000."
)
CONFLICTS = Metric(
    "coordinator_open_conflicts", Kind.GAUGE, "Conflicts that are open, by level of alarm; up to 100,000.", ("level",)
)
SEQUENCE = Metric("coordinator_feed_last_sequence", Kind.GAUGE, "The last number of an agency's feed.", ("agency",))
SEAL_LAG = Metric(
    "coordinator_checkpoint_lag_seconds",
    Kind.GAUGE,
    "For how long an entry has waited for a checkpoint that covers it.",
)
SEALED = Metric("coordinator_checkpoint_entries", Kind.GAUGE, "Entries under the newest checkpoint.")
PUBLISHED = Metric(
    "coordinator_published_entries", Kind.GAUGE, "Entries under the newest checkpoint that is published."
)
IN_FLIGHT = Metric(
    "coordinator_in_flight_dispatches", Kind.GAUGE, "Deliveries handed to the broker whose outcome is not recorded yet."
)
RESTING = Metric(
    "coordinator_resting_lines", Kind.GAUGE, "Recipients' queues that refused, and are left alone a while."
)
IN_BATCH = Metric("coordinator_in_batch_messages", Kind.GAUGE, "Messages that are judged or being recorded now.")
POSTS = Metric("coordinator_posts_waiting", Kind.GAUGE, "Messages posted over HTTP that wait for their batch.")
LISTENERS = Metric("coordinator_feed_listeners", Kind.GAUGE, "Who follows a feed now.")
CATCHING_UP = Metric("coordinator_feed_catching_up", Kind.GAUGE, "Those of them that read what is older first.")
FEED_LAG = Metric(
    "coordinator_feed_lag_messages",
    Kind.GAUGE,
    "The most that an agency which is followed has, and those who keep up were not handed; of the last look.",
)
CUT_OFF = Metric("coordinator_feed_cut_off_total", Kind.COUNTER, "Followers that did not read, and were cut off.")
SESSION_UP = Metric("coordinator_session_up", Kind.GAUGE, "1 while there is a connection to the broker.", ("session",))
GENERATION = Metric(
    "coordinator_session_generation", Kind.GAUGE, "How often a connection to the broker was made.", ("session",)
)
BLOCKED = Metric(
    "coordinator_blocked_seconds_total",
    Kind.COUNTER,
    "For how long the broker has refused to read from us (an alarm), or was not heard.",
    ("session",),
)
ACCEPTED = Metric("coordinator_accepted_total", Kind.COUNTER, "Messages of agencies that were accepted.", ("type",))
ISSUED = Metric(
    "coordinator_issued_total", Kind.COUNTER, "The coordinator's own messages that were recorded.", ("type",)
)
REFUSED = Metric("coordinator_refusals_total", Kind.COUNTER, "Messages that were refused, by reason.", ("code",))
DUPLICATES = Metric(
    "coordinator_duplicates_total", Kind.COUNTER, "Messages that were answered with their first receipt."
)
REDELIVERED = Metric(
    "coordinator_redeliveries_total", Kind.COUNTER, "Messages that the broker delivered to us again, unsettled before."
)
FAILED = Metric("coordinator_failed_attempts_total", Kind.COUNTER, "Attempts at a message that no step could bear.")
SET_ASIDE = Metric("coordinator_set_aside_total", Kind.COUNTER, "Messages that were set aside for an operator.")
PUBLISHES = Metric(
    "coordinator_publishes_total",
    Kind.COUNTER,
    "Publishes to recipients' queues by outcome: confirmed, returned (no queue), nacked (full), unsendable, unknown.",
    ("agency", "lane", "outcome"),
)
BATCH = Metric("coordinator_batch_messages", Kind.HISTOGRAM, "Messages recorded in one transaction.")
COMMIT = Metric(
    "coordinator_commit_seconds",
    Kind.HISTOGRAM,
    "From handing a transaction's rows to the store until they are durable.",
)
REQUESTS = Metric(
    "coordinator_http_request_seconds",
    Kind.HISTOGRAM,
    "Requests at the HTTP door until their answer ended; streams last as long as they are followed.",
    ("method", "route", "status"),
)
METRICS = (
    BUILD, STORE_UP, ENTRIES, OLDEST, OWED, AGAIN, PARKED, DEAD, CONFLICTS, SEQUENCE, SEAL_LAG, SEALED, PUBLISHED,
    IN_FLIGHT, RESTING, IN_BATCH, POSTS, LISTENERS, CATCHING_UP, FEED_LAG, CUT_OFF, SESSION_UP, GENERATION, BLOCKED,
    ACCEPTED, ISSUED, REFUSED, DUPLICATES, REDELIVERED, FAILED, SET_ASIDE, PUBLISHES, BATCH, COMMIT, REQUESTS,
)  # fmt: skip
"""Every metric of ours, in the order of the page; `docs/metrics.md` has a line for each."""

_ALONE: tuple[str, ...] = ()


@dataclass(slots=True)
class Meter:
    """Measures a service: counters and gauges from memory, the rest from the store when it answers in time."""

    tally: Tally
    store: SqliteReader
    inbound: Inbound
    publisher: AmqpPublisher
    relay: Relay
    seal: Seal
    posting: Posting
    feed: Feed
    agencies: Sequence[str]
    clock: Callable[[], datetime]
    store_s: float = STORE_S
    _asked: "asyncio.Future[Standing] | None" = field(init=False, default=None)

    async def measure(self) -> Reading:
        """Read everything. Never raises for the store, and takes at most `store_s`."""
        stands = await self._standing()
        counted = {**self._counted(), **self._going()}
        return {**counted, STORE_UP: {_ALONE: float(stands is not None)}, **(self._stands(stands) if stands else {})}

    async def _standing(self) -> Standing | None:
        """Ask the store once at a time: a read that hangs is waited for again, and never joined by another."""
        if self._asked is None or self._asked.done():
            self._asked = asyncio.ensure_future(self.store.reading(standing))
            self._asked.add_done_callback(_heard)
        try:
            async with asyncio.timeout(self.store_s):
                return await asyncio.shield(self._asked)
        except TimeoutError:
            reason = f"no answer within {self.store_s:g} s"
        except StoreUnavailableError as error:
            reason = str(error)
        structlog.get_logger("metrics").warning("store_unavailable", reason=reason)
        return None

    def _stands(self, now: Standing) -> Reading:
        seconds: dict[tuple[str, ...], float] = dict.fromkeys(product(self.agencies, Lane), 0.0)
        for (agency, lane), recorded in now.oldest.items():
            key = (self._label(agency), Lane(lane))
            age = (self.clock() - datetime.fromisoformat(recorded)).total_seconds()
            seconds[key] = max(seconds.get(key, 0.0), age)
        return {
            ENTRIES: {_ALONE: now.entries},
            OLDEST: seconds,
            OWED: {_ALONE: now.owed},
            AGAIN: {_ALONE: now.again},
            PARKED: {_ALONE: now.parked},
            DEAD: {_ALONE: now.set_aside},
            CONFLICTS: {(NO_LEVEL,): now.open_conflicts},
            SEQUENCE: {(agency,): now.sequences.get(agency, 0) for agency in self.agencies},
        }

    def _going(self) -> Reading:
        """What the parts say of themselves."""
        inbound, relay, seal = self.inbound.status(), self.relay.status(), self.seal.status
        feed = self.feed.status()
        sessions = {"intake": inbound.session, "relay": self.publisher.status().session}
        return {
            BUILD: {(version("coordinator"), platform.python_version()): 1},
            SEAL_LAG: {_ALONE: seal.behind_s},
            SEALED: {_ALONE: seal.size},
            PUBLISHED: {_ALONE: seal.published},
            IN_FLIGHT: {_ALONE: relay.in_flight},
            RESTING: {_ALONE: len(relay.resting)},
            IN_BATCH: {_ALONE: inbound.in_batch},
            REDELIVERED: {_ALONE: inbound.redelivered},
            POSTS: {_ALONE: self.posting.waiting},
            LISTENERS: {_ALONE: feed.listeners},
            CATCHING_UP: {_ALONE: feed.behind},
            FEED_LAG: {_ALONE: feed.lag},
            CUT_OFF: {_ALONE: feed.cut_off},
            SESSION_UP: _each(sessions, lambda session: session.connected),
            GENERATION: _each(sessions, lambda session: session.generation),
            BLOCKED: _each(sessions, lambda session: session.blocked_total_s),
        }

    def _counted(self) -> Reading:
        """What was added up; every value of a label is there from the start, so that its first increase is seen."""
        tally = self.tally
        published: dict[tuple[str, ...], float] = dict.fromkeys(product(self.agencies, Lane, Fate), 0)
        for (line, fate), times in tally.published.items():
            key = (self._label(line.agency), line.lane, fate)
            published[key] = published.get(key, 0) + times
        return {
            ACCEPTED: {(each.removeprefix(_PREFIX),): tally.messages[each] for each in map(type_of, INCOMING_TYPES)},
            ISSUED: {(each.removeprefix(_PREFIX),): tally.messages[each] for each in map(type_of, OUTGOING_TYPES)},
            REFUSED: {(code,): tally.refused[code] for code in RefusalCode},
            DUPLICATES: {_ALONE: tally.duplicates},
            FAILED: {_ALONE: tally.failed},
            SET_ASIDE: {_ALONE: tally.set_aside},
            PUBLISHES: published,
            BATCH: {_ALONE: tally.batch_size.copy()},
            COMMIT: {_ALONE: tally.commit_s.copy()},
            REQUESTS: {key: each.copy() for key, each in tally.requests.items()},
        }

    def _label(self, agency: str) -> str:
        return agency if agency in self.agencies else OTHER


def _each(
    sessions: Mapping[str, SessionStatus], tell: Callable[[SessionStatus], float]
) -> Mapping[tuple[str, ...], float]:
    return {(name,): tell(status) for name, status in sessions.items()}


def _heard(asked: "asyncio.Future[Standing]") -> None:
    """Take an answer that came too late for every scrape, so that it is not told as lost."""
    if not asked.cancelled():
        asked.exception()
