"""What the agencies' systems have received, told apart by `message_id`, and how the play waits for more of it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coordinator.model.codes import Lane
from coordinator.model.errors import CoordinatorError

PATIENCE_S = 30.0
"""How long the play waits for what must come, before it says that it did not."""

_LOOK_S = 0.05
RECEIPTS = frozenset({"message.accepted", "message.refused"})


class StalledError(CoordinatorError):
    """Something that was promised did not come in time; the text says what."""


@dataclass(frozen=True, slots=True)
class Received:
    """One delivery, as the recipient's system sees it."""

    agency: str
    lane: Lane
    dispatch: str
    """The property `message_id`."""
    sequence: int
    name: str
    """Short type."""
    body: bytes
    event: Mapping[str, Any]  # any JSON object
    claimed: tuple[str, str]
    """The headers `ce-source` and `ce-id`."""

    @property
    def data(self) -> Mapping[str, Any]:  # any JSON object
        """The body of the event."""
        found: Mapping[str, Any] = self.event["data"]
        return found

    @property
    def key(self) -> tuple[str, str]:
        """Whose message it is, and its id."""
        return str(self.event["source"])[2:].partition("/")[0], str(self.event["id"])


@dataclass(slots=True)
class Mailbox:
    """All that one agency has received over both its queues."""

    agency: str
    received: dict[str, Received] = field(default_factory=dict)
    """By dispatch id, in the order of arrival."""
    repeats: Counter[str] = field(default_factory=Counter)
    """How often a dispatch came again."""
    contradictions: list[str] = field(default_factory=list)
    """Dispatches that came again with other bytes or another number."""
    whole_to: int = 0
    """Up to which number the feed is there without a gap."""
    _numbers: set[int] = field(default_factory=set)
    _answers: dict[str, Received] = field(default_factory=dict)

    def take(self, received: Received) -> bool:
        """Keep a delivery; false when it had come before."""
        known = self.received.get(received.dispatch)
        if known is None:
            self.received[received.dispatch] = received
            self._index(received)
            return True
        self.repeats[received.dispatch] += 1
        if (known.body, known.sequence) != (received.body, received.sequence):
            self.contradictions.append(received.dispatch)
        return False

    def in_order(self) -> Sequence[Received]:
        """Everything, in the order of the feed."""
        return sorted(self.received.values(), key=lambda each: each.sequence)

    def of(self, *names: str) -> Iterator[Received]:
        """What came of these short types, in the order of the feed."""
        return (each for each in self.in_order() if each.name in names)

    def receipt(self, message: str) -> Received | None:
        """The answer to one of the agency's own messages."""
        return self._answers.get(message)

    def _index(self, received: Received) -> None:
        self._numbers.add(received.sequence)
        while self.whole_to + 1 in self._numbers:
            self.whole_to += 1
        target = received.data.get("target", {}) if received.name in RECEIPTS else {}
        if target.get("agency") == self.agency:
            self._answers.setdefault(str(target["id"]), received)


@dataclass(slots=True)
class Mailroom:
    """Every agency's mailbox."""

    boxes: Mapping[str, Mailbox]
    tell: Callable[[Received], None]
    """Called for every delivery that is new."""
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def total(self) -> int:
        """How many deliveries have come, each counted once."""
        return sum(len(box.received) for box in self.boxes.values())

    def take(self, received: Received) -> None:
        """Keep a delivery, and wake whoever waits for it."""
        if self.boxes[received.agency].take(received):
            self.tell(received)
        self._news.set()

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Return when it holds; raises `StalledError` when that takes too long."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not holds():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            msg = f"within {PATIENCE_S:g} s it did not happen that {what}"
            raise StalledError(msg) from None


async def eventually(question: Callable[[], Awaitable[bool]], what: str) -> None:
    """Ask again and again until the answer is yes; raises `StalledError` when that takes too long."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await question():  # noqa: ASYNC110  # what is asked has no event that could be waited for
                await asyncio.sleep(_LOOK_S)
    except TimeoutError:
        msg = f"within {PATIENCE_S:g} s it did not happen that {what}"
        raise StalledError(msg) from None
