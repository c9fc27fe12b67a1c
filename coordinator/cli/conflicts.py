"""`coordinator conflicts`: what an agency's side of a conflict means, or what an operator may see; taking note."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from coordinator.cli.acknowledge import SpeakerOption
from coordinator.cli.context import chosen, counted, refusals
from coordinator.cli.messages import PATIENCE_S, sent, speaking
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
from coordinator.domain import system_id
from coordinator.http.asked import CONFLICT_STATES
from coordinator.model import showing
from coordinator.model.acknowledging import note_of_conflict
from coordinator.model.directory import Directory
from coordinator.model.views import ConflictView, Envelope, Sought
from coordinator.model.wording import NOT_ACTUAL, explain, phone, short_moment, titles
from coordinator.model.work import ClaimKey, Verdict
from coordinator.settings import Settings


class ConflictState(StrEnum):
    """Whether it still holds."""

    OPEN = "open"
    CLOSED = "closed"


app = typer.Typer(help="Conflicts, as their own sides were told of them.", no_args_is_help=True)
ConflictArgument = Annotated[str, typer.Argument(metavar="ID", help="As `coordinator conflicts list` shows it.")]
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
        show_rows([_row(view) for view in views])
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


def _row(view: ConflictView) -> Mapping[str, object]:
    """One row for a conflict, also where both operations are the viewer's own: then there is nobody to call."""
    side = next((each for each in view.sides if each.open), view.sides[0])
    pointer = side.pointer
    return {
        "id": view.conflict_id,
        "state": "open" if view.open else "closed",
        "operation": titles(view),
        "other": "yours too" if side.within else pointer.other.agency,
        "near": pointer.band.value if pointer.band is not None else "sealed",
        "act by": short_moment(pointer.act_by) if pointer.act_by is not None else None,
        "call": None if side.within else phone(pointer.other.contact.callback),
        "status": NOT_ACTUAL.get(view.status, view.status.value),
    }


def _envelope_row(of: Envelope) -> Mapping[str, object]:
    return {"id": of.id, "agencies": " ".join(of.agencies), "state": of.state, "revisions": _numbers(of.revisions)}


def _numbers(numbers: Sequence[int]) -> str:
    return " ".join(str(each) for each in numbers)


@app.command()
def show(
    context: typer.Context,
    conflict_id: ConflictArgument,
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
        _next_step(view, viewer)


def _next_step(view: ConflictView, viewer: str) -> None:
    """What takes note of it, which acknowledging the alert does not; nothing where it is over, or was done."""
    noted = any(each.own and not each.stale for side in view.sides for each in side.words)
    if view.open and not noted:
        step = f"coordinator conflicts acknowledge {view.conflict_id} --as {viewer} --officer ID"
        typer.echo(f"take note of it: `{step}`; to acknowledge the alert (`ack`) is not that", err=True)


@app.command()
def acknowledge(
    context: typer.Context,
    conflict_id: ConflictArgument,
    *,
    speaker: SpeakerOption,
    officer: Annotated[str, typer.Option(metavar="ID", help="Who takes note: an identifier, never a name.")],
    patience: Annotated[float, typer.Option(help="Seconds to wait for the verdict.")] = PATIENCE_S,
) -> None:
    """Take note of a conflict over AMQP, as the other side is told, and print the receipt as JSON.

    Exit 0: accepted. 1: refused. 2: could not ask.
    """
    with refusals(debug=chosen(context).debug):
        settings = chosen(context).settings()
        directory = viewing(settings, None)
        agency, system, account = speaking(directory, speaker)
        view = ask(settings, directory, lambda queries: queries.conflict(agency, conflict_id))
        if view is None:
            refuse_unknown("conflict", conflict_id, agency)
        message, by = system_id(), (directory.agencies[agency], system)
        other = view.sides[0].pointer.other.agency
        said = (officer, message, datetime.now(UTC))
        body = note_of_conflict((view.conflict_id, view.status), other, by, said)
        verdict, answer = asyncio.run(sent(settings, ClaimKey(agency, message), account.user, body, patience))
    typer.echo(answer.decode())
    raise typer.Exit(1 if verdict == Verdict.REFUSED else 0)
