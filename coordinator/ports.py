"""The ports: what the walk needs of a store, a broker and a signer, and what each of them promises."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from coordinator.journal.checkpoint import Sealed
from coordinator.journal.tiles import Tile
from coordinator.model.errors import CoordinatorError
from coordinator.model.feeding import Batch as FeedBatch
from coordinator.model.feeding import Exact, FeedReading, Numbered
from coordinator.model.plan import Ask, Known, Plan
from coordinator.model.policy import Policy
from coordinator.model.views import ConflictPage, ConflictView, OperationPage, OperationView, Sought
from coordinator.model.volume import Neighbourhood, Probe
from coordinator.model.work import Batch, Dispatch, Fate, Lease, Leased, Prepared, Receipt, Submission

# --- the walk ---------------------------------------------------------------------------------------------------------


class Transaction(Protocol):
    """One transaction of the walk: `read` once, then `write` once. Leaving without `write` rolls everything back."""

    async def read(self, ask: Ask) -> Known:
        """Lock the head, then answer. From here to the end no other transaction of the domain passes."""
        ...

    async def write(self, plan: Plan) -> None:
        """Write the plan and commit: durable when this returns."""
        ...


class Store(Protocol):
    """Where everything is kept. Every method raises `StoreUnavailableError` when it cannot do it now."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin a transaction of the walk; transactions take turns."""
        ...

    async def neighbours(self, probes: Sequence[Probe]) -> Neighbourhood:
        """Read from a snapshot, outside the lock, what is live in the probes' boxes and windows."""
        ...

    async def policy(self) -> Policy:
        """Read the newest policy."""
        ...

    async def lease(self, lease: Lease) -> Leased:
        """Take or renew the lines that have something owed, and hand out what is due on those that are ours."""
        ...

    async def relying(self, agreements: Collection[str] | None, after: int, limit: int) -> Sequence[Dispatch]:
        """Read what is owed or parked under one of these agreements, or under any, after a key and in its order.

        What was withdrawn already does not rely on anything any more.
        """
        ...

    async def feed(self, agency: str, since: int, limit: int) -> Sequence[Dispatch]:
        """Read an agency's feed after a sequence, in order."""
        ...

    async def last_sequences(self) -> Mapping[str, int]:
        """Read each agency's last sequence."""
        ...


class Publisher(Protocol):
    """Pays dispatches: one publish each, to the recipient's queue, each with its own outcome.

    Promises: an outcome for every dispatch, in the order given; `CONFIRMED` only when the broker has it safe;
    `UNKNOWN` when the connection failed in between (sending again under the same dispatch id is right);
    `UNSENDABLE` when no broker would ever take it; one recipient's trouble never changes another's outcome; it never
    raises for a dispatch.
    """

    def is_ready(self) -> bool:
        """Whether a publish would be written now."""
        ...

    async def ready(self) -> None:
        """Return as soon as there is a connection to publish on; waits while there is none."""
        ...

    def post(self, dispatches: Sequence[Dispatch], tell: Callable[[Sequence[Fate]], None]) -> None:
        """Publish in the order given, and call `tell` once with every outcome; it must not raise."""
        ...

    async def publish(self, dispatches: Sequence[Dispatch]) -> Sequence[Fate]:
        """Publish and await every outcome."""
        ...

    async def beat(self, agency: str, body: bytes) -> Fate:
        """Publish a heartbeat that expires in 120 s and is owed to nobody."""
        ...


class Intake(Protocol):
    """The walk, as the doors see it."""

    @property
    def leisure(self) -> asyncio.Event:
        """Set, but for moments in which what can wait should leave the interpreter to the store."""
        ...

    def prepare(self, submission: Submission) -> Prepared:
        """Do what needs no store: read, validate, judge; perhaps while an earlier batch is being recorded."""
        ...

    async def record(self, batch: Batch) -> Sequence[Receipt]:
        """Do the rest; a receipt for each, in order.

        Raises `StoreUnavailableError` when not all was recorded; the same batch is handed in again then.
        """
        ...

    async def quarantine(self, batch: Sequence[tuple[Submission, str]]) -> None:
        """Set aside what no attempt could process, each with the name of its queue."""
        ...


# --- feeds ------------------------------------------------------------------------------------------------------------


