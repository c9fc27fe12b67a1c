"""Bytes become one JSON object, or are refused before anything reads them as a message."""

import codecs
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.model.decisions import RefusalCode, Refused, Stage
from coordinator.model.envelope import MAX_BODY_BYTES
from coordinator.steps.decode import MAX_PARTS, decode, parse_exactly
from tests import kit

MARKS = [b'"', b":", b",", b"{", b"}", b"[", b"]", b"\\", b"\\u003a", b"0" * 16, b'"to":1,', b'"a":":",']
FORBIDDEN = {
    "null": "\x00",
    "tab": "\t",
    "newline": "\n",
    "carriage return": "\r",
    "escape": "\x1b",
    "delete": "\x7f",
    "next line": "\x85",
    "C1": "\x9b",
    "soft hyphen": "\xad",
    "Arabic letter mark": "\u061c",
    "zero width space": "\u200b",
    "left-to-right mark": "\u200e",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "left-to-right embedding": "\u202a",
    "right-to-left override": "\u202e",
    "word joiner": "\u2060",
    "right-to-left isolate": "\u2067",
    "byte order mark": "\ufeff",
    "interlinear annotation": "\ufff9",
    "tag": "\U000e0041",
    "high surrogate": "\ud83d",
    "low surrogate": "\ude00",
}


def refused(code: RefusalCode) -> Refused:
    return Refused(code, Stage.DECODE)


def test_an_object_is_read_as_it_stands() -> None:
    body = '{"name": "H\u00e9ron \U0001f426", "to": ["dps"], "n": 1, "x": -1.5e3, "none": null, "yes": true}'
    assert decode(body.encode()) == {
        "name": "H\u00e9ron \U0001f426",
        "to": ["dps"],
        "n": 1,
        "x": -1500.0,
        "none": None,
        "yes": True,
    }


def test_space_around_and_within_changes_nothing() -> None:
    assert decode(b' \r\n\t{ "a" : [ 1 , 2 ] }\n') == {"a": [1, 2]}


def test_a_character_in_two_escapes_is_one_character() -> None:
    assert decode(rb'{"a": "\ud83d\udc26"}') == {"a": "\U0001f426"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"1",
        b'"text"',
        b"[]",
        b"[{}]",
        b"{}{}",
        b"{} x",
        b"{",
        b"}",
        b'{"a"}',
        b'{"a": }',
        b"{a: 1}",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": 01}',
        b'{"a": .5}',
        b'{"a": +1}',
        b'{"a": 0x1}',
        b'{"a": 1 /* one */}',
        b'{"a": "\n"}',
        b'{"a": "\\x"}',
        b'{"a": "\\u12"}',
        b'{"a": tru}',
        b'{"a": 1_000}',
        b"{\x00}",
        b"\x00",
    ],
)
def test_what_is_not_one_json_object_is_refused(body: bytes) -> None:
    assert decode(body) == refused(RefusalCode.NOT_JSON)


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_a_byte_order_mark_is_refused(mark: bytes) -> None:
    assert decode(mark + b"{}") == refused(RefusalCode.NOT_UTF8)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_another_encoding_of_unicode_is_refused(encoding: str) -> None:
    found = decode('{"a": "b"}'.encode(encoding))
    assert found in (refused(RefusalCode.NOT_UTF8), refused(RefusalCode.NOT_JSON))


@pytest.mark.parametrize("text", [b"\xff", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"H\xc9RON"])
def test_invalid_utf8_is_refused(text: bytes) -> None:
    assert decode(b'{"a": "' + text + b'"}') == refused(RefusalCode.NOT_UTF8)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "a": 1}',
        b'{"a": 1, "b": 2, "a": 3}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a": [[{"b": null, "b": null}]]}',
        rb'{"a": 1, "\u0061": 2}',
    ],
)
def test_a_key_twice_is_refused_at_any_depth(body: bytes) -> None:
    assert decode(body) == refused(RefusalCode.DUPLICATE_KEY)


