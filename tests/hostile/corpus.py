"""The corpus of hostile bodies: small ones as files, large ones grown here, and the closed answer to each."""

import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import cos, radians, sin
from pathlib import Path

from coordinator.model.decisions import RefusalCode
from coordinator.model.envelope import MAX_BODY_BYTES

FOLDER = Path(__file__).parent
BODIES = FOLDER / "bodies"
PATTERN = "code-word-with-newline-at-the-end"
"""A body in which nothing but the code word is at fault; what is grown is grown from it."""


@dataclass(frozen=True, slots=True)
class Hostile:
    """A body, the row of `docs/security.md` that it is an example of, and how it must be refused."""

    name: str
    row: str
    body: bytes
    code: RefusalCode
    field: str | None


@cache
def hostile_bodies() -> tuple[Hostile, ...]:
    """Everything in the index, in its order."""
    index = tomllib.loads((FOLDER / "index.toml").read_text(encoding="utf-8"))
    return tuple(
        Hostile(name, row, body_of(name), RefusalCode(answer["code"]), answer.get("field"))
        for row, answers in index.items()
        for name, answer in answers.items()
    )


def body_of(name: str) -> bytes:
    """The bytes that go to the door."""
    file = BODIES / f"{name}.json"
    return file.read_bytes() if file.exists() else GROWN[name]()


def innocent() -> bytes:
    """A notice of MSHP's in which nothing is at fault, with its window in the year 2098."""
    return body_of(PATTERN).replace(rb"HERON\n", b"HERON")


def _with(area: str) -> bytes:
    """The innocent notice with another `area`."""
    start, end = b'"area": ', b',\n  "lead"'
    head, _, rest = innocent().partition(start)
    return head + start + area.encode() + end + rest.partition(end)[2]


def _polygon(corners: int, decimals: int) -> str:
    """A ring around Springfield; its first corner closes it."""
    turns = [radians(360 * corner / corners) for corner in range(corners)]
    ring = [[round(-93.3 + 0.5 * cos(turn), decimals), round(37.2 + 0.4 * sin(turn), decimals)] for turn in turns]
    return json.dumps({"type": "Polygon", "coordinates": [[*ring, ring[0]]]})


def _keys(count: int) -> bytes:
    return b"{" + b",".join(b'"%x":1' % number for number in range(count)) + b"}"


def _smallest_polygon(corners: int) -> bytes:
    """So many corners in the fewest bytes that JSON has for them: that is what still fits in 64 KiB."""
    return b'{"data":{"area":{"type":"Polygon","coordinates":[[' + b"[1,1]," * (corners - 1) + b"[1,1]]]}}}"


GROWN: dict[str, Callable[[], bytes]] = {
    "body-of-64-kib-and-a-byte": lambda: innocent() + b" " * (MAX_BODY_BYTES + 1 - len(innocent())),
    "body-of-a-mebibyte": lambda: innocent() + b" " * (1024 * 1024 - len(innocent())),
    "nested-33-lists-deep": lambda: _with("[" * 31 + "]" * 31),
    "nested-33-objects-deep": lambda: b'{"a":' * 33 + b"1" + b"}" * 33,
    "nested-9000-lists-deep-and-never-closed": lambda: b"[" * 9_000,
    "array-of-100000": lambda: b'{"a":[' + b"0," * 99_999 + b"0]}",
    "keys-100000": lambda: _keys(100_000),
    "arrays-10000-empty": lambda: b'{"a":[' + b"[]," * 9_999 + b"[]]}",
    "array-of-20000-zeros": lambda: b'{"a":[' + b"0," * 19_999 + b"0]}",
    "keys-6000": lambda: _keys(6_000).replace(b":1", b":[]"),
    "text-of-32000-escaped-quotes-that-never-ends": lambda: b'{"a":"' + rb"\"" * 32_000,
    "polygon-of-1001-vertices": lambda: _with(_polygon(1_001, 4)),
    "polygon-of-10001-vertices": lambda: _smallest_polygon(10_001),
}
