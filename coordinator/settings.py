"""The configuration: one TOML file, then the environment, then a secrets directory; unknown keys are refused."""

import difflib
import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)
from yarl import URL

from coordinator.model.errors import ConfigurationError

DEFAULT_FILE = Path("coordinator.toml")
ENV_PREFIX = "COORDINATOR_"
NESTED = "__"
"""Between section and key, in names of environment variables and of files in a secrets directory (`amqp__url`)."""

OPTIONS = frozenset({f"{ENV_PREFIX}CONFIG", f"{ENV_PREFIX}SECRETS"})
"""Variables that stand for an option of the command line."""
AMQP = ("amqp", "amqps")
HTTP = ("http", "https")
_ENCODE = "percent-encode @ / : # ? % [ ] in its user and password (%40 %2F %3A %23 %3F %25 %5B %5D)"
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SQLITE = "sqlite:///"


def check_address(text: str, schemes: Iterable[str]) -> str:
    """Return an address as it is; raises `ValueError` with what is wrong, and never with a part of the address."""
    wrong = _wrong_with(text, schemes)
    if wrong is not None:
        raise ValueError(wrong)
    return text


def _wrong_with(text: str, schemes: Iterable[str]) -> str | None:
    begun = next((f"{scheme}://" for scheme in schemes if text.lower().startswith(f"{scheme}://")), None)
    if begun is None:
        return f"must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    if text.split() != [text]:
        return "must not have spaces or line breaks"
    try:
        parts = urlsplit(text)
        astray = parts.port == 0 or text.count("@") != parts.netloc.count("@") or parts.netloc.count("@") > 1
        read = URL(text)
    except ValueError:
        return f"cannot be read as {begun}USER:PASSWORD@HOST:PORT/…: mend host and port, or {_ENCODE}"
    if astray or _BAD_PERCENT.search(text):
        return _ENCODE
    return None if read.host else f"names no host: {begun}USER:PASSWORD@HOST:PORT/…"


def _amqp_address(url: SecretStr) -> SecretStr:
    check_address(url.get_secret_value(), AMQP)
    return url


def _http_address(url: SecretStr) -> SecretStr:
    check_address(url.get_secret_value(), HTTP)
    return url


def _store_address(url: str) -> str:
    if not url.startswith(_SQLITE) or url.removeprefix(_SQLITE) in {"", ":memory:"}:
        msg = "must be sqlite:///FILE, such as sqlite:///coordinator.db (four slashes where the path is absolute)"
        raise ValueError(msg)
    return url


class _Section(BaseModel):
    """A section of the file; what it does not know it refuses."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class DomainSettings(_Section):
    """`[domain]`: which coordination domain this is."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")] = "missouri"
    name: str = "Missouri"
    origin: Annotated[str, Field(pattern=r"^[!-*,-~]{1,128}$")] = "coordination.example/missouri"
    """The journal's name for ever: the first line of every checkpoint, and the key's name."""


class DirectorySettings(_Section):
    """`[directory]`: who takes part."""

    path: Path = Path("directory.toml")


class AmqpSettings(_Section):
    """`[amqp]`: the broker."""

    url: Annotated[SecretStr, AfterValidator(_amqp_address)] = SecretStr(
        "amqp://coordinator@127.0.0.1:5672/coordination"
    )
    """With the coordinator's own account. The password belongs into the environment or a secrets directory."""
    accounts: dict[str, SecretStr] = Field(default_factory=dict)
    """Passwords of agencies' accounts, for the commands that speak as an agency (`send`); none are needed to serve."""
    management_url: Annotated[SecretStr, AfterValidator(_http_address)] | None = None
    """The management address, to verify policies: without it they are reported as not verified."""
    heartbeat_s: Annotated[int, Field(ge=1, le=600)] = 15


class StoreSettings(_Section):
    """`[store]`: the database."""

    url: Annotated[str, AfterValidator(_store_address)] = "sqlite:///coordinator.db"


