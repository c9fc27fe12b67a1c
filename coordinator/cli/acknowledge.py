"""`coordinator ack`: a person says how far a message got, by its number in the agency's feed."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from coordinator.cli.completing import agencies
from coordinator.cli.context import chosen, refusals
from coordinator.cli.messages import PATIENCE_S, sent, speaking
from coordinator.cli.participants import read_directory_of
from coordinator.domain import system_id
from coordinator.model.acknowledging import acknowledgement
from coordinator.model.codes import AcknowledgeLevel, DeclineReason
from coordinator.model.errors import ConfigurationError
from coordinator.model.work import ClaimKey, Dispatch, Verdict
from coordinator.settings import Settings
from coordinator.store import open_ledger

SpeakerOption = Annotated[
    str, typer.Option("--as", metavar="AGENCY[/SYSTEM]", help="Who was told.", autocompletion=agencies)
]


def ack(  # noqa: PLR0913  # an option each
    context: typer.Context,
    sequence: Annotated[int, typer.Argument(metavar="SEQ", min=1, help="The number in the agency's feed.")],
    *,
    speaker: SpeakerOption,
    level: Annotated[AcknowledgeLevel, typer.Option(help="How far it got.")],
    officer: Annotated[
        str | None, typer.Option(metavar="ID", help="Who; without a person no timer is stopped.")
    ] = None,
    reason: Annotated[DeclineReason | None, typer.Option(help="Of `declined`, and only then.")] = None,
    patience: Annotated[float, typer.Option(help="Seconds to wait for the verdict.")] = PATIENCE_S,
) -> None:
    """Acknowledge a message of an agency's feed over AMQP, and print the receipt as JSON.

    Exit 0: accepted. 1: refused. 2: could not ask.
    """
    with refusals(debug=chosen(context).debug):
        settings = chosen(context).settings()
        if (level is AcknowledgeLevel.DECLINED) != (reason is not None):
            msg = f"--reason is given for `declined`, and only then; one of {', '.join(DeclineReason)}"
            raise ConfigurationError(msg)
        directory = read_directory_of(settings)
        agency, system, account = speaking(directory, speaker)
        dispatch = asyncio.run(_numbered(settings, agency, sequence))
        message = system_id()
        by, said = (directory.agencies[agency], system), (level, officer, reason)
        body = acknowledgement(dispatch, by, said, message, datetime.now(UTC))
        verdict, answer = asyncio.run(sent(settings, ClaimKey(agency, message), account.user, body, patience))
    typer.echo(answer.decode())
    raise typer.Exit(1 if verdict == Verdict.REFUSED else 0)


async def _numbered(settings: Settings, agency: str, sequence: int) -> Dispatch:
    async with open_ledger(settings.store.url) as store:
        found = await store.feed(agency, sequence - 1, 1)
    if not found or found[0].sequence != sequence:
        msg = f"{agency} has no number {sequence} in its feed: see `coordinator feed --as {agency}`"
        raise ConfigurationError(msg)
    return found[0]
