"""`coordinator serve` and `doctor`."""

import asyncio
import json
import stat
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import asdict, dataclass
from typing import Annotated, TypeVar

import typer

from coordinator import bootstrap, logs
from coordinator.amqp.findings import Severity, in_one_line
from coordinator.amqp.topology import plan_topology
from coordinator.amqp.verify import verify_topology
from coordinator.cli.context import chosen, counted, refusals
from coordinator.cli.keys import read_own_key
from coordinator.cli.participants import read_directory_of
from coordinator.door import SHUT, transport_of
from coordinator.http.tokens import load_token_keys
from coordinator.model.errors import CoordinatorError
from coordinator.settings import Settings
from coordinator.store import open_ledger
from coordinator.store.migrate import require_newest

T = TypeVar("T")


def serve(context: typer.Context) -> None:
    """Serve until SIGTERM or SIGINT, then stop in order: finish, pay what is owed, seal.

    Exit 0: stopped as asked. 2: it could not start, and why. Anything else: a part died; start it again.
    """
    options = chosen(context)
    with refusals(debug=options.debug):
        settings = options.settings()
        logs.configure(settings.log.level, settings.log.format)
        run(with_key(settings))


async def with_key(settings: Settings) -> None:
    """Serve with the key that signed what there is; see `serve`."""
    await bootstrap.serve(settings, await read_own_key(settings))


def run(work: Coroutine[None, None, T]) -> T:
    """Run on the fastest event loop there is; a start that is refused comes out as itself, not as a group."""
    if sys.platform != "win32":
        import uvloop  # noqa: PLC0415  # not on every platform

        factory: Callable[[], asyncio.AbstractEventLoop] | None = uvloop.new_event_loop
    else:
        factory = None
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(work)
    except BaseExceptionGroup as group:
        refused, rest = group.split(CoordinatorError)
        if refused is None or rest is not None:
            raise
        raise first_of(refused) from group


def first_of(group: BaseExceptionGroup[CoordinatorError]) -> CoordinatorError:
    """The first error of a group, however deep."""
    found = group.exceptions[0]
    return first_of(found) if isinstance(found, BaseExceptionGroup) else found


@dataclass(frozen=True, slots=True)
class Checkup:
    """One thing that was looked at."""

    what: str
    good: bool
    words: str
    """What was found, and what mends it."""


def doctor(context: typer.Context, *, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Look at everything that the service needs, and say what is wrong and which command mends it.

    Exit 0: nothing is wrong. 1: something is.
    """
    with refusals(debug=chosen(context).debug):
        settings = chosen(context).settings()
        found = asyncio.run(_examined(settings))
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in found]))
    else:
        for each in found:
            typer.echo(f"{'good ' if each.good else 'WRONG'} {each.what}: {each.words}")
    raise typer.Exit(0 if all(each.good for each in found) else 1)


async def _examined(settings: Settings) -> list[Checkup]:
    checks: list[tuple[str, Callable[[Settings], Awaitable[str]]]] = [
        ("directory", _directory),
        ("journal key", _key),
        ("published journal", _publishing),
        ("http door", _door),
        ("store", _store),
        ("broker", _broker),
    ]
    found: list[Checkup] = []
    for what, examine in checks:
        try:
            found.append(Checkup(what, good=True, words=await examine(settings)))
        except CoordinatorError as wrong:
            found.append(Checkup(what, good=False, words=str(wrong)))
    return found


async def _directory(settings: Settings) -> str:
    return counted(len(read_directory_of(settings).agencies), "agency", "agencies")


async def _key(settings: Settings) -> str:
    return (await read_own_key(settings)).verifier.encode()


async def _publishing(settings: Settings) -> str:
    folder = settings.journal.publish_dir
    existing = folder if folder.exists() else folder.parent
    if not existing.is_dir():
        msg = f"{folder} is no folder and cannot be made: mend [journal] publish_dir"
        raise CoordinatorError(msg)
    return str(folder)


async def _door(settings: Settings) -> str:
    http = settings.http
    transport = transport_of(http)
    if not http.token_key.exists():
        return SHUT
    keys = load_token_keys(http.token_key)
    mode = stat.S_IMODE(http.token_key.stat().st_mode)
    if mode & 0o077 and any(key.is_private for key in keys.by_id.values()):
        msg = f"[http] token_key {http.token_key} may be read by others: chmod 600 {http.token_key}"
        raise CoordinatorError(msg)
    secured = "TLS" if transport is not None else "TLS ends at a proxy" if http.behind_proxy else "loopback alone"
    return f"{http.host}:{http.port}, {secured}; keys {', '.join(keys.by_id)}"


async def _store(settings: Settings) -> str:
    require_newest(settings.store.url)
    async with open_ledger(settings.store.url) as store:
        return counted(await store.size(), "entry", "entries")


async def _broker(settings: Settings) -> str:
    url = settings.amqp.url.get_secret_value()
    management = settings.amqp.management_url
    topology = plan_topology(
        read_directory_of(settings), vhost=bootstrap.vhost_in(url), coordinator_user=bootstrap.user_in(url)
    )
    findings = await verify_topology(
        url, topology, management_url=management.get_secret_value() if management is not None else None
    )
    wrong = [finding for finding in findings if finding.severity is Severity.ERROR]
    if wrong:
        raise CoordinatorError(in_one_line(wrong))
    remarks = f"; {counted(len(findings), 'remark')}, see `coordinator topology check`" if findings else ""
    return f"as the directory says{remarks}"
