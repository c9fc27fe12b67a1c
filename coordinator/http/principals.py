"""Who calls, and what they may do: a principal has an agency and roles, proven before any handler runs."""

from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from coordinator.http.problems import Problem, ProblemCode
from coordinator.model.access import AccessRole

__all__ = ["PRINCIPAL", "READERS", "SENDERS", "AccessRole", "Authenticator", "Principal", "caller"]

SENDERS = (AccessRole.PUBLISHER, AccessRole.WATCH)
READERS = (AccessRole.PUBLISHER, AccessRole.LIAISON, AccessRole.WATCH)


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller, proven; `subject` is an account, a system or a person's id at the agency, never a name."""

    agency: str
    subject: str
    roles: frozenset[AccessRole]

    @property
    def key(self) -> str:
        """What limits are counted by."""
        return f"{self.agency}/{self.subject}"


class Authenticator(Protocol):
    """Proves who calls."""

    async def __call__(self, request: web.Request) -> Principal:
        """Return the caller; raises `Problem` (`unauthenticated`) when nothing proves one."""
        ...


PRINCIPAL = web.RequestKey("principal", Principal)


def caller(request: web.Request, *roles: AccessRole) -> Principal:
    """The caller, who must have one of the roles; raises `Problem` (`forbidden`) otherwise."""
    principal = request[PRINCIPAL]
    if principal.roles.isdisjoint(roles):
        raise Problem(ProblemCode.FORBIDDEN, f"this needs one of the roles {', '.join(roles)}")
    return principal
