"""Roots and proofs are those of RFC 6962, as another library and the RFC's own recursive definition have them."""

import hashlib
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree  # type: ignore[import-untyped]  # the package has no types

from coordinator.journal.edge import Edge
from coordinator.journal.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_at,
    verify_consistency,
    verify_inclusion,
)
from coordinator.journal.tiles import Tile, hash_reader, levels

_SMALL = 300
_LARGE = 70_000
_BORDERS = (255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, _LARGE)


def _leaf(index: int) -> bytes:
    return leaf_hash(b"entry %d" % index)


@cache
def _mth(begin: int, end: int) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if end == begin:
        return hashlib.sha256(b"").digest()
    if end - begin == 1:
        return hashlib.sha256(b"\x00entry %d" % begin).digest()
    middle = begin + _largest_power_below(end - begin)
    return hashlib.sha256(b"\x01" + _mth(begin, middle) + _mth(middle, end)).digest()


def _path(index: int, begin: int, end: int) -> tuple[bytes, ...]:
    """RFC 6962, section 2.1.1."""
    if end - begin == 1:
        return ()
    middle = begin + _largest_power_below(end - begin)
    if begin + index < middle:
        return (*_path(index, begin, middle), _mth(middle, end))
    return (*_path(index - (middle - begin), middle, end), _mth(begin, middle))


def _subproof(old: int, begin: int, end: int, *, complete: bool) -> tuple[bytes, ...]:
    """RFC 6962, section 2.1.2."""
    if old == end - begin:
        return () if complete else (_mth(begin, end),)
    width = _largest_power_below(end - begin)
    if old <= width:
        return (*_subproof(old, begin, begin + width, complete=complete), _mth(begin + width, end))
    return (*_subproof(old - width, begin + width, end, complete=False), _mth(begin, begin + width))


def _largest_power_below(number: int) -> int:
    power = 1
    while power * 2 < number:
        power *= 2
    return power


def _hash_at(height: int, index: int) -> bytes:
    return _mth(index << height, (index + 1) << height)


@pytest.fixture(scope="module")
def oracle() -> InmemoryTree:
    tree = InmemoryTree(algorithm="sha256")
    tree.append_entries([b"entry %d" % index for index in range(_LARGE)])
    return tree


@pytest.fixture(scope="module")
def tiles() -> dict[tuple[int, int], bytes]:
    """The tiles of a tree of 70,000 entries, which grew by 1,000 at a time."""
    kept: dict[tuple[int, int], bytes] = {}
    edge = Edge()
    for begin in range(0, _LARGE, 1000):
        edge, changed = edge.grow([_leaf(index) for index in range(begin, begin + 1000)])
        kept |= {(tile.level, tile.index): tile.hashes for tile in changed}
    return kept


def test_an_empty_journal_has_the_root_of_the_rfc() -> None:
    assert Edge().root() == EMPTY_ROOT == hashlib.sha256(b"").digest()
    assert root_at(0, _hash_at) == EMPTY_ROOT


def test_roots_agree_with_another_library_and_with_the_definition(oracle: InmemoryTree) -> None:
    edge = Edge()
    for size in range(_SMALL + 1):
        assert edge.root() == oracle.get_root(size) == _mth(0, size) == root_at(size, _hash_at)
        assert len(edge.partials) == levels(size)
        edge, _ = edge.grow([_leaf(size)])


def test_roots_agree_with_another_library_around_the_borders_of_tiles(oracle: InmemoryTree) -> None:
    edge = Edge()
    for size in _BORDERS:
        edge, _ = edge.grow([_leaf(index) for index in range(edge.size, size)])
        assert edge.root() == oracle.get_root(size), size


def test_every_entry_of_every_small_tree_has_its_proof() -> None:
    for size in range(1, _SMALL + 1):
        for index in range(size):
            proof = inclusion_proof(index, size, _hash_at)
            assert proof == _path(index, 0, size)
            assert verify_inclusion(_leaf(index), index, size, proof, _mth(0, size))


def test_every_small_tree_proves_every_older_one() -> None:
    for new in range(_SMALL + 1):
        for old in range(new + 1):
            proof = consistency_proof(old, new, _hash_at)
            assert proof == (_subproof(old, 0, new, complete=True) if old else ())
            assert verify_consistency(old, _mth(0, old), new, _mth(0, new), proof)


