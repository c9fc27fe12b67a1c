"""Bearer tokens: short-lived JWTs (RFC 7519), signed with a local Ed25519 key and read strictly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import orjson
from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError, UnsupportedAlgorithmError
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry
from joserfc.util import json_b64decode, to_bytes
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from coordinator.http.principals import Principal
from coordinator.model.access import AccessRole, TokenFlaw
from coordinator.model.base import UUID_PATTERN
from coordinator.model.directory import Agency, Directory
from coordinator.model.errors import ConfigurationError
from coordinator.model.policy import Policy

ALGORITHM: Final = "Ed25519"
"""The one algorithm, by its fully specified name (RFC 9864); `alg` of a token is never asked which key to use."""
MAX_TOKEN_BYTES: Final = 8 * 1024
LIFETIME: Final = timedelta(hours=1)
LONGEST: Final = timedelta(hours=24)
LEEWAY_S: Final = 10
"""How far the clocks of two machines may differ."""
TYPE: Final = "JWT"


class TokenRefusedError(Exception):
    """The token does not count."""

    def __init__(self, flaw: TokenFlaw, agency: str | None = None) -> None:
        """`flaw` is for the log; `agency` is whose token it is, where our signature on it is good."""
        super().__init__(flaw)
        self.flaw = flaw
        self.agency = agency


class Claims(BaseModel):
    """What a token says; anything else that stands in it is not looked at."""

    model_config = ConfigDict(frozen=True, strict=True)

    iss: str
    aud: str
    sub: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,32}(/[a-z0-9][a-z0-9._-]{0,62})?$")]
    agency: Annotated[str, Field(pattern=r"^[a-z0-9-]{2,32}$")]
    roles: Annotated[tuple[Annotated[AccessRole, Field(strict=False)], ...], Field(min_length=1, strict=False)]
    iat: Annotated[int, Field(ge=0)]
    nbf: Annotated[int, Field(ge=0)]
    exp: Annotated[int, Field(ge=0)]
    jti: Annotated[str, Field(pattern=f"^{UUID_PATTERN}$")]

    @property
    def principal(self) -> Principal:
        """The caller; without a system, account or person the agency itself is the subject."""
        return Principal(self.agency, self.sub.partition("/")[2] or self.agency, frozenset(self.roles))


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """The keys of the `[http] token_key` file, by id. A key without its private part verifies, and issues nothing."""

    by_id: Mapping[str, OKPKey]

    @classmethod
    def generate(cls) -> Self:
        """A fresh key; its id is its thumbprint (RFC 7638)."""
        return cls._of([OKPKey.generate_key("Ed25519", auto_kid=True)])

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Read a JWK or a JWK Set (RFC 7517) of Ed25519 keys; raises `ConfigurationError`, which never holds a key."""
        try:
            found = orjson.loads(text)
            keys = [OKPKey.import_key(each) for each in found.get("keys", [found])]
            good = bool(keys) and all(key.curve_name == "Ed25519" for key in keys)
        except (ValueError, TypeError, KeyError, AttributeError, JoseError):
            good, keys = False, []
        if not good:
            msg = "it is no JSON Web Key of the curve Ed25519"
            raise ConfigurationError(msg)
        return cls._of(keys)

    @classmethod
    def _of(cls, keys: Sequence[OKPKey]) -> Self:
        for key in keys:
            key.ensure_kid()
        return cls({str(key.kid): key for key in keys})

    def encode(self, *, private: bool) -> str:
        """As the file holds them; without the private parts, what another machine needs to verify."""
        keys = [key.as_dict(private=private and key.is_private) for key in self.by_id.values()]
        return orjson.dumps(keys[0] if len(keys) == 1 else {"keys": keys}).decode() + "\n"

    @property
    def signing(self) -> tuple[str, OKPKey]:
        """The first key with its private part; raises `ConfigurationError` when there is none."""
        for kid, key in self.by_id.items():
            if key.is_private:
                return kid, key
        msg = "has no private part: tokens are issued where it is kept"
        raise ConfigurationError(msg)


def load_token_keys(path: Path) -> TokenKeys:
    """Read the `[http] token_key` file; raises `ConfigurationError` with what mends it."""
    try:
        return TokenKeys.parse(path.read_bytes())
    except FileNotFoundError as error:
        msg = f"there is no [http] token_key {path}: `coordinator token key` makes one"
        raise ConfigurationError(msg) from error
    except OSError as error:
        msg = f"[http] token_key {path} cannot be read ({error.strerror}): it must be a file that this user may read"
        raise ConfigurationError(msg) from error
    except ConfigurationError as error:
        msg = f"[http] token_key {path}: {error}; bring it back, or move it away and run `coordinator token key`"
        raise ConfigurationError(msg) from error


