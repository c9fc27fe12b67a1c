"""`coordinator conflicts`: what an agency's side of a conflict means, or what an operator may see of it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Annotated

import typer

from coordinator.cli.context import chosen, counted, refusals
from coordinator.cli.tables import show_fields, show_rows, show_words
from coordinator.cli.views import (
    DEFAULT_LIMIT,
    AgencyOption,
    BoxOption,
    FromOption,
    JsonOption,
    LimitOption,
    ToOption,
    ViewerOption,
    ask,
    enough,
    refuse_unknown,
    sought_of,
    viewing,
)
from coordinator.http.asked import CONFLICT_STATES
from coordinator.model import showing
from coordinator.model.directory import Directory
from coordinator.model.views import ConflictView, Envelope, Sought
from coordinator.model.wording import NOT_ACTUAL, explain, phone, short_moment
from coordinator.settings import Settings


class ConflictState(StrEnum):
    """Whether it still holds."""

    OPEN = "open"
    CLOSED = "closed"


app = typer.Typer(help="Conflicts, as their own sides were told of them.", no_args_is_help=True)
StateOption = Annotated[ConflictState | None, typer.Option("--state", help="Whether it still holds.")]


@app.callback()
def _conflicts() -> None:
    """Conflicts, as their own sides were told of them."""


@app.command("list")
def list_all(  # noqa: PLR0913  # an option each
    context: typer.Context,
    *,
    viewer: ViewerOption = None,
    begin: FromOption = None,
    finish: ToOption = None,
    bbox: BoxOption = None,
    agency: AgencyOption = None,
    state: StateOption = None,
    limit: LimitOption = DEFAULT_LIMIT,
    as_json: JsonOption = False,
) -> None:
    """List conflicts; --from, --to and --bbox are about your own operation, --agency is the other side."""
    with refusals(debug=chosen(context).debug):
        settings = chosen(context).settings()
        directory = viewing(settings, viewer)
        given = {"from": begin, "to": finish, "bbox": bbox, "agency": agency, "state": state and state.value}
        sought = sought_of(given, CONFLICT_STATES, viewer)
        if viewer is None:
            _envelopes(settings, directory, sought, limit, as_json=as_json)
            return
        views, more = ask(
            settings,
            directory,
            lambda queries: enough(lambda after, some: queries.conflicts(viewer, sought, after, some), limit),
        )
    if as_json:
        typer.echo(json.dumps([showing.conflict(view, directory.names) for view in views]))
    else:
        show_rows([row for view in views for row in _rows(view)])
    _count(len(views), limit, f" --as {viewer}", more=more)


def _envelopes(settings: Settings, directory: Directory, sought: Sought, limit: int, *, as_json: bool) -> None:
    found = ask(settings, directory, lambda queries: queries.conflict_envelopes(sought.state, "", limit + 1))
    shown = found[:limit]
    if as_json:
        typer.echo(json.dumps([showing.envelope(each) for each in shown]))
    else:
        show_rows([_envelope_row(each) for each in shown])
    _count(len(shown), limit, more=len(found) > limit)


def _count(number: int, limit: int, viewer: str = "", *, more: bool) -> None:
    rest = f" and more: --limit {2 * limit}" if more else ""
    show = f"; `coordinator conflicts show ID{viewer}` says what it means" if number else ""
    typer.echo(f"{counted(number, 'conflict')}{rest}{show}", err=True)


def _rows(view: ConflictView) -> Iterator[Mapping[str, object]]:
    for side in view.sides:
        pointer = side.pointer
        yield {
            "id": view.conflict_id,
            "state": "open" if side.open else "closed",
            "operation": side.operation.name if side.operation is not None else side.operation_id,
            "other": pointer.other.agency,
            "near": pointer.band.value if pointer.band is not None else "sealed",
            "act by": short_moment(pointer.act_by) if pointer.act_by is not None else None,
            "call": phone(pointer.other.contact.callback),
            "status": NOT_ACTUAL.get(side.status, side.status.value),
        }


def _envelope_row(of: Envelope) -> Mapping[str, object]:
    return {"id": of.id, "agencies": " ".join(of.agencies), "state": of.state, "revisions": _numbers(of.revisions)}


def _numbers(numbers: Sequence[int]) -> str:
    return " ".join(str(each) for each in numbers)


@app.command()
def show(
    context: typer.Context,
    conflict_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    viewer: ViewerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a conflict means to your own side: how near, what to beware of, whom to call, and by when."""
    with refusals(debug=chosen(context).debug):
        settings = chosen(context).settings()
        directory = viewing(settings, viewer)
        if viewer is None:
            found = ask(settings, directory, lambda queries: queries.conflict_envelope(conflict_id))
            if found is None:
                refuse_unknown("conflict", conflict_id, None)
            document = showing.envelope(found)
            typer.echo(json.dumps(document)) if as_json else show_fields(_envelope_row(found))
            return
        view = ask(settings, directory, lambda queries: queries.conflict(viewer, conflict_id))
        if view is None:
            refuse_unknown("conflict", conflict_id, viewer)
    if as_json:
        typer.echo(json.dumps(showing.conflict(view, directory.names)))
    else:
        show_words(explain(view, directory.names))
