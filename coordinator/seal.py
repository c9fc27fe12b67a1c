"""The seal: signs a checkpoint over the journal at most a second behind, then publishes what it covers."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn, TypeVar

from coordinator.journal.checkpoint import Checkpoint, Sealed, read_checkpoint, seal_checkpoint
from coordinator.journal.edge import Edge
from coordinator.journal.merkle import HASH_BYTES, leaf_hash
from coordinator.journal.note import Authenticity, MalformedNoteError, SigningKey
from coordinator.journal.tiles import (
    CHECKPOINT_PATH,
    TILE_WIDTH,
    BundleName,
    Tile,
    TileName,
    encode_bundle,
    growth,
    right_edge,
)
from coordinator.model.errors import CoordinatorError
from coordinator.ports import Archive, ArchiveConflictError, Ledger

_READ = 1024
"""Entries read at once."""
_STEP = 64 * _READ
"""Entries under one checkpoint when far behind, so that memory stays flat."""

KEY_BACK = (
    "put your copy of the key back; without it this journal cannot go on: keep what is published as evidence, and begin"
    " a journal with a new origin, key and folder"
)
"""What mends a lost signing key."""

_T = TypeVar("_T")


class SealRefusedError(CoordinatorError):
    """To sign would contradict what was signed before; a person must decide, and trying again is of no use."""


@dataclass(frozen=True, slots=True)
class SealStatus:
    """How far the seal is: entries signed and published, and for how many seconds something has waited for it."""

    size: int
    published: int
    behind_s: float
    last_error: str | None


@dataclass(frozen=True, slots=True)
class _State:
    """The tree under the newest checkpoint in the store, and the size that the archive's checkpoint says."""

    edge: Edge
    sealed: Sealed | None
    published: int | None


