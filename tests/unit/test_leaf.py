"""The journal's leaves: canonical, bounded, and without a field that could hold prose or a person."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from coordinator.contract.example import ident
from coordinator.model.answers import Change, Withheld
from coordinator.model.base import MAX_SAFE_INTEGER
from coordinator.model.decisions import WithheldReason
from coordinator.model.leaf import (
    LEAF,
    MAX_LEAF_BYTES,
    ConflictLeaf,
    LeafBase,
    MessageOwedLeaf,
    commitment,
    encode,
    untold,
)
from coordinator.model.plan import Head, Known
from coordinator.steps.record import Draft, overflow
from tests.unit.example_world import Json

UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
CLOSED: Final[Mapping[str, tuple[str, str]]] = {
    # pattern: what it can hold, and the longest there is
    UUID: ("a UUID", ident("any")),
    r"^[0-9a-f]{64}$": ("a SHA-256", "f" * 64),
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$": ("a moment", "2026-11-27T18:00:00.000000Z"),
    r"^[a-z0-9-]{2,32}$": ("an agency's id", "a" * 32),
    r"^[a-z0-9-]{1,32}$": ("a system's id", "a" * 32),
    r"^[a-z]{1,32}\.[a-z]{1,32}$": ("a type's short name", f"{'a' * 32}.{'a' * 32}"),
    r"^[a-z0-9-]{2,32}(\+[a-z0-9-]{2,32})?$": (
        "the id of a rule of the directory, or of two",
        f"{'a' * 32}+{'a' * 32}",
    ),
    r"^[A-Za-z0-9.-]{1,16}(\+[A-Za-z0-9.-]{1,16})?$": ("the version of a rule, or of two", f"{'1' * 16}+{'1' * 16}"),
}
"""Every pattern of a text in any leaf. Whoever adds one says here what it can hold."""


@cache
def schema() -> Json:
    return LEAF.json_schema()


def kinds() -> dict[str, Json]:
    """The schema of every leaf, by its name."""
    return {ref["$ref"].rpartition("/")[2]: _at(ref) for ref in schema()["oneOf"]}


def _at(part: Json) -> Json:
    """A schema, or the one that it refers to."""
    found: Json = schema()["$defs"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
    return found


def _without_null(part: Json) -> Json:
    found: Json = next(each for each in part.get("anyOf", [part]) if each != {"type": "null"})
    return _at(found)


def _fields(part: Json, before: str) -> Iterator[tuple[str, Json]]:
    """Every field of a leaf that holds a value of its own, by its dotted name."""
    part = _without_null(part)
    match part:
        case {"properties": dict(properties)}:
            assert part["additionalProperties"] is False, before
            for name, inner in properties.items():
                yield from _fields(inner, f"{before}.{name}")
        case {"type": "array"}:
            for inner in part.get("prefixItems", [part.get("items", {})]):
                yield from _fields(inner, before)
        case _:
            yield before, part


FIELDS = [field for name, part in kinds().items() for field in _fields(part, name)]


# --- what a leaf can hold ---


@pytest.mark.parametrize(("name", "part"), FIELDS, ids=[name for name, _ in FIELDS])
def test_a_field_of_a_leaf_holds_a_closed_word_or_a_bounded_number(name: str, part: Json) -> None:
    assert name.isascii()
    match part:
        case {"const": _} | {"enum": _}:
            pass
        case {"type": "string"}:
            assert part.get("pattern") in CLOSED, f"{name} is a text that could hold anything"
        case {"type": "integer"}:
            assert part["minimum"] >= 0
            assert part["maximum"] <= MAX_SAFE_INTEGER
        case _:
            pytest.fail(f"{name} is neither a word nor a number: {part}")


def test_every_closed_pattern_is_in_use() -> None:
    assert {part["pattern"] for _, part in FIELDS if "pattern" in part} == set(CLOSED)


@pytest.mark.parametrize(
    "prose", ["Jane Doe", "J. Doe, 4127", "+15735550110", "jane@mshp.example", "12 Elm Street", "\n"]
)
def test_no_pattern_of_a_leaf_lets_prose_through(prose: str) -> None:
    assert [pattern for pattern in CLOSED if re.search(pattern.removesuffix("$") + r"\Z", prose)] == []


def test_every_list_has_its_limit() -> None:
    def unbounded(part: Json, before: str) -> Iterator[str]:
        part = _without_null(part)
        if part.get("type") == "array":
            if "maxItems" not in part:
                yield before
            yield from unbounded(part.get("items", {}), before)
        for name, inner in part.get("properties", {}).items():
            yield from unbounded(inner, f"{before}.{name}")

    assert [found for name, part in kinds().items() for found in unbounded(part, name)] == []


def test_actions_are_nouns_with_verbs_and_each_is_of_one_leaf() -> None:
    actions = [action for part in kinds().values() for action in _words(part["properties"]["action"])]
    assert len(actions) == len(set(actions))
    assert all(re.fullmatch(r"[a-z]+\.[a-z]+", action) for action in actions)


def _words(part: Json) -> list[str]:
    return part["enum"] if "enum" in part else [part["const"]]


# --- leaves drawn from their own schema ---


def largest(part: Json) -> Any:  # noqa: ANN401 -- any JSON value
    """The largest value that a schema allows."""
    part = _without_null(part)
    match part:
        case {"properties": dict(properties)}:
            return {name: largest(inner) for name, inner in properties.items()}
        case {"prefixItems": list(items)}:
            return [largest(item) for item in items]
        case {"type": "array"}:
            return [largest(part["items"])] * part["maxItems"]
        case {"type": "integer", "maximum": int(maximum)}:
            return maximum
        case {"type": "string", "pattern": str(pattern)}:
            return CLOSED[pattern][1]
        case _:
            return max(part.get("enum", [part.get("const")]), key=lambda word: len(str(word)))


@cache
def texts(pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(pattern.removesuffix("$") + r"\Z")


def drawn(part: Json) -> st.SearchStrategy[Any]:
    """Values that a schema allows; lists are short, and what may be absent is absent sometimes."""
    part = _without_null(part)
    match part:
        case {"properties": dict(properties)}:
            required = {name: drawn(inner) for name, inner in properties.items() if name in part["required"]}
            optional = {name: drawn(inner) for name, inner in properties.items() if name not in part["required"]}
            return st.fixed_dictionaries(required, optional=optional)
        case {"prefixItems": list(items)}:
            return st.tuples(*(drawn(item) for item in items)).map(list)
        case {"type": "array"}:
            return st.lists(drawn(part["items"]), min_size=part.get("minItems", 0), max_size=min(3, part["maxItems"]))
        case {"type": "integer", "minimum": _}:
            return st.integers(part["minimum"], part["maximum"])
        case {"type": "string", "pattern": str(pattern)}:
            return texts(pattern)
        case _:
            return st.sampled_from(part.get("enum", [part.get("const")]))


def _leaf(fields: Json) -> LeafBase:
    found: LeafBase = LEAF.validate_json(json.dumps(fields))
    return found


def _with_action(name: str, fields: Json) -> Json:
    """The action is a constant with a default, and so may be absent from a schema's own values; never on disk."""
    return {"action": _words(kinds()[name]["properties"]["action"])[0], **fields}


