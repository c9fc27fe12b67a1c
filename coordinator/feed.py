"""Follows each agency's feed by sequence, and hands the same bytes to all who listen; it never blocks the walk."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from coordinator.fresh import dispatch_of
from coordinator.model.errors import StoreUnavailableError
from coordinator.model.feeding import Batch, Exact, Item, Page, Stored, item_of
from coordinator.model.plan import DispatchRow, MessageRow, Plan
from coordinator.model.policy import Policy
from coordinator.model.work import Dispatch
from coordinator.ports import FeedSource, Listener
from coordinator.steps import authorise

POLL_S = 1.0
"""A lost wake-up costs a listener this much, and nothing else."""
REST_S = 0.05
"""At most this long the feed rests after handing out, as long as that took: half of the loop is always the walk's."""
TURN = 50
"""Listeners that are handed something before others have a turn on the loop."""
AT_ONCE = 500
PAGE_BYTES = 256 * 1024
"""Of one page that is read for listeners: what one of them costs while it catches up."""
LOOKED_AT = 20_000
"""Numbers that are looked through at most for one page, where a filter passes few."""
IN_MEMORY = 1_000
"""Deliveries of one agency that wait to be handed out from memory; more are read from the store."""


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """How the feeds are doing, for metrics."""

    listeners: int
    """All who are listening, those that are catching up too."""
    behind: int
    """Those of them that are catching up."""
    lag: int
    """The most numbers that an agency with listeners has, and they were not handed; as the last poll found it."""
    cut_off: int
    """Listeners that did not read, and were cut off, since the start."""


@dataclass(slots=True)
class Follower:
    """One agency's feed while somebody listens to it."""

    agency: str
    registered: int = 0
    position: int = 0
    """The last number that those who keep up were handed."""
    keeping_up: dict[Listener, None] = field(default_factory=dict)
    fresh: list[tuple[DispatchRow, MessageRow]] = field(default_factory=list)
    """What was just committed, in order and without a gap; shown from memory if it is next."""
    missed: bool = True
    """Whether there may be more in the store than in `fresh`."""

    def note(self, row: DispatchRow, content: MessageRow | None) -> None:
        """Keep what was committed; what cannot be shown from memory is read from the store."""
        last = self.fresh[-1][0].sequence if self.fresh else self.position
        if self.missed or content is None or row.sequence != last + 1 or len(self.fresh) >= IN_MEMORY:
            self.forget()
        else:
            self.fresh.append((row, content))

    def forget(self) -> None:
        """Read from the store what comes next."""
        self.fresh.clear()
        self.missed = True


