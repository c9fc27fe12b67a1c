"""What a feed shows: numbers ready to be shown as lines, a page of them, and a batch that all listeners share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

from coordinator.model.envelope import TYPE_PREFIX
from coordinator.model.work import Dispatch

_ONE_LINE = bytes.maketrans(b"\r\n", b"  ")


class Item(NamedTuple):
    """One number of an agency's feed, ready to be shown."""

    sequence: int
    type: str
    """The short name, such as `operation.notice`."""
    line: bytes
    """`{"sequence": …, "recordedtime": …, "event": …}`, without CR or LF anywhere."""


class Stored(NamedTuple):
    """A number as it is in the store."""

    item: Item
    relying: Dispatch | None = None
    """The delivery, if it is undelivered and relies on an agreement, and so must be judged before it is shown."""


class FeedReading(NamedTuple):
    """What the store told of a feed, in one snapshot."""

    policy_version: int
    stored: Sequence[Stored]
    whole: bool
    """Whether nothing more was there."""


class Page(NamedTuple):
    """A page of a feed that may be shown now."""

    items: Sequence[Item]
    looked: int
    """The last number that was looked at: what comes next comes after it."""
    whole: bool
    """Whether nothing more may be shown now."""


class Exact(NamedTuple):
    """The exact bytes of one message, as its sender wrote them."""

    body: bytes
    jws: str | None = None
    relying: Sequence[Dispatch] = ()
    """The reader's deliveries, if each of them must be judged before the message is shown: one must hold still."""


class Numbered(NamedTuple):
    """What stands under a number of a feed."""

    dispatch: Dispatch
    judged: bool
    """Whether it is undelivered and relies on an agreement, and so must be judged before it is shown."""


class FeedRead(NamedTuple):
    """How much one caller read of its agency's feed in a while."""

    agency: str
    subject: str
    shown: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Batch:
    """New numbers of one agency, in order and without a gap, encoded once for all who listen."""

    items: Sequence[Item]
    _written: dict[object, bytes] = field(init=False, default_factory=dict)

    @property
    def first(self) -> int:
        """The first number."""
        return self.items[0].sequence

    @property
    def last(self) -> int:
        """The last number."""
        return self.items[-1].sequence

    def after(self, cursor: int, types: frozenset[str] | None) -> Sequence[Item]:
        """Those after a number and of these types; None: all."""
        if cursor < self.first and types is None:
            return self.items
        return [each for each in self.items if each.sequence > cursor and (types is None or each.type in types)]

    def written(self, form: Callable[[Item], bytes], cursor: int, types: frozenset[str] | None) -> bytes:
        """Those, in a form that is the same for all who ask for the same."""
        asked = (form, max(cursor, self.first - 1), types)
        found = self._written.get(asked)
        if found is None:
            found = self._written[asked] = b"".join(map(form, self.after(cursor, types)))
        return found


@cache
def short_type(name: str) -> str:
    """`operation.notice` of `gov.mo.coordination.operation.notice.v1`."""
    return name.removeprefix(TYPE_PREFIX).rpartition(".")[0]


def item_of(sequence: int, name: str, recorded: str, body: bytes) -> Item:
    """A number as one line; the event's bytes stand in it as they were sent, so that a signature over them stays good.

    Only a body that was written over several lines is changed: in JSON a raw CR or LF is space between words and
    nothing else (RFC 8259, section 7), so each becomes a space. The exact bytes are at `GET /v1/messages`.
    """
    if b"\n" in body or b"\r" in body:
        body = body.translate(_ONE_LINE)
    line = b'{"sequence":%d,"recordedtime":"%b","event":%b}' % (sequence, recorded.encode(), body)
    return Item(sequence, short_type(name), line)
