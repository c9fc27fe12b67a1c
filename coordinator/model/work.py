"""What the doors hand to intake, what intake answers, and the forms that a submission takes on its walk."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from coordinator.model.answers import AuthorityVerdict, Withheld
from coordinator.model.codes import Lane
from coordinator.model.decisions import Flag, QuarantineReason, RefusalCode, Refused
from coordinator.model.envelope import AgencyEvent, Body, OwnEvent
from coordinator.model.geometry import Shape
from coordinator.model.leaf import Channel


class Submission(NamedTuple):
    """One message as a door received it; `agency` is proven by the door, whatever the body claims."""

    body: bytes
    agency: str
    account: str | None
    channel: Channel
    received: datetime
    digest: str = ""
    flaw: RefusalCode | None = None
    jws: str | None = None
    system: str | None = None
    """The one system that the caller is proven to be; None where any that the account speaks for may have written."""


class Verdict(StrEnum):
    """What became of a submission."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    QUARANTINED = "quarantined"
    FAILED = "failed"
    """Nothing was recorded; the same submission may be tried again."""


class Receipt(NamedTuple):
    """The answer to one submission, as the door needs it; `body` is the coordinator's own message."""

    verdict: Verdict
    position: int | None = None
    entry: str | None = None
    refused: Refused | None = None
    body: bytes | None = None


class Read(NamedTuple):
    """A submission that is a valid message of its type."""

    event: AgencyEvent
    shape: Shape | None = None
    counties: tuple[tuple[str, str], ...] = ()
    flags: tuple[Flag, ...] = ()


class Grant(NamedTuple):
    """A recipient that may be told, and the agreement relied on (None: by role)."""

    agency: str
    agreement: str | None = None


class Admitted(NamedTuple):
    """A message that its sender may send, with whom it goes to."""

    grants: tuple[Grant, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    authority: AuthorityVerdict | None = None
    also: tuple[Grant, ...] = ()
    """Who may be given the earlier message that goes along."""


class Judged(NamedTuple):
    """A submission with what the steps before the transaction made of it."""

    submission: Submission
    read: Read | Refused
    verdict: Admitted | Refused
    claim: "ClaimKey"
    policy_version: int = -1
    """Of the policy that the verdict was found by."""

    @property
    def event(self) -> AgencyEvent | None:
        """The message, if it could be read."""
        return self.read.event if isinstance(self.read, Read) else None


class Prepared(NamedTuple):
    """A submission with all that can be found out about it without the store."""

    submission: Submission
    judged: Judged | None = None
    """None when a step could not bear it."""


@dataclass(slots=True, eq=False)
class Batch:
    """Prepared submissions on their way into the store.

    When the store goes away in the middle, what was recorded is known here, and not walked again.
    """

    prepared: Sequence[Prepared]
    receipts: "dict[int, Receipt]" = field(default_factory=dict)
    """By place."""


class ClaimKey(NamedTuple):
    """Under what a submission is claimed: `(agency, id)`, or its digest when it could not be read."""

    agency: str
    id: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim that stands: the digest that came first, and where its receipt is."""

    key: ClaimKey
    digest: str
    position: int
    entry: str
    verdict: Verdict
    receipt: str
    """Dispatch id of the first receipt."""
    body: bytes
    """The first receipt's bytes."""


class Fate(StrEnum):
    """How a publish ended."""

    CONFIRMED = "confirmed"
    RETURNED = "returned"
    NACKED = "nacked"
    UNSENDABLE = "unsendable"
    """No broker would take it, however often it is tried."""
    UNKNOWN = "unknown"


class Dispatch(NamedTuple):
    """One delivery that is owed: a content, a recipient's queue, a number in its feed."""

    key: int
    id: str
    recipient: str
    lane: Lane
    sequence: int
    type: str
    event_id: str
    sender: str
    """The agency that the content came from, or the coordinator."""
    source: str
    """As the content's own `source` says."""
    body: bytes
    recorded: str
    attempts: int
    agreement: str | None = None
    correlation: str | None = None
    jws: str | None = None


class Settlement(NamedTuple):
    """How one owed dispatch fared."""

    key: int
    id: str
    fate: Fate
    attempts: int
    due_ms: int = 0
    park: bool = False
    news: bool = False
    """Whether this is a change of state, and so an entry of its own."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A dispatch that lost its ground before it was delivered."""

    dispatch: Dispatch
    sender: str


@dataclass(frozen=True, slots=True)
class Dead:
    """A message that never reached the store, or that no attempt could process."""

    id: str
    queue: str
    agency: str | None
    account: str | None
    reason: QuarantineReason
    body: bytes
    received: datetime
    attempts: int = 0
    state: str = "waiting"


@dataclass(frozen=True, slots=True)
class Telling:
    """One of the coordinator's own messages on its way to one recipient, not yet numbered."""

    kind: type[OwnEvent]
    recipient: str
    body: Body
    subject: str | None = None
    correlation: str | None = None
    causation: str | None = None


class Line(NamedTuple):
    """One recipient's queue: leases, order and back-off are per line."""

    agency: str
    lane: Lane


@dataclass(frozen=True, slots=True)
class Lease:
    """What the relay asks for: the lines with something owed, and what is due on those that become ours."""

    owner: str
    now_ms: int
    until_ms: int
    limit: int
    """How much is handed out at most of each line."""
    cursors: Mapping[Line, int]
    """The last sequence handed out per line: fresh dispatches come after it."""
    resting: frozenset[Line] = frozenset()
    """Lines in back-off, or with enough in flight; nothing of them is handed out."""
    total: int | None = None
    """How much is handed out at most, in equal shares, of which each line with something due has one."""


@dataclass(frozen=True, slots=True)
class Leased:
    """What is due now on the lines that are ours until the lease ends, in order per line."""

    policy_version: int
    dispatches: tuple[Dispatch, ...]
    until_ms: Mapping[Line, int] = field(default_factory=dict)
    """The lines that were looked at, which are ours, each with the end of its lease."""
    whole: Collection[Line] = ()
    """Those of them of which all that is due was handed out."""
