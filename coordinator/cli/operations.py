"""`coordinator operations`: what an agency knows of operations, or what an operator may see of them."""

import json
from collections.abc import Mapping
from typing import Annotated

import typer

from coordinator.cli.context import chosen, counted, refusals
from coordinator.cli.tables import show_fields, show_rows
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
from coordinator.http.asked import OPERATION_STATES
from coordinator.model.codes import Caution
from coordinator.model.directory import Directory
from coordinator.model.operations import Contact
from coordinator.model.showing import collection, envelope, feature
from coordinator.model.views import Envelope, OperationView, Sought
from coordinator.model.volume import OperationState
from coordinator.model.wording import NOT_ACTUAL, cautions, contact, marked, moment, named, short_moment
from coordinator.settings import Settings

app = typer.Typer(help="Operations, as an agency knows them.", no_args_is_help=True)
StateOption = Annotated[OperationState | None, typer.Option("--state", help="How far it is.")]


@app.callback()
def _operations() -> None:
    """Operations, as an agency knows them."""


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
    """List operations: an agency's own, and those that it was told of, as it was told of them."""
    with refusals(debug=chosen(context).debug):
        settings = chosen(context).settings()
        directory = viewing(settings, viewer)
        given = {"from": begin, "to": finish, "bbox": bbox, "agency": agency, "state": state and state.value}
        sought = sought_of(given, OPERATION_STATES, viewer)
        if viewer is None:
            _envelopes(settings, directory, sought, limit, as_json=as_json)
            return
        views, more = ask(
            settings,
            directory,
            lambda queries: enough(lambda after, some: queries.operations(viewer, sought, after, some), limit),
        )
    if as_json:
        typer.echo(json.dumps(collection(views)))
    else:
        show_rows([_row(view) for view in views])
    _count(len(views), limit, f" --as {viewer}", more=more)


def _envelopes(settings: Settings, directory: Directory, sought: Sought, limit: int, *, as_json: bool) -> None:
    found = ask(settings, directory, lambda queries: queries.operation_envelopes(sought.state, "", limit + 1))
    shown = found[:limit]
    if as_json:
        typer.echo(json.dumps([envelope(each) for each in shown]))
    else:
        show_rows([_envelope_row(each) for each in shown])
    _count(len(shown), limit, more=len(found) > limit)


def _count(number: int, limit: int, viewer: str = "", *, more: bool) -> None:
    rest = f" and more: --limit {2 * limit}, or narrow it with --from, --to, --bbox, --agency, --state" if more else ""
    show = f"; `coordinator operations show ID{viewer}`" if number else ""
    typer.echo(f"{counted(number, 'operation')}{rest}{show}", err=True)


def _row(view: OperationView) -> Mapping[str, object]:
    start, end = view.window or (None, None)
    return {
        "id": view.operation_id,
        "name": view.name,
        "agency": view.agency,
        "state": view.state.value,
        "type": view.event_type.value if view.event_type is not None else None,
        "starts": short_moment(start) if start is not None else None,
        "ends": short_moment(end) if end is not None else None,
        "status": NOT_ACTUAL.get(view.status, view.status.value),
    }


def _envelope_row(of: Envelope) -> Mapping[str, object]:
    return {"id": of.id, "agency": of.agencies[0], "state": of.state, "revision": of.revisions[0]}


@app.command()
def show(
    context: typer.Context,
    operation_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    viewer: ViewerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one operation; with --json as GeoJSON."""
    with refusals(debug=chosen(context).debug):
        settings = chosen(context).settings()
        directory = viewing(settings, viewer)
        if viewer is None:
            found = ask(settings, directory, lambda queries: queries.operation_envelope(operation_id))
            if found is None:
                refuse_unknown("operation", operation_id, None)
            _show(envelope(found), _envelope_row(found), as_json=as_json)
            return
        view = ask(settings, directory, lambda queries: queries.operation(viewer, operation_id))
        if view is None:
            refuse_unknown("operation", operation_id, viewer)
    _show(feature(view), _fields(view, directory.names), as_json=as_json)


def _show(document: Mapping[str, object], fields: Mapping[str, object], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(document))
    else:
        show_fields(fields)


def _fields(view: OperationView, names: Mapping[str, str]) -> Mapping[str, object]:
    known = {
        "operation": marked(view.status, view.name or view.operation_id),
        "id": view.operation_id,
        "agency": named(view.agency, names),
        "state": view.state.value,
    }
    plan = view.plan
    if plan is None or view.window is None:
        return {**known, "plan": "not told"}
    start, end = view.window
    area = plan["area"]
    reach = next((f", {area[key]:g} m around" for key in ("radius_m", "buffer_m") if key in area), "")
    return {
        **known,
        "revision": view.revision,
        "type": plan["event_type"],
        "duty": plan["duty"],
        "starts": moment(start),
        "ends": moment(end),
        "ground": f"{area['type']} {_corner(area['coordinates'])}{reach}",
        "lead": plan["lead"],
        "contact": contact(Contact.model_validate(plan["contact"])),
        "caution": cautions([Caution(code) for code in plan.get("caution", ())]),
        "plainclothes": "yes" if plan["plainclothes"] else "no",
        "sealed": "yes" if plan.get("sealed") else "",
    }


def _corner(coordinates: list[object]) -> str:
    """The first position, and how many more there are."""
    flat: list[object] = coordinates
    count = 1
    while isinstance(flat[0], list):
        count = len(flat)
        flat = flat[0]
    rest = f" and {count - 1} more positions" if count > 1 else ""
    return f"{flat[0]}, {flat[1]}{rest}"
