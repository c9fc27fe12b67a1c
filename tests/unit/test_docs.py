"""The documents against the code: every table, link, file and test that they name."""

import ast
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import get_args

import pytest

from coordinator.canonical import canonical
from coordinator.cli import PLACES
from coordinator.model.decisions import EXPLANATIONS, RefusalCode, Refused, Stage
from coordinator.model.leaf import Channel, Leaf
from coordinator.model.messages import INCOMING_TYPES, OUTGOING_TYPES, type_of
from coordinator.model.work import ClaimKey, Judged, Receipt, Submission, Verdict
from coordinator.settings import Settings
from tests.documents import DOCUMENTS, ROOT, anchors, blocks, links, named_tests, paths_named, table

DOCS = ROOT / "docs"
every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())


def code(cell: str) -> str:
    """A cell's first word in code."""
    return cell.split("`")[1]


@every_document
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in links(document):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@every_document
def test_every_file_and_test_that_is_named_is_there(document: Path) -> None:
    for path in paths_named(document):
        assert list(ROOT.glob(path.partition("::")[0].rstrip("/"))), path
    for file, test in named_tests(document):
        assert (ROOT / file).is_file(), file
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert test is None or test in names, f"{file}::{test}"


@every_document
def test_every_block_of_commands_says_what_runs_it(document: Path) -> None:
    for block in blocks(document):
        assert block.language != "sh" or block.run_by, block.text


def test_the_documents_speak_of_no_machine() -> None:
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        assert not re.search(r"(^|[^\w~.…/-])/(home|root|work|Users)/", text), document


def test_every_command_is_one_that_there_is() -> None:
    known = set(_commands())
    for document in DOCUMENTS:
        for words in re.findall(r"`coordinator ((?:[a-z-]+ ?)+)", document.read_text(encoding="utf-8")):
            first = words.split()
            assert any(tuple(first[:depth]) in known for depth in (1, 2)), f"{document.name}: coordinator {words}"


def _commands() -> Iterator[tuple[str, ...]]:
    for name, place in PLACES.items():
        inner = getattr(place.command, "commands", None)
        if inner is None:
            yield (name,)
        else:
            yield from ((name, each) for each in inner)


def test_every_refusal_is_explained_as_the_receipt_does() -> None:
    rows = table(DOCS / "connect-an-agency.md", "refusals")
    assert {code(row[0]): row[1] for row in rows} == {each.value: words for each, words in EXPLANATIONS.items()}


@pytest.mark.parametrize(("name", "types"), [("incoming", INCOMING_TYPES), ("outgoing", OUTGOING_TYPES)])
def test_every_type_is_listed_with_its_schema(name: str, types: tuple[type, ...]) -> None:
    listed = [cell for cell, _ in table(DOCS / "connect-an-agency.md", name)]
    wanted = [type_of(each).removeprefix("gov.mo.coordination.") for each in types]
    assert [re.sub(r".*schemas/(.*)\.schema\.json\)", r"\1", each) for each in listed] == wanted
    assert [code(each) for each in listed] == [each.removesuffix(".v1") for each in wanted]


def test_every_setting_is_listed_with_its_default() -> None:
    rows = {code(key): default for key, default, _ in table(DOCS / "operate.md", "settings")}
    fields = {
        f"{section}.{key}": field.get_default(call_default_factory=True)
        for section, model in Settings.model_fields.items()
        for key, field in type(model.default).model_fields.items()
    }
    assert list(rows) == list(fields)
    for key, default in fields.items():
        assert rows[key] in {f"`{default}`", "(secret)", "(none)"}, key


def test_every_action_of_the_journal_is_listed() -> None:
    union, *_ = get_args(Leaf)
    actions = [action for leaf in get_args(union) for action in get_args(leaf.model_fields["action"].annotation)]
    assert {code(row[0]) for row in table(DOCS / "audit.md", "actions")} == set(actions)


def test_every_condition_of_readiness_is_listed() -> None:
    written = "".join((ROOT / "coordinator" / name).read_text() for name in ("bootstrap.py", "http/app.py"))
    conditions = set(re.findall(r'Condition\(\s*"(\w+)"', written)) - {"assembled"}
    assert {code(row[0]) for row in table(DOCS / "operate.md", "conditions")} == conditions


def test_every_field_of_the_canonical_line_is_listed() -> None:
    submission = Submission(b"{}", "mshp", "mshp", Channel.AMQP, datetime.fromisoformat("2026-11-27T18:00Z"), "")
    refused = Refused(RefusalCode.MISSING_FIELD, Stage.VALIDATE, "data")
    judged = Judged(submission, refused, refused, ClaimKey("mshp", "id"))
    line = canonical(judged, Receipt(Verdict.REFUSED, 1, "entry", refused))
    listed = re.findall(r"`(\w+)`", " ".join(row[0] for row in table(DOCS / "operate.md", "canonical")))
    assert set(listed) == {*line, "type"}
