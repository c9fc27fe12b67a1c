"""`coordinator completion`, and what the shell is offered for an option: the agencies of the directory."""

import tomllib
from enum import StrEnum
from typing import Annotated

import typer


class Shell(StrEnum):
    """Shells for which there is a script."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def completion(shell: Annotated[Shell, typer.Argument(help="Which shell the script is for.")]) -> None:
    """Print the script with which a shell completes our commands, options and agencies.

    bash: eval "$(coordinator completion bash)", in ~/.bashrc. zsh: the same in ~/.zshrc, after compinit.
    fish: coordinator completion fish > ~/.config/fish/completions/coordinator.fish
    """
    from typer._completion_shared import get_completion_script  # noqa: PLC0415  # what --show-completion prints

    name = "coordinator"
    variable = f"_{name.upper()}_COMPLETE"
    typer.echo(get_completion_script(prog_name=name, complete_var=variable, shell=shell.value))


def agencies(context: typer.Context, incomplete: str) -> list[str]:
    """The ids of the directory that begin so; nothing where there is no directory to read, as nobody could be told."""
    from coordinator.cli.context import Chosen  # noqa: PLC0415  # a completion of commands needs no settings
    from coordinator.model.errors import CoordinatorError  # noqa: PLC0415  # as above

    given = context.find_root().params
    try:
        file = Chosen(given.get("config"), given.get("secrets")).settings().directory.path
        rows = tomllib.loads(file.read_text(encoding="utf-8")).get("agency", [])
        return sorted(row["id"] for row in rows if row["id"].startswith(incomplete))
    except (CoordinatorError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