class HttpSettings(_Section):
    """`[http]`: the HTTP door, and the health pages beside it."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    token_key: Path = Path("token.key")
    """The key of the tokens that callers show; without its file there is no door, and only health is served."""
    tls_cert: Path | None = None
    """Certificate chain, PEM."""
    tls_key: Path | None = None
    behind_proxy: bool = False
    """Whether TLS ends at a proxy in front; else the door is open to other machines with a certificate only."""
    rate_per_s: Annotated[float, Field(gt=0, le=100_000)] = 50.0
    """Messages a second of one caller, beside operations and alerts, which no rate refuses."""
    rate_burst: Annotated[int, Field(ge=1, le=100_000)] = 200
    streams_per_caller: Annotated[int, Field(ge=1, le=10_000)] = 8
    """Event streams and waiting requests of one caller at once."""
    metrics_host: str = "127.0.0.1"
    """Of its own, so that a door that is open to others does not open the metrics too: they ask for no proof."""
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = None
    """Where Prometheus asks; none is open without it."""


class JournalSettings(_Section):
    """`[journal]`: who signs, how often, and where it is published."""

    key: Path = Path("journal.key")
    checkpoint_interval_s: Annotated[float, Field(gt=0, le=60)] = 1.0
    publish_dir: Path = Path("journal")


class LogSettings(_Section):
    """`[log]`: JSON lines for machines, or lines for people."""

    format: Literal["json", "console"] = "json"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(BaseSettings):
    """Every setting. Built once, by the commands; parts get plain arguments."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter=NESTED,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )
    file: ClassVar[Path] = DEFAULT_FILE

    domain: DomainSettings = DomainSettings()
    directory: DirectorySettings = DirectorySettings()
    amqp: AmqpSettings = AmqpSettings()
    store: StoreSettings = StoreSettings()
    http: HttpSettings = HttpSettings()
    journal: JournalSettings = JournalSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Secrets over the environment over the file."""
        del init_settings, dotenv_settings
        secrets = NestedSecretsSettingsSource(
            file_secret_settings,
            secrets_dir_missing="error",
            secrets_prefix="",
            secrets_nested_delimiter=NESTED,
        )
        return secrets, env_settings, TomlConfigSettingsSource(settings_cls, cls.file)


def load(file: Path | None = None, secrets: Path | None = None) -> Settings:
    """Read the configuration; relative paths in it are relative to the file.

    Raises `ConfigurationError` with every mistake, each with the key at fault.
    """
    chosen = file or DEFAULT_FILE
    if file is not None and not file.is_file():
        msg = f"there is no configuration file {file}: `coordinator init DIR` makes a ready one"
        raise ConfigurationError(msg)

    class Chosen(Settings):
        file: ClassVar[Path] = chosen

    sources = Sources(chosen, secrets)
    strange = list(_unknown_variables(os.environ))
    try:
        made = Chosen(_secrets_dir=secrets)
    except ValidationError as error:
        strange += [_mistake(each["loc"], each["type"], each["msg"], sources) for each in error.errors()]
    except SettingsError as error:
        raise ConfigurationError(_unread(str(error), chosen)) from error
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        msg = f"the configuration {chosen} cannot be read: {error}"
        raise ConfigurationError(msg) from error
    else:
        if not strange:
            return _anchored(made, chosen.parent)
    msg = f"the configuration is wrong: {'; '.join(strange)}"
    raise ConfigurationError(msg)


@dataclass(frozen=True)
class Sources:
    """Where settings come from, each counting more than the ones after it: secrets, environment, file, defaults."""

    file: Path
    secrets: Path | None

    def of(self, section: str, key: str) -> str:
        """Where a setting comes from, in words."""
        name = f"{section}{NESTED}{key}".upper()
        if _named(name, self._secret_names):
            return f"secret in {self.secrets}"
        if _named(f"{ENV_PREFIX}{name}", os.environ):
            return f"environment {ENV_PREFIX}{name}"
        return str(self.file) if (section, key) in self._written else "default"

    def of_section(self, section: str) -> str:
        """Where a whole section comes from, in words."""
        begun = f"{section}{NESTED}".upper()
        if any(name.upper().startswith(begun) for name in self._secret_names):
            return f"secret in {self.secrets}"
        return str(self.file)

    @cached_property
    def _secret_names(self) -> tuple[str, ...]:
        there = self.secrets is not None and self.secrets.is_dir()
        return tuple(file.name for file in self.secrets.iterdir()) if self.secrets is not None and there else ()

    @cached_property
    def _written(self) -> set[tuple[str, str]]:
        if not self.file.is_file():
            return set()
        content = tomllib.loads(self.file.read_text(encoding="utf-8"))
        return {(section, key) for section, keys in content.items() if isinstance(keys, dict) for key in keys}


def _named(name: str, names: Iterable[str]) -> bool:
    """Whether a setting, or a part of it such as one account's password, is among the names."""
    return any(each.upper() == name or each.upper().startswith(f"{name}{NESTED}") for each in names)


