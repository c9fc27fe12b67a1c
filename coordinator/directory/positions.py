"""TOML with the line of every key: the standard reader parses it statement by statement, so one grammar suffices.

The standard reader gives no positions, and neither does tomlkit. But a TOML document is a sequence of statements that
each begin on a line of their own, and no proper prefix of a statement that ends at a line break is itself a statement.
So the shortest run of lines that the reader accepts alone is exactly one statement.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

Path = tuple[str | int, ...]
"""Keys and array indices from the root, as pydantic writes a location."""

_WHERE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_BEGINS: Final = re.compile(r"""\s*(\[|[A-Za-z0-9_-]+\s*[.=]|"[^"]*"\s*[.=]|'[^']*'\s*[.=])""")


@dataclass(frozen=True, slots=True)
class Fault:
    """Text that is not TOML."""

    line: int
    column: int | None
    what: str


@dataclass(frozen=True, slots=True)
class Located:
    """A document, and where each of its keys stands."""

    document: Mapping[str, object]
    """What could be read: all of it when there is no fault."""
    lines: Mapping[Path, int]
    faults: tuple[Fault, ...]

    def line(self, path: Path) -> int:
        """Return the line of that key or element, or of the nearest one around it; 1 for the document itself."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


@dataclass(frozen=True, slots=True)
class _Statement:
    first: int
    """Index of its first line, from 0."""
    last: int
    """Index after its last line."""
    content: Mapping[str, object]
    header: bool


@dataclass(frozen=True, slots=True)
class _Rejected:
    """Why the reader refused a text; line and column from 1, absent when the text ended too early."""

    what: str
    line: int | None
    column: int | None


def locate(text: str) -> Located:
    """Read TOML, with the line of each key and array element, and every fault rather than only the first.

    After a fault, reading goes on at the next line that looks like the beginning of a statement.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    statements: list[_Statement] = []
    faults: list[Fault] = []
    for found in _split(lines):
        if isinstance(found, Fault):
            faults.append(found)
        else:
            statements.append(found)
    document, sound = _assemble(lines, statements, faults)
    places = _Places()
    for statement in sound:
        places.add(statement, lines)
    return Located(document, places.lines, tuple(sorted(faults, key=lambda fault: fault.line)))


def _parse(text: str) -> Mapping[str, object] | _Rejected:
    try:
        return tomllib.loads(text)
    except RecursionError:
        return _Rejected("Nested too deeply", 1, None)
    except ValueError as error:  # also what `int` says of a number with thousands of digits
        where = _WHERE.search(str(error))
        what = _WHERE.sub("", str(error))
        if where is None:
            return _Rejected("Invalid value", 1, None)
        return _Rejected(what, *(int(number) if number else None for number in where.groups()))


def _split(lines: Sequence[str]) -> Iterator[_Statement | Fault]:
    first = 0
    while first < len(lines):
        if not lines[first].strip() or lines[first].lstrip().startswith("#"):
            first += 1
            continue
        found, first = _next(lines, first)
        yield found


def _next(lines: Sequence[str], first: int) -> tuple[_Statement | Fault, int]:
    """Return what begins at that line, and the index of the line to go on with."""
    last = first
    while True:
        last += 1
        read = _parse("\n".join(lines[first:last]) + "\n")
        if not isinstance(read, _Rejected):
            return _Statement(first, last, read, lines[first].lstrip().startswith("[")), last
        if read.line is not None or last == len(lines):
            break
    onward = next((i for i in range(first + 1, len(lines)) if _BEGINS.match(lines[i])), len(lines))
    noticed = first + read.line if read.line else first + 1
    if noticed > onward:  # noticed in the next statement: what is wrong is that this one does not end
        return Fault(first + 1, None, read.what), onward
    return Fault(noticed, read.column, read.what), onward


def _assemble(
    lines: Sequence[str], statements: Sequence[_Statement], faults: list[Fault]
) -> tuple[Mapping[str, object], Sequence[_Statement]]:
    """Read the statements together; those that contradict earlier ones are dropped and added to the faults."""
    while True:
        kept = [""] * len(lines)
        for statement in statements:
            kept[statement.first : statement.last] = lines[statement.first : statement.last]
        read = _parse("\n".join(kept) + "\n")
        if not isinstance(read, _Rejected):
            return read, statements
        at = read.line or len(lines)
        index = next((i for i, one in enumerate(statements) if one.last >= at), len(statements) - 1)
        faults.append(Fault(statements[index].first + 1, None, read.what))
        statements = [*statements[:index], *statements[_after(statements, index) :]]


def _after(statements: Sequence[_Statement], index: int) -> int:
    """Return the index after a dropped statement; a table's header takes the keys of its table along."""
    if not statements[index].header:
        return index + 1
    return next((i for i in range(index + 1, len(statements)) if statements[i].header), len(statements))


@dataclass(slots=True)
class _Places:
    """The lines found so far, and the table that the next key belongs to."""

    lines: dict[Path, int] = field(default_factory=dict)
    table: Path = ()
    lengths: dict[Path, int] = field(default_factory=dict)
    """How many tables each array of tables has so far."""

    def add(self, statement: _Statement, lines: Sequence[str]) -> None:
        if statement.header:
            self.table = self._descend((), statement.content, statement.first + 1)
        else:
            self._key(self.table, statement.content, statement, lines)

    def _descend(self, path: Path, content: object, line: int) -> Path:
        """Follow a header such as `[[a.b]]`, which the reader gives as `{"a": {"b": [{}]}}`, to its table."""
        while isinstance(content, Mapping) and content:
            (name, content), *_ = content.items()
            path = (*path, name)
            if isinstance(content, list):
                self.lengths[path] = self.lengths.get(path, 0) + 1
                self.lines.setdefault(path, line)
                content = content[0]
            if path in self.lengths:
                path = (*path, self.lengths[path] - 1)
            self.lines.setdefault(path, line)
        return path

    def _key(self, path: Path, value: object, statement: _Statement, lines: Sequence[str]) -> None:
        if isinstance(value, Mapping):
            for name, inner in value.items():
                self.lines.setdefault((*path, name), statement.first + 1)
                self._key((*path, name), inner, statement, lines)
        elif isinstance(value, list):
            for index, line in enumerate(_elements(value, statement, lines)):
                self._element((*path, index), value[index], line)

    def _element(self, path: Path, value: object, line: int) -> None:
        self.lines[path] = line
        inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
        for name, one in inner:
            self._element((*path, name), one, line)


def _elements(value: Sequence[object], statement: _Statement, lines: Sequence[str]) -> Iterator[int]:
    """Yield the line of each element of the array that a statement assigns.

    Cut off after each of its lines and closed, the statement reads as the array of the elements up to there.
    """
    given = 0
    for last in range(statement.first + 1, statement.last):
        read: object = _parse("\n".join(lines[statement.first : last]) + "\n]")
        while isinstance(read, Mapping):  # the names of a dotted key
            (read, *_) = read.values()
        if isinstance(read, list):
            yield from [last] * (len(read) - given)
            given = max(given, len(read))
    yield from [statement.last] * (len(value) - given)
