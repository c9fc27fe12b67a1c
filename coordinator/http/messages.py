"""`POST /v1/messages`: a CloudEvent, or a batch of them, and the verdict at once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from urllib.parse import unquote

import orjson
from aiohttp import hdrs, web
from multidict import CIMultiDictProxy

from coordinator.http import batches
from coordinator.http.answers import Told, tell
from coordinator.http.gateway import REQUEST_ID
from coordinator.http.limits import A_SECOND, Buckets, Gate, read_body, too_many
from coordinator.http.principals import SENDERS, Principal, caller
from coordinator.http.problems import Problem, ProblemCode
from coordinator.http.tokens import speaks_as
from coordinator.model import binding
from coordinator.model.decisions import RefusalCode
from coordinator.model.directory import Directory
from coordinator.model.envelope import MAX_BODY_BYTES, TYPE_PREFIX
from coordinator.model.leaf import Channel
from coordinator.model.work import Receipt, Submission
from coordinator.posting import Posting, PostingClosedError, PostingFullError

MAX_BATCH_BYTES: Final = batches.MAX_ELEMENTS * MAX_BODY_BYTES + 64 * 1024
AT_ONCE, WAITING, TOTAL = 64, 256, 1_024
"""Posts of one message: of one caller inside and before the door, and of all callers inside."""
BATCHES_AT_ONCE, BATCHES_WAITING, BATCHES_TOTAL = 4, 16, 16
"""The same of posts of a batch, which may be 4 MiB each."""
URGENT: Final = (f"{TYPE_PREFIX}operation.", f"{TYPE_PREFIX}situation.alert.")
"""Types that no rate refuses: they are bounded by how many are open at once, and wait for their turn."""
_PREFIX: Final = "ce-"
_JWS: Final = "x-jws"


class Form(StrEnum):
    """How a body carries its events."""

    STRUCTURED = "structured"
    BINARY = "binary"
    BATCH = "batch"


@dataclass(slots=True)
class Messages:
    """The room where messages are posted."""

    posting: Posting
    directory: Directory
    clock: Callable[[], datetime]
    rates: Buckets
    """Of what is not urgent."""
    gate: Gate = field(default_factory=lambda: Gate(AT_ONCE, WAITING, TOTAL))
    batch_gate: Gate = field(default_factory=lambda: Gate(BATCHES_AT_ONCE, BATCHES_WAITING, BATCHES_TOTAL))

    async def post(self, request: web.Request) -> web.Response:
        """Have what is posted recorded, and say what became of it. Nothing of the body is read before all else fits."""
        principal = caller(request, *SENDERS)
        if not self.posting.open:
            raise _stopping()
        form = _form(request.headers)
        if form is Form.BATCH:
            async with self.batch_gate.place(principal.key):
                return await self._batch(request, principal)
        async with self.gate.place(principal.key):
            return await self._one(request, principal, form)

    async def _one(self, request: web.Request, principal: Principal, form: Form) -> web.Response:
        body = await read_body(request, MAX_BODY_BYTES)
        flaw = _flaw(request.headers, form)
        if form is Form.BINARY and flaw is None:
            body = binding.structured(_attributes(request.headers), body)
        submission = self._submission(principal, body, flaw, request.headers.get(_JWS))
        if not self.rates.take(principal.key) and not _urgent(body):
            raise too_many(A_SECOND, self.rates.again_s)
        (receipt,) = await self._recorded(principal, [submission])
        told = tell(receipt)
        if isinstance(told, Problem):
            raise told
        return _json(told.document, told.status, {hdrs.LOCATION: told.location})

    async def _batch(self, request: web.Request, principal: Principal) -> web.Response:
        if _JWS in request.headers:
            raise Problem(ProblemCode.UNREADABLE, "x-jws signs one message: post that one alone")
        body = await read_body(request, MAX_BATCH_BYTES)
        try:
            elements = batches.split(body)
        except batches.TooManyElementsError:
            raise Problem(ProblemCode.TOO_LARGE, f"a batch has at most {batches.MAX_ELEMENTS} messages") from None
        except batches.UnreadableBatchError:
            return await self._unreadable(principal, body)
        refused = self._over_the_rate(principal, elements)
        taken = [self._submission(principal, each) for at, each in enumerate(elements) if at not in refused]
        receipts = iter(await self._recorded(principal, taken))
        told = [refused[at] if at in refused else tell(next(receipts)) for at in range(len(elements))]
        request_id = request[REQUEST_ID]
        return _json([_element(each, request_id) for each in told], 200)

    async def _unreadable(self, principal: Principal, body: bytes) -> web.Response:
        """What cannot be taken apart is claimed by its digest and journaled, as any message that cannot be read."""
        (receipt,) = await self._recorded(principal, [self._submission(principal, body, RefusalCode.NOT_JSON)])
        told = tell(receipt)
        raise told if isinstance(told, Problem) else AssertionError(told)

    def _over_the_rate(self, principal: Principal, elements: Sequence[bytes]) -> Mapping[int, Problem]:
        """By place, what the rate refuses of a batch: never what is urgent, and the last ones first."""
        left = self.rates.take(principal.key, len(elements))
        if left == len(elements):
            return {}
        patient = [at for at, each in enumerate(elements) if not _urgent(each)]
        again_s = self.rates.again_s
        return {at: too_many(A_SECOND, again_s) for at in patient[left:]}

    async def _recorded(self, principal: Principal, submissions: Sequence[Submission]) -> Sequence[Receipt | None]:
        try:
            return await self.posting.post(principal.key, submissions)
        except PostingClosedError:
            raise _stopping() from None
        except PostingFullError as full:
            raise Problem(ProblemCode.UNAVAILABLE, str(full), headers={hdrs.RETRY_AFTER: "1"}) from None

    def _submission(
        self, principal: Principal, body: bytes, flaw: RefusalCode | None = None, jws: str | None = None
    ) -> Submission:
        if flaw is None and len(body) > MAX_BODY_BYTES:
            flaw = RefusalCode.TOO_LARGE
        agency = self.directory.agencies[principal.agency]
        speaks = speaks_as(agency, principal.subject)
        return Submission(
            body=body[: MAX_BODY_BYTES + 1],
            agency=principal.agency,
            account=principal.subject if speaks == "account" else None,
            channel=Channel.HTTP,
            received=self.clock(),
            digest=binding.digest_of(body),
            flaw=flaw,
            jws=binding.detached(jws),
            system=principal.subject if speaks == "system" else None,
        )


def routes(messages: Messages) -> list[web.RouteDef]:
    """The room's addresses."""
    return [web.post("/v1/messages", messages.post)]


