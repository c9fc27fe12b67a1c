"""The commands: thin, without logic of their own."""

import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from coordinator.model.errors import CoordinatorError

UNDONE = 2
"""Exit code when a command could not do its work: the reason is one line on stderr."""

_GLOBAL = {"--config": True, "--secrets": True, "--debug": False}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command is, or a group of them, and its line in the list of commands."""

    module: str
    name: str
    says: str

    @property
    def command(self) -> Any:  # noqa: ANN401  # a command of click's, whose types typer keeps to itself
        """The command itself, whose module is imported now."""
        found = getattr(importlib.import_module(f"coordinator.cli.{self.module}"), self.name)
        if isinstance(found, typer.Typer):
            return typer.main.get_command(found)
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command()(found)
        return typer.main.get_command(alone)


PLACES = {
    "serve": Place("service", "serve", "Serve until SIGTERM or SIGINT, then stop in order."),
    "doctor": Place("service", "doctor", "Look at everything that the service needs, and say what is wrong."),
    "demo": Place(
        "demo", "demo", "Play a busy weekend of twelve agencies on a real broker, and verify what was recorded."
    ),
    "bench": Place("bench", "bench", "Measure the whole walk beside a bare relay and FastStream, on a private broker."),
    "init": Place("configuration", "init", "Make a ready configuration, an example directory of agencies, and keys."),
    "migrate": Place(
        "migration", "migrate", "Bring the store to the newest schema; makes the file when it is missing."
    ),
    "send": Place("messages", "send", "Publish a message over AMQP as an agency, and print its receipt."),
    "feed": Place("feed", "feed", "Print what an agency was told, in order, without a gap."),
    "ack": Place(
        "acknowledge", "ack", "Acknowledge a message of an agency's feed over AMQP, and print the receipt as JSON."
    ),
    "operations": Place("operations", "app", "Operations, as an agency knows them."),
    "conflicts": Place("conflicts", "app", "Conflicts, as their own sides were told of them."),
    "roster": Place("roster", "app", "Names and phones of everybody's desks."),
    "audit": Place("audit", "app", "Verify the journal."),
    "config": Place("configuration", "app", "The configuration."),
    "dead": Place("dead", "app", "Messages and deliveries that could not be processed."),
    "directory": Place("directory", "app", "The directory of agencies."),
    "schemas": Place("schemas", "app", "Write or check the agencies' contract: JSON Schemas and examples."),
    "token": Place("token", "app", "Tokens of the HTTP door."),
    "topology": Place("topology", "app", "The broker's exchanges, queues, users and limits."),
    "completion": Place(
        "completing", "completion", "Print the script with which a shell completes our commands, options and agencies."
    ),
}


class Commands(TyperGroup):
    """The commands, each imported when it is asked for: database, broker and geometry take a second to load."""

    def parse_args(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401  # as in `Place.command`
        """Find our own options wherever they stand, also while a shell completes what is written so far."""
        return super().parse_args(ctx, hoist(args))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401  # as in `Place.command`
        """Give the command itself in place of its line in the list."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, PLACES[name].command if name is not None else None, rest


def make_app() -> typer.Typer:
    """Put the commands together."""
    app = typer.Typer(
        name="coordinator",
        cls=Commands,
        help="Deconfliction and message exchange between agencies, with a journal that proves it.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(_begin)
    for name, place in PLACES.items():
        app.command(name, help=place.says)(_its_line)
    return app


def _its_line() -> None:
    """Stand in the list of commands for one of them."""


def _begin(
    context: typer.Context,
    *,
    config: Annotated[
        Path | None, typer.Option(envvar="COORDINATOR_CONFIG", metavar="FILE", help="Default: ./coordinator.toml.")
    ] = None,
    secrets: Annotated[
        Path | None, typer.Option(envvar="COORDINATOR_SECRETS", metavar="DIR", help="A file for each secret setting.")
    ] = None,
    debug: Annotated[bool, typer.Option(help="Show the whole traceback of an error.")] = False,
) -> None:
    """Deconfliction and message exchange between agencies, with a journal that proves it."""
    from coordinator import logs  # noqa: PLC0415  # not for a list of commands
    from coordinator.cli.context import Chosen, defaults, has_file, refusals  # noqa: PLC0415  # as above

    if debug:
        logs.configure("debug", "console")
    else:
        logs.silence()
    context.obj = Chosen(config, secrets, debug)
    if has_file(config) and context.invoked_subcommand in {"topology", "directory"}:
        with refusals(debug=debug):
            context.default_map = defaults(context.obj.settings())


def hoist(arguments: Sequence[str]) -> list[str]:
    """Let the options that stand before a command stand after it too, as people write them."""
    front: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        name = argument.partition("=")[0]
        if name in _GLOBAL:
            front.append(argument)
            if _GLOBAL[name] and "=" not in argument:
                front += [value for value in (next(waiting, None),) if value is not None]
        else:
            rest.append(argument)
    return front + rest


def main() -> None:
    """Run a command. Exit codes: 0 done, 1 the answer is no, 2 it could not be done; each command says more."""
    arguments = sys.argv[1:]
    try:
        make_app()(args=arguments, standalone_mode=True)
    except CoordinatorError as refusal:
        if "--debug" in arguments:
            raise
        typer.echo(f"coordinator: {refusal}", err=True)
        sys.exit(UNDONE)
