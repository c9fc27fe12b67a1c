"""The commands: thin, without logic of their own."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from coordinator import logs
from coordinator.cli import audit, configuration, dead, demo, directory, messages, schemas, service, topology
from coordinator.cli.context import Chosen, defaults, has_file, refusals

_GLOBAL = {"--config": True, "--secrets": True, "--debug": False}


def make_app() -> typer.Typer:
    """Put the commands together."""
    app = typer.Typer(
        name="coordinator",
        help="Deconfliction and message exchange between agencies, with a journal that proves it.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    app.callback()(_begin)
    for name, group in (
        ("audit", audit.app),
        ("config", configuration.app),
        ("dead", dead.app),
        ("directory", directory.app),
        ("schemas", schemas.app),
        ("topology", topology.app),
    ):
        app.add_typer(group, name=name)
    app.command()(service.serve)
    app.command()(service.doctor)
    app.command()(demo.demo)
    app.command()(configuration.init)
    app.command()(configuration.migrate)
    app.command()(messages.send)
    app.command()(messages.feed)
    return app


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
    arguments = hoist(sys.argv[1:])
    with_debug = "--debug" in arguments
    try:
        with refusals(debug=with_debug):
            make_app()(args=arguments, standalone_mode=True)
    except typer.Exit as ended:
        sys.exit(ended.exit_code)
