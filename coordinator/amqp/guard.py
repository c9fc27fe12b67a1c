"""A guard where the client decodes what senders chose: what cannot be read arrives marked, the connection stays."""

import struct
from typing import Final

from pamqp import decode
from pamqp.commands import Basic
from pamqp.common import FieldValue
from pamqp.header import ContentHeader

MAX_HEADER_BYTES: Final = 8 * 1024
"""Largest content header that is decoded: property list and header table; a detached JWS needs less than one KiB."""
MAX_HEADER_NESTING: Final = 32

_PREFIX: Final = struct.Struct(">HHQ")
"""Class, weight and body size: what stands before the properties (AMQP 0-9-1, 4.2.6.1)."""


class UnreadableHeaders(dict[str, FieldValue]):
    """Stands in the place of a header table that was not decoded. No sender can make one."""

    def __init__(self, why: str) -> None:
        """Keep the reason, for the log."""
        super().__init__()
        self.why = why


def install() -> None:
    """Put the guard in its place, once for the process; calling again changes nothing.

    The client decodes in its connection's one reader, and an exception there ends the connection, and again after each
    redelivery, until the delivery limit dead-letters innocent neighbours too (`broker.md`, 18). pamqp raises for a
    header table nested 1,500 deep (RecursionError), a time beyond the year 9999, and text that is not UTF-8, in a
    header's name as in a routing key; RabbitMQ 3.10 lets all of them through. What is replaced:

    - `pamqp.header.ContentHeader.unmarshal`, through which every message's properties and header table go;
    - `pamqp.decode.METHODS["shortstr"]`, the decoder of all short texts, the routing key among them.
    """
    ContentHeader.unmarshal = _guarded_header  # type: ignore[method-assign,assignment]  # the guard
    decode.METHODS["shortstr"] = _guarded_text


_unguarded_header = ContentHeader.unmarshal


def _guarded_text(value: bytes) -> tuple[int, str]:
    """Decode a short text; what is not UTF-8 in it becomes U+FFFD."""
    try:
        return decode.short_str(value)
    except UnicodeDecodeError:
        length = value[0]
        return length + 1, value[1 : length + 1].decode(errors="replace")


def _guarded_header(header: ContentHeader, frame: bytes) -> None:
    """Decode a content header as pamqp does; on failure keep its body size, and mark the rest."""
    why = f"the content header has {len(frame)} bytes" if len(frame) > MAX_HEADER_BYTES else None
    if why is None:
        try:
            _unguarded_header(header, frame)
        except Exception as error:  # noqa: BLE001 - any exception here would end the connection of all
            why = f"{type(error).__name__}: {str(error)[:80]}"
        else:
            why = _too_deep(header.properties.headers)
    if why is not None:
        _, header.weight, header.body_size = _PREFIX.unpack_from(frame)
        header.properties = Basic.Properties(headers=UnreadableHeaders(why))


def _too_deep(headers: object) -> str | None:
    level = [headers]
    for _ in range(MAX_HEADER_NESTING + 1):
        level = [inner for outer in level for inner in _parts(outer) if isinstance(inner, dict | list)]
        if not level:
            return None
    return f"the header table is nested more than {MAX_HEADER_NESTING} levels deep"


def _parts(table: object) -> list[object]:
    match table:
        case dict():
            return list(table.values())
        case list():
            return table
        case _:
            return []
