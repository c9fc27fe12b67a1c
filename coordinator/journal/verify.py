"""Verification of a journal from the signed checkpoint down: right edge, older checkpoint, tiles, entries."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from coordinator.journal.checkpoint import Checkpoint, read_checkpoint
from coordinator.journal.edge import Edge
from coordinator.journal.findings import Altered, Finding, Intact, Part, Undecided, entry_id
from coordinator.journal.merkle import HASH_BYTES, leaf_hash, perfect_root
from coordinator.journal.note import Authenticity, MalformedNoteError, VerifierKey
from coordinator.journal.sources import DirectorySource, Source, StoreSource
from coordinator.journal.tiles import (
    CHECKPOINT_PATH,
    TILE_HEIGHT,
    TILE_WIDTH,
    BundleName,
    TileName,
    growth,
    right_edge,
    split_bundle,
)

_TILE_BYTES = TILE_WIDTH * HASH_BYTES
_MISSING = "it is missing"


def verify_directory(read: Callable[[str], bytes | None], key: VerifierKey, older: bytes | None = None) -> Finding:
    """Verify a published directory through `read(path)`; see `verify`."""
    return verify(DirectorySource(read), key, older)


def verify_store(store: StoreSource, key: VerifierKey, older: bytes | None = None) -> Finding:
    """Verify a store against its newest checkpoint; entries after that are not signed yet and are not looked at."""
    finding = verify(store, key, older)
    # A store has no files: an entry is named by its position alone.
    return replace(finding, path=None) if isinstance(finding, Altered) and finding.part is Part.ENTRY else finding


def verify(source: Source, key: VerifierKey, older: bytes | None = None) -> Finding:
    """Whether the journal is what the holder of `key` signed, and continues the `older` checkpoint.

    Each step trusts only what the step before has proved. What is altered goes before what is missing: a directory
    with a hole and a changed entry is altered. Memory is flat: one tile for each level, one bundle.
    """
    # 1. The checkpoint is signed by the key, for the journal that the key is named after.
    head = _signed_checkpoint(source.checkpoint(), key)
    if not isinstance(head, Checkpoint):
        return head
    # 2. The tiles at the right edge add up to the signed root.
    edge = _proven_edge(source, head)
    if not isinstance(edge, Edge):
        return edge
    # 3. The older checkpoint is a prefix. 4. Every tile is the one its parent was made of, every entry its leaf.
    past = None if older is None else _older_checkpoint(older, key)
    missing: Undecided | None = None
    for fault in _faults(source, _ProvenTiles(source, edge), past):
        if isinstance(fault, Altered):
            return fault
        missing = missing or fault
    since = past.size if isinstance(past, Checkpoint) else None
    return missing or Intact(head.origin, head.size, head.root, since, _short(key))


def _signed_checkpoint(raw: bytes | None, key: VerifierKey) -> Checkpoint | Altered | Undecided:
    if raw is None:
        return Undecided(_MISSING, CHECKPOINT_PATH)
    try:
        note, checkpoint = read_checkpoint(raw)
    except MalformedNoteError as error:
        return Altered(Part.CHECKPOINT, str(error))
    match note.signed_by(key):
        case Authenticity.FORGED:
            return Altered(Part.CHECKPOINT, f"its signature by {key.name} does not fit what it says")
        case Authenticity.UNSIGNED:
            why = "no signature on it is of the key {}: it was signed again with another key, or the key is another's"
            return Altered(Part.CHECKPOINT, why.format(_short(key)))
        case Authenticity.GOOD if checkpoint.origin != key.name:
            return Altered(Part.CHECKPOINT, f"it is of another journal than {key.name}")
        case Authenticity.GOOD:
            return checkpoint


def _short(key: VerifierKey) -> str:
    return f"{key.name}+{key.key_id.hex()}"


def _proven_edge(source: Source, head: Checkpoint) -> Edge | Altered | Undecided:
    partials: list[bytes] = []
    for name in right_edge(head.size):
        raw = source.tile(name) if name.width else b""
        if raw is None:
            return Undecided(_MISSING, name.path)
        if len(raw) != name.width * HASH_BYTES:
            return Altered(Part.TILE, f"it has {len(raw)} bytes and not {name.width * HASH_BYTES}", name.path)
        partials.append(raw)
    edge = Edge(head.size, tuple(partials))
    return edge if edge.root() == head.root else _altered_edge(source, edge, head.root)


def _altered_edge(source: Source, edge: Edge, root: bytes) -> Altered:
    """Name the wrong tile of the right edge: the one which, made again from what is below it, mends the root."""
    for name in right_edge(edge.size):
        below = _hashes_below(source, name) if name.width else None
        if below is not None:
            partials = (*edge.partials[: name.level], below, *edge.partials[name.level + 1 :])
            if replace(edge, partials=partials).root() == root:
                return Altered(Part.TILE, "its hashes are not those of what is below it", name.path)
    return Altered(Part.TREE, "the tiles do not add up to the root that was signed, and no single file explains it")


def _hashes_below(source: Source, name: TileName) -> bytes | None:
    """The content of a partial tile, from the entries or the full tiles below it."""
    if name.level == 0:
        raw = source.bundle(BundleName(name.index, name.width))
        return None if raw is None else b"".join(leaf_hash(entry) for entry in split_bundle(raw)[0])
    first = name.index * TILE_WIDTH
    children = [source.tile(TileName(name.level - 1, index)) for index in range(first, first + name.width)]
    if any(child is None or len(child) != _TILE_BYTES for child in children):
        return None
    return b"".join(perfect_root(child) for child in children if child is not None)


@dataclass(slots=True)
class _ProvenTiles:
    """Hash tiles proved against the edge, and so against the signed root; it keeps the last full one of each level."""

    source: Source
    edge: Edge
    kept: dict[int, tuple[int, bytes]] = field(default_factory=dict)

    def hashes(self, level: int, index: int) -> bytes | Altered | Undecided:
        """The hashes of a tile as far as the tree goes, or why they cannot be had."""
        if index == self.edge.size >> TILE_HEIGHT * (level + 1):
            return self.edge.partials[level]
        number, hashes = self.kept.get(level, (None, b""))
        return hashes if number == index else self._prove(TileName(level, index))

    def _prove(self, name: TileName) -> bytes | Altered | Undecided:
        parent = self.hashes(name.level + 1, name.index // TILE_WIDTH)
        if not isinstance(parent, bytes):
            return parent
        raw = self.source.tile(name)
        if raw is None:
            return Undecided(_MISSING, name.path)
        at = name.index % TILE_WIDTH * HASH_BYTES
        if len(raw) != _TILE_BYTES or perfect_root(raw) != parent[at : at + HASH_BYTES]:
            return Altered(Part.TILE, "its hashes are not those that were signed", name.path)
        self.kept[name.level] = name.index, raw
        return raw


def _faults(source: Source, tiles: _ProvenTiles, past: Checkpoint | Undecided | None) -> Iterator[Altered | Undecided]:
    if isinstance(past, Undecided):
        yield past
    elif past is not None and (fault := _history_fault(tiles, past)) is not None:
        yield fault
    for name in growth(0, tiles.edge.size):
        if not isinstance(name, BundleName):
            return
        fault = _bundle_fault(source, tiles, name)
        if fault is not None:
            yield fault


def _older_checkpoint(raw: bytes, key: VerifierKey) -> Checkpoint | Undecided:
    """The older checkpoint is the auditor's own: if it cannot be believed, nothing is said against the journal."""
    older = _signed_checkpoint(raw, key)
    return older if isinstance(older, Checkpoint) else Undecided(f"the older checkpoint cannot be used: {older.why}")


