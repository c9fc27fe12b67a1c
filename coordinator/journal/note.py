"""Signed notes after C2SP signed-note, with Ed25519 keys: parse strictly, sign, verify, and write keys."""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from coordinator.model.errors import CoordinatorError

MAX_NOTE_BYTES = 1 << 20
MAX_SIGNATURES = 100
_ED25519 = b"\x01"
"""The signature type of plain Ed25519; it stands before a key wherever one is written."""
_KEY_BYTES = 32
_KEY_ID_BYTES = 4
_DASH = "\N{EM DASH}"
_SIGNATURE = re.compile(rf"{_DASH} (?P<name>[^ ]+) (?P<blob>[^ ]+)")
_KEY = re.compile(r"(?P<name>[^+]+)\+(?P<id>[0-9a-f]{8})\+(?P<key>[^ ]+)")
_PRIVATE = "PRIVATE+KEY+"


class MalformedNoteError(CoordinatorError):
    """What was read is no signed note."""


class MalformedKeyError(CoordinatorError):
    """What was read is no key of the kind `name+id+base64`, or its id belongs to another key."""


class Authenticity(StrEnum):
    """What a note's signatures say about one key."""

    GOOD = "good"
    FORGED = "forged"
    """A signature claims the key and is not of it: the whole note is refused."""
    UNSIGNED = "unsigned"
    """No signature claims the key."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who claims to have signed, and the bytes."""

    name: str
    key_id: bytes
    signature: bytes

    def encode(self) -> str:
        """The line, with its newline."""
        return f"{_DASH} {self.name} {to_base64(self.key_id + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends in a newline, and its signatures."""

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        """The note as it is published."""
        return (self.text + "\n" + "".join(signature.encode() for signature in self.signatures)).encode()

    def signed_by(self, key: "VerifierKey") -> Authenticity:
        """What this note is to somebody who trusts `key`; signatures of other keys are ignored."""
        claims = [line for line in self.signatures if (line.name, line.key_id) == (key.name, key.key_id)]
        if not claims:
            return Authenticity.UNSIGNED
        genuine = all(key.verifies(self.text, claim.signature) for claim in claims)
        return Authenticity.GOOD if genuine else Authenticity.FORGED


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public Ed25519 key with its name; for a journal the name is its origin."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        _check_key(self.name, self.public)

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name ‖ 0A ‖ 01 ‖ public key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_KEY_ID_BYTES]

    def encode(self) -> str:
        """The key as auditors are given it: `name+id+base64`."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(_ED25519 + self.public)}"

    def verifies(self, text: str, signature: bytes) -> bool:
        """Whether the signature over the text is of this key."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private Ed25519 key with its name; the seed is 32 bytes that nobody can guess."""

    name: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _check_key(self.name, self.seed)

    @property
    def verifier(self) -> VerifierKey:
        """The public half."""
        public = Ed25519PrivateKey.from_private_bytes(self.seed).public_key()
        return VerifierKey(self.name, public.public_bytes_raw())

    def encode(self) -> str:
        """The key as it is kept in a secret file: `PRIVATE+KEY+name+id+base64`."""
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{to_base64(_ED25519 + self.seed)}"

    def sign(self, text: str) -> Note:
        """The note over the text, which must end in a newline and hold no other control character."""
        if not text.endswith("\n") or _has_control_characters(text):
            msg = "the text of a note ends in a newline and has no other control characters"
            raise MalformedNoteError(msg)
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(text.encode())
        return Note(text, (Signature(self.name, self.verifier.key_id, signature),))


def parse_note(raw: bytes) -> Note:
    """Read a note; raises `MalformedNoteError` with the reason. Nothing in it is to be believed before `signed_by`."""
    if len(raw) > MAX_NOTE_BYTES:
        msg = f"a note has at most {MAX_NOTE_BYTES} bytes"
        raise MalformedNoteError(msg)
    try:
        whole = raw.decode()
    except UnicodeDecodeError as error:
        msg = "a note is UTF-8 text"
        raise MalformedNoteError(msg) from error
    if _has_control_characters(whole):
        msg = "a note has no control characters but newlines"
        raise MalformedNoteError(msg)
    text, blank, lines = whole.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        msg = "a note ends in a blank line and whole signature lines"
        raise MalformedNoteError(msg)
    signatures = lines[:-1].split("\n")
    if len(signatures) > MAX_SIGNATURES:
        msg = f"a note has at most {MAX_SIGNATURES} signatures"
        raise MalformedNoteError(msg)
    return Note(text + "\n", tuple(_parse_signature(line) for line in signatures))


def parse_verifier_key(text: str) -> VerifierKey:
    """Read `name+id+base64`; raises `MalformedKeyError`."""
    name, key_id, public = _parse_key(text)
    key = VerifierKey(name, public)
    if key.key_id.hex() != key_id:
        msg = f"the key of {name} has the id {key.key_id.hex()}, not {key_id}: it is damaged or of another name"
        raise MalformedKeyError(msg)
    return key


def parse_signing_key(text: str) -> SigningKey:
    """Read `PRIVATE+KEY+name+id+base64`; raises `MalformedKeyError`, whose text never holds the key."""
    if not text.startswith(_PRIVATE):
        msg = f"a signing key begins with {_PRIVATE}"
        raise MalformedKeyError(msg)
    name, key_id, seed = _parse_key(text.removeprefix(_PRIVATE))
    key = SigningKey(name, seed)
    if key.verifier.key_id.hex() != key_id:
        msg = f"the signing key of {name} does not have the id that is written in it: it is damaged or of another name"
        raise MalformedKeyError(msg)
    return key


def from_base64(text: str) -> bytes | None:
    """Standard base64 (RFC 4648, section 4) in its one canonical form; None for anything else."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    # Spare bits at the end would let a changed character go unnoticed.
    return decoded if to_base64(decoded) == text else None


def to_base64(content: bytes) -> str:
    """Standard base64, with padding."""
    return base64.b64encode(content).decode("ascii")


def _has_control_characters(text: str) -> bool:
    return any(character < " " and character != "\n" for character in text)


def _is_name(name: str) -> bool:
    return bool(name) and not any(character == "+" or character < " " or character.isspace() for character in name)


def _parse_signature(line: str) -> Signature:
    found = _SIGNATURE.fullmatch(line)
    blob = None if found is None else from_base64(found["blob"])
    if found is not None and blob is not None and _is_name(found["name"]) and len(blob) > _KEY_ID_BYTES:
        return Signature(found["name"], blob[:_KEY_ID_BYTES], blob[_KEY_ID_BYTES:])
    msg = "a signature line of a note is a dash, a key name and base64, with single spaces"
    raise MalformedNoteError(msg)


def _parse_key(text: str) -> tuple[str, str, bytes]:
    found = _KEY.fullmatch(text)
    content = None if found is None else from_base64(found["key"])
    if found is not None and content is not None and content[:1] == _ED25519:
        return found["name"], found["id"], content[1:]
    msg = "a key is written name+id+base64 and is an Ed25519 key"
    raise MalformedKeyError(msg)


def _check_key(name: str, key: bytes) -> None:
    if not _is_name(name):
        msg = "a key name is not empty and has no spaces and no plus sign"
        raise MalformedKeyError(msg)
    if len(key) != _KEY_BYTES:
        msg = f"an Ed25519 key has {_KEY_BYTES} bytes"
        raise MalformedKeyError(msg)
