"""The decision table: every type has a rule, the page says it, and nothing is refused that the page does not name."""

import pytest

from coordinator.contract.decisions import decisions
from coordinator.contract.example import Invalid
from coordinator.contract.examples import invalid
from coordinator.model.decisions import RefusalCode, Stage
from coordinator.model.messages import INCOMING_TYPES, OUTGOING_TYPES
from coordinator.model.rules import AUDIENCES, HEARD, OF_ANY_TYPE, SPEAKERS, Audience, Heard, Speaker
from tests.documents import ROOT, table

RULES = {model.name: model.rule for model in INCOMING_TYPES}
PAGE = ROOT / "docs" / "decisions.md"
BY_RIGHT = [each for each in invalid() if each.name in RULES and each.refusal.stage is Stage.AUTHORISE]
OF_SHAPE = frozenset(
    {
        RefusalCode.UNKNOWN_TYPE,
        RefusalCode.UNKNOWN_FIELD,
        RefusalCode.MISSING_FIELD,
        RefusalCode.INVALID_FIELD,
        RefusalCode.MARKING_NOT_ALLOWED,
        RefusalCode.CLOCK_SKEW,
    }
)
"""What the schema of a type, its marking and its clock say; the page speaks of them once for all types."""


def test_the_page_is_what_the_rules_say() -> None:
    assert PAGE.read_bytes() == decisions()


def test_the_page_has_a_row_for_every_type() -> None:
    assert [row[0].strip("`") for row in table(PAGE, "decisions")] == [model.name for model in INCOMING_TYPES]
    own = {row[0].strip("`"): row[2] for row in table(PAGE, "own")}
    assert own == {model.name: model.lane.value for model in OUTGOING_TYPES}


def test_every_word_of_a_rule_is_explained_and_in_use() -> None:
    assert set(SPEAKERS) == set(Speaker)
    assert {rule.speaker for rule in RULES.values()} == set(Speaker)
    assert set(AUDIENCES) == set(Audience) == {rule.audience for rule in RULES.values()}
    assert set(HEARD) == set(Heard) == {rule.heard for rule in RULES.values()}


def test_every_refusal_by_right_or_state_stands_on_the_page_of_some_type() -> None:
    said = {code for rule in RULES.values() for code in rule.refusals} | set(OF_ANY_TYPE)
    of_bytes_and_doors = set(RefusalCode) - said - OF_SHAPE
    assert of_bytes_and_doors == {
        RefusalCode.UNREADABLE_HEADERS,
        RefusalCode.FORBIDDEN_PROPERTY,
        RefusalCode.USER_ID_MISSING,
        RefusalCode.CONTENT_TYPE,
        RefusalCode.CONTENT_ENCODING,
        RefusalCode.TOO_LARGE,
        RefusalCode.TOO_DEEP,
        RefusalCode.TOO_MANY_PARTS,
        RefusalCode.NOT_UTF8,
        RefusalCode.NOT_JSON,
        RefusalCode.DUPLICATE_KEY,
        RefusalCode.NUMBER_OUT_OF_RANGE,
        RefusalCode.FORBIDDEN_CHARACTER,
        RefusalCode.NOT_FROM_AN_AGENCY,
    }


@pytest.mark.parametrize("example", BY_RIGHT, ids=lambda each: f"{each.name}.{each.title}")
def test_what_refuses_an_example_by_right_stands_on_the_page(example: Invalid) -> None:
    assert example.refusal.code in {*RULES[example.name].refusals, *OF_ANY_TYPE}


@pytest.mark.parametrize(
    "example",
    [each for each in invalid() if each.name in RULES and each.refusal.stage is Stage.VALIDATE],
    ids=lambda each: f"{each.name}.{each.title}",
)
def test_what_refuses_an_example_by_its_words_stands_on_the_page(example: Invalid) -> None:
    allowed = {*RULES[example.name].refusals, *OF_SHAPE}
    assert example.refusal.code in allowed
    if example.refusal.code is RefusalCode.CLOCK_SKEW:
        assert RULES[example.name].heard is not Heard.ALWAYS
