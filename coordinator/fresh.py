"""What was committed a moment ago goes from memory: the deliveries that need no look into the store before they go."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from coordinator.model.plan import DispatchRow, MessageRow, Plan
from coordinator.model.work import Dispatch, Leased, Line

STILL_OURS_MS = 15_000
"""How long the lease of a line must last for a delivery to go from memory: it may wait here for a while."""


@dataclass(slots=True)
class Fresh:
    """Knows on which lines nothing that was never handed out waits in the store.

    Such a line is level: what a plan owes on it is next, and its order is kept. Whatever goes otherwise (a line in
    trouble, too much in memory, a transaction that was not ours) costs the line that, until a look into the store has
    shown that everything was handed out.
    """

    _until_ms: dict[Line, int] = field(init=False, default_factory=dict)
    """Up to when a line is leased by us, as the last look that had something of it showed."""
    _level: set[Line] = field(init=False, default_factory=set)
    _looks: int = field(init=False, default=0)
    """How many looks into the store were begun."""
    _missed: dict[Line, int] = field(init=False, default_factory=dict)
    """By line: how many looks were begun when something of it was left. Only a later one can show that it is level."""
    _missed_of_any: int = field(init=False, default=0)
    _next: int = field(init=False, default=0)
    """The key that the next delivery has if all transactions were ours."""

    def take(self, plan: Plan, now_ms: int, may_go: Callable[[Line], bool]) -> tuple[list[Dispatch], bool]:
        """Return what of a plan goes from memory, in its order, and whether a look into the store is needed.

        Plans come in the order of their commits. `may_go` tells whether a line can take more now.
        """
        self._notice_others(plan)
        contents = {row.key: row for row in plan.messages}
        taken: list[Dispatch] = []
        may: dict[Line, bool] = {}
        for row in plan.dispatches:
            line = Line(row.recipient, row.lane)
            content = contents.get(row.message)
            goes = may.get(line)
            if goes is None:
                goes = may[line] = self._is_level(line, now_ms) and may_go(line)
            if goes and content is not None:
                taken.append(dispatch_of(row, content))
            else:
                may[line] = False
        missed = [line for line, goes in may.items() if not goes]
        for line in missed:
            self.miss(line)
        return taken, bool(missed or plan.owed_again or plan.released or plan.replaced)

    def miss(self, line: Line) -> None:
        """Say that something of a line was not handed out, or must go before what is new."""
        self._level.discard(line)
        self._missed[line] = self._looks

    def look(self) -> None:
        """Say that a look into the store begins."""
        self._looks += 1

    def looked(self, leased: Leased) -> None:
        """Learn from a look into the store which lines are level again."""
        self._until_ms.update(leased.until_ms)
        for line in leased.whole:
            if self._looks > max(self._missed.get(line, 0), self._missed_of_any):
                self._level.add(line)

    def _notice_others(self, plan: Plan) -> None:
        """A gap in the keys: somebody else wrote deliveries, and nobody knows on which lines."""
        if plan.head.dispatch - len(plan.dispatches) != self._next:
            self._level.clear()
            self._missed_of_any = self._looks
        self._next = plan.head.dispatch

    def _is_level(self, line: Line, now_ms: int) -> bool:
        return line in self._level and self._until_ms.get(line, 0) > now_ms + STILL_OURS_MS


def dispatch_of(row: DispatchRow, content: MessageRow) -> Dispatch:
    """A delivery with its content, from the rows of a plan."""
    return Dispatch(
        key=row.key,
        id=row.id,
        recipient=row.recipient,
        lane=row.lane,
        sequence=row.sequence,
        type=content.type,
        event_id=content.id,
        sender=content.agency,
        source=content.source,
        body=content.body,
        recorded=row.recorded,
        attempts=0,
        agreement=row.agreement,
        correlation=content.correlation,
        jws=content.jws,
    )


def in_order(taken: Sequence[Dispatch]) -> dict[Line, list[Dispatch]]:
    """Deliveries by their lines."""
    lines: dict[Line, list[Dispatch]] = {}
    for each in taken:
        lines.setdefault(Line(each.recipient, each.lane), []).append(each)
    return lines
