"""`coordinator init` and `config`: a ready installation, and what its settings come to."""

import asyncio
import json
import os
import secrets as randomness
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from coordinator.cli.context import chosen, counted, refusals
from coordinator.journal.note import SigningKey
from coordinator.model.errors import ConfigurationError
from coordinator.settings import DEFAULT_FILE, Settings, Sources

SEED_BYTES = 32
PRIVATE = 0o600
OWN_FOLDER = 0o700

app = typer.Typer(help="The configuration.", no_args_is_help=True)

CONFIGURATION = """\
# The coordinator's configuration. Environment variables COORDINATOR_<SECTION>__<KEY> and files of a secrets directory
# (--secrets DIR, one file a setting, named <section>__<key>) count more than this file.

[domain]
id = "missouri"
name = "Missouri"
origin = "{origin}"      # the journal's name for ever; it is the first line of every checkpoint

[directory]
path = "directory.toml"

[amqp]
url = "amqp://coordinator@127.0.0.1:5672/coordination"      # the password: COORDINATOR_AMQP__URL, or a secret
# management_url = "http://127.0.0.1:15672"                 # to verify policies

[store]
url = "sqlite:///coordinator.db"

[http]
host = "127.0.0.1"                 # open to other machines: set tls_cert and tls_key, or behind_proxy = true
port = 8080
token_key = "token.key"            # signs callers' tokens; keep it private

[journal]
key = "journal.key"                # keep it private, and keep a copy: without it the journal cannot go on
checkpoint_interval_s = 1.0
publish_dir = "journal"            # verify with `coordinator audit verify journal --vkey journal.vkey`

[log]
format = "json"                    # or console
level = "info"
"""


def init(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Made when it is missing; nothing is overwritten.")],
    *,
    origin: Annotated[str, typer.Option(help="The journal's name.")] = "coordination.example/missouri",
) -> None:
    """Make a ready configuration, an example directory of agencies, and keys. Overwrites nothing."""
    with refusals(debug=chosen(context).debug):
        files = _files(origin)
        _make_folder(folder, files)
        for name, (content, mode) in files.items():
            write_new(folder / name, content, mode)
            typer.echo(f"wrote {folder / name}", err=True)
    here = f"coordinator --config {folder / DEFAULT_FILE}"
    typer.echo(
        f"Next:\n"
        f"  1. put your agencies into {folder / 'directory.toml'}, and choose a password for each account: nobody\n"
        f"     knows those of the example. For its password_hash: coordinator directory password-hash\n"
        f"  2. coordinator directory check --directory {folder / 'directory.toml'}\n"
        f"  3. choose the coordinator's own password, and tell the commands below, by COORDINATOR_AMQP__URL=\n"
        f"     'amqp://coordinator:PASSWORD@127.0.0.1:5672/coordination' in the environment, or by --secrets DIR with\n"
        f"     that address in its file amqp__url\n"
        f"  4. {here} topology definitions     (import the file into RabbitMQ)\n"
        f"  5. {here} migrate\n"
        f"  6. {here} doctor\n"
        f"  7. {here} serve",
        err=True,
    )


def _make_folder(folder: Path, names: Iterable[str]) -> None:
    """Make the folder, for its owner alone; raises `ConfigurationError` when it cannot be used."""
    try:
        there = [name for name in names if (folder / name).exists()]
        if there:
            msg = f"{folder} has {', '.join(there)} already; nothing was written. Choose another folder"
            raise ConfigurationError(msg)
        if not folder.is_dir():
            folder.mkdir(parents=True, mode=OWN_FOLDER)
    except OSError as error:
        why = "it is no folder" if isinstance(error, FileExistsError | NotADirectoryError) else error.strerror
        msg = f"cannot make {folder} ({why}); nothing was written. Choose another folder"
        raise ConfigurationError(msg) from error


def _files(origin: str) -> Mapping[str, tuple[str, int]]:
    from coordinator.http.tokens import TokenKeys  # noqa: PLC0415  # the web, for this one command

    key = SigningKey(origin, randomness.token_bytes(SEED_BYTES))
    example = resources.files("coordinator.directory").joinpath("example.toml").read_text(encoding="utf-8")
    public = 0o644
    return {
        DEFAULT_FILE.name: (CONFIGURATION.format(origin=origin), public),
        "directory.toml": (example, public),
        "journal.key": (f"{key.encode()}\n", PRIVATE),
        "journal.vkey": (f"{key.verifier.encode()}\n", public),
        "token.key": (TokenKeys.generate().encode(private=True), PRIVATE),
    }


def write_new(path: Path, content: str, mode: int) -> None:
    """Write a file that is not there yet; raises `ConfigurationError`, also where it is."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        msg = f"cannot write {path}: {error.strerror}"
        raise ConfigurationError(msg) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)


@app.command()
def show(context: typer.Context, *, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Print every setting with where it comes from; secrets are not shown."""
    with refusals(debug=chosen(context).debug):
        options = chosen(context)
        rows = list(_rows(options.settings(), options.file or DEFAULT_FILE, options.secrets))
    if as_json:
        typer.echo(json.dumps([{"key": key, "value": value, "from": source} for key, value, source in rows]))
        return
    for key, value, source in rows:
        typer.echo(f"{key} = {value}    # {source}")


@app.command()
def check(context: typer.Context) -> None:
    """Read the configuration, the directory and the journal's key. Exit 0: they are good; 2: what is wrong."""
    from coordinator.cli.keys import read_own_key  # noqa: PLC0415  # the store, for this one command
    from coordinator.cli.participants import read_directory_of  # noqa: PLC0415  # geometry, for this one command

    with refusals(debug=chosen(context).debug):
        settings = chosen(context).settings()
        directory = read_directory_of(settings)
        asyncio.run(read_own_key(settings))
    typer.echo(f"the configuration is good; {counted(len(directory.agencies), 'agency', 'agencies')}", err=True)


def _rows(settings: Settings, file: Path, secrets: Path | None) -> Iterator[tuple[str, str, str]]:
    sources = Sources(file, secrets)
    for section in type(settings).model_fields:
        for key in type(getattr(settings, section)).model_fields:
            value = getattr(getattr(settings, section), key)
            yield f"{section}.{key}", _shown(value), sources.of(section, key)


def _shown(value: object) -> str:
    match value:
        case SecretStr():
            return "(secret)" if value.get_secret_value() else "(empty)"
        case dict():
            return f"({counted(len(value), 'secret')})" if value else "(none)"
        case _:
            return str(value)