def _history_fault(tiles: _ProvenTiles, past: Checkpoint) -> Altered | Undecided | None:
    if past.size > tiles.edge.size:
        return Altered(Part.HISTORY, f"it had {past.size} entries and now has {tiles.edge.size}")
    partials: list[bytes] = []
    for name in right_edge(past.size):
        hashes = tiles.hashes(name.level, name.index) if name.width else b""
        if not isinstance(hashes, bytes):
            return hashes
        partials.append(hashes[: name.width * HASH_BYTES])
    if Edge(past.size, tuple(partials)).root() != past.root:
        return Altered(Part.HISTORY, f"its first {past.size} entries are not those of the older checkpoint")
    return None


def _bundle_fault(source: Source, tiles: _ProvenTiles, name: BundleName) -> Altered | Undecided | None:
    hashes = tiles.hashes(0, name.index)
    if not isinstance(hashes, bytes):
        return hashes
    raw = source.bundle(name)
    if raw is None:
        return Undecided(_MISSING, name.path)
    entries, rest = split_bundle(raw)
    for offset in range(name.width):
        entry = entries[offset] if offset < len(entries) else None
        if entry is None or leaf_hash(entry) != hashes[offset * HASH_BYTES : (offset + 1) * HASH_BYTES]:
            return _altered_entry(name, offset, entry)
    if rest or len(entries) > name.width:
        return Altered(Part.BUNDLE, "it holds more than the entries that were signed", name.path)
    return None


def _altered_entry(name: BundleName, offset: int, entry: bytes | None) -> Altered:
    position = name.index * TILE_WIDTH + offset
    if entry is None:
        return Altered(Part.ENTRY, "it is not there any more", name.path, position)
    return Altered(Part.ENTRY, "its bytes are not those that were signed", name.path, position, entry_id(entry))
