"""One line while it is being paid: what waits, what is in flight, and how its batches fared."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from coordinator.model.work import Dispatch, Fate, Line, Settlement

IN_FLIGHT = 32
"""Publishes on one line that wait for their outcomes. With more, a quorum queue that does not answer stops the whole
channel, and so everybody (RabbitMQ's `quorum_commands_soft_limit`)."""


@dataclass(slots=True)
class Paying:
    """One line while it is being paid."""

    line: Line
    owed: deque[Dispatch] = field(default_factory=deque)
    """Leased, and not handed to the publisher yet."""
    epoch: int = 0
    until: float = 0.0
    """The moment, on the loop's clock, up to which `owed` may begin to go."""
    in_flight: int = 0
    halted: int = 0
    """Batches with another outcome than confirmed, whose settlement is not durable yet."""
    passed_over: bool = False
    """Whether more may have become due while it was not looked at."""

    @property
    def busy(self) -> bool:
        """Whether it has all that it can do with now."""
        return bool(self.owed) or self.halted > 0 or self.in_flight >= IN_FLIGHT


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcomes of a batch on one line, in its order."""

    paying: Paying
    epoch: int
    """In which it was leased."""
    batch: Sequence[Dispatch]
    fates: Sequence[Fate]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a batch on one line fared, until that is settled."""

    paying: Paying
    epoch: int
    settlements: Sequence[Settlement]
    halts: bool
    """What failed must be seen as such before the line is leased again: it comes before what is new."""
