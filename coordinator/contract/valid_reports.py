"""Examples of the coordinator's answers and reminders beyond receipts."""

from collections.abc import Iterator
from typing import Final

from coordinator.contract.example import Json, Valid, ident
from coordinator.contract.valid_answers import OPERATION, POINTER, SEALED, attributes, body, own

_SHARE: Final = {"agency": "hsi", "id": ident("intelligence.share one-recipient")}
_LOOKED: Final = {"start": "2026-11-27T22:00:00Z", "end": "2026-11-28T05:00:00Z", "grid_km": 1}


def reports() -> Iterator[Valid]:
    """`deconfliction.result`, `deconfliction.escalation`, `recall.outstanding`."""
    for answer in ("possible", "none_known"):
        yield own("deconfliction.result", answer.replace("_", "-"), _result(answer))
    exercise = {"status": "exercise", "coverage": "not_deconflicted_against_actual"}
    yield own("deconfliction.result", "exercise", _result("none_known") | exercise)
    yield own("deconfliction.result", "every-field", _result("possible"), **attributes("deconfliction.result"))
    for level, reason in (("watch_desk", "not_acknowledged"), ("supervisor", "not_decided")):
        yield own("deconfliction.escalation", level.replace("_", "-"), _escalation(level, reason))
    sealed = _escalation("headquarters", "imminent") | {"pointer": SEALED}
    yield own("deconfliction.escalation", "headquarters-of-a-sealed-one", sealed)
    every = _escalation("headquarters", "decisions_differ")
    yield own("deconfliction.escalation", "every-field", every, **attributes("deconfliction.escalation"))
    yield own("recall.outstanding", "two", _outstanding(["mshp", "dps"]))
    yield own("recall.outstanding", "none-any-more", _outstanding([]))
    yield own("recall.outstanding", "every-field", _outstanding(["dps"]), **attributes("recall.outstanding"))


def retention() -> Iterator[Valid]:
    """`record.review` and `record.purged`."""
    due = {"due": "2026-12-04T18:00:00Z"}
    review = body() | due | {"record": {"message": _SHARE}, "reason": "review_due"}
    operation = {"record": {"operation_id": OPERATION}}
    yield own("record.review", "intelligence", review)
    yield own("record.review", "operation", review | operation | {"reason": "retention_ends"})
    yield own("record.review", "every-field", review, **attributes("record.review"))
    yield own("record.review", "every-field-of-an-operation", review | operation | {"reason": "hold_ends"})
    purged = body() | {"purged": "2026-11-27T18:00:00Z", "record": {"message": _SHARE}, "reason": "not_validated"}
    yield own("record.purged", "intelligence", purged)
    yield own("record.purged", "operation", purged | operation | {"reason": "retention_ended"})
    yield own("record.purged", "every-field", purged, **attributes("record.purged"))


def _result(answer: str) -> Json:
    question = {"agency": "mshp", "id": ident("deconfliction.request area-point")}
    found = {"target": question, "position": 1_027, "answer": answer, "coverage": "actual", "looked": _LOOKED}
    return body() | found


def _escalation(level: str, reason: str) -> Json:
    since = {"waiting_since": "2026-11-27T17:00:00Z"}
    return body() | {"level": level, "reason": reason, "pointer": POINTER} | since


def _outstanding(agencies: list[str]) -> Json:
    recall = {"agency": "hsi", "id": ident("message.recall sent-in-error")}
    return body() | {"target": _SHARE, "recall": recall, "outstanding": agencies, "since": "2026-11-27T17:00:00Z"}
