"""How much one caller may ask for: so many requests at once and a second, a body of so many bytes within a time."""

import asyncio
import math
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from aiohttp import hdrs, web

from coordinator.http.problems import Problem, ProblemCode

AT_ONCE: Final = "too many requests of this caller are open at once"
A_SECOND: Final = "this caller posts too much a second"
BODY_S: Final = 10.0
"""Within which a body must have come."""
_CALLERS: Final = 10_000
"""Whose buckets are kept; the one that has been used longest ago goes first, and would be full again."""


@dataclass(slots=True)
class _Place:
    """What one caller has at a gate."""

    inside: int = 0
    waiting: "deque[asyncio.Future[None]]" = field(default_factory=deque)


@dataclass(slots=True)
class Gate:
    """So many requests of each caller are inside at once; some more wait, unread; the rest are sent away."""

    each: int
    """Inside, of one caller."""
    waiting: int
    """Before the gate, of one caller."""
    total: int
    """Inside, of all callers."""
    _places: dict[str, _Place] = field(default_factory=dict, init=False)
    _inside: int = field(default=0, init=False)

    @asynccontextmanager
    async def place(self, caller: str) -> AsyncIterator[None]:
        """Be inside; raises `Problem` where there is no room even to wait."""
        await self._enter(caller)
        try:
            yield
        finally:
            self._leave(caller)

    async def _enter(self, caller: str) -> None:
        if self._inside >= self.total:
            again = {"Retry-After": "1"}
            raise Problem(ProblemCode.UNAVAILABLE, "too many requests are being served; try again", headers=again)
        place = self._places.setdefault(caller, _Place())
        if place.inside < self.each:
            self._count(place)
            return
        if len(place.waiting) >= self.waiting:
            raise too_many(AT_ONCE, 1)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        place.waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                place.waiting.remove(turn)
            else:
                self._leave(caller)  # the turn had come
            raise

    def _count(self, place: _Place) -> None:
        place.inside += 1
        self._inside += 1

    def _leave(self, caller: str) -> None:
        """Give the place to who waits longest, or give it up."""
        place = self._places[caller]
        while place.waiting:
            turn = place.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        place.inside -= 1
        self._inside -= 1
        if not place.inside:
            del self._places[caller]


@dataclass(slots=True)
class Buckets:
    """A token bucket for each caller: `per_s` a second, and `burst` at once after a rest."""

    per_s: float
    burst: int
    clock: Callable[[], float] = time.monotonic
    _levels: "OrderedDict[str, tuple[float, float]]" = field(default_factory=OrderedDict, init=False)
    """What was left, and when."""

    def take(self, caller: str, count: int = 1) -> int:
        """Take as many as there are, at most `count`; returns how many were taken."""
        now = self.clock()
        left, since = self._levels.pop(caller, (float(self.burst), now))
        left = min(float(self.burst), left + (now - since) * self.per_s)
        taken = min(count, math.floor(left))
        self._levels[caller] = (left - taken, now)
        while len(self._levels) > _CALLERS:
            self._levels.popitem(last=False)
        return taken

    @property
    def again_s(self) -> int:
        """Seconds after which an empty bucket has something again."""
        return max(1, math.ceil(1 / self.per_s))


def too_many(detail: str, again_s: int) -> Problem:
    """The answer to who asks too much."""
    again = {"Retry-After": str(again_s)}
    return Problem(ProblemCode.TOO_MANY_REQUESTS, detail, headers=again, more={"retry_after_s": again_s})


async def read_body(request: web.Request, most: int, within_s: float = BODY_S) -> bytes:
    """Read a body of at most `most` bytes; raises `Problem` for a larger one, mostly unread, and for a slow one."""
    declared = request.content_length
    if declared is not None and declared > most:
        raise _too_large(most)
    content = request.content
    if content.is_eof():  # it has come already, as small ones do
        body = content.read_nowait()
        return _within(body, most)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(within_s):
            while part := await content.readany():
                size += len(part)
                if size > most:
                    raise _too_large(most)
                parts.append(part)
    except TimeoutError:
        detail = f"the body did not come within {within_s:g} s"
        raise Problem(ProblemCode.UNREADABLE, detail, headers={hdrs.CONNECTION: "close"}) from None
    except web.RequestPayloadError as broken:
        detail = "the body ended before its end, or is not framed as HTTP says"
        raise Problem(ProblemCode.UNREADABLE, detail, headers={hdrs.CONNECTION: "close"}) from broken
    return b"".join(parts)


def _within(body: bytes, most: int) -> bytes:
    if len(body) > most:
        raise _too_large(most)
    return body


def _too_large(most: int) -> Problem:
    detail = f"the body is larger than {most} bytes"
    return Problem(ProblemCode.TOO_LARGE, detail, headers={hdrs.CONNECTION: "close"})
