"""What senders choose is decoded without harm; and the guard wraps exactly what the installed client uses."""

import struct
import subprocess
import sys

import pamqp.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.header import ContentHeader

from coordinator.amqp import guard
from coordinator.amqp.guard import MAX_HEADER_BYTES, MAX_HEADER_NESTING, UnreadableHeaders

HEADERS, TIMESTAMP, CONTENT_TYPE = 1 << 13, 1 << 6, 1 << 15


@pytest.fixture(autouse=True)
def _guarded() -> None:
    guard.install()


def sized(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def nested(levels: int) -> bytes:
    table = b""
    for _ in range(levels):
        table = b"\x01aF" + sized(table)
    return sized(table)


def header_frame(flags: int, properties: bytes, body_size: int = 7) -> bytes:
    content = struct.pack(">HHQH", 60, 0, body_size, flags) + properties
    return struct.pack(">BHI", 2, 1, len(content)) + content + b"\xce"


def decoded(frame: bytes) -> ContentHeader:
    _, _, header = pamqp.frame.unmarshal(frame)
    assert isinstance(header, ContentHeader)
    return header


HOSTILE = {
    "nested 1,500 deep": (HEADERS, nested(1_500)),
    "nested 15,000 deep": (HEADERS, nested(15_000)),
    "nested one level too deep": (HEADERS, nested(MAX_HEADER_NESTING + 1)),
    "32,000 flat": (HEADERS, sized(b"".join(b"\x05%05dt\x01" % number for number in range(32_000)))),
    "200 KiB": (HEADERS, sized(b"\x01aS" + sized(b"x" * 200 * 1024))),
    "name that is not UTF-8": (HEADERS, sized(b"\x01\xffS" + sized(b"x"))),
    "type that does not exist": (HEADERS, sized(b"\x01aQ")),
    "longer than its frame": (HEADERS, struct.pack(">I", 1 << 30)),
    "time beyond the year 9999": (TIMESTAMP, struct.pack(">Q", 1 << 63)),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_what_cannot_be_read_arrives_marked_with_its_body_size(case: str) -> None:
    header = decoded(header_frame(*HOSTILE[case], body_size=1234))
    assert isinstance(header.properties.headers, UnreadableHeaders)
    assert header.properties.headers.why
    assert header.body_size == 1234


def test_headers_within_bounds_are_read_as_ever() -> None:
    kept = {"ce-id": "1", "x-death": [{"queue": "router.in.mshp", "count": 2, "routing-keys": ["a"]}]}
    properties = Basic.Properties(content_type="application/json", headers=kept, user_id="mshp-rms")  # type: ignore[arg-type]  # pamqp's table type is invariant
    frame = pamqp.frame.marshal(ContentHeader(body_size=3, properties=properties), 1)
    assert decoded(frame).properties == properties
    assert not isinstance(
        decoded(header_frame(HEADERS, nested(MAX_HEADER_NESTING))).properties.headers, UnreadableHeaders
    )


def test_texts_that_are_not_utf8_do_not_end_the_connection() -> None:
    deliver = Basic.Deliver("tag", 1, redelivered=False, exchange="in.mshp", routing_key="KEY")
    frame = pamqp.frame.marshal(deliver, 1).replace(b"KEY", b"\xff\xfe\n")
    _, _, read = pamqp.frame.unmarshal(frame)
    assert isinstance(read, Basic.Deliver)
    assert read.routing_key == "��\n"
    assert read.delivery_tag == 1
    assert decoded(header_frame(CONTENT_TYPE, b"\x02\xff\xff")).properties.content_type == "��"


@given(st.binary(max_size=2 * MAX_HEADER_BYTES), st.integers(0, 0xFFFE))
def test_no_bytes_at_all_raise(properties: bytes, flags: int) -> None:
    assert decoded(header_frame(flags & ~1, properties)).body_size == 7


@given(st.recursive(st.text(max_size=5) | st.booleans(), lambda inner: st.lists(inner, max_size=3), max_leaves=20))
def test_any_modest_table_passes_unmarked(value: object) -> None:
    properties = Basic.Properties(headers={"a": value})  # type: ignore[dict-item]  # any value that the wire can carry
    frame = pamqp.frame.marshal(ContentHeader(properties=properties), 1)
    assert decoded(frame).properties.headers == {"a": value}


def test_installing_twice_changes_nothing() -> None:
    before = ContentHeader.unmarshal
    guard.install()
    assert ContentHeader.unmarshal is before


def test_bodies_are_not_touched() -> None:
    _, _, body = pamqp.frame.unmarshal(pamqp.frame.marshal(ContentBody(b"\xff\x00"), 1))
    assert isinstance(body, ContentBody)
    assert body.value == b"\xff\x00"


UNGUARDED = """
import struct, pamqp.frame
from pamqp.commands import Basic
table = b""
for _ in range(1500):
    table = b"\\x01aF" + struct.pack(">I", len(table)) + table
content = struct.pack(">HHQH", 60, 0, 7, 1 << 13) + struct.pack(">I", len(table)) + table
try:
    pamqp.frame.unmarshal(struct.pack(">BHI", 2, 1, len(content)) + content + b"\\xce")
except RecursionError:
    print("recursion")
deliver = pamqp.frame.marshal(Basic.Deliver("tag", 1, False, "in.mshp", "KEY"), 1)
try:
    pamqp.frame.unmarshal(deliver.replace(b"KEY", b"\\xff\\xfe\\n"))
except pamqp.exceptions.PAMQPException:
    print("text")
"""


def test_the_client_still_needs_the_guard() -> None:
    """When this fails, pamqp has changed: look whether the guard can go, or where it belongs now."""
    done = subprocess.run([sys.executable, "-c", UNGUARDED], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["recursion", "text"]
