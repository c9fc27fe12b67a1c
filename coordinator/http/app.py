"""The web application: its pages of health, and the routes of the rooms beside it behind one gateway."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from coordinator.http.gateway import gateway
from coordinator.http.principals import Authenticator
from coordinator.model.errors import ConfigurationError

MAX_REQUEST_BYTES = 4 * 1024 * 1024
"""Of one request's body: a batch of 64 messages of the largest size; each route may allow less."""


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
    health: Health, authenticate: Authenticator | None = None, routes: Iterable[web.RouteDef] = ()
) -> web.Application:
    """The application: health for anybody, and the rooms' routes for callers that are proven."""
    app = web.Application(client_max_size=MAX_REQUEST_BYTES, middlewares=[gateway(authenticate)])
    app[HEALTH] = health
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), *routes])
    return app


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int) -> AsyncIterator[str]:
    """Serve until the block ends; yields the address, with the port that was chosen when 0 was asked.

    Raises `ConfigurationError` when it cannot listen there.
    """
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            msg = f"[http] cannot listen on {host}:{port} ({error.strerror}): choose another host or port"
            raise ConfigurationError(msg) from error
        address = runner.addresses[0]
        yield f"http://{address[0]}:{address[1]}"
    finally:
        await runner.cleanup()
