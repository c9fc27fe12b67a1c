"""What a poster is told: a receipt, or a problem, made from the coordinator's own answer alone."""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from coordinator.http.problems import FieldError, Problem, ProblemCode
from coordinator.model.decisions import RefusalCode, Stage
from coordinator.model.work import Receipt, Verdict

_ENVELOPE: Final = frozenset({"to", "purpose", "status", "handling", "target"})
"""Of the coordinator's message, what says nothing about the verdict."""
_OF_A_REFUSAL: Final = ("position", "entry", "digest", "stage", "hint")
_TOO_LARGE: Final = RefusalCode.TOO_LARGE.value
_UNREAD: Final = frozenset({Stage.DOOR.value, Stage.DECODE.value})
UNKNOWN: Final = "no verdict is known: send the same bytes under the same id again, whatever became of them"


@dataclass(frozen=True, slots=True)
class Told:
    """A message is accepted, now or at its first coming."""

    status: int
    document: dict[str, object]

    @property
    def location(self) -> str:
        """Where the message is read back."""
        return f"/v1/messages/{self.document['agency']}/{self.document['id']}"


def tell(receipt: Receipt | None) -> Told | Problem:
    """Say what became of a message; None where no verdict is known."""
    if receipt is None:
        return Problem(ProblemCode.UNAVAILABLE, UNKNOWN, headers={"Retry-After": "1"})
    match receipt.verdict:
        case Verdict.ACCEPTED | Verdict.DUPLICATE | Verdict.REFUSED if receipt.body is not None:
            data = orjson.loads(receipt.body)["data"]
            return _refused(data) if "code" in data else _accepted(receipt.verdict, data)
        case _:
            detail = "this message could not be processed and nothing is recorded; tell the operator the request id"
            return Problem(ProblemCode.INTERNAL, detail)


def _accepted(verdict: Verdict, data: dict[str, Any]) -> Told:
    target = data["target"]
    rest = {key: value for key, value in data.items() if key not in _ENVELOPE}
    document: dict[str, object] = {"id": target["id"], "agency": target["agency"], "verdict": verdict.value, **rest}
    return Told(201 if verdict is Verdict.ACCEPTED else 200, document)


def _refused(data: dict[str, Any]) -> Problem:
    code, target = data["code"], data.get("target")
    more: dict[str, object] = {key: data[key] for key in _OF_A_REFUSAL if key in data}
    if target is not None:
        more["id"] = target["id"]
    if data.get("withheld"):
        more["withheld"] = data["withheld"]
    errors = [FieldError(data.get("field"), code)]
    return Problem(_problem_code(code, data["stage"]), data["explanation"], errors, more=more)


def _problem_code(code: str, stage: str) -> ProblemCode:
    if code == _TOO_LARGE:
        return ProblemCode.TOO_LARGE
    return ProblemCode.UNREADABLE if stage in _UNREAD else ProblemCode.REFUSED
