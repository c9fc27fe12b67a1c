"""Pays what is owed: lease, publish, confirm, settle; backs off from lines in trouble and parks what cannot go."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from coordinator import chores
from coordinator.intake import Intake
from coordinator.model.errors import StoreUnavailableError
from coordinator.model.plan import Ask
from coordinator.model.policy import Policy
from coordinator.model.work import Dispatch, Fate, Lease, Line, Settlement, Withdrawal
from coordinator.ports import Publisher, Store
from coordinator.steps import authorise

POLL_S = 1.0
LEASE_MS = 30_000
PER_LINE = 200
PER_ROUND = 1_000
MAX_IN_FLIGHT = 4_000
FIRST_REST_S = 0.5
LONGEST_REST_S = 60.0
PARK_AFTER = 20
"""Attempts that the recipient's queue refused or that found no queue; about a quarter of an hour."""


@dataclass(frozen=True, slots=True)
class RelayStatus:
    """How the relay is doing, for readiness and metrics."""

    in_flight: int
    resting: tuple[Line, ...]
    last_round: datetime | None


@dataclass(slots=True)
class Relay:
    """Delivers to every recipient's queue at least once, each line in order, none waiting for another."""

    store: Store
    publisher: Publisher
    intake: Intake
    clock: Callable[[], datetime]
    owner: str
    """Names this process in leases."""
    park_after: int = PARK_AFTER
    first_rest_s: float = FIRST_REST_S
    _woken: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _cursors: dict[Line, int] = field(init=False, default_factory=dict)
    _in_flight: set[int] = field(init=False, default_factory=set)
    _rests: dict[Line, tuple[int, float]] = field(init=False, default_factory=dict)
    """By line: how often in a row, and until when on the loop's clock."""
    _policy: Policy | None = field(init=False, default=None)
    _last_round: datetime | None = field(init=False, default=None)
    _idle: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def wake(self) -> None:
        """Something new is owed."""
        self._woken.set()

    def status(self) -> RelayStatus:
        """How the relay is doing."""
        return RelayStatus(len(self._in_flight), tuple(self._rests), self._last_round)

    async def run(self) -> None:
        """Pay for ever; a lost wake-up costs a second and nothing else."""
        async with asyncio.TaskGroup() as settling:
            while True:
                try:
                    paid = await self._round(settling)
                    self._last_round = self.clock()
                except StoreUnavailableError as error:
                    structlog.get_logger("relay").warning("store_unavailable", reason=str(error))
                    paid = 0
                if not paid:
                    if not self._in_flight:
                        self._idle.set()
                    await self._wait()

    async def drain(self) -> None:
        """Return when nothing more is due and nothing is in flight; lines in trouble are not waited for."""
        self._idle.clear()
        self.wake()
        await self._idle.wait()

    async def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        soonest = min((until - loop.time() for _, until in self._rests.values()), default=POLL_S)
        try:
            async with asyncio.timeout(min(POLL_S, max(soonest, 0.01))):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()

    async def _round(self, settling: asyncio.TaskGroup) -> int:
        """Lease what is due, check that it may still go, publish it, and settle in the background."""
        await self.publisher.ready()
        leased = await self.store.lease(self._lease())
        due = [each for each in leased.dispatches if each.key not in self._in_flight][:PER_ROUND]
        if not due:
            return 0
        self._idle.clear()
        lost = await self._without_ground(due, leased.policy_version)
        if lost:
            await self._withdraw(lost)
            return len(lost)
        for each in due:
            self._in_flight.add(each.key)
            line = Line(each.recipient, each.lane)
            self._cursors[line] = max(each.sequence, self._cursors.get(line, 0))
        try:
            fates = await self.publisher.publish(due)
        except BaseException:
            self._in_flight.difference_update(each.key for each in due)
            raise
        settling.create_task(self._settle(due, fates))
        return len(due)

    def _lease(self) -> Lease:
        now_ms = int(self.clock().timestamp() * 1000)
        now = asyncio.get_running_loop().time()
        resting = frozenset(line for line, (_, until) in self._rests.items() if until > now)
        limit = PER_LINE if len(self._in_flight) < MAX_IN_FLIGHT else 0
        return Lease(self.owner, now_ms, now_ms + LEASE_MS, limit, self._cursors, resting)

    async def _without_ground(self, due: Iterable[Dispatch], version: int) -> list[Dispatch]:
        """What relied on an agreement that no longer holds; judged again because time passes between the two."""
        relying = [each for each in due if each.agreement is not None]
        if not relying:
            return []
        if self._policy is None or self._policy.version != version:
            self._policy = await self.store.policy()
        now, policy = self.clock(), self._policy
        return [each for each in relying if not authorise.still_grounded(each, now, policy)]

    async def _withdraw(self, lost: Sequence[Dispatch]) -> None:
        work = chores.withdraw([Withdrawal(each, each.sender) for each in lost])
        await self.intake.chore(Ask(dispatches=tuple(each.key for each in lost)), work)
        log = structlog.get_logger("relay")
        for each in lost:
            log.info("withdrawn", dispatch=each.id, recipient=each.recipient, sequence=each.sequence)

    async def _settle(self, paid: Sequence[Dispatch], fates: Sequence[Fate]) -> None:
        """Hand the outcomes to intake; what was not confirmed comes again under the same dispatch id."""
        settlements = [self._settlement(each, fate) for each, fate in zip(paid, fates, strict=True)]
        self._rest(paid, fates)
        while True:
            try:
                await self.intake.settle(settlements)
                break
            except StoreUnavailableError:
                await asyncio.sleep(POLL_S)
        self._in_flight.difference_update(each.key for each in paid)
        if not self._idle.is_set() or any(fate is not Fate.CONFIRMED for fate in fates):
            self.wake()

    def _settlement(self, dispatch: Dispatch, fate: Fate) -> Settlement:
        match fate:
            case Fate.CONFIRMED:
                return Settlement(dispatch.key, dispatch.id, fate, dispatch.attempts)
            case Fate.UNKNOWN:
                # Not the recipient's fault and perhaps delivered: it is sent again, and never parked for this.
                attempts = max(1, dispatch.attempts)
                return Settlement(dispatch.key, dispatch.id, fate, attempts, news=dispatch.attempts == 0)
            case Fate.RETURNED | Fate.NACKED:
                attempts = dispatch.attempts + 1
                park = attempts >= self.park_after
                return Settlement(dispatch.key, dispatch.id, fate, attempts, park=park, news=dispatch.attempts == 0)

    def _rest(self, paid: Sequence[Dispatch], fates: Sequence[Fate]) -> None:
        """A line in trouble rests, twice as long each time; one delivery ends that."""
        now = asyncio.get_running_loop().time()
        outcome: dict[Line, set[Fate]] = {}
        for each, fate in zip(paid, fates, strict=True):
            outcome.setdefault(Line(each.recipient, each.lane), set()).add(fate)
        for line, fared in outcome.items():
            if fared <= {Fate.CONFIRMED}:
                self._rests.pop(line, None)
                continue
            times, _ = self._rests.get(line, (0, 0.0))
            rest = min(self.first_rest_s * 2**times, LONGEST_REST_S)
            self._rests[line] = (times + 1, now + rest)
            structlog.get_logger("relay").warning(
                "line_rests", agency=line.agency, lane=line.lane.value, seconds=rest, outcomes=sorted(fared)
            )
