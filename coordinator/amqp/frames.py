"""A publish as the bytes of AMQP 0-9-1: what each dispatch costs most, written once and without detours."""

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from coordinator.amqp.topology import egress_queue
from coordinator.model.codes import Lane
from coordinator.model.errors import CoordinatorError
from coordinator.model.work import Dispatch

STRUCTURED: Final = "application/cloudevents+json"
HEARTBEAT_EXPIRES_MS: Final = 120_000
MAX_BODY_BYTES: Final = 128 * 1024
"""Above this nothing is sent: a broker with a smaller `max_message_size` closes the channel under its neighbours."""

_METHOD, _HEADER, _BODY = 1, 2, 3
_FRAME_END: Final = b"\xce"
_FRAME_OVERHEAD: Final = 8
_SHORT: Final = 255
_BASIC_PUBLISH: Final = b"\x00\x3c\x00\x28\x00\x00\x00"
"""Class 60, method 40, a reserved word, and the empty name: the default exchange."""
_MANDATORY: Final = b"\x01"
_PERSISTENT: Final = b"\x02"
_CONTENT_TYPE, _HEADERS, _DELIVERY_MODE = 1 << 15, 1 << 13, 1 << 12
_CORRELATION_ID, _EXPIRATION, _MESSAGE_ID, _TYPE = 1 << 10, 1 << 8, 1 << 7, 1 << 5

_frame = struct.Struct(">BHI").pack
_long = struct.Struct(">I").pack
_sequence = struct.Struct(">q").pack
_content = struct.Struct(">HHQH").pack


class UnsendableError(CoordinatorError):
    """What no broker would take: a text too long for its field, or a message too large; the text says which."""


class Publish(NamedTuple):
    """One message on its way to one queue."""

    queue: str
    id: str
    type: str
    body: bytes
    event_id: str
    source: str
    sequence: int | None = None
    recorded: str | None = None
    correlation: str | None = None
    jws: str | None = None
    expires_ms: int | None = None
    urgent: bool = False
    """Whether it goes before others that wait."""

    @classmethod
    def of(cls, dispatch: Dispatch) -> "Publish":
        """What a dispatch says on the wire (`contracts.md`, AMQP)."""
        return cls(
            queue=egress_queue(dispatch.recipient, dispatch.lane),
            id=dispatch.id,
            type=dispatch.type,
            body=dispatch.body,
            event_id=dispatch.event_id,
            source=dispatch.source,
            sequence=dispatch.sequence,
            recorded=dispatch.recorded,
            correlation=dispatch.correlation,
            jws=dispatch.jws,
            urgent=dispatch.lane is Lane.ALERT,
        )


def encode(publish: Publish, channel: int, frame_max: int) -> bytes:
    """Return the method, header and body frames: default exchange, mandatory, persistent, the body byte for byte.

    `frame_max` is the connection's largest frame, in bytes. Raises UnsendableError.
    """
    try:
        return b"".join(_frames(publish, channel, frame_max))
    except (ValueError, struct.error) as error:  # a text of no Unicode, a number of more than 64 bits
        msg = f"dispatch {publish.id!r} cannot be written down: {error}"
        raise UnsendableError(msg) from error


def _frames(publish: Publish, channel: int, frame_max: int) -> list[bytes]:
    body, header, method = publish.body, b"".join(_properties(publish)), _method(publish.queue)
    if len(body) > MAX_BODY_BYTES:
        msg = f"the body has {len(body)} bytes, more than {MAX_BODY_BYTES}"
        raise ValueError(msg)
    if len(header) + _FRAME_OVERHEAD > frame_max:
        msg = f"the header has {len(header)} bytes, more than one frame of {frame_max} holds"
        raise ValueError(msg)
    frames = [
        _frame(_METHOD, channel, len(method)), method, _FRAME_END,
        _frame(_HEADER, channel, len(header)), header, _FRAME_END,
    ]  # fmt: skip
    room = frame_max - _FRAME_OVERHEAD
    for start in range(0, len(body), room):
        part = body[start : start + room]
        frames += (_frame(_BODY, channel, len(part)), part, _FRAME_END)
    return frames


@lru_cache(maxsize=4096)
def _method(queue: str) -> bytes:
    return _BASIC_PUBLISH + _short(queue) + _MANDATORY


def _properties(publish: Publish) -> Iterator[bytes]:
    """The content header's payload: properties in the order of the standard, headers in alphabetical order."""
    correlation, expires = publish.correlation, publish.expires_ms
    flags = _CONTENT_TYPE | _HEADERS | _DELIVERY_MODE | _MESSAGE_ID | _TYPE
    flags |= (_CORRELATION_ID if correlation else 0) | (_EXPIRATION if expires else 0)
    table = b"".join(_headers(publish))
    yield _content(60, 0, len(publish.body), flags)
    yield _short(STRUCTURED)
    yield _long(len(table))
    yield table
    yield _PERSISTENT
    if correlation:
        yield _short(correlation)
    if expires:
        yield _short(str(expires))
    yield _short(publish.id)
    yield _short(publish.type)


def _headers(publish: Publish) -> Iterator[bytes]:
    yield b"\x05ce-idS"
    yield _text(publish.event_id)
    yield b"\x09ce-sourceS"
    yield _text(publish.source)
    if publish.jws is not None:
        yield b"\x05x-jwsS"
        yield _text(publish.jws)
    if publish.recorded is not None:
        yield b"\x0fx-recorded-timeS"
        yield _text(publish.recorded)
    if publish.sequence is not None:
        yield b"\x0ax-sequencel"
        yield _sequence(publish.sequence)


def _text(value: str) -> bytes:
    encoded = value.encode()
    return _long(len(encoded)) + encoded


def _short(value: str) -> bytes:
    encoded = value.encode()
    if len(encoded) > _SHORT:
        msg = f"{value[:40]!r}... has {len(encoded)} bytes, more than the {_SHORT} of its field"
        raise ValueError(msg)
    return bytes((len(encoded),)) + encoded
