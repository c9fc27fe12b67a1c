"""`coordinator token`: short-lived tokens of the HTTP door, from the installation's own key."""

import asyncio
import difflib
import json
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from coordinator.chores import token_revoked
from coordinator.cli.configuration import PRIVATE, write_new
from coordinator.cli.context import chosen, refusals
from coordinator.cli.participants import read_directory_of
from coordinator.domain import system_clock, system_id
from coordinator.door import tokens_of
from coordinator.http.principals import SENDERS, Principal
from coordinator.http.tokens import LIFETIME, LONGEST, TokenKeys, TokenRefusedError, Tokens, speaks_as
from coordinator.model.access import AccessRole, Revoked
from coordinator.model.base import UUID_PATTERN
from coordinator.model.directory import Agency
from coordinator.model.errors import ConfigurationError
from coordinator.model.plan import Ask
from coordinator.settings import Settings
from coordinator.store import open_store
from coordinator.store.migrate import require_newest

app = typer.Typer(help="Tokens of the HTTP door.", no_args_is_help=True)
_UNITS = {"s": 1, "m": 60, "h": 3_600}
_FOR = re.compile(r"([1-9][0-9]{0,4})([smh])")
_SPEAKER = re.compile(r"([a-z0-9-]{2,32})(?:/([a-z0-9][a-z0-9._-]{0,62}))?")
_US = 1_000_000


@app.command()
def key(context: typer.Context) -> None:
    """Make the key that `token_key` of section http names, if there is none: the next start opens the door with it."""
    with refusals(debug=chosen(context).debug):
        path = chosen(context).settings().http.token_key
        if path.exists():
            msg = f"there is {path} already, and tokens live by it: move it away first, then `coordinator token key`"
            raise ConfigurationError(msg)
        write_new(path, TokenKeys.generate().encode(private=True), PRIVATE)
    typer.echo(f"wrote {path}; `coordinator serve` opens the HTTP door with it", err=True)


@app.command()
def issue(  # noqa: PLR0913  # each is an option of the command
    context: typer.Context,
    *,
    speaker: Annotated[
        str,
        typer.Option("--as", metavar="AGENCY[/SUBJECT]", help="The subject: a system, an account, or a person's id."),
    ],
    roles: Annotated[list[AccessRole], typer.Option("--role", help="May be repeated.")],
    lives: Annotated[str, typer.Option("--for", metavar="TIME", help="Such as 15m or 8h; at most 24h.")] = "1h",
    person: Annotated[
        bool,
        typer.Option("--person", help="The subject is a person's id, who may send as any of the agency's systems."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the token with its id and end.")] = False,
) -> None:
    """Print a token. A subject that is a system may send as that system alone; a person's, as any of the agency's."""
    with refusals(debug=chosen(context).debug):
        settings = chosen(context).settings()
        tokens = tokens_of(settings, read_directory_of(settings))
        principal = _principal(tokens, speaker, roles, person=person)
        now, jti = system_clock(), system_id()
        token = tokens.issue(principal, now, _lifetime(lives), jti)
        claims = _accepted(tokens, token, now)
    if as_json:
        expires = datetime.fromtimestamp(claims, UTC).isoformat()
        said = {"token": token, "jti": jti, "agency": principal.agency, "subject": principal.subject}
        typer.echo(json.dumps({**said, "roles": sorted(principal.roles), "expires": expires}))
    else:
        typer.echo(token)


@app.command()
def revoke(
    context: typer.Context,
    token: Annotated[str, typer.Argument(metavar="JTI|TOKEN", help="The token, or its id (`jti`).")],
) -> None:
    """Revoke a token, and journal it; the service knows within a second. Safe to repeat."""
    with refusals(debug=chosen(context).debug):
        settings = chosen(context).settings()
        revoked = _revocable(settings, token, time.time())
        asyncio.run(_record(settings, revoked))
    typer.echo(f"revoked {revoked.jti}", err=True)


def _principal(tokens: Tokens, speaker: str, roles: Sequence[AccessRole], *, person: bool) -> Principal:
    found = _SPEAKER.fullmatch(speaker)
    agency = tokens.directory.agency(found[1]) if found is not None else None
    if found is None or agency is None:
        known = ", ".join(tokens.directory.ids)
        msg = f"--as takes AGENCY or AGENCY/SUBJECT, and the agencies are {known}: see `coordinator directory check`"
        raise ConfigurationError(msg)
    subject = found[2]
    if subject is not None and not person and not frozenset(roles).isdisjoint(SENDERS):
        _require_known(agency, subject)
    return Principal(agency.id, subject or agency.id, frozenset(roles))


def _require_known(agency: Agency, subject: str) -> None:
    """Refuse what may be a misspelt system: to the door it would be a person, who sends as any of the systems."""
    if speaks_as(agency, subject) != "any":
        return
    systems = sorted({system for each in agency.accounts for system in each.systems})
    close = difflib.get_close_matches(subject, [*systems, *(each.user for each in agency.accounts)], n=1)
    meant = f"did you mean {close[0]}? Its" if close else "its"
    msg = (
        f"{agency.id} has no system or account {subject}: {meant} systems are {', '.join(systems) or '(none)'}; "
        "for a person's id, who may send as any of them, add --person"
    )
    raise ConfigurationError(msg)


def _lifetime(text: str) -> timedelta:
    found = _FOR.fullmatch(text)
    lifetime = timedelta(seconds=int(found[1]) * _UNITS[found[2]]) if found is not None else timedelta()
    if not timedelta() < lifetime <= LONGEST:
        msg = "--for takes a time such as 90s, 15m or 8h, of at most 24h: issue another token later"
        raise ConfigurationError(msg)
    return lifetime


def _accepted(tokens: Tokens, token: str, now: datetime) -> int:
    """When the token ends; raises `ConfigurationError` where the door would refuse it."""
    try:
        return tokens.verify(token, now.timestamp()).exp
    except TokenRefusedError as refused:
        msg = f"the door would refuse this token ({refused.flaw}): see its account in `coordinator directory check`"
        raise ConfigurationError(msg) from refused


def _revocable(settings: Settings, token: str, now: float) -> Revoked:
    """A token and what is known of it; of a bare id, when it can end at the latest."""
    if re.fullmatch(UUID_PATTERN, token):
        return _revoked(token, now, now + LONGEST.total_seconds())
    try:
        claims = tokens_of(settings, read_directory_of(settings)).claims_of(token)
    except TokenRefusedError as refused:
        msg = "that is neither a token of this installation nor its id: `coordinator token issue --json` shows both"
        raise ConfigurationError(msg) from refused
    return replace(_revoked(claims.jti, now, float(claims.exp)), agency=claims.agency, roles=claims.roles)


def _revoked(jti: str, now: float, ends: float) -> Revoked:
    """Remembered a little longer than it counts: the service's clock may differ from ours."""
    return Revoked(jti, int(now * _US), int((ends + LIFETIME.total_seconds()) * _US))


async def _record(settings: Settings, revoked: Revoked) -> None:
    """Revoke and journal it in one transaction, beside a service that runs or not."""
    from coordinator.bootstrap import make_intake  # noqa: PLC0415  # the whole service, for this one command

    require_newest(settings.store.url)
    directory = read_directory_of(settings)
    lead = directory.lead.id if directory.lead is not None else ""
    async with open_store(settings.store.url, lead) as store:
        await make_intake(store, directory, settings.domain.id).chore(Ask(), token_revoked(revoked))
