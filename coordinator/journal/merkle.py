"""The Merkle tree of RFC 6962: its hashes, and proofs of inclusion and consistency."""

import hashlib
from collections.abc import Callable, Iterable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of a tree without entries (RFC 6962, section 2.1)."""

HashAt = Callable[[int, int], bytes]
"""`hash_at(height, index)`: the root over entries `[index * 2**height, (index + 1) * 2**height)`, all of them there."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of one entry: SHA-256(00 ‖ entry)."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node: SHA-256(01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def perfect_root(hashes: bytes) -> bytes:
    """The root over 2**k hashes written one after the other (k ≥ 0), as in a full tile."""
    while len(hashes) > HASH_BYTES:
        pairs = range(0, len(hashes), 2 * HASH_BYTES)
        hashes = b"".join(hashlib.sha256(b"\x01" + hashes[at : at + 2 * HASH_BYTES]).digest() for at in pairs)
    return hashes


def fold(subtrees: Iterable[bytes]) -> bytes:
    """The root of a tree from the roots of its perfect subtrees, given from right to left."""
    root: bytes | None = None
    for subtree in subtrees:
        root = subtree if root is None else node_hash(subtree, root)
    return EMPTY_ROOT if root is None else root


def root_at(size: int, hash_at: HashAt) -> bytes:
    """The root over the first `size` entries; reads one hash for each bit that is set in `size`."""
    return _range_root(0, size, hash_at)


def inclusion_proof(index: int, size: int, hash_at: HashAt) -> tuple[bytes, ...]:
    """The audit path of entry `index` in the tree of `size` entries, leaf to root (RFC 6962, section 2.1.1)."""
    if not 0 <= index < size:
        msg = f"no entry {index} in a tree of {size}"
        raise ValueError(msg)
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = _split(begin, end)
        if index < middle:
            path.append(_range_root(middle, end, hash_at))
            end = middle
        else:
            path.append(_range_root(begin, middle, hash_at))
            begin = middle
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, hash_at: HashAt) -> tuple[bytes, ...]:
    """The proof that the tree of `old` entries is a prefix of the tree of `new` (RFC 6962, section 2.1.2)."""
    if not 0 <= old <= new:
        msg = f"a tree of {old} entries is no prefix of one of {new}"
        raise ValueError(msg)
    proof: list[bytes] = []
    begin, end = 0, new
    while old not in (0, end):
        middle = _split(begin, end)
        if old <= middle:
            proof.append(_range_root(middle, end, hash_at))
            end = middle
        else:
            proof.append(_range_root(begin, middle, hash_at))
            begin = middle
    if begin:
        proof.append(_range_root(begin, end, hash_at))
    return tuple(reversed(proof))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the entry with hash `leaf` is number `index` in the tree (RFC 9162, section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            computed = node_hash(sibling, computed)
            at, last = _up_to_right_child(at, last)
        else:
            computed = node_hash(computed, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and computed == root


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the older tree is a prefix of the newer one (RFC 9162, section 2.1.4.2); the empty tree always is."""
    if old in (0, new):
        return not proof and old_root == (new_root if old == new else EMPTY_ROOT)
    if not 0 < old < new or not proof:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first, rest = (old_root, proof) if at == 0 else (proof[0], proof[1:])
    was = now = first
    for sibling in rest:
        if last == 0:
            return False
        if at & 1 or at == last:
            was, now = node_hash(sibling, was), node_hash(sibling, now)
            at, last = _up_to_right_child(at, last)
        else:
            now = node_hash(now, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and was == old_root and now == new_root


def _up_to_right_child(at: int, last: int) -> tuple[int, int]:
    """Climb while the node is a left child without a sibling: it is carried up unchanged."""
    while at and not at & 1:
        at, last = at >> 1, last >> 1
    return at, last


def _split(begin: int, end: int) -> int:
    """Where RFC 6962 divides a range: after the largest power of two below its width."""
    return begin + (1 << (end - begin - 1).bit_length() - 1)


def _range_root(begin: int, end: int, hash_at: HashAt) -> bytes:
    """The root over `[begin, end)`, where `begin` is aligned to the range's largest perfect subtree."""
    subtrees = []
    while end > begin:
        height = (end - begin & begin - end).bit_length() - 1
        end -= 1 << height
        subtrees.append(hash_at(height, end >> height))
    return fold(subtrees)
