"""`coordinator audit verify` answers with an exit code, one sentence, and one JSON object."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from coordinator.cli.audit import app
from coordinator.journal.checkpoint import Sealed, seal_checkpoint
from coordinator.journal.edge import Edge
from coordinator.journal.merkle import leaf_hash
from coordinator.journal.note import SigningKey
from coordinator.journal.tiles import BundleName, encode_bundle, growth
from coordinator.store.migrate import migrate
from coordinator.store.published import PublishedDirectory

KEY = SigningKey("journal.example/missouri", bytes(range(32)))
NOW = datetime(2026, 11, 27, 18, tzinfo=UTC)
ENTRIES = [json.dumps({"entry": f"01936f00-0000-7000-8000-{at:012x}"}).encode() for at in range(300)]


def _publish(folder: Path, size: int) -> Sealed:
    archive = PublishedDirectory(folder)
    edge, tiles = Edge().grow([leaf_hash(entry) for entry in ENTRIES[:size]])
    for tile in tiles:
        archive.put(tile.name.path, tile.hashes)
    for name in growth(0, size):
        if isinstance(name, BundleName):
            archive.put(name.path, encode_bundle(ENTRIES[name.index * 256 : name.index * 256 + name.width]))
    sealed = seal_checkpoint(size, edge.root(), KEY, NOW)
    archive.put("checkpoint", sealed.note)
    return sealed


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A published journal of 300 entries; its verifier key lies beside it, in `vkey`."""
    _publish(tmp_path / "journal", 300)
    (tmp_path / "vkey").write_text(KEY.verifier.encode() + "\n")
    return tmp_path / "journal"


def _verify(*args: str | Path, vkey: Path) -> Result:
    return CliRunner().invoke(app, ["verify", *map(str, args), "--vkey", str(vkey)])


def test_a_true_journal_exits_0_and_says_so(journal: Path) -> None:
    result = _verify(journal, vkey=journal.with_name("vkey"))
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith("True: the journal journal.example/missouri holds the 300 entries")
    assert f"key {KEY.name}+{KEY.verifier.key_id.hex()}" in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_altered_entry_exits_1_and_is_named(journal: Path) -> None:
    bundle = journal / "tile/entries/001.p/44"
    content = bundle.read_bytes()
    bundle.write_bytes(content.replace(b"12b", b"12B"))
    result = _verify(journal, "--json", vkey=journal.with_name("vkey"))
    assert result.exit_code == 1
    assert "Altered: entry at position 299 in tile/entries/001.p/44" in result.stderr
    found = json.loads(result.stdout)
    assert (found["verdict"], found["part"], found["position"]) == ("altered", "entry", 299)


def test_a_true_journal_for_a_program_is_one_object_on_stdout(journal: Path) -> None:
    result = _verify(journal, "--json", vkey=journal.with_name("vkey"))
    assert result.exit_code == 0
    assert json.loads(result.stdout)["size"] == 300


def test_a_missing_file_exits_2_and_is_named(journal: Path) -> None:
    (journal / "tile/0/000").unlink()
    result = _verify(journal, vkey=journal.with_name("vkey"))
    assert (result.exit_code, result.stderr) == (2, "Could not tell: tile/0/000: it is missing.\n")


def test_a_file_that_is_no_ordinary_one_is_not_waited_for(journal: Path) -> None:
    (journal / "tile/0/000").unlink()
    os.mkfifo(journal / "tile/0/000")
    assert _verify(journal, vkey=journal.with_name("vkey")).exit_code == 2


def test_an_older_checkpoint_is_continued_or_not(journal: Path, tmp_path: Path) -> None:
    older = tmp_path / "older"
    older.write_bytes(_publish(tmp_path / "before", 100).note)
    assert _verify(journal, "--older", older, vkey=journal.with_name("vkey")).exit_code == 0
    result = _verify(tmp_path / "before", "--older", journal / "checkpoint", vkey=journal.with_name("vkey"))
    assert result.exit_code == 1
    assert "it had 300 entries and now has 100" in result.stderr


def test_without_a_readable_key_it_cannot_tell(journal: Path, tmp_path: Path) -> None:
    for content in (b"", b"journal.example/missouri+00000000+AAAA", b"\xff"):
        (tmp_path / "wrong").write_bytes(content)
        result = _verify(journal, vkey=tmp_path / "wrong")
        assert result.exit_code == 2
        assert result.stderr.startswith("Could not tell: ")
    result = _verify(journal, vkey=tmp_path / "nowhere")
    assert result.exit_code == 2
    assert "nowhere: --vkey is the file of the verifier key" in result.stderr
    (tmp_path / "private").write_text(KEY.encode())
    result = _verify(journal, vkey=tmp_path / "private")
    assert result.exit_code == 2
    assert "private is no verifier key" in result.stderr
    assert KEY.encode()[-20:-4] not in result.stderr


def test_what_was_given_is_named_in_plain_words(journal: Path, tmp_path: Path) -> None:
    vkey = journal.with_name("vkey")
    migrate(f"sqlite:///{tmp_path}/empty.db")
    for args, words in (
        ((tmp_path,), f"there is no journal in {tmp_path}: it has no file `checkpoint`"),
        ((journal, "--older", tmp_path / "none"), f"there is no file {tmp_path / 'none'}: --older is a copy"),
        ((journal, "--older", vkey), f"{vkey} is no checkpoint"),
        (("--store", f"sqlite:///{tmp_path}/none.db"), f"there is no store {tmp_path}/none.db"),
        (("--store", f"sqlite:///{tmp_path}/empty.db"), "holds no checkpoint"),
        (("--store", "postgresql://h/d"), "is not sqlite:///FILE"),
    ):
        result = _verify(*args, vkey=vkey)
        assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
        assert words in result.stderr
    assert not (tmp_path / "none.db").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to the superuser")
def test_what_may_not_be_read_is_named(journal: Path) -> None:
    (journal / "tile/0/000").chmod(0)
    result = _verify(journal, vkey=journal.with_name("vkey"))
    assert (result.exit_code, result.stderr) == (2, f"Could not tell: {journal}/tile/0/000: permission denied.\n")


def test_without_a_journal_it_cannot_tell(journal: Path, tmp_path: Path) -> None:
    vkey = journal.with_name("vkey")
    assert "no folder" in _verify(tmp_path / "nowhere", vkey=vkey).stderr
    for args in ((), (journal, "--store", "sqlite:///x"), (tmp_path / "nowhere",), (journal, "--older", tmp_path)):
        result = _verify(*args, vkey=vkey)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
