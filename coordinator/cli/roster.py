"""`coordinator roster`: names and phones on paper, for the hour when nothing works."""

import json
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime

import typer

from coordinator.cli.context import chosen, refusals
from coordinator.cli.participants import read_directory_of
from coordinator.cli.views import JsonOption
from coordinator.model.directory import Agency, Desk, Directory
from coordinator.model.wording import moment, phone

WIDTH = 80
_LABEL = 14
_PHONE = 18

app = typer.Typer(help="Names and phones of everybody's desks.", no_args_is_help=True)


@app.callback()
def _roster() -> None:
    """Names and phones of everybody's desks."""


@app.command("print")
def print_roster(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """Print each agency's watch desk, supervisor and headquarters, by id; plain, dated, at most 80 columns wide."""
    with refusals(debug=chosen(context).debug):
        settings = chosen(context).settings()
        directory = read_directory_of(settings)
    now = datetime.now(UTC)
    if as_json:
        agencies = [_fields(directory.agencies[each]) for each in directory.ids]
        printed = {"domain": settings.domain.id, "printed": now.isoformat(timespec="seconds"), "agencies": agencies}
        typer.echo(json.dumps(printed))
        return
    for line in lines(directory, settings.domain.name, now):
        typer.echo(line)


def lines(directory: Directory, domain: str, now: datetime) -> Iterator[str]:
    """The page, line by line."""
    yield from textwrap.wrap(f"ROSTER of {domain}", WIDTH)
    yield f"as of {moment(now)}"
    yield f"directory {directory.fingerprint.removeprefix('sha-256:')[:16]}"
    for each in directory.ids:
        agency = directory.agencies[each]
        yield ""
        yield from textwrap.wrap(f"{agency.id}  {agency.name}", WIDTH, subsequent_indent="  ")
        for label, desk in _desks(agency).items():
            yield from _desk(label.replace("_", " "), desk)


def _desk(label: str, desk: Desk) -> Iterator[str]:
    """The number stands in one column, so that it is found by a finger; a long name goes on below."""
    room = WIDTH - _LABEL - _PHONE - 2
    first, *rest = textwrap.wrap(desk.name, room) or [""]
    yield f"  {label:<{_LABEL}}{phone(desk.phone):<{_PHONE}}{first}".rstrip()
    yield from (f"{'':<{_LABEL + _PHONE + 2}}{more}" for more in rest)


def _desks(agency: Agency) -> dict[str, Desk]:
    return {
        "watch_desk": agency.watch_desk,
        "supervisor": agency.supervisor,
        "headquarters": agency.headquarters,
    }


def _fields(agency: Agency) -> dict[str, object]:
    desks = {label: {"name": desk.name, "phone": desk.phone} for label, desk in _desks(agency).items()}
    return {"id": agency.id, "name": agency.name, **desks}
