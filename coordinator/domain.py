"""What the walk knows beside the store, and where it gets moments, identifiers and salts from."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from coordinator.model.directory import Directory
from coordinator.model.identity import RANDOM_BYTES, moment_half, random_half
from coordinator.steps import validate

SALT_BYTES = 32


def system_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


class Identifiers:
    """Fresh identifiers that sort by time; what is random in them is made for many at once."""

    def __init__(self, at_once: int = 32) -> None:
        self._at_once = at_once
        self._random: list[str] = []
        self._millisecond = -1
        self._moment = ""

    def __call__(self) -> str:
        """The next identifier."""
        if not self._random:
            noise = secrets.token_bytes(self._at_once * RANDOM_BYTES)
            self._random = [random_half(noise[at : at + RANDOM_BYTES]) for at in range(0, len(noise), RANDOM_BYTES)]
        millisecond = time.time_ns() // 1_000_000
        if millisecond != self._millisecond:
            self._millisecond, self._moment = millisecond, moment_half(millisecond)
        return self._moment + self._random.pop()


def system_id() -> str:
    """One fresh identifier."""
    return Identifiers(1)()


class Salts:
    """Random 256-bit salts, each for one commitment (`audit.md`); drawn for many at once."""

    def __init__(self, at_once: int = 16) -> None:
        self._at_once = at_once
        self._drawn: list[bytes] = []

    def __call__(self) -> bytes:
        """The next salt."""
        if not self._drawn:
            noise = secrets.token_bytes(self._at_once * SALT_BYTES)
            self._drawn = [noise[at : at + SALT_BYTES] for at in range(0, len(noise), SALT_BYTES)]
        return self._drawn.pop()


@dataclass(frozen=True, slots=True)
class Domain:
    """What the walk knows beside the store: who the parties are, what is accepted, and its sources of time and ids."""

    id: str
    directory: Directory
    bounds: validate.Bounds
    clock: Callable[[], datetime] = system_clock
    new_id: Callable[[], str] = field(default_factory=Identifiers)
    new_salt: Callable[[], bytes] = field(default_factory=Salts)

    @property
    def lead(self) -> str:
        """The id of the agency that leads."""
        lead = self.directory.lead
        return lead.id if lead is not None else ""
