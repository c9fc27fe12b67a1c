"""Outcomes of deliveries on their way into the journal: they ride with a transaction that there is anyway."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from coordinator.model.errors import StoreUnavailableError
from coordinator.model.work import Settlement

SETTLE_AFTER_S = 0.02

Waiting = tuple[Sequence[Settlement], "asyncio.Future[None]"]


@dataclass(slots=True)
class Outcomes:
    """What waits for a transaction to ride with, and who waits for it."""

    _owing: list[Waiting] = field(init=False, default_factory=list)
    _recording: int = field(init=False, default=0)
    """Batches that are being recorded."""
    _recorded: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """A batch is being recorded: what waits goes with it, or with the one after it."""
        self._recording += 1
        try:
            yield
        finally:
            self._recording -= 1
            self._recorded.set()

    @contextmanager
    def riding(self) -> Iterator[list[Settlement]]:
        """Give what waits to a transaction: it is durable when the block ends, and waits again when it raises."""
        riding, self._owing = self._owing, []
        try:
            yield [settlement for settlements, _ in riding for settlement in settlements]
        except BaseException:
            self._owing = riding + self._owing
            raise
        for _, durable in riding:
            if not durable.done():
                durable.set_result(None)

    async def wait_for(self, settlements: Sequence[Settlement], alone: Callable[[], Awaitable[None]]) -> None:
        """Return when they are durable; `alone` makes a transaction for them when no batch comes.

        Raises `StoreUnavailableError` when that cannot be done now: they do not wait any more then.
        """
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = (settlements, durable)
        self._owing.append(waiting)
        await asyncio.sleep(SETTLE_AFTER_S)
        while self._recording and not durable.done():
            self._recorded.clear()
            await self._recorded.wait()
        if not durable.done():
            try:
                await alone()
            except StoreUnavailableError:
                if not durable.done():
                    # Who hears of it hands them in again: what still waited here would be entered twice.
                    self._owing.remove(waiting)
                    raise
        await durable
