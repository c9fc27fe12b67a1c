"""`coordinator audit`: what an auditor does with the journal, offline and without trusting us."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar

import typer

from coordinator.cli.progress import progress
from coordinator.journal.checkpoint import read_checkpoint
from coordinator.journal.findings import Finding, Undecided, Verdict, as_fields, sentence, verdict
from coordinator.journal.note import MalformedKeyError, MalformedNoteError, VerifierKey, parse_verifier_key
from coordinator.journal.sources import StoreSource
from coordinator.journal.tiles import CHECKPOINT_PATH, MAX_BUNDLE_BYTES, TILE_WIDTH
from coordinator.journal.verify import verify_directory, verify_store
from coordinator.model.errors import ConfigurationError, CoordinatorError

ENTRIES = "tile/entries/"
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
        key, past = _key(vkey), _older(older)
        match directory, store:
            case Path(), None:
                read = _reader(directory)
                with progress("verifying the published journal, bundles read", _bundles(read)) as advance:
                    return verify_directory(_counting(read, advance), key, past)
            case None, str():
                return asyncio.run(_verified_store(store, key, past))
            case _:
                return Undecided("name a published directory, or a store with --store URL, and not both")
    except OSError as error:
        return Undecided(f"{error.filename}: {str(error.strerror).lower()}")
    except CoordinatorError as error:
        return Undecided(str(error))


def _key(file: Path) -> VerifierKey:
    given = "--vkey is the file of the verifier key that you were given, such as journal.vkey"
    if not file.is_file():
        msg = f"there is no file {file}: {given}"
        raise ConfigurationError(msg)
    try:
        return parse_verifier_key(file.read_text(encoding="utf-8").strip())
    except (MalformedKeyError, UnicodeDecodeError) as error:
        why = error if isinstance(error, MalformedKeyError) else "it is no text"
        msg = f"{file} is no verifier key ({why}): {given}"
        raise ConfigurationError(msg) from error


def _older(file: Path | None) -> bytes | None:
    if file is None:
        return None
    given = "--older is a copy that you kept of the file `checkpoint`"
    if not file.is_file():
        msg = f"there is no file {file}: {given}"
        raise ConfigurationError(msg)
    past = file.read_bytes()
    try:
        read_checkpoint(past)
    except MalformedNoteError as error:
        msg = f"{file} is no checkpoint ({error}): {given}"
        raise ConfigurationError(msg) from error
    return past


def _reader(directory: Path) -> Callable[[str], bytes | None]:
    """Read files below a folder that nobody vouches for: ordinary files only, and no more than a bundle can hold."""
    if not directory.is_dir():
        msg = f"{directory} is no folder: name the folder that [journal] publish_dir names"
        raise ConfigurationError(msg)
    if not (directory / CHECKPOINT_PATH).is_file():
        msg = f"there is no journal in {directory}: it has no file `{CHECKPOINT_PATH}`"
        raise ConfigurationError(msg)

    def read(path: str) -> bytes | None:
        file = directory / path
        if not file.is_file():
            return None
        with file.open("rb") as opened:
            return opened.read(MAX_BUNDLE_BYTES + 1)

    return read


async def _verified_store(url: str, key: VerifierKey, past: bytes | None) -> Finding:
    from coordinator.store import open_ledger  # noqa: PLC0415  # no database driver unless a store is asked for
    from coordinator.store.connections import path_of  # noqa: PLC0415  # as above

    if not path_of(url).is_file():
        msg = f"there is no store {path_of(url)}: --store is sqlite:///FILE (four slashes where the path is absolute)"
        raise ConfigurationError(msg)
    async with open_ledger(url) as ledger:
        # The newest checkpoint first: what is appended while we read comes after it.
        sealed = await ledger.sealed()
        if sealed is None:
            return Undecided("the store holds no checkpoint, so nothing in it is signed")
        loop = asyncio.get_running_loop()
        entries = _blocking(ledger.entries, loop)
        with progress("verifying the journal in the store, entries read", sealed.size) as advance:

            def counted(start: int, limit: int) -> Sequence[bytes]:
                found = entries(start, limit)
                advance(len(found))
                return found

            source = StoreSource(sealed.note, counted, _blocking(ledger.tile, loop))
            return await asyncio.to_thread(verify_store, source, key, past)


def _counting(read: Callable[[str], bytes | None], advance: Callable[[int], None]) -> Callable[[str], bytes | None]:
    def counted(path: str) -> bytes | None:
        if path.startswith(ENTRIES):
            advance(1)
        return read(path)

    return counted


def _bundles(read: Callable[[str], bytes | None]) -> int | None:
    """How many bundles there should be; None where the checkpoint, which is not proven yet, does not say."""
    try:
        _, checkpoint = read_checkpoint(read(CHECKPOINT_PATH) or b"")
    except MalformedNoteError:
        return None
    return -(-checkpoint.size // TILE_WIDTH)


def _blocking(call: Callable[_P, Coroutine[None, None, _T]], loop: asyncio.AbstractEventLoop) -> Callable[_P, _T]:
    """The same call for a worker thread, which waits for the loop's answer."""

    def ask(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        return asyncio.run_coroutine_threadsafe(call(*args, **kwargs), loop).result()

    return ask
