"""What an admitted message does to the state of the object that it names, as values."""

from dataclasses import dataclass
from typing import TypeAlias

from coordinator.model.codes import AcknowledgeLevel
from coordinator.model.decisions import RefusalCode, Refused, Stage
from coordinator.model.plan import Target
from coordinator.model.policy import AgreementWord, CredentialWord, PartyWord
from coordinator.model.recorded import Party, Row
from coordinator.model.reports import Answer, Looked
from coordinator.model.volume import Registered


@dataclass(frozen=True, slots=True)
class OperationEffect:
    """An operation's state before and after; `moved` when its volume must be compared anew."""

    before: Registered | None
    after: Registered
    moved: bool
    told: tuple[str, ...] | None = None
    """Who hears of its end, by role."""


@dataclass(frozen=True, slots=True)
class AgreementEffect:
    """One side's new word on an agreement."""

    word: AgreementWord


@dataclass(frozen=True, slots=True)
class CredentialEffect:
    """One side's new word on a credential."""

    word: CredentialWord


@dataclass(frozen=True, slots=True)
class PartyEffect:
    """The lead's new word on a party."""

    word: PartyWord
    row: Party


@dataclass(frozen=True, slots=True)
class AcknowledgeEffect:
    """How far a message got with a person."""

    target: Target
    level: AcknowledgeLevel
    officer_id: str | None


@dataclass(frozen=True, slots=True)
class Answered:
    """What a question is answered with."""

    answer: Answer
    looked: Looked


@dataclass(frozen=True, slots=True)
class RecordedEffect:
    """What was said is kept, and nothing else changes yet."""

    rows: tuple[Row, ...]
    told: tuple[str, ...] | None = None
    """Whom it goes to by role, where only the store knows; None: as it was judged."""
    passes: int | None = None
    """The key of an earlier message that goes along."""
    answered: Answered | None = None


@dataclass(frozen=True, slots=True)
class NoEffect:
    """The message changes no state; it is passed on."""


Effect: TypeAlias = (
    OperationEffect | AgreementEffect | CredentialEffect | PartyEffect | AcknowledgeEffect | RecordedEffect | NoEffect
)


def refused(code: RefusalCode, field: str) -> Refused:
    """Refused by what the store knows."""
    return Refused(code, Stage.REGISTER, field)
