"""`coordinator topology`: what the broker must hold, whether it does, and making it so."""

import asyncio
import contextlib
import json
import os
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import quote

import typer
from yarl import URL

from coordinator.amqp.apply import Applied, apply_topology
from coordinator.amqp.definitions import SALT_BYTES, definitions, password_hash
from coordinator.amqp.findings import Finding, Severity
from coordinator.amqp.topology import DEFAULT_VHOST, Topology, plan_topology
from coordinator.amqp.verify import verify_topology
from coordinator.cli.directory import DirectoryOption, JsonOption
from coordinator.directory.counties import load_counties
from coordinator.directory.reader import load_directory
from coordinator.model.errors import ConfigurationError, CoordinatorError
from coordinator.settings import AMQP, HTTP, check_address

T = TypeVar("T")

UrlOption = Annotated[
    str,
    typer.Option("--url", envvar="COORDINATOR_AMQP__URL", metavar="AMQP", help="The broker, with the account to use."),
]
VhostOption = Annotated[str | None, typer.Option("--vhost", help="Another vhost than the address names.")]
ManagementOption = Annotated[
    str | None,
    typer.Option(
        "--management-url",
        envvar="COORDINATOR_AMQP__MANAGEMENT_URL",
        metavar="HTTP",
        help="The broker's management API, with an administrator's account.",
    ),
]
CoordinatorOption = Annotated[str, typer.Option("--coordinator-user", help="The coordinator's user at the broker.")]
HashOption = Annotated[
    str | None, typer.Option("--coordinator-password-hash", metavar="HASH", help="Of the coordinator's password.")
]

DEFAULT_DIRECTORY = Path("directory.toml")
DEFAULT_USER = "coordinator"

app = typer.Typer(help="The broker's exchanges, queues, users and limits.", no_args_is_help=True)


@app.command()
def show(
    *,
    directory: DirectoryOption = DEFAULT_DIRECTORY,
    vhost: VhostOption = None,
    coordinator_user: CoordinatorOption = DEFAULT_USER,
    as_json: JsonOption = False,
) -> None:
    """Show what the broker must hold, without asking it."""
    with _refusals():
        topology = _plan(directory, vhost or DEFAULT_VHOST, coordinator_user)
        if as_json:
            typer.echo(json.dumps(_fields(topology)))
        else:
            typer.echo("\n".join(_lines(topology)))


@app.command()
def check(  # noqa: PLR0913 - every option of a command is a parameter
    *,
    url: UrlOption,
    directory: DirectoryOption = DEFAULT_DIRECTORY,
    vhost: VhostOption = None,
    management_url: ManagementOption = None,
    coordinator_user: CoordinatorOption = DEFAULT_USER,
    as_json: JsonOption = False,
) -> None:
    """Compare a live broker with the directory, changing nothing, and name the command that mends each fault.

    Exit 0: no error, though there may be warnings, and things that could not be seen. 1: errors. 2: could not ask.
    """
    with _refusals():
        address, chosen = _address(url, vhost)
        topology = _plan(directory, chosen, coordinator_user)
        findings = _run(verify_topology(address, topology, management_url=_above(management_url), must_see=True))
    _print_findings(findings, as_json=as_json)
    typer.echo(_verdict(findings), err=True)
    raise typer.Exit(1 if any(finding.severity is Severity.ERROR for finding in findings) else 0)