@given(st.data())
def test_proofs_out_of_tiles_hold(tiles: dict[tuple[int, int], bytes], data: st.DataObject) -> None:
    hash_at = hash_reader(lambda level, index: tiles[level, index])
    new = data.draw(st.one_of(st.sampled_from(_BORDERS), st.integers(1, _LARGE)))
    old = data.draw(st.integers(0, new))
    index = data.draw(st.integers(0, new - 1))
    new_root, old_root = root_at(new, hash_at), root_at(old, hash_at)
    assert verify_inclusion(_leaf(index), index, new, inclusion_proof(index, new, hash_at), new_root)
    assert verify_consistency(old, old_root, new, new_root, consistency_proof(old, new, hash_at))


def test_roots_out_of_tiles_agree_with_another_library(
    tiles: dict[tuple[int, int], bytes], oracle: InmemoryTree
) -> None:
    hash_at = hash_reader(lambda level, index: tiles[level, index])
    for size in _BORDERS:
        assert root_at(size, hash_at) == oracle.get_root(size), size


@given(st.data())
def test_a_proof_that_was_changed_proves_nothing(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, _SMALL))
    index = data.draw(st.integers(0, size - 1))
    proof = list(inclusion_proof(index, size, _hash_at))
    at = data.draw(st.integers(0, len(proof) - 1))
    changed = bytes([proof[at][0] ^ 1]) + proof[at][1:]
    for wrong in ([*proof[:at], changed, *proof[at + 1 :]], proof[:at] + proof[at + 1 :], [*proof, changed]):
        assert not verify_inclusion(_leaf(index), index, size, wrong, _mth(0, size))
    assert not verify_inclusion(_leaf(index + 1), index, size, proof, _mth(0, size))
    assert not verify_inclusion(_leaf(index), index, size, proof, _mth(0, size + 1))


@given(st.data())
def test_a_consistency_proof_that_was_changed_proves_nothing(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, _SMALL))
    old = data.draw(st.integers(1, new - 1))
    proof = list(consistency_proof(old, new, _hash_at))
    at = data.draw(st.integers(0, len(proof) - 1))
    changed = bytes([proof[at][0] ^ 1]) + proof[at][1:]
    roots = _mth(0, old), _mth(0, new)
    for wrong in ([*proof[:at], changed, *proof[at + 1 :]], proof[:at] + proof[at + 1 :], [*proof, changed], []):
        assert not verify_consistency(old, roots[0], new, roots[1], wrong)
    assert not verify_consistency(old, changed, new, roots[1], proof)
    assert not verify_consistency(old, roots[0], new, changed, proof)


def test_impossible_positions_and_sizes_are_not_proved() -> None:
    root = _mth(0, 5)
    assert not verify_inclusion(_leaf(5), 5, 5, (), root)
    assert not verify_inclusion(_leaf(0), -1, 5, (), root)
    assert not verify_consistency(6, _mth(0, 6), 5, root, ())
    assert not verify_consistency(-1, root, 5, root, (root,))
    assert not verify_consistency(5, _mth(0, 4), 5, root, ())
    assert not verify_consistency(0, root, 5, root, ())
    with pytest.raises(ValueError, match="no entry 5 in a tree of 5"):
        inclusion_proof(5, 5, _hash_at)
    with pytest.raises(ValueError, match="6 entries is no prefix of one of 5"):
        consistency_proof(6, 5, _hash_at)


def test_a_leaf_cannot_pass_for_a_node() -> None:
    left, right = _leaf(0), _leaf(1)
    assert leaf_hash(left + right) != node_hash(left, right)


def test_a_growth_by_nothing_changes_nothing() -> None:
    edge, _ = Edge().grow([_leaf(0)])
    assert edge.grow([]) == (edge, ())
    assert edge == Edge(1, (_leaf(0),))


def test_growing_costs_what_is_new() -> None:
    """A tile is handed out once when full, and only the last one of each level is handed out again."""
    edge, changed = Edge().grow([_leaf(index) for index in range(600)])
    assert [(tile.level, tile.index, len(tile.hashes) // 32) for tile in changed] == [
        (0, 0, 256),
        (0, 1, 256),
        (0, 2, 88),
        (1, 0, 2),
    ]
    _, changed = edge.grow([_leaf(600)])
    assert [tile.name.path for tile in changed] == ["tile/0/002.p/89"]
    assert isinstance(changed[0], Tile)
