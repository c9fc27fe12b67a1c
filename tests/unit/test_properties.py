"""Laws of every type of message, from whatever its examples and its schema say: a new type is covered by itself."""

import json
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from coordinator.contract.example import Valid
from coordinator.contract.examples import valid
from coordinator.contract.schema import schema_of
from coordinator.model.decisions import RefusalCode, Refused, Stage
from coordinator.model.messages import INCOMING_TYPES, MESSAGE, TYPES
from tests.unit.example_world import Json, read

MODELS = {model.name: model for model in TYPES.values()}
INCOMING = {model.name for model in INCOMING_TYPES}
OF_A_FORM = {
    RefusalCode.UNKNOWN_TYPE, RefusalCode.UNKNOWN_FIELD, RefusalCode.MISSING_FIELD, RefusalCode.INVALID_FIELD,
    RefusalCode.AREA_INVALID, RefusalCode.NUMBER_OUT_OF_RANGE,
}  # fmt: skip
"""What is said of a field that is missing, unknown, of another type or out of its range."""
each_type = pytest.mark.parametrize("name", MODELS)
from_agencies = pytest.mark.parametrize("name", [name for name in MODELS if name in INCOMING])


@cache
def examples(name: str) -> tuple[Valid, ...]:
    return tuple(each for each in valid() if each.name == name)


def messages(name: str) -> st.SearchStrategy[Json]:
    """Lawful messages of a type: each an example, with some fields left out or taken from another example of it."""

    @st.composite
    def mixed(draw: st.DrawFn) -> Json:
        event: Json = deepcopy(draw(st.sampled_from(examples(name))).message)
        other = draw(st.sampled_from(examples(name))).message
        for field in draw(st.lists(st.sampled_from(sorted({*event["data"], *other["data"]})), max_size=3, unique=True)):
            if field in other["data"]:
                event["data"][field] = deepcopy(other["data"][field])
            else:
                event["data"].pop(field, None)
        return event

    return mixed()


def accepted(event: Json) -> bool:
    try:
        MESSAGE.validate_json(json.dumps(event))
    except ValidationError:
        return False
    return True


# --- what is written is read back ---


@each_type
@settings(max_examples=25)
@given(data=st.data())
def test_what_a_model_writes_it_reads_back_equal_and_writes_the_same_again(name: str, data: st.DataObject) -> None:
    event = data.draw(messages(name))
    if not accepted(event):  # two examples mixed can break a rule between fields
        event = examples(name)[0].message
    found = MESSAGE.validate_json(json.dumps(event))
    assert type(found) is MODELS[name]
    written = found.model_dump_json(exclude_none=True)
    again = MESSAGE.validate_json(written)
    assert again == found
    assert again.model_dump_json(exclude_none=True) == written
    assert list(_schema(name).iter_errors(json.loads(written))) == []


@cache
def _schema(name: str) -> Draft202012Validator:
    return Draft202012Validator(schema_of(MODELS[name]))


# --- what has a mistake is refused, and where it is is said ---


@from_agencies
@settings(max_examples=40)
@given(data=st.data())
def test_a_message_with_a_mistake_is_refused_with_a_closed_code_and_where_it_is(name: str, data: st.DataObject) -> None:
    event: Json = deepcopy(data.draw(st.sampled_from(examples(name))).message)
    path, mistake = data.draw(st.sampled_from(list(_mistakes(event, schema_of(MODELS[name])))))
    *way, last = path
    holder: Any = event
    for key in way:
        holder = holder[key]
    if mistake is _GONE:
        del holder[last]
    else:
        holder[last] = mistake
    found = read(json.dumps(event).encode())
    assert isinstance(found, Refused), (path, mistake)
    assert found.stage is Stage.VALIDATE or found.code is RefusalCode.NUMBER_OUT_OF_RANGE, found
    assert found.code in OF_A_FORM, (path, mistake, found)
    if found.stage is Stage.VALIDATE:
        named = (found.field or "").split(".")
        spoilt = [str(key) for key in path]
        shared = min(len(named), len(spoilt))
        assert shared, found
        assert named[:shared] == spoilt[:shared] or path[0] in {"type", "source"}, (path, mistake, found)


_GONE = object()
_OTHER: dict[str, tuple[object, ...]] = {
    "string": (7, True, [], {}, "", "\u00e9", "x" * 300),
    "integer": ("1", True, 1.5, -1, 2**53, [1]),
    "number": ("1", True, -1, 1e12, [1], {}),
    "boolean": ("true", 0, 1, [True]),
    "array": ("x", 7, {}, True),
    "object": ("x", 7, [], True),
}
"""For each type of JSON Schema, values that no field of that type takes: of another type, or out of every range."""


def _mistakes(value: object, schema: Json) -> Iterator[tuple[tuple[str | int, ...], object]]:
    """Every place of a document with something that its schema does not take there."""

    def walk(item: object, part: Json, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], object]]:
        part = _resolved(part, schema)
        for kind in {part["type"]} if isinstance(part.get("type"), str) else set():
            yield from ((path, other) for other in _OTHER.get(kind, ()) if path and not _takes(part, other, schema))
        if isinstance(item, dict) and "properties" in part:
            yield (*path, "remarks"), "call me"
            yield from (((*path, field), _GONE) for field in part.get("required", ()))
            for field, inner in item.items():
                yield from walk(inner, part["properties"].get(field, {}), (*path, field))
        elif isinstance(item, list) and isinstance(part.get("items"), dict):
            for at, inner in enumerate(item):
                yield from walk(inner, part["items"], (*path, at))

    return walk(value, schema, ())


def _resolved(part: Json, schema: Json) -> Json:
    while "$ref" in part:
        part = schema["$defs"][part["$ref"].rpartition("/")[2]]
    return part


def _takes(part: Json, value: object, schema: Json) -> bool:
    return Draft202012Validator({**part, "$defs": schema.get("$defs", {})}).is_valid(value)