EACH_KIND = pytest.mark.parametrize("name", list(kinds()))


@EACH_KIND
def test_the_largest_leaf_of_each_kind_is_within_16_kib(name: str) -> None:
    fields = largest(kinds()[name])
    assert len(encode(_leaf(fields))) <= MAX_LEAF_BYTES


def no_float(text: str) -> float:
    pytest.fail(f"a leaf holds the float {text}")


@EACH_KIND
@settings(max_examples=20)
@given(st.data())
def test_a_leaf_is_written_in_one_way_and_read_back_as_it_was(name: str, data: st.DataObject) -> None:
    leaf = _leaf(_with_action(name, data.draw(drawn(kinds()[name]))))
    encoded = encode(leaf)
    assert LEAF.validate_json(encoded) == leaf
    assert encode(LEAF.validate_json(encoded)) == encoded
    plain = json.loads(encoded, parse_float=no_float)
    assert json.dumps(plain, sort_keys=True, separators=(",", ":")).encode() == encoded
    assert b"null" not in encoded


@EACH_KIND
def test_a_leaf_with_anything_more_in_it_is_refused(name: str) -> None:
    fields = largest(kinds()[name])
    with pytest.raises(ValidationError):
        _leaf({**fields, "remark": "x"})
    with pytest.raises(ValidationError):
        _leaf({**fields, "actor": {"agency": "mshp", "name": "Jane Doe"}})


def test_a_recipient_that_nobody_knows_is_counted_and_not_named() -> None:
    """What a sender wrote there may be anything, as the name of a person."""
    found = untold([Withheld(agency="jane-doe", reason=WithheldReason.UNKNOWN_AGENCY)])
    assert [each.model_dump(exclude_none=True) for each in found] == [{"reason": "unknown_agency"}]


@pytest.mark.parametrize("change", list(Change))
def test_a_change_of_a_conflict_has_its_own_action(change: Change) -> None:
    assert ConflictLeaf.action_for(change) == f"conflict.{change.value}"


# --- commitments and continuations ---


def test_a_commitment_is_the_hmac_that_others_compute() -> None:
    """RFC 4231, test case 2."""
    found = commitment(b"Jefe", b"what do ya want for nothing?")
    assert found == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_whoever_is_not_told_is_entered_however_many_they_are() -> None:
    """A state-wide alert by area may be withheld from every agency of the domain: one leaf cannot name them all."""
    draft = Draft(
        Known(Head(10, 1, 1, 1), {}),
        datetime(2026, 11, 27, 18, 0, tzinfo=UTC),
        "//coordinator/missouri",
        lambda: ident("an entry"),
        lambda: b"s" * 32,
    )
    no_agreement = WithheldReason.NO_AGREEMENT
    withheld = untold(Withheld(agency=f"agency-{number}", reason=no_agreement) for number in range(300))
    overflow(draft, (), 9, "mshp", withheld)
    entered = [LEAF.validate_json(row.leaf) for row in draft.plan.leaves]
    named = [each for leaf in entered if isinstance(leaf, MessageOwedLeaf) for each in leaf.withheld]
    assert tuple(named) == withheld[32:]
    assert all(len(row.leaf) <= MAX_LEAF_BYTES for row in draft.plan.leaves)
    assert {leaf.first for leaf in entered if isinstance(leaf, MessageOwedLeaf)} == {9}
