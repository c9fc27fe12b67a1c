"""Step 7: numbers everything (positions, sequences, messages, deliveries); the plan of a transaction grows here."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import orjson
from pydantic_core import to_json

from coordinator.journal.merkle import leaf_hash
from coordinator.model.base import COORDINATOR
from coordinator.model.codes import Lane
from coordinator.model.leaf import (
    MAX_OWED_PER_LEAF,
    MAX_SETTLED_PER_LEAF,
    MAX_WITHHELD_PER_LEAF,
    Channel,
    LeafBase,
    MessageOwedLeaf,
    RelaySettledLeaf,
    RelayTroubleLeaf,
    Untold,
    commitment,
    encode,
)
from coordinator.model.messages import type_of
from coordinator.model.plan import DispatchRow, Head, Known, LeafRow, MessageRow, Plan
from coordinator.model.work import Fate, Grant, Settlement, Telling

T = TypeVar("T")


def stamp(moment: datetime) -> str:
    """A moment as leaves, rows and headers write it: UTC, microseconds, `Z`."""
    # Four times as fast as `isoformat`; where there are no microseconds they are left out, and so are added here.
    text = orjson.dumps(moment.astimezone(UTC), option=orjson.OPT_UTC_Z)[1:-1].decode()
    return text if moment.microsecond else f"{text[:-1]}.000000Z"


@dataclass(slots=True)
class Draft:
    """The plan of one transaction while it grows; ids, salts and the moment are given, nothing is read from outside."""

    known: Known
    now: datetime
    source: str
    new_id: Callable[[], str]
    new_salt: Callable[[], bytes]
    plan: Plan = field(init=False)
    _position: int = field(init=False)
    _message: int = field(init=False)
    _dispatch: int = field(init=False)
    _moment: str = field(init=False)
    _base: dict[str, object] = field(init=False)

    def __post_init__(self) -> None:
        """Take the next numbers from the locked head."""
        head = self.known.head
        self._position, self._message, self._dispatch = head.position, head.message, head.dispatch
        self.plan = Plan(head)
        self._moment = stamp(self.now)
        self._base = {"t": self._moment, "actor": {"agency": COORDINATOR}, "channel": Channel.SERVICE}

    @property
    def position(self) -> int:
        """The position that the next entry will have."""
        return self._position

    def finish(self, policy_version: int) -> Plan:
        """Advance the head, last of all."""
        self.plan.head = Head(self._position, self._message, self._dispatch, policy_version)
        return self.plan

    def reserve(self) -> int:
        """Take the key of a message whose content follows."""
        self._message += 1
        return self._message - 1

    def keep(self, row: MessageRow) -> None:
        """Keep a content; deliveries refer to it."""
        self.plan.messages.append(row)

    def owe(self, recipient: str, lane: Lane, message: int, agreement: str | None = None) -> DispatchRow:
        """Owe a delivery of a message: the next number in the recipient's feed."""
        feeds = self.plan.feeds
        sequence = (feeds[recipient] if recipient in feeds else self.known.feeds.get(recipient, 0)) + 1
        feeds[recipient] = sequence
        owed = DispatchRow(
            self._dispatch, self.new_id(), recipient, lane, sequence, message, self._position, agreement, self._moment
        )
        self.plan.dispatches.append(owed)
        self._dispatch += 1
        return owed

    def tell(self, telling: Telling) -> DispatchRow:
        """Write one of the coordinator's own messages, and owe it."""
        key = self.reserve()
        self.write(key, telling, self._position)
        return self.owe(telling.recipient, telling.kind.lane, key)

    def write(self, key: int, telling: Telling, position: int) -> bytes:
        """Write the content of a reserved message that the entry at `position` owes; returns its bytes."""
        name, event_id = type_of(telling.kind), self.new_id()
        event = telling.kind.model_validate(
            {
                "specversion": "1.0",
                "id": event_id,
                "source": self.source,
                "type": name,
                "time": self.now,
                "subject": telling.subject,
                "correlationid": telling.correlation,
                "causationid": telling.causation,
                "dataclassification": telling.body.handling.marking,
                "data": telling.body,
            }
        )
        body = to_json(event, exclude_none=True)
        self.keep(
            MessageRow(key, COORDINATOR, event_id, self.source, name, body, position, correlation=telling.correlation)
        )
        return body

    def enter(
        self,
        kind: type[LeafBase],
        agency: str,
        fields: Mapping[str, object],
        detail: Mapping[str, object] | None = None,
        owed: Sequence[DispatchRow] = (),
    ) -> bytes:
        """Write an entry at the next position; returns its leaf hash.

        `fields` are the leaf's own beside those of `_base`, and `owed` the deliveries that it obliges us to. What must
        be erasable goes into `detail`, of which the leaf holds a salted commitment.
        """
        salt = detail_bytes = None
        own: dict[str, object] = {**self._base, **fields}
        if "entry" not in own:
            own["entry"] = self.new_id()
        if owed:
            own["owed"] = tuple([_named(row) for row in owed])
        if detail is not None:
            salt, detail_bytes = self.new_salt(), orjson.dumps(detail, option=orjson.OPT_SORT_KEYS)
            own["commit"] = commitment(salt, detail_bytes)
        # The one check of the whole entry, its parts included, which are plain until here.
        leaf = kind.model_validate(own)
        encoded = encode(leaf)
        hashed = leaf_hash(encoded)
        action = encoded_action(leaf)
        self.plan.leaves.append(
            LeafRow(self._position, leaf.entry, encoded, hashed, action, agency, leaf.t, salt, detail_bytes)
        )
        self._position += 1
        return hashed