class Seal:
    """Signs and publishes; one at a time for one journal.

    What it has signed it reads from the store, and reads it again after every failure, so that nothing it believes
    outlives a doubt. Where the archive cannot be written it goes on signing, and publishes later.
    """

    def __init__(  # noqa: PLR0913  # collaborators are plain arguments, and the clocks are two of them
        self,
        ledger: Ledger,
        archive: Archive,
        key: SigningKey,
        *,
        now: Callable[[], datetime],
        interval_s: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._archive = archive
        self._key = key
        self._now = now
        self._pause_s = 0.8 * interval_s
        self._clock = clock
        self._woken = asyncio.Event()
        self._turn = asyncio.Lock()
        self._state: _State | None = None
        self._status = SealStatus(0, 0, 0.0, None)
        self._behind_since: float | None = None

    def wake(self) -> None:
        """Say that the journal has grown; were it forgotten, the next look would come within the interval."""
        self._woken.set()
        self._behind(since=self._clock())

    @property
    def status(self) -> SealStatus:
        """How far it is, without asking the store."""
        behind_s = 0.0 if self._behind_since is None else self._clock() - self._behind_since
        return SealStatus(self._status.size, self._status.published, behind_s, self._status.last_error)

    async def run(self) -> None:
        """Seal until cancelled. Outlives a store or an archive that is away; raises `SealRefusedError`."""
        while True:
            if await self._was_busy():
                # Entries gather meanwhile; else each would have a checkpoint, and files, of its own.
                await asyncio.sleep(self._pause_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s):
                    await self._woken.wait()

    async def _was_busy(self) -> bool:
        """Seal once; tell whether there was something to publish, or it failed (which `status` tells)."""
        before = self._status.published
        try:
            await self.flush()
        except SealRefusedError:
            raise
        except CoordinatorError:
            return True
        return self._status.published != before

    async def flush(self) -> None:
        """Sign and publish everything that is in the journal now.

        Raises `SealRefusedError` when the store is older than what was signed, or contradicts it;
        `StoreUnavailableError` or `ArchiveUnavailableError` when one of them is away.
        """
        async with self._turn:
            try:
                await self._advance()
            except BaseException as error:
                # What was persisted or published is not known now; a cancelled seal may be asked once more.
                self._state = None
                if isinstance(error, CoordinatorError):
                    self._report(str(error))
                raise

    async def _advance(self) -> None:
        self._woken.clear()
        state = self._state or await self._resume()
        while True:
            size = await self._ledger.size()
            state = self._kept(await self._sign(state, size))
            state = self._kept(await self._publish(state))
            if state.edge.size == size:
                break
        self._report(None)
        self._behind_since = None
        if self._woken.is_set():
            self._behind(since=self._clock())

    # 1. What was signed, and whether store and archive agree about it.

    async def _resume(self) -> _State:
        sealed = await self._ledger.sealed()
        if sealed is not None:
            own_checkpoint(sealed.note, self._key, "in the store")
        edge = await self._edge(0 if sealed is None else sealed.size)
        if sealed is not None and edge.root() != sealed.root:
            _refuse(f"the store's tiles do not add up to its checkpoint of {sealed.size} entries")
        published = await self._published()
        if published is not None:
            await self._compare(published, edge.size)
        return _State(edge, sealed, None if published is None else published.size)

    async def _edge(self, size: int) -> Edge:
        """The tree as it was at `size`: the first hashes of one tile for each level."""
        return Edge(size, tuple([await self._hashes(name) for name in right_edge(size)]))

    async def _hashes(self, name: TileName) -> bytes:
        if not name.width:
            return b""
        hashes = (await self._ledger.tile(name.level, name.index) or b"")[: name.width * HASH_BYTES]
        if len(hashes) < name.width * HASH_BYTES:
            _refuse(f"the store lacks {name.path}, which it needs to go on from what was signed")
        return hashes

    async def _published(self) -> Checkpoint | None:
        raw = await _to_the_end(asyncio.to_thread(self._archive.get, CHECKPOINT_PATH))
        if raw is None:
            return None
        return own_checkpoint(raw, self._key, "published")

    async def _compare(self, published: Checkpoint, size: int) -> None:
        if published.size > size:
            _refuse(
                f"{published.size} entries were signed and published, but this store has signed {size}:"
                " it is older, as a restored backup is"
            )
        if (await self._edge(published.size)).root() != published.root:
            _refuse(f"the first {published.size} entries of this store are not those that were signed and published")

    # 2. Extend the tree, sign, persist.

    async def _sign(self, state: _State, size: int) -> _State:
        if size < state.edge.size:
            _refuse(f"{state.edge.size} entries were signed, but this store holds {size}")
        if state.sealed is not None and size == state.edge.size:
            return state
        self._behind(since=self._clock())
        edge, tiles = await self._extend(state.edge, min(size, state.edge.size + _STEP))
        sealed = seal_checkpoint(edge.size, edge.root(), self._key, self._now())
        await self._ledger.persist(sealed, tiles)
        return _State(edge, sealed, state.published)

    async def _extend(self, edge: Edge, size: int) -> tuple[Edge, Sequence[Tile]]:
        tiles: dict[tuple[int, int], Tile] = {}
        while edge.size < size:
            entries = await self._entries(edge.size, min(_READ, size - edge.size))
            edge, changed = edge.grow([leaf_hash(entry) for entry in entries])
            tiles |= {(tile.level, tile.index): tile for tile in changed}
        return edge, tuple(tiles.values())

    async def _entries(self, start: int, limit: int) -> Sequence[bytes]:
        entries = await self._ledger.entries(start, limit)
        if len(entries) != limit:
            _refuse(f"the entry at position {start + len(entries)} is missing from the store")
        return entries

    # 3. Publish: entries, tiles, and the checkpoint last.

    async def _publish(self, state: _State) -> _State:
        if state.sealed is None or state.published == state.sealed.size:
            return state
        for name in growth(state.published or 0, state.sealed.size):
            await self._put(name.path, await self._content(name))
        await self._put(CHECKPOINT_PATH, state.sealed.note)
        return _State(state.edge, state.sealed, state.sealed.size)

    async def _content(self, name: BundleName | TileName) -> bytes:
        match name:
            case BundleName(index, width):
                return encode_bundle(await self._entries(index * TILE_WIDTH, width))
            case TileName():
                return await self._hashes(name)

    async def _put(self, path: str, content: bytes) -> None:
        try:
            await _to_the_end(asyncio.to_thread(self._archive.put, path, content))
        except ArchiveConflictError as error:
            msg = _words(str(error))
            raise SealRefusedError(msg) from error

    # 4. What others are told.

    def _kept(self, state: _State) -> _State:
        self._state = state
        self._report(self._status.last_error)
        return state

    def _report(self, error: str | None) -> None:
        size, published = self._status.size, self._status.published
        if self._state is not None:
            size, published = self._state.edge.size, self._state.published or 0
        self._status = SealStatus(size, published, 0.0, error)

    def _behind(self, *, since: float) -> None:
        if self._behind_since is None:
            self._behind_since = since


def own_checkpoint(raw: bytes, key: SigningKey, where: str) -> Checkpoint:
    """Read a checkpoint that this key must have signed, for the journal that is named after it.

    `where` says in words where it stands. Raises `SealRefusedError`: another key would leave auditors, who hold the
    first one, with a journal that they cannot verify.
    """
    try:
        note, checkpoint = read_checkpoint(raw)
    except MalformedNoteError as error:
        _refuse(f"the checkpoint that is {where} cannot be read ({error})")
    if checkpoint.origin != key.name:
        _refuse(f"the checkpoint that is {where} is of another origin than {key.name}")
    match note.signed_by(key.verifier):
        case Authenticity.UNSIGNED:
            msg = (
                f"The checkpoint that is {where} was signed with another key than [journal] key, which is"
                f" {key.verifier.key_id.hex()}: {KEY_BACK}."
            )
            raise SealRefusedError(msg)
        case Authenticity.FORGED:
            _refuse(f"the checkpoint that is {where} does not fit its signature by {key.name}")
        case Authenticity.GOOD:
            pass
    return checkpoint


def _words(why: str) -> str:
    return (
        f"The journal is not signed any more: {why}. Look with `coordinator audit verify`, then restore the newest copy"
        " of the store; or keep what is published as evidence, and begin a journal with a new origin, key and folder."
    )


def _refuse(why: str) -> NoReturn:
    raise SealRefusedError(_words(why))


async def _to_the_end(call: Awaitable[_T]) -> _T:
    """Wait for a thread even when cancelled, so that a late rename never comes after the next one."""
    task = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
