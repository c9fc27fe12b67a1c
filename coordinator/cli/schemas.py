"""`coordinator schemas`: the agencies' contract as files, written anew or held against what is there.

Where a folder `docs` stands beside that of the contract, its page `decisions.md` is written and compared as well.
"""

from pathlib import Path
from typing import Annotated

import typer

from coordinator.cli import UNDONE
from coordinator.contract.decisions import decisions
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
    page = _page(folder)
    if page is not None:
        page.write_bytes(decisions())
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
    page = _page(folder)
    stale = page is not None and (not page.exists() or page.read_bytes() != decisions())
    if stale:
        typer.echo(f"{page}: {Difference.DIFFERS}")
    if wrong or stale:
        typer.echo(f"the contract is not as the models say: coordinator schemas write {folder}", err=True)
        raise typer.Exit(1)


def _page(folder: Path) -> Path | None:
    """The page of decisions, where there are documents beside the contract."""
    docs = folder.resolve().parent / "docs"
    return docs / "decisions.md" if docs.is_dir() else None


def _files(folder: Path) -> dict[str, bytes]:
    """Every file below the folder, by its path there."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
