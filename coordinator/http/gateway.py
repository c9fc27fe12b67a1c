"""What happens to every request before and after its handler: an id, the caller's proof, a plain answer to trouble."""

import re
import time
from contextlib import suppress

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from coordinator.domain import Identifiers
from coordinator.http.principals import PRINCIPAL, Authenticator
from coordinator.http.problems import Problem, ProblemCode, not_found
from coordinator.http.sending import Sending
from coordinator.model.errors import StoreUnavailableError

REQUEST_ID = web.RequestKey("request_id", str)
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
UNPROVEN = 401
GUARDED = "/v1/"
"""Where a caller must be proven; health is anybody's."""


def gateway(authenticate: Authenticator | None, sending: Sending) -> Middleware:
    """The one middleware."""
    new_id = Identifiers()

    @web.middleware
    async def pass_through(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = request[REQUEST_ID] = given if _REQUEST_ID.fullmatch(given) else new_id()
        began = time.perf_counter()
        try:
            answer = await _proven(request, handler, authenticate)
            _mark(answer, request_id)
            await sending.send(request, answer)
        except Exception as trouble:  # noqa: BLE001  # whatever it is, the caller gets a plain answer
            answer = _problem_of(trouble, request).response(request_id)
            _mark(answer, request_id)
        if answer.status != UNPROVEN:  # counted, and told now and then (`bearer.Flood`): strangers fill no log
            _log(request, answer.status, began)
        return answer

    return pass_through


def _mark(answer: web.StreamResponse, request_id: str) -> None:
    """Whose answer it is, under which id it is found in the log, and that nobody on the way keeps a copy."""
    if answer.prepared:
        return
    answer.headers["X-Request-Id"] = request_id
    answer.headers["Server"] = "coordinator"
    answer.headers.setdefault("Cache-Control", "no-store")
    answer.headers["X-Content-Type-Options"] = "nosniff"


async def _proven(request: web.Request, handler: Handler, authenticate: Authenticator | None) -> web.StreamResponse:
    if request.path.startswith(GUARDED):
        if authenticate is None:
            raise not_found()
        request[PRINCIPAL] = await authenticate(request)
    return await handler(request)


def _problem_of(trouble: Exception, request: web.Request) -> Problem:
    match trouble:
        case Problem():
            return trouble
        case web.HTTPException():
            return _of_aiohttp(trouble)
        case StoreUnavailableError():
            detail = "nothing could be recorded or read now; try again"
            return Problem(ProblemCode.UNAVAILABLE, detail, headers={"Retry-After": "1"})
        case _:
            log = structlog.get_logger("http")
            log.error("failed", request_id=request[REQUEST_ID], path=_path(request), exc_info=trouble)
            return Problem(ProblemCode.INTERNAL, "this is our fault; tell the operator the request id")


def _of_aiohttp(known: web.HTTPException) -> Problem:
    """The framework's own refusals in our words."""
    match known:
        case web.HTTPNotFound():
            return not_found()
        case web.HTTPMethodNotAllowed():
            allowed = {"Allow": ", ".join(sorted(known.allowed_methods))}
            return Problem(ProblemCode.METHOD_NOT_ALLOWED, "this address does not do that", headers=allowed)
        case web.HTTPRequestEntityTooLarge():
            return Problem(ProblemCode.TOO_LARGE, "the body is too large")
        case web.HTTPUnsupportedMediaType():
            return Problem(ProblemCode.UNSUPPORTED_MEDIA_TYPE, "the body is of a type that is not read here")
        case _:
            return Problem(ProblemCode.UNREADABLE, "the request cannot be read")


def _log(request: web.Request, status: int, began: float) -> None:
    """One line per request; never what stands in the query, which names operations."""
    principal = request.get(PRINCIPAL)
    structlog.get_logger("http").info(
        "request",
        request_id=request[REQUEST_ID],
        method=request.method,
        path=_path(request),
        status=status,
        agency=principal.agency if principal else None,
        subject=principal.subject if principal else None,
        ms=round((time.perf_counter() - began) * 1000, 1),
    )


def _path(request: web.Request) -> str | None:
    """The route's pattern, not the path: ids stay out of the log."""
    with suppress(AttributeError):
        resource = request.match_info.route.resource
        return resource.canonical if resource is not None else None
    return None
