"""What is written to the broker is AMQP 0-9-1 as pamqp, which we did not write, reads and writes it."""

import pamqp.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.frame import FrameTypes
from pamqp.header import ContentHeader

from coordinator.amqp.frames import MAX_BODY_BYTES, Publish, UnsendableError, encode
from coordinator.model.codes import Lane
from coordinator.model.work import Dispatch

FRAME_MAX = 131_072
ID = "01997ac4-9f60-7c2e-8d6b-000000000001"


def publish(**changes: object) -> Publish:
    plain = Publish(
        queue="out.mshp", id=ID, type="gov.mo.coordination.operation.notice.v1", body=b"{}", event_id=ID,
        source="//dps/watch",
    )  # fmt: skip
    return plain._replace(**changes)  # type: ignore[arg-type]  # tests name fields freely


def frames_of(data: bytes) -> list[tuple[int, FrameTypes]]:
    frames: list[tuple[int, FrameTypes]] = []
    while data:
        size, channel, frame = pamqp.frame.unmarshal(data)
        frames.append((channel, frame))
        data = data[size:]
    return frames


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
publishes = st.builds(
    Publish,
    queue=texts.filter(bool),
    id=texts.filter(bool),
    type=texts.filter(bool),
    body=st.binary(max_size=300),
    event_id=texts,
    source=texts,
    sequence=st.none() | st.integers(2**32, 2**63 - 1),
    recorded=st.none() | texts,
    correlation=st.none() | texts,
    jws=st.none() | texts,
    expires_ms=st.none() | st.integers(1, 10**9),
)


@given(publishes, st.integers(1, 65_535))
def test_the_bytes_are_those_that_pamqp_writes(published: Publish, channel: int) -> None:
    headers = {
        "ce-id": published.event_id,
        "ce-source": published.source,
        "x-sequence": published.sequence,
        "x-recorded-time": published.recorded,
        "x-jws": published.jws,
    }
    properties = Basic.Properties(
        content_type="application/cloudevents+json",
        headers={key: value for key, value in headers.items() if value is not None},
        delivery_mode=2,
        correlation_id=published.correlation,
        expiration=None if published.expires_ms is None else str(published.expires_ms),
        message_id=published.id,
        message_type=published.type,
    )
    method = Basic.Publish(exchange="", routing_key=published.queue, mandatory=True)
    header = ContentHeader(body_size=len(published.body), properties=properties)
    frames: list[FrameTypes] = [method, header]
    frames += [ContentBody(published.body)] if published.body else []
    expected = b"".join(pamqp.frame.marshal(frame, channel) for frame in frames)
    assert encode(published, channel, FRAME_MAX) == expected


@given(st.integers(0, 5_000), st.integers(300, 4_096))
def test_a_body_is_split_into_frames_and_kept_byte_for_byte(size: int, frame_max: int) -> None:
    body = bytes(number % 251 for number in range(size))
    data = encode(publish(body=body), 1, frame_max)
    parts = [frame for _, frame in frames_of(data)][2:]
    assert b"".join(part.value for part in parts if isinstance(part, ContentBody)) == body
    assert all(len(pamqp.frame.marshal(part, 1)) <= frame_max for part in parts if isinstance(part, ContentBody))


def test_small_numbers_are_written_as_64_bits() -> None:
    (_, _), (_, header), _ = frames_of(encode(publish(sequence=7), 1, FRAME_MAX))
    assert isinstance(header, ContentHeader)
    assert header.properties.headers == {"ce-id": ID, "ce-source": "//dps/watch", "x-sequence": 7}


def test_a_dispatch_goes_to_the_queue_of_its_lane() -> None:
    dispatch = Dispatch(
        key=1, id=ID, recipient="mshp", lane=Lane.ALERT, sequence=9, type="t", event_id="e", sender="dps", source="s",
        body=b"b", recorded="2026-11-27T18:00:00.000000Z", attempts=0, correlation="c", jws="j",
    )  # fmt: skip
    assert Publish.of(dispatch) == Publish(
        "alert.mshp", ID, "t", b"b", "e", "s", 9, "2026-11-27T18:00:00.000000Z", "c", "j", None, urgent=True
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("queue", "q" * 256),
        ("id", "é" * 128),
        ("type", "t" * 256),
        ("correlation", "c" * 256),
        ("jws", "j" * 200 * 1024),
        ("source", "\ud800"),
        ("sequence", 2**63),
        ("body", b"x" * (MAX_BODY_BYTES + 1)),
    ],
)
def test_what_no_broker_would_take_is_said_before_anything_is_written(field: str, value: object) -> None:
    with pytest.raises(UnsendableError, match="cannot be written down"):
        encode(publish(**{field: value}), 1, FRAME_MAX)
