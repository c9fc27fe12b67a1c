"""Checkpoints after C2SP tlog-checkpoint: the head of the journal, in a signed note."""

import re
from dataclasses import dataclass
from datetime import datetime

from coordinator.journal.merkle import HASH_BYTES
from coordinator.journal.note import MalformedNoteError, Note, SigningKey, from_base64, parse_note, to_base64


class MalformedCheckpointError(MalformedNoteError):
    """The note is well formed, but its text is no checkpoint."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is signed: which journal, how many entries, and the root over them. Extensions are read, never written."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def encode(self) -> str:
        """The text of the note."""
        lines = (self.origin, str(self.size), to_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A checkpoint that was signed, as the store keeps it: `note` is published byte for byte; `time` is UTC."""

    size: int
    root: bytes
    note: bytes
    time: datetime


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a note; raises `MalformedCheckpointError`."""
    lines = text.split("\n")
    if lines.pop() or not all(lines):
        msg = "a checkpoint has no empty lines"
        raise MalformedCheckpointError(msg)
    match lines:
        case [origin, size, encoded, *extensions] if _SIZE.fullmatch(size):
            root = from_base64(encoded)
            if root is not None and len(root) == HASH_BYTES:
                return Checkpoint(origin, int(size), root, tuple(extensions))
    msg = "a checkpoint is an origin, a size and a root hash of 32 bytes in base64, each in a line"
    raise MalformedCheckpointError(msg)


def read_checkpoint(raw: bytes) -> tuple[Note, Checkpoint]:
    """Read a published checkpoint; raises `MalformedNoteError`. Who signed it is for `Note.signed_by` to say."""
    note = parse_note(raw)
    return note, parse_checkpoint(note.text)


def seal_checkpoint(size: int, root: bytes, key: SigningKey, time: datetime) -> Sealed:
    """Sign the head of the journal whose origin is the key's name."""
    note = key.sign(Checkpoint(key.name, size, root).encode())
    return Sealed(size, root, note.encode(), time)


_SIZE = re.compile(r"0|[1-9][0-9]{0,17}")
"""Decimal without leading zeros, below 2**63."""
