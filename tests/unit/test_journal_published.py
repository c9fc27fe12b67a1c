"""The published directory holds whole files, which never change, whatever happens while they are written."""

import resource
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coordinator.ports import ArchiveConflictError, ArchiveUnavailableError
from coordinator.store.published import PublishedDirectory


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "made" / "when needed"


def _names(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


@contextmanager
def _no_file_longer_than(size: int) -> Iterator[None]:
    """The kernel refuses to write more, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_was_put_is_got_back(folder: Path) -> None:
    archive = PublishedDirectory(folder)
    assert archive.get("checkpoint") is None
    for path in ("checkpoint", "tile/0/x001/x234/067", "tile/entries/000.p/7"):
        archive.put(path, path.encode())
        assert archive.get(path) == path.encode()
        assert (folder / path).read_bytes() == path.encode()
    assert archive.get("tile/0/000") is None
    assert archive.get("checkpoint/below") is None


def test_the_checkpoint_is_replaced_and_nothing_else_is(folder: Path) -> None:
    archive = PublishedDirectory(folder)
    for content in (b"first", b"second"):
        archive.put("checkpoint", content)
    assert archive.get("checkpoint") == b"second"
    archive.put("tile/0/000.p/1", b"first")
    archive.put("tile/0/000.p/1", b"first")
    with pytest.raises(ArchiveConflictError, match="published with other bytes"):
        archive.put("tile/0/000.p/1", b"second")
    assert archive.get("tile/0/000.p/1") == b"first"


@pytest.mark.parametrize("path", ["", "../checkpoint", "/checkpoint", "tile/0/../../checkpoint", "tile/0/1", "other"])
def test_a_path_that_no_journal_publishes_is_not_written(folder: Path, path: str) -> None:
    with pytest.raises(ValueError, match="no path of a published journal"):
        PublishedDirectory(folder).put(path, b"")
    assert not folder.exists()


def test_a_full_file_replaces_its_partial_ones(folder: Path) -> None:
    archive = PublishedDirectory(folder)
    for path in ("tile/0/000.p/1", "tile/0/000.p/255", "tile/0/001.p/3", "tile/entries/000.p/1", "tile/0/000"):
        archive.put(path, b"")
    assert _names(folder) == {"tile/0/001.p/3", "tile/entries/000.p/1", "tile/0/000"}


def test_a_full_file_that_is_there_after_a_crash_still_replaces_its_partial_ones(folder: Path) -> None:
    archive = PublishedDirectory(folder)
    for path in ("tile/0/000", "tile/0/000.p/1", "tile/0/000"):
        archive.put(path, b"")
    assert _names(folder) == {"tile/0/000"}


def test_a_write_that_fails_leaves_nothing_and_may_be_tried_again(folder: Path) -> None:
    archive = PublishedDirectory(folder)
    archive.put("checkpoint", b"old")
    for path in ("tile/0/000", "checkpoint"):
        with _no_file_longer_than(100), pytest.raises(ArchiveUnavailableError, match="cannot be reached"):
            archive.put(path, b"x" * 8192)
    assert _names(folder) == {"checkpoint"}
    assert archive.get("checkpoint") == b"old"
    archive.put("tile/0/000", b"x" * 8192)
    assert _names(folder) == {"checkpoint", "tile/0/000"}


def test_a_folder_that_cannot_be_made_is_said_to_be_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    archive = PublishedDirectory(tmp_path / "file" / "folder")
    with pytest.raises(ArchiveUnavailableError, match="cannot be reached"):
        archive.put("checkpoint", b"")
    assert archive.get("checkpoint") is None
    (tmp_path / "checkpoint").mkdir()
    with pytest.raises(ArchiveUnavailableError, match="cannot be reached"):
        PublishedDirectory(tmp_path).get("checkpoint")


def test_leftovers_of_a_crash_do_no_harm(folder: Path) -> None:
    archive = PublishedDirectory(folder)
    archive.put("tile/0/000.p/1", b"one")
    for leftover in ("tile/0/.000.0a1b2c3d.tmp", "tile/0/000.p/.2.0a1b2c3d.tmp", ".checkpoint.0a1b2c3d.tmp"):
        (folder / leftover).write_bytes(b"half a fi")
    archive.put("tile/0/000.p/2", b"two")
    archive.put("tile/0/000", b"full")
    archive.put("checkpoint", b"note")
    assert archive.get("tile/0/000") == b"full"
    assert not (folder / "tile/0/000.p").exists()


def test_a_reader_never_sees_half_a_checkpoint(folder: Path) -> None:
    archive = PublishedDirectory(folder)
    notes = [bytes([letter]) * 20_000 for letter in b"ab"]
    archive.put("checkpoint", notes[0])

    def write() -> None:
        for turn in range(200):
            archive.put("checkpoint", notes[turn % 2])

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while writer.is_alive():
        seen.add(archive.get("checkpoint"))
    writer.join()
    assert seen <= set(notes)


def test_entries_are_for_auditors_and_the_rest_for_everybody(folder: Path) -> None:
    archive = PublishedDirectory(folder)
    for path in ("checkpoint", "tile/0/000", "tile/entries/000"):
        archive.put(path, b"")
    assert not stat.S_IMODE((folder / "tile/entries/000").stat().st_mode) & stat.S_IROTH
    for path in ("checkpoint", "tile/0/000"):
        assert stat.S_IMODE((folder / path).stat().st_mode) & stat.S_IROTH
