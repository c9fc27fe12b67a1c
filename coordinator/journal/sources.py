"""Where a verification reads a journal from: a published directory, or a store."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from coordinator.journal.merkle import HASH_BYTES
from coordinator.journal.tiles import (
    CHECKPOINT_PATH,
    MAX_ENTRY_BYTES,
    TILE_WIDTH,
    BundleName,
    TileName,
    encode_bundle,
    split_bundle,
)

_TILE_BYTES = TILE_WIDTH * HASH_BYTES


class Source(Protocol):
    """A journal to be verified. Whatever it hands out is suspect; None says that it is not there."""

    def checkpoint(self) -> bytes | None:
        """The newest signed checkpoint."""

    def tile(self, name: TileName) -> bytes | None:
        """The hashes of a tile at that width."""

    def bundle(self, name: BundleName) -> bytes | None:
        """The entries of a bundle at that width."""


@dataclass(frozen=True, slots=True)
class DirectorySource:
    """A published directory, or the same over any other channel: `read(path)` gives a file or None."""

    read: Callable[[str], bytes | None]

    def checkpoint(self) -> bytes | None:
        """The file `checkpoint`."""
        return self.read(CHECKPOINT_PATH)

    def tile(self, name: TileName) -> bytes | None:
        """The tile of that width, else the first hashes of the full one: a partial tile may go when that is there."""
        found = self.read(name.path)
        if found is None and name.width < TILE_WIDTH:
            full = self.read(TileName(name.level, name.index).path)
            # A full tile of a wrong length is handed on as it is, to be found wrong.
            return full[: name.width * HASH_BYTES] if full is not None and len(full) == _TILE_BYTES else full
        return found

    def bundle(self, name: BundleName) -> bytes | None:
        """The bundle of that width, else the first entries of the full one."""
        found = self.read(name.path)
        if found is None and name.width < TILE_WIDTH:
            full = self.read(BundleName(name.index).path)
            return None if full is None else encode_bundle(split_bundle(full)[0][: name.width])
        return found


@dataclass(frozen=True, slots=True)
class StoreSource:
    """A store: its newest checkpoint, `entries(start, limit)` as in `ports.Ledger`, and `tile(level, index)`."""

    newest: bytes | None
    entries: Callable[[int, int], Sequence[bytes]]
    tiles: Callable[[int, int], bytes | None]

    def checkpoint(self) -> bytes | None:
        """The note of the newest sealed checkpoint."""
        return self.newest

    def tile(self, name: TileName) -> bytes | None:
        """The first hashes of the tile, which in a live store may have grown since the checkpoint."""
        found = self.tiles(name.level, name.index)
        return None if found is None else found[: name.width * HASH_BYTES]

    def bundle(self, name: BundleName) -> bytes | None:
        """The entries as a bundle; fewer when one is missing. One too long to be a leaf is cut, and so found wrong."""
        found = self.entries(name.index * TILE_WIDTH, name.width)
        return encode_bundle([entry[:MAX_ENTRY_BYTES] for entry in found])
