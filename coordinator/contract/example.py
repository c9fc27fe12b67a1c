"""What an example is: a message that is in order, or one with a mistake and what the coordinator answers to it.

The agencies are those of `directory/example.toml`. Places are real (coordinates of towns rounded from the Geographic
Names Information System, US Geological Survey); operations, people and numbers are invented.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from coordinator.model.decisions import Hint, RefusalCode, Refused, Stage, WithheldReason
from coordinator.model.envelope import TYPE_PREFIX, schema_uri
from coordinator.model.identity import RANDOM_BYTES, uuid7

Json = dict[str, Any]  # any JSON object
RECEIVED: Final = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
"""When the coordinator receives every example: noon in Missouri, on a Friday."""
SENT: Final = "2026-11-27T11:59:30-06:00"
ORIS: Final = {"dps": "MOEX00001", "mshp": "MOEX00002", "hsi": "MOEX00003", "dea": "MOEX00004"}
SYSTEMS: Final = {"dps": "desk", "mshp": "cad", "hsi": "case-desk", "dea": "desk"}
_EPOCH_MS: Final = 1_795_802_370_000
_ABSENT: Final = object()
_POSITION: Final = re.compile(r"\[\s+(-?[0-9.]+),\s+(-?[0-9.]+)\s+\]")


@dataclass(frozen=True, slots=True)
class Valid:
    """A message that is in order; `title` says what it shows."""

    name: str
    """Short type, such as `operation.notice`."""
    title: str
    message: Json

    @property
    def body(self) -> bytes:
        """The bytes on the wire."""
        return written(self.message)


@dataclass(frozen=True, slots=True)
class Invalid:
    """A message with one mistake: whose queue it comes by, and how it is refused."""

    name: str
    title: str
    body: bytes
    refusal: Refused
    agency: str
    in_schema: bool
    """Whether the JSON Schema alone, with formats, would have shown it."""


def ident(words: str) -> str:
    """An id that is always the same for the same words."""
    return uuid7(_EPOCH_MS, hashlib.sha256(words.encode()).digest()[:RANDOM_BYTES])


def written(message: Json) -> bytes:
    """A message as a file that people read: a position stands on one line."""
    text = json.dumps(message, indent=2, ensure_ascii=False)
    return (_POSITION.sub(r"[\1, \2]", text) + "\n").encode()


def message(name: str, sender: str, title: str, data: Json, **envelope: object) -> Valid:
    """An agency's message: the least that an envelope holds, and whatever else is given."""
    event = {
        "specversion": "1.0",
        "type": f"{TYPE_PREFIX}{name}.v1",
        "source": f"//{sender}/{SYSTEMS[sender]}",
        "id": ident(f"{name} {title}"),
        "time": SENT,
        **envelope,
        "data": data,
    }
    return Valid(name, title, event)


def every_attribute(name: str, subject: str | None) -> Json:
    """All that an envelope may hold beside the least."""
    about = {} if subject is None else {"subject": subject}
    return about | {
        "datacontenttype": "application/json",
        "dataschema": schema_uri(f"{TYPE_PREFIX}{name}.v1"),
        "correlationid": ident("a conversation"),
        "causationid": ident("a message answered"),
        "expirytime": "2026-11-28T12:00:00-06:00",
        "dataclassification": "TLP:AMBER",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    }


def common(sender: str, to: list[str], **changes: object) -> Json:
    """The part that every body from an agency carries."""
    return {
        "to": to,
        "originator": {"ori": ORIS[sender]},
        "purpose": "deconfliction",
        "status": "actual",
        "handling": {"marking": "TLP:AMBER", "regime": "operational", "redisseminate": "no"},
        **changes,
    }


def person(sender: str) -> Json:
    """An originator with all that it may say: an officer at a desk, for another on the phone."""
    return {"ori": ORIS[sender], "officer_id": "DESK-12", "on_behalf_of": "4127"}


# --- Mistakes ---


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is changed in a message that is in order, and what comes of it.

    `changes` are by dotted path, such as `data.area.radius_m` or `data.to.0`.
    """

    title: str
    changes: Mapping[str, object]
    code: RefusalCode
    field: str | None = None
    stage: Stage = Stage.VALIDATE
    hint: Hint | None = None
    agency: str | None = None
    """Whose queue it comes by, where that is not the agency of the message."""
    in_schema: bool = True
    withheld: tuple[tuple[str, WithheldReason], ...] = ()


def absent() -> object:
    """Stands for a field that is taken away."""
    return _ABSENT


def mistaken(valid: Valid, mistake: Mistake) -> Invalid:
    """The message with the mistake made."""
    event: Json = json.loads(valid.body)
    for path, value in mistake.changes.items():
        _change(event, path.split("."), value)
    agency = mistake.agency or str(event.get("source", valid.message["source"]))[2:].partition("/")[0]
    refusal = Refused(mistake.code, mistake.stage, mistake.field, mistake.hint, mistake.withheld)
    shown = mistake.in_schema and mistake.stage is not Stage.DECODE
    return Invalid(valid.name, mistake.title, written(event), refusal, agency, shown)


def _change(into: Any, path: list[str], value: object) -> None:  # noqa: ANN401 -- any JSON value
    first, *rest = path
    key = int(first) if isinstance(into, list) else first
    if rest:
        _change(into[key], rest, value)
    elif value is _ABSENT:
        del into[key]
    else:
        into[key] = value