def test_one_key_in_two_objects_is_no_key_twice() -> None:
    assert decode(b'{"a": {"a": [{"a": 1}, {"a": 1}]}}') == {"a": {"a": [{"a": 1}, {"a": 1}]}}


@pytest.mark.parametrize("number", [9_007_199_254_740_991, -9_007_199_254_740_991, 0, -1])
def test_integers_that_every_reader_keeps_are_read(number: int) -> None:
    assert decode(b'{"a": %d}' % number) == {"a": number}


@pytest.mark.parametrize(
    "number",
    [
        "9007199254740992",
        "-9007199254740992",
        "9" * 17,
        "1" * 5_000,
        "-" + "9" * 20_000,
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "-1e400",
        "1.5E309",
        "9" * 400 + ".0",
    ],
)
def test_numbers_that_readers_differ_about_are_refused(number: str) -> None:
    assert decode(f'{{"a": [{number}]}}'.encode()) == refused(RefusalCode.NUMBER_OUT_OF_RANGE)


@pytest.mark.timeout(5)
def test_a_number_with_very_many_digits_costs_nothing() -> None:
    assert isinstance(decode(b'{"a": 0.' + b"0" * 60_000 + b"1}"), dict)
    assert decode(b'{"a": 1e' + b"9" * 60_000 + b"}") == refused(RefusalCode.NUMBER_OUT_OF_RANGE)


@pytest.mark.parametrize("character", FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_character_that_changes_what_is_shown_is_refused_in_values_and_in_keys(character: str) -> None:
    escaped = json.dumps(f"a{character}b")
    for body in (f'{{"k": {escaped}}}', f"{{{escaped}: 1}}", f'{{"k": [[{{"k": {escaped}}}]]}}'):
        assert decode(body.encode()) == refused(RefusalCode.FORBIDDEN_CHARACTER)


@pytest.mark.parametrize("character", FORBIDDEN.values(), ids=FORBIDDEN)
def test_the_same_character_written_as_it_is_is_refused_too(character: str) -> None:
    body = f'{{"k": "a{character}b"}}'.encode("utf-8", "surrogatepass")
    assert isinstance(decode(body), Refused)


def nested(depth: int) -> bytes:
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


def test_nesting_is_read_to_32_and_refused_beyond() -> None:
    assert isinstance(decode(nested(32)), dict)
    assert decode(nested(33)) == refused(RefusalCode.TOO_DEEP)
    assert decode(b'{"a":' * 33 + b"1" + b"}" * 33) == refused(RefusalCode.TOO_DEEP)
    assert decode(b"[" * 9_000) == refused(RefusalCode.TOO_DEEP)


def test_brackets_in_a_text_are_no_nesting() -> None:
    text = '\\"' + "[{" * 5_000 + "," * 20_000 + "\\\\"
    assert decode(f'{{"a": "{text}"}}'.encode()) == {"a": json.loads(f'"{text}"')}


def test_size_is_read_to_64_kib_and_refused_beyond() -> None:
    body = b'{"a": "' + b"x" * (MAX_BODY_BYTES - 9) + b'"}'
    assert len(body) == MAX_BODY_BYTES
    assert isinstance(decode(body), dict)
    assert decode(body + b" ") == refused(RefusalCode.TOO_LARGE)
    assert decode(b"[" * 10_000_000) == refused(RefusalCode.TOO_LARGE)


def test_very_many_parts_are_refused_unread() -> None:
    assert decode(b'{"a":[' + b"0," * MAX_PARTS + b"0]}") == refused(RefusalCode.TOO_MANY_PARTS)
    keys = b",".join(b'"%x":1' % number for number in range(100_000))
    assert decode(b"{" + keys + b"}") == refused(RefusalCode.TOO_LARGE)
    assert decode(b"[]," * 20_000) == refused(RefusalCode.TOO_MANY_PARTS)


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "body",
    [
        b'{"a":"' + b'\\"' * 32_000,
        b'"' + b'\\"' * 32_000,
        b'"' * 65_000,
        b'{"' + b"\\" * 65_000,
        b'\\"' * 32_000,
        b'"\\' * 32_000,
        b'{"a":"' + b"x" * 65_000,
        b" " * 65_000,
        b'{"a":"' + b"\\ud83d" * 10_000 + b'"}',
    ],
    ids=range(9),
)
def test_no_body_costs_more_than_its_length(body: bytes) -> None:
    """An expression that goes back took half a minute for the first of these."""
    assert isinstance(decode(body), Refused)


