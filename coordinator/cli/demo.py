"""`coordinator demo`: a busy weekend in Missouri, played through a real broker."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from coordinator.cli.context import chosen, refusals
from coordinator.cli.service import run
from coordinator.demo.perform import Closing, Options, perform
from coordinator.demo.screen import Screen

BROKEN = 1
INTERRUPTED = 130
TERMINATED = 143


def demo(
    context: typer.Context,
    *,
    stay: Annotated[bool, typer.Option("--stay", help="Keep everything up afterwards, until Ctrl-C.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same ids, order and routine.")] = 1,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Leave the published journal and its verifier key there.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the closing figures as one JSON object; all else goes to stderr.")
    ] = False,
) -> None:
    """Play a busy weekend of twelve agencies on a real broker, and verify what was recorded.

    The broker is a private RabbitMQ node, or the one at COORDINATOR_AMQP__URL: an administrator's account, and a vhost
    without queues of ours.
    Exit 0: all that was promised held. 1: something did not, and what. 2: it could not be played.
    """

    def tell(closing: Closing) -> None:
        if as_json:
            typer.echo(json.dumps(closing.fields()))

    options = Options(seed, stay, out and out.absolute(), os.environ.get("COORDINATOR_AMQP__URL"))
    with refusals(debug=chosen(context).debug):
        try:
            held = run(perform(options, Screen.on(sys.stderr if as_json else sys.stdout), tell))
        except KeyboardInterrupt:
            typer.echo("coordinator: stopped before the end", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except asyncio.CancelledError:
            raise typer.Exit(TERMINATED) from None
    raise typer.Exit(0 if held else BROKEN)