def _mistake(where: tuple[int | str, ...], kind: str, words: str, sources: Sources) -> str:
    """What is wrong with a setting, where it comes from, and what was perhaps meant; never its value."""
    section, *rest = (str(part) for part in where)
    source = sources.of(section, rest[0]) if rest else sources.of_section(section)
    if kind == "extra_forbidden":
        model = Settings.model_fields[section].annotation if rest else Settings
        known = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}
        close = difflib.get_close_matches(rest[0] if rest else section, known, n=1)
        words = "there is no such setting" + (f", did you mean {close[0]}?" if close else "")
    return f"{'.'.join((section, *rest))} ({source}): {words.removeprefix('Value error, ')}"


def _unknown_variables(names: Iterable[str]) -> Iterator[str]:
    """Name the variables that look like settings and are none: they would have no effect, and nobody would know."""
    known = {
        f"{section}_{key}".upper(): f"{ENV_PREFIX}{section}{NESTED}{key}".upper()
        for section, field in Settings.model_fields.items()
        for key in type(field.default).model_fields
    }
    for name in sorted(names):
        rest = name.upper().removeprefix(ENV_PREFIX)
        section, nested, _ = rest.partition(NESTED)
        if not name.upper().startswith(ENV_PREFIX) or name in OPTIONS or section.lower() in Settings.model_fields:
            continue
        close = difflib.get_close_matches(rest.replace(NESTED, "_"), known, n=1, cutoff=0.8)
        if close:
            yield f"{name} (environment): there is no such setting, did you mean {known[close[0]]}?"
        elif nested:  # others, such as those that a cluster sets for a service of that name, are not ours
            yield f"{name} (environment): there is no such setting"


def _unread(words: str, file: Path) -> str:
    """What cannot even be parsed: a part of the environment or a secret that is not JSON where it must be."""
    found = re.search(r'field "(\w+)" from source "(\w+)"', words)
    if found is None:
        return f"the configuration {file} cannot be read: {words}"
    where = "a secret" if "Secret" in found[2] else "the environment"
    name = f"{ENV_PREFIX}{found[1]}{NESTED}".upper()
    return (
        f"the configuration is wrong: [{found[1]}] from {where} cannot be read: what is a table must be JSON, such as "
        f'{name}ACCOUNTS=\'{{"USER": "PASSWORD"}}\''
    )


def _anchored(made: Settings, folder: Path) -> Settings:
    """Make paths independent of where the command is started."""
    store = made.store
    path = (folder / store.url.removeprefix(_SQLITE)).resolve()
    store = store.model_copy(update={"url": f"{_SQLITE}{path}"})
    journal = made.journal.model_copy(
        update={
            "key": (folder / made.journal.key).resolve(),
            "publish_dir": (folder / made.journal.publish_dir).resolve(),
        }
    )
    directory = made.directory.model_copy(update={"path": (folder / made.directory.path).resolve()})
    given = {key: getattr(made.http, key) for key in ("token_key", "tls_cert", "tls_key")}
    files = {key: (folder / path).resolve() for key, path in given.items() if path is not None}
    http = made.http.model_copy(update=files)
    return made.model_copy(update={"store": store, "journal": journal, "directory": directory, "http": http})
