"""What a poster is told is what the coordinator's own message says, and nothing else."""

import pytest

from coordinator.contract.example import Valid
from coordinator.contract.examples import valid
from coordinator.http.answers import Told, tell
from coordinator.http.problems import Problem
from coordinator.model.work import Receipt, Verdict

REFUSALS = [each for each in valid() if each.name == "message.refused"]
RECEIPTS = [each for each in valid() if each.name == "message.accepted"]


@pytest.mark.parametrize("example", REFUSALS, ids=lambda each: each.title)
def test_a_refusal_is_told_with_all_that_its_receipt_says(example: Valid) -> None:
    told = tell(Receipt(Verdict.REFUSED, body=example.body))
    assert isinstance(told, Problem)
    data, document = example.message["data"], told.document()
    assert document["errors"] == [{"field": data.get("field"), "reason": data["code"]}]
    assert document["detail"] == data["explanation"]
    for key in ("position", "entry", "digest", "stage", "hint", "withheld"):
        assert document.get(key) == (data.get(key) or None), key


def test_intelligence_that_somebody_may_not_have_names_everyone_who_may_not_and_why() -> None:
    assert any(each.message["data"].get("withheld") for each in REFUSALS)


@pytest.mark.parametrize("verdict", [Verdict.ACCEPTED, Verdict.DUPLICATE])
@pytest.mark.parametrize("example", RECEIPTS, ids=lambda each: each.title)
def test_a_receipt_is_told_whole(example: Valid, verdict: Verdict) -> None:
    told = tell(Receipt(verdict, body=example.body))
    assert isinstance(told, Told)
    data = example.message["data"]
    target = data["target"]
    assert told.status == (201 if verdict is Verdict.ACCEPTED else 200)
    assert (told.document["id"], told.document["agency"], told.document["verdict"]) == (
        target["id"], target["agency"], verdict,
    )  # fmt: skip
    envelope = {"to", "purpose", "status", "handling", "target"}
    assert {key: told.document[key] for key in data if key not in envelope} == {
        key: item for key, item in data.items() if key not in envelope
    }
