"""The seal may end at any step; what is published is true at each, and the same in the end."""

import asyncio
import shutil
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from coordinator.journal.checkpoint import Sealed
from coordinator.journal.tiles import Tile
from coordinator.seal import Seal
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


class Killed(BaseException):
    """The process ends here."""


class _Fuse:
    """Ends the process before or after the step with this number."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    @contextmanager
    def step(self) -> Iterator[None]:
        self._burn()
        yield
        self._burn()

    def _burn(self) -> None:
        if not self.left:
            raise Killed
        self.left -= 1


class _FusedLedger(Journal):
    def __init__(self, path: Path, fuse: _Fuse) -> None:
        super().__init__(path)
        self.fuse = fuse

    async def persist(self, sealed: Sealed, tiles: Sequence[Tile]) -> None:
        with self.fuse.step():
            await super().persist(sealed, tiles)


class _FusedFolder(PublishedDirectory):
    def __init__(self, root: Path, fuse: _Fuse) -> None:
        super().__init__(root)
        self.fuse = fuse

    def put(self, path: str, content: bytes) -> None:
        with self.fuse.step():
            super().put(path, content)


async def _sealed_until_the_fuse_blows(store: Path, folder: Path, steps: int) -> bool:
    """Whether it came through."""
    fuse = _Fuse(steps)
    async with _FusedLedger(store, fuse) as ledger:
        try:
            await Seal(ledger, _FusedFolder(folder, fuse), KEY, now=lambda: NOW).flush()
        except Killed:
            return False
    return True


@pytest.mark.parametrize("sizes", [(300, 600), (0, 1), (255, 256), (250, 520)])
async def test_killed_between_any_two_steps_it_publishes_the_same_in_the_end(
    tmp_path: Path, sizes: tuple[int, int]
) -> None:
    before, after = tmp_path / "before.sqlite", tmp_path / "expected"
    async with Journal(before) as ledger:
        ledger.append(sizes[0])
        await seal_on(ledger, tmp_path / "start").flush()
        ledger.append(sizes[1] - sizes[0])
    shutil.copytree(tmp_path / "start", after)
    assert await _sealed_until_the_fuse_blows(Path(shutil.copy(before, tmp_path / "sound.sqlite")), after, 10_000)
    steps = 0
    came_through = False
    while not came_through:
        store, folder = tmp_path / f"{steps}.sqlite", tmp_path / str(steps)
        shutil.copy(before, store)
        shutil.copytree(tmp_path / "start", folder)
        came_through = await _sealed_until_the_fuse_blows(store, folder, steps)
        # Whatever is published in the meantime is true, for the old checkpoint or the new one.
        assert verified_size(folder) in sizes
        assert await _sealed_until_the_fuse_blows(store, folder, 10_000)
        assert files(folder) == files(after)
        steps += 1
    assert steps >= 2 * 3


async def test_a_journal_that_grew_after_a_crash_is_published_whole(tmp_path: Path) -> None:
    for steps in range(0, 14, 3):
        store, folder = tmp_path / f"{steps}.sqlite", tmp_path / str(steps)
        async with Journal(store) as ledger:
            ledger.append(200)
            await seal_on(ledger, folder).flush()
            older = (folder / "checkpoint").read_bytes()
            ledger.append(90)
        await _sealed_until_the_fuse_blows(store, folder, steps)
        async with Journal(store) as ledger:
            ledger.append(300)
            await seal_on(ledger, folder).flush()
        assert verified_size(folder, older) == 590


async def test_cancelled_while_it_writes_it_goes_on_where_it_was(ledger: Journal, folder: Path) -> None:
    ledger.append(600)
    archive = Observed(folder)
    seal = Seal(ledger, archive, KEY, now=lambda: NOW)
    async with asyncio.timeout(GUARD_S):
        for _ in range(40):
            task = asyncio.create_task(seal.flush())
            for _ in range(3):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
        await seal.flush()
    assert verified_size(folder) == 600


async def test_a_checkpoint_that_was_cancelled_never_comes_after_a_later_one(ledger: Journal, folder: Path) -> None:
    class Slow(Observed):
        begun = asyncio.Event()
        go_on = threading.Event()

        def put(self, path: str, content: bytes) -> None:
            if path == "checkpoint" and not self.begun.is_set():
                self.loop.call_soon_threadsafe(self.begun.set)
                self.go_on.wait(GUARD_S)
            super().put(path, content)

    archive = Slow(folder)
    seal = Seal(ledger, archive, KEY, now=lambda: NOW)
    first = asyncio.create_task(seal.flush())
    await archive.begun.wait()
    first.cancel()
    ledger.append(5)
    second = asyncio.create_task(seal.flush())
    # The first one still holds its turn. Were it not so, the second would be through by now.
    done, _ = await asyncio.wait({second}, timeout=0.1)
    assert not done
    archive.go_on.set()
    async with asyncio.timeout(GUARD_S):
        await second
    assert verified_size(folder) == 5
