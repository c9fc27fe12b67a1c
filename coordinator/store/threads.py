"""Threads that do the store's work for the event loop, and tell it what came of it."""

import asyncio
import contextlib
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

G = TypeVar("G")
T = TypeVar("T")

Task = tuple["asyncio.Future[Any]", Callable[[Any], Any], Any]  # each with a result and a subject of its own


class Threads:
    """A few threads, begun when they are needed; what is handed over first is begun first.

    An executor would do, but costs the loop's thread three times as much for each call (30 microseconds), and the store
    is called four times for each message that comes alone.
    """

    def __init__(self, name: str, at_most: int) -> None:
        """Begin none yet."""
        self._name = name
        self._at_most = at_most
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self._unfinished = 0

    def begin(self, work: Callable[[G], T], subject: G) -> "asyncio.Future[T]":
        """Hand work over, to be called with a subject; on the loop's thread.

        Cancelling the future does not stop work that was begun: it ends before anything that is handed over later to
        the same thread.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._unfinished += 1
        if len(self._threads) < min(self._unfinished, self._at_most):
            thread = Thread(target=self._serve, name=f"{self._name}-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._tasks.put((future, work, subject))
        return future

    def _serve(self) -> None:
        while (task := self._tasks.get()) is not None:
            future, work, subject = task
            result, error = None, None
            try:
                if not future.cancelled():
                    result = work(subject)
            except BaseException as raised:  # noqa: BLE001  # whatever it is, it is raised where it is awaited
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits
                future.get_loop().call_soon_threadsafe(self._tell, future, result, error)
            del task, future, work, subject, result, error  # nothing is kept alive by a thread that waits

    def _tell(self, future: "asyncio.Future[Any]", result: object, error: BaseException | None) -> None:
        self._unfinished -= 1
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    def close(self) -> None:
        """Wait until everything that was handed over is done, and end the threads."""
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()
