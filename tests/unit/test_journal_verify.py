"""A verification accepts the true journal, and names whatever was altered in it, without the service."""

import json
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.journal.checkpoint import seal_checkpoint
from coordinator.journal.edge import Edge
from coordinator.journal.findings import (
    Altered,
    Finding,
    Intact,
    Part,
    Undecided,
    Verdict,
    as_fields,
    sentence,
    verdict,
)
from coordinator.journal.merkle import leaf_hash
from coordinator.journal.note import SigningKey
from coordinator.journal.sources import StoreSource
from coordinator.journal.tiles import BundleName, encode_bundle, growth
from coordinator.journal.verify import verify_directory, verify_store

KEY = SigningKey("journal.example/missouri", bytes(range(32)))
OTHER_KEY = SigningKey("journal.example/missouri", bytes(32))
NOW = datetime(2026, 11, 27, 18, tzinfo=UTC)
Files = dict[str, bytes]


def _uuid(position: int) -> str:
    return f"01936f00-0000-7000-8000-{position:012x}"


def _entry(position: int) -> bytes:
    return json.dumps({"action": "message.accepted", "entry": _uuid(position)}).encode()


def _published(size: int, *, key: SigningKey = KEY, entry: Callable[[int], bytes] = _entry) -> Files:
    """A journal of that size as it is published."""
    edge, tiles = Edge().grow([leaf_hash(entry(position)) for position in range(size)])
    files = {tile.name.path: tile.hashes for tile in tiles}
    for name in growth(0, size):
        if isinstance(name, BundleName):
            first = name.index * 256
            files[name.path] = encode_bundle([entry(position) for position in range(first, first + name.width)])
    return files | {"checkpoint": seal_checkpoint(size, edge.root(), key, NOW).note}


def _checkpoint(size: int, *, key: SigningKey = KEY) -> bytes:
    """The checkpoint of the true journal when it had that size."""
    return seal_checkpoint(size, _grown_to(size).root(), key, NOW).note


@cache
def _grown_to(size: int) -> Edge:
    return Edge().grow([leaf_hash(_entry(position)) for position in range(size)])[0]


def _verified(files: Mapping[str, bytes], older: bytes | None = None) -> Finding:
    return verify_directory(files.get, KEY.verifier, older)


def _changed(files: Files, path: str, at: int) -> Files:
    content = files[path]
    return files | {path: content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]}


SIZES = (0, 1, 2, 255, 256, 257, 511, 512, 513, 1000)
JOURNAL = _published(600)


@pytest.fixture(scope="module")
def large() -> Files:
    """70,000 entries: three levels of tiles, each with a partial one."""
    return _published(70_000)


@pytest.mark.parametrize("size", SIZES)
def test_a_true_journal_is_true(size: int) -> None:
    finding = _verified(_published(size))
    assert isinstance(finding, Intact)
    assert (finding.origin, finding.size) == (KEY.name, size)
    assert sentence(finding).startswith(f"True: the journal journal.example/missouri holds the {size} entries")


def test_a_large_journal_is_true(large: Files) -> None:
    assert verdict(_verified(large)) is Verdict.TRUE


@given(st.integers(1, 600), st.integers(0, 2**20))
def test_a_changed_byte_of_an_entry_names_its_position(size: int, seed: int) -> None:
    files = _published(size)
    position = seed % size
    path = f"tile/entries/{position // 256:03}"
    path = path if path in files else f"{path}.p/{size % 256}"
    start = position % 256 * (2 + len(_entry(0)))
    finding = _verified(_changed(files, path, start + 2 + seed % len(_entry(0))))
    assert isinstance(finding, Altered)
    assert (finding.part, finding.position, finding.path) == (Part.ENTRY, position, path)


def test_the_altered_entry_is_named_by_its_uuid_while_that_can_be_read() -> None:
    entry = _entry(300)
    start = 44 * (2 + len(entry)) + 2
    in_action = _verified(_changed(JOURNAL, "tile/entries/001", start + entry.index(b"accepted")))
    assert isinstance(in_action, Altered)
    assert in_action.entry == _uuid(300)
    assert sentence(in_action) == (
        f"Altered: entry at position 300 ({_uuid(300)}) in tile/entries/001: its bytes are not those that were signed."
    )
    in_brace = _verified(_changed(JOURNAL, "tile/entries/001", start))
    assert isinstance(in_brace, Altered)
    assert (in_brace.position, in_brace.entry) == (300, None)


