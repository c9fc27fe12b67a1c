"""The writer's turn: whatever is raised or cancelled in it, the next turn finds no transaction open."""

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from coordinator.store.connections import FOLD_AFTER, ReaderGate, Writer
from coordinator.store.threads import Threads

GUARD_S = 10.0


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[Writer]:
    file = tmp_path / "store.db"
    with sqlite3.connect(file) as made:
        made.execute("CREATE TABLE noted (what TEXT)")
    made.close()
    opened = Writer(file, ReaderGate())
    yield opened
    await opened.close()


def begin(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")


def note(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO noted VALUES ('something')")


def commit(db: sqlite3.Connection) -> None:
    db.execute("COMMIT")


def noted(db: sqlite3.Connection) -> int:
    (count,) = db.execute("SELECT count(*) FROM noted").fetchone()
    return int(count)


async def whole(writer: Writer) -> None:
    async with writer.turn():
        for step in (begin, note, commit):
            await writer.call(step)


async def count(writer: Writer) -> int:
    """Begin anew, which no connection can that is in a transaction, and count."""
    async with asyncio.timeout(GUARD_S), writer.turn():
        await writer.call(begin)
        return await writer.call(noted)


async def test_what_was_committed_stays_and_what_was_not_is_rolled_back(writer: Writer) -> None:
    await whole(writer)
    assert await count(writer) == 1
    async with writer.turn():
        await writer.call(begin)
        await writer.call(note)
    assert await count(writer) == 1


async def test_a_turn_that_ends_in_a_fault_is_rolled_back(writer: Writer) -> None:
    async def faulty() -> None:
        async with writer.turn():
            await writer.call(begin)
            await writer.call(note)
            await writer.call(lambda _db: 1 // 0)

    with pytest.raises(ZeroDivisionError):
        await faulty()
    assert await count(writer) == 0


@pytest.mark.parametrize("begun_before", [True, False])
async def test_a_call_that_is_cancelled_while_it_works_leaves_no_transaction(
    writer: Writer, *, begun_before: bool
) -> None:
    at_work, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(db: sqlite3.Connection) -> None:
        loop.call_soon_threadsafe(at_work.set)
        go_on.wait(GUARD_S)
        if not db.in_transaction:
            begin(db)
        note(db)

    async def turn() -> None:
        async with writer.turn():
            if begun_before:
                await writer.call(begin)
            await writer.call(slow)

    task = asyncio.create_task(turn())
    async with asyncio.timeout(GUARD_S):
        await at_work.wait()
    task.cancel()
    waiting = asyncio.create_task(count(writer))
    await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await waiting == 0


async def test_a_turn_that_is_cancelled_at_any_moment_is_whole_or_not_there(writer: Writer) -> None:
    before = 0
    for moment in range(60):
        task = asyncio.create_task(whole(writer))
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        after = await count(writer)
        assert after - before in ({1} if outcome is None else {0, 1})
        before = after


async def test_threads_do_in_order_what_they_are_given_and_pass_over_what_was_cancelled() -> None:
    done: list[int] = []
    go_on = threading.Event()
    threads = Threads("test", 1)
    first = threads.begin(go_on.wait, GUARD_S)
    second, third, fourth = (threads.begin(done.append, number) for number in (2, 3, 4))
    third.cancel()
    go_on.set()
    async with asyncio.timeout(GUARD_S):
        await asyncio.gather(first, second, fourth)
    threads.close()
    assert done == [2, 4]


async def test_a_thread_that_nobody_hears_any_more_ends_its_work_all_the_same() -> None:
    done: list[str] = []
    go_on = threading.Event()
    threads = Threads("test", 2)

    def work(what: str) -> None:
        go_on.wait(GUARD_S)
        done.append(what)

    async def ask() -> asyncio.Future[None]:
        return threads.begin(work, "last")

    left = await asyncio.to_thread(lambda: asyncio.run(ask()))  # a loop of its own, which is closed when this returns
    go_on.set()
    await asyncio.to_thread(threads.close)
    assert (left.done(), done) == (False, ["last"])


async def test_while_nobody_waits_the_log_is_folded_into_the_file(writer: Writer, tmp_path: Path) -> None:
    def in_the_file() -> int:
        """What is there without the log."""
        with contextlib.closing(sqlite3.connect(f"file:{tmp_path}/store.db?immutable=1", uri=True)) as file:
            return noted(file)

    for _ in range(FOLD_AFTER):
        assert in_the_file() == 0
        await whole(writer)
    async with writer.turn():
        await writer.call(noted)  # comes after it
    assert in_the_file() == FOLD_AFTER


async def test_while_others_wait_for_the_turn_nothing_is_folded(writer: Writer, tmp_path: Path) -> None:
    await asyncio.gather(*(whole(writer) for _ in range(3 * FOLD_AFTER)))
    assert (tmp_path / "store.db-wal").stat().st_size > 3 * FOLD_AFTER * 4096  # no page of it was used again
    assert await count(writer) == 3 * FOLD_AFTER
