"""What a feed shows: one line for each number, whatever the body looks like; one encoding for all who listen."""

import json

import pytest

from coordinator.http.streams import as_event
from coordinator.model.feeding import Batch, item_of

NOTICE = "gov.mo.coordination.operation.notice.v1"
WHEN = "2026-11-27T18:00:00.000000Z"
EVENT = {"id": "1", "data": {"name": "BLUE HERON", "text": "a\nb\r\tc\u2028 \u00e9 \\n \U0001f6a8", "list": [1, [2]]}}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_one_event_is_one_line_and_means_what_was_sent(indent: int | None, line_end: str) -> None:
    body = json.dumps(EVENT, indent=indent).replace("\n", line_end).encode()
    item = item_of(7, NOTICE, WHEN, body)
    assert not {b"\n", b"\r", b"\0"} & {item.line[at : at + 1] for at in range(len(item.line))}
    assert json.loads(item.line) == {"sequence": 7, "recordedtime": WHEN, "event": EVENT}


def test_a_body_on_one_line_stands_in_its_line_byte_for_byte() -> None:
    body = b'{ "b" : 1.0 ,\t"a":"\\u00e9 \xc3\xa9" }'
    assert body in item_of(1, NOTICE, WHEN, body).line


def test_an_event_of_a_stream_is_three_fields_and_an_empty_line() -> None:
    item = item_of(7, NOTICE, WHEN, json.dumps(EVENT, indent=1).encode())
    assert item.type == "operation.notice"
    *fields, empty, end = as_event(item).split(b"\n")
    assert fields == [b"id: 7", b"event: operation.notice", b"data: " + item.line]
    assert (empty, end) == (b"", b"")


def batch() -> Batch:
    names = ("operation.notice", "situation.alert", "operation.notice")
    return Batch([item_of(at, f"gov.mo.coordination.{name}.v1", WHEN, b"{}") for at, name in enumerate(names, 4)])


def test_who_asks_for_the_same_gets_the_same_bytes() -> None:
    shared = batch()
    assert (shared.first, shared.last) == (4, 6)
    first = shared.written(as_event, 3, None)
    assert shared.written(as_event, 3, None) is first
    assert shared.written(as_event, 0, None) is first
    assert first.count(b"\n\n") == 3


def test_what_a_listener_has_or_does_not_want_is_left_out() -> None:
    shared = batch()
    assert [each.sequence for each in shared.after(4, None)] == [5, 6]
    assert [each.sequence for each in shared.after(3, frozenset({"operation.notice"}))] == [4, 6]
    assert shared.written(as_event, 6, None) == b""
    assert shared.written(as_event, 4, frozenset({"situation.alert"})).startswith(b"id: 5\n")
