"""One call to publish: the outcomes of its dispatches, told together when all are there or the time is up."""

from asyncio import TimerHandle
from collections.abc import Callable, Sequence

from coordinator.amqp.window import Pending
from coordinator.model.work import Fate


class Payment:
    """What one caller waits for; costs no task and no turn of the loop."""

    __slots__ = ("_open", "_tell", "_timer", "entered")

    def __init__(self, entered: Sequence[Pending], tell: Callable[[Sequence[Fate]], None]) -> None:
        """Wait for each; `tell` gets the outcomes in the order given, once, perhaps before this returns."""
        self.entered = entered
        self._tell: Callable[[Sequence[Fate]], None] | None = tell
        self._timer: TimerHandle | None = None
        self._open = 1
        for pending in entered:
            pending.callers += 1
            if not pending.done():
                self._open += 1
                pending.listen(self._answered)
        self._answered(None)

    def limit(self, timer: TimerHandle) -> None:
        """Take the timer that ends the waiting, to cancel it when it is not needed."""
        if self._tell is None:
            timer.cancel()
        else:
            self._timer = timer

    def end(self) -> None:
        """Wait no longer: what is not answered is unknown."""
        tell = self._tell
        if tell is not None:
            self.leave()
            tell([pending.fate() for pending in self.entered])

    def leave(self) -> None:
        """Wait no longer, and tell nobody."""
        if self._tell is None:
            return
        self._tell = None
        if self._timer is not None:
            self._timer.cancel()
        for pending in self.entered:
            pending.leave()

    def _answered(self, _: Pending | None) -> None:
        self._open -= 1
        if not self._open:
            self.end()
