"""`coordinator directory`: the file that says who takes part."""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from coordinator.amqp.definitions import SALT_BYTES, password_hash
from coordinator.cli.context import counted
from coordinator.directory.counties import load_counties
from coordinator.directory.mistakes import Mistake
from coordinator.directory.reader import Reading, examine_file

DirectoryOption = Annotated[Path, typer.Option("--directory", metavar="FILE", help="The directory file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]

app = typer.Typer(help="The directory of agencies.", no_args_is_help=True)


@app.callback()
def _directory() -> None:
    """Check the directory of agencies."""


@app.command()
def check(*, directory: DirectoryOption = Path("directory.toml"), as_json: JsonOption = False) -> None:
    """Name every mistake in the directory file with its line.

    Exit 0: none, though there may be warnings. 1: mistakes. 2: the file cannot be read.
    """
    try:
        content = directory.read_bytes()
    except OSError as error:
        typer.echo(f"cannot read {directory}: {error.strerror}; `coordinator init DIR` writes one", err=True)
        raise typer.Exit(2) from error
    reading = examine_file(content, counties=load_counties().names)
    if as_json:
        typer.echo(json.dumps(_fields(directory, reading), ensure_ascii=False))
    else:
        for line in _lines(directory, reading):
            typer.echo(line)
    typer.echo(f"{directory}: {_summary(reading)}", err=True)
    raise typer.Exit(1 if reading.mistakes else 0)


@app.command("password-hash")
def hash_password(
    *, password: Annotated[str | None, typer.Option(help="Asked for when left out, which keeps it from others.")] = None
) -> None:
    """Print a password as the directory and RabbitMQ keep it: `password_hash` of an account.

    Without a terminal, the first line of stdin is the password.
    """
    chosen: str = password or _typed()
    if not chosen:
        typer.echo("coordinator: no password on stdin: its first line is hashed", err=True)
        raise typer.Exit(2)
    typer.echo(password_hash(chosen, os.urandom(SALT_BYTES)))


def _typed() -> str:
    """Ask twice at a terminal; read from a pipe without a word."""
    if sys.stdin.isatty():
        asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return asked
    return sys.stdin.readline().rstrip("\r\n")


def _lines(file: Path, reading: Reading) -> Iterator[str]:
    for mistake in reading.mistakes:
        yield ": ".join(filter(None, (f"{file}:{mistake.line}", mistake.where, mistake.what)))
    for warning in reading.warnings:
        yield ": ".join(filter(None, (f"{file}:{warning.line}", "warning", warning.where, warning.what)))


def _fields(file: Path, reading: Reading) -> dict[str, object]:
    def rows(mistakes: tuple[Mistake, ...]) -> list[dict[str, object]]:
        return [asdict(mistake) for mistake in mistakes]

    directory = reading.directory
    return {
        "file": str(file),
        "mistakes": rows(reading.mistakes),
        "warnings": rows(reading.warnings),
        "agencies": [] if directory is None else list(directory.ids),
        "fingerprint": None if directory is None else directory.fingerprint,
    }


def _summary(reading: Reading) -> str:
    warnings = f", {counted(len(reading.warnings), 'warning')}" if reading.warnings else ""
    if reading.directory is None:
        return f"{counted(len(reading.mistakes), 'mistake')}{warnings}"
    agencies = [
        counted(len(reading.directory.agencies), "agency", "agencies"),
        counted(len(reading.directory.users()), "account"),
    ]
    return f"no mistake{warnings}; {', '.join(agencies)}"
