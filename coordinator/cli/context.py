"""What every command shares: the configuration as chosen, and how a person is told that something cannot be done."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import typer
from yarl import URL

from coordinator.amqp.topology import DEFAULT_VHOST
from coordinator.cli import UNDONE
from coordinator.model.errors import ConfigurationError, CoordinatorError
from coordinator.settings import DEFAULT_FILE, Settings, load


@dataclass(slots=True)
class Chosen:
    """The options that stand before any command."""

    file: Path | None
    secrets: Path | None
    debug: bool = False

    def settings(self) -> Settings:
        """Read the configuration; raises `ConfigurationError` with every mistake, and where there is none."""
        if not has_file(self.file):
            msg = (
                f"there is no {DEFAULT_FILE} here: cd to your folder, or name it with --config FILE "
                "(`coordinator init DIR` makes one)"
            )
            raise ConfigurationError(msg)
        return load(self.file, self.secrets)


def chosen(context: typer.Context) -> Chosen:
    """The options that stand before any command."""
    found = context.find_object(Chosen)
    return found if found is not None else Chosen(None, None)


def address_as(settings: Settings, user: str) -> str:
    """The broker's address with an agency's account, whose password is in `[amqp] accounts` (better: a secret)."""
    secret = settings.amqp.accounts.get(user)
    if secret is None:
        msg = f'no password for {user}: set COORDINATOR_AMQP__ACCOUNTS=\'{{"{user}": "…"}}\' or a secrets directory'
        raise ConfigurationError(msg)
    url = URL(settings.amqp.url.get_secret_value())
    return str(url.with_user(quote(user, safe="")).with_password(secret.get_secret_value()))


def vhost_of(settings: Settings) -> str:
    """The vhost that the broker's address names."""
    return URL(settings.amqp.url.get_secret_value()).path.removeprefix("/") or DEFAULT_VHOST


def defaults(settings: Settings) -> dict[str, object]:
    """What the options of the commands are when they are not given: by command and option, from the configuration."""
    directory = {"directory": str(settings.directory.path)}
    url = settings.amqp.url.get_secret_value()
    management = settings.amqp.management_url
    broker = {
        **directory,
        "url": url,
        "management_url": management.get_secret_value() if management is not None else None,
        "coordinator_user": URL(url).user or "coordinator",
    }
    return {
        "directory": {"check": directory},
        "topology": {
            "show": {**directory, "vhost": vhost_of(settings)},
            "check": broker,
            # `apply` wants an administrator's address, never the coordinator's own.
            "apply": {key: value for key, value in broker.items() if key != "url"},
            "definitions": broker,
        },
    }


def counted(number: int, one: str, many: str = "") -> str:
    """A number of things, in words."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def has_file(file: Path | None) -> bool:
    """Whether there is a configuration to read at all."""
    return file is not None or DEFAULT_FILE.is_file()


@contextlib.contextmanager
def refusals(*, debug: bool = False) -> Iterator[None]:
    """Tell a person in one line why something could not be done; a traceback only when asked for."""
    try:
        yield
    except CoordinatorError as refusal:
        if debug:
            raise
        typer.echo(f"coordinator: {refusal}", err=True)
        raise typer.Exit(UNDONE) from refusal