def _named(row: DispatchRow) -> dict[str, object]:
    """A delivery as a leaf names it (`Owed`)."""
    return {"id": row.id, "to": row.recipient, "seq": row.sequence, "lane": row.lane, "agreement": row.agreement}


def encoded_action(leaf: LeafBase) -> str:
    """The action's name, `noun.verb`."""
    action: str = leaf.action  # type: ignore[attr-defined]  # every kind in the union `Leaf` has one
    return action


def grant_all(draft: Draft, grants: Sequence[Grant], lane: Lane, message: int) -> list[DispatchRow]:
    """Owe a message to each recipient that may be told."""
    return [draft.owe(grant.agency, lane, message, grant.agreement) for grant in grants]


def overflow(
    draft: Draft, owed: Sequence[DispatchRow], first: int, agency: str, withheld: Sequence[Untold] = ()
) -> None:
    """Enter the deliveries, and those not told, that do not fit into the entry that names them."""
    if len(owed) <= MAX_OWED_PER_LEAF and len(withheld) <= MAX_WITHHELD_PER_LEAF:
        return
    for part in _parts(owed[MAX_OWED_PER_LEAF:], MAX_OWED_PER_LEAF):
        draft.enter(MessageOwedLeaf, agency, {"first": first}, owed=part)
    for untold in _parts(withheld[MAX_WITHHELD_PER_LEAF:], MAX_WITHHELD_PER_LEAF):
        draft.enter(MessageOwedLeaf, agency, {"first": first, "withheld": untold})


def settled(draft: Draft, settlements: Sequence[Settlement]) -> None:
    """Enter how deliveries fared: the confirmed ones together, any other when its state changes."""
    relay = {"channel": Channel.RELAY}
    confirmed = [each.id for each in settlements if each.fate is Fate.CONFIRMED]
    for ids in _parts(confirmed, MAX_SETTLED_PER_LEAF):
        draft.enter(RelaySettledLeaf, COORDINATOR, {**relay, "dispatches": ids})
    for action, chosen in _troubles(settlements).items():
        for ids in _parts(chosen, MAX_SETTLED_PER_LEAF):
            draft.enter(RelayTroubleLeaf, COORDINATOR, {**relay, "action": action, "dispatches": ids})
    draft.plan.settlements.extend(settlements)


def _parts(items: Sequence[T], size: int) -> Iterator[tuple[T, ...]]:
    return (tuple(items[start : start + size]) for start in range(0, len(items), size))


_ACTION = {Fate.RETURNED: "relay.returned", Fate.NACKED: "relay.refused", Fate.UNKNOWN: "relay.unknown"}


def _troubles(settlements: Sequence[Settlement]) -> dict[str, list[str]]:
    """Only the first of several like outcomes is a change of state; parking is one of its own."""
    found: dict[str, list[str]] = {}
    for each in settlements:
        if each.park:
            found.setdefault("relay.parked", []).append(each.id)
        elif each.news:
            found.setdefault(_ACTION[each.fate], []).append(each.id)
    return found
