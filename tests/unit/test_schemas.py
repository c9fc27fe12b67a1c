"""The agencies' contract: schemas and examples agree with the models, the steps, and readers that we did not write."""

import json
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path

import pytest
from cloudevents.core.formats.json import JSONFormat
from jsonschema import Draft202012Validator, FormatChecker
from typer.testing import CliRunner

from coordinator.cli.schemas import app
from coordinator.contract.example import Invalid, Valid
from coordinator.contract.examples import invalid, valid
from coordinator.contract.files import Difference, contract, differences
from coordinator.contract.schema import schema_of
from coordinator.model.decisions import RefusalCode, Refused, Stage
from coordinator.model.envelope import TYPE_PREFIX
from coordinator.model.messages import INCOMING_TYPES, MESSAGE, OUTGOING_TYPES, TYPES
from coordinator.model.work import Admitted
from tests.unit.example_world import Json, judge

ROOT = Path(__file__).parents[2]
MODELS = {model.name: model for model in (*INCOMING_TYPES, *OUTGOING_TYPES)}
INCOMING_NAMES = {model.name for model in INCOMING_TYPES}
FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def _moment(value: object) -> bool:
    return not isinstance(value, str) or bool(datetime.fromisoformat(value))


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(schema_of(MODELS[name]), format_checker=FORMATS)


def named(example: Valid | Invalid) -> str:
    return f"{example.name}.{example.title}"


RIGHT = pytest.mark.parametrize("example", valid(), ids=named)
WRONG = pytest.mark.parametrize("example", invalid(), ids=named)
EACH_TYPE = pytest.mark.parametrize("name", MODELS)


# --- what is in order ---


@RIGHT
def test_a_valid_example_keeps_to_its_schema(example: Valid) -> None:
    assert [error.message for error in validator(example.name).iter_errors(example.message)] == []


@RIGHT
def test_a_valid_example_is_read_as_its_type_and_written_as_it_was(example: Valid) -> None:
    event = MESSAGE.validate_json(example.body)
    assert type(event) is MODELS[example.name]
    again = event.model_dump_json(exclude_none=True)
    assert MESSAGE.validate_json(again) == event
    assert not list(validator(example.name).iter_errors(json.loads(again)))


@RIGHT
def test_a_valid_example_is_a_cloud_event_to_a_reader_that_we_did_not_write(example: Valid) -> None:
    event = JSONFormat().read(None, example.body)
    assert event.get_type() == f"{TYPE_PREFIX}{example.name}.v1"
    assert event.get_id() == example.message["id"]
    assert event.get_source() == example.message["source"]
    assert event.get_time() == MESSAGE.validate_json(example.body).time
    assert event.get_data() == example.message["data"]


@pytest.mark.parametrize("example", [each for each in valid() if each.name in INCOMING_NAMES], ids=named)
def test_a_valid_example_from_an_agency_is_admitted(example: Valid) -> None:
    agency = str(example.message["source"]).split("/")[2]
    assert isinstance(judge(example.body, agency), Admitted)


# --- what is not ---


@WRONG
def test_an_invalid_example_is_refused_for_exactly_its_mistake(example: Invalid) -> None:
    assert judge(example.body, example.agency) == example.refusal


@pytest.mark.parametrize("example", [each for each in invalid() if each.refusal.stage is not Stage.DECODE], ids=named)
def test_an_invalid_example_says_whether_the_schema_shows_its_mistake(example: Invalid) -> None:
    assert validator(example.name).is_valid(json.loads(example.body)) != example.in_schema


def test_the_coordinators_own_messages_are_refused_by_the_model_where_the_schema_shows_a_mistake() -> None:
    own = [each for each in invalid() if each.name not in INCOMING_NAMES]
    for example in own:
        assert (not _is_message(example.body)) == example.in_schema, named(example)


def _is_message(body: bytes) -> bool:
    try:
        MESSAGE.validate_json(body)
    except ValueError:
        return False
    return True


# --- how much is shown ---


