"""What callers were refused for: told in the log at once, and journaled as counts once a minute (`audit.md`)."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from coordinator.model.access import SignInFailures, TokenFlaw
from coordinator.model.errors import StoreUnavailableError

MINUTE_S: Final = 60.0
_TELL_EVERY_S: Final = 10.0


@dataclass(slots=True)
class Flood:
    """Counts what strangers are refused for, and says it in a line now and then: a flood of them fills no log."""

    clock: Callable[[], float] = time.monotonic
    _counted: Counter[str] = field(default_factory=Counter, init=False)
    _told: float = field(default=float("-inf"), init=False)

    def count(self, flaw: TokenFlaw) -> None:
        """Count one; the first is told at once."""
        self._counted[flaw.value] += 1
        now = self.clock()
        if now - self._told >= _TELL_EVERY_S:
            self._told = now
            self.tell()

    def tell(self) -> None:
        """Tell what is counted, and begin anew."""
        if self._counted:
            structlog.get_logger("http").warning("sign_in_refused", **self._counted)
            self._counted.clear()


@dataclass(slots=True)
class SignIns:
    """What was refused since it was journaled last: a number for each agency and reason, however many there are.

    While the store cannot take it, it is kept, and counts on.
    """

    record: Callable[[Sequence[SignInFailures]], Awaitable[None]]
    _counted: dict[str | None, Counter[TokenFlaw]] = field(init=False, default_factory=dict)

    def note(self, flaw: TokenFlaw, agency: str | None) -> None:
        """Count one; `agency` only where a good signature proved it, and the directory has it."""
        self._counted.setdefault(agency, Counter())[flaw] += 1

    async def run(self) -> None:
        """Journal it each minute, for ever."""
        while True:
            await asyncio.sleep(MINUTE_S)
            await self.flush()

    async def flush(self) -> None:
        """Journal what was counted in one transaction; what cannot be written now is counted on."""
        counted, self._counted = self._counted, {}
        if not counted:
            return
        try:
            await self.record([SignInFailures(agency, counts) for agency, counts in counted.items()])
        except StoreUnavailableError as error:
            structlog.get_logger("http").warning("sign_ins_not_recorded", reason=str(error))
            for agency, counts in counted.items():
                self._counted.setdefault(agency, Counter()).update(counts)
