"""The seal on a real SQLite file and a real folder: what it publishes, and how it keeps on."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from coordinator.model.errors import CoordinatorError, StoreUnavailableError
from coordinator.ports import ArchiveUnavailableError
from coordinator.seal import Seal
from coordinator.store.published import PublishedDirectory
from tests.integration.sealing import (
    GUARD_S,
    KEY,
    NOW,
    Journal,
    Observed,
    files,
    running,
    seal_on,
    twice,
    verified_size,
)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Journal]:
    async with Journal(tmp_path / "store.sqlite") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "published"


async def test_what_is_in_the_journal_is_signed_and_published(ledger: Journal, folder: Path) -> None:
    ledger.append(600)
    seal = seal_on(ledger, folder)
    await seal.flush()
    assert verified_size(folder) == 600
    assert (seal.status.size, seal.status.published, seal.status.behind_s, seal.status.last_error) == (
        600,
        600,
        0,
        None,
    )


async def test_an_empty_journal_has_a_checkpoint_too(ledger: Journal, folder: Path) -> None:
    await seal_on(ledger, folder).flush()
    assert verified_size(folder) == 0
    assert files(folder).keys() == {"checkpoint"}


async def test_each_checkpoint_continues_the_one_before(ledger: Journal, folder: Path) -> None:
    seal = seal_on(ledger, folder)
    older = None
    for count in (0, 1, 1, 253, 1, 1, 300, 1000):
        ledger.append(count)
        await seal.flush()
        size = await ledger.size()
        assert verified_size(folder, older) == size
        older = (folder / "checkpoint").read_bytes()
        sealed = await ledger.sealed()
        assert sealed is not None
        assert sealed.note == older


async def test_partial_files_go_when_the_full_one_is_there(ledger: Journal, folder: Path) -> None:
    seal = seal_on(ledger, folder)
    for count in (100, 100, 56, 10):
        ledger.append(count)
        await seal.flush()
    assert files(folder).keys() == {
        "checkpoint",
        "tile/entries/000",
        "tile/entries/001.p/10",
        "tile/0/000",
        "tile/0/001.p/10",
        "tile/1/000.p/1",
    }


async def test_a_journal_without_news_is_not_signed_again(ledger: Journal, folder: Path) -> None:
    ledger.append(3)
    seal = seal_on(ledger, folder)
    await seal.flush()
    written = (folder / "checkpoint").stat().st_mtime_ns
    await seal.flush()
    await seal_on(ledger, folder).flush()
    assert (folder / "checkpoint").stat().st_mtime_ns == written


async def test_a_seal_that_is_far_behind_catches_up_in_several_checkpoints(ledger: Journal, folder: Path) -> None:
    ledger.append(66_000)
    await seal_on(ledger, folder).flush()
    assert verified_size(folder) == 66_000
    assert [size for (size,) in ledger.db.execute("select size from checkpoints order by size")] == [65_536, 66_000]


async def test_a_new_folder_is_given_the_whole_journal(ledger: Journal, folder: Path) -> None:
    for count in (300, 300):
        ledger.append(count)
        await seal_on(ledger, folder).flush()
    elsewhere = folder.with_name("elsewhere")
    await seal_on(ledger, elsewhere).flush()
    assert verified_size(elsewhere) == 600
    assert (elsewhere / "checkpoint").read_bytes() == (folder / "checkpoint").read_bytes()


async def test_a_woken_seal_publishes_what_has_come(ledger: Journal, folder: Path) -> None:
    archive = Observed(folder)
    seal = Seal(ledger, archive, KEY, now=lambda: NOW, interval_s=0.02)
    async with running(seal):
        await archive.reaches(0)
        for size in (10, 20, 300):
            ledger.append(size - await ledger.size())
            seal.wake()
            await archive.reaches(size)
    assert verified_size(folder) == 300


async def test_an_idle_seal_that_is_woken_does_not_wait_for_its_interval(tmp_path: Path, folder: Path) -> None:
    class Looked(Journal):
        looked = asyncio.Event()

        async def size(self) -> int:
            found = await super().size()
            self.looked.set()
            return found

    archive = Observed(folder)
    async with Looked(tmp_path / "store.sqlite") as ledger:
        seal = Seal(ledger, archive, KEY, now=lambda: NOW, interval_s=3600)
        await seal.flush()
        ledger.looked.clear()
        async with running(seal), asyncio.timeout(GUARD_S):
            await ledger.looked.wait()
            ledger.append(10)
            seal.wake()
            await archive.reaches(10)


async def test_a_busy_seal_lets_entries_gather_until_its_next_checkpoint(ledger: Journal, folder: Path) -> None:
    ledger.append(5)
    archive = Observed(folder)
    seal = Seal(ledger, archive, KEY, now=lambda: NOW, interval_s=3600)
    async with running(seal):
        await archive.reaches(5)
        ledger.append(5)
        seal.wake()
        # Were it not resting, this would be out within milliseconds.
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await archive.reaches(10)


async def test_a_seal_that_nobody_wakes_looks_for_itself(ledger: Journal, folder: Path) -> None:
    archive = Observed(folder)
    seal = Seal(ledger, archive, KEY, now=lambda: NOW, interval_s=0.02)
    async with running(seal):
        await archive.reaches(0)
        ledger.append(10)
        await archive.reaches(10)


async def test_everything_can_be_sealed_at_once_while_it_runs(ledger: Journal, folder: Path) -> None:
    archive = Observed(folder)
    seal = Seal(ledger, archive, KEY, now=lambda: NOW, interval_s=3600)
    async with running(seal):
        await archive.reaches(0)
        ledger.append(10)
        await seal.flush()
        assert verified_size(folder) == 10


async def test_it_goes_on_signing_while_nothing_can_be_published(ledger: Journal, folder: Path) -> None:
    """A file stands where the folder should be: as good as a full disk, and as curable."""
    folder.write_text("in the way")
    ledger.append(5)
    seal = seal_on(ledger, folder)
    with pytest.raises(ArchiveUnavailableError, match="cannot be reached"):
        await seal.flush()
    ledger.append(5)
    with pytest.raises(ArchiveUnavailableError):
        await seal.flush()
    sealed = await ledger.sealed()
    assert sealed is not None
    assert sealed.size == seal.status.size == 10
    assert seal.status.published == 0
    assert "cannot be reached" in str(seal.status.last_error)
    folder.unlink()
    await seal.flush()
    assert verified_size(folder) == 10
    assert seal.status.last_error is None


async def test_the_loop_outlives_an_archive_that_was_away(ledger: Journal, folder: Path) -> None:
    folder.write_text("in the way")
    ledger.append(5)
    archive = Observed(folder)
    seal = Seal(ledger, archive, KEY, now=lambda: NOW, interval_s=0.02)
    async with running(seal):
        # With the second failure, the first one has been told.
        await twice(archive.failures)
        assert "cannot be reached" in str(seal.status.last_error)
        folder.unlink()
        await archive.reaches(5)
        await seal.flush()
        assert seal.status.last_error is None


async def test_the_loop_outlives_a_store_that_was_away(tmp_path: Path, folder: Path) -> None:
    class Away(Journal):
        away = True
        failures = asyncio.Semaphore(0)

        async def size(self) -> int:
            if self.away:
                self.failures.release()
                msg = "the store is away"
                raise StoreUnavailableError(msg)
            return await super().size()

    archive = Observed(folder)
    async with Away(tmp_path / "away.sqlite") as store:
        store.append(5)
        seal = Seal(store, archive, KEY, now=lambda: NOW, interval_s=0.02)
        async with running(seal):
            await twice(store.failures)
            assert seal.status.last_error == "the store is away"
            store.away = False
            await archive.reaches(5)


async def test_it_tells_for_how_long_it_has_been_behind(ledger: Journal, folder: Path) -> None:
    seconds = [100.0]
    seal = Seal(ledger, PublishedDirectory(folder), KEY, now=lambda: NOW, clock=lambda: seconds[0])
    await seal.flush()
    assert seal.status.behind_s == 0
    ledger.append(1)
    seal.wake()
    seconds[0] += 2
    seal.wake()
    assert seal.status.behind_s == 2
    shutil.rmtree(folder)
    folder.write_text("in the way")
    seconds[0] += 1
    with pytest.raises(ArchiveUnavailableError):
        await seal.flush()
    seconds[0] += 1
    assert seal.status.behind_s == 4
    folder.unlink()
    await seal.flush()
    assert seal.status.behind_s == 0


async def test_two_seals_on_one_store_never_sign_two_histories(ledger: Journal, folder: Path) -> None:
    ledger.append(5)
    first, second = seal_on(ledger, folder), seal_on(ledger, folder)
    await first.flush()
    await second.flush()
    ledger.append(5)
    await first.flush()
    with pytest.raises(CoordinatorError, match="signed already"):
        await second.flush()
    await second.flush()
    assert verified_size(folder) == 10
