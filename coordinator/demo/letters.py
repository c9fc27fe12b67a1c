"""What is sent in the play: the exact bytes of each message, and what must come of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from coordinator.demo.scenario import ActRow, Refusal, Scenario
from coordinator.model.answers import AuthorityVerdict, Change, CloseReason
from coordinator.model.codes import Band, Status
from coordinator.model.decisions import WithheldReason


@dataclass(frozen=True, slots=True)
class Expectation:
    """What must come of a message."""

    told: frozenset[str] = frozenset()
    """Exactly the agencies that receive it."""
    withheld: Mapping[str, WithheldReason] = field(default_factory=dict)
    authority: AuthorityVerdict | None = None
    status: Status = Status.ACTUAL
    refused: Refusal | None = None
    tells_lead: bool = False
    """Whether DPS gets a copy of the receipt."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message, ready to be sent through an agency's own account."""

    key: str
    act: str
    agency: str
    id: str
    name: str
    """Short type."""
    title: str
    """What it is about, in words."""
    where: str
    body: bytes
    expected: Expectation
    routine: bool = False
    """Whether it is one of many that nobody needs to read one by one."""


@dataclass(frozen=True, slots=True)
class Sketch:
    """An operation as people speak of it."""

    key: str
    agency: str
    name: str
    where: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class ExpectedConflict:
    """A pair of operations that must be found, with all that both sides hear of it, in order."""

    operations: frozenset[str]
    band: Band
    history: tuple[Change | CloseReason, ...]
    sealed: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Program:
    """The whole play, composed."""

    scenario: Scenario
    letters: tuple[Letter, ...]
    """In the order in which they are sent; each belongs to an act."""
    operations: Mapping[str, Sketch]
    """By operation id."""
    conflicts: tuple[ExpectedConflict, ...]
    apart: tuple[tuple[frozenset[str], str], ...]
    """Pairs that come near and must not be found, and why not."""
    _by_sender: Mapping[tuple[str, str], Letter] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Index the messages by sender and id."""
        object.__setattr__(self, "_by_sender", {(each.agency, each.id): each for each in self.letters})

    def of(self, act: ActRow) -> tuple[Letter, ...]:
        """The messages of an act, in order."""
        return tuple(letter for letter in self.letters if letter.act == act.key)

    def again(self, act: ActRow) -> tuple[Letter, ...]:
        """The messages of earlier acts that are sent once more in this one."""
        wanted = {row.message for row in self.scenario.again if row.act == act.key}
        return tuple(letter for letter in self.letters if letter.key in wanted)

    def letter(self, agency: str, message: str) -> Letter | None:
        """The message of that agency and id."""
        return self._by_sender.get((agency, message))
