"""Searches, guided by coverage, for bytes that our readers cannot bear; what it finds goes into the corpus.

`python -m tests.fuzz.decoder TARGET [OPTIONS OF LIBFUZZER]`, on Linux, where atheris is installed. A target is `body`
(decode, validate), `headers` (what AMQP's client and its guard make of a header), `batch` (what HTTP takes apart) or
`lines` (a log line, an event of a stream). It begins with the corpus of `tests/hostile` and the contract's examples.
`-max_total_time=3600` searches for an hour, `-runs=20000 -seed=1` so many inputs, the same ones in every run. A finding
ends it: its bytes are in a file that is named.
"""

import json
import re
import struct
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import atheris  # type: ignore[import-untyped]  # brings no types

READERS = (
    "coordinator.steps", "coordinator.model.base", "coordinator.model.area", "coordinator.model.binding",
    "coordinator.model.feeding", "coordinator.amqp.guard", "coordinator.amqp.binding", "coordinator.http.batches",
    "coordinator.logs", "pamqp.decode", "pamqp.header", "json.decoder",
)  # fmt: skip
"""Whose branches guide the search."""

with atheris.instrument_imports(include=list(READERS)):
    import pamqp.frame
    from pamqp.header import ContentHeader

    from coordinator.amqp import guard
    from coordinator.amqp.binding import Content, submission
    from coordinator.contract.examples import invalid, valid
    from coordinator.http.batches import TooManyElementsError, UnreadableBatchError, split
    from coordinator.logs import guard as guard_line
    from coordinator.logs import to_line
    from coordinator.model.binding import digest_of
    from coordinator.model.decisions import RefusalCode, Refused
    from coordinator.model.feeding import item_of
    from coordinator.model.messages import INCOMING
    from coordinator.model.work import Read
    from coordinator.steps import decode, validate
    from tests import kit
    from tests.hostile.corpus import hostile_bodies

SLOWEST_S = 5
"""A guard, tenfold and more: nothing that a door reads takes so long."""
LONGEST = 4_096
"""Bytes; what is longer only slows the search."""
ODD: tuple[object, ...] = (
    None,
    True,
    0,
    -1,
    2**53,
    1e308,
    "",
    "a\nb",
    "\ud800",
    "\u202e",
    [],
    {},
    [[0, 0]],
    "2098-01-01T00:00:00Z",
)
"""Values that may stand in the place of any other."""
_BEFORE_PARSING = frozenset({
    RefusalCode.TOO_LARGE, RefusalCode.TOO_DEEP, RefusalCode.TOO_MANY_PARTS, RefusalCode.NOT_UTF8
})  # fmt: skip
DIRECTORY = kit.directory()
BOUNDS = kit.bounds(DIRECTORY)


def body(data: bytes) -> None:
    """Decode and validate give a value; the quick way and the exact one agree, and so does another reader of JSON."""
    found = decode.decode(data)
    came = kit.submission("mshp", data)
    validate.claim_key(came, found)
    code = found.code if isinstance(found, Refused) else None
    if code not in _BEFORE_PARSING:
        exact = decode.parse_exactly(data)
        assert exact == (found if code is None else code), (found, exact)
    if isinstance(found, Refused):
        return
    assert repr(json.loads(data)) == repr(found), found
    read = validate.read(came, found, BOUNDS)
    if isinstance(read, Read):
        written = read.event.model_dump_json(exclude_none=True).encode()
        again = INCOMING.validate_json(written)
        assert again == read.event, written
        assert again.model_dump_json(exclude_none=True).encode() == written
    else:
        assert read.field is None or re.fullmatch(r"[\w.-]{1,200}", read.field, re.ASCII), read


def headers(data: bytes) -> None:
    """Whatever stands in a content header, the frame is read, and the message is a submission or has its flaw."""
    content = struct.pack(">HHQ", 60, 0, 7) + data
    frame = struct.pack(">BHI", 2, 1, len(content)) + content + b"\xce"
    try:
        _, _, header = pamqp.frame.unmarshal(frame)
    except pamqp.exceptions.UnmarshalingException as error:
        msg = "the frame ends the connection"
        raise AssertionError(msg) from error
    assert isinstance(header, ContentHeader)
    told = Content(header.properties, b"{}", digest_of(b"{}"))
    came = submission(told, DIRECTORY.agencies["mshp"], kit.NOW)
    assert came.agency == "mshp"
    decode.decode(came.body)


