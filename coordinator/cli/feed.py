"""`coordinator feed`: follow what an agency is told, from the store, or over HTTP with a token."""

import asyncio
import difflib
import json
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from http.client import HTTPException
from typing import Annotated
from urllib.parse import urlencode

import typer

from coordinator.cli.completing import agencies
from coordinator.cli.context import chosen, refusals
from coordinator.cli.participants import read_directory_of
from coordinator.domain import system_clock
from coordinator.feed import Feed
from coordinator.model.errors import ConfigurationError, CoordinatorError
from coordinator.model.feeding import short_type
from coordinator.model.messages import TYPES
from coordinator.settings import Settings
from coordinator.store import open_ledger
from coordinator.store.feeding import StoredFeeds

LOOK_EVERY_S = 0.05
PAGE = 500
WAIT_S = 30
TOKEN = "COORDINATOR_TOKEN"  # noqa: S105  # the name of a variable


def feed(  # noqa: PLR0913  # an option each
    context: typer.Context,
    *,
    listener: Annotated[
        str,
        typer.Option(
            "--as", metavar="AGENCY", help="Who listens; over HTTP the token says it.", autocompletion=agencies
        ),
    ] = "",
    since: Annotated[str, typer.Option(metavar="SEQ|latest|all", help="Start after this sequence.")] = "all",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more until interrupted.")] = False,
    types: Annotated[list[str] | None, typer.Option(help="Only these short types; may be repeated.")] = None,
    url: Annotated[str, typer.Option(metavar="URL", help=f"Over HTTP, with the token in {TOKEN}.")] = "",
) -> None:
    """Print what an agency was told, in order, without a gap; a JSON line each: `{sequence, recordedtime, event}`."""
    with refusals(debug=chosen(context).debug):
        wanted = frozenset(map(_type, types or ())) or None
        if since not in {"all", "latest"} and not (since.isascii() and since.isdigit()):
            msg = f"--since takes a sequence, `latest` or `all`, not {since!r}"
            raise ConfigurationError(msg)
        try:
            if url:
                _over_http(url.rstrip("/"), since, wanted, follow=follow)
            else:
                settings = chosen(context).settings()
                asyncio.run(_followed(settings, _agency(settings, listener), since, wanted, follow=follow))
        except KeyboardInterrupt:
            raise typer.Exit(0) from None


def _agency(settings: Settings, listener: str) -> str:
    agency, _, _ = listener.partition("/")
    if read_directory_of(settings).agency(agency) is None:
        msg = f"there is no agency {agency!r} in the directory" if agency else "say who listens: --as AGENCY"
        raise ConfigurationError(msg)
    return agency


def _type(short: str) -> str:
    """The short name; raises `ConfigurationError` for one that there is not, which nobody would ever see."""
    known = {short_type(name) for name in TYPES}
    if short in known:
        return short
    close = difflib.get_close_matches(short, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"they are {', '.join(sorted(known))}"
    msg = f"there is no type {short!r}: {hint}"
    raise ConfigurationError(msg)


async def _followed(settings: Settings, agency: str, since: str, types: frozenset[str] | None, *, follow: bool) -> None:
    """From the store, which another process writes: there is nothing to be woken by."""
    async with open_ledger(settings.store.url) as store:
        reading = Feed(StoredFeeds(store), system_clock)
        cursor = await reading.last(agency) if since == "latest" else 0 if since == "all" else int(since)
        while True:
            page = await reading.page(agency, cursor, PAGE, types)
            _print([each.line for each in page.items])
            cursor = page.looked
            if page.whole:
                if not follow:
                    return
                await asyncio.sleep(LOOK_EVERY_S)


def _print(lines: Sequence[bytes]) -> None:
    for line in lines:
        typer.echo(line.decode())


# --- over HTTP ---


def _over_http(url: str, since: str, types: frozenset[str] | None, *, follow: bool) -> None:
    """By pages, each waiting for what comes when it follows."""
    cursor = _last(url) if since == "latest" else 0 if since == "all" else int(since)
    asked: dict[str, object] = {"limit": PAGE, **({"types": ",".join(sorted(types))} if types else {})}
    while True:
        lines, looked = _ask(url, {**asked, "since": cursor, **({"wait": WAIT_S} if follow else {})})
        _print(lines)
        if looked == cursor and not follow:
            return
        cursor = looked


def _last(url: str) -> int:
    """The last number; a filter that passes nothing looks through the feed without sending it."""
    cursor = 0
    while True:
        _, looked = _ask(url, {"since": cursor, "types": "service.heartbeat"})
        if looked == cursor:
            return cursor
        cursor = looked


def _ask(url: str, query: dict[str, object]) -> tuple[list[bytes], int]:
    token = os.environ.get(TOKEN)
    if not token:
        msg = f"no token: put one into {TOKEN} (`coordinator token issue --as AGENCY/PERSON --role liaison`)"
        raise ConfigurationError(msg)
    if not url.startswith(("http://", "https://")):
        msg = f"--url is where the coordinator serves HTTP, as http://127.0.0.1:8080, not {url!r}"
        raise ConfigurationError(msg)
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{url}/v1/feed?{urlencode(query)}", headers=headers)  # noqa: S310  # checked above
    try:
        with urllib.request.urlopen(request, timeout=2 * WAIT_S) as answer:  # noqa: S310  # as above
            return answer.read().splitlines(), int(answer.headers["X-Sequence"])
    except urllib.error.HTTPError as refused:
        raise CoordinatorError(_words(refused)) from refused
    except (OSError, HTTPException) as error:
        msg = f"{url} cannot be reached ({error}): is `coordinator serve` running?"
        raise CoordinatorError(msg) from error


def _words(refused: urllib.error.HTTPError) -> str:
    """What the door said; a proxy in between may say it otherwise."""
    with refused:
        try:
            problem = json.loads(refused.read())
        except ValueError:
            problem = {}
    return f"refused ({refused.code}): {problem.get('detail', refused.reason)}"
