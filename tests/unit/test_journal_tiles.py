"""The published files have the names and the contents of C2SP tlog-tiles, however the journal grew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.journal.edge import Edge
from coordinator.journal.merkle import leaf_hash
from coordinator.journal.tiles import (
    BundleName,
    MalformedTileError,
    TileName,
    decode_bundle,
    decode_hashes,
    encode_bundle,
    encode_hashes,
    growth,
    parse_path,
    right_edge,
    split_bundle,
)

_NAMES = st.one_of(
    st.builds(TileName, st.integers(0, 63), st.integers(0, 2**48), st.integers(1, 256)),
    st.builds(BundleName, st.integers(0, 2**48), st.integers(1, 256)),
)


def _entry(position: int) -> bytes:
    return b'{"position":%d}' % position


def test_paths_are_those_of_the_specification() -> None:
    assert TileName(0, 1_234_067).path == "tile/0/x001/x234/067"
    assert TileName(2, 0, 8).path == "tile/2/000.p/8"
    assert BundleName(1_234_067, 112).path == "tile/entries/x001/x234/067.p/112"
    assert BundleName(999).path == "tile/entries/999"
    assert BundleName(1000).path == "tile/entries/x001/000"


def test_a_journal_of_70000_entries_has_the_tiles_of_the_specification() -> None:
    names = list(growth(0, 70_000))
    bundles = [name for name in names if isinstance(name, BundleName)]
    assert bundles == [*(BundleName(index) for index in range(273)), BundleName(273, 112)]
    by_level = [[name for name in names if isinstance(name, TileName) and name.level == level] for level in range(4)]
    assert by_level[0] == [*(TileName(0, index) for index in range(273)), TileName(0, 273, 112)]
    assert by_level[1:] == [[TileName(1, 0), TileName(1, 1, 17)], [TileName(2, 0, 1)], []]
    assert right_edge(70_000) == (TileName(0, 273, 112), TileName(1, 1, 17), TileName(2, 0, 1))


def test_a_journal_of_256_entries_has_one_full_tile_and_one_hash_above_it() -> None:
    assert [name.path for name in growth(0, 256)] == ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]
    assert right_edge(256) == (TileName(0, 1, 0), TileName(1, 0, 1))


def test_an_empty_journal_has_no_tiles() -> None:
    assert list(growth(0, 0)) == []
    assert right_edge(0) == ()


@pytest.mark.parametrize("width", range(1, 256))
def test_every_partial_width_is_published_as_such(width: int) -> None:
    assert [name.path for name in growth(0, width)] == [f"tile/entries/000.p/{width}", f"tile/0/000.p/{width}"]
    grown = [name.path for name in growth(width * 256 - 1, width * 256)]
    assert grown == [f"tile/entries/{width - 1:03}", f"tile/0/{width - 1:03}", f"tile/1/000.p/{width}"]
    content = encode_bundle([_entry(position) for position in range(width)])
    assert len(decode_bundle(content)) == width


@given(_NAMES)
def test_a_path_reads_back_as_the_name_it_was_written_from(name: TileName | BundleName) -> None:
    assert parse_path(name.path) == name


@pytest.mark.parametrize(
    "path",
    [
        "",
        "checkpoint",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/000",
        "tile/0/x001/234/067",
        "tile/0/001/067",
        "tile/0/x067",
        "tile/0/000.p/0",
        "tile/0/000.p/00",
        "tile/0/000.p/08",
        "tile/0/000.p/256",
        "tile/0/000.p/",
        "tile/0/000/",
        "/tile/0/000",
        "tile/0/000\n",
        "tile/0/../000",
        "tile/-1/000",
        "tile/Entries/000",
        "tile/0/\N{ARABIC-INDIC DIGIT ZERO}00",
    ],
)
def test_a_path_that_is_slightly_other_names_nothing(path: str) -> None:
    assert parse_path(path) is None


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_a_bundle_reads_back_as_the_entries_it_was_written_from(entries: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(entries)) == tuple(entries)


def test_a_bundle_holds_entries_as_long_as_its_prefix_can_say() -> None:
    assert decode_bundle(encode_bundle([b"x" * 65_535, b""])) == (b"x" * 65_535, b"")
    with pytest.raises(MalformedTileError, match="at most 65535 bytes"):
        encode_bundle([b"x" * 65_536])


def test_a_bundle_that_was_cut_off_gives_what_can_be_read_and_says_where_it_ends() -> None:
    whole = encode_bundle([b"first", b"second"])
    for end in range(1, len(whole)):
        if end == 7:
            continue
        with pytest.raises(MalformedTileError, match=r"ends within its entry [01]"):
            decode_bundle(whole[:end])
    assert split_bundle(whole[:-1]) == ((b"first",), b"\x00\x06secon")


def test_a_tile_reads_back_as_the_hashes_it_was_written_from() -> None:
    hashes = tuple(leaf_hash(_entry(position)) for position in range(7))
    assert decode_hashes(encode_hashes(hashes), 7) == hashes
    with pytest.raises(MalformedTileError, match="256 bytes, not 224"):
        decode_hashes(encode_hashes(hashes), 8)


def _publish(sizes: list[int]) -> dict[str, bytes]:
    """Every file that a journal publishes which grows by these sizes; a file never changes its bytes."""
    files: dict[str, bytes] = {}
    edge = Edge()
    for size in sizes:
        grown, changed = edge.grow([leaf_hash(_entry(position)) for position in range(edge.size, size)])
        step = {tile.name.path: tile.hashes for tile in changed}
        for name in growth(edge.size, size):
            if isinstance(name, BundleName):
                first = name.index * 256
                step[name.path] = encode_bundle([_entry(position) for position in range(first, first + name.width)])
        assert list(growth(edge.size, size)) == [parse_path(path) for path in sorted(step, key=_publishing_order)]
        assert all(files.get(path, content) == content for path, content in step.items())
        files |= step
        edge = grown
    return files


def _publishing_order(path: str) -> tuple[int, int]:
    name = parse_path(path)
    assert name is not None
    return (-1 if isinstance(name, BundleName) else name.level), name.index


@given(st.lists(st.integers(0, 1500), min_size=1, max_size=8))
def test_however_a_journal_grew_the_same_files_stand_for_it(cuts: list[int]) -> None:
    sizes = sorted(cuts)
    files, at_once = _publish(sizes), _publish(sizes[-1:])
    assert {path: files[path] for path in at_once} == at_once
    narrower = [parse_path(path) for path in files.keys() - at_once.keys()]
    assert all(name is not None and name.width < 256 for name in narrower)