def batch(data: bytes) -> None:
    """A batch is taken apart into elements that stand in it, or cannot be; a lawful array into its own elements."""
    try:
        elements = split(data)
    except (UnreadableBatchError, TooManyElementsError):
        return
    place = 0
    for each in elements:
        place = data.index(each, place) + len(each)
        decode.decode(each)
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError):
        return
    assert isinstance(whole, list)
    assert len(whole) == len(elements)
    for element, each in zip(whole, elements, strict=True):
        assert repr(json.loads(each)) == repr(element), each


def lines(data: bytes) -> None:
    """Whatever text is logged is one line of JSON, and what was accepted is one event of a stream."""
    text = data.decode("utf-8", "surrogateescape")
    line = to_line(guard_line(None, "info", {"event": text, text: [text, {text: data}]}))
    assert len(line.splitlines()) == 1, line
    assert isinstance(json.loads(line), dict)
    if isinstance(decode.decode(data), dict):
        shown = item_of(1, "gov.mo.coordination.operation.notice.v1", "2026-11-27T18:00:00Z", data).line
        assert not {b"\r", b"\n", b"\0"} & {shown[at : at + 1] for at in range(len(shown))}, shown
        assert json.loads(shown)["event"] == json.loads(data)


DOCUMENTS = frozenset({"body", "batch"})
"""Targets that read JSON, and so are searched by its parts too."""
TARGETS: dict[str, Callable[[bytes], None]] = {"body": body, "headers": headers, "batch": batch, "lines": lines}


def seeds(target: str) -> Iterator[bytes]:
    """With what a search begins: what was hostile before, and what is in order."""
    examples = [each.body for each in valid()] + [each.body for each in invalid()]
    known = [each for each in (*(one.body for one in hostile_bodies()), *examples) if len(each) < LONGEST]
    match target:
        case "headers":
            table = b"\x05ce-idS\x00\x00\x00\x011\x05x-jwsS\x00\x00\x00\x04a..b"
            yield struct.pack(">HI", 1 << 13, len(table)) + table
            yield struct.pack(">H", 1 << 15) + b"\x1capplication/cloudevents+json"
            yield struct.pack(">HQ", 1 << 6, 1_795_802_370)
        case "batch":
            yield from (b"[" + one + b",\n" + other + b"]" for one, other in pairwise(known))
        case _:
            yield from known


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """Half of the time a byte or a word is changed anywhere, else a value of the document stands in another place."""
    chance = Random(seed)  # noqa: S311  # a search that can be repeated
    try:
        document = json.loads(data) if chance.random() < 1 / 2 else None
    except (ValueError, RecursionError):
        document = None
    places = list(_places(document))
    if len(places) > 1:
        (into, key), (out_of, other) = chance.sample(places, 2)
        value = deepcopy(chance.choice([out_of[other], *ODD]))  # a copy: a document holds no circles
        into[key] = [value] if chance.random() < 1 / 8 else value
        data = json.dumps(document, ensure_ascii=chance.random() < 1 / 2).encode("utf-8", "surrogatepass")[:most]
    return bytes(atheris.Mutate(data, most)) if len(places) <= 1 or chance.random() < 1 / 8 else data


def _places(holder: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401  # any JSON value
    keys: Iterable[Any] = holder if isinstance(holder, dict) else range(len(holder) if isinstance(holder, list) else 0)
    for key in keys:
        yield holder, key
        yield from _places(holder[key])


@contextmanager
def corpus(target: str) -> Iterator[list[str]]:
    """Two folders for the search: one for what it finds out, one with what it begins with; and words for it to try."""
    with tempfile.TemporaryDirectory() as folder:
        found, begun, words = Path(folder, "found"), Path(folder, "begun"), Path(folder, "words")
        found.mkdir()
        begun.mkdir()
        for number, each in enumerate(seeds(target)):
            (begun / f"{number:04d}").write_bytes(each)
        names = {name for each in valid() for name in re.findall(rb'"[\w.:/+-]{2,60}"', each.body)}
        words.write_text("".join(f'"{json.dumps(name.decode())[1:-1]}"\n' for name in sorted(names)))
        yield [str(found), str(begun), f"-dict={words}"]


def main(arguments: list[str]) -> None:
    """Search until the options of libFuzzer say that it is enough, or something is found."""
    if not arguments or arguments[0] not in TARGETS:
        sys.exit(f"name what is to be searched first: {', '.join(TARGETS)}")
    guard.install()
    target, *options = arguments
    with corpus(target) as places:
        given = [sys.argv[0], f"-timeout={SLOWEST_S}", f"-max_len={LONGEST}", *options, *places]
        atheris.Setup(given, TARGETS[target], custom_mutator=mutate if target in DOCUMENTS else None)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
