"""The seal signs nothing that contradicts what was signed before, and says why."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from coordinator.journal.checkpoint import seal_checkpoint
from coordinator.journal.findings import Verdict, verdict
from coordinator.journal.note import SigningKey
from coordinator.journal.verify import verify_directory
from coordinator.seal import Seal, SealRefusedError
from coordinator.store.published import PublishedDirectory
from tests.integration.sealing import (
    GUARD_S,
    KEY,
    NOW,
    Journal,
    Observed,
    files,
    seal_on,
    verified_size,
)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Journal]:
    async with Journal(tmp_path / "store.sqlite") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "published"


@pytest.fixture
async def published(ledger: Journal, folder: Path) -> Path:
    """A store and a folder with 600 entries, sealed at 300 and at 600."""
    for _ in range(2):
        ledger.append(300)
        await seal_on(ledger, folder).flush()
    return folder


async def test_a_restored_backup_is_told_so(ledger: Journal, published: Path, tmp_path: Path) -> None:
    backup = ledger.copy_to(tmp_path / "backup.sqlite")
    ledger.append(100)
    await seal_on(ledger, published).flush()
    async with Journal(backup) as restored:
        for grown_by in (0, 200):
            restored.append(grown_by, b"other")
            with pytest.raises(SealRefusedError, match=r"700 entries .* has signed 600: it is older, as a restored"):
                await seal_on(restored, published).flush()
    assert verified_size(published) == 700


async def test_a_new_store_beside_an_old_folder_is_told_so(published: Path, tmp_path: Path) -> None:
    async with Journal(tmp_path / "new.sqlite") as empty:
        with pytest.raises(SealRefusedError, match="600 entries were signed and published"):
            await seal_on(empty, published).flush()


def _delete_the_end(ledger: Journal) -> None:
    ledger.damage("DELETE FROM leaves WHERE position >= 599; UPDATE head SET position = 599;")


def _delete_a_tile(ledger: Journal) -> None:
    ledger.damage("DELETE FROM tiles WHERE level = 0 AND n = 2")


def _alter_a_tile(ledger: Journal) -> None:
    ledger.damage("UPDATE tiles SET hashes = zeroblob(length(hashes)) WHERE level = 1")


def _delete_the_checkpoint(ledger: Journal) -> None:
    ledger.damage("DELETE FROM checkpoints WHERE size = 600")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_delete_the_end, "600 entries were signed, but this store holds 599"),
        (_delete_a_tile, r"lacks tile/0/002\.p/88"),
        (_alter_a_tile, "do not add up to its checkpoint of 600"),
        (_delete_the_checkpoint, "has signed 300"),
    ],
)
async def test_a_store_that_contradicts_what_it_signed_is_not_signed(
    ledger: Journal, published: Path, damage: Callable[[Journal], None], words: str
) -> None:
    damage(ledger)
    seal = seal_on(ledger, published)
    with pytest.raises(SealRefusedError, match=words) as refusal:
        await seal.flush()
    assert "coordinator audit verify" in str(refusal.value)
    assert seal.status.last_error == str(refusal.value)
    assert verified_size(published) == 600


async def test_a_running_seal_notices_that_the_end_was_deleted(ledger: Journal, folder: Path) -> None:
    ledger.append(10)
    archive = Observed(folder)
    seal = Seal(ledger, archive, KEY, now=lambda: NOW, interval_s=0.02)
    task = asyncio.create_task(seal.run())
    await archive.reaches(10)
    ledger.damage("DELETE FROM leaves WHERE position = 9; UPDATE head SET position = 9;")
    async with asyncio.timeout(GUARD_S):
        with pytest.raises(SealRefusedError, match="10 entries were signed, but this store holds 9"):
            await task


async def test_a_hole_in_the_journal_is_not_signed(ledger: Journal, folder: Path) -> None:
    ledger.append(10)
    ledger.damage("UPDATE leaves SET position = 20 WHERE position = 4")
    with pytest.raises(SealRefusedError, match="position 4 is missing"):
        await seal_on(ledger, folder).flush()
    assert await ledger.sealed() is None


async def test_a_folder_with_another_history_is_not_continued(ledger: Journal, folder: Path, tmp_path: Path) -> None:
    async with Journal(tmp_path / "other.sqlite") as other:
        other.append(300, b"other")
        await seal_on(other, folder).flush()
    ledger.append(600)
    await seal_on(ledger, tmp_path / "own").flush()
    with pytest.raises(SealRefusedError, match="first 300 entries of this store are not those"):
        await seal_on(ledger, folder).flush()


async def test_a_folder_of_another_journal_is_not_written(ledger: Journal, folder: Path) -> None:
    key = SigningKey("journal.example/kansas", bytes(32))
    PublishedDirectory(folder).put("checkpoint", seal_checkpoint(0, bytes(32), key, NOW).note)
    with pytest.raises(SealRefusedError, match=r"another origin than journal\.example/missouri"):
        await seal_on(ledger, folder).flush()


def _lose_the_store(ledger: Journal, _folder: Path) -> None:
    ledger.damage("DELETE FROM checkpoints; DELETE FROM tiles;")


def _lose_what_is_published(_ledger: Journal, folder: Path) -> None:
    (folder / "checkpoint").unlink()


@pytest.mark.parametrize(
    ("lose", "where"),
    [(_lose_the_store, "published"), (_lose_what_is_published, "in the store")],
    ids=["folder", "store"],
)
async def test_another_key_of_the_same_name_signs_nothing(
    ledger: Journal, published: Path, lose: Callable[[Journal, Path], None], where: str
) -> None:
    """A lost key that is made anew would split the journal: what is signed so far is of the first one."""
    lose(ledger, published)
    ledger.append(1)
    before = files(published)
    other = Seal(ledger, PublishedDirectory(published), SigningKey(KEY.name, b"2" * 32), now=lambda: NOW)
    with pytest.raises(SealRefusedError, match=f"{where} was signed with another key .* put your copy of the key back"):
        await other.flush()
    assert files(published) == before


async def test_a_checkpoint_whose_signature_does_not_fit_is_not_continued(ledger: Journal, published: Path) -> None:
    head = published / "checkpoint"
    head.write_bytes(head.read_bytes().replace(b"600", b"599", 1))
    with pytest.raises(SealRefusedError, match="published does not fit its signature"):
        await seal_on(ledger, published).flush()


async def test_a_published_checkpoint_that_cannot_be_read_is_not_replaced(ledger: Journal, folder: Path) -> None:
    PublishedDirectory(folder).put("checkpoint", b"torn")
    with pytest.raises(SealRefusedError, match="checkpoint that is published cannot be read"):
        await seal_on(ledger, folder).flush()
    assert files(folder) == {"checkpoint": b"torn"}


async def test_a_published_file_with_other_bytes_is_not_replaced(ledger: Journal, folder: Path) -> None:
    PublishedDirectory(folder).put("tile/entries/000.p/5", b"from another life")
    ledger.append(5)
    with pytest.raises(SealRefusedError, match="published with other bytes"):
        await seal_on(ledger, folder).flush()
    assert files(folder) == {"tile/entries/000.p/5": b"from another life"}


async def test_what_was_altered_below_the_checkpoint_is_found_by_the_audit(ledger: Journal, published: Path) -> None:
    """The seal does not read old entries again: it is the verification that does."""
    (published / "tile/entries/000").write_bytes(b"\x00\x01x")
    await seal_on(ledger, published).flush()
    assert verdict(verify_directory(files(published).get, KEY.verifier)) is Verdict.ALTERED
