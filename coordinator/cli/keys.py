"""The journal's signing key, as the commands read it: with what mends a key that is lost, or another's."""

from contextlib import suppress

from coordinator.journal.note import MalformedKeyError, SigningKey, parse_signing_key
from coordinator.journal.tiles import CHECKPOINT_PATH
from coordinator.model.errors import ConfigurationError, CoordinatorError
from coordinator.seal import KEY_BACK, own_checkpoint
from coordinator.settings import Settings
from coordinator.store import open_ledger
from coordinator.store.published import PublishedDirectory


async def read_key(settings: Settings) -> SigningKey:
    """Read the journal's signing key; raises `ConfigurationError` with what mends it."""
    path = settings.journal.key
    try:
        key = parse_signing_key(path.read_text(encoding="ascii").strip())
    except FileNotFoundError as error:
        raise ConfigurationError(await _missing(settings)) from error
    except (MalformedKeyError, UnicodeDecodeError) as error:
        why = error if isinstance(error, MalformedKeyError) else "it is no text"
        msg = f"[journal] key {path} is no signing key ({why}): {KEY_BACK}"
        raise ConfigurationError(msg) from error
    except OSError as error:
        msg = f"[journal] key {path} cannot be read ({error.strerror}): it must be a file that this user may read"
        raise ConfigurationError(msg) from error
    if key.name != settings.domain.origin:
        msg = (
            f"[journal] key is the key of {key.name}, and [domain] origin is {settings.domain.origin}: they must agree"
        )
        raise ConfigurationError(msg)
    return key


async def read_own_key(settings: Settings) -> SigningKey:
    """Read the key, and hold it against what was signed; raises `ConfigurationError` or `SealRefusedError`."""
    key = await read_key(settings)
    for where, raw in (await newest_checkpoints(settings)).items():
        own_checkpoint(raw, key, where)
    return key


async def newest_checkpoints(settings: Settings) -> dict[str, bytes]:
    """Read the checkpoints of this journal, by where they stand, in words; what cannot be read is left out."""
    found: dict[str, bytes] = {}
    with suppress(CoordinatorError):  # whoever needs that place says what is wrong with it
        raw = PublishedDirectory(settings.journal.publish_dir).get(CHECKPOINT_PATH)
        if raw is not None:
            found["published"] = raw
    with suppress(CoordinatorError):
        async with open_ledger(settings.store.url) as store:
            sealed = await store.sealed()
        if sealed is not None:
            found["in the store"] = sealed.note
    return found


async def _missing(settings: Settings) -> str:
    begun = f"[journal] key {settings.journal.key} is missing"
    found = list(await newest_checkpoints(settings))
    if found:
        return f"{begun}, and what it has signed is {found[0]}: {KEY_BACK}"
    return f"{begun}: `coordinator init DIR` makes one, in another folder; copy journal.key and journal.vkey from there"
