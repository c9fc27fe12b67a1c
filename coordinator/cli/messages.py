"""`coordinator send`: speak as an agency's system, and see what became of it."""

import asyncio
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
from coordinator.model.errors import ConfigurationError, CoordinatorError
from coordinator.model.work import ClaimKey, Verdict
from coordinator.settings import Settings
from coordinator.store import open_ledger
from coordinator.store.asking import receipt

PATIENCE_S = 30.0
LOOK_EVERY_S = 0.05

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
