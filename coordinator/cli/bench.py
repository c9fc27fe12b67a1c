"""`coordinator bench`: the whole walk beside its peers, on a private broker."""

import asyncio
import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.status import Status
from rich.table import Table

from coordinator.bench.figures import Report
from coordinator.bench.perform import Options, perform
from coordinator.cli.context import chosen, refusals
from coordinator.cli.service import run

INTERRUPTED = 130
TERMINATED = 143
UNBROKEN = 200
"""Characters a line where it goes to a file or another program."""
FEW, MANY = 10_000, 1_000_000


def bench(  # noqa: PLR0913  # options, all by keyword
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object on stdout.")] = False,
    store: Annotated[
        str | None, typer.Option(metavar="URL", help="Where the walk's store is: sqlite:///FILE, made and taken away.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Paired rounds.")] = 3,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out the conflict checks.")] = False,
    messages: Annotated[int, typer.Option(min=1, hidden=True)] = 6_000,
    seconds: Annotated[float, typer.Option(min=0.01, hidden=True)] = 10.0,
    operations: Annotated[int, typer.Option(min=FEW, hidden=True)] = MANY,
) -> None:
    """Measure the whole walk beside a bare relay and FastStream, on a private broker.

    In paired rounds; every server is a process of its own, one at a time. Compare ratios; the rest is the machine's.
    Exit 0: measured. 2: it could not be, and what is missing.
    """
    measured = Options(rounds, messages, seconds, () if quick else (FEW, operations), store)
    with refusals(debug=chosen(context).debug):
        try:
            report = run(_told(measured))
        except KeyboardInterrupt:
            typer.echo("coordinator: stopped before the end", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except asyncio.CancelledError:
            raise typer.Exit(TERMINATED) from None
    if as_json:
        typer.echo(json.dumps(report.fields()))
    else:
        _print(report)


async def _told(options: Options) -> Report:
    """Measure, with what is being measured on a terminal's stderr, and a line for each round."""
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    if not console.is_terminal:
        return await perform(options, lambda _: None, console.print)
    with Status("", console=console) as status:
        return await perform(options, status.update, console.print)


def _print(report: Report) -> None:
    table = Table("figure", "median", "spread")
    for row in report.rows():
        table.add_row(*row)
    Console(width=None if sys.stdout.isatty() else UNBROKEN).print(table)
