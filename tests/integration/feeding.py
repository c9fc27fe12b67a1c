"""The HTTP door with its feeds over a real store and the real walk; no broker, so nothing is delivered but here."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from yarl import URL

from coordinator.bootstrap import make_intake
from coordinator.chores import feeds_read, sign_ins_failed
from coordinator.domain import system_clock, system_id
from coordinator.feed import Feed
from coordinator.http.acks import Acks
from coordinator.http.app import Condition, Health, make_app, serving
from coordinator.http.bearer import Bearer, Parties, Revocations
from coordinator.http.feeds import Feeds
from coordinator.http.limits import Buckets
from coordinator.http.messages import Messages, routes
from coordinator.http.principals import AccessRole, Principal
from coordinator.http.reads import Reads
from coordinator.http.sending import Sending
from coordinator.http.signins import SignIns
from coordinator.http.streams import SEND_S, Streams
from coordinator.http.tokens import TokenKeys, Tokens
from coordinator.intake import Intake
from coordinator.model.plan import Ask, Plan
from coordinator.model.policy import Policy
from coordinator.model.work import Dispatch, Fate, Settlement, Submission, Verdict
from coordinator.posting import Posting
from coordinator.store import open_store
from coordinator.store.feeding import StoredFeeds
from coordinator.store.migrate import migrate
from coordinator.store.sqlite import SqliteStore
from tests import kit
from tests.integration.traffic import agreements, as_of_now, notice
from tests.kit import Json

KEYS = TokenKeys.generate()
GUARD_S = 60


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@dataclass(slots=True)
class House:
    """A coordinator without its AMQP side, while it runs."""

    address: str
    store: SqliteStore
    intake: Intake
    feed: Feed
    streams: Streams
    revoked: set[str]
    tokens: Tokens
    door: Bearer
    sending: Sending

    def token(
        self, agency: str, *roles: AccessRole, subject: str = "cad", lifetime: timedelta = timedelta(hours=1)
    ) -> str:
        principal = Principal(agency, subject, frozenset(roles or {AccessRole.PUBLISHER}))
        return self.tokens.issue(principal, system_clock(), lifetime, system_id())

    def bearer(self, agency: str, *roles: AccessRole, subject: str = "cad") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(agency, *roles, subject=subject)}"}

    async def say(self, *submissions: Submission | bytes) -> None:
        """Have messages of mshp, or of whoever submits them, accepted."""
        made = [each if isinstance(each, Submission) else submitted(each) for each in submissions]
        receipts = await self.intake.receive(made)
        assert {each.verdict for each in receipts} <= {Verdict.ACCEPTED, Verdict.DUPLICATE}, receipts

    async def confirm(self, agency: str) -> Sequence[Dispatch]:
        """Have everything in an agency's feed confirmed, as the relay does when the broker has it safe."""
        found = await self.store.feed(agency, 0, 100_000)
        await self.intake.settle([Settlement(each.key, each.id, Fate.CONFIRMED, 0) for each in found])
        return found

    async def last(self, agency: str) -> int:
        return (await self.store.last_sequences()).get(agency, 0)


def submitted(body: bytes) -> Submission:
    """A message as its own `source` says."""
    agency = json.loads(body)["source"][2:].partition("/")[0]
    return kit.submission(agency, body, received=system_clock())


def alert(number: int, to: Sequence[str] = ("hsi",)) -> bytes:
    """A small message that needs no agreement: many are made quickly."""
    said = {
        **kit.common(to),
        "originator": {"ori": "MOTEST001", "officer_id": f"O-{number}"},
        "situation": "pursuit",
        "priority": "urgent",
        "urgency": "Immediate",
        "severity": "Severe",
        "certainty": "Observed",
        "imminent_danger": True,
        "imminent_reason": "threat_to_public",
        "area": {"type": "Point", "coordinates": [-92.1, 38.5], "radius_m": 100},
        "expires": (system_clock() + timedelta(hours=1)).isoformat(),
    }
    return as_of_now(kit.submission("mshp", kit.body("mshp", "situation.alert", said))).body


def marked(event: Mapping[str, object]) -> str:
    """What `alert` wrote its number into."""
    data = event["data"]
    assert isinstance(data, dict)
    found: str = data["originator"]["officer_id"]
    return found