@EACH_TYPE
def test_every_type_has_several_examples(name: str) -> None:
    assert sum(each.name == name for each in valid()) >= (2 if name in {"feed.withdrawn", "service.heartbeat"} else 3)
    assert sum(each.name == name for each in invalid()) >= (6 if name not in INCOMING_NAMES else 15)


@EACH_TYPE
def test_every_field_is_shown_in_some_valid_example(name: str) -> None:
    shown = {path for each in valid() if each.name == name for path in _paths(each.message)}
    assert {path for path in _fields(schema_of(MODELS[name])) if path not in shown} == set()


def _paths(value: object, before: str = "") -> Iterator[str]:
    """Every field of a document, as `data.contact.callback`; fields within lists are named once."""
    match value:
        case dict():
            for name, item in value.items():
                yield before + name
                yield from _paths(item, f"{before}{name}.")
        case list():
            for item in value:
                yield from _paths(item, before)
        case _:
            pass


def _fields(schema: Json) -> Iterator[str]:
    """Every field that a schema allows, in the form of `_paths`."""

    def walk(part: Json, before: str) -> Iterator[str]:
        if "$ref" in part:
            part = schema["$defs"][part["$ref"].rpartition("/")[2]]
        for name, item in part.get("properties", {}).items():
            yield before + name
            yield from walk(item, f"{before}{name}.")
        for item in (*part.get("anyOf", ()), *part.get("oneOf", ())):
            yield from walk(item, before)
        if "items" in part:
            yield from walk(part["items"], before)

    return walk(schema, "")


@pytest.mark.parametrize("name", ["operation.notice", "operation.update", "situation.alert"])
def test_every_shape_of_area_is_shown(name: str) -> None:
    shapes = {each.message["data"]["area"]["type"] for each in valid() if each.name == name}
    assert shapes == {"Point", "LineString", "Polygon", "MultiPolygon"}


def test_every_refusal_of_the_pure_steps_is_shown() -> None:
    elsewhere = {
        # at the door: headers and properties, not bodies
        RefusalCode.UNREADABLE_HEADERS,
        RefusalCode.FORBIDDEN_PROPERTY,
        RefusalCode.USER_ID_MISSING,
        RefusalCode.CONTENT_TYPE,
        RefusalCode.CONTENT_ENCODING,
        # too large for a file; and of a directory with a disabled account (`test_decode.py`, `test_authorise.py`)
        RefusalCode.TOO_LARGE,
        RefusalCode.TOO_MANY_PARTS,
        RefusalCode.SENDER_DISABLED,
        # by what the store knows
        RefusalCode.ID_REUSED,
        RefusalCode.ALREADY_REGISTERED,
        RefusalCode.STALE_REVISION,
        RefusalCode.NOT_LIVE,
        RefusalCode.STATUS_MIXED,
        RefusalCode.TERMS_FIXED,
        RefusalCode.BEGUN_ALREADY,
        RefusalCode.ENDED_FOR_GOOD,
        RefusalCode.CONFLICT_CLOSED,
        RefusalCode.NOT_RECALLABLE,
        RefusalCode.RECALLED_ALREADY,
    }
    assert set(RefusalCode) - elsewhere == {each.refusal.code for each in invalid()}


# --- the schemas themselves ---


@EACH_TYPE
def test_a_schema_is_lawful_and_has_its_own_name(name: str) -> None:
    schema = schema_of(MODELS[name])
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"https://coordination.mo.gov/schemas/{name}.v1.json"
    assert schema["properties"]["type"]["const"] == f"{TYPE_PREFIX}{name}.v1"
    assert "type" in schema["required"]


@EACH_TYPE
def test_a_schema_is_closed_and_every_field_is_explained(name: str) -> None:
    schema = schema_of(MODELS[name])
    for part in (schema, *schema["$defs"].values()):
        assert part["description"]
        if part["type"] == "object":
            assert part["additionalProperties"] is False
        for field, said in part.get("properties", {}).items():
            assert {"const", "description", "$ref"} & said.keys() or "$ref" in json.dumps(said), field


@EACH_TYPE
def test_a_schema_uses_each_of_its_definitions(name: str) -> None:
    schema = schema_of(MODELS[name])
    text = json.dumps(schema)
    assert {word for word in schema["$defs"] if f'"#/$defs/{word}"' not in text} == set()