@pytest.mark.parametrize(
    "entry",
    [b"", b"[]", b"{}", b'{"entry":1}', b'{"entry":"\\u001b[2J"}', b"[" * 100_000, b"\xff", b'"x"', b"1" * 5000],
)
def test_whatever_stands_in_an_altered_entry_the_finding_is_one_plain_line(entry: bytes) -> None:
    entries = [_entry(position) for position in range(600)]
    entries[7] = entry[:60_000]
    finding = _verified(JOURNAL | {"tile/entries/000": encode_bundle(entries[:256])})
    assert isinstance(finding, Altered)
    assert (finding.position, finding.entry) == (7, None)
    assert sentence(finding).isprintable()


def test_a_changed_length_before_an_entry_names_that_entry() -> None:
    start = 5 * (2 + len(_entry(0)))
    for at in (start, start + 1):
        finding = _verified(_changed(JOURNAL, "tile/entries/000", at))
        assert isinstance(finding, Altered)
        assert (finding.part, finding.position) == (Part.ENTRY, 5)


def test_a_bundle_that_was_cut_names_the_first_entry_that_is_gone() -> None:
    finding = _verified(JOURNAL | {"tile/entries/002.p/88": JOURNAL["tile/entries/002.p/88"][:-1]})
    assert isinstance(finding, Altered)
    assert (finding.part, finding.position, finding.entry) == (Part.ENTRY, 599, None)
    assert "not there any more" in sentence(finding)


@pytest.mark.parametrize("more", [b"\x00", encode_bundle([_entry(600)])])
def test_a_bundle_with_more_in_it_than_was_signed_is_named(more: bytes) -> None:
    path = "tile/entries/002.p/88"
    finding = _verified(JOURNAL | {path: JOURNAL[path] + more})
    assert isinstance(finding, Altered)
    assert (finding.part, finding.path) == (Part.BUNDLE, path)


@pytest.mark.parametrize("path", [path for path in JOURNAL if path.startswith(("tile/0", "tile/1"))])
def test_a_changed_byte_of_a_tile_names_the_tile(path: str) -> None:
    for at in range(0, len(JOURNAL[path]), 31):
        finding = _verified(_changed(JOURNAL, path, at))
        assert isinstance(finding, Altered)
        assert (finding.part, finding.path) == (Part.TILE, path)


