"""The configuration: one TOML file, then the environment, then a secrets directory; unknown keys are refused."""

import tomllib
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    NestedSecretsSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from coordinator.model.errors import ConfigurationError

DEFAULT_FILE = Path("coordinator.toml")
ENV_PREFIX = "COORDINATOR_"
NESTED = "__"
"""Between section and key, in names of environment variables and of files in a secrets directory (`amqp__url`)."""


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

    url: SecretStr = SecretStr("amqp://coordinator@127.0.0.1:5672/coordination")
    """With the coordinator's own account. The password belongs into the environment or a secrets directory."""
    accounts: dict[str, SecretStr] = Field(default_factory=dict)
    """Passwords of agencies' accounts, for the commands that speak as an agency (`send`); none are needed to serve."""
    management_url: SecretStr | None = None
    """The management address, to verify policies: without it they are reported as not verified."""
    heartbeat_s: Annotated[int, Field(ge=1, le=600)] = 15


class StoreSettings(_Section):
    """`[store]`: the database."""

    url: str = "sqlite:///coordinator.db"


class HttpSettings(_Section):
    """`[http]`: health now; the HTTP door later."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080


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

    try:
        made = Chosen(_secrets_dir=secrets)
    except ValidationError as error:
        mistakes = "; ".join(f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors())
        msg = f"the configuration {chosen} is wrong: {mistakes}. See `coordinator config show`"
        raise ConfigurationError(msg) from None
    except (tomllib.TOMLDecodeError, SettingsError, OSError, UnicodeDecodeError) as error:
        msg = f"the configuration {chosen} cannot be read: {error}"
        raise ConfigurationError(msg) from error
    return _anchored(made, chosen.parent)


def _anchored(made: Settings, folder: Path) -> Settings:
    """Make paths independent of where the command is started."""
    store = made.store
    prefix = "sqlite:///"
    if store.url.startswith(prefix):
        path = store.url.removeprefix(prefix)
        store = store.model_copy(update={"url": f"{prefix}{(folder / path).resolve()}"})
    journal = made.journal.model_copy(
        update={
            "key": (folder / made.journal.key).resolve(),
            "publish_dir": (folder / made.journal.publish_dir).resolve(),
        }
    )
    directory = made.directory.model_copy(update={"path": (folder / made.directory.path).resolve()})
    return made.model_copy(update={"store": store, "journal": journal, "directory": directory})
