"""The tables of the threat model are whole, and what checks them finds what it is there to find."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import ROOT
from tests.security_table import CORPUS, FAULTS, HOSTILE, PAGE, complaints

TEXT = PAGE.read_text(encoding="utf-8")


def told(tmp_path: Path, text: str) -> list[str]:
    page = tmp_path / "security.md"
    page.write_text(text, encoding="utf-8")
    return list(complaints(page))


def row(key: str) -> str:
    return next(line for line in TEXT.splitlines(keepends=True) if line.startswith(f"| `{key}` |"))


def with_cell(key: str, place: int, cell: str) -> str:
    """The page with one cell of a row written anew; the last cell is -1."""
    cells = row(key).strip("|\n").split("|")
    cells[place] = f" {cell} "
    return TEXT.replace(row(key), f"|{'|'.join(cells)}|\n")


def test_every_row_is_held() -> None:
    assert list(complaints()) == []


@pytest.mark.parametrize("key", [*HOSTILE, *FAULTS])
def test_a_row_that_is_missing_is_told(tmp_path: Path, key: str) -> None:
    assert f"{key}: the row is missing" in told(tmp_path, TEXT.replace(row(key), ""))


@pytest.mark.parametrize("cell", ["", "soon", "`docs/security.md`", "—"])
def test_a_row_with_neither_a_test_nor_a_later_part_is_told(tmp_path: Path, cell: str) -> None:
    found = told(tmp_path, with_cell("writes", -1, cell))
    unheld = "writes, held by: names no test, no later part, and no reason after a dash"
    assert found == [unheld, "writes: nothing holds this row"]


def test_a_row_that_only_gives_reasons_is_told(tmp_path: Path) -> None:
    assert told(tmp_path, with_cell("backup", -1, "— nobody restores backups")) == ["backup: nothing holds this row"]


def test_a_cell_of_one_door_is_told_though_the_other_is_held(tmp_path: Path) -> None:
    found = told(tmp_path, with_cell("size", -1, ""))
    assert found == ["size, by HTTP: names no test, no later part, and no reason after a dash"]


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("tests/unit/test_decode.py::test_that_was_renamed", "there is no test"),
        ("tests/unit/test_decode_renamed.py::test_invalid_utf8_is_refused", "there is no test"),
        ("tests/unit/test_decode.py", "names no test"),
        ("tests/unit/test_decode.py::refused", "names no test"),
        ("tests/integration/test_hostile_bodies.py::test_imminent_danger[pigeon]", "there is no test"),
        ("tests/unit/test_decode.py::test_invalid_utf8_is_refused[pigeon]", "no such parameter"),
        ("later: one day", "is no part that is to be built"),
    ],
)
def test_what_is_named_and_is_not_there_is_told(tmp_path: Path, word: str, complaint: str) -> None:
    found = told(tmp_path, with_cell("writes", -1, f"`later: fault injection`, `{word}`"))
    assert len(found) == 1
    assert complaint in found[0]


def test_a_test_of_a_class_is_found_under_its_class(tmp_path: Path) -> None:
    page, tests = tmp_path / "security.md", tmp_path / "tests" / "unit"
    tests.mkdir(parents=True)
    (tests / "test_x.py").write_text("class TestX:\n    async def test_y(self): ...\n")
    page.write_text("<!-- table: faults -->\n| a |\n|-|\n| `own` | a | b | `tests/unit/test_x.py::TestX::test_y` |\n")
    assert [each for each in complaints(page, root=tmp_path) if each.startswith("own")] == []
    page.write_text(page.read_text().replace("::TestX", ""))
    assert [each for each in complaints(page, root=tmp_path) if each.startswith("own, ")] != []


def test_rows_out_of_their_order_are_told(tmp_path: Path) -> None:
    text = TEXT.replace(row("size"), "").replace(row("numbers"), row("numbers") + row("size"))
    assert told(tmp_path, text) == ["numbers: the row does not stand in its place"]


def test_a_body_of_the_corpus_without_a_row_is_told(tmp_path: Path) -> None:
    index = tmp_path / "index.toml"
    index.write_text(CORPUS.read_text() + '\n[pigeons]\nby-post = { code = "not_json" }\n')
    assert list(complaints(corpus=index)) == [
        "pigeons: the corpus has bodies of this row, and the page has no such row"
    ]


def test_the_check_runs_it_and_fails_with_it() -> None:
    assert re.search(r'^check "security table" python -m tests\.security_table$', _script(), re.MULTILINE)
    done = subprocess.run([sys.executable, "-m", "tests.security_table"], cwd=ROOT, check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def _script() -> str:
    return (ROOT / "scripts" / "check").read_text(encoding="utf-8")
