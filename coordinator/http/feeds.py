"""An agency's feed over HTTP: JSON lines, server-sent events, and the exact bytes of what it was sent."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from aiohttp import hdrs, web

from coordinator.feed import Feed
from coordinator.http.principals import READERS, caller
from coordinator.http.problems import FieldError, Problem, ProblemCode, invalid, not_found, only
from coordinator.http.streams import STOPPING, EventStream, Streams, Waiter
from coordinator.model.errors import StoreUnavailableError
from coordinator.model.feeding import Page, short_type
from coordinator.model.messages import TYPES

JSON_LINES = "application/jsonl"
CLOUDEVENT = "application/cloudevents+json"
LAST_SEQUENCE = "X-Sequence"
"""The last number looked at, shown or filtered out: the `since` of the next request."""
LIMIT, MAX_LIMIT = 100, 1_000
MAX_WAIT_S = 60
ANSWER_BYTES = 4 * 1024 * 1024
"""Of one answer of lines; it ends earlier than `limit` says when its bodies are large."""
AT_ONCE = 500
_SINCE, _LIMIT, _TYPES, _WAIT = OF_LINES = ("since", "limit", "types", "wait")
OF_EVENTS = (_SINCE, _TYPES)
_RESUME = "Last-Event-ID"
_NUMBER = re.compile(r"[0-9]{1,16}")


@dataclass(frozen=True, slots=True)
class Feeds:
    """The rooms of the feeds."""

    feed: Feed
    streams: Streams
    _known: frozenset[str] = field(init=False, default=frozenset(map(short_type, TYPES)))

    def routes(self) -> Sequence[web.RouteDef]:
        """What is answered, and where."""
        return [
            web.get("/v1/feed", self.lines, allow_head=False),
            web.get("/v1/feed/sse", self.events, allow_head=False),
            web.get("/v1/messages/{agency}/{id}", self.message, allow_head=False),
        ]

    async def lines(self, request: web.Request) -> web.Response:
        """`GET /v1/feed`: what comes after `since`, a line each; with `wait`, not before there is something."""
        principal = caller(request, *READERS)
        only(request.query, OF_LINES)
        since = _number(request, _SINCE, 0, 2**53 - 1)
        limit = _number(request, _LIMIT, LIMIT, MAX_LIMIT, least=1)
        wait = _number(request, _WAIT, 0, MAX_WAIT_S)
        types = self._types(request)
        page = await self.feed.page(principal.agency, since, limit, types, ANSWER_BYTES)
        if page.looked == since:
            await self._refuse_ahead(principal.agency, since, _SINCE)
        if not page.items and wait and page.whole:
            page = await self._awaited(request, page, limit, types, wait)
        self.streams.reads.note(principal, page.items)
        body = b"".join(each.line + b"\n" for each in page.items)
        headers = {LAST_SEQUENCE: str(page.looked), hdrs.CACHE_CONTROL: "no-store"}
        return web.Response(body=body, content_type=JSON_LINES, headers=headers)

    async def _awaited(
        self, request: web.Request, page: Page, limit: int, types: frozenset[str] | None, wait: float
    ) -> Page:
        agency = caller(request, *READERS).agency
        with self.streams.admit(request) as listening, self.feed.following(agency):
            try:
                async with asyncio.timeout(wait):
                    while not page.items and not self.streams.stopping and not listening.gone:
                        waiter = listening.waiter = Waiter(self.feed, agency, page, limit, types)
                        found = None
                        try:
                            if self.feed.keep_up(agency, waiter):
                                found = await waiter.found
                        finally:
                            self.feed.leave(agency, waiter)
                            page = Page((), waiter.cursor, whole=True)
                        page = found or await self.feed.page(agency, page.looked, limit, types, ANSWER_BYTES)
            except TimeoutError:
                pass  # then there was nothing
        return page

    async def events(self, request: web.Request) -> web.StreamResponse:
        """`GET /v1/feed/sse`: what comes after `Last-Event-ID`, or else `since`, and then what is new, for ever."""
        principal = caller(request, *READERS)
        only(request.query, OF_EVENTS)
        since = _last_event_id(request)
        name = _SINCE if since is None else _RESUME
        cursor = _number(request, _SINCE, 0, 2**53 - 1) if since is None else since
        types = self._types(request)
        await self._refuse_ahead(principal.agency, cursor, name)
        stream = EventStream(self.feed, principal, cursor, types, self.streams)
        with self.streams.admit(request) as listening, self.feed.following(principal.agency):
            listening.stream = stream
            await stream.begin(request)
            async with stream:
                await self._serve(stream, principal.agency)
        return stream

    async def _serve(self, stream: EventStream, agency: str) -> None:
        """Catch up, keep up, and again, until the client goes or the stream must end."""
        try:
            while stream.ended is None:
                page = await self.feed.page(agency, stream.cursor, AT_ONCE, stream.types)
                await stream.show(page)
                if page.whole and self.feed.keep_up(agency, stream):
                    await stream.moved()
            if stream.ended == STOPPING:  # what was recorded a moment ago need not wait for the next start
                await stream.show(await self.feed.page(agency, stream.cursor, AT_ONCE, stream.types))
        except TimeoutError:
            stream.end("too slow")
            stream.abort()
            self.feed.cut_off()
        except ConnectionError:
            stream.end("gone")
        except StoreUnavailableError:
            stream.end("unavailable")
        finally:
            self.feed.leave(agency, stream)
            await stream.close()

    async def message(self, request: web.Request) -> web.Response:
        """`GET /v1/messages/{agency}/{id}`: the exact bytes of what the caller's agency was sent, or sent itself.

        What was withdrawn before it was delivered is not there: its stub is, under the stub's own id.
        """
        principal = caller(request, *READERS)
        only(request.query, ())
        agency, message = request.match_info["agency"], request.match_info["id"]
        exact = await self.feed.exact(principal.agency, agency, message)
        if exact is None:
            raise not_found()
        headers = {hdrs.CACHE_CONTROL: "no-store"} | ({"x-jws": exact.jws} if exact.jws else {})
        return web.Response(body=exact.body, content_type=CLOUDEVENT, headers=headers)

    async def _refuse_ahead(self, agency: str, since: int, name: str) -> None:
        """A number that was never given: the client follows another feed, or a store that is older than it was.

        To wait there would pass over, in silence, everything up to it.
        """
        last = await self.feed.last(agency)
        if since > last:
            detail = f"ask the operator before going on; the feed ends at {last}"
            errors = [FieldError(name, "sequence_ahead")]
            raise Problem(ProblemCode.SEQUENCE_AHEAD, detail, errors, more={"last": last})

    def _types(self, request: web.Request) -> frozenset[str] | None:
        """The short names of `types`, with commas between them; None for all."""
        given = [name for value in request.query.getall(_TYPES, []) for name in value.split(",") if name]
        for name in given:
            if name not in self._known:
                close = get_close_matches(name, self._known, n=1)
                hint = f"did you mean {close[0]}?" if close else "short names, such as operation.notice"
                raise invalid(_TYPES, f"there is no such type: {hint}")
        return frozenset(given) or None


def _number(request: web.Request, name: str, default: int, most: int, least: int = 0) -> int:
    """A whole number of the query; raises `Problem` (`invalid_parameter`)."""
    given = request.query.getall(name, [])
    if not given:
        return default
    if len(given) > 1 or not _NUMBER.fullmatch(given[0]) or not least <= int(given[0]) <= most:
        raise invalid(name, f"a whole number from {least} to {most}, once")
    return int(given[0])


def _last_event_id(request: web.Request) -> int | None:
    """Where a client that comes back stopped; raises `Problem` for what was never an id of ours."""
    given = request.headers.getall(_RESUME, [])
    if not given:
        return None
    if len(given) > 1 or not _NUMBER.fullmatch(given[0]):
        raise invalid(_RESUME, "the id of an event of this feed, which is a whole number")
    return int(given[0])
