"""`coordinator audit verify` over the real store, live, and over what the seal published from it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from coordinator.cli.audit import app
from tests.integration.sealing import KEY, Journal, seal_on


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Journal]:
    """A store with 600 entries sealed and 20 that are not yet, open for writing all the while."""
    (tmp_path / "vkey").write_text(KEY.verifier.encode())
    async with Journal(tmp_path / "store.sqlite") as opened:
        opened.append(600)
        await seal_on(opened, tmp_path / "published").flush()
        opened.append(20)
        yield opened


async def _verify(tmp_path: Path, *args: str) -> Result:
    command = ["verify", *args, "--vkey", str(tmp_path / "vkey")]
    return await asyncio.to_thread(CliRunner().invoke, app, command)


@pytest.mark.usefixtures("ledger")
async def test_store_and_folder_tell_the_same(tmp_path: Path) -> None:
    folder = await _verify(tmp_path, str(tmp_path / "published"), "--json")
    store = await _verify(tmp_path, "--store", f"sqlite:///{tmp_path}/store.sqlite", "--json")
    assert (folder.exit_code, store.exit_code) == (0, 0), store.stderr
    assert json.loads(store.stdout) == json.loads(folder.stdout)
    assert json.loads(store.stdout)["size"] == 600


@pytest.mark.parametrize(
    ("damage", "code", "words"),
    [
        ("UPDATE leaves SET leaf = x'00' WHERE position = 300", 1, "entry at position 300:"),
        ("DELETE FROM leaves WHERE position = 300", 1, "entry at position 300: it is not there any more"),
        ("DELETE FROM leaves WHERE position >= 599", 1, "entry at position 599: it is not there any more"),
        ("UPDATE tiles SET hashes = zeroblob(8192) WHERE level = 0 AND n = 1", 1, "tile in tile/0/001"),
        ("UPDATE checkpoints SET note = CAST(replace(CAST(note AS TEXT), '600', '599') AS BLOB)", 1, "checkpoint:"),
        ("DELETE FROM tiles", 2, "missing"),
        ("DELETE FROM checkpoints", 2, "the store holds no checkpoint"),
        ("UPDATE leaves SET leaf = x'00' WHERE position = 610", 0, "600 entries that were signed"),
    ],
)
async def test_what_was_altered_in_the_store_is_named(
    ledger: Journal, tmp_path: Path, damage: str, code: int, words: str
) -> None:
    ledger.damage(damage)
    result = await _verify(tmp_path, "--store", f"sqlite:///{tmp_path}/store.sqlite")
    assert (result.exit_code, result.stdout) == (code, "")
    assert words in result.stderr


@pytest.mark.usefixtures("ledger")
async def test_without_a_store_it_cannot_tell(tmp_path: Path) -> None:
    (tmp_path / "no.sqlite").write_text("this is no database, only a file that is in its place")
    for url in (f"sqlite:///{tmp_path}/nowhere.sqlite", f"sqlite:///{tmp_path}/no.sqlite", "mysql:///x", "sqlite:///"):
        result = await _verify(tmp_path, "--store", url)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.stderr
        assert result.stderr.startswith("Could not tell: ")
