"""Sets the demo up in a folder that goes afterwards: broker, store, journal, keys, the coordinator's configuration."""

import json
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from coordinator import settings as sections
from coordinator.amqp.keeper import Keeper
from coordinator.demo.broker import Broker, given_broker, private_broker
from coordinator.demo.parties import Parties, make_parties
from coordinator.demo.scenario import Scenario
from coordinator.directory.writer import render_directory
from coordinator.http.tokens import TokenKeys
from coordinator.journal.note import SigningKey
from coordinator.model.counties import Counties
from coordinator.model.errors import ConfigurationError
from coordinator.settings import Settings
from coordinator.store.migrate import migrate

ORIGIN: Final = "coordination.example/demo"
"""The name of the demo's journal."""
_JOURNAL: Final = frozenset({"checkpoint", "tile", "vkey"})
_PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that the play needs."""

    folder: Path
    journal: Path
    """Where the journal is published, with its verifier key."""
    broker: Broker
    parties: Parties
    settings: Settings
    key: SigningKey

    @property
    def config(self) -> Path:
        """The configuration file, for commands."""
        return self.folder / "coordinator.toml"

    @property
    def log(self) -> Path:
        """What the service logged."""
        return self.folder / "coordinator.log"

    @property
    def vkey(self) -> Path:
        """The journal's verifier key."""
        return self.journal / "vkey"


@asynccontextmanager
async def set_up(scenario: Scenario, counties: Counties, url: str | None, out: Path | None) -> AsyncIterator[Stage]:
    """Set everything up, on a private node unless the address of a broker is given; take it away at the end.

    Only `out` stays, where the journal is published. Raises `ConfigurationError` with what is in the way.
    """
    if out is not None:
        clear_journal(out)
    parties = make_parties(scenario, counties, own_accounts=url is None)
    folder = _new_folder()
    journal = folder / "journal" if out is None else out
    async with AsyncExitStack() as stack:
        keeper = Keeper(folder)  # however we end, the folder goes
        await keeper.open()
        stack.push_async_callback(keeper.close)
        making = private_broker(parties) if url is None else given_broker(url, parties)
        broker = await stack.enter_async_context(making)
        key = SigningKey(ORIGIN, secrets.token_bytes(32))
        stage = Stage(folder, journal, broker, parties, _settings(folder, journal, broker), key)
        _write_files(stage)
        migrate(stage.settings.store.url)
        yield stage


def clear_journal(out: Path) -> None:
    """Make room in a folder that is empty, or holds the journal of an earlier demo and nothing else.

    Raises `ConfigurationError` for any other: a journal is never overwritten.
    """
    if not out.exists():
        return
    if not out.is_dir():
        msg = f"{out} is no folder: choose another --out"
        raise ConfigurationError(msg)
    found = {path.name for path in out.iterdir()}
    if found and not (found <= _JOURNAL and _is_of_a_demo(out / "vkey")):
        msg = f"{out} is not empty, and holds more than the journal of an earlier demo: choose another --out"
        raise ConfigurationError(msg)
    for name in sorted(found):
        path = out / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _new_folder() -> Path:
    return Path(tempfile.gettempdir()).resolve() / f"coordinator-demo-{secrets.token_hex(8)}"


def _is_of_a_demo(vkey: Path) -> bool:
    return vkey.is_file() and vkey.read_bytes().startswith(f"{ORIGIN}+".encode())


def _settings(folder: Path, journal: Path, broker: Broker) -> Settings:
    """Settings as they are, from no file and no environment: those of the machine are none of the demo's."""
    return Settings.model_construct(
        domain=sections.DomainSettings(id="missouri", name="Missouri", origin=ORIGIN),
        directory=sections.DirectorySettings(path=folder / "directory.toml"),
        amqp=sections.AmqpSettings(url=SecretStr(broker.coordinator_url)),
        store=sections.StoreSettings(url=f"sqlite:///{folder / 'coordinator.db'}"),
        http=sections.HttpSettings(port=0, token_key=folder / "token.key"),
        journal=sections.JournalSettings(key=folder / "journal.key", publish_dir=journal),
        log=sections.LogSettings(),
    )


def _write_files(stage: Stage) -> None:
    made = stage.settings
    directory = render_directory(stage.parties.directory)
    made.directory.path.write_text(directory, encoding="utf-8")
    _write(made.journal.key, f"{stage.key.encode()}\n")
    _write(made.http.token_key, TokenKeys.generate().encode(private=True))
    stage.journal.mkdir(parents=True, exist_ok=True)
    stage.vkey.write_text(f"{stage.key.verifier.encode()}\n", encoding="utf-8")
    values = {
        "domain": {"id": made.domain.id, "name": made.domain.name, "origin": ORIGIN},
        "directory": {"path": str(made.directory.path)},
        "amqp": {"url": stage.broker.coordinator_url},
        "amqp.accounts": {agency: stage.parties.passwords[agency] for agency in stage.broker.account_urls},
        "store": {"url": made.store.url},
        "http": {"token_key": str(made.http.token_key)},
        "journal": {"key": str(made.journal.key), "publish_dir": str(stage.journal)},
    }
    lines = [
        line
        for section, entries in values.items()
        for line in (f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in entries.items()))
    ]
    _write(stage.config, "\n".join([*lines, ""]))


def _write(path: Path, text: str) -> None:
    path.touch(mode=_PRIVATE)
    path.write_text(text, encoding="utf-8")
