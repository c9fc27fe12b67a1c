"""The journal's leaves: one closed model per action, without personal data or free text."""

import hmac
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field, GetCoreSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, to_json

from coordinator.model.access import AccessRole, TokenFlaw
from coordinator.model.answers import Change, CloseReason, Position, Standing, WithdrawnReason, Withheld
from coordinator.model.authority import ShortType
from coordinator.model.base import MAX_SAFE_INTEGER, AgencyId, Frozen, HexHash, SystemId, Uuid
from coordinator.model.codes import Lane
from coordinator.model.decisions import Flag, QuarantineReason, RefusalCode, Stage, WithheldReason
from coordinator.model.envelope import MAX_RECIPIENTS

MAX_LEAF_BYTES = 16 * 1024
"""What no leaf exceeds, because each of its fields is bounded."""
MAX_OWED_PER_LEAF = 64
MAX_WITHHELD_PER_LEAF = MAX_RECIPIENTS
MAX_SETTLED_PER_LEAF = 256

Moment = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$")]
Count = Annotated[int, Field(ge=0, le=MAX_SAFE_INTEGER)]
RevisionNumber = Annotated[int, Field(ge=1, le=MAX_SAFE_INTEGER)]
RuleCited = Annotated[str, Field(pattern=r"^[a-z0-9-]{2,32}(\+[a-z0-9-]{2,32})?$")]
"""The id of a rule of the directory, or two with `+` between them (`Directory.stricter`)."""
VersionCited = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,16}(\+[A-Za-z0-9.-]{1,16})?$")]
Ids = Annotated[tuple[Uuid, ...], Field(min_length=1, max_length=MAX_SETTLED_PER_LEAF)]


class Channel(StrEnum):
    """By which door something came in."""

    AMQP = "amqp"
    HTTP = "http"
    CLI = "cli"
    TIMER = "timer"
    RELAY = "relay"
    SERVICE = "service"


class Canonical(Frozen):
    """A part of a leaf; its fields are written in the order of their names, in whatever order they stand here.

    The order is fixed once, with the schema, so that no single leaf must be sorted.
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[BaseModel], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Sort the fields of the model."""
        model = handler(source)
        if model["type"] == "model" and model["schema"]["type"] == "model-fields":
            model["schema"]["fields"] = dict(sorted(model["schema"]["fields"].items()))
        return model


class Actor(Canonical):
    """Who caused it: an agency and its system, or the coordinator itself."""

    agency: AgencyId
    id: SystemId | None = None


class Subject(Canonical):
    """What it was about."""

    type: ShortType
    id: Uuid | None = None
    revision: RevisionNumber | None = None


class Untold(Canonical):
    """A recipient that was not told, and why.

    One that is in no directory has no name here: that would be a word of the sender's own, in a journal for ever.
    """

    agency: AgencyId | None = None
    reason: WithheldReason


def untold(withheld: Iterable[Withheld]) -> tuple[Untold, ...]:
    """What a leaf says of those who were named and not told."""
    unknown = WithheldReason.UNKNOWN_AGENCY
    return tuple(
        Untold(agency=None if each.reason is unknown else each.agency, reason=each.reason) for each in withheld
    )


UntoldList = Annotated[tuple[Untold, ...], Field(max_length=MAX_WITHHELD_PER_LEAF)]


class Owed(Canonical):
    """One delivery that the entry obliges us to, and the agreement relied on if one was."""

    id: Uuid
    to: AgencyId
    seq: Annotated[int, Field(ge=1, le=MAX_SAFE_INTEGER)]
    lane: Lane
    agreement: Uuid | None = None


class LeafBase(Canonical):
    """What every entry says. Its position is its index in the tree and stands outside."""

    v: Literal[1] = 1
    entry: Uuid
    t: Moment
    actor: Actor
    channel: Channel
    commit: HexHash | None = Field(default=None, description="HMAC-SHA-256(salt, detail)")


class Obliging(LeafBase):
    """An entry that owes deliveries: it is the proof that they are owed."""

    owed: Annotated[tuple[Owed, ...], Field(max_length=MAX_OWED_PER_LEAF)] = ()


class Answering(Obliging):
    """An entry about a submission."""

    bytes: Count
    policy: Count
    correlation: Uuid | None = None
    causation: Uuid | None = None


class MessageAcceptedLeaf(Answering):
    """A message was accepted, with whom it goes to and from whom it is withheld."""

    action: Literal["message.accepted"] = "message.accepted"
    message: Uuid
    object: Subject
    withheld: UntoldList = ()
    flags: Annotated[tuple[Flag, ...], Field(max_length=len(Flag))] = ()
    standing: Standing | None = None


class MessageRefusedLeaf(Answering):
    """A message was refused, with the closed reason."""

    action: Literal["message.refused"] = "message.refused"
    message: Uuid | None = None
    reason: RefusalCode
    stage: Stage


class MessageDuplicateLeaf(LeafBase):
    """A message came again; the first receipt is owed once more, under its first ids."""

    action: Literal["message.duplicate"] = "message.duplicate"
    first: Position
    """Of the first receipt's entry."""
    again: Annotated[tuple[Uuid, ...], Field(min_length=1, max_length=MAX_OWED_PER_LEAF)]


class MessageQuarantinedLeaf(LeafBase):
    """A message could not be processed in any attempt and was set aside."""

    action: Literal["message.quarantined"] = "message.quarantined"
    reason: QuarantineReason
    bytes: Count


