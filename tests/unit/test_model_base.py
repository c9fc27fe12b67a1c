"""The words that all messages are written in: moments, identifiers, lists without repetition."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from coordinator.model.base import (
    AgencyId,
    Code,
    Digest,
    Distinct,
    Frozen,
    Instant,
    OfficerId,
    Ori,
    Phone,
    SystemId,
    Uuid,
)
from coordinator.model.identity import RANDOM_BYTES, uuid7

INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)


def moment(text: str) -> datetime:
    return INSTANT.validate_json(json.dumps(text))


# --- moments ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-27T18:00:00Z", datetime(2026, 11, 27, 18, tzinfo=UTC)),
        ("2026-11-27T12:00:00-06:00", datetime(2026, 11, 27, 18, tzinfo=UTC)),
        ("2026-11-28T03:30:00.5+09:30", datetime(2026, 11, 27, 18, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-11-27T18:00:00.123456Z", datetime(2026, 11, 27, 18, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-11-27T18:00:00.123456789Z", datetime(2026, 11, 27, 18, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-11-27T18:00:00-00:00", datetime(2026, 11, 27, 18, tzinfo=UTC)),
        ("2028-02-29T00:00:00Z", datetime(2028, 2, 29, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_in_utc_whatever_its_offset(text: str, expected: datetime) -> None:
    assert moment(text) == expected
    assert moment(text).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-27T18:00:00",
        "2026-11-27 18:00:00Z",
        "2026-11-27t18:00:00z",
        "2026-11-27T18:00Z",
        "2026-11-27T18Z",
        "2026-11-27",
        "20261127T180000Z",
        "2026-W48-5T18:00:00Z",
        "2026-331T18:00:00Z",
        "2026-11-27T18:00:00,5Z",
        "2026-11-27T18:00:00.Z",
        "2026-11-27T18:00:00.1234567890Z",
        "2026-11-27T24:00:00Z",
        "2026-11-27T18:60:00Z",
        "2026-06-30T23:59:60Z",
        "2026-11-27T18:00:00+24:00",
        "2026-11-27T18:00:00+06",
        "2026-11-27T18:00:00-0600",
        "2026-11-27T18:00:00 CST",
        "2026-11-31T18:00:00Z",
        "2026-02-29T18:00:00Z",
        "2026-13-01T18:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "\u0662\u0660\u0662\u0666-11-27T18:00:00Z",
        "2026-11-27T18:00:00Z\n",
        " 2026-11-27T18:00:00Z",
        "1795802400",
        "now",
        "",
    ],
)
def test_what_another_reader_could_read_otherwise_is_no_moment(text: str) -> None:
    with pytest.raises(ValidationError):
        moment(text)


@pytest.mark.parametrize("value", [1795802400, 1795802400.0, True, None, [], {}])
def test_only_a_text_is_a_moment(value: object) -> None:
    with pytest.raises(ValidationError):
        INSTANT.validate_json(json.dumps(value))


offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(2000, 1, 2), datetime(2999, 12, 30)), offsets)  # noqa: DTZ001 -- the zone is drawn beside it
def test_every_moment_that_python_writes_is_read_as_the_same_moment(naive: datetime, offset: timezone) -> None:
    written = naive.replace(tzinfo=offset)
    assert moment(written.isoformat()) == written


# --- words ---

WORDS: dict[str, tuple[object, list[str], list[str]]] = {
    "uuid": (
        Uuid,
        ["018f4e7a-0000-7000-8000-00000000000a", "00000000-0000-0000-0000-000000000000"],
        [
            "018F4E7A-0000-7000-8000-00000000000A",
            "018f4e7a000070008000000000000000",
            "{018f4e7a}",
            "urn:uuid:018f4e7a",
            "",
        ],
    ),
    "agency": (
        AgencyId,
        ["dps", "stl-pd", "a1", "a" * 32],
        ["a", "a" * 33, "DPS", "dp\u0455", "dps\n", "d.ps", "#", "*", ""],
    ),
    "system": (SystemId, ["cad", "c", "a" * 32], ["CAD", "c a d", "a" * 33, "cad/1", "cad\n", ""]),
    "code word": (
        Code,
        ["BLUE HERON", "7", "A-1"],
        ["Blue Heron", " BLUE", "BLUE\n", "BLUE.", "H\u00c9RON", "A" * 33, ""],
    ),
    "ori": (Ori, ["MOEX00001", "MO0000000"], ["MOEX0001", "moex00001", "MOEX000001", "1OEX00001", ""]),
    "officer": (OfficerId, ["4127", "DESK-12", "a" * 36], ["Jane Doe", "J.Doe", "a" * 37, "4127\n", ""]),
    "phone": (
        Phone,
        ["+15735550100", "+1234567"],
        ["15735550100", "+0735550100", "+1 573 555 0100", "+123456", "+1" * 9, ""],
    ),
    "digest": (Digest, [f"sha-256:{'0f' * 32}"], [f"sha-256:{'0F' * 32}", f"sha256:{'0f' * 32}", "0f" * 32, ""]),
}


@pytest.mark.parametrize("name", WORDS)
def test_a_word_is_read_in_its_one_form_and_in_no_other(name: str) -> None:
    kind, right, wrong = WORDS[name]
    adapter: TypeAdapter[str] = TypeAdapter(kind)  # type: ignore[arg-type]  # each is an annotated str
    for text in right:
        assert adapter.validate_json(json.dumps(text)) == text
    for text in wrong:
        with pytest.raises(ValidationError):
            adapter.validate_json(json.dumps(text))


# --- values ---


class Listed(Frozen):
    """A list of words in an order that matters, and one in an order that does not."""

    kept: Annotated[tuple[str, ...], Distinct()] = ()
    sorted: Annotated[tuple[str, ...], Distinct(ordered=True)] = ()
    number: int = 0
    flag: bool = False


@given(st.lists(st.text(max_size=2), unique=True))
def test_a_list_keeps_its_order_unless_the_order_says_nothing(words: list[str]) -> None:
    found = Listed(kept=tuple(words), sorted=tuple(words))
    assert list(found.kept) == words
    assert list(found.sorted) == sorted(words)


@pytest.mark.parametrize("field", ["kept", "sorted"])
def test_a_list_that_names_the_same_twice_is_refused(field: str) -> None:
    with pytest.raises(ValidationError, match="names the same twice"):
        Listed.model_validate_json(json.dumps({field: ["a", "b", "a"]}))


@pytest.mark.parametrize(
    "fields",
    [{"number": "1"}, {"number": 1.0}, {"number": True}, {"flag": 1}, {"flag": "true"}, {"kept": "ab"}, {"more": 1}],
)
def test_nothing_is_coerced_and_nothing_unknown_is_dropped(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Listed.model_validate_json(json.dumps(fields))


def test_a_value_does_not_change() -> None:
    found = Listed()
    with pytest.raises(ValidationError, match="frozen"):
        found.number = 2  # type: ignore[misc]  # what is tested


# --- identifiers that sort by time ---

milliseconds = st.integers(0, 2**48 - 1)
noise = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)


@given(milliseconds, noise)
def test_an_identifier_is_a_uuid_of_version_7_in_our_form(at: int, random: bytes) -> None:
    """RFC 9562, section 5.7."""
    text = uuid7(at, random)
    assert TypeAdapter(Uuid).validate_python(text) == text
    assert int(text.replace("-", "")[:12], 16) == at
    assert text[14] == "7"
    assert text[19] in "89ab"


@given(milliseconds, milliseconds, noise, noise)
def test_identifiers_sort_as_their_moments_do(one: int, other: int, first: bytes, second: bytes) -> None:
    if one != other:
        assert (uuid7(one, first) < uuid7(other, second)) == (one < other)


@given(milliseconds, noise, noise)
def test_74_bits_of_chance_tell_identifiers_of_one_moment_apart(at: int, first: bytes, second: bytes) -> None:
    kept = (1 << 74) - 1
    differ = int.from_bytes(first, "big") & kept != int.from_bytes(second, "big") & kept
    assert (uuid7(at, first) != uuid7(at, second)) == differ
