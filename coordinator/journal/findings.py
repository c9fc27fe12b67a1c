"""What a verification of the journal can find, as values, and the one sentence that says it to a person."""

import json
import re
from dataclasses import dataclass
from enum import StrEnum

from coordinator.journal.note import to_base64


class Verdict(StrEnum):
    """The three answers of a verification."""

    TRUE = "true"
    ALTERED = "altered"
    UNDECIDED = "undecided"


class Part(StrEnum):
    """Which part of a journal is not what was signed."""

    CHECKPOINT = "checkpoint"
    ENTRY = "entry"
    BUNDLE = "bundle"
    TILE = "tile"
    TREE = "tree"
    """Several files were altered together: what is there is not what was signed, and no single file can be named."""
    HISTORY = "history"
    """Everything there is signed, but it does not continue the older checkpoint: entries were dropped or rewritten."""


@dataclass(frozen=True, slots=True)
class Intact:
    """Every entry is what was signed."""

    origin: str
    size: int
    root: bytes
    older: int | None = None
    """Size of the older checkpoint that this journal continues, if one was compared."""
    key: str = ""
    """Name and id of the key that signed it."""


@dataclass(frozen=True, slots=True)
class Altered:
    """Something is not what was signed. `position` is the zero-based index, `entry` the UUID in the leaf."""

    part: Part
    why: str
    path: str | None = None
    position: int | None = None
    entry: str | None = None


@dataclass(frozen=True, slots=True)
class Undecided:
    """It cannot be told: something is missing or cannot be read. That is not to say that it is true."""

    why: str
    path: str | None = None


Finding = Intact | Altered | Undecided


def verdict(finding: Finding) -> Verdict:
    """The finding in one word."""
    match finding:
        case Intact():
            return Verdict.TRUE
        case Altered():
            return Verdict.ALTERED
        case Undecided():
            return Verdict.UNDECIDED


def sentence(finding: Finding) -> str:
    """The finding for a person, in one line."""
    match finding:
        case Intact(origin, size, root, older, key):
            since = "" if older is None else f", and it continues the older checkpoint of {older} entries"
            return (
                f"True: the journal {origin} holds the {size} entries that were signed, "
                f"root {to_base64(root)}, key {key}{since}."
            )
        case Altered(part, why, path, position, entry):
            where = _place(part, path, position, entry)
            return f"Altered: {where}: {why}."
        case Undecided(why, path):
            return f"Could not tell: {why if path is None else f'{path}: {why}'}."


def as_fields(finding: Finding) -> dict[str, str | int | None]:
    """The finding for a program: one flat JSON object; `root` is base64, `position` zero-based."""
    match finding:
        case Intact(origin, size, root, older, key):
            signed: dict[str, str | int | None] = {"size": size, "root": to_base64(root), "key": key}
            return {"verdict": "true", "origin": origin, **signed, "older": older}
        case Altered(part, why, path, position, entry):
            where = {"position": position, "entry": entry, "path": path}
            return {"verdict": "altered", "part": part.value, **where, "why": why}
        case Undecided(why, path):
            return {"verdict": "undecided", "path": path, "why": why}


def entry_id(leaf: bytes) -> str | None:
    """The `entry` of a leaf, when the bytes can still be read as one."""
    try:
        fields = json.loads(leaf)
    except (ValueError, RecursionError):
        return None
    found = fields.get("entry") if isinstance(fields, dict) else None
    return found if isinstance(found, str) and _UUID.fullmatch(found) else None


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def _place(part: Part, path: str | None, position: int | None, entry: str | None) -> str:
    words = [str(part)]
    if position is not None:
        words.append(f"at position {position}")
    if entry is not None:
        words.append(f"({entry})")
    if path is not None:
        words.append(f"in {path}")
    return " ".join(words)
