"""`coordinator schemas`: the agencies' contract as files, written anew or held against what is there."""

from pathlib import Path
from typing import Annotated

import typer

from coordinator.cli import UNDONE
from coordinator.contract.files import INDEX, Difference, contract, differences

app = typer.Typer(help="Write or check the agencies' contract: JSON Schemas and examples.", no_args_is_help=True)
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Where the contract stands.")]


@app.command()
def write(folder: Folder = Path("schemas")) -> None:
    """Write every file of the contract, and remove what is no longer part of it. Exit 1: DIR holds something else."""
    wanted, found = contract(), _files(folder)
    if found and INDEX not in found:
        typer.echo(f"{folder} holds something else; name a new folder: coordinator schemas write DIR", err=True)
        raise typer.Exit(1)
    wrong = differences(found)
    for path, difference in wrong.items():
        file = folder / path
        if difference is Difference.SUPERFLUOUS:
            file.unlink()
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(wanted[path])
    typer.echo(f"{len(wanted)} files in {folder}, {len(wrong)} of them changed", err=True)


@app.command()
def check(folder: Folder = Path("schemas")) -> None:
    """Name each file that differs, is missing or is superfluous. Exit 0: none. 1: some. 2: there is no contract."""
    found = _files(folder)
    if INDEX not in found:
        typer.echo(
            f"coordinator: there is no contract in {folder}: name the repository's folder schemas, or write one with "
            "`coordinator schemas write DIR`",
            err=True,
        )
        raise typer.Exit(UNDONE)
    wrong = differences(found)
    for path, difference in wrong.items():
        typer.echo(f"{folder / path}: {difference}")
    if wrong:
        typer.echo(f"the contract is not as the models say: coordinator schemas write {folder}", err=True)
        raise typer.Exit(1)


def _files(folder: Path) -> dict[str, bytes]:
    """Every file below the folder, by its path there."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
