"""Batches are taken apart without a byte being changed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.http.batches import MAX_ELEMENTS, TooManyElementsError, UnreadableBatchError, split

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
BLANKS = st.text(" \t\n\r", max_size=3).map(str.encode)


@st.composite
def elements(draw: st.DrawFn) -> bytes:
    """JSON as several programs write it: with blanks or without, escaped or not."""
    indent = draw(st.sampled_from([None, 2]))
    return json.dumps(draw(VALUES), indent=indent, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


@given(st.lists(elements(), max_size=8), BLANKS, BLANKS)
def test_what_was_put_together_is_taken_apart_byte_for_byte(parts: list[bytes], before: bytes, after: bytes) -> None:
    body = before + b"[" + (after + b"," + before).join(before + part + after for part in parts) + b"]" + after
    assert split(body) == parts


@given(st.binary(max_size=200).map(lambda inside: b"[" + inside + b"]") | st.binary(max_size=200))
def test_whatever_comes_is_taken_apart_or_refused(body: bytes) -> None:
    try:
        found = split(body)
    except (UnreadableBatchError, TooManyElementsError):
        return
    assert all(part in body for part in found)


@pytest.mark.parametrize(
    "element",
    [
        b"1",
        b'"\xff\xfe"',
        b'{"a":1,"a":2}',
        b"9" * 5_000,
        b"NaN",
        b"1e400",
        b'"\\ud800"',
        b'"a\x00b"',
        b"[" * 100 + b"]" * 100,
    ],
    ids=["no object", "no UTF-8", "key twice", "5,000 digits", "NaN", "1e400", "surrogate", "NUL", "deep"],
)
def test_an_unlawful_element_is_its_own_matter(element: bytes) -> None:
    assert split(b'[{"id":"before"},' + element + b',{"id":"after"}]') == [
        b'{"id":"before"}',
        element,
        b'{"id":"after"}',
    ]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[", b"[1", b"[1,", b"[1,]", b"[,1]", b"[1 2]", b"[1]]", b"[1]x", b"\xef\xbb\xbf[1]", b'["]']
)
def test_what_is_no_array_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableBatchError):
        split(body)


@pytest.mark.parametrize("body", [b"[" * 200_000, b"[" + b"[]," * 300_000, b'["' + b"\\" * 1_000_000, b"[" * 700_000])
def test_what_is_made_to_be_slow_is_unreadable(body: bytes) -> None:
    with pytest.raises((UnreadableBatchError, TooManyElementsError)):
        split(body)


def test_a_batch_has_at_most_sixty_four() -> None:
    assert len(split(b"[" + b",".join([b"{}"] * MAX_ELEMENTS) + b"]")) == MAX_ELEMENTS
    with pytest.raises(TooManyElementsError):
        split(b"[" + b",".join([b"{}"] * (MAX_ELEMENTS + 1)) + b"]")
