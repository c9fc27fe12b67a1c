"""The ports: what the walk needs of a store, a broker and a signer, and what each of them promises."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from coordinator.model.plan import Ask, Known, Plan
from coordinator.model.policy import Policy
from coordinator.model.volume import Neighbourhood, Probe
from coordinator.model.work import Dispatch, Fate, Lease, Leased, Receipt, Submission


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
    one recipient's trouble never changes another's outcome; it never raises for a dispatch.
    """

    async def publish(self, dispatches: Sequence[Dispatch]) -> Sequence[Fate]:
        """Publish and await every outcome."""
        ...

    async def beat(self, agency: str, body: bytes) -> Fate:
        """Publish a heartbeat that expires in 120 s and is owed to nobody."""
        ...


class Intake(Protocol):
    """The walk, as the doors see it."""

    async def receive(self, batch: Sequence[Submission]) -> Sequence[Receipt]:
        """Settle a batch; a receipt for each, in order. Raises `StoreUnavailableError` when nothing was recorded."""
        ...

    async def quarantine(self, batch: Sequence[tuple[Submission, str]]) -> None:
        """Set aside what no attempt could process, each with the name of its queue."""
        ...
