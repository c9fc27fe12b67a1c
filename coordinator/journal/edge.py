"""A Merkle tree that grows: it remembers its right edge only, and tells which tiles each growth changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coordinator.journal.merkle import HASH_BYTES, fold, perfect_root
from coordinator.journal.tiles import TILE_HEIGHT, TILE_WIDTH, Tile

_TILE_BYTES = TILE_WIDTH * HASH_BYTES


@dataclass(frozen=True, slots=True)
class Edge:
    """A tree of `size` entries: for each level of tiles, the hashes of its last tile while that is not full.

    `partials[level]` holds `(size >> 8 * level) % 256` hashes, so the whole takes at most 8 KiB for each level.
    """

    size: int = 0
    partials: tuple[bytes, ...] = ()

    def grow(self, leaves: Sequence[bytes]) -> tuple["Edge", tuple[Tile, ...]]:
        """The tree with these leaf hashes appended, and the tiles that are new or wider by it, lowest level first."""
        if not leaves:
            return self, ()
        partials: list[bytes] = []
        changed: list[Tile] = []
        carried = b"".join(leaves)
        while carried or len(partials) < len(self.partials):
            level = len(partials)
            hashes = (self.partials[level] if level < len(self.partials) else b"") + carried
            tiles = _cut(level, self.size >> TILE_HEIGHT * (level + 1), hashes) if carried else []
            full = [tile for tile in tiles if len(tile.hashes) == _TILE_BYTES]
            changed += tiles
            partials.append(hashes[len(full) * _TILE_BYTES :])
            carried = b"".join(perfect_root(tile.hashes) for tile in full)
        return Edge(self.size + len(leaves), tuple(partials)), tuple(changed)

    def root(self) -> bytes:
        """The root hash of the tree (RFC 6962)."""
        return fold(subtree for partial in self.partials for subtree in _perfect_subtrees(partial))


def _cut(level: int, index: int, hashes: bytes) -> list[Tile]:
    """The hashes of a level from tile `index` on, in tiles."""
    starts = range(0, len(hashes), _TILE_BYTES)
    return [Tile(level, index + at // _TILE_BYTES, hashes[at : at + _TILE_BYTES]) for at in starts]


def _perfect_subtrees(partial: bytes) -> Iterator[bytes]:
    """The roots of the perfect subtrees over a partial tile, from right to left."""
    end = len(partial) // HASH_BYTES
    while end:
        width = end & -end
        yield perfect_root(partial[(end - width) * HASH_BYTES : end * HASH_BYTES])
        end -= width