def _form(headers: CIMultiDictProxy[str]) -> Form:
    """How the body is to be read; raises `Problem` for what is not read at all."""
    if hdrs.CONTENT_ENCODING in headers:
        raise Problem(ProblemCode.UNSUPPORTED_MEDIA_TYPE, "a Content-Encoding is not accepted: send the body as it is")
    types = headers.getall(hdrs.CONTENT_TYPE, [])
    match binding.media_type(types[0]) if len(types) == 1 else "":
        case binding.STRUCTURED:
            return Form.STRUCTURED
        case binding.BATCH:
            return Form.BATCH
        case binding.BINARY if f"{_PREFIX}specversion" in headers:
            return Form.BINARY
        case _:
            detail = f"Content-Type must be {binding.STRUCTURED}, {binding.BATCH}, or {binding.BINARY} with ce- headers"
            raise Problem(ProblemCode.UNSUPPORTED_MEDIA_TYPE, detail)


def _flaw(headers: CIMultiDictProxy[str], form: Form) -> RefusalCode | None:
    """What forbids to look into the body: a header that is there twice, or is no text, could be read in two ways."""
    meant = [(name.lower(), value) for name, value in headers.items() if _is_ours(name, form)]
    try:
        for _, value in meant:
            unquote(value, errors="strict").encode()
    except UnicodeError:
        return RefusalCode.UNREADABLE_HEADERS
    return RefusalCode.UNREADABLE_HEADERS if len(dict(meant)) != len(meant) else None


def _is_ours(name: str, form: Form) -> bool:
    return name.lower() == _JWS or (form is Form.BINARY and name.lower().startswith(_PREFIX))


def _attributes(headers: CIMultiDictProxy[str]) -> dict[str, object]:
    """The attributes of binary mode, whose values are percent-encoded (CloudEvents HTTP binding, 3.1.3.2)."""
    found = ((name.lower(), value) for name, value in headers.items())
    return {name.removeprefix(_PREFIX): unquote(value) for name, value in found if name.startswith(_PREFIX)}


def _urgent(body: bytes) -> bool:
    """Whether a message is of a type that no rate refuses; asked only when the rate is used up."""
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    named = event.get("type") if isinstance(event, dict) else None
    return isinstance(named, str) and named.startswith(URGENT)


def _element(told: Told | Problem, request_id: str) -> dict[str, object]:
    if isinstance(told, Told):
        return {"status": told.status, "receipt": told.document}
    return {"status": told.status, "problem": {**told.document(), "request_id": request_id}}


def _json(document: object, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(
        body=orjson.dumps(document), status=status, content_type="application/json", headers=dict(headers or {})
    )


def _stopping() -> Problem:
    again: dict[str, str] = {hdrs.RETRY_AFTER: "2", hdrs.CONNECTION: "close"}
    return Problem(ProblemCode.UNAVAILABLE, "the service is stopping; post again in a moment", headers=again)
