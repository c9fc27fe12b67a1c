"""Step 1a: bytes to JSON, refusing everything that two readers could read differently."""

import json
import re
from collections.abc import Iterator

import orjson

from coordinator.model.base import MAX_SAFE_INTEGER
from coordinator.model.decisions import RefusalCode, Refused, Stage
from coordinator.model.envelope import MAX_BODY_BYTES

MAX_DEPTH = 32
MAX_PARTS = 10_000
"""Brackets, braces and commas in one body: a thousand vertices need four thousand."""

_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""Strings, and one that never ends: a match always begins at a quotation mark and never goes back, so it is linear."""
_OPENING = (b"[", b"{")
_STRUCTURE = bytes(byte for byte in range(256) if byte not in b"[]{},")
_MAX_INTEGER_DIGITS = 17
_ZEROS = bytes(ord("0") if byte in b"123456789" else byte for byte in range(256))
_LONG_NUMBER = b"0" * 16
"""An integer beyond 2^53 has sixteen digits at least; here all digits are zeros."""
_FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
"""Control, invisible and bidirectional characters, line separators, unpaired surrogates."""


class _UnlawfulError(ValueError):
    def __init__(self, code: RefusalCode) -> None:
        super().__init__(code)
        self.code = code


def decode(body: bytes) -> dict[str, object] | Refused:
    """Read one JSON object from at most 64 KiB of UTF-8, nested at most 32 deep.

    Refused beside what is not JSON: duplicate keys (every parser silently keeps one), numbers that are not finite or
    integers beyond 2^53 (RFC 8259, section 6), characters that change how a text is shown.
    """
    found = _outside_bounds(body) or _parse_plain(body) or parse_exactly(body)
    return Refused(found, Stage.DECODE) if isinstance(found, RefusalCode) else found


def _parse_plain(body: bytes) -> dict[str, object] | None:
    """The object, where it is quickly proven that `parse_exactly` finds nothing to refuse; None where it may.

    - Printable ASCII without escapes holds no forbidden character: a parser refuses those below the space in a text.
    - Without sixteen digits in a row there is no integer out of range; numbers that are not finite orjson refuses.
    - Written again, the object has as many colons as the body only if no key was there twice: each that is dropped
      takes one colon with it, and what stands in the texts stays as it was.
    """
    if not body.isascii() or b"\\" in body or b"\x7f" in body or _LONG_NUMBER in body.translate(_ZEROS):
        return None
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict) or orjson.dumps(value).count(b":") != body.count(b":"):
        return None
    return value


def parse_exactly(body: bytes) -> dict[str, object] | RefusalCode:
    """Read an object of which nothing is known but its size and depth; `decode` is to find the same, only sooner."""
    try:
        text = body.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=_once, parse_int=_integer, parse_float=_finite, parse_constant=_constant
        )
    except _UnlawfulError as flaw:
        return flaw.code
    except UnicodeDecodeError:
        return RefusalCode.NOT_UTF8
    except (ValueError, RecursionError):
        return RefusalCode.NOT_JSON
    if not isinstance(value, dict):
        return RefusalCode.NOT_JSON
    plain = text.isascii() and "\\" not in text and "\x7f" not in text
    if not plain and any(_FORBIDDEN.search(found) for found in _texts(value)):
        return RefusalCode.FORBIDDEN_CHARACTER
    return value


def _outside_bounds(body: bytes) -> RefusalCode | None:
    if len(body) > MAX_BODY_BYTES:
        return RefusalCode.TOO_LARGE
    if body.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        return RefusalCode.NOT_UTF8
    if sum(map(body.count, _OPENING)) <= MAX_DEPTH and body.count(b",") <= MAX_PARTS // 2:
        return None  # too few brackets to be nested too deep, wherever they stand
    structure = _STRINGS.sub(b"", body).translate(None, _STRUCTURE)
    if len(structure) > MAX_PARTS:
        return RefusalCode.TOO_MANY_PARTS
    depth = 0
    for byte in structure:
        if byte in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                return RefusalCode.TOO_DEEP
        elif byte in b"]}":
            depth -= 1
    return None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _UnlawfulError(RefusalCode.DUPLICATE_KEY)
    return found


def _integer(text: str) -> int:
    if len(text) > _MAX_INTEGER_DIGITS or abs(number := int(text)) > MAX_SAFE_INTEGER:
        raise _UnlawfulError(RefusalCode.NUMBER_OUT_OF_RANGE)
    return number


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise _UnlawfulError(RefusalCode.NUMBER_OUT_OF_RANGE)
    return number


def _constant(_text: str) -> float:
    raise _UnlawfulError(RefusalCode.NUMBER_OUT_OF_RANGE)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
