"""Messages as agencies write them now, and what tests ask of a store and wait for."""

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from coordinator.model.leaf import LEAF, Leaf
from coordinator.model.work import Dispatch, Submission
from coordinator.store.sqlite import SqliteReader
from tests import kit
from tests.kit import Json

GUARD_S = 40
PREFIX, SUFFIX = "gov.mo.coordination.", ".v1"


def as_of_now(submission: Submission) -> Submission:
    """The same message as if written now: the service reads a real clock."""
    event = json.loads(submission.body)
    event["time"] = datetime.now(UTC).isoformat()
    return kit.submission(submission.agency, json.dumps(event).encode(), received=datetime.now(UTC))


def agreements() -> list[Submission]:
    return [as_of_now(each) for each in kit.agreements()]


def notice(agency: str, to: list[str], **changes: object) -> bytes:
    start = datetime.now(UTC) + timedelta(hours=1)
    window = {"start": start.isoformat(), "end": (start + timedelta(hours=2)).isoformat()}
    return as_of_now(
        kit.submission(agency, kit.body(agency, "operation.notice", kit.plan(to, **window, **changes)))
    ).body


def apart(number: int) -> Json:
    """Places that are kilometres from each other, along the west of the state."""
    place = [-94.5 + 0.05 * (number % 20), 36.7 + 0.05 * (number // 20)]
    return {"type": "Point", "coordinates": place, "radius_m": 50}


def short(name: str | None) -> str:
    return str(name).removeprefix(PREFIX).removesuffix(SUFFIX)


def id_of(body: bytes) -> str:
    found: str = json.loads(body)["id"]
    return found


async def until(holds: Callable[[], Awaitable[object]], guard_s: float = GUARD_S) -> None:
    """Wait until something holds; the store belongs to the service, so there is nothing to be woken by."""
    async with asyncio.timeout(guard_s):
        while not await holds():  # noqa: ASYNC110  # see above
            await asyncio.sleep(0.02)


async def leaves(store: SqliteReader) -> list[Leaf]:
    """The journal from its beginning; every entry is a valid leaf."""
    size = await store.size()
    return [LEAF.validate_json(each) for each in await store.entries(0, size)]


async def times(store: SqliteReader, action: str) -> Counter[str]:
    """How often each dispatch is named by the leaves of that action."""
    return Counter(
        each for leaf in await leaves(store) if leaf.action == action for each in getattr(leaf, "dispatches", ())
    )


async def dispatch_of(store: SqliteReader, agency: str, message: str) -> Dispatch:
    """The delivery of that message to the agency; waits until it is owed."""
    found: list[Dispatch] = []

    async def owed() -> bool:
        found[:] = [each for each in await store.feed(agency, 0, 10_000) if each.event_id == message]
        return bool(found)

    await until(owed)
    return found[0]


async def states(store: SqliteReader) -> dict[str, str]:
    """The state of every delivery, by its id."""

    def ask(db: sqlite3.Connection) -> dict[str, str]:
        return dict(db.execute("SELECT id, state FROM dispatches").fetchall())

    return await store.reading(ask)


async def paid(store: SqliteReader) -> bool:
    """Whether nothing is owed any more."""
    return "owed" not in (await states(store)).values()