@dataclass(frozen=True, slots=True)
class Tokens:
    """Issues tokens, and says whom a token proves."""

    keys: TokenKeys
    issuer: str
    """The domain's origin."""
    audience: str
    """The domain's id."""
    directory: Directory

    def issue(self, principal: Principal, at: datetime, lifetime: timedelta, jti: str) -> str:
        """Return a token; raises `ConfigurationError` when no such one would be accepted."""
        if not timedelta() < lifetime <= LONGEST:
            msg = f"a token lives for at most {LONGEST // timedelta(hours=1)} hours"
            raise ConfigurationError(msg)
        agency, subject = principal.agency, principal.subject
        kid, key = self.keys.signing
        now = int(at.timestamp())
        claims: dict[str, object] = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": agency if subject == agency else f"{agency}/{subject}",
            "agency": agency,
            "roles": sorted(principal.roles),
            "iat": now,
            "nbf": now,
            "exp": now + int(lifetime.total_seconds()),
            "jti": jti,
        }
        return jwt.encode({"alg": ALGORITHM, "kid": kid, "typ": TYPE}, claims, key, algorithms=[ALGORITHM])

    def claims_of(self, token: str) -> Claims:
        """Prove that we issued a token, and read it, whatever the time is; raises `TokenRefusedError`."""
        if len(token) > MAX_TOKEN_BYTES or token.count(".") != 2 or not token.isascii():  # noqa: PLR2004  # header.payload.signature
            raise TokenRefusedError(TokenFlaw.MALFORMED)
        header = self._header(token)
        key = self._key(header)
        try:
            decoded = jwt.decode(token, key, algorithms=[ALGORITHM], registry=JWSRegistry(algorithms=[ALGORITHM]))
        except BadSignatureError as error:
            raise TokenRefusedError(TokenFlaw.SIGNATURE) from error
        except UnsupportedAlgorithmError as error:
            raise TokenRefusedError(TokenFlaw.ALGORITHM) from error
        except Exception as error:  # a stranger's text: whatever it does to a parser, it proves nobody
            raise TokenRefusedError(TokenFlaw.MALFORMED) from error
        try:
            claims = Claims.model_validate(decoded.claims)
        except ValidationError as error:
            raise TokenRefusedError(TokenFlaw.CLAIMS) from error
        if claims.sub.partition("/")[0] != claims.agency:
            raise TokenRefusedError(TokenFlaw.CLAIMS)
        return claims

    def verify(self, token: str, now: float) -> Claims:
        """Say whom a token proves at a moment (seconds since the epoch); raises `TokenRefusedError`."""
        claims = self.claims_of(token)
        flaw = self._flaw(claims, now)
        if flaw is not None:
            raise TokenRefusedError(flaw, None if self.directory.agency(claims.agency) is None else claims.agency)
        return claims

    def _header(self, token: str) -> dict[str, object]:
        try:
            found = jwt_header(token)
        except Exception as error:  # as in `claims_of`
            raise TokenRefusedError(TokenFlaw.MALFORMED) from error
        if found.get("alg") != ALGORITHM:
            raise TokenRefusedError(TokenFlaw.ALGORITHM)
        # Nothing that a header may ask for is done here; what claims to be critical is refused unread.
        if not set(found) <= {"alg", "kid", "typ"} or found.get("typ", TYPE) != TYPE:
            raise TokenRefusedError(TokenFlaw.MALFORMED)
        return found

    def _key(self, header: Mapping[str, object]) -> OKPKey:
        kid = header.get("kid")
        key = self.keys.by_id.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise TokenRefusedError(TokenFlaw.KEY)
        return key

    def _flaw(self, claims: Claims, now: float) -> TokenFlaw | None:
        """Every rule beside the signature, the cheapest to explain first."""
        agency = self.directory.agency(claims.agency)
        rules: Sequence[tuple[bool, TokenFlaw]] = (
            (claims.iss != self.issuer, TokenFlaw.ISSUER),
            (claims.aud != self.audience, TokenFlaw.AUDIENCE),
            (claims.exp <= now - LEEWAY_S, TokenFlaw.EXPIRED),
            (max(claims.nbf, claims.iat) > now + LEEWAY_S, TokenFlaw.NOT_YET),
            (claims.exp - claims.iat > LONGEST.total_seconds(), TokenFlaw.LIVES_TOO_LONG),
            (agency is None, TokenFlaw.UNKNOWN_AGENCY),
            (agency is not None and not may_call(agency, claims.principal.subject), TokenFlaw.DISABLED),
        )
        return next((flaw for broken, flaw in rules if broken), None)


def jwt_header(token: str) -> dict[str, object]:
    """The header of a token, of which nothing is proven; raises whatever a parser raises."""
    found = json_b64decode(to_bytes(token.partition(".")[0]))
    if not isinstance(found, dict):
        raise TypeError(found)
    return found


def may_call(agency: Agency, subject: str, policy: Policy | None = None) -> bool:
    """Whether a caller may use the door: not once the directory, or DPS by message, has switched it off.

    Switched off is the agency, the account that is meant, or each account of the agency where the subject is none.
    """
    if policy is not None and policy.disabled(agency.id):
        return False
    meant = [each for each in agency.accounts if subject == each.user or subject in each.systems]
    accounts = meant or agency.accounts
    on = (each.enabled and not (policy is not None and policy.disabled(agency.id, each.user)) for each in accounts)
    return not accounts or any(on)


Speaks = Literal["system", "account", "any"]


def speaks_as(agency: Agency, subject: str) -> Speaks:
    """For what a caller's subject stands: one system, the systems of one account, or any of the agency's."""
    if any(subject in each.systems for each in agency.accounts):
        return "system"
    return "account" if agency.account(subject) is not None else "any"
