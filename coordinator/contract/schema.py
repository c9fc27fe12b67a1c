"""JSON Schemas of the message types (draft 2020-12), made from the models and put in order for people to read."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter

from coordinator.model.area import Position
from coordinator.model.base import AgencyId, Instant, OfficerId, Phone, Uuid
from coordinator.model.envelope import Event, schema_uri
from coordinator.model.messages import type_of

Json = dict[str, Any]  # any JSON object
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_ORDER: Final = (
    "$schema",
    "$id",
    "title",
    "description",
    "$ref",
    "type",
    "const",
    "enum",
    "format",
    "pattern",
    "properties",
    "required",
    "additionalProperties",
    "prefixItems",
    "items",
)
"""What a reader looks for first; the rest follows, definitions last."""


def schema_of(model: type[Event]) -> Json:
    """Return the schema of a type: complete in itself, closed to unknown fields.

    It says all that a schema can say; rules between fields are in the descriptions, and examples show them.
    """
    name = type_of(model)
    raw = model.model_json_schema()
    raw["properties"]["dataschema"] = {"enum": [schema_uri(name), None], "description": "this schema"}
    # A model of ours may be made without naming its type; on the wire every message names it.
    raw["required"] = [field for field in raw["properties"] if field in {*raw["required"], "type"}]
    schema = _plain(raw)
    definitions = schema.pop("$defs") | {word: _shared()[word] for word in _words_in(schema | raw)}
    head = {"$schema": DIALECT, "$id": schema_uri(name), "title": model.name}
    ordered: Json = _in_order(head | schema | {"$defs": definitions})
    return ordered


@cache
def _shared() -> Mapping[str, Json]:
    """Words that are said so often that they are defined once."""
    words = {"AgencyId": AgencyId, "Instant": Instant, "OfficerId": OfficerId, "Phone": Phone, "Uuid": Uuid}
    plain: dict[str, Json] = {name: TypeAdapter(word).json_schema() for name, word in words.items()}
    position: Json = TypeAdapter(Position).json_schema()
    return plain | {"Position": {"description": "longitude, then latitude (RFC 7946)"} | position}


def _words_in(schema: object) -> set[str]:
    """The shared words that a schema says."""
    match schema:
        case dict():
            own = {name for name, word in _shared().items() if _shape(word) == _shape(schema)}
            return own.union(*(_words_in(item) for item in schema.values()))
        case list():
            return set().union(*(_words_in(item) for item in schema))
        case _:
            return set()


def _shape(schema: Mapping[str, Any]) -> Json:
    return {key: value for key, value in schema.items() if key not in {"description", "title"}}


def _plain(schema: Mapping[str, Any]) -> Json:
    """Leave out what pydantic adds and no reader needs, and name what is said often."""
    for name, word in _shared().items():
        if _shape(word) == _shape(schema):
            own = {"description": schema["description"]} if schema.get("description", "") != "" else {}
            return {"$ref": f"#/$defs/{name}"} | ({} if own.items() <= word.items() else own)
    kept: Json = {key: _each(value) for key, value in schema.items() if not _noise(key, value)}
    alternatives = kept.get("anyOf", [])
    if len(alternatives) == len(("word", "null")) and alternatives[1] == {"type": "null"} and "type" in alternatives[0]:
        said: Json = kept.pop("anyOf")[0]
        return said | kept | {"type": [said["type"], "null"]}
    return kept


def _noise(key: str, value: object) -> bool:
    """Titles that repeat the name, defaults of nothing, and a keyword that is OpenAPI's."""
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None) or key == "discriminator"


def _each(value: object) -> object:
    match value:
        case dict():
            return _plain(value)
        case list():
            return [_each(item) for item in value]
        case _:
            return value


def _in_order(value: Any) -> Any:  # noqa: ANN401 -- any JSON value
    match value:
        case {"properties": dict(properties)}:
            rest = {key: _in_order(item) for key, item in value.items() if key != "properties"}
            named = {"properties": {name: _in_order(each) for name, each in properties.items()}}
            return dict(sorted((rest | named).items(), key=_rank))
        case dict():
            return {key: _in_order(item) for key, item in sorted(value.items(), key=_rank)}
        case list():
            return [_in_order(item) for item in value]
        case _:
            return value


def _rank(item: tuple[str, object]) -> tuple[int, str]:
    key, _ = item
    return (_ORDER.index(key) if key in _ORDER else len(_ORDER) + (key == "$defs"), key)
