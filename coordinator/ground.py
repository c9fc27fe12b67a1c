"""Withdraws deliveries that lost their ground before they went: judged when leased, and wherever they wait."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from coordinator import chores
from coordinator.intake import Intake
from coordinator.model.plan import Ask
from coordinator.model.policy import Agreement, Policy
from coordinator.model.work import Dispatch, Withdrawal
from coordinator.ports import Store
from coordinator.steps import authorise

PAGE = 500
AT_ONCE = 50
"""Withdrawals in one transaction: those who deliver and receive wait behind it."""


@dataclass(slots=True)
class Ground:
    """Judges again what relies on an agreement (`domain.md`, *Delivery*), because time passes before it goes.

    What waits longest is leased last: a line in trouble, a parked delivery. So once for every change of agreements, and
    when one ends by its term, all that is undelivered under it is looked through, a page at a time.
    """

    store: Store
    intake: Intake
    clock: Callable[[], datetime]
    epoch: int = field(init=False, default=0)
    """Moves when agreements do: what was judged in an earlier one is judged again before it goes."""
    _policy: Policy | None = field(init=False, default=None)
    _noticed: int = field(init=False, default=-1)
    _holding: Mapping[str, Agreement] | None = field(init=False, default=None)
    _next_end: datetime | None = field(init=False, default=None)
    _left: tuple[frozenset[str] | None, int] | None = field(init=False, default=None)
    """Of what agreements, all when it is None, and after what key there may be more to look through."""

    async def lost(self, due: Iterable[Dispatch], version: int) -> list[Dispatch]:
        """Which of these may not go any more, by the policy of that version or a newer one."""
        relying = [each for each in due if each.agreement is not None]
        if not relying:
            return []
        policy, now = await self._newest(version), self.clock()
        return [each for each in relying if not authorise.still_grounded(each, now, policy)]

    async def withdraw(self, lost: Sequence[Dispatch]) -> None:
        """Put stubs in their places and tell the senders; whatever was delivered or withdrawn meanwhile is left."""
        log = structlog.get_logger("relay")
        for start in range(0, len(lost), AT_ONCE):
            part = lost[start : start + AT_ONCE]
            work = chores.withdraw([Withdrawal(each, each.sender) for each in part])
            await self.intake.chore(Ask(dispatches=tuple(each.key for each in part)), work)
            for each in part:
                log.info("withdrawn", dispatch=each.id, recipient=each.recipient, sequence=each.sequence)

    async def sweep(self, version: int, in_flight: Collection[int]) -> bool:
        """Look through one page of what is undelivered under agreements that changed; whether there may be more.

        What is in flight is beyond recall; should it come back, it is leased and judged again.
        """
        policy = await self._newest(max(version, self.intake.policy.version))
        self._notice(policy)
        if self._left is None:
            return False
        ended, after = self._left
        page = await self.store.relying(ended, after, PAGE)
        now = self.clock()
        waiting = [each for each in page if each.key not in in_flight]
        await self.withdraw([each for each in waiting if not authorise.still_grounded(each, now, policy)])
        self._left = (ended, page[-1].key) if len(page) == PAGE else None
        return self._left is not None

    def look_again(self) -> None:
        """Look through everything once more: something was in flight while agreements changed, and is parked now."""
        self._begin(None)

    async def _newest(self, version: int) -> Policy:
        if self._policy is None or self._policy.version < version:
            self._policy = await self.store.policy()
        return self._policy

    def _notice(self, policy: Policy) -> None:
        """Begin to look through what relies on agreements that held when we last looked, and do not now."""
        now = self.clock()
        if policy.version == self._noticed and (self._next_end is None or now < self._next_end):
            return
        holding = {each.id: each for each in policy.agreements.values() if each.holds_at(now)}
        before, self._holding = self._holding, holding
        self._noticed = policy.version
        self._next_end = min((each.terms.expires for each in holding.values()), default=None)
        if before is None:
            self._begin(None)
        elif ended := frozenset(each for each, held in before.items() if holding.get(each) != held):
            self._begin(ended)

    def _begin(self, ended: frozenset[str] | None) -> None:
        self.epoch += 1
        if self._left is not None:
            unfinished, _ = self._left
            ended = None if ended is None or unfinished is None else ended | unfinished
        self._left = (ended, 0)
