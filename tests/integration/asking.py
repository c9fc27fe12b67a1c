"""A world to ask questions about: operations and conflicts recorded by the real walk, asked for over real HTTP."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from coordinator import chores
from coordinator.http import operations
from coordinator.http.app import Health, make_app, serving
from coordinator.http.principals import AccessRole, Principal
from coordinator.http.problems import Problem, ProblemCode
from coordinator.intake import Intake
from coordinator.model.plan import Ask
from coordinator.model.work import Submission, Verdict, Withdrawal
from coordinator.store import open_store
from coordinator.store.migrate import migrate
from coordinator.store.querying import StoreQueries
from coordinator.store.sqlite import SqliteStore
from tests import kit
from tests.kit import Json

KEY = b"k" * 32


async def prove(request: web.Request) -> Principal:
    """Whoever says who they are: `agency/subject role`; tokens have tests of their own."""
    who, _, role = request.headers.get("Authorization", "").partition(" ")
    if not who:
        raise Problem(ProblemCode.UNAUTHENTICATED, "who are you?")
    agency, _, subject = who.partition("/")
    return Principal(agency, subject or "desk", frozenset({AccessRole(role or "liaison")}))


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:  # noqa: ANN401  # whatever JSON it is
        return json.loads(self.body)

    @property
    def ids(self) -> list[str]:
        """Of the features or conflicts."""
        return [each["id"] for each in self.json.get("features", self.json.get("conflicts"))]


@dataclass(slots=True)
class World:
    """A store, the walk that fills it, and a client of its HTTP door."""

    folder: Path
    store: SqliteStore
    intake: Intake
    address: str
    client: aiohttp.ClientSession
    sharing: Json
    """The terms under which everybody tells everybody."""
    plans: dict[str, Json] = field(default_factory=dict)
    """The newest plan of each operation."""
    owners: dict[str, str] = field(default_factory=dict)

    async def get(self, who: str, path: str, **parameters: object) -> Answer:
        """Ask as `agency`, `agency/subject` or `agency role`; always with the same request id."""
        headers = {"Authorization": who, "X-Request-Id": "the-same-request"}
        query = {name.rstrip("_"): str(value) for name, value in parameters.items()}
        async with self.client.get(f"{self.address}/v1/{path}", params=query, headers=headers) as found:
            return Answer(found.status, await found.read(), dict(found.headers))

    async def say(self, submission: Submission) -> None:
        """Have a message accepted."""
        (receipt,) = await self.intake.receive([submission])
        assert receipt.verdict is Verdict.ACCEPTED, receipt

    async def register(self, agency: str, to: Sequence[str] = ("coordinator",), **changes: object) -> str:
        """Register an operation; the place is given, or far from every other."""
        number = len(self.plans)
        place = [-94.5 + 0.05 * (number % 60), 36.7 + 0.05 * (number // 60)]
        plan = kit.plan(to, **{"area": {"type": "Point", "coordinates": place, "radius_m": 50.0}, **changes})
        await self.say(kit.submission(agency, kit.body(agency, "operation.notice", plan)))
        operation: str = plan["operation_id"]
        self.plans[operation], self.owners[operation] = plan, agency
        return operation

    async def update(self, operation: str, to: Sequence[str], **changes: object) -> None:
        """Send the next revision."""
        before = self.plans[operation]
        plan = {
            **before, "to": list(to), "revision": before.get("revision", 1) + 1, "reason": "correction", **changes,
        }  # fmt: skip  # one line of words
        self.plans[operation] = plan
        await self._about(operation, "operation.update", plan)

    async def report(self, operation: str, to: Sequence[str], name: str = "status", **said: object) -> None:
        """Report, cancel or close."""
        status = self.plans[operation]["status"]
        data = {**kit.common(to, status=status), "operation_id": operation, **said}
        await self._about(operation, f"operation.{name}", data)

    async def speak(self, agency: str, to: str, word: str, conflict: str, **said: object) -> None:
        """Say a word on a conflict, as an officer."""
        common = kit.common([to])
        common["originator"] = {**common["originator"], "officer_id": "4411"}
        data = {**common, "conflict_id": conflict, **said}
        await self.say(kit.submission(agency, kit.body(agency, f"deconfliction.{word}", data)))

    async def _about(self, operation: str, name: str, data: Json) -> None:
        agency = self.owners[operation]
        await self.say(kit.submission(agency, kit.body(agency, name, data)))

    async def withdraw(self, agency: str, last: int = 1) -> None:
        """Withdraw the last operation messages that an agency is owed, as when an agreement ends before delivery."""
        feed = [each for each in await self.store.feed(agency, 0, 10_000) if ".operation." in each.type]
        chosen = feed[-last:]
        withdrawals = [Withdrawal(each, each.sender) for each in chosen]
        await self.intake.chore(Ask(dispatches=[each.key for each in chosen]), chores.withdraw(withdrawals))


@asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """Everybody takes part, and may tell everybody of operations."""
    url = f"sqlite:///{folder}/store.db"
    migrate(url)
    async with open_store(url, "dps") as store, aiohttp.ClientSession() as client:
        intake = Intake(store, kit.domain())
        words = kit.agreements()
        for receipt in await intake.receive(words):
            assert receipt.verdict is Verdict.ACCEPTED
        names = kit.directory().names
        app = make_app(
            Health(ask=_ready), prove, operations.routes(StoreQueries(store, "dps", kit.Clock()), names, KEY)
        )
        async with serving(app, "127.0.0.1", 0) as address:
            sharing = json.loads(words[-1].body)["data"]
            yield World(folder, store, intake, address, client, sharing)


async def _ready() -> list[Any]:
    return []


def moved(hours: float) -> dict[str, str]:
    """A window so many hours later than the usual one."""
    start = kit.NOW + timedelta(hours=1 + hours)
    return {"start": start.isoformat(), "end": (start + timedelta(hours=2)).isoformat()}