@dataclass(slots=True)
class Options:
    """What a test may want to be different."""

    port: int = 0
    per_caller: int = 64
    send_s: float = SEND_S
    heeding: Sequence[Callable[[Plan], None]] = ()
    agree: bool = True
    revoked: set[str] = field(default_factory=set)


def prepare(folder: Path) -> str:
    url = f"sqlite:///{folder}/feeds.db"
    migrate(url)
    return url


@asynccontextmanager
async def house(url: str, options: Options | None = None) -> AsyncIterator[House]:
    """Open it over a store that `prepare` made; stopped in order at the end."""
    chosen = options or Options()
    directory = kit.directory()
    tokens = Tokens(KEYS, "coordination.test/missouri", "missouri", directory)

    async def revoked() -> set[str]:
        return chosen.revoked

    async with open_store(url, "dps") as store:
        heeding: list[Callable[[Plan], None]] = []
        intake = make_intake(store, directory, "missouri", heeding)

        async def newer(version: int) -> Policy | None:
            found = await store.policy()
            return found if found.version > version else None

        sign_ins = SignIns(lambda failures: intake.chore(Ask(), sign_ins_failed(failures)))
        bearer = Bearer(tokens, Revocations(revoked), Parties(lambda: intake.policy, newer), sign_ins)
        feed = Feed(StoredFeeds(store), system_clock)
        heeding += [feed.heed, *chosen.heeding]
        reads = Reads(lambda read: intake.chore(Ask(), feeds_read(read)))
        streams = Streams(bearer, chosen.per_caller, reads, chosen.send_s)
        posting = Posting(intake)
        rates = Buckets(1_000, 1_000)
        rooms = [
            *Feeds(feed, streams).routes(),
            *Acks(feed, posting, directory, system_clock, rates).routes(),
            *routes(Messages(posting, directory, system_clock, rates)),
        ]
        sending = Sending(chosen.send_s)
        app = make_app(Health(ask=_ready), bearer, rooms, sending)
        async with serving(app, "127.0.0.1", chosen.port) as address, asyncio.TaskGroup() as group:
            parts = [group.create_task(each.run()) for each in (feed, streams, bearer)]
            taking = group.create_task(posting.run())
            made = House(address, store, intake, feed, streams, chosen.revoked, tokens, bearer, sending)
            if chosen.agree:
                await made.say(*agreements())
            try:
                yield made
            finally:
                posting.stop()
                await taking
                await streams.stop()
                for part in parts:
                    part.cancel()


async def _ready() -> list[Condition]:
    return []


def suspended(made: House, agency: str = "mshp") -> bytes:
    """One side's word that the agreement by which operations are told is suspended."""
    terms = next(each for each in made.intake.policy.agreements.values() if each.terms.kind == "dissemination")
    said = {
        "agreement_id": terms.id,
        "kind": "dissemination",
        "parties": list(kit.AGENCIES),
        "message_types": kit.OPERATION_TYPES,
        "regimes": ["operational"],
        "state": "suspended",
    }
    return as_of_now(kit.agreement(agency, **said)).body


@dataclass(slots=True)
class RawStream:
    """A client of one connection that sees every byte, and reads no more than it is asked to."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def connect(cls, made: House, agency: str, *, token: str = "", **asked: object) -> "RawStream":
        found = URL(made.address)
        reader, writer = await asyncio.open_connection(found.host, found.port)
        query = "&".join(f"{name}={value}" for name, value in asked.items())
        writer.write(
            f"GET /v1/feed/sse?{query} HTTP/1.1\r\nHost: test\r\n"
            f"Authorization: Bearer {token or made.token(agency)}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        return cls(reader, writer)

    @classmethod
    @asynccontextmanager
    async def open(cls, made: House, agency: str, *, token: str = "", **asked: object) -> AsyncIterator["RawStream"]:
        stream = await cls.connect(made, agency, token=token, **asked)
        try:
            yield stream
        finally:
            await stream.close()

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


async def connected(made: House, count: int) -> None:
    """Wait until so many listen, and all of them keep up."""
    async with asyncio.timeout(GUARD_S):
        while made.feed.status().listeners < count or made.feed.status().behind:  # noqa: ASYNC110  # nothing wakes a test
            await asyncio.sleep(0.01)


def read_lines(body: bytes) -> list[Json]:
    return [json.loads(each) for each in body.decode().split("\n") if each]


__all__ = ["notice"]
