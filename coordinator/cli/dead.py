"""`coordinator dead`: what never reached the store, and deliveries that could not go."""

import asyncio
import base64
import hashlib
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from coordinator.chores import released, replayed
from coordinator.cli.context import chosen, counted, refusals
from coordinator.cli.participants import read_directory_of
from coordinator.cli.progress import progress
from coordinator.intake import Intake
from coordinator.model.decisions import RefusalCode
from coordinator.model.directory import Directory
from coordinator.model.errors import ConfigurationError
from coordinator.model.leaf import Channel
from coordinator.model.plan import Ask
from coordinator.model.work import Dead, Dispatch, Submission, Verdict
from coordinator.settings import Settings
from coordinator.store import open_ledger, open_store
from coordinator.store.asking import dead, dead_one, parked
from coordinator.store.sqlite import SqliteStore

LIMIT = 1_000
UNBROKEN = 200
"""Characters a line where it goes to a file or another program."""

app = typer.Typer(help="Messages and deliveries that could not be processed.", no_args_is_help=True)
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]


@app.command("list")
def list_all(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """List what was set aside (`message`) and what could not be delivered (`delivery`), with the reason."""
    with refusals(debug=chosen(context).debug):
        found, stuck = asyncio.run(_listed(chosen(context).settings()))
    rows = [_message_row(each) for each in found] + [_delivery_row(each) for each in stuck]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    if not rows:
        typer.echo("nothing was set aside, and nothing is parked", err=True)
        return
    table = Table(Column("id", no_wrap=True), "kind", "agency", "reason", "bytes", "state", "since")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console(width=None if sys.stdout.isatty() else UNBROKEN).print(table)
    typer.echo(
        f"{counted(len(found), 'message')}, {counted(len(stuck), 'delivery', 'deliveries')}; "
        "`coordinator dead show ID`, `dead replay ID`",
        err=True,
    )


async def _listed(settings: Settings) -> tuple[Sequence[Dead], Sequence[Dispatch]]:
    async with open_ledger(settings.store.url) as store:
        return await store.reading(lambda db: dead(db, LIMIT)), await store.reading(lambda db: parked(db, LIMIT))


def _message_row(each: Dead) -> dict[str, object]:
    return {
        "id": each.id,
        "kind": "message",
        "agency": each.agency,
        "reason": each.reason.value,
        "bytes": len(each.body),
        "state": each.state,
        "since": each.received.isoformat(timespec="seconds"),
    }


def _delivery_row(each: Dispatch) -> dict[str, object]:
    return {
        "id": each.id,
        "kind": "delivery",
        "agency": each.recipient,
        "reason": f"{each.attempts} attempts at {each.lane.value}.{each.recipient}",
        "bytes": len(each.body),
        "state": "parked",
        "since": each.recorded,
    }


@app.command()
def show(context: typer.Context, dead_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Show what is listed under an id, with its body (base64 when it is not text)."""
    with refusals(debug=chosen(context).debug):
        typer.echo(json.dumps(asyncio.run(_one(chosen(context).settings(), dead_id)), indent=2))


async def _one(settings: Settings, dead_id: str) -> dict[str, object]:
    async with open_ledger(settings.store.url) as store:
        found = await store.reading(lambda db: dead_one(db, dead_id))
        stuck = await store.reading(lambda db: parked(db, LIMIT))
    if found is not None:
        return {**_message_row(found), "queue": found.queue, "account": found.account, **_body(found.body)}
    for each in stuck:
        if each.id == dead_id:
            queue = f"{each.lane.value}.{each.recipient}"
            return {**_delivery_row(each), "queue": queue, "sequence": each.sequence, **_body(each.body)}
    msg = f"nothing was set aside under {dead_id}: see `coordinator dead list`"
    raise ConfigurationError(msg)


def _body(body: bytes) -> dict[str, object]:
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_base64": base64.b64encode(body).decode()}


@app.command()
def replay(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Everything that is listed.")] = False,
) -> None:
    """Hand a message to intake again, or owe a parked delivery again; safe to repeat. Prints the verdicts.

    Exit 0: all accepted or owed. 1: one was refused or failed again.
    """
    with refusals(debug=chosen(context).debug):
        if bool(ids) == everything:
            msg = "name what to replay, or --all"
            raise ConfigurationError(msg)
        results = asyncio.run(_replayed(chosen(context).settings(), ids))
    if not results:
        typer.echo("nothing waits to be replayed", err=True)
    for dead_id, verdict in results.items():
        typer.echo(json.dumps({"id": dead_id, "verdict": verdict}))
    good = {Verdict.ACCEPTED.value, Verdict.DUPLICATE.value, "owed"}
    raise typer.Exit(0 if set(results.values()) <= good else 1)


async def _replayed(settings: Settings, ids: Sequence[str] | None) -> dict[str, str]:
    from coordinator.bootstrap import make_intake  # noqa: PLC0415  # the whole service, for this one command

    directory = read_directory_of(settings)
    lead = directory.lead.id if directory.lead is not None else ""
    async with open_store(settings.store.url, lead) as store:
        intake = make_intake(store, directory, settings.domain.id)
        waiting = {each.id: each for each in await store.reading(lambda db: dead(db, LIMIT)) if each.state == "waiting"}
        stuck = {each.id for each in await store.reading(lambda db: parked(db, LIMIT))}
        results: dict[str, str] = {}
        chosen_ids = ids if ids is not None else [*waiting, *sorted(stuck)]
        with progress("handing in again", len(chosen_ids)) as advance:
            for each in chosen_ids:
                if each in stuck:
                    await intake.chore(Ask(), released([each]))
                    results[each] = "owed"
                else:
                    found = waiting.get(each) or await _dead_of(store, each)
                    results[each] = await _again_in(intake, found, directory)
                advance(1)
    return results


async def _again_in(intake: Intake, found: Dead, directory: Directory) -> str:
    (receipt,) = await intake.receive([_again(found, directory)])
    if receipt.verdict is not Verdict.FAILED:
        await intake.chore(Ask(), replayed(found.id))
    return receipt.verdict.value


async def _dead_of(store: SqliteStore, dead_id: str) -> Dead:
    found = await store.reading(lambda db: dead_one(db, dead_id))
    if found is None:
        msg = f"nothing was set aside under {dead_id}: see `coordinator dead list`"
        raise ConfigurationError(msg)
    return found


def _again(found: Dead, directory: Directory) -> Submission:
    """The submission as its door saw it: what was not proven then is not proven now."""
    digest = f"sha-256:{hashlib.sha256(found.body).hexdigest()}"
    agency = directory.agency(found.agency or "")
    unproven = found.account is None and (agency is None or agency.require_user_id)
    flaw = RefusalCode.USER_ID_MISSING if unproven else None
    return Submission(found.body, found.agency or "", found.account, Channel.CLI, datetime.now(UTC), digest, flaw)
