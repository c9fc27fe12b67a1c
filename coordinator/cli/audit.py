"""`coordinator audit`: what an auditor does with the journal, offline and without trusting us."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar

import typer

from coordinator.journal.findings import Finding, Undecided, Verdict, as_fields, sentence, verdict
from coordinator.journal.note import MalformedKeyError, VerifierKey, parse_verifier_key
from coordinator.journal.sources import StoreSource
from coordinator.journal.tiles import MAX_BUNDLE_BYTES
from coordinator.journal.verify import verify_directory, verify_store
from coordinator.model.errors import CoordinatorError

EXIT = {Verdict.TRUE: 0, Verdict.ALTERED: 1, Verdict.UNDECIDED: 2}

_P = ParamSpec("_P")
_T = TypeVar("_T")

app = typer.Typer(help="Verify the journal.", no_args_is_help=True)


@app.callback()
def _audit() -> None:
    """Verify the journal."""


@app.command()
def verify(
    *,
    vkey: Annotated[Path, typer.Option(metavar="FILE", help="The verifier key that you were given.")],
    directory: Annotated[Path | None, typer.Argument(metavar="DIR", help="A published journal.")] = None,
    store: Annotated[str | None, typer.Option(metavar="URL", help="A store, instead: sqlite:///…")] = None,
    older: Annotated[
        Path | None, typer.Option(metavar="CHECKPOINT", help="A checkpoint from before, which must be continued.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the finding as one JSON object on stdout.")] = False,
) -> None:
    """Verify a journal, offline. Exit 0: every entry is what was signed. 1: altered, and what. 2: could not tell."""
    finding = _verified(directory, store, vkey, older)
    if as_json:
        typer.echo(json.dumps(as_fields(finding)))
    typer.echo(sentence(finding), err=True)
    raise typer.Exit(EXIT[verdict(finding)])


def _verified(directory: Path | None, store: str | None, vkey: Path, older: Path | None) -> Finding:
    try:
        key = parse_verifier_key(vkey.read_text(encoding="utf-8").strip())
        past = None if older is None else older.read_bytes()
        match directory, store:
            case Path(), None:
                return verify_directory(_reader(directory), key, past)
            case None, str():
                return asyncio.run(_verified_store(store, key, past))
            case _:
                return Undecided("name a published directory, or a store with --store URL, and not both")
    except MalformedKeyError as error:
        return Undecided(str(error), str(vkey))
    except (OSError, UnicodeDecodeError, CoordinatorError) as error:
        return Undecided(str(error))


def _reader(directory: Path) -> Callable[[str], bytes | None]:
    """Read files below a folder that nobody vouches for: ordinary files only, and no more than a bundle can hold."""
    if not directory.is_dir():
        msg = f"{directory} is no folder"
        raise NotADirectoryError(msg)

    def read(path: str) -> bytes | None:
        file = directory / path
        if not file.is_file():
            return None
        with file.open("rb") as opened:
            return opened.read(MAX_BUNDLE_BYTES + 1)

    return read


async def _verified_store(url: str, key: VerifierKey, past: bytes | None) -> Finding:
    from coordinator.store import open_ledger  # noqa: PLC0415  # no database driver unless a store is asked for

    async with open_ledger(url) as ledger:
        # The newest checkpoint first: what is appended while we read comes after it.
        sealed = await ledger.sealed()
        note = None if sealed is None else sealed.note
        loop = asyncio.get_running_loop()
        source = StoreSource(note, _blocking(ledger.entries, loop), _blocking(ledger.tile, loop))
        return await asyncio.to_thread(verify_store, source, key, past)


def _blocking(call: Callable[_P, Coroutine[None, None, _T]], loop: asyncio.AbstractEventLoop) -> Callable[_P, _T]:
    """The same call for a worker thread, which waits for the loop's answer."""

    def ask(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        return asyncio.run_coroutine_threadsafe(call(*args, **kwargs), loop).result()

    return ask