@EACH_TYPE
def test_a_schema_leaves_no_room_for_prose_from_an_agency(name: str) -> None:
    """Every text is a closed word, a pattern or a moment. Only the coordinator's own words are free, and counted."""
    schema = schema_of(MODELS[name])
    free = set(_free_texts(schema))
    assert free <= {"explanation", "field", "counties", "content"}
    # The content of intelligence goes to all of its recipients or to none, under a regime of its own.
    assert name not in INCOMING_NAMES or free == ({"content"} if name == "intelligence.share" else set())


def _free_texts(part: object, name: str = "") -> Iterator[str]:
    match part:
        case dict():
            kinds = part.get("type")
            text = kinds == "string" or (isinstance(kinds, list) and "string" in kinds)
            if text and not {"pattern", "enum", "const"} & part.keys():
                yield name
            for key, item in part.items():
                inner = key not in {"items", "anyOf", "oneOf", "properties", "$defs"}
                yield from _free_texts(item, key if inner else name)
        case list():
            for item in part:
                yield from _free_texts(item, name)
        case _:
            pass


# --- files and commands ---


def test_the_committed_contract_is_what_the_models_say() -> None:
    found = CliRunner().invoke(app, ["check", str(ROOT / "schemas")])
    assert found.exit_code == 0, found.output
    assert found.stdout == ""


def test_the_index_names_every_file_of_every_type() -> None:
    files = contract()
    index = json.loads(files["index.json"])["types"]
    assert {entry["type"] for entry in index} == set(TYPES)
    listed = {path for entry in index for path in (entry["schema"], *entry["valid"], *entry["invalid"])}
    assert listed | {"README.md", "index.json", "examples/invalid/index.json"} == set(files)


def test_the_index_of_refusals_says_what_the_steps_answer() -> None:
    refusals = json.loads(contract()["examples/invalid/index.json"])["refusals"]
    for each in refusals:
        body = contract_file(f"examples/invalid/{each['file']}")
        found = judge(body, each["queue"])
        assert isinstance(found, Refused)
        assert (found.code, found.stage, found.field, found.hint, found.explanation) == (
            each["code"],
            each["stage"],
            each["field"],
            each["hint"],
            each["explanation"],
        )


@cache
def _files() -> dict[str, bytes]:
    return dict(contract())


def contract_file(path: str) -> bytes:
    return _files()[path]


def test_check_names_what_is_missing_what_differs_and_what_is_too_much(tmp_path: Path) -> None:
    run = CliRunner()
    assert run.invoke(app, ["write", str(tmp_path)]).exit_code == 0
    (tmp_path / "operation.notice.v1.schema.json").unlink()
    (tmp_path / "index.json").write_bytes(b"{}\n")
    (tmp_path / "examples/valid/operation.notice.gossip.json").write_bytes(b"{}\n")
    found = run.invoke(app, ["check", str(tmp_path)])
    assert found.exit_code == 1
    assert found.stdout.splitlines() == [
        f"{tmp_path}/examples/valid/operation.notice.gossip.json: superfluous",
        f"{tmp_path}/index.json: differs",
        f"{tmp_path}/operation.notice.v1.schema.json: missing",
    ]
    assert "coordinator schemas write" in found.stderr


def test_write_mends_a_contract_and_leaves_nothing_over(tmp_path: Path) -> None:
    run = CliRunner()
    run.invoke(app, ["write", str(tmp_path)])
    (tmp_path / "README.md").unlink()
    (tmp_path / "examples/valid/operation.notice.gossip.json").write_bytes(b"{}\n")
    assert run.invoke(app, ["write", str(tmp_path)]).exit_code == 0
    assert run.invoke(app, ["check", str(tmp_path)]).exit_code == 0


def test_write_leaves_a_folder_of_something_else_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_bytes(b"chapter 1")
    found = CliRunner().invoke(app, ["write", str(tmp_path)])
    assert found.exit_code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_empty_folder_lacks_everything() -> None:
    assert set(differences({}).values()) == {Difference.MISSING}
    assert set(differences({})) == set(contract())
