"""Signed notes and keys are those of C2SP signed-note, read strictly."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.journal.note import (
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    Authenticity,
    MalformedKeyError,
    MalformedNoteError,
    Note,
    Signature,
    SigningKey,
    VerifierKey,
    parse_note,
    parse_signing_key,
    parse_verifier_key,
)

# The example of Go's golang.org/x/mod/sumdb/note, the first implementation of the format.
GO_SIGNING_KEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_VERIFIER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = """\
If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
""".encode()

KEY = SigningKey("journal.example/missouri", bytes(range(32)))
TEXT = "one\n\ntwo\n"
SIGNED = KEY.sign(TEXT)
BLOB = base64.b64encode(SIGNED.signatures[0].key_id + SIGNED.signatures[0].signature).decode()


def test_a_note_of_the_first_implementation_is_read_and_written_byte_for_byte() -> None:
    note = parse_note(GO_NOTE)
    assert note.signed_by(parse_verifier_key(GO_VERIFIER_KEY)) is Authenticity.GOOD
    assert parse_signing_key(GO_SIGNING_KEY).sign(note.text).encode() == GO_NOTE


def test_keys_of_the_first_implementation_are_read_and_written_byte_for_byte() -> None:
    signing = parse_signing_key(GO_SIGNING_KEY)
    assert signing.encode() == GO_SIGNING_KEY
    assert signing.verifier.encode() == GO_VERIFIER_KEY
    assert signing.verifier.key_id.hex() == "c74f20a3"


def test_the_poem_of_the_specification_is_read() -> None:
    raw = (
        "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n"
        "— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQw"
        "aqP3ZekRwNtIc=\n"
    )
    note = parse_note(raw.encode())
    assert note.text.endswith("sole:\n\ned è subito sera.\n")
    assert note.signatures[0].name == "quasimodo.example/salvatore"


_LINES = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), max_size=30)
_SEEDS = st.binary(min_size=32, max_size=32)


@given(st.lists(_LINES, min_size=1, max_size=6), _SEEDS)
def test_whatever_text_is_signed_reads_back_as_signed(lines: list[str], seed: bytes) -> None:
    key = SigningKey("a.example/b", seed)
    note = key.sign("".join(f"{line}\n" for line in lines))
    again = parse_note(note.encode())
    assert again == note
    assert again.signed_by(key.verifier) is Authenticity.GOOD
    assert parse_signing_key(key.encode()) == key
    assert parse_verifier_key(key.verifier.encode()) == key.verifier


def test_any_changed_bit_of_a_note_is_noticed() -> None:
    raw = SIGNED.encode()
    for at in range(len(raw)):
        for bit in range(8):
            changed = raw[:at] + bytes([raw[at] ^ 1 << bit]) + raw[at + 1 :]
            try:
                found = parse_note(changed).signed_by(KEY.verifier)
            except MalformedNoteError:
                continue
            assert found is not Authenticity.GOOD, (at, bit)


def test_signatures_of_others_are_ignored_even_with_the_same_name_or_id() -> None:
    mine = SIGNED.signatures[0]
    others = (
        Signature("witness.example", b"\x00\x00\x00\x01", b"whatever"),
        Signature(mine.name, b"\x00\x00\x00\x01", b"whatever"),
        Signature("witness.example", mine.key_id, b"whatever"),
    )
    note = parse_note(Note(TEXT, (*others, mine)).encode())
    assert note.signed_by(KEY.verifier) is Authenticity.GOOD
    assert Note(TEXT, others).signed_by(KEY.verifier) is Authenticity.UNSIGNED


def test_one_forged_signature_of_the_key_spoils_the_note() -> None:
    mine = SIGNED.signatures[0]
    forged = Signature(mine.name, mine.key_id, bytes(64))
    assert Note(TEXT, (mine, forged)).signed_by(KEY.verifier) is Authenticity.FORGED
    assert Note(TEXT, (mine, mine)).signed_by(KEY.verifier) is Authenticity.GOOD


def _lines(*signatures: str) -> bytes:
    return (TEXT + "\n" + "".join(signatures)).encode()


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\n\n", id="no text, no signature"),
        pytest.param(TEXT.encode(), id="no signature, and a blank line within"),
        pytest.param(_lines(), id="no signature line"),
        pytest.param(_lines(f"— {KEY.name} {BLOB}"), id="no newline at the end"),
        pytest.param(_lines(f"— {KEY.name} {BLOB}\n", "\n"), id="a blank line at the end"),
        pytest.param(_lines(f"— {KEY.name} {BLOB}\n", "more\n"), id="text after the signatures"),
        pytest.param(_lines(f"— {KEY.name} {BLOB}\r\n"), id="carriage return"),
        pytest.param(_lines(f"- {KEY.name} {BLOB}\n"), id="hyphen"),
        pytest.param(_lines(f"—{KEY.name} {BLOB}\n"), id="no space after the dash"),
        pytest.param(_lines(f"—  {KEY.name} {BLOB}\n"), id="two spaces after the dash"),
        pytest.param(_lines(f"— {KEY.name}  {BLOB}\n"), id="two spaces before the signature"),
        pytest.param(_lines(f"— {KEY.name} {BLOB} \n"), id="a space at the end"),
        pytest.param(_lines(f"— {BLOB}\n"), id="no name"),
        pytest.param(_lines(f"— a+b {BLOB}\n"), id="plus in the name"),
        pytest.param(_lines(f"— a\N{NO-BREAK SPACE}b {BLOB}\n"), id="other space in the name"),
        pytest.param(_lines(f"— {KEY.name} AAAAAA==\n"), id="a key id and nothing else"),
        pytest.param(_lines(f"— {KEY.name} {BLOB.rstrip('=')}\n"), id="no padding"),
        pytest.param(_lines(f"— {KEY.name} {BLOB[:-2]}{chr(ord(BLOB[-2]) + 1)}=\n"), id="spare bits set"),
        pytest.param(_lines(f"— {KEY.name} {BLOB[:20]}!{BLOB[21:]}\n"), id="no base64"),
        pytest.param(_lines(f"— {KEY.name} {BLOB.replace('/', '_').replace('+', '-')}A-==\n"), id="other base64"),
        pytest.param(SIGNED.encode().replace(b"one", b"o\x00e"), id="NUL"),
        pytest.param(SIGNED.encode().replace(b"one", b"o\te"), id="tab"),
        pytest.param(SIGNED.encode().replace(b"one", b"o\xffe"), id="no UTF-8"),
        pytest.param(SIGNED.encode().replace(b"one", b"o\xed\xa0\x80e"), id="lone surrogate"),
        pytest.param(b"\xff\xfe" + SIGNED.encode(), id="UTF-16 mark"),
        pytest.param(b"x" * MAX_NOTE_BYTES + SIGNED.encode(), id="too long"),
        pytest.param(_lines(*[f"— {KEY.name} {BLOB}\n"] * (MAX_SIGNATURES + 1)), id="too many signatures"),
    ],
)
def test_what_is_no_note_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedNoteError):
        parse_note(raw)


def test_as_many_signatures_as_the_specification_asks_for_are_read() -> None:
    assert len(parse_note(_lines(*[f"— {KEY.name} {BLOB}\n"] * MAX_SIGNATURES)).signatures) == MAX_SIGNATURES


@pytest.mark.parametrize("text", ["", "no newline", "carriage\r\n", "nul\0\n"])
def test_a_text_that_no_note_can_hold_is_not_signed(text: str) -> None:
    with pytest.raises(MalformedNoteError):
        KEY.sign(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        GO_VERIFIER_KEY + "\n",
        " " + GO_VERIFIER_KEY,
        GO_VERIFIER_KEY.replace("c74f20a3", "C74F20A3"),
        GO_VERIFIER_KEY.replace("c74f20a3", "c74f20a4"),
        GO_VERIFIER_KEY.replace("c74f20a3", "c74f20a"),
        GO_VERIFIER_KEY.replace("PeterNeumann", "PeterNeuman"),
        GO_VERIFIER_KEY.replace("PeterNeumann", "Peter Neumann"),
        GO_VERIFIER_KEY.replace("+ARpc", "+AhpC"),
        GO_VERIFIER_KEY[:-4],
        GO_SIGNING_KEY,
    ],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(MalformedKeyError):
        parse_verifier_key(text)


@pytest.mark.parametrize(
    "text", ["", GO_VERIFIER_KEY, GO_SIGNING_KEY[:-4], GO_SIGNING_KEY.replace("c74f20a3", "c74f20a4")]
)
def test_what_is_no_signing_key_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(MalformedKeyError) as refusal:
        parse_signing_key(text)
    assert "AYEKFALV" not in str(refusal.value)


def test_a_signing_key_does_not_show_itself() -> None:
    assert repr(KEY.seed) not in repr(KEY)
    assert repr(KEY) == "SigningKey(name='journal.example/missouri')"


def test_a_key_of_the_wrong_length_is_no_key() -> None:
    with pytest.raises(MalformedKeyError, match="32 bytes"):
        VerifierKey("a.example/b", bytes(31))
    with pytest.raises(MalformedKeyError, match="32 bytes"):
        SigningKey("a.example/b", bytes(33))
