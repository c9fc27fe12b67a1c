"""Proves callers by their bearer tokens; what was proven once is remembered while it holds."""

import asyncio
import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Final

import structlog
from aiohttp import hdrs, web

from coordinator.http.principals import Principal
from coordinator.http.problems import Problem, ProblemCode
from coordinator.http.signins import Flood, SignIns
from coordinator.http.tokens import LEEWAY_S, TokenRefusedError, Tokens, may_call
from coordinator.model.access import TokenFlaw
from coordinator.model.errors import StoreUnavailableError
from coordinator.model.policy import Policy

POLL_S: Final = 1.0
MAX_REVOKED: Final = 100_000
_REMEMBERED: Final = 4_096
_BEARER: Final = re.compile(r"[Bb]earer +([A-Za-z0-9_.=-]+) *")


@dataclass(slots=True)
class Revocations:
    """The tokens that were revoked and have not ended yet, as the store said a second ago at most."""

    read: Callable[[], Awaitable[Collection[str]]]
    """At most `MAX_REVOKED` ids."""
    ids: frozenset[str] = frozenset()

    async def refresh(self) -> None:
        """Read them now; raises `StoreUnavailableError`."""
        self.ids = frozenset(await self.read())


@dataclass(slots=True)
class Parties:
    """What DPS said of agencies and accounts, as the newest policy that is known here has it."""

    walk: Callable[[], Policy]
    """As the walk of this process has it: newer with the very commit that changes it."""
    read: Callable[[int], Awaitable[Policy | None]]
    """From the store, which a command may write too; None when it has none newer than this version."""
    _stored: Policy | None = field(default=None, init=False)

    @property
    def policy(self) -> Policy:
        """The newest."""
        walked, stored = self.walk(), self._stored
        return walked if stored is None or walked.version >= stored.version else stored

    async def refresh(self) -> None:
        """Look into the store now; raises `StoreUnavailableError`."""
        self._stored = await self.read(self.policy.version) or self._stored


@dataclass(frozen=True, slots=True)
class _Proven:
    principal: Principal
    jti: str
    until: float
    """Seconds since the epoch: as long as a fresh look at the token would let it pass."""


@dataclass(slots=True)
class Bearer:
    """The `Authenticator` of tokens."""

    tokens: Tokens
    revocations: Revocations
    parties: Parties
    sign_ins: SignIns
    now: Callable[[], float] = time.time
    """Seconds since the epoch."""
    flood: Flood = field(default_factory=Flood)
    _known: OrderedDict[bytes, _Proven] = field(default_factory=OrderedDict, init=False)
    _troubled: bool = field(default=False, init=False)

    async def run(self) -> None:
        """Follow what is revoked or suspended; while the store does not answer, what was so before stays so."""
        while True:
            try:
                await self.refresh()
                self._troubled = False
            except StoreUnavailableError as error:
                if not self._troubled:
                    structlog.get_logger("http").warning("revocations_unread", reason=str(error))
                self._troubled = True
            await asyncio.sleep(POLL_S)

    async def refresh(self) -> None:
        """Read it now; raises `StoreUnavailableError`."""
        await self.revocations.refresh()
        await self.parties.refresh()

    async def __call__(self, request: web.Request) -> Principal:
        """Return the caller; raises `Problem`, always the same, when no token proves one."""
        try:
            return self.prove(request.headers.getall(hdrs.AUTHORIZATION, []))
        except TokenRefusedError as refused:
            self.flood.count(refused.flaw)
            self.sign_ins.note(refused.flaw, refused.agency)
            detail = "this needs a token that is valid here and now: Authorization: Bearer TOKEN"
            raise Problem(ProblemCode.UNAUTHENTICATED, detail, headers={hdrs.WWW_AUTHENTICATE: "Bearer"}) from None

    def prove(self, headers: Collection[str]) -> Principal:
        """Say whom the `Authorization` headers prove; raises `TokenRefusedError`."""
        if not headers:
            raise TokenRefusedError(TokenFlaw.MISSING)
        found = _BEARER.fullmatch(next(iter(headers))) if len(headers) == 1 else None
        if found is None:
            raise TokenRefusedError(TokenFlaw.MALFORMED)
        proven = self._proven(found[1])
        principal = proven.principal
        # Whatever may change while a proof is remembered is asked each time.
        if proven.jti in self.revocations.ids:
            raise TokenRefusedError(TokenFlaw.REVOKED, principal.agency)
        agency = self.tokens.directory.agency(principal.agency)
        if agency is None or not may_call(agency, principal.subject, self.parties.policy):
            raise TokenRefusedError(TokenFlaw.DISABLED, principal.agency)
        return principal

    def _proven(self, token: str) -> _Proven:
        key = hashlib.sha256(token.encode()).digest()
        known = self._known.get(key)
        now = self.now()
        if known is None:
            claims = self.tokens.verify(token, now)
            known = self._known[key] = _Proven(claims.principal, claims.jti, claims.exp + LEEWAY_S)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        elif known.until <= now:
            del self._known[key]
            raise TokenRefusedError(TokenFlaw.EXPIRED, known.principal.agency)
        return known