class MessageOwedLeaf(Obliging):
    """More deliveries, or more who were not told, of the entry before it than fit into one."""

    action: Literal["message.owed"] = "message.owed"
    first: Position
    """Of the entry that it continues."""
    withheld: UntoldList = ()


class ConflictLeaf(Obliging):
    """A conflict was opened, changed or reopened; exact figures are in the detail."""

    action: Literal["conflict.opened", "conflict.changed", "conflict.reopened"]
    conflict: Uuid
    operations: tuple[Uuid, Uuid]
    revisions: tuple[RevisionNumber, RevisionNumber]
    rule: RuleCited
    rule_version: VersionCited

    @staticmethod
    def action_for(change: Change) -> Literal["conflict.opened", "conflict.changed", "conflict.reopened"]:
        """The action's name for a change."""
        match change:
            case Change.OPENED:
                return "conflict.opened"
            case Change.CHANGED:
                return "conflict.changed"
            case Change.REOPENED:
                return "conflict.reopened"


class ConflictClosedLeaf(Obliging):
    """A conflict no longer holds."""

    action: Literal["conflict.closed"] = "conflict.closed"
    conflict: Uuid
    operations: tuple[Uuid, Uuid]
    reason: CloseReason


class AuthorityLapsedLeaf(Obliging):
    """A live operation is without the authority that it names."""

    action: Literal["authority.lapsed"] = "authority.lapsed"
    operation: Uuid


class RelaySettledLeaf(LeafBase):
    """Deliveries that the broker has confirmed."""

    action: Literal["relay.settled"] = "relay.settled"
    dispatches: Ids


class RelayTroubleLeaf(LeafBase):
    """Deliveries whose state changed otherwise."""

    action: Literal["relay.returned", "relay.refused", "relay.unknown", "relay.parked", "relay.released"]
    dispatches: Ids


class FeedWithdrawnLeaf(Obliging):
    """A content lost its ground between acceptance and delivery; the stub goes under the same number."""

    action: Literal["feed.withdrawn"] = "feed.withdrawn"
    dispatches: Annotated[Ids, Field(max_length=MAX_OWED_PER_LEAF)]
    reason: WithdrawnReason


class FeedReadLeaf(LeafBase):
    """A caller read its agency's feed over HTTP; all that it read in a while. Who it was stands in the detail."""

    action: Literal["feed.read"] = "feed.read"
    count: Annotated[int, Field(ge=1, le=MAX_SAFE_INTEGER)]
    first: Annotated[int, Field(ge=1, le=MAX_SAFE_INTEGER)]
    """The lowest number that was shown."""
    last: Annotated[int, Field(ge=1, le=MAX_SAFE_INTEGER)]


class Failed(Canonical):
    """How often, and why."""

    count: Annotated[int, Field(ge=1, le=MAX_SAFE_INTEGER)]
    reason: TokenFlaw


class SignInFailedLeaf(LeafBase):
    """Callers of the HTTP door were refused; all of a minute, so that a flood cannot fill the journal.

    The actor is the agency whose token it was, where a good signature proved it; else the coordinator itself.
    """

    action: Literal["signin.failed"] = "signin.failed"
    count: Annotated[int, Field(ge=1, le=MAX_SAFE_INTEGER)]
    reasons: Annotated[tuple[Failed, ...], Field(min_length=1, max_length=len(TokenFlaw))]


class TokenRevokedLeaf(LeafBase):
    """An operator revoked a token of the HTTP door; whose it was is known where the token itself was given."""

    action: Literal["token.revoked"] = "token.revoked"
    token: Uuid
    """Its `jti`."""
    agency: AgencyId | None = None
    roles: Annotated[tuple[AccessRole, ...], Field(max_length=len(AccessRole))] = ()
    ends: Moment
    """From when on it is not remembered, because it has ended by itself."""


class ServiceLeaf(LeafBase):
    """The service started or stopped."""

    action: Literal["service.started", "service.stopped"]


class DirectoryChangedLeaf(LeafBase):
    """The directory file is another one than at the last start."""

    action: Literal["directory.changed"] = "directory.changed"
    digest: HexHash


class DeadReplayedLeaf(LeafBase):
    """An operator handed a dead message to intake again."""

    action: Literal["dead.replayed"] = "dead.replayed"
    reference: Uuid


Leaf = Annotated[
    MessageAcceptedLeaf
    | MessageRefusedLeaf
    | MessageDuplicateLeaf
    | MessageQuarantinedLeaf
    | MessageOwedLeaf
    | ConflictLeaf
    | ConflictClosedLeaf
    | AuthorityLapsedLeaf
    | RelaySettledLeaf
    | RelayTroubleLeaf
    | FeedWithdrawnLeaf
    | FeedReadLeaf
    | SignInFailedLeaf
    | TokenRevokedLeaf
    | ServiceLeaf
    | DirectoryChangedLeaf
    | DeadReplayedLeaf,
    Field(discriminator="action"),
]
"""Every entry that the journal may hold."""

LEAF: TypeAdapter[Leaf] = TypeAdapter(Leaf)


def encode(leaf: LeafBase) -> bytes:
    """The bytes that are stored and hashed, once: sorted keys, absent fields left out."""
    return to_json(leaf, exclude_none=True)


def commitment(salt: bytes, detail: bytes) -> str:
    """HMAC-SHA-256 over the erasable detail; without the salt it confirms nothing (`audit.md`)."""
    return hmac.digest(salt, detail, "sha256").hex()