@app.command()
def apply(  # noqa: PLR0913 - every option of a command is a parameter
    *,
    url: UrlOption,
    directory: DirectoryOption = DEFAULT_DIRECTORY,
    vhost: VhostOption = None,
    management_url: ManagementOption = None,
    coordinator_user: CoordinatorOption = DEFAULT_USER,
    coordinator_password_hash: HashOption = None,
    recreate: Annotated[
        bool,
        typer.Option("--recreate", help="Delete and make anew what has other arguments: empty, unread queues only."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the broker as the directory says, with an administrator's account; print the commands for what is left.

    Exit 0: done, or the rest is printed as commands. 1: something could not be mended. 2: could not ask.
    """
    with _refusals():
        address, chosen = _address(url, vhost)
        topology = _plan(directory, chosen, coordinator_user)
        applied = _run(
            apply_topology(
                address,
                topology,
                management_url=_above(management_url),
                coordinator_password_hash=coordinator_password_hash,
                recreate=recreate,
            )
        )
    _print_applied(applied, as_json=as_json)
    raise typer.Exit(1 if applied.left else 0)


@app.command("definitions")
def print_definitions(
    *,
    directory: DirectoryOption = DEFAULT_DIRECTORY,
    vhost: VhostOption = None,
    coordinator_user: CoordinatorOption = DEFAULT_USER,
    coordinator_password_hash: HashOption = None,
    url: Annotated[
        str | None,
        typer.Option("--url", envvar="COORDINATOR_AMQP__URL", metavar="AMQP", help="The coordinator's address."),
    ] = None,
) -> None:
    """Print RabbitMQ's import file; it has password hashes and no password.

    The coordinator's password is hashed from its address unless its hash is given.
    """
    with _refusals():
        _, chosen = _address(url, vhost) if url else ("", vhost or DEFAULT_VHOST)
        topology = _plan(directory, chosen, coordinator_user)
        hashed = coordinator_password_hash or _hash_from(url, coordinator_user)
        typer.echo(json.dumps(definitions(topology, coordinator_password_hash=hashed), indent=2))


def _plan(directory: Path, vhost: str, coordinator_user: str) -> Topology:
    read = load_directory(directory, counties=load_counties().names)
    topology = plan_topology(read, vhost=vhost, coordinator_user=coordinator_user)
    elsewhere = [agency for agency in read.agencies.values() if agency.vhost not in (None, vhost)]
    for agency in elsewhere:
        typer.echo(f"{agency.id} has a vhost of its own: run this again with --vhost {agency.vhost}", err=True)
    return topology


def _address(url: str, vhost: str | None) -> tuple[str, str]:
    """Return the address and its vhost, with another vhost put in when one is given."""
    address = URL(_checked(url, AMQP, "--url"))
    if vhost is None:
        return url, address.path.removeprefix("/") or "/"
    return str(address.with_path(f"/{quote(vhost, safe='')}", encoded=True, keep_query=True)), vhost


def _checked(url: str, schemes: Iterable[str], option: str) -> str:
    try:
        return check_address(url, schemes)
    except ValueError as error:
        msg = f"{option}: {error}"
        raise ConfigurationError(msg) from None


def _above(url: str | None) -> str | None:
    return None if url is None else _checked(url, HTTP, "--management-url")


def _hash_from(url: str | None, coordinator_user: str) -> str:
    address = None if url is None else URL(url)
    if address is None or address.user != coordinator_user or not address.password:
        msg = (
            f"the password of {coordinator_user} at the broker is needed, to make its hash: export "
            f"COORDINATOR_AMQP__URL='amqp://{coordinator_user}:PASSWORD@HOST:5672/VHOST' (or give it as --url), "
            "or give --coordinator-password-hash (`coordinator directory password-hash` makes one)"
        )
        raise ConfigurationError(msg)
    return password_hash(address.password, os.urandom(SALT_BYTES))


def _run(work: Coroutine[None, None, T]) -> T:
    return asyncio.run(work)


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except CoordinatorError as refusal:
        typer.echo(f"coordinator: {refusal}", err=True)
        raise typer.Exit(2) from refusal


def _print_applied(applied: Applied, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(applied)))
        return
    for line in applied.done:
        typer.echo(line, err=True)
    if not applied.done and not applied.left:
        typer.echo("nothing to make: every exchange, queue and binding is there", err=True)
    for finding in applied.left:
        typer.echo(f"{finding.what}\n  mend: {finding.mend}", err=True)
    if applied.commands:
        typer.echo("Users, permissions and policies need these commands where the broker runs:", err=True)
        typer.echo("\n".join(applied.commands))


def _print_findings(findings: Iterable[Finding], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings]))
        return
    for finding in findings:
        typer.echo(f"{finding.severity}: {finding.what}\n  mend: {finding.mend}")


def _verdict(findings: tuple[Finding, ...]) -> str:
    if not findings:
        return "the broker is as the directory says"
    numbers = {severity: sum(one.severity is severity for one in findings) for severity in Severity}
    return ", ".join(f"{number} {severity.value}" for severity, number in numbers.items() if number)


def _fields(topology: Topology) -> dict[str, object]:
    return {
        "vhost": topology.vhost,
        "exchanges": [exchange.name for exchange in topology.exchanges],
        "queues": {queue.name: dict(queue.arguments) for queue in topology.queues},
        "bindings": [asdict(binding) for binding in topology.bindings],
        "permissions": [asdict(permission) for permission in topology.permissions],
        "policies": [
            {"name": one.name, "pattern": one.pattern, "priority": one.priority, "definition": dict(one.definition)}
            for one in topology.policies
        ],
        "shut_out": list(topology.shut_out),
    }


def _lines(topology: Topology) -> Iterator[str]:
    yield f"vhost {topology.vhost}"
    for binding in topology.bindings:
        yield f"exchange {binding.exchange} (fanout) -> queue {binding.queue}"
    for queue in topology.queues:
        yield f"queue {queue.name}: {_pairs(queue.arguments.items())}"
    for policy in topology.policies:
        yield f"policy {policy.name} on {policy.pattern}: {_pairs(policy.definition.items())}"
    for one in topology.permissions:
        yield f"user {one.user}: configure {one.configure}  write {one.write}  read {one.read}"
    for user in topology.shut_out:
        yield f"no user {user}: the directory disables it"


def _pairs(items: Iterable[tuple[str, str | int]]) -> str:
    return ", ".join(f"{key} {value}" for key, value in items)
