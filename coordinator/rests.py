"""When a line in trouble is tried again: it rests twice as long each time, and one delivery ends that."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from coordinator.model.work import Fate, Line

FIRST_REST_S = 0.5
LONGEST_REST_S = 60.0
_DOUBLINGS = 20
"""More would not fit into a float, and is beyond the longest rest at any sensible beginning."""


@dataclass(slots=True)
class Rests:
    """The lines in back-off. Moments are seconds on one clock that only goes forward."""

    first_s: float = FIRST_REST_S
    _rests: dict[Line, tuple[int, float]] = field(init=False, default_factory=dict)
    """By line: how often in a row it was refused, and until when it rests."""

    def pause_s(self, times: int) -> float:
        """How many seconds pass before the next attempt, after so many in vain before this one."""
        pause: float = min(self.first_s * 2 ** min(times, _DOUBLINGS), LONGEST_REST_S)
        return pause

    def note(self, line: Line, fates: Iterable[Fate], now: float) -> float:
        """Note how publishes on a line fared, and return for how many seconds it rests: 0 when it does not.

        It rests only when nothing was delivered. What can never be sent says nothing about the line. A queue that does
        not answer has been waited for already: its rest is short, however often.
        """
        fared = set(fates) - {Fate.UNSENDABLE}
        if Fate.CONFIRMED in fared:
            self._rests.pop(line, None)
        if Fate.CONFIRMED in fared or not fared:
            return 0.0
        times, _ = self._rests.get(line, (0, 0.0))
        refused = fared != {Fate.UNKNOWN}
        pause = self.pause_s(times if refused else 0)
        self._rests[line] = (times + refused, now + pause)
        return pause

    def resting(self, now: float) -> frozenset[Line]:
        """The lines that rest now. One that nobody has tried again for long begins anew."""
        for line in [line for line, (_, until) in self._rests.items() if until + LONGEST_REST_S < now]:
            del self._rests[line]
        return frozenset(line for line, (_, until) in self._rests.items() if until > now)

    def next_end_s(self, now: float) -> float | None:
        """In how many seconds the next rest ends; None while no line rests."""
        return min((until - now for _, until in self._rests.values() if until > now), default=None)