class FeedSource(Protocol):
    """The feeds in the store. Every method raises `StoreUnavailableError` when it cannot do it now."""

    async def feed_page(self, agency: str, since: int, limit: int, max_bytes: int) -> FeedReading:
        """Read an agency's feed after a number, in order; at least one, if there is one, whatever its size."""
        ...

    async def numbered(self, agency: str, sequence: int) -> Numbered | None:
        """Read what stands under a number of an agency's feed now; None when there is no such number."""
        ...

    async def exact(self, reader: str, agency: str, message: str) -> Exact | None:
        """Read the exact bytes of a message that `reader` was sent, or sent itself; None for everything else."""
        ...

    async def last_sequences(self) -> Mapping[str, int]:
        """Read each agency's last number."""
        ...

    async def policy(self) -> Policy:
        """Read the newest policy."""
        ...


class Listener(Protocol):
    """Somebody who follows a feed. None of its methods waits for anybody, so that nobody waits for it."""

    @property
    def cursor(self) -> int:
        """The last number that it has, or that its filter passed over."""
        ...

    async def hear(self, batch: FeedBatch) -> None:
        """Take what comes after its cursor; or fall behind, and leave the feed."""
        ...

    def fall_behind(self) -> None:
        """Read the store from its cursor on."""
        ...


# --- questions --------------------------------------------------------------------------------------------------------


class Queries(Protocol):
    """What an agency may see of operations and conflicts: its own, and what it was sent and is not withdrawn.

    Each answer is read from one snapshot. Pages go by ids: whatever is written between two pages, what does not change
    stands on exactly one. What is another's takes the same work as what is not there.
    Every method raises `StoreUnavailableError` when it cannot do it now.
    """

    async def operations(self, viewer: str, sought: Sought, after: str, limit: int) -> OperationPage:
        """Read at most `limit` operations after an id ('' begins); a page may be short and still not be the last."""
        ...

    async def operation(self, viewer: str, operation_id: str) -> OperationView | None:
        """Read one operation; None where there is none that the agency may see."""
        ...

    async def conflicts(self, viewer: str, sought: Sought, after: str, limit: int) -> ConflictPage:
        """Read at most `limit` conflicts after an id ('' begins); a page may be short and still not be the last."""
        ...

    async def conflict(self, viewer: str, conflict_id: str) -> ConflictView | None:
        """Read one conflict, as the agency's side was told of it; None where there is none that it may see."""
        ...


# --- journal ----------------------------------------------------------------------------------------------------------


class Ledger(Protocol):
    """The journal in the store, as the seal and an audit see it; positions are contiguous from 0 and never reused.

    Every method raises `StoreUnavailableError` when it cannot do it now.
    """

    async def size(self) -> int:
        """How many entries are committed."""
        ...

    async def entries(self, start: int, limit: int) -> Sequence[bytes]:
        """Read the entries at `start`, `start + 1`, … as stored: at most `limit`, ending before the first gap."""
        ...

    async def sealed(self) -> Sealed | None:
        """Read the newest checkpoint that was persisted."""
        ...

    async def tile(self, level: int, index: int) -> bytes | None:
        """Read a hash tile as wide as it was last persisted: 1 to 256 hashes of 32 bytes; None when it is not there."""
        ...

    async def persist(self, sealed: Sealed, tiles: Sequence[Tile]) -> None:
        """Write a checkpoint and the tiles that changed under it, all or nothing, durable when this returns.

        A wider tile replaces the narrower one of the same level and index. Raises `CoordinatorError`, and writes
        nothing, unless the checkpoint is larger than every one before: then another seal has been at work.
        """
        ...


class ArchiveUnavailableError(CoordinatorError):
    """What is published cannot be read or written now; it stays as it was, and the same call may be tried again."""


class ArchiveConflictError(CoordinatorError):
    """A file that is published already has other bytes; published files never change."""


class Archive(Protocol):
    """Where the journal is published; synchronous, and slow: it is called in a worker thread.

    Every method raises `ArchiveUnavailableError` when it cannot do it now.
    """

    def put(self, path: str, content: bytes) -> None:
        """Publish a file: whole, under its name, and durable when this returns, or not at all.

        `checkpoint` is replaced. Any other file that exists is left as it is: fine with the same bytes, else
        `ArchiveConflictError`. A full tile or bundle makes its partial forms superfluous, and they may be removed.
        """
        ...

    def get(self, path: str) -> bytes | None:
        """Read a published file; None when it is not there."""
        ...