@given(st.binary(max_size=200))
def test_any_bytes_give_an_object_or_a_refusal(body: bytes) -> None:
    assert isinstance(decode(body), dict | Refused)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcé", max_size=3), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text("abcé", max_size=3), json_values, max_size=4), st.booleans())
def test_every_lawful_object_is_read_as_python_reads_it(found: dict[str, object], ascii_only: bool) -> None:  # noqa: FBT001 -- drawn by hypothesis
    assert decode(json.dumps(found, ensure_ascii=ascii_only).encode()) == found


NUMBERS = """
    0 -0 01 - 1. .5 1e5 1E+5 1e400 -1e400 1e-400 NaN Infinity -Infinity 0.1000000000000000055
    9007199254740991 -9007199254740991 9007199254740992 -9007199254740992 18446744073709551616
    1.79769313486231e308 1.79769313486232e308 999999999999999 9999999999999999
"""
numbers = st.sampled_from([*NUMBERS.split(), "9" * 400 + ".0"]) | st.floats(allow_nan=False, allow_infinity=False).map(
    repr
)
strings = st.text(st.sampled_from('ab:,"\\u0061{}[]/\x00\x1f\x7f\x80\u202e\t\né '), max_size=6)
texts = strings.map(json.dumps) | strings.map(lambda text: f'"{text}"') | st.sampled_from(['"a"', '":"', '"a:b"'])
spaces = st.sampled_from(["", "", "", " ", "\n", "\t ", "\x0b", "\xa0"])


@st.composite
def written(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    """An object or a list as some sender may write it, lawfully or not."""
    pairs = st.tuples(texts, spaces, inner).map(lambda pair: f"{pair[0]}{pair[1]}:{pair[2]}")
    keyed = draw(st.booleans())
    items = draw(st.lists(pairs if keyed else inner, max_size=4))
    space = draw(spaces)
    return ("{%s%s}" if keyed else "[%s%s]") % (space, f"{space},".join(items))


documents = st.recursive(numbers | texts | st.sampled_from(["null", "true", "nul"]), written, max_leaves=8)


@settings(max_examples=500)
@given(st.dictionaries(st.sampled_from(["a", "b", ":"]), documents, max_size=2), documents, st.booleans())
def test_what_is_found_sooner_is_what_is_found_exactly(items: dict[str, str], twice: str, again: bool) -> None:  # noqa: FBT001 -- drawn by hypothesis
    pairs = [f'"{key}":{item}' for key, item in items.items()]
    body = ("{%s}" % ",".join([*pairs, *pairs[:1]] if again else [*pairs, f'"c": {twice}'])).encode()  # noqa: UP031 -- braces
    found, exact = decode(body), parse_exactly(body)
    assert (found.code if isinstance(found, Refused) else found) == exact
    assert repr(found) == repr(exact) or isinstance(found, Refused)


@settings(max_examples=300)
@given(st.data())
def test_a_byte_changed_in_a_message_is_read_as_it_is_read_exactly(data: st.DataObject) -> None:
    body = bytearray(kit.body("mshp", "operation.notice", kit.plan(["hsi", "dea"])))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2) | st.sampled_from(list(MARKS)))
    found, exact = decode(bytes(body)), parse_exactly(bytes(body))
    assert (found.code if isinstance(found, Refused) else found) == exact
