"""Checkpoints are those of C2SP tlog-checkpoint."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.journal.checkpoint import (
    Checkpoint,
    MalformedCheckpointError,
    parse_checkpoint,
    read_checkpoint,
    seal_checkpoint,
)
from coordinator.journal.note import Authenticity, SigningKey

KEY = SigningKey("journal.example/missouri", bytes(range(32)))
ROOT = base64.b64encode(bytes(32)).decode()
GOOD = f"journal.example/missouri\n12\n{ROOT}\n"


def test_the_example_of_the_specification_is_read() -> None:
    raw = (
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE"
        "+xeMcTOAYQ8=\n"
    )
    _, checkpoint = read_checkpoint(raw.encode())
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert checkpoint.root[:4].hex() == "0ac5186a"


@given(st.integers(0, 10**18 - 1), st.binary(min_size=32, max_size=32))
def test_a_sealed_checkpoint_reads_back_as_what_was_sealed(size: int, root: bytes) -> None:
    sealed = seal_checkpoint(size, root, KEY, datetime(2026, 11, 27, 18, tzinfo=UTC))
    note, checkpoint = read_checkpoint(sealed.note)
    assert checkpoint == Checkpoint(KEY.name, size, root)
    assert (sealed.size, sealed.root) == (size, root)
    assert note.signed_by(KEY.verifier) is Authenticity.GOOD


def test_extension_lines_of_others_are_kept() -> None:
    text = GOOD + "their own line\nand another\n"
    checkpoint = parse_checkpoint(text)
    assert checkpoint.extensions == ("their own line", "and another")
    assert checkpoint.encode() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"\n12\n{ROOT}\n",
        GOOD[:-1],
        GOOD + "\n",
        GOOD + "\nextension\n",
        "journal.example/missouri\n12\n",
        GOOD.replace("12", "012"),
        GOOD.replace("12", "-1"),
        GOOD.replace("12", "+12"),
        GOOD.replace("12", " 12"),
        GOOD.replace("12", "1_2"),
        GOOD.replace("12", "0x0c"),
        GOOD.replace("12", "12.0"),
        GOOD.replace("12", "9" * 5000),
        GOOD.replace("12", "\N{ARABIC-INDIC DIGIT ONE}2"),
        GOOD.replace(ROOT, ROOT[:-4]),
        GOOD.replace(ROOT, ROOT.rstrip("=")),
        GOOD.replace(ROOT, ROOT[:-2] + "B="),
        GOOD.replace(ROOT, bytes(32).hex()),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(MalformedCheckpointError):
        parse_checkpoint(text)
