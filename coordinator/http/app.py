"""The web application: its pages of health, and the routes of the rooms beside it behind one gateway."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final

import structlog
from aiohttp import web

from coordinator.domain import system_id
from coordinator.http.gateway import gateway
from coordinator.http.principals import Authenticator
from coordinator.http.problems import Problem, ProblemCode
from coordinator.http.sending import Sending
from coordinator.model.errors import ConfigurationError

MAX_REQUEST_BYTES = 4 * 1024 * 1024
"""Of one request's body: a batch of 64 messages of the largest size; each route may allow less."""

LINGER_S: Final = 1.0
"""How long the rest of a body that nobody wants is read, so that the sender sees the answer."""
SHUTDOWN_S: Final = 5.0
"""How long answers that are being written may take at the end."""
BACKLOG: Final = 1_024
IDLE_S: Final = 75.0
"""How long a connection may stay without a whole request: who sends none, or a byte at a time, is cut off."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of readiness, and in an operator's words what is wrong when it does not hold."""

    name: str
    holds: bool
    words: str = ""


@dataclass(slots=True)
class Health:
    """What the health pages ask; ready only when every condition holds and the service is not stopping."""

    ask: Callable[[], Awaitable[list[Condition]]]
    stopping: bool = field(default=False)


HEALTH = web.AppKey("health", Health)
Route = web.RouteDef
"""One address that a room answers at, as `make_app` takes them."""


async def healthz(_request: web.Request) -> web.Response:
    """Alive: the event loop answers."""
    return web.json_response({"status": "alive"})


async def readyz(request: web.Request) -> web.Response:
    """Ready: consumers registered, store writable, relay running, broker not blocked; else 503 and what is wrong."""
    health = request.app[HEALTH]
    conditions = [Condition("running", not health.stopping, "the service is stopping"), *await health.ask()]
    ready = all(condition.holds for condition in conditions)
    body = {
        "status": "ready" if ready else "not_ready",
        "conditions": {each.name: "holds" if each.holds else each.words for each in conditions},
    }
    return web.json_response(body, status=200 if ready else 503)


def make_app(
    health: Health,
    authenticate: Authenticator | None = None,
    routes: Iterable[web.RouteDef] = (),
    sending: Sending | None = None,
) -> web.Application:
    """The application: health for anybody, and the rooms' routes for callers that are proven."""
    app = web.Application(client_max_size=MAX_REQUEST_BYTES, middlewares=[gateway(authenticate, sending or Sending())])
    app[HEALTH] = health
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), *routes])
    return app


class _Connection(web.RequestHandler):
    """A connection whose broken requests are answered in a word: what a stranger wrote is not shown again."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP request, or too large a one, and close."""
        del request, message
        structlog.get_logger("http").info("broken_request", status=status, reason=type(exc).__name__)
        code = ProblemCode.INTERNAL if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ProblemCode.UNREADABLE
        answer = Problem(code, "this is no request that can be read").response(system_id())
        answer.force_close()
        return answer


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve until the block ends; yields the address, with the port that was chosen when 0 was asked.

    Raises `ConfigurationError` when it cannot listen there.
    """
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    loop = asyncio.get_running_loop()

    def connected() -> asyncio.Protocol:
        return _Connection(
            runner.server,  # type: ignore[arg-type]  # there is one after `setup`
            loop=loop,
            access_log=None,  # type: ignore[arg-type]  # the gateway writes the line
            keepalive_timeout=IDLE_S,
            lingering_time=LINGER_S,
            auto_decompress=False,
        )

    try:
        listening = await loop.create_server(connected, host, port, ssl=tls, backlog=BACKLOG)
    except OSError as error:
        await runner.cleanup()
        msg = f"[http] cannot listen on {host}:{port} ({error.strerror}): choose another host or port"
        raise ConfigurationError(msg) from error
    try:
        address = listening.sockets[0].getsockname()
        shown = f"[{address[0]}]" if ":" in address[0] else address[0]
        yield f"{'http' if tls is None else 'https'}://{shown}:{address[1]}"
    finally:
        listening.close()
        await runner.cleanup()


def tls_of(cert: Path, key: Path | None) -> ssl.SSLContext:
    """Read a certificate chain and its key, PEM; raises `ConfigurationError` with what is wrong."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        msg = f"[http] tls_cert {cert} and tls_key cannot be used ({error.strerror or error}): mend them"
        raise ConfigurationError(msg) from error
    return context
