"""`coordinator migrate`: the store's schema."""

import typer

from coordinator.cli.context import chosen, refusals
from coordinator.cli.progress import progress
from coordinator.store.migrate import migrate as migrate_store


def migrate(context: typer.Context) -> None:
    """Bring the store to the newest schema; makes the file when it is missing."""
    with refusals(debug=chosen(context).debug):
        url = chosen(context).settings().store.url
        with progress("bringing the store to the newest schema"):
            before, after = migrate_store(url)
    changed = "" if before == after else f", it was {before or 'empty'}"
    typer.echo(f"the store {url.removeprefix('sqlite:///')} is at {after}{changed}", err=True)
