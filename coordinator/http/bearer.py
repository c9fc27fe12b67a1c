"""Proves callers by their bearer tokens; what was proven once is remembered while it holds."""

import asyncio
import hashlib
import re
import time
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Final

import structlog
from aiohttp import hdrs, web

from coordinator.http.principals import Principal
from coordinator.http.problems import Problem, ProblemCode
from coordinator.http.tokens import TokenFlaw, TokenRefusedError, Tokens
from coordinator.model.errors import StoreUnavailableError

POLL_S: Final = 1.0
MAX_REVOKED: Final = 100_000
_REMEMBERED: Final = 4_096
_TELL_EVERY_S: Final = 10.0
_BEARER: Final = re.compile(r"[Bb]earer +([A-Za-z0-9_.=-]+) *")


@dataclass(slots=True)
class Revocations:
    """The tokens that were revoked and have not ended yet, as the store said a second ago at most."""

    read: Callable[[], Awaitable[Collection[str]]]
    """At most `MAX_REVOKED` ids."""
    ids: frozenset[str] = frozenset()
    _troubled: bool = field(default=False, init=False)

    async def run(self) -> None:
        """Follow what is revoked; while the store does not answer, what was revoked before stays so."""
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
        """Read them now; raises `StoreUnavailableError`."""
        self.ids = frozenset(await self.read())


@dataclass(slots=True)
class Flood:
    """Counts what strangers are refused for, and says it in a line now and then: a flood of them fills no log."""

    clock: Callable[[], float] = time.monotonic
    _counted: Counter[str] = field(default_factory=Counter, init=False)
    _told: float = field(default=float("-inf"), init=False)

    def count(self, flaw: TokenFlaw) -> None:
        """Count one; the first is told at once."""
        self._counted[flaw.value] += 1
        now = self.clock()
        if now - self._told >= _TELL_EVERY_S:
            self._told = now
            self.tell()

    def tell(self) -> None:
        """Tell what is counted, and begin anew."""
        if self._counted:
            structlog.get_logger("http").warning("sign_in_refused", **self._counted)
            self._counted.clear()


@dataclass(frozen=True, slots=True)
class _Proven:
    principal: Principal
    jti: str
    until: float
    """Seconds since the epoch."""


@dataclass(slots=True)
class Bearer:
    """The `Authenticator` of tokens."""

    tokens: Tokens
    revocations: Revocations
    now: Callable[[], float] = time.time
    """Seconds since the epoch."""
    flood: Flood = field(default_factory=Flood)
    _known: OrderedDict[bytes, _Proven] = field(default_factory=OrderedDict, init=False)

    async def __call__(self, request: web.Request) -> Principal:
        """Return the caller; raises `Problem`, always the same, when no token proves one."""
        try:
            return self.prove(request.headers.getall(hdrs.AUTHORIZATION, []))
        except TokenRefusedError as refused:
            self.flood.count(refused.flaw)
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
        if proven.jti in self.revocations.ids:
            raise TokenRefusedError(TokenFlaw.REVOKED)
        return proven.principal

    def _proven(self, token: str) -> _Proven:
        key = hashlib.sha256(token.encode()).digest()
        known = self._known.get(key)
        now = self.now()
        if known is None:
            claims = self.tokens.verify(token, now)
            known = self._known[key] = _Proven(claims.principal, claims.jti, claims.exp)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        elif known.until <= now:
            del self._known[key]
            raise TokenRefusedError(TokenFlaw.EXPIRED)
        return known
