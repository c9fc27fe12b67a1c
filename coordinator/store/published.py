"""The published journal as a directory: whole files only, never changed but for the checkpoint."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coordinator.journal.tiles import CHECKPOINT_PATH, TILE_WIDTH, BundleName, parse_path
from coordinator.ports import ArchiveConflictError, ArchiveUnavailableError

_PUBLIC = 0o644
_FOR_AUDITORS = 0o640
"""Entry bundles are for auditors; checkpoint and hash tiles may be read by anybody (`audit.md`)."""


class PublishedDirectory:
    """An `Archive` below a folder, which it makes. One writer; readers need no lock.

    A crash may leave a file `.<name>.<random>.tmp`; no reader looks at those, and the next `put` does not mind them.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, path: str, content: bytes) -> None:
        """Publish a file: written beside its place, synced, renamed, and the folder synced; see `Archive.put`."""
        name = None if path == CHECKPOINT_PATH else parse_path(path)
        if name is None and path != CHECKPOINT_PATH:
            msg = f"{path!r} is no path of a published journal"
            raise ValueError(msg)
        target = self._root / path
        with _unavailable(target):
            _make_folder(target.parent)
            if name is None or not _is_there(target, content):
                _write(target, content, _FOR_AUDITORS if isinstance(name, BundleName) else _PUBLIC)
            # Also for a file that was there: a crash may have come between its rename and this.
            _sync_folder(target.parent)
            if name is not None and name.width == TILE_WIDTH:
                _drop_partials(target)

    def get(self, path: str) -> bytes | None:
        """Read a published file; None when it is not there."""
        target = self._root / path
        with _unavailable(target):
            return _read(target)


def _read(target: Path) -> bytes | None:
    try:
        return target.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _is_there(target: Path, content: bytes) -> bool:
    found = _read(target)
    if found is not None and found != content:
        msg = f"{target} is published with other bytes"
        raise ArchiveConflictError(msg)
    return found is not None


def _write(target: Path, content: bytes, mode: int) -> None:
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _make_folder(folder: Path) -> None:
    """Make the folder and those above it, each entry durable in the one above."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _drop_partials(full: Path) -> None:
    """Remove the narrower forms of a tile whose full form is durable (tlog-tiles allows it, and they add up)."""
    partials = full.with_name(f"{full.name}.p")
    if partials.is_dir():
        shutil.rmtree(partials)


@contextmanager
def _unavailable(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        msg = f"the published journal cannot be reached: {target}: {error.strerror}"
        raise ArchiveUnavailableError(msg) from error
