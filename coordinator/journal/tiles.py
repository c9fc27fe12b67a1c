"""The files of a published journal after C2SP tlog-tiles: names, contents, and which of them a growth adds."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from coordinator.journal.merkle import HASH_BYTES, HashAt, perfect_root
from coordinator.model.errors import CoordinatorError

TILE_WIDTH = 256
TILE_HEIGHT = 8
MAX_LEVEL = 63
MAX_ENTRY_BYTES = 0xFFFF
"""What the length prefix of an entry bundle can say."""
MAX_BUNDLE_BYTES = TILE_WIDTH * (2 + MAX_ENTRY_BYTES)
CHECKPOINT_PATH = "checkpoint"


class MalformedTileError(CoordinatorError):
    """A tile or an entry bundle is not of the form that C2SP tlog-tiles gives it."""


@dataclass(frozen=True, slots=True)
class TileName:
    """A hash tile: `width` hashes, the first of them number `index * 256` of its level."""

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """The path below the journal's prefix, as `tile/0/x001/x234/067.p/8`."""
        return f"tile/{self.level}/{_number(self.index)}{_partial(self.width)}"


@dataclass(frozen=True, slots=True)
class BundleName:
    """An entry bundle: `width` entries, the first of them at position `index * 256`."""

    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """The path below the journal's prefix, as `tile/entries/x001/x234/067.p/8`."""
        return f"tile/entries/{_number(self.index)}{_partial(self.width)}"


@dataclass(frozen=True, slots=True)
class Tile:
    """A hash tile with its content: 1 to 256 hashes, one after the other."""

    level: int
    index: int
    hashes: bytes

    @property
    def name(self) -> TileName:
        """Its name at its present width."""
        return TileName(self.level, self.index, len(self.hashes) // HASH_BYTES)


def parse_path(path: str) -> TileName | BundleName | None:
    """The tile or bundle that a path names; None for any other path, however slightly other."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    index = int(found["number"].replace("x", "").replace("/", ""))
    width = TILE_WIDTH if found["width"] is None else int(found["width"])
    name = BundleName(index, width) if found["kind"] == "entries" else TileName(int(found["kind"]), index, width)
    # Leading zeros and a width of 256 read well enough, but are not how a name is written.
    level = 0 if isinstance(name, BundleName) else name.level
    return name if name.path == path and name.width and level <= MAX_LEVEL else None


def growth(old: int, new: int) -> Iterator[BundleName | TileName]:
    """The files that a growth from `old` to `new` entries adds, in publishing order; the checkpoint goes last."""
    for index, width in _grown(old, new):
        yield BundleName(index, width)
    for level in range(levels(new)):
        for index, width in _grown(old >> TILE_HEIGHT * level, new >> TILE_HEIGHT * level):
            yield TileName(level, index, width)


def right_edge(size: int) -> tuple[TileName, ...]:
    """The last tile of each level for a tree of `size` entries, lowest level first; one of width 0 is not there."""
    return tuple(
        TileName(level, size >> TILE_HEIGHT * (level + 1), (size >> TILE_HEIGHT * level) % TILE_WIDTH)
        for level in range(levels(size))
    )


def levels(size: int) -> int:
    """How many levels of tiles a tree of `size` entries has."""
    return -(-size.bit_length() // TILE_HEIGHT)


def encode_hashes(hashes: Sequence[bytes]) -> bytes:
    """The content of a hash tile."""
    return b"".join(hashes)


def decode_hashes(raw: bytes, width: int) -> tuple[bytes, ...]:
    """The hashes of a tile of that width; raises `MalformedTileError` when it has another length."""
    if len(raw) != width * HASH_BYTES:
        msg = f"a hash tile of width {width} has {width * HASH_BYTES} bytes, not {len(raw)}"
        raise MalformedTileError(msg)
    return tuple(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES))


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """The content of an entry bundle: each entry after its length as a big-endian uint16."""
    if any(len(entry) > MAX_ENTRY_BYTES for entry in entries):
        msg = f"an entry of a bundle has at most {MAX_ENTRY_BYTES} bytes"
        raise MalformedTileError(msg)
    return b"".join(len(entry).to_bytes(2) + entry for entry in entries)


def decode_bundle(raw: bytes) -> tuple[bytes, ...]:
    """The entries of a bundle; raises `MalformedTileError` when bytes are missing at its end."""
    entries, rest = split_bundle(raw)
    if rest:
        msg = f"an entry bundle ends within its entry {len(entries)}"
        raise MalformedTileError(msg)
    return entries


def split_bundle(raw: bytes) -> tuple[tuple[bytes, ...], bytes]:
    """The entries of a bundle as far as they can be read, and the bytes that are left over."""
    entries: list[bytes] = []
    at = 0
    while at + 2 <= len(raw):
        end = at + 2 + int.from_bytes(raw[at : at + 2])
        if end > len(raw):
            break
        entries.append(raw[at + 2 : end])
        at = end
    return tuple(entries), raw[at:]


def hash_reader(read_tile: Callable[[int, int], bytes]) -> HashAt:
    """Every hash of the tree, out of tiles: `read_tile(level, index)` gives a tile as wide as it is there."""

    def hash_at(height: int, index: int) -> bytes:
        level, within = divmod(height, TILE_HEIGHT)
        number, offset = divmod(index << within, TILE_WIDTH)
        return perfect_root(read_tile(level, number)[offset * HASH_BYTES : (offset + (1 << within)) * HASH_BYTES])

    return hash_at


_PATH = re.compile(
    r"tile/(?P<kind>entries|[0-9]{1,2})/(?P<number>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[0-9]{1,3}))?"
)


def _number(index: int) -> str:
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03}")
    return "/".join(reversed(groups))


def _partial(width: int) -> str:
    return "" if width == TILE_WIDTH else f".p/{width}"


def _grown(old: int, new: int) -> Iterator[tuple[int, int]]:
    """Index and width of each tile that changes when its level grows from `old` to `new` hashes."""
    if new > old:
        for index in range(old // TILE_WIDTH, -(-new // TILE_WIDTH)):
            yield index, min(TILE_WIDTH, new - index * TILE_WIDTH)
