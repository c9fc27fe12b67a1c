"""`GET /v1/operations`, `/v1/conflicts` and one of either: what the caller's agency may see, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import orjson
from aiohttp import web

from coordinator.http.asked import CONFLICT_STATES, OPERATION_STATES, Asked, nothing_asked, read_asked
from coordinator.http.cursors import Cursors
from coordinator.http.principals import READERS, AccessRole, Principal, caller
from coordinator.http.problems import not_found
from coordinator.model import showing
from coordinator.ports import Queries

GEOJSON = "application/geo+json"
JSON = "application/json"
MAY_ASK = (*READERS, AccessRole.AUDITOR)
_UNSHARED = {"Cache-Control": "no-store"}
"""No cache between may keep what one caller was told."""


@dataclass(frozen=True, slots=True)
class _Pages:
    """The four handlers and what they ask."""

    queries: Queries
    names: Mapping[str, str]
    cursors: Cursors

    async def operations(self, request: web.Request) -> web.Response:
        """A page of operations as a FeatureCollection."""
        principal, asked = caller(request, *MAY_ASK), read_asked(request, OPERATION_STATES)
        question = _question(request, principal, asked)
        after = self._begin(asked, question)
        page = await self.queries.operations(principal.agency, asked.sought, after, asked.limit)
        cursor = None if page.after is None else self.cursors.seal(page.after, question)
        return _answer(showing.collection(page.views, cursor), GEOJSON, _link(request, asked, cursor))

    async def operation(self, request: web.Request) -> web.Response:
        """One operation as a Feature."""
        principal = caller(request, *MAY_ASK)
        nothing_asked(request)
        view = await self.queries.operation(principal.agency, request.match_info["id"])
        if view is None:
            raise not_found()
        return _answer(showing.feature(view), GEOJSON)

    async def conflicts(self, request: web.Request) -> web.Response:
        """A page of conflicts."""
        principal, asked = caller(request, *MAY_ASK), read_asked(request, CONFLICT_STATES)
        question = _question(request, principal, asked)
        after = self._begin(asked, question)
        page = await self.queries.conflicts(principal.agency, asked.sought, after, asked.limit)
        cursor = None if page.after is None else self.cursors.seal(page.after, question)
        body: dict[str, object] = {"conflicts": [showing.conflict(view, self.names) for view in page.views]}
        if cursor is not None:
            body["next"] = cursor
        return _answer(body, JSON, _link(request, asked, cursor))

    async def conflict(self, request: web.Request) -> web.Response:
        """One conflict."""
        principal = caller(request, *MAY_ASK)
        nothing_asked(request)
        view = await self.queries.conflict(principal.agency, request.match_info["id"])
        if view is None:
            raise not_found()
        return _answer(showing.conflict(view, self.names), JSON)

    def _begin(self, asked: Asked, question: str) -> str:
        return "" if asked.cursor is None else self.cursors.open(asked.cursor, question)


def routes(queries: Queries, names: Mapping[str, str], cursor_key: bytes) -> list[web.RouteDef]:
    """The routes; `names` are those of the agencies by id, for explanations, and the key (32 bytes) seals cursors."""
    pages = _Pages(queries, names, Cursors(cursor_key))
    return [
        web.get("/v1/operations", pages.operations),
        web.get("/v1/operations/{id}", pages.operation),
        web.get("/v1/conflicts", pages.conflicts),
        web.get("/v1/conflicts/{id}", pages.conflict),
    ]


def _question(request: web.Request, principal: Principal, asked: Asked) -> str:
    """What a cursor is good for: this caller, this page, these filters. How much at a time may change."""
    return orjson.dumps([request.path, principal.key, asked.filters]).decode()


def _link(request: web.Request, asked: Asked, cursor: str | None) -> Mapping[str, str]:
    """The address of the next page (RFC 8288)."""
    if cursor is None:
        return {}
    parameters = urlencode([*asked.filters, ("limit", str(asked.limit)), ("cursor", cursor)])
    return {"Link": f'<{request.path}?{parameters}>; rel="next"'}


def _answer(body: object, content_type: str, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(body), content_type=content_type, headers={**_UNSHARED, **(headers or {})})