def test_a_changed_byte_of_any_tile_of_a_large_journal_names_the_tile(large: Files) -> None:
    for path in ("tile/0/000", "tile/0/272", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"):
        for at in (0, len(large[path]) - 1):
            finding = _verified(_changed(large, path, at))
            assert isinstance(finding, Altered)
            assert (finding.part, finding.path) == (Part.TILE, path)


@pytest.mark.parametrize("path", [path for path in JOURNAL if path.startswith("tile/") and "entries" not in path])
def test_a_tile_of_another_length_names_the_tile(path: str) -> None:
    for content in (b"", JOURNAL[path][:-1], JOURNAL[path][:-32], JOURNAL[path] + b"x"):
        finding = _verified(JOURNAL | {path: content})
        assert isinstance(finding, Altered)
        assert (finding.part, finding.path) == (Part.TILE, path)


def test_an_entry_and_its_hash_changed_together_name_the_tile() -> None:
    forged = _published(600, entry=lambda position: b"forged" if position == 300 else _entry(position))
    both = JOURNAL | {path: forged[path] for path in ("tile/entries/001", "tile/0/001")}
    finding = _verified(both)
    assert isinstance(finding, Altered)
    assert (finding.part, finding.path) == (Part.TILE, "tile/0/001")


def test_an_entry_changed_with_everything_above_it_is_still_altered() -> None:
    forged = _published(600, entry=lambda position: b"forged" if position == 300 else _entry(position))
    finding = _verified(forged | {"checkpoint": JOURNAL["checkpoint"]})
    assert isinstance(finding, Altered)
    assert finding.part is Part.TREE


def test_an_altered_tile_above_a_missing_one_is_altered_though_it_cannot_be_named() -> None:
    files = _changed(JOURNAL, "tile/1/000.p/2", 0)
    del files["tile/0/001"]
    finding = _verified(files)
    assert isinstance(finding, Altered)
    assert finding.part is Part.TREE


def test_every_changed_byte_of_the_checkpoint_names_the_checkpoint() -> None:
    """Origin, size, root, key name, key id and signature: each byte of it."""
    for at in range(len(JOURNAL["checkpoint"])):
        finding = _verified(_changed(JOURNAL, "checkpoint", at))
        assert isinstance(finding, Altered), at
        assert finding.part is Part.CHECKPOINT


def test_a_smaller_or_larger_size_in_the_checkpoint_is_found() -> None:
    for size in (b"599", b"601", b"0", b"6000"):
        finding = _verified(JOURNAL | {"checkpoint": JOURNAL["checkpoint"].replace(b"\n600\n", b"\n%s\n" % size)})
        assert isinstance(finding, Altered)
        assert finding.part is Part.CHECKPOINT


def test_a_journal_signed_again_with_another_key_is_found() -> None:
    finding = _verified(_published(600, key=OTHER_KEY))
    assert isinstance(finding, Altered)
    assert finding.part is Part.CHECKPOINT
    assert "signed again with another key" in sentence(finding)


def test_the_checkpoint_of_another_journal_by_the_same_key_is_found() -> None:
    note = KEY.sign("journal.example/kansas\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n")
    finding = _verified({"checkpoint": note.encode()})
    assert isinstance(finding, Altered)
    assert finding.part is Part.CHECKPOINT


@pytest.mark.parametrize("path", sorted(JOURNAL))
def test_with_any_file_missing_it_cannot_be_told(path: str) -> None:
    finding = _verified({name: content for name, content in JOURNAL.items() if name != path})
    assert finding == Undecided("it is missing", path)
    assert sentence(finding) == f"Could not tell: {path}: it is missing."


def test_an_altered_entry_counts_for_more_than_a_missing_file() -> None:
    files = _changed(JOURNAL, "tile/entries/002.p/88", 10)
    del files["tile/entries/000"], files["tile/0/001"]
    finding = _verified(files)
    assert isinstance(finding, Altered)
    assert finding.position == 512


def test_an_empty_folder_cannot_be_told() -> None:
    assert _verified({}) == Undecided("it is missing", "checkpoint")


def test_a_partial_file_that_has_gone_is_read_from_the_full_one() -> None:
    """An auditor who holds an older checkpoint reads a journal that has grown since."""
    files = _published(1024) | {"checkpoint": _checkpoint(1000)}
    assert "tile/0/003.p/232" not in files
    assert verdict(_verified(files | {"tile/1/000.p/3": _published(1000)["tile/1/000.p/3"]})) is Verdict.TRUE


@given(st.integers(0, 600), st.sampled_from(SIZES[:-1]))
def test_a_journal_that_grew_continues_every_older_checkpoint(size: int, other: int) -> None:
    for older in (size, other):
        finding = _verified(JOURNAL, _checkpoint(older))
        assert isinstance(finding, Intact)
        assert finding.older == older
        assert f"continues the older checkpoint of {older} entries" in sentence(finding)


def test_a_large_journal_continues_its_older_checkpoints(large: Files) -> None:
    for older in (1, 65_535, 65_536, 65_537, 69_999, 70_000):
        assert verdict(_verified(large, _checkpoint(older))) is Verdict.TRUE


def test_with_the_tile_missing_that_the_older_checkpoint_needs_it_cannot_be_told() -> None:
    files = {path: content for path, content in JOURNAL.items() if path != "tile/0/000"}
    assert _verified(files, _checkpoint(100)) == Undecided("it is missing", "tile/0/000")


def test_a_journal_that_was_rewritten_and_signed_again_does_not_continue_the_older_checkpoint() -> None:
    rewritten = _published(600, entry=lambda position: b"forged" if position == 100 else _entry(position))
    assert verdict(_verified(rewritten)) is Verdict.TRUE
    assert verdict(_verified(rewritten, _checkpoint(100))) is Verdict.TRUE
    for older in (101, 300, 600):
        finding = _verified(rewritten, _checkpoint(older))
        assert isinstance(finding, Altered)
        assert finding.part is Part.HISTORY
        assert f"first {older} entries" in sentence(finding)


def test_a_journal_that_has_shrunk_does_not_continue_the_older_checkpoint() -> None:
    finding = _verified(_published(599), JOURNAL["checkpoint"])
    assert isinstance(finding, Altered)
    assert finding.part is Part.HISTORY
    assert "it had 600 entries and now has 599" in sentence(finding)


@pytest.mark.parametrize("older", [b"", b"no note", _checkpoint(3, key=OTHER_KEY)])
def test_an_older_checkpoint_that_cannot_be_believed_says_nothing_against_the_journal(older: bytes) -> None:
    finding = _verified(JOURNAL, older)
    assert isinstance(finding, Undecided)
    assert "older checkpoint" in sentence(finding)
    altered = _verified(_changed(JOURNAL, "tile/entries/000", 9), older)
    assert verdict(altered) is Verdict.ALTERED


def _store(changed: Mapping[int, bytes | None] | None = None, size: int = 600) -> StoreSource:
    """A store of 620 entries whose newest checkpoint is of `size`, with entries changed, or deleted where None."""
    whole = {**{position: _entry(position) for position in range(620)}, **(changed or {})}
    rows = {position: entry for position, entry in whole.items() if entry is not None}
    _, tiles = Edge().grow([leaf_hash(_entry(position)) for position in range(620)])
    hashes = {(tile.level, tile.index): tile.hashes for tile in tiles}

    def read(start: int, limit: int) -> list[bytes]:
        return list(_until_gap(rows, start, limit))

    return StoreSource(_checkpoint(size), read, lambda level, index: hashes.get((level, index)))


def _until_gap(rows: Mapping[int, bytes], start: int, limit: int) -> Iterator[bytes]:
    for position in range(start, start + limit):
        if position not in rows:
            return
        yield rows[position]


def test_a_true_store_is_true_up_to_its_newest_checkpoint() -> None:
    finding = verify_store(_store(), KEY.verifier)
    assert isinstance(finding, Intact)
    assert finding.size == 600
    assert verify_store(_store({610: b"not signed yet"}), KEY.verifier) == finding
    assert verify_store(_store(size=0), KEY.verifier) == verify_directory(_published(0).get, KEY.verifier)


def test_a_changed_entry_of_a_store_is_named_by_its_position() -> None:
    finding = verify_store(_store({300: _entry(300).replace(b"accepted", b"accepteD")}), KEY.verifier)
    assert isinstance(finding, Altered)
    assert sentence(finding) == (
        f"Altered: entry at position 300 ({_uuid(300)}): its bytes are not those that were signed."
    )


@pytest.mark.parametrize("position", [0, 255, 256, 300, 599])
def test_a_deleted_entry_of_a_store_is_named_by_its_position(position: int) -> None:
    finding = verify_store(_store({position: None}), KEY.verifier)
    assert isinstance(finding, Altered)
    assert (finding.part, finding.position) == (Part.ENTRY, position)


def test_an_entry_of_a_store_that_is_longer_than_any_leaf_is_named() -> None:
    finding = verify_store(_store({5: b"x" * 70_000}), KEY.verifier)
    assert isinstance(finding, Altered)
    assert finding.position == 5


def test_a_store_without_a_checkpoint_or_tiles_cannot_be_told() -> None:
    whole = _store()
    assert verdict(verify_store(StoreSource(None, whole.entries, whole.tiles), KEY.verifier)) is Verdict.UNDECIDED
    without = StoreSource(whole.newest, whole.entries, lambda _level, _index: None)
    assert verdict(verify_store(without, KEY.verifier)) is Verdict.UNDECIDED


def test_a_store_continues_an_older_checkpoint() -> None:
    assert verdict(verify_store(_store(), KEY.verifier, _checkpoint(17))) is Verdict.TRUE
    assert verdict(verify_store(_store(), KEY.verifier, _checkpoint(610))) is Verdict.ALTERED


def test_a_finding_is_the_same_for_a_program() -> None:
    true = as_fields(_verified(JOURNAL))
    assert (true["verdict"], true["size"], true["origin"]) == ("true", 600, KEY.name)
    altered = as_fields(_verified(_changed(JOURNAL, "tile/entries/001", 44 * (2 + len(_entry(0))) + 20)))
    assert altered == {
        "verdict": "altered",
        "part": "entry",
        "position": 300,
        "entry": _uuid(300),
        "path": "tile/entries/001",
        "why": "its bytes are not those that were signed",
    }
    assert as_fields(_verified({})) == {"verdict": "undecided", "path": "checkpoint", "why": "it is missing"}


def test_memory_does_not_grow_with_the_journal(large: Files) -> None:
    """Read from outside, the largest file is a bundle of 256 entries: nothing else piles up."""
    tracemalloc.start()
    try:
        assert verdict(_verified(large)) is Verdict.TRUE
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000
