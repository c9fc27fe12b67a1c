"""Pays what is owed: lease, publish, confirm, settle; each line at its own pace, and what cannot go is parked."""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from coordinator.fresh import Fresh, in_order
from coordinator.ground import Ground
from coordinator.intake import Intake
from coordinator.model.errors import StoreUnavailableError
from coordinator.model.plan import Plan
from coordinator.model.work import Dispatch, Fate, Lease, Line, Settlement
from coordinator.paying import IN_FLIGHT, Answer, Outcome, Paying
from coordinator.ports import Publisher, Store
from coordinator.rests import Rests

POLL_S = 1.0
LEASE_MS = 30_000
FRESH_S = 10.0
"""How long what was leased may begin to go: after that it is leased, and judged, again."""
PER_LINE = 200
IN_MEMORY = 4_000
"""Deliveries that are leased and not settled yet, on all lines together."""
PARK_AFTER = 20
"""Attempts that the recipient's queue refused or that found no queue; about a quarter of an hour."""
WELL = frozenset({Fate.CONFIRMED, Fate.UNSENDABLE})
"""Outcomes after which a line goes on at once."""


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
    rests: Rests = field(default_factory=Rests)
    _ground: Ground = field(init=False)
    _woken: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _answered: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _unsettled: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _idle: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _fresh: Fresh = field(init=False, default_factory=Fresh)
    _cursors: dict[Line, int] = field(init=False, default_factory=dict)
    """By line: the last sequence that was taken for the first time."""
    _paying: dict[Line, Paying] = field(init=False, default_factory=dict)
    _in_flight: set[int] = field(init=False, default_factory=set)
    """Keys of what was handed to the publisher, until it is settled."""
    _settled_meanwhile: set[int] = field(init=False, default_factory=set)
    """Keys of what was settled since the store was asked last: its answer may be older."""
    _answers: deque[Answer] = field(init=False, default_factory=deque)
    _outcomes: list[Outcome] = field(init=False, default_factory=list)
    """Not settled yet."""
    _version: int = field(init=False, default=-1)
    _last_round: datetime | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Judge by the same clock and store."""
        self._ground = Ground(self.store, self.intake, self.clock)

    def wake(self) -> None:
        """Something new is owed."""
        self._woken.set()

    def heed(self, plan: Plan) -> None:
        """Pay what was committed from memory where nothing comes before it, and look at once for the rest."""
        taken, missed = self._fresh.take(plan, self._now_ms(), self._may_go())
        # A look into the store may have seen the commit, and been answered, before we hear of it.
        lines = in_order([each for each in taken if not self._is_taken(each)])
        self._begin(lines, self._ground.epoch, lines)
        if missed or plan.agreement_words or plan.credential_words:
            self.wake()

    def status(self) -> RelayStatus:
        """How the relay is doing now."""
        resting = self.rests.resting(asyncio.get_running_loop().time())
        return RelayStatus(len(self._in_flight), tuple(resting), self._last_round)

    async def run(self) -> None:
        """Pay for ever; a lost wake-up costs a second and nothing else."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hear_for_ever(), name="relay-hearing")
            group.create_task(self._settle_for_ever(), name="relay-settling")
            while True:
                try:
                    begun = await self._round()
                    self._last_round = self.clock()
                except StoreUnavailableError as error:
                    structlog.get_logger("relay").warning("store_unavailable", reason=str(error))
                    begun = 0
                if not (begun or self._paying or self._in_flight):
                    self._idle.set()
                await self._wait()

    async def drain(self) -> None:
        """Return when nothing more is due and nothing is in flight; lines in trouble are not waited for."""
        self._idle.clear()
        self.wake()
        await self._idle.wait()

    async def _wait(self) -> None:
        next_end = self.rests.next_end_s(asyncio.get_running_loop().time())
        try:
            async with asyncio.timeout(POLL_S if next_end is None else min(POLL_S, next_end)):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()

    # --- a round: what is due on the lines that can take it ---

    async def _round(self) -> int:
        """Lease what is due, check that it may still go, and begin to pay each line; return how many were begun."""
        if await self._ground.sweep(self._version, self._in_flight):
            self.wake()
        if not await self._can_publish():
            return 1  # there may be something due
        epoch = self._ground.epoch
        self._settled_meanwhile.clear()
        self._fresh.look()
        leased = await self.store.lease(self._lease())
        self._version = leased.policy_version
        due = [each for each in leased.dispatches if not self._is_taken(each)]
        if lost := await self._ground.lost(due, leased.policy_version):
            await self._ground.withdraw(lost)
            self.wake()  # the stubs are leased in their places
            return len(lost)
        self._fresh.looked(leased)
        return self._begin(in_order(due), epoch, leased.whole)

    def _is_taken(self, dispatch: Dispatch) -> bool:
        """Whether it is in memory, or went from there, since the store was asked."""
        if dispatch.key in self._in_flight or dispatch.key in self._settled_meanwhile:
            return True
        line = Line(dispatch.recipient, dispatch.lane)
        return dispatch.attempts == 0 and dispatch.sequence <= self._cursors.get(line, 0)

    def _may_go(self) -> Callable[[Line], bool]:
        """Tell of lines whether they can take what was just committed."""
        waiting = sum(len(each.owed) for each in self._paying.values())
        room = self.publisher.is_ready() and len(self._in_flight) + waiting < IN_MEMORY

        def may_go(line: Line) -> bool:
            paying = self._paying.get(line)
            return room and (paying is None or (len(paying.owed) < PER_LINE and not paying.halted))

        return may_go

    async def _can_publish(self) -> bool:
        """Whether a publish can be written now; waits for it a while, but not so long that nothing else is judged."""
        if self.publisher.is_ready():
            return True
        try:
            async with asyncio.timeout(POLL_S):
                await self.publisher.ready()
        except TimeoutError:
            self.wake()
            return False
        return True

    def _lease(self) -> Lease:
        now_ms = self._now_ms()
        busy = [each for each in self._paying.values() if each.busy]
        for each in busy:
            each.passed_over = True
        closed = self.rests.resting(asyncio.get_running_loop().time()) | {each.line for each in busy}
        waiting = sum(len(each.owed) for each in busy)
        room = max(0, IN_MEMORY - len(self._in_flight) - waiting)
        limit = PER_LINE if room else 0
        return Lease(self.owner, now_ms, now_ms + LEASE_MS, limit, self._cursors, frozenset(closed), room)

    def _begin(self, due: Mapping[Line, Sequence[Dispatch]], epoch: int, whole: Collection[Line]) -> int:
        """Begin to pay what was leased, or just committed; return on how many lines. Of those in `whole` it is all."""
        until = asyncio.get_running_loop().time() + FRESH_S
        for line, dispatches in due.items():
            paying = self._paying.setdefault(line, Paying(line))
            if not paying.owed:
                paying.epoch, paying.until = epoch, until
            paying.owed += dispatches
            paying.passed_over = paying.passed_over or line not in whole
            self._cursors[line] = max(self._cursors.get(line, 0), *(each.sequence for each in dispatches))
            self._go_on(paying)
        return len(due)

    # --- a line: a few at a time, in order ---

    def _go_on(self, paying: Paying) -> None:
        """Hand over what there is room for; a line that has nothing left is forgotten, or looked at again."""
        if paying.owed and not paying.halted:
            if asyncio.get_running_loop().time() > paying.until or paying.epoch != self._ground.epoch:
                self._drop(paying)
            else:
                self._hand_over(paying)
        if not paying.busy and paying.passed_over:
            paying.passed_over = False
            self.wake()
        if not (paying.owed or paying.in_flight or paying.halted):
            self._paying.pop(paying.line, None)
            if not self._idle.is_set():
                self.wake()

    def _drop(self, paying: Paying) -> None:
        """What has not gone is leased again."""
        if not paying.owed:
            return
        line, first = paying.line, [each.sequence for each in paying.owed if each.attempts == 0]
        if first:
            self._cursors[line] = min(self._cursors[line], min(first) - 1)
        paying.owed.clear()
        paying.passed_over = True
        self._fresh.miss(line)

    def _hand_over(self, paying: Paying) -> None:
        room = min(IN_FLIGHT - paying.in_flight, len(paying.owed))
        batch = [paying.owed.popleft() for _ in range(room)]
        if batch:
            self._in_flight.update(each.key for each in batch)
            paying.in_flight += len(batch)
            epoch = paying.epoch
            self.publisher.post(batch, lambda fates: self._tell(Answer(paying, epoch, batch, fates)))

    def _tell(self, answer: Answer) -> None:
        """Called where the publisher reads: what is made of an answer is made in a task of our own."""
        self._answers.append(answer)
        self._answered.set()

    async def _hear_for_ever(self) -> None:
        while True:
            await self._answered.wait()
            self._answered.clear()
            while self._answers:
                self._hear(self._answers.popleft())

    def _hear(self, answer: Answer) -> None:
        """Take the outcomes of a batch; what failed halts its line until that is settled."""
        paying, batch, fates = answer.paying, answer.batch, answer.fates
        paying.in_flight -= len(batch)
        self.intake.tally.outcomes(paying.line, fates)
        halts = any(fate is not Fate.CONFIRMED for fate in fates)
        if halts:
            paying.halted += 1
            self._fresh.miss(paying.line)
        if not WELL.issuperset(fates):
            self._drop(paying)
        self._rest(paying.line, fates)
        settlements = [self._settlement(*each) for each in zip(batch, fates, strict=True)]
        self._outcomes.append(Outcome(paying, answer.epoch, settlements, halts))
        self._unsettled.set()
        self._go_on(paying)

    def _settlement(self, dispatch: Dispatch, fate: Fate) -> Settlement:
        key, dispatch_id, before = dispatch.key, dispatch.id, dispatch.attempts
        match fate:
            case Fate.CONFIRMED:
                return Settlement(key, dispatch_id, fate, before)
            case Fate.UNKNOWN:
                # Not the recipient's fault and perhaps delivered: it is sent again, and never parked for this.
                return Settlement(key, dispatch_id, fate, max(1, before), news=before == 0)
            case Fate.UNSENDABLE:
                return Settlement(key, dispatch_id, fate, before + 1, park=True)
            case Fate.RETURNED | Fate.NACKED:
                due_ms = self._now_ms() + int(1000 * self.rests.pause_s(before))
                park = before + 1 >= self.park_after
                return Settlement(key, dispatch_id, fate, before + 1, due_ms, park=park, news=before == 0)

    def _rest(self, line: Line, fates: Sequence[Fate]) -> None:
        """A line on which nothing was delivered rests, twice as long each time."""
        pause = self.rests.note(line, fates, asyncio.get_running_loop().time())
        if pause:
            structlog.get_logger("relay").warning(
                "line_rests", agency=line.agency, lane=line.lane.value, seconds=pause, outcomes=sorted(set(fates))
            )

    # --- settling: many outcomes at once ---

    async def _settle_for_ever(self) -> None:
        while True:
            await self._unsettled.wait()
            self._unsettled.clear()
            outcomes, self._outcomes = self._outcomes, []
            await self._settle([settlement for each in outcomes for settlement in each.settlements])
            for each in outcomes:
                self._settled(each)

    async def _settle(self, settlements: Sequence[Settlement]) -> None:
        """Hand the outcomes to intake until it has them; what was not confirmed comes again under its dispatch id."""
        while True:
            try:
                await self.intake.settle(settlements)
                break
            except StoreUnavailableError:
                await asyncio.sleep(POLL_S)
        keys = [each.key for each in settlements]
        self._in_flight.difference_update(keys)
        self._settled_meanwhile.update(keys)

    def _settled(self, outcome: Outcome) -> None:
        paying = outcome.paying
        if outcome.halts:
            paying.halted -= 1
            paying.passed_over = True
            if outcome.epoch != self._ground.epoch and any(each.park for each in outcome.settlements):
                self._ground.look_again()
            self._go_on(paying)
        if not (self._idle.is_set() or self._in_flight):
            self.wake()

    def _now_ms(self) -> int:
        return int(self.clock().timestamp() * 1000)
