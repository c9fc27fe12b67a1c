"""Writes messages as the agencies' systems do: envelope, common part, bytes."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import orjson

from coordinator.demo.ground import Json
from coordinator.demo.letters import Expectation, Letter
from coordinator.demo.parties import ori_of, phone_of
from coordinator.demo.scenario import Scenario
from coordinator.demo.weekend import Weekend
from coordinator.model.codes import Marking, Purpose, Regime, Status, YesNo
from coordinator.model.envelope import TYPE_PREFIX
from coordinator.model.identity import RANDOM_BYTES, uuid7

_EPOCH_MS = 1_767_225_600_000
"""2026-01-01: the play's own identifiers count from here, so that they depend on the seed alone."""


@dataclass(frozen=True, slots=True)
class Said:
    """Where and by whom a message is said, beside what it says."""

    key: str
    act: str
    agency: str
    title: str
    """What it is about, in words."""
    where: str = ""
    system: str | None = None
    claims: str | None = None
    """Another agency that `source` is made to name."""
    routine: bool = False


@dataclass(frozen=True, slots=True)
class Handled:
    """Whether the world is meant, and how recipients must treat the content."""

    status: Status = Status.ACTUAL
    marking: Marking = Marking.AMBER
    regime: Regime = Regime.OPERATIONAL


AS_USUAL = Handled()


@dataclass(slots=True)
class Pen:
    """Writes one message after the other."""

    scenario: Scenario
    weekend: Weekend
    rng: random.Random
    _numbers: Mapping[str, int] = field(init=False)
    _ids: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Number the agencies: their invented identifiers and telephones count on from that."""
        self._numbers = {row.id: number for number, row in enumerate(self.scenario.agency)}

    def new_id(self) -> str:
        """An identifier that depends on the seed alone."""
        self._ids += 1
        return uuid7(_EPOCH_MS + self._ids, self.rng.randbytes(RANDOM_BYTES))

    def common(self, agency: str, to: Iterable[str], purpose: Purpose, handled: Handled = AS_USUAL) -> Json:
        """The part that every body carries."""
        return {
            "to": list(to),
            "originator": {"ori": ori_of(self._numbers[agency])},
            "purpose": purpose,
            "status": handled.status,
            "handling": {"marking": handled.marking, "regime": handled.regime, "redisseminate": YesNo.NO},
        }

    def contact(self, agency: str) -> Json:
        """Whom the other side calls: the watch desk, and the supervisor when it does not answer."""
        number = self._numbers[agency]
        return {"callback": phone_of(number), "backup": phone_of(number, 1)}

    def letter(self, said: Said, name: str, data: Json, expected: Expectation) -> Letter:
        """Write a message down; these bytes are what every recipient must get."""
        message = self.new_id()
        speaker = said.claims or said.agency
        event = {
            "specversion": "1.0",
            "type": f"{TYPE_PREFIX}{name}.v1",
            "source": f"//{speaker}/{self.scenario.system(speaker, said.system)}",
            "id": message,
            "time": self.weekend.now.isoformat(timespec="milliseconds"),
            "data": data,
        }
        body = orjson.dumps(event)
        return Letter(
            said.key, said.act, said.agency, message, name, said.title, said.where, body, expected, said.routine
        )
