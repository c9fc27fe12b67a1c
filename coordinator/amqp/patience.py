"""What happens while the store is away: the work is kept and tried again, and after a while nothing more is read."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog

from coordinator.amqp.backoff import Backoff
from coordinator.model.errors import StoreUnavailableError

PATIENCE_S: Final = 60.0
_LONGEST_REST_S: Final = 2.0

T = TypeVar("T")


class Patience:
    """Repeats work until the store does it; tells when that takes too long, and when it is over."""

    def __init__(self, patience_s: float, lost: Callable[[], None], regained: Callable[[], None]) -> None:
        """Take how long to wait before `lost` is called; `regained` is called when the store is back after that."""
        self._patience_s = patience_s
        self._lost, self._regained = lost, regained
        self._gave_up = asyncio.Event()
        self.exhausted = False
        self.trouble: str | None = None
        """Why the store did not do the present work."""

    def give_up(self) -> None:
        """Repeat no more: the service stops, and what is not recorded is delivered again."""
        self._gave_up.set()

    async def until_done(self, work: Callable[[], Awaitable[T]]) -> T:
        """Return what the work returns; raises StoreUnavailableError only after `give_up`."""
        loop, backoff = asyncio.get_running_loop(), Backoff(0.05, _LONGEST_REST_S)
        since = loop.time()
        while True:
            try:
                result = await work()
            except StoreUnavailableError as error:
                self._note(str(error), loop.time() - since)
                if self._gave_up.is_set():
                    raise
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(backoff.next()):
                        await self._gave_up.wait()
            else:
                self._done()
                return result

    def _note(self, trouble: str, waited_s: float) -> None:
        if self.trouble is None:
            structlog.get_logger("amqp").warning("store_unavailable", reason=trouble)
        self.trouble = trouble
        if not self.exhausted and waited_s >= self._patience_s:
            self.exhausted = True
            self._lost()

    def _done(self) -> None:
        if self.trouble is not None:
            structlog.get_logger("amqp").info("store_available")
        self.trouble = None
        if self.exhausted:
            self.exhausted = False
            self._regained()
