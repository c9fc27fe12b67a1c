"""`coordinator send` and `feed`: speak as an agency's system, and follow what it is told."""

import asyncio
import difflib
import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from coordinator.amqp.probe import AccountRefusedError
from coordinator.amqp.sender import publish_once
from coordinator.amqp.topology import ingress_exchange
from coordinator.cli.completing import agencies
from coordinator.cli.context import address_as, chosen, refusals
from coordinator.cli.participants import read_directory_of
from coordinator.domain import system_id
from coordinator.model.directory import Account, Directory
from coordinator.model.envelope import TYPE_PREFIX
from coordinator.model.errors import ConfigurationError, CoordinatorError
from coordinator.model.messages import TYPES
from coordinator.model.work import ClaimKey, Dispatch, Verdict
from coordinator.settings import Settings
from coordinator.store import open_ledger
from coordinator.store.asking import receipt
from coordinator.store.sqlite import SqliteReader

PATIENCE_S = 30.0
LOOK_EVERY_S = 0.05
PAGE = 500

AsOption = Annotated[
    str,
    typer.Option("--as", metavar="AGENCY[/SYSTEM]", help="Who speaks or listens.", autocompletion=agencies),
]


def send(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="A CloudEvent as JSON; - reads stdin.")],
    *,
    speaker: AsOption,
    patience: Annotated[float, typer.Option(help="Seconds to wait for the verdict.")] = PATIENCE_S,
) -> None:
    """Publish a message over AMQP as an agency, and print its receipt as JSON.

    What the file leaves out of `specversion`, `id`, `source` and `time` is filled in.
    Exit 0: accepted. 1: refused. 2: could not ask.
    """
    with refusals(debug=chosen(context).debug):
        settings = chosen(context).settings()
        agency, system, account = speaking(read_directory_of(settings), speaker)
        body, message = _message(file, agency, system)
        verdict, answer = asyncio.run(sent(settings, ClaimKey(agency, message), account.user, body, patience))
    typer.echo(answer.decode())
    raise typer.Exit(1 if verdict == Verdict.REFUSED else 0)


def speaking(directory: Directory, speaker: str) -> tuple[str, str, Account]:
    """The agency, system and account of `AGENCY[/SYSTEM]`; raises `ConfigurationError` where there is none."""
    agency_id, _, system = speaker.partition("/")
    agency = directory.agency(agency_id)
    if agency is None:
        msg = f"there is no agency {agency_id!r} in the directory; it has {', '.join(directory.ids)}"
        raise ConfigurationError(msg)
    for account in agency.accounts:
        if account.enabled and (not system or system in account.systems):
            return agency_id, system or account.systems[0], account
    msg = f"{agency_id} has no enabled account{f' for its system {system!r}' if system else ''}"
    raise ConfigurationError(msg)


def _message(file: str, agency: str, system: str) -> tuple[bytes, str]:
    try:
        text = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        msg = f"cannot read {file}: {error.strerror}"
        raise ConfigurationError(msg) from error
    try:
        event = json.loads(text)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        msg = f"{file} is not one JSON object"
        raise ConfigurationError(msg)
    given = {
        "specversion": "1.0",
        "id": system_id(),
        "source": f"//{agency}/{system}",
        "time": datetime.now(UTC).isoformat(),
    }
    missing = {key: value for key, value in given.items() if key not in event}
    # A file that says everything goes as it is, byte for byte, so that a signature over it stays good.
    return (json.dumps({**missing, **event}).encode() if missing else text), str({**given, **event}["id"])


async def sent(settings: Settings, claim: ClaimKey, user: str, body: bytes, patience: float) -> tuple[str, bytes]:
    """Publish, and wait for the verdict and the receipt; raises `CoordinatorError` when there is none in time."""
    try:
        await publish_once(address_as(settings, user), ingress_exchange(claim.agency), body, user)
    except AccountRefusedError as error:
        msg = (
            f"{error}; `send` took its password from [amqp] accounts (COORDINATOR_AMQP__ACCOUNTS), and the broker has "
            "the password_hash of directory.toml as it was when the definitions were imported"
        )
        raise ConfigurationError(msg) from error
    digest = f"sha-256:{hashlib.sha256(body).hexdigest()}"
    async with open_ledger(settings.store.url) as store:
        try:
            async with asyncio.timeout(patience):
                # The writer is another process: there is nothing to be woken by.
                while (found := await store.reading(lambda db: receipt(db, claim, digest))) is None:  # noqa: ASYNC110  # see above
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError:
            msg = f"published, but no verdict on {claim.id} within {patience:g} s: is `coordinator serve` running?"
            raise CoordinatorError(msg) from None
    return found


def feed(
    context: typer.Context,
    *,
    listener: AsOption,
    since: Annotated[str, typer.Option(metavar="SEQ|latest|all", help="Start after this sequence.")] = "all",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more until interrupted.")] = False,
    types: Annotated[list[str] | None, typer.Option(help="Only these short types; may be repeated.")] = None,
) -> None:
    """Print what an agency was told, in order, without a gap; a JSON line each: `{sequence, recordedtime, event}`."""
    with refusals(debug=chosen(context).debug):
        settings = chosen(context).settings()
        agency, _, _ = listener.partition("/")
        if read_directory_of(settings).agency(agency) is None:
            msg = f"there is no agency {agency!r} in the directory"
            raise ConfigurationError(msg)
        wanted = {_type(name) for name in types or ()}
        try:
            asyncio.run(_followed(settings, agency, since, wanted, follow=follow))
        except KeyboardInterrupt:
            raise typer.Exit(0) from None


def _type(short: str) -> str:
    """The whole name of a type; raises `ConfigurationError` for one that there is not, which nobody would ever see."""
    known = {name.removeprefix(TYPE_PREFIX).rpartition(".")[0]: name for name in TYPES}
    if short in known:
        return known[short]
    close = difflib.get_close_matches(short, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"they are {', '.join(sorted(known))}"
    msg = f"there is no type {short!r}: {hint}"
    raise ConfigurationError(msg)


async def _followed(settings: Settings, agency: str, since: str, wanted: set[str], *, follow: bool) -> None:
    async with open_ledger(settings.store.url) as store:
        cursor = await _start(store, agency, since)
        while True:
            page = await store.feed(agency, cursor, PAGE)
            for each in page:
                if not wanted or each.type in wanted:
                    typer.echo(_line(each))
            cursor = page[-1].sequence if page else cursor
            if len(page) < PAGE:
                if not follow:
                    return
                await asyncio.sleep(LOOK_EVERY_S)


async def _start(store: SqliteReader, agency: str, since: str) -> int:
    if since == "all":
        return 0
    if since == "latest":
        return (await store.last_sequences()).get(agency, 0)
    if not since.isdigit():
        msg = f"--since takes a sequence, `latest` or `all`, not {since!r}"
        raise ConfigurationError(msg)
    return int(since)


def _line(dispatch: Dispatch) -> str:
    event = json.loads(dispatch.body)
    return json.dumps({"sequence": dispatch.sequence, "recordedtime": dispatch.recorded, "event": event})