@dataclass(slots=True)
class Feed:
    """Hands every new number of an agency to all who listen to it, read and encoded once.

    A listener keeps up, and is handed what is new; or it is behind, and reads the store at its own pace until it has
    caught up. So one that is slow costs nobody else anything, and one page of memory.
    """

    source: FeedSource
    clock: Callable[[], datetime]
    _followers: dict[str, Follower] = field(init=False, default_factory=dict)
    _woken: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _policy: Policy | None = field(init=False, default=None)
    _version: int = field(init=False, default=-1)
    """Of the newest policy that a commit told of."""
    _epoch: int = field(init=False, default=0)
    """Moves when something that was shown a moment ago may not be shown any more."""
    _lag: int = field(init=False, default=0)
    _cut_off: int = field(init=False, default=0)

    def heed(self, plan: Plan) -> None:
        """Take note of what was committed; called after each commit, in their order."""
        if plan.replaced or plan.head.policy_version > self._version:
            self._epoch += 1
            for each in self._followers.values():
                each.forget()
        self._version = max(self._version, plan.head.policy_version)
        if not self._followers:
            return
        contents = {row.key: row for row in plan.messages}
        for row in plan.dispatches:
            follower = self._followers.get(row.recipient)
            if follower is not None:
                follower.note(row, contents.get(row.message))
        self._woken.set()

    def status(self) -> FeedStatus:
        """How the feeds are doing now."""
        registered = sum(each.registered for each in self._followers.values())
        keeping_up = sum(len(each.keeping_up) for each in self._followers.values())
        return FeedStatus(registered, registered - keeping_up, self._lag, self._cut_off)

    def cut_off(self) -> None:
        """Count a listener that did not read and was cut off."""
        self._cut_off += 1

    # --- reading: a page for one who catches up ---

    async def last(self, agency: str) -> int:
        """The last number of an agency's feed; 0 when nothing was ever sent to it."""
        return (await self.source.last_sequences()).get(agency, 0)

    async def exact(self, reader: str, agency: str, message: str) -> Exact | None:
        """The exact bytes of a message that an agency was sent and may be shown now, or sent itself."""
        found = await self.source.exact(reader, agency, message)
        if found is None or not found.relying:
            return found
        lost = [each for each in found.relying if await self._first_lost([each], 0) is not None]
        return found if len(lost) < len(found.relying) else None

    async def numbered(self, agency: str, sequence: int) -> Dispatch | None:
        """What stands under a number of a feed, if it may be shown now."""
        found = await self.source.numbered(agency, sequence)
        if found is None or (found.judged and await self._first_lost([found.dispatch], 0) is not None):
            return None
        return found.dispatch

    async def page(
        self, agency: str, since: int, limit: int, types: frozenset[str] | None = None, max_bytes: int = PAGE_BYTES
    ) -> Page:
        """Read what may be shown after a number: at most `limit` of those types (short names; None: all).

        It ends before what has lost its ground and waits for its stub: so nothing is shown that may not be, and no
        number is passed over. Raises `StoreUnavailableError`.
        """
        while True:
            epoch = self._epoch
            page = await self._read(agency, since, limit, types, max_bytes)
            if epoch == self._epoch:
                return page

    async def _read(self, agency: str, since: int, limit: int, types: frozenset[str] | None, max_bytes: int) -> Page:
        found: list[Item] = []
        looked, size = since, 0
        while True:
            rows = limit - len(found) if types is None else AT_ONCE
            reading = await self.source.feed_page(agency, looked, min(rows, AT_ONCE), max_bytes - size)
            shown = await self._shown(reading.stored, reading.policy_version)
            for item in shown:
                looked = item.sequence
                if types is None or item.type in types:
                    found.append(item)
                    size += len(item.line)
                    if len(found) == limit:
                        return Page(found, looked, whole=False)
            if reading.whole or len(shown) < len(reading.stored):
                return Page(found, looked, whole=True)
            if size >= max_bytes or looked - since >= LOOKED_AT:
                return Page(found, looked, whole=False)

    async def _shown(self, stored: Sequence[Stored], version: int) -> list[Item]:
        """Those that may be shown now, up to the first that may not."""
        relying = [each.relying for each in stored if each.relying is not None]
        lost = await self._first_lost(relying, version) if relying else None
        return [each.item for each in stored if lost is None or each.item.sequence < lost]

    async def _first_lost(self, relying: Sequence[Dispatch], version: int) -> int | None:
        """The number of the first that is undelivered and has lost its ground (`domain.md`, *Delivery*)."""
        while self._policy is None or self._policy.version < max(version, self._version):
            self._policy = await self.source.policy()
        policy, now = self._policy, self.clock()
        for each in relying:
            if not authorise.still_grounded(each, now, policy):
                return each.sequence
        return None

    # --- listening ---

    @contextmanager
    def following(self, agency: str) -> Iterator[None]:
        """Count somebody who listens to an agency's feed, so that it is followed."""
        follower = self._followers.setdefault(agency, Follower(agency))
        follower.registered += 1
        try:
            yield
        finally:
            follower.registered -= 1
            if not follower.registered:
                self._followers.pop(agency, None)

    def keep_up(self, agency: str, listener: Listener) -> bool:
        """Hand a listener everything after its cursor from now on; False when it must catch up first.

        Between the page that ended its catching up and this call there must be a chance that something was committed:
        the first listener of an agency makes the feed look into the store once.
        """
        follower = self._followers[agency]
        if not follower.keeping_up:
            follower.position = listener.cursor
            follower.forget()
            self._woken.set()
        elif listener.cursor < follower.position:
            return False
        follower.keeping_up[listener] = None
        return True

    def leave(self, agency: str, listener: Listener) -> None:
        """Hand a listener nothing more; it is behind, or gone."""
        if (follower := self._followers.get(agency)) is not None:
            follower.keeping_up.pop(listener, None)

    # --- handing out ---

    async def run(self) -> None:
        """Hand out for ever; a lost wake-up costs a second."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._poll_for_ever(), name="feed-polling")
            while True:
                await self._woken.wait()
                self._woken.clear()
                began = loop.time()
                for follower in [each for each in self._followers.values() if each.keeping_up]:
                    try:
                        await self._advance(follower)
                    except StoreUnavailableError as error:
                        structlog.get_logger("feed").warning("store_unavailable", reason=str(error))
                await asyncio.sleep(min(REST_S, loop.time() - began))

    async def _poll_for_ever(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            followed = [each for each in self._followers.values() if each.keeping_up]
            if not followed:
                self._lag = 0
                continue
            try:
                last = await self.source.last_sequences()
            except StoreUnavailableError:
                continue
            lags = [(last.get(each.agency, 0) - each.position, each) for each in followed]
            self._lag = max(0, *(lag for lag, _ in lags))
            for lag, follower in lags:
                if lag > 0:
                    follower.forget()
                    self._woken.set()

    async def _advance(self, follower: Follower) -> None:
        """Hand out what is new of one agency: from memory where that is next, else from the store."""
        while follower.keeping_up:
            position, epoch = follower.position, self._epoch
            if follower.fresh and follower.fresh[0][0].sequence == position + 1:
                shown, more = await self._from_memory(follower), False
            elif follower.missed or follower.fresh:
                shown, more = await self._from_store(follower)
            else:
                return
            if position != follower.position or epoch != self._epoch:  # others listen now, or to something else
                follower.forget()
            elif shown:
                await self._hand(follower, Batch(shown))
            elif not more:
                return

    async def _from_memory(self, follower: Follower) -> Sequence[Item]:
        stored, follower.fresh = [_stored(*each) for each in follower.fresh], []
        shown = await self._shown(stored, self._version)
        if len(shown) < len(stored):  # the rest waits for its stub
            follower.forget()
        return shown

    async def _from_store(self, follower: Follower) -> tuple[Sequence[Item], bool]:
        """Read a page; what is committed meanwhile is noted, or known to be missed."""
        follower.fresh.clear()
        follower.missed = False
        try:
            page = await self.page(follower.agency, follower.position, AT_ONCE)
        except StoreUnavailableError:
            follower.missed = True
            raise
        follower.missed = follower.missed or not page.whole
        return page.items, not page.whole

    async def _hand(self, follower: Follower, batch: Batch) -> None:
        """Give everybody who keeps up the same bytes; whoever begins to keep up from here on has them already."""
        follower.position, epoch = batch.last, self._epoch
        for number, listener in enumerate(list(follower.keeping_up), 1):
            if listener not in follower.keeping_up:
                continue
            if epoch == self._epoch:
                await listener.hear(batch)
            else:  # withdrawn while it was handed out: the rest find in the store what may be shown
                listener.fall_behind()
            if number % TURN == 0:
                await asyncio.sleep(0)


def _stored(row: DispatchRow, content: MessageRow) -> Stored:
    """What was just committed, as the store would tell it: nothing of it can have been delivered yet."""
    item = item_of(row.sequence, content.type, row.recorded, content.body)
    return Stored(item, None if row.agreement is None else dispatch_of(row, content))
