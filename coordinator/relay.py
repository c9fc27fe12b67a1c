"""Pays what is owed: lease, publish, confirm, settle; each line at its own pace, and what cannot go is parked."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from coordinator.ground import Ground
from coordinator.intake import Intake
from coordinator.model.errors import StoreUnavailableError
from coordinator.model.work import Dispatch, Fate, Lease, Line, Settlement
from coordinator.ports import Publisher, Store
from coordinator.rests import Rests

POLL_S = 1.0
LEASE_MS = 30_000
FRESH_S = 10.0
"""How long what was leased may begin to go: after that it is leased, and judged, again."""
PER_LINE = 200
IN_FLIGHT = 32
"""Publishes on one line that wait for their outcomes. With more, a quorum queue that does not answer stops the whole
channel, and so everybody (RabbitMQ's `quorum_commands_soft_limit`)."""
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
    _cursors: dict[Line, int] = field(init=False, default_factory=dict)
    _in_flight: set[int] = field(init=False, default_factory=set)
    """Keys of what was handed to the publisher, until it is settled."""
    _paying: dict[Line, int] = field(init=False, default_factory=dict)
    """The lines that are being paid, and how much was leased for each."""
    _version: int = field(init=False, default=-1)
    _last_round: datetime | None = field(init=False, default=None)
    _idle: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        """Judge by the same clock and store."""
        self._ground = Ground(self.store, self.intake, self.clock)

    def wake(self) -> None:
        """Something new is owed."""
        self._woken.set()

    def status(self) -> RelayStatus:
        """How the relay is doing now."""
        resting = self.rests.resting(asyncio.get_running_loop().time())
        return RelayStatus(len(self._in_flight), tuple(resting), self._last_round)

    async def run(self) -> None:
        """Pay for ever; a lost wake-up costs a second and nothing else."""
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    begun = await self._round(group)
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

    async def _round(self, group: asyncio.TaskGroup) -> int:
        """Lease what is due, check that it may still go, and begin to pay each line; return how many were begun."""
        if await self._ground.sweep(self._version, self._in_flight):
            self.wake()
        if not await self._can_publish():
            return 1  # there may be something due
        epoch = self._ground.epoch
        leased = await self.store.lease(self._lease())
        self._version = leased.policy_version
        due = [each for each in leased.dispatches if each.key not in self._in_flight]
        if lost := await self._ground.lost(due, leased.policy_version):
            await self._ground.withdraw(lost)
            self.wake()  # the stubs are leased in their places
            return len(lost)
        lines: dict[Line, list[Dispatch]] = {}
        for each in due:
            lines.setdefault(Line(each.recipient, each.lane), []).append(each)
        for line, owed in lines.items():
            self._paying[line] = len(owed)
            group.create_task(self._pay(line, owed, epoch, group))
        return len(lines)

    async def _can_publish(self) -> bool:
        """Whether a publish can be written now; waits for it a while, but not so long that nothing else is judged."""
        try:
            async with asyncio.timeout(POLL_S):
                await self.publisher.ready()
        except TimeoutError:
            self.wake()
            return False
        return True

    def _lease(self) -> Lease:
        now_ms = self._now_ms()
        resting = self.rests.resting(asyncio.get_running_loop().time()) | self._paying.keys()
        room = max(0, IN_MEMORY - len(self._in_flight) - sum(self._paying.values()))
        limit = PER_LINE if room else 0
        return Lease(self.owner, now_ms, now_ms + LEASE_MS, limit, self._cursors, frozenset(resting), room)

    async def _pay(self, line: Line, owed: Sequence[Dispatch], epoch: int, group: asyncio.TaskGroup) -> None:
        """Publish a line's deliveries in order, a few at a time, until all are out or one is in trouble."""
        loop = asyncio.get_running_loop()
        until = loop.time() + FRESH_S
        try:
            for start in range(0, len(owed), IN_FLIGHT):
                if loop.time() > until or epoch != self._ground.epoch:
                    break
                batch = owed[start : start + IN_FLIGHT]
                self._in_flight.update(each.key for each in batch)
                self._cursors[line] = max(self._cursors.get(line, 0), *(each.sequence for each in batch))
                fates = await self.publisher.publish(batch)
                self._rest(line, fates)
                settlements = [self._settlement(*each) for each in zip(batch, fates, strict=True)]
                if set(fates) == {Fate.CONFIRMED}:
                    group.create_task(self._settle(settlements))
                    continue
                # What failed must be seen as such before the line is leased again: it comes before what is new.
                await self._settle(settlements)
                if epoch != self._ground.epoch and any(each.park for each in settlements):
                    self._ground.look_again()
                if not WELL.issuperset(fates):
                    break
        finally:
            del self._paying[line]
            self.wake()

    async def _settle(self, settlements: Sequence[Settlement]) -> None:
        """Hand the outcomes to intake; what was not confirmed comes again under the same dispatch id."""
        while True:
            try:
                await self.intake.settle(settlements)
                break
            except StoreUnavailableError:
                await asyncio.sleep(POLL_S)
        self._in_flight.difference_update(each.key for each in settlements)
        if not self._idle.is_set():
            self.wake()

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

    def _now_ms(self) -> int:
        return int(self.clock().timestamp() * 1000)
