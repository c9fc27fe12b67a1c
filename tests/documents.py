"""What a reader finds in the documents: commands, programs, tables, links and the names of files and tests."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "schemas/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
)

_BLOCK = re.compile(r"(?:^<!-- run by ([^>]*) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")
_TEST = re.compile(r"(tests/[\w/]+\.py)(?:::(test_\w+))?$")
_PATH = re.compile(r"(coordinator|docs|schemas|scripts|tests|deploy|requirements)/[\w./-]*$")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, and who runs it."""

    document: Path
    language: str
    text: str
    run_by: tuple[str, ...]

    @property
    def commands(self) -> list[str]:
        """One a line, as a person types them."""
        return [line for line in self.text.splitlines() if line.strip()]


def blocks(document: Path) -> Iterator[Block]:
    for found in _BLOCK.finditer(document.read_text(encoding="utf-8")):
        run_by, language, text = found.groups()
        yield Block(document, language, text, tuple(re.split(r",\s*", run_by)) if run_by else ())


def links(document: Path) -> list[str]:
    return _LINK.findall(_prose(document))


def anchors(document: Path) -> set[str]:
    """The anchors that a heading has on a forge."""
    headings = _HEADING.findall(_prose(document))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def named_tests(document: Path) -> list[tuple[str, str | None]]:
    """Files of tests that stand in code or say who runs a block, with the test where one is named."""
    said = [name for block in blocks(document) for name in block.run_by]
    found = [_TEST.match(each) for each in (*_CODE.findall(_prose(document)), *said)]
    return [(each[1], each[2]) for each in found if each]


def paths_named(document: Path) -> list[str]:
    """Files and folders of the repository that stand in code."""
    return [each for each in _CODE.findall(_prose(document)) if _PATH.match(each)]


def table(document: Path, name: str) -> list[list[str]]:
    """The rows of the table that is marked with this name."""
    _, _, rest = document.read_text(encoding="utf-8").partition(f"<!-- table: {name} -->\n")
    lines = rest.splitlines()
    rows = []
    for line in lines[2:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def _prose(document: Path) -> str:
    text = document.read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
