"""The agencies' contract as files: what stands in `schemas/`, by path, and how another folder differs from it."""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from coordinator.contract.example import RECEIVED, Invalid, Json, Valid
from coordinator.contract.examples import invalid, valid
from coordinator.contract.schema import schema_of
from coordinator.model.decisions import EXPLANATIONS
from coordinator.model.envelope import TYPE_PREFIX, Event, schema_uri
from coordinator.model.messages import INCOMING_TYPES, OUTGOING_TYPES, type_of

VALID: Final = "examples/valid"
INVALID: Final = "examples/invalid"
INDEX: Final = "index.json"
_README: Final = """\
# The agencies' contract

Made from `coordinator/model/` by `coordinator schemas write`; `coordinator schemas check` says whether it still agrees.
Do not edit these files by hand.

- `<type>.v1.schema.json`: a JSON Schema (draft 2020-12) for each type of message. It is a whole CloudEvent, structured
  JSON. `index.json` lists the types with their schemas and examples.
- `examples/valid/`: messages that are in order. Agencies are those of `coordinator/directory/example.toml`; places
  are real, operations, people and numbers invented.
- `examples/invalid/`: messages with one mistake each. `examples/invalid/index.json` says how the coordinator refuses
  each of them (code, stage, field, hint) when it comes by the named agency's queue at {received}, under
  the agreements and credentials of `examples/valid/`, and whether the schema alone would have shown the mistake.
  Rules between fields are beyond a schema; so are rights.

| type | from | |
|---|---|---|
"""


class Difference(StrEnum):
    """How a file is not as it should be."""

    MISSING = "missing"
    DIFFERS = "differs"
    SUPERFLUOUS = "superfluous"


def contract() -> Mapping[str, bytes]:
    """Return every file of `schemas/`, by its path there."""
    right, wrong = valid(), invalid()
    models = (*INCOMING_TYPES, *OUTGOING_TYPES)
    return {
        "README.md": _readme(models),
        INDEX: _written({"types": [_entry(model, right, wrong) for model in models]}),
        **{_schema_path(model): _written(schema_of(model)) for model in models},
        **{f"{VALID}/{_file(each)}": each.body for each in right},
        **{f"{INVALID}/{_file(each)}": each.body for each in wrong},
        f"{INVALID}/{INDEX}": _written(_refusals(wrong)),
    }


def differences(found: Mapping[str, bytes]) -> Mapping[str, Difference]:
    """Compare the files of a folder with the contract: what is not as it should be, by path, in order."""
    wanted = contract()
    wrong: dict[str, Difference] = {}
    for path in sorted({*wanted, *found}):
        if path not in found:
            wrong[path] = Difference.MISSING
        elif path not in wanted:
            wrong[path] = Difference.SUPERFLUOUS
        elif found[path] != wanted[path]:
            wrong[path] = Difference.DIFFERS
    return wrong


def _written(document: Json) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _file(example: Valid | Invalid) -> str:
    return f"{example.name}.{example.title}.json"


def _schema_path(model: type[Event]) -> str:
    return f"{type_of(model).removeprefix(TYPE_PREFIX)}.schema.json"


def _from(model: type[Event]) -> str:
    return "agencies" if model in INCOMING_TYPES else "coordinator"


def _entry(model: type[Event], right: tuple[Valid, ...], wrong: tuple[Invalid, ...]) -> Json:
    return {
        "name": model.name,
        "type": type_of(model),
        "from": _from(model),
        "description": model.__doc__,
        "schema": _schema_path(model),
        "schema_id": schema_uri(type_of(model)),
        "valid": [f"{VALID}/{_file(each)}" for each in right if each.name == model.name],
        "invalid": [f"{INVALID}/{_file(each)}" for each in wrong if each.name == model.name],
    }


def _refusals(wrong: tuple[Invalid, ...]) -> Json:
    return {
        "received": RECEIVED.isoformat().replace("+00:00", "Z"),
        "refusals": [
            {
                "file": _file(each),
                "queue": each.agency,
                "code": each.refusal.code,
                "stage": each.refusal.stage,
                "field": each.refusal.field,
                "hint": each.refusal.hint,
                "explanation": EXPLANATIONS[each.refusal.code],
                "in_schema": each.in_schema,
            }
            for each in wrong
        ],
    }


def _readme(models: tuple[type[Event], ...]) -> bytes:
    rows = (f"| [`{model.name}`]({_schema_path(model)}) | {_from(model)} | {model.__doc__} |\n" for model in models)
    return (_README.format(received=RECEIVED.strftime("%Y-%m-%d %H:%M UTC")) + "".join(rows)).encode()
