"""Writes the directory file: the inverse of the reader, and the commented example that a new domain begins with."""

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources

from coordinator.directory.crosscheck import tables
from coordinator.model.directory import Account, Agency, Desk, Directory, ProximityRule


def render_directory(directory: Directory) -> str:
    """Return the file that reads as this directory."""
    limits = directory.limits
    return "\n".join(
        [
            "[limits]",
            f"area_km2 = {limits.area_km2!r}",
            f"window_days = {limits.window_days}",
            f"vertices = {limits.vertices}",
            "",
            "[extent]",
            f"margin_km = {directory.extent_margin_km!r}",
            *(line for rule in directory.rules for line in _rule(rule)),
            *(line for agency in directory.agencies.values() for line in _agency(agency)),
            "",
        ]
    )


def example() -> str:
    """Return the commented example, of four agencies with fictional numbers; it passes its own check.

    Its password hashes are of nothing: `with_passwords` puts in those of real passwords.
    """
    return resources.files("coordinator.directory").joinpath("example.toml").read_text(encoding="utf-8")


def with_passwords(text: str, hashes: Mapping[str, str]) -> str:
    """Return the text of a sound directory file with the password hashes of these users replaced.

    Each hash of the text must differ from all others, as salted hashes do.
    """
    for agency in tables(tomllib.loads(text), "agency"):
        for account in tables(agency, "account"):
            replacement = hashes.get(str(account["user"]))
            if replacement is not None:
                text = text.replace(str(account["password_hash"]), replacement)
    return text


def _rule(rule: ProximityRule) -> Iterator[str]:
    yield from ("", "[[rule]]", f"id = {_value(rule.id)}", f"version = {_value(rule.version)}")
    yield f"distance_m = {rule.distance_m!r}"
    yield f"widen_minutes = {rule.widen_minutes}"
    yield f"event_types = {_list(sorted(rule.event_types))}"


def _agency(agency: Agency) -> Iterator[str]:
    yield from ("", "[[agency]]", f"id = {_value(agency.id)}", f"name = {_value(agency.name)}")
    yield f"kind = {_value(agency.kind)}"
    yield f"role = {_value(agency.role)}"
    yield f"ori = {_value(agency.ori)}"
    yield f"counties = {_list(sorted(agency.counties))}"
    yield f"require_user_id = {_value(agency.require_user_id)}"
    if agency.vhost is not None:
        yield f"vhost = {_value(agency.vhost)}"
    yield from _desk("watch_desk", agency.watch_desk)
    yield from _desk("supervisor", agency.supervisor)
    yield from _desk("headquarters", agency.headquarters)
    for account in agency.accounts:
        yield from _account(account)


def _desk(key: str, desk: Desk) -> tuple[str, ...]:
    return (
        f"[agency.{key}]",
        f"name = {_value(desk.name)}",
        f"phone = {_value(desk.phone)}",
        f"email = {_value(desk.email)}",
    )


def _account(account: Account) -> tuple[str, ...]:
    return (
        "[[agency.account]]",
        f"user = {_value(account.user)}",
        f"password_hash = {_value(account.password_hash)}",
        f"systems = {_list(account.systems)}",
        f"enabled = {_value(account.enabled)}",
    )


def _value(value: str | bool) -> str:  # noqa: FBT001 - a value to be written, not a switch
    """Write a TOML string or boolean: JSON's escapes are a subset of TOML's, and no control character comes here."""
    return json.dumps(value, ensure_ascii=False)


def _list(values: Iterable[str]) -> str:
    return f"[{', '.join(_value(value) for value in values)}]"
