"""A signing key that is lost, another's, or unreadable: what the commands say, and that none makes it worse."""

from pathlib import Path

import pytest

from coordinator.cli.keys import read_key, read_own_key
from coordinator.journal.note import SigningKey
from coordinator.model.errors import ConfigurationError
from coordinator.seal import SealRefusedError
from coordinator.settings import Settings, load
from tests.integration.sealing import KEY, Journal, seal_on

BACK = "put your copy of the key back; without it this journal cannot go on"


@pytest.fixture
async def settings(tmp_path: Path) -> Settings:
    """An installation whose journal has been signed and published, without its key file."""
    async with Journal(tmp_path / "coordinator.db") as ledger:
        ledger.append(10)
        await seal_on(ledger, tmp_path / "journal").flush()
    (tmp_path / "coordinator.toml").write_text(f'[domain]\norigin = "{KEY.name}"\n')
    return load(tmp_path / "coordinator.toml")


def with_key(settings: Settings, text: str) -> Path:
    settings.journal.key.write_text(text)
    return settings.journal.key


async def test_the_key_that_signed_is_read(settings: Settings) -> None:
    with_key(settings, KEY.encode())
    assert await read_own_key(settings) == KEY


async def test_a_lost_key_is_to_be_put_back_as_long_as_anything_is_there_that_it_signed(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match=rf"journal\.key is missing.*published: {BACK}"):
        await read_key(settings)
    (settings.journal.publish_dir / "checkpoint").unlink()
    with pytest.raises(ConfigurationError, match=f"in the store: {BACK}"):
        await read_key(settings)


async def test_where_nothing_was_signed_a_key_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "coordinator.toml").touch()
    with pytest.raises(ConfigurationError, match="is missing: `coordinator init DIR` makes one"):
        await read_key(load(tmp_path / "coordinator.toml"))


async def test_another_key_of_the_same_name_is_refused_before_anything_is_signed(settings: Settings) -> None:
    with_key(settings, SigningKey(KEY.name, b"2" * 32).encode())
    with pytest.raises(SealRefusedError, match=f"published was signed with another key.*{BACK}"):
        await read_own_key(settings)
    (settings.journal.publish_dir / "checkpoint").unlink()
    with pytest.raises(SealRefusedError, match=f"in the store was signed with another key.*{BACK}"):
        await read_own_key(settings)


async def test_a_key_file_that_is_damaged_or_no_file_is_named_and_not_shown(settings: Settings) -> None:
    path = with_key(settings, KEY.encode()[:-8])
    with pytest.raises(ConfigurationError, match=r"journal\.key is no signing key") as damaged:
        await read_key(settings)
    assert KEY.encode()[-20:-8] not in str(damaged.value)
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigurationError, match=r"journal\.key cannot be read \(Is a directory\)"):
        await read_key(settings)
