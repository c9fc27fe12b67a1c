"""Group commit: what is posted at the same moment is recorded together, fairly between those who post."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from coordinator.model.errors import CoordinatorError, StoreUnavailableError
from coordinator.model.work import Batch, Prepared, Receipt, Submission
from coordinator.ports import Intake

MAX_BATCH: Final = 200
CAPACITY: Final = 4_000
"""Messages that wait for their batch at most, of all callers together."""
_AT_ONCE: Final = 16
"""Messages that are judged before others on the loop have their turn: the batch that is being recorded comes first."""


class PostingFullError(CoordinatorError):
    """More is waiting to be recorded than there is room for; nothing of this post was taken."""


class PostingClosedError(CoordinatorError):
    """The service is stopping; nothing of this post was taken."""


@dataclass(slots=True, eq=False)
class _Post:
    """What one caller posted at once, and its answers so far."""

    submissions: Sequence[Submission]
    done: "asyncio.Future[Sequence[Receipt | None]]"
    receipts: list[Receipt | None]
    left: int

    def answer(self, place: int, receipt: Receipt | None) -> None:
        """Take an answer; the last one completes the post, unless its caller has hung up."""
        self.receipts[place] = receipt
        self.left -= 1
        if not self.left and not self.done.done():
            self.done.set_result(self.receipts)


_Waiting = tuple[_Post, int]


@dataclass(slots=True)
class Posting:
    """Gathers posts into batches: what is there now, at most 200, never waiting for more; one is recorded at a time."""

    intake: Intake
    capacity: int = CAPACITY
    _queues: dict[str, deque[_Waiting]] = field(default_factory=dict, init=False)
    """What waits, by who posts; whose turn is next comes first."""
    _waiting: int = field(default=0, init=False)
    _ready: list[tuple[_Waiting, Prepared]] = field(default_factory=list, init=False)
    _wake: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _stopping: bool = field(default=False, init=False)

    @property
    def open(self) -> bool:
        """Whether posts are taken."""
        return not self._stopping

    @property
    def waiting(self) -> int:
        """How many messages wait for their batch."""
        return self._waiting + len(self._ready)

    async def post(self, caller: str, submissions: Sequence[Submission]) -> Sequence[Receipt | None]:
        """Have messages recorded; a receipt for each, in order, or None where no verdict is known.

        `caller` is by whom turns are taken. A caller that is cancelled disturbs nothing: what it posted is recorded.
        Raises `PostingFullError` and `PostingClosedError`, and then has taken nothing.
        """
        if self._stopping:
            msg = "the service is stopping; post again in a moment"
            raise PostingClosedError(msg)
        if self._waiting + len(submissions) > self.capacity:
            msg = "too much is waiting to be recorded; post again in a moment"
            raise PostingFullError(msg)
        if not submissions:
            return []
        count = len(submissions)
        post = _Post(submissions, asyncio.get_running_loop().create_future(), [None] * count, count)
        self._queues.setdefault(caller, deque()).extend((post, place) for place in range(count))
        self._waiting += count
        self._wake.set()
        return await post.done

    def stop(self) -> None:
        """Take no more; `run` returns when everything that was taken has its answer."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Record batch after batch; what comes while one is recorded is judged meanwhile, and is the next."""
        async with asyncio.TaskGroup() as group:
            recording: asyncio.Task[None] | None = None
            while True:
                self._wake.clear()
                await self.intake.leisure.wait()
                more = self._prepare_some()
                if recording is None or recording.done():
                    recording = self._begin(group)
                    if recording is None and self._stopping and not self._waiting:
                        return
                await (asyncio.sleep(0) if more else self._wake.wait())

    def _prepare_some(self) -> bool:
        """Judge some of what has come; tell whether there is more, and room for it in the next batch."""
        for waiting in self._take(min(_AT_ONCE, MAX_BATCH - len(self._ready))):
            post, place = waiting
            self._ready.append((waiting, self.intake.prepare(post.submissions[place])))
        return len(self._ready) < MAX_BATCH and bool(self._waiting)

    def _take(self, most: int) -> list[_Waiting]:
        """Take one message of each caller in turn, until there are enough or none has more."""
        taken: list[_Waiting] = []
        while self._queues and len(taken) < most:
            caller = next(iter(self._queues))
            queue = self._queues.pop(caller)
            taken.append(queue.popleft())
            if queue:
                self._queues[caller] = queue  # at the end: its next turn comes after everybody else's
        self._waiting -= len(taken)
        return taken

    def _begin(self, group: asyncio.TaskGroup) -> asyncio.Task[None] | None:
        ready, self._ready = self._ready, []
        return group.create_task(self._record(ready), name="posting-batch") if ready else None

    async def _record(self, ready: Sequence[tuple[_Waiting, Prepared]]) -> None:
        """Record a batch, and answer everybody in it; what the store did not take has no verdict."""
        batch = Batch([prepared for _, prepared in ready])
        try:
            known: dict[int, Receipt] = dict(enumerate(await self.intake.record(batch)))
        except StoreUnavailableError as error:
            known = batch.receipts
            log = structlog.get_logger("posting")
            log.warning("not_recorded", messages=len(ready) - len(known), reason=str(error))
        finally:
            self._wake.set()
        for at, ((post, place), _) in enumerate(ready):
            post.answer(place, known.get(at))
