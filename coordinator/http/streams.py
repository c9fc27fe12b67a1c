"""Who is listening over HTTP: event streams and waiting requests, how many each may have, and what ends them."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import structlog
from aiohttp import web
from aiohttp.http import StreamWriter
from aiohttp_sse import EventSourceResponse

from coordinator.feed import Feed
from coordinator.http.principals import PRINCIPAL, Authenticator, Principal
from coordinator.http.problems import Problem, ProblemCode
from coordinator.http.reads import Reads
from coordinator.http.sending import keep_little_in_kernel
from coordinator.model.feeding import Batch, Item, Page

SWEEP_S = 1.0
BEAT_S = 15.0
SEND_S = 30.0
"""How long a client may leave what was written to it unread before it is cut off; it may come back and resume."""
STOPPING: Final = "the service is stopping"
STOP_S = 2.0
"""How long a stream has to end by itself when the service stops."""
RETRY_MS = 2_000
CONGESTED = 64 * 1024
"""Bytes that wait for one client in our memory: with more it has fallen behind."""
TURN = 50
DAY_S = 86_400.0


def as_event(item: Item) -> bytes:
    """A number as a server-sent event; none of its parts can hold a line break (`item_of`)."""
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (item.sequence, item.type.encode(), item.line)


class EventStream(EventSourceResponse):
    """One client's stream.

    Of the library's class it keeps the headers, the framing of HTTP and the kernel's time-out for peers that are gone.
    Events are written as bytes that all clients share (`send` would encode them for each), and one task sends the
    heartbeats of all (`Streams.run`), so the library's own, one for each client, sleeps.
    """

    def __init__(
        self, feed: Feed, principal: Principal, cursor: int, types: frozenset[str] | None, streams: "Streams"
    ) -> None:
        """Begin after `cursor`; the client has `streams.send_s` seconds to read what is written."""
        send_s = streams.send_s
        super().__init__(send_timeout=2 * send_s, ping_interval=DAY_S)  # ours comes first, and is counted
        self.force_close()  # when it ends, so does the connection: whoever is in between knows it at once
        self._send_s = send_s
        self.cursor = cursor
        self.types = types
        self._feed = feed
        self._principal = principal
        self._reads = streams.reads
        self._moved = asyncio.Event()
        self._wire: StreamWriter | None = None
        self._touched = 0.0
        self.ended: str | None = None
        """Why, in a word for the client."""

    async def begin(self, request: web.Request) -> None:
        """Answer with the headers, and how soon to come back when the stream breaks."""
        writer = await self.prepare(request)
        if not isinstance(writer, StreamWriter):
            msg = "a web request has a stream to write to"
            raise TypeError(msg)
        self._wire = writer
        keep_little_in_kernel(writer.transport)
        await self._write_now(b"retry: %d\n" % RETRY_MS)

    @property
    def gone(self) -> bool:
        """Whether the client has closed its connection."""
        transport = self._wire.transport if self._wire is not None else None
        return transport is None or transport.is_closing()

    @property
    def unread(self) -> int:
        """Bytes that wait in our memory for the client to read them."""
        transport = self._wire.transport if self._wire is not None else None
        return 0 if transport is None else transport.get_write_buffer_size()

    @property
    def congested(self) -> bool:
        """Whether too much waits for the client to go on at once."""
        return self.unread > CONGESTED

    async def hear(self, batch: Batch) -> None:
        """Write what is new, if the client reads; never waits."""
        if self.congested or batch.first > self.cursor + 1:
            self.fall_behind()
            return
        written = batch.written(as_event, self.cursor, self.types)
        if written:
            self._reads.note(self._principal, batch.after(self.cursor, self.types))
        self.cursor = max(self.cursor, batch.last)
        if written:
            await self._write_now(written)

    async def show(self, page: Page) -> None:
        """Write a page, and wait until the client has taken it; raises `TimeoutError` when it does not."""
        self._touched = asyncio.get_running_loop().time()
        async with asyncio.timeout(self._send_s):
            await self.write(b"".join(map(as_event, page.items)))
            if self._wire is not None:
                await self._wire.drain()
        self._reads.note(self._principal, page.items)
        self.cursor = page.looked

    async def beat(self, now: float) -> None:
        """Write a comment when nothing was written for a while.

        A line of its own, not a block: some clients take the empty line after a comment for the end of an event.
        """
        if now - self._touched >= BEAT_S and not self.congested:
            await self._write_now(b": heartbeat\n")

    async def _write_now(self, written: bytes) -> None:
        if self._wire is None or self.gone:
            self.end("gone")
            return
        self._touched = asyncio.get_running_loop().time()
        try:
            await self._wire.write(written, drain=False)
        except ConnectionError:
            self.end("gone")

    def fall_behind(self) -> None:
        """Read the store from the cursor on."""
        self._feed.leave(self._principal.agency, self)
        self._moved.set()

    def end(self, why: str) -> None:
        """Let the stream end; what was written is still sent."""
        self.ended = self.ended or why
        self.fall_behind()

    async def moved(self) -> None:
        """Return when the stream has fallen behind, or is to end."""
        await self._moved.wait()
        self._moved.clear()

    async def close(self) -> None:
        """Say why, and end the answer."""
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(STOP_S):
                if not self.gone:
                    await self.write(b": %b\n" % (self.ended or "end").encode())
                    await self.write_eof()

    def abort(self) -> None:
        """Drop the connection and what waits for it."""
        transport = self._wire.transport if self._wire is not None else None
        if transport is not None:
            transport.abort()


class Waiter:
    """A request that waits for what comes next."""

    def __init__(self, feed: Feed, agency: str, page: Page, limit: int, types: frozenset[str] | None) -> None:
        """Wait for what comes after a page that was empty."""
        self.cursor = page.looked
        self._feed = feed
        self._agency = agency
        self._limit = limit
        self._types = types
        self.found: asyncio.Future[Page | None] = asyncio.get_running_loop().create_future()

    async def hear(self, batch: Batch) -> None:
        """Take what is new, if any of it is of the types asked for."""
        if batch.first > self.cursor + 1:
            self.fall_behind()
            return
        items = batch.after(self.cursor, self._types)[: self._limit]
        self.cursor = items[-1].sequence if len(items) == self._limit else max(self.cursor, batch.last)
        if items:
            self._answer(Page(items, self.cursor, whole=False))

    def fall_behind(self) -> None:
        """Read the store from the cursor on."""
        self._answer(None)

    def _answer(self, page: Page | None) -> None:
        self._feed.leave(self._agency, self)
        if not self.found.done():
            self.found.set_result(page)


@dataclass(slots=True, eq=False)
class Listening:
    """A request that stays open."""

    request: web.Request
    stream: EventStream | None = None
    waiter: Waiter | None = None

    def end(self, why: str) -> None:
        """Let it end."""
        if self.stream is not None:
            self.stream.end(why)
        if self.waiter is not None:
            self.waiter.fall_behind()

    @property
    def gone(self) -> bool:
        """Whether the client has closed its connection."""
        transport = self.request.transport
        return transport is None or transport.is_closing()


@dataclass(slots=True)
class Streams:
    """All requests that stay open."""

    authenticate: Authenticator
    per_principal: int
    reads: Reads
    send_s: float = SEND_S
    stopping: bool = field(init=False, default=False)
    _open: dict[Listening, None] = field(init=False, default_factory=dict)
    _counted: Counter[str] = field(init=False, default_factory=Counter)
    _none_left: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    @property
    def unread(self) -> int:
        """Bytes that wait in our memory for all clients together."""
        return sum(each.stream.unread for each in self._open if each.stream is not None)

    def cut(self) -> None:
        """Drop every connection that has a stream; each client comes back and resumes."""
        for each in list(self._open):
            if each.stream is not None:
                each.stream.abort()

    @contextmanager
    def admit(self, request: web.Request) -> Iterator[Listening]:
        """Count a request that stays open; raises `Problem` when the caller has too many, or the service stops."""
        principal = request[PRINCIPAL]
        if self.stopping:
            raise Problem(ProblemCode.UNAVAILABLE, STOPPING, headers={"Retry-After": "5"})
        if self._counted[principal.key] >= self.per_principal and not self._forget_gone(principal):
            detail = f"{self.per_principal} streams of one caller are open; close one first"
            raise Problem(ProblemCode.TOO_MANY_STREAMS, detail, headers={"Retry-After": str(int(BEAT_S))})
        listening = Listening(request)
        self._open[listening] = None
        self._counted[principal.key] += 1
        try:
            yield listening
        finally:
            self._forget(listening)

    def _forget(self, listening: Listening) -> None:
        if listening in self._open:
            del self._open[listening]
            key = listening.request[PRINCIPAL].key
            self._counted[key] -= 1
            if not self._counted[key]:
                del self._counted[key]
        if not self._open:
            self._none_left.set()

    def _forget_gone(self, principal: Principal) -> bool:
        """Whether a place is free after all, because a client closed its connection a moment ago."""
        gone = [each for each in self._open if each.request[PRINCIPAL].key == principal.key and each.gone]
        for each in gone:
            each.end("gone")
            self._forget(each)
        return bool(gone)

    async def run(self) -> None:
        """Sweep for ever: end what may not go on, send heartbeats to those that heard nothing for a while."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(SWEEP_S)
            for number, each in enumerate(list(self._open), 1):
                if each.gone:
                    each.end("gone")
                elif not await self._still_proven(each.request):
                    each.end("sign in again")
                elif each.stream is not None:
                    await each.stream.beat(loop.time())
                if number % TURN == 0:
                    await asyncio.sleep(0)

    async def _still_proven(self, request: web.Request) -> bool:
        """Whether the caller's proof still holds: a token ends or is revoked, an agency is disabled."""
        try:
            return await self.authenticate(request) == request[PRINCIPAL]
        except Problem:
            return False

    async def stop(self) -> None:
        """End everything that is open; who does not read is cut off. A client comes back, and resumes."""
        self.stopping = True
        self._none_left.clear()
        for each in list(self._open):
            each.end(STOPPING)
        if self._open:
            try:
                async with asyncio.timeout(STOP_S):
                    await self._none_left.wait()
            except TimeoutError:
                structlog.get_logger("feed").warning("streams_cut_off", count=len(self._open))
                self.cut()
