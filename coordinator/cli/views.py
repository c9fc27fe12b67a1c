"""What `operations` and `conflicts` share: whose view it is, the filters, and pages until there are enough."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Annotated, NoReturn, Protocol, TypeVar

import typer

from coordinator.cli.completing import agencies
from coordinator.cli.participants import read_directory_of
from coordinator.domain import system_clock
from coordinator.http.asked import MAX_LIMIT, read_sought
from coordinator.http.problems import Problem
from coordinator.model.directory import Directory
from coordinator.model.errors import ConfigurationError
from coordinator.model.views import Sought
from coordinator.settings import Settings
from coordinator.store import open_ledger
from coordinator.store.migrate import require_newest
from coordinator.store.querying import StoreQueries

ViewerOption = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="AGENCY",
        help="Whose view; without it an operator's, which is envelopes alone.",
        autocompletion=agencies,
    ),
]
FromOption = Annotated[str | None, typer.Option("--from", metavar="TIME", help="RFC 3339: what ends after it.")]
ToOption = Annotated[str | None, typer.Option("--to", metavar="TIME", help="RFC 3339: what starts before it.")]
BoxOption = Annotated[
    str | None, typer.Option("--bbox", metavar="W,S,E,N", help="Degrees: what touches it.", show_default=False)
]
AgencyOption = Annotated[
    str | None, typer.Option("--agency", metavar="AGENCY", help="Whose they are.", autocompletion=agencies)
]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="At most so many.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
DEFAULT_LIMIT = 100

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Page(Protocol[T_co]):
    """A page of views, and where the next one begins."""

    @property
    def views(self) -> Sequence[T_co]: ...

    @property
    def after(self) -> str | None: ...


def sought_of(given: Mapping[str, str | None], states: Collection[str], viewer: str | None) -> Sought:
    """Read the filters; raises `ConfigurationError` that says how the wrong one should look."""
    chosen = {name: value for name, value in given.items() if value is not None}
    needing = next((name for name in chosen if name != "state"), None)
    if viewer is None and needing is not None:
        msg = f"--{needing} looks into content, which an operator does not see: say whose view it is with --as AGENCY"
        raise ConfigurationError(msg)
    try:
        return read_sought(chosen, states)
    except Problem as problem:
        raise ConfigurationError(problem.detail.replace("`", "--", 1).replace("`", "", 1)) from problem


def viewing(settings: Settings, viewer: str | None) -> Directory:
    """The directory, which must have the agency whose view it is; raises `ConfigurationError`."""
    directory = read_directory_of(settings)
    if viewer is not None and directory.agency(viewer) is None:
        msg = f"there is no agency {viewer!r} in the directory; it has {', '.join(directory.ids)}"
        raise ConfigurationError(msg)
    return directory


def ask(settings: Settings, directory: Directory, question: Callable[[StoreQueries], Awaitable[T]]) -> T:
    """Ask the store, beside a service that may be writing it."""
    lead = directory.lead.id if directory.lead is not None else ""
    require_newest(settings.store.url)

    async def asked() -> T:
        async with open_ledger(settings.store.url) as store:
            return await question(StoreQueries(store, lead, system_clock))

    return asyncio.run(asked())


async def enough(turn: Callable[[str, int], Awaitable[_Page[T]]], limit: int) -> tuple[list[T], bool]:
    """Pages one after the other until there are enough; and whether there are more."""
    found: list[T] = []
    after: str | None = ""
    while after is not None and len(found) < limit:
        page = await turn(after, min(limit - len(found), MAX_LIMIT))
        found += page.views
        after = page.after
    return found, after is not None


def refuse_unknown(what: str, given: str, viewer: str | None) -> NoReturn:
    """Raise `ConfigurationError`: there is nothing under an id, and where the ids are listed."""
    known = f"{viewer} knows of no" if viewer is not None else "there is no"
    asked = f" --as {viewer}" if viewer is not None else ""
    msg = f"{known} {what} {given[:64]}: see `coordinator {what}s list{asked}`"
    raise ConfigurationError(msg)
