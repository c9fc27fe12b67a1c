"""Takes a batch of CloudEvents apart: each element keeps the exact bytes that were sent."""

import json
from typing import Final

MAX_ELEMENTS: Final = 64
MAX_PARTS: Final = 640_000
"""Brackets, braces and commas in one batch: ten thousand for each element, as for a message that comes alone."""
_BLANK: Final = b" \t\n\r"
_SCAN: Final = json.JSONDecoder(
    # Nothing is made of the values: only where each of them ends is asked for.
    parse_int=str,
    parse_float=str,
    parse_constant=str,
    object_pairs_hook=len,
    strict=False,
)


class UnreadableBatchError(ValueError):
    """The body is no JSON array, or is so intricate that its elements are not looked for."""


class TooManyElementsError(ValueError):
    """The array has more than 64 elements."""


def split(body: bytes) -> list[bytes]:
    """Return the elements of a JSON array, byte for byte as they stand, without the blanks between them.

    An element need not be lawful, nor even UTF-8: that is found out where it is read, and is its own matter. Raises
    `UnreadableBatchError` and `TooManyElementsError`.
    """
    if sum(map(body.count, (b",", b"[", b"{"))) > MAX_PARTS:
        raise UnreadableBatchError
    text = body.decode("latin-1")  # a character for each byte; JSON's own are all ASCII
    at = _after_blanks(body, 0)
    if body[at : at + 1] != b"[":
        raise UnreadableBatchError
    at = _after_blanks(body, at + 1)
    found: list[bytes] = []
    more = body[at : at + 1] != b"]"
    while more:
        if len(found) == MAX_ELEMENTS:
            raise TooManyElementsError
        end = _end_of(text, at)
        found.append(body[at:end])
        at = _after_blanks(body, end)
        more = body[at : at + 1] == b","
        at = _after_blanks(body, at + 1) if more else at
    if body[at : at + 1] != b"]" or _after_blanks(body, at + 1) != len(body):
        raise UnreadableBatchError
    return found


def _end_of(text: str, start: int) -> int:
    try:
        _, end = _SCAN.raw_decode(text, start)
    except (ValueError, RecursionError) as error:
        raise UnreadableBatchError from error
    return end


def _after_blanks(body: bytes, at: int) -> int:
    while at < len(body) and body[at] in _BLANK:
        at += 1
    return at
