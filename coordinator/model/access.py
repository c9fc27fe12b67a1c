"""Who may use the HTTP door, as far as the journal speaks of it: roles, why a token does not count, what is revoked."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class AccessRole(StrEnum):
    """What a caller may do for its agency (`contracts.md`, *HTTP*)."""

    PUBLISHER = "publisher"
    """A system: sends messages, reads its agency's feed."""
    LIAISON = "liaison"
    """A person: reads the feed, operations and conflicts, acknowledges."""
    WATCH = "watch"
    """A watch desk: all that a liaison may, and sends."""
    AUDITOR = "auditor"
    """Reads the journal; of operations and conflicts only its own agency's."""
    OPERATOR = "operator"
    """Runs the service; sees envelopes, never content."""


class TokenFlaw(StrEnum):
    """Why a token does not count; for the log and the journal alone, the caller is told nothing of it."""

    MISSING = "missing"
    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    KEY = "key"
    SIGNATURE = "signature"
    CLAIMS = "claims"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    LIVES_TOO_LONG = "lives_too_long"
    REVOKED = "revoked"
    UNKNOWN_AGENCY = "unknown_agency"
    DISABLED = "disabled"


class SignInFailures(NamedTuple):
    """How often callers were refused in a while, and why; of one agency where a good signature proved it."""

    agency: str | None
    counts: Mapping[TokenFlaw, int]


@dataclass(frozen=True, slots=True)
class Revoked:
    """A token that counts no longer, with what is known of it; moments are microseconds since the Unix epoch."""

    jti: str
    at_us: int
    ends_us: int
    """From when on it need not be remembered, because it has ended by itself."""
    agency: str | None = None
    """None when only the id was given."""
    roles: tuple[AccessRole, ...] = ()
