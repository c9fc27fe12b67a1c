"""What one transaction of the walk asks of the store, is told, and writes: values, so that both stores do the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from coordinator.model.access import Revoked
from coordinator.model.codes import Lane
from coordinator.model.enquiry import Enquiry
from coordinator.model.policy import AgreementWord, CredentialWord, Policy
from coordinator.model.recorded import Row
from coordinator.model.volume import Conflict, Neighbourhood, Pair, Probe, Registered, Volume
from coordinator.model.work import Claim, ClaimKey, Dead, Settlement, Verdict

MAX_NEAR = 64
"""Pairs near each other that are read, and compared, under the lock; a survey of more is made outside."""


@dataclass(frozen=True, slots=True)
class Target:
    """A message that somebody refers to: whose `id` it is and who says that they were sent it."""

    agency: str
    id: str
    recipient: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What is known of a message that somebody refers to."""

    key: int
    type: str
    """Its full type."""
    status: str
    """Whether the world was meant: actual, exercise or test."""
    regime: str
    recipients: tuple[str, ...]
    """Whoever was, or is yet to be, delivered the content itself."""
    recalled: bool


class Dispute(NamedTuple):
    """A conflict that a word is about, with whose its operations are, in the order of the pair."""

    conflict: Conflict
    agencies: tuple[str, str]
    status: str
    """Of both: actual, exercise or test."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a batch needs to know under the lock: one statement per kind, whatever the size of the batch."""

    claims: Sequence[ClaimKey] = ()
    operations: Sequence[str] = ()
    disputes: Sequence[str] = ()
    """Ids of conflicts on which somebody has a word."""
    targets: Sequence[Target] = ()
    sent: Sequence[ClaimKey] = ()
    """Messages of which is told what they are and to whom they went."""
    enquiries: Sequence[Enquiry] = ()
    """Where is told whether others are there."""
    around: Sequence[Probe] = ()
    """What lies in their boxes and windows is told, when that is little (`MAX_NEAR`)."""
    since: int | None = None
    """Operations changed at or after this position are told; none when it is not given."""
    policy_version: int = -1
    """The policy is told when the head's version is another."""
    authorised: bool = False
    """Whether every live operation that rests on an authority is told."""
    dispatches: Sequence[int] = ()
    """Keys of dispatches to be withdrawn: those delivered or withdrawn meanwhile are left out of the answer."""


@dataclass(frozen=True, slots=True)
class Head:
    """The one row that every transaction locks first: the next number of each kind."""

    position: int
    message: int
    dispatch: int
    policy_version: int


@dataclass(frozen=True, slots=True)
class Known:
    """What the store answered, true as of `head`, which is locked until the plan is written."""

    head: Head
    feeds: Mapping[str, int]
    claims: Mapping[ClaimKey, Claim] = field(default_factory=dict)
    operations: Mapping[str, Registered] = field(default_factory=dict)
    told: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    conflicts: Mapping[Pair, Conflict] = field(default_factory=dict)
    """Every record of a pair of which one is asked for."""
    counterparts: Mapping[str, Volume] = field(default_factory=dict)
    """The other operations of those pairs, as they are now, live or not."""
    disputes: Mapping[str, Dispute] = field(default_factory=dict)
    """By the id of the conflict."""
    around: Neighbourhood | None = None
    """What lies near, as of `head`; None when it is more than `MAX_NEAR` pairs."""
    changed: Mapping[str, Registered] = field(default_factory=dict)
    reached: frozenset[Target] = frozenset()
    """Those targets that were indeed sent to the recipient."""
    sent: Mapping[ClaimKey, Sent] = field(default_factory=dict)
    enquired: Mapping[ClaimKey, tuple[Enquiry, bool]] = field(default_factory=dict)
    """By the message that asks: where was looked, and whether others are there."""
    policy: Policy | None = None
    authorised: tuple[Registered, ...] = ()
    owed: frozenset[int] = frozenset()


# Of the four kinds of rows that follow, seven are made for each message: a named tuple is made three times as fast as a
# frozen dataclass.


class LeafRow(NamedTuple):
    """A journal entry: the leaf's bytes and hash, and the columns that are a projection of it."""

    position: int
    entry: str
    leaf: bytes
    hash: bytes
    action: str
    agency: str
    t: str
    salt: bytes | None = None
    detail: bytes | None = None


class ClaimRow(NamedTuple):
    """That `(agency, id)` was settled by that digest, at that position, with that receipt."""

    key: ClaimKey
    digest: str
    position: int
    entry: str
    verdict: Verdict
    receipt: str


class MessageRow(NamedTuple):
    """A content, once, however many are told."""

    key: int
    agency: str
    id: str
    source: str
    type: str
    body: bytes
    position: int
    jws: str | None = None
    correlation: str | None = None


class DispatchRow(NamedTuple):
    """A delivery that is owed from now on."""

    key: int
    id: str
    recipient: str
    lane: Lane
    sequence: int
    message: int
    position: int
    agreement: str | None
    recorded: str


@dataclass(frozen=True, slots=True)
class OperationRow:
    """An operation's new state, and the position that made it."""

    registered: Registered
    position: int
    moved: bool
    """Whether the boxes must be written anew."""


@dataclass(frozen=True, slots=True)
class AcknowledgementRow:
    """How far a message got with a person of a recipient."""

    target: Target
    level: str
    officer_id: str | None
    position: int


@dataclass(slots=True)
class Plan:
    """Everything that one transaction writes, collected step by step; nothing is written before it is whole."""

    head: Head
    feeds: dict[str, int] = field(default_factory=dict)
    leaves: list[LeafRow] = field(default_factory=list)
    claims: list[ClaimRow] = field(default_factory=list)
    messages: list[MessageRow] = field(default_factory=list)
    dispatches: list[DispatchRow] = field(default_factory=list)
    operations: list[OperationRow] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    agreement_words: list[tuple[AgreementWord, int]] = field(default_factory=list)
    credential_words: list[tuple[CredentialWord, int]] = field(default_factory=list)
    acknowledgements: list[AcknowledgementRow] = field(default_factory=list)
    recorded: dict[type[Row], list[Row]] = field(default_factory=dict)
    """What was said and is kept, by kind."""
    settlements: list[Settlement] = field(default_factory=list)
    replaced: list[tuple[int, int]] = field(default_factory=list)
    """Dispatches whose content is replaced by another message, once."""
    owed_again: list[str] = field(default_factory=list)
    """Dispatch ids of first receipts that are owed once more."""
    dead: list[Dead] = field(default_factory=list)
    revived: list[str] = field(default_factory=list)
    """Ids of dead messages that were replayed."""
    revoked: list[Revoked] = field(default_factory=list)
    """Tokens of the HTTP door that count no longer."""
    released: list[str] = field(default_factory=list)
    """Ids of parked dispatches that are owed again."""
