"""Who read how much of which feed: counted for each caller, and journaled once a minute (`audit.md`)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import structlog

from coordinator.http.principals import Principal
from coordinator.model.errors import StoreUnavailableError
from coordinator.model.feeding import FeedRead, Item

MINUTE_S = 60.0
AT_ONCE = 200
"""Entries of one transaction: those who deliver and receive wait behind it."""


@dataclass(slots=True)
class Reads:
    """What was read since it was journaled last; while the store cannot take it, it is kept, and counts on."""

    record: Callable[[Sequence[FeedRead]], Awaitable[None]]
    _counted: dict[tuple[str, str], FeedRead] = field(init=False, default_factory=dict)

    def note(self, principal: Principal, items: Sequence[Item]) -> None:
        """Count what a caller was shown."""
        if items:
            self._add(FeedRead(principal.agency, principal.subject, len(items), items[0].sequence, items[-1].sequence))

    def _add(self, read: FeedRead) -> None:
        key = (read.agency, read.subject)
        before = self._counted.get(key, read._replace(shown=0))
        first, last = min(before.first, read.first), max(before.last, read.last)
        self._counted[key] = FeedRead(*key, before.shown + read.shown, first, last)

    async def run(self) -> None:
        """Journal it each minute, for ever."""
        while True:
            await asyncio.sleep(MINUTE_S)
            await self.flush()

    async def flush(self) -> None:
        """Journal what was counted; what cannot be written now is counted on."""
        reads, self._counted = list(self._counted.values()), {}
        for start in range(0, len(reads), AT_ONCE):
            try:
                await self.record(reads[start : start + AT_ONCE])
            except StoreUnavailableError as error:
                structlog.get_logger("feed").warning("reads_not_recorded", reason=str(error))
                for read in reads[start : start + AT_ONCE]:
                    self._add(read)
