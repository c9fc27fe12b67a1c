"""Whatever is logged, by us or by a library, is one line of JSON, and logging never raises."""

import io
import json
import logging
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from coordinator import logs

NASTY = "a\nb\rc\0d\u2028e\u202ef\udc80g\x1b[31m\x85"


class Unprintable:
    """What some library might hand to a logger."""

    def __str__(self) -> str:
        msg = "it cannot be shown"
        raise ValueError(msg)

    __repr__ = __str__


class Liar(dict[str, object]):
    """A mapping that cannot be read."""

    def items(self) -> Any:  # noqa: ANN401  # it never returns
        raise RuntimeError


@contextmanager
def logged(level: str = "debug", style: str = "json") -> Iterator[io.StringIO]:
    """Where the process's log goes meanwhile; afterwards logging is as it was."""
    root, before, found = logging.getLogger(), structlog.get_config(), io.StringIO()
    handlers, threshold = root.handlers[:], root.level
    try:
        logs.configure(level, style, found)
        yield found
    finally:
        root.handlers[:] = handlers
        root.setLevel(threshold)
        structlog.configure(**before)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test runner listens too, with handlers that raise: they are not what is under test."""
    monkeypatch.setattr("_pytest.logging.LogCaptureHandler.emit", lambda *_: None)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    with logged() as found:
        yield found


def one(stream: io.StringIO) -> dict[str, Any]:
    """The one event that was written, and that it is one line."""
    text = stream.getvalue()
    stream.seek(0)
    stream.truncate()
    assert text.endswith("\n")
    (line,) = text[:-1].splitlines()
    assert line.isprintable()
    found: dict[str, Any] = json.loads(line)
    return found


def test_own_and_foreign_records_look_alike(stream: io.StringIO) -> None:
    structlog.get_logger("ours").info("happened", count=3)
    own = one(stream)
    logging.getLogger("theirs").warning("happened %s", "too")
    foreign = one(stream)
    assert (own["event"], own["logger"], own["level"], own["count"]) == ("happened", "ours", "info", 3)
    assert (foreign["event"], foreign["logger"], foreign["level"]) == ("happened too", "theirs", "warning")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", own["t"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", foreign["t"])


def test_nothing_in_a_text_ends_the_line_or_turns_it_round(stream: io.StringIO) -> None:
    structlog.get_logger("ours").info(NASTY, **{NASTY: NASTY}, nested={NASTY: [NASTY, (NASTY,)]})
    own = one(stream)
    logging.getLogger(NASTY).error("%s", NASTY)
    foreign = one(stream)
    for text in (own["event"], foreign["event"], foreign["logger"], json.dumps(own)):
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
    assert own["event"].startswith(r"a\nb\rc\x00d\u2028e\u202ef\udc80g")


@pytest.mark.parametrize(
    "value",
    [
        Unprintable(),
        Liar(a=1),
        [Unprintable()],
        {"deep": [{"deep": [{"deep": Unprintable()}]}]},
        b"\xff\x00" * 1_000,
        bytearray(b"(573) 555-0110"),
        10**6_000,
        -(2**70),
        math.nan,
        math.inf,
        {Unprintable(): 1},
        object(),
        structlog.get_logger,
        ValueError(NASTY),
        "x" * 1_000_000,
        ["x" * 1_000] * 10_000,
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_a_value_is_the_line_is_written_and_is_short(stream: io.StringIO, value: object) -> None:
    structlog.get_logger("ours").info("happened", value=value, _value=value)
    assert one(stream)["event"] == "happened"
    logging.getLogger("theirs").info("happened %s", value)
    assert one(stream)["logger"] == "theirs"
    logging.getLogger("theirs").info(value)
    assert one(stream)["logger"] == "theirs"


def test_what_is_very_deep_is_cut(stream: io.StringIO) -> None:
    deep: object = "bottom"
    for _ in range(5_000):
        deep = [deep]
    structlog.get_logger("ours").info("happened", value=deep)
    assert "bottom" not in json.dumps(one(stream))
    logging.getLogger("theirs").info("%s", deep)
    one(stream)


def test_a_library_that_logs_wrongly_still_logs_one_line(
    stream: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    logging.getLogger("theirs").info("%d of %d", "many")  # noqa: PLE1206  # the mistake is the test
    assert one(stream)["logger"] == "theirs"
    assert capsys.readouterr().err == ""


def test_bytes_are_counted_and_not_shown(stream: io.StringIO) -> None:
    for value in (b"+15735550110", bytearray(b"+15735550110"), memoryview(b"+15735550110")):
        structlog.get_logger("ours").info("happened", value=value)
        assert one(stream)["value"] == "<12 bytes>"


CALLBACK = "+15735550110"


def fail(callback: str) -> None:
    said = f"to call: {callback}"
    msg = "it went wrong"
    raise ValueError(msg) if said else KeyError


def test_an_exception_is_told_without_the_values_of_variables(stream: io.StringIO) -> None:
    for logger in (structlog.get_logger("ours"), logging.getLogger("theirs")):
        try:
            fail(CALLBACK)
        except ValueError:
            logger.exception("failed")
        told = one(stream)
        assert told["event"] == "failed"
        assert "ValueError: it went wrong" in told["exception"]
        assert "in fail" in told["exception"]
        assert CALLBACK not in json.dumps(told)


def test_for_people_an_exception_is_told_without_the_values_of_variables() -> None:
    with logged("info", "console") as stream:
        try:
            fail(CALLBACK)
        except ValueError:
            structlog.get_logger("ours").exception("failed", value=NASTY)
    assert "it went wrong" in stream.getvalue()
    assert CALLBACK not in stream.getvalue()


def test_below_the_level_nothing_is_written_and_talkative_libraries_only_warn(stream: io.StringIO) -> None:
    logs.configure("warning", "json", stream)
    structlog.get_logger("ours").info("happened")
    logging.getLogger("theirs").info("happened")
    logs.configure("debug", "json", stream)
    logging.getLogger("aiormq.connection").info("happened")
    assert stream.getvalue() == ""


JSONLIKE: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(st.text(), st.dictionaries(st.text(min_size=1).filter(lambda key: key != "event"), JSONLIKE, max_size=5))
def test_one_event_is_one_line_of_json(text: str, fields: Mapping[str, object]) -> None:
    with logged() as stream:
        structlog.get_logger("ours").info(text, **fields)
        one(stream)
        logging.getLogger("theirs").info("%s %r", text, fields)
        one(stream)
