"""How long to rest between attempts: twice as long each time, up to a bound."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """The rests of one thing that is tried again and again, in seconds."""

    first_s: float = 0.1
    longest_s: float = 5.0
    steady_s: float = 10.0
    """What held this long was good: after it, the rests are short again."""
    _attempts: int = field(default=0, init=False)

    def next(self, lasted_s: float = 0.0) -> float:
        """Return the next rest, after an attempt that held for `lasted_s`."""
        if lasted_s >= self.steady_s:
            self._attempts = 0
        rest = min(self.first_s * 2.0 ** min(self._attempts, 32), self.longest_s)
        self._attempts += 1
        return rest
