"""What is counted while the service works: plain numbers, added up once per batch, read when somebody asks."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from coordinator.model.decisions import RefusalCode
from coordinator.model.plan import MessageRow, Plan
from coordinator.model.work import Fate, Line, Receipt, Verdict

BATCH_SIZES = (1, 2, 5, 10, 20, 50, 100, 150, 200)
COMMIT_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)
REQUEST_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30)

_VERDICT = itemgetter(Receipt._fields.index("verdict"))
_TYPE = itemgetter(MessageRow._fields.index("type"))


class Distribution:
    """How often a value fell between which bounds, and the sum of all."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """Take the upper bounds, ascending; what is above the last one is counted too."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count a value; one on a bound belongs under it."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def copy(self) -> "Distribution":
        """As it is now."""
        copied = Distribution(self.bounds)
        copied.counts, copied.total = self.counts[:], self.total
        return copied


def _batches() -> Distribution:
    return Distribution(BATCH_SIZES)


def _commits() -> Distribution:
    return Distribution(COMMIT_S)


@dataclass(slots=True)
class Tally:
    """Counted since the process began; only ever more."""

    batch_size: Distribution = field(default_factory=_batches)
    commit_s: Distribution = field(default_factory=_commits)
    messages: Counter[str] = field(default_factory=Counter)
    """By full type: what was accepted, and the coordinator's own."""
    refused: Counter[RefusalCode] = field(default_factory=Counter)
    duplicates: int = 0
    failed: int = 0
    """Attempts at a message that no step could bear; it is tried again, or set aside."""
    set_aside: int = 0
    published: Counter[tuple[Line, Fate]] = field(default_factory=Counter)
    """By outcome; also those that are tried again."""
    requests: dict[tuple[str, str, str], Distribution] = field(default_factory=dict)
    """HTTP, in seconds, by method, route and status: each from a closed list."""

    def recorded(self, receipts: Collection[Receipt], plan: Plan, commit_s: float) -> None:
        """Count a unit of the walk, or work that is no message, after its commit."""
        self.commit_s.add(commit_s)
        self.set_aside += len(plan.dead)
        if receipts:
            self.batch_size.add(len(receipts))
            self._verdicts(receipts)
        self.messages.update(map(_TYPE, plan.messages))

    def _verdicts(self, receipts: Iterable[Receipt]) -> None:
        verdicts = Counter(map(_VERDICT, receipts))
        self.duplicates += verdicts[Verdict.DUPLICATE]
        if Verdict.REFUSED in verdicts:
            self.refused.update(each.refused.code for each in receipts if each.refused is not None)

    def outcomes(self, line: Line, fates: Sequence[Fate]) -> None:
        """Count how a batch of publishes on one line ended."""
        if fates.count(Fate.CONFIRMED) == len(fates):
            self.published[line, Fate.CONFIRMED] += len(fates)
        else:
            self.published.update((line, fate) for fate in fates)

    def request(self, method: str, route: str, status: str, seconds: float) -> None:
        """Count an answer to a request."""
        key = (method, route, status)
        found = self.requests.get(key)
        if found is None:
            found = self.requests[key] = Distribution(REQUEST_S)
        found.add(seconds)
