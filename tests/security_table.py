"""Whether each row of the tables in `docs/security.md` is held by tests that exist, or says what builds what it needs.

`python -m tests.security_table` prints what is wrong, one line each, and exits 1; `./scripts/check` runs it.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.documents import ROOT, table

PAGE = ROOT / "docs" / "security.md"
CORPUS = ROOT / "tests" / "hostile" / "index.toml"
HOSTILE = (
    "size", "numbers", "keys", "characters", "unknown", "recipients", "headers", "identity", "again", "reused", "clock",
    "ground", "names", "encoding", "others", "probing", "lines", "markup", "cross-site", "tokens", "certificates",
    "formulae", "slow",
)  # fmt: skip
"""What may come in, as the threat model lists it: none may be missing, and they stand in this order."""
FAULTS = ("kill", "writes", "broker", "database", "recipient-queue", "clock-jumps", "replicas", "backup")
LATER = frozenset({
    "signatures", "certificates", "allowance", "console", "exports", "fault injection", "replicas",
})  # fmt: skip
"""The parts that are still to be built; a row may wait for one of these and for nothing else."""
_CODE = re.compile(r"`([^`]+)`")
_TEST = re.compile(r"(tests/[\w/]+\.py)::((?:\w+::)?test_\w+)(?:\[([\w.-]+)\])?")
_REASON = re.compile(r"— \w+")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its key, and the cells that say what holds it, by the name of their column."""

    key: str
    cells: dict[str, str]


def complaints(page: Path = PAGE, corpus: Path = CORPUS, root: Path = ROOT) -> Iterator[str]:
    """Everything that is wrong with the page, in the order of its rows."""
    hostile = _rows(page, "hostile", ("by AMQP", "by HTTP"))
    faults = _rows(page, "faults", ("held by",))
    yield from _missing([row.key for row in hostile], HOSTILE)
    yield from _missing([row.key for row in faults], FAULTS)
    for row in (*hostile, *faults):
        yield from _in_row(row, root)
    for key in tomllib.loads(corpus.read_text(encoding="utf-8")):
        if key not in {row.key for row in hostile}:
            yield f"{key}: the corpus has bodies of this row, and the page has no such row"


def _rows(page: Path, name: str, columns: tuple[str, ...]) -> list[Row]:
    """The table's rows; the columns that hold are its last ones."""
    width = len(columns)
    return [
        Row(cells[0].strip("`"), dict(zip(columns, cells[-width:], strict=True)))
        for cells in table(page, name)
        if len(cells) == width + 3 or _fail(f"{cells[0]}: the row has {len(cells)} cells instead of {width + 3}")
    ]


def _fail(because: str) -> bool:
    raise SystemExit(because)


def _missing(found: list[str], wanted: Iterable[str]) -> Iterator[str]:
    place = -1
    for key in wanted:
        if key not in found:
            yield f"{key}: the row is missing"
        elif found.index(key) < place:
            yield f"{key}: the row does not stand in its place"
        else:
            place = found.index(key)


def _in_row(row: Row, root: Path) -> Iterator[str]:
    held = False
    for column, cell in row.cells.items():
        named, wrong = 0, False
        for word in _CODE.findall(cell):
            because = _wrong(word, root)
            if because is not None:
                wrong = True
                yield f"{row.key}, {column}: {because}"
            named += word.startswith(("tests/", "later: "))
        held = held or bool(named)
        if not named and not wrong and not _REASON.match(cell):
            yield f"{row.key}, {column}: names no test, no later part, and no reason after a dash"
    if not held:
        yield f"{row.key}: nothing holds this row"


def _wrong(word: str, root: Path) -> str | None:
    if word.startswith("later: "):
        return None if word.removeprefix("later: ") in LATER else f"`{word}` is no part that is to be built"
    if not word.startswith("tests/"):
        return None
    named = _TEST.fullmatch(word)
    if named is None:
        return f"`{word}` names no test"
    names, texts = _tests(root / named[1])
    if named[2] not in names:
        return f"there is no test `{word}`"
    return None if named[3] is None or named[3] in texts else f"`{word}` has no such parameter"


@cache
def _tests(file: Path) -> tuple[frozenset[str], frozenset[str]]:
    """The tests that a file defines, those of classes as `Class::test`, and every text that stands in it."""
    if not file.is_file():
        return frozenset(), frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    for outer in tree.body:
        if isinstance(outer, ast.ClassDef):
            inner = (node for node in outer.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
            names |= {f"{outer.name}::{node.name}" for node in inner}
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return frozenset(names), frozenset(texts)


if __name__ == "__main__":
    found = list(complaints())
    sys.stderr.writelines(f"docs/security.md: {each}\n" for each in found)
    sys.exit(bool(found))
