"""What is wrong with a broker's topology, and the exact command that mends it."""

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from coordinator.amqp.topology import Permission, Policy
from coordinator.model.errors import ConfigurationError

APPLY: Final = "coordinator topology apply --url amqp://ADMINISTRATOR:PASSWORD@HOST/VHOST"
RECREATE: Final = f"{APPLY} --recreate"
UNBIND: Final = f"{APPLY} --management-url http://ADMINISTRATOR:PASSWORD@HOST:15672"
IMPORT: Final = "coordinator topology definitions | rabbitmqctl import_definitions"

_NAMED: Final = 3
"""How many things with one mend are named in a line."""


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """Messages could be lost, or reach the wrong party: the coordinator does not start."""
    WARNING = "warning"
    UNVERIFIED = "unverified"
    """It could not be seen from here."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about the broker that is not as it must be, or could not be seen."""

    severity: Severity
    what: str
    mend: str
    """The command that mends it; where only a person can decide, what to do."""


def error(what: str, mend: str) -> Finding:
    """Return a finding that forbids a start."""
    return Finding(Severity.ERROR, what, mend)


def warning(what: str, mend: str) -> Finding:
    """Return a finding to look at."""
    return Finding(Severity.WARNING, what, mend)


def unverified(what: str, mend: str) -> Finding:
    """Return what could not be seen from here."""
    return Finding(Severity.UNVERIFIED, what, mend)


def refuse_errors(findings: Iterable[Finding]) -> None:
    """Raise ConfigurationError when there is an error among the findings: each with the command that mends it."""
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if errors:
        raise ConfigurationError(in_one_line(errors))


def in_one_line(findings: Iterable[Finding]) -> str:
    """Say everything in one line: what one command mends stands together, and of many only the first are named."""
    by_mend: dict[str, list[str]] = {}
    for finding in findings:
        by_mend.setdefault(finding.mend, []).append(finding.what)
    return "; ".join(f"{_counted(whats)} (mend: {mend})" for mend, whats in by_mend.items())


def _counted(whats: list[str]) -> str:
    named = ", ".join(whats[:_NAMED])
    more = len(whats) - _NAMED
    return named if more <= 0 else f"{named} and {more} more, see `coordinator topology check`"


def set_permissions(vhost: str, permission: Permission) -> str:
    """Return the command that gives a user exactly these rights."""
    rights = (permission.configure, permission.write, permission.read)
    return shlex.join(["rabbitmqctl", "set_permissions", "-p", vhost, permission.user, *rights])


def set_policy(vhost: str, policy: Policy) -> str:
    """Return the command that sets a policy."""
    limits = json.dumps(dict(policy.definition), separators=(",", ":"))
    where = ["-p", vhost, "--priority", str(policy.priority), "--apply-to", "queues"]
    return shlex.join(["rabbitmqctl", "set_policy", *where, policy.name, policy.pattern, limits])


def clear_permissions(vhost: str, user: str) -> str:
    """Return the command that takes all rights in the vhost from a user."""
    return shlex.join(["rabbitmqctl", "clear_permissions", "-p", vhost, user])


def delete_user(user: str) -> str:
    """Return the command that removes a user from the broker; its connections end with it."""
    return shlex.join(["rabbitmqctl", "delete_user", user])
