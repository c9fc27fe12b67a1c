"""`POST /v1/feed/{sequence}/ack`: how far a message got with a person, said by its number instead of a message."""

import asyncio
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from weakref import WeakValueDictionary

import orjson
from aiohttp import hdrs, web
from pydantic import ValidationError

from coordinator.feed import Feed
from coordinator.http.answers import tell
from coordinator.http.limits import A_SECOND, Buckets, read_body, too_many
from coordinator.http.principals import READERS, Principal, caller
from coordinator.http.problems import FieldError, Problem, ProblemCode, not_found
from coordinator.http.tokens import speaks_as
from coordinator.model.acknowledging import acknowledgement
from coordinator.model.base import Frozen, OfficerId
from coordinator.model.binding import digest_of
from coordinator.model.codes import AcknowledgeLevel, DeclineReason
from coordinator.model.decisions import Refused
from coordinator.model.directory import Agency, Directory
from coordinator.model.leaf import Channel
from coordinator.model.work import Dispatch, Receipt, Submission
from coordinator.posting import Posting, PostingClosedError, PostingFullError
from coordinator.steps.decode import decode

MAX_ACK_BYTES: Final = 4 * 1024
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,15}")


class Acknowledged(Frozen):
    """What the caller says."""

    level: AcknowledgeLevel
    officer_id: OfficerId | None = None
    reason: DeclineReason | None = None


@dataclass(frozen=True, slots=True)
class Acks:
    """Makes a `receipt.acknowledge` of it, which takes the walk of any other message."""

    feed: Feed
    posting: Posting
    directory: Directory
    clock: Callable[[], datetime]
    rates: Buckets
    _turns: "WeakValueDictionary[str, asyncio.Lock]" = field(init=False, default_factory=WeakValueDictionary)
    """By id: one acknowledgement that comes twice at the same moment is one."""

    def routes(self) -> list[web.RouteDef]:
        """The room's address."""
        return [web.post("/v1/feed/{sequence}/ack", self.acknowledge)]

    async def acknowledge(self, request: web.Request) -> web.Response:
        """Answer as `POST /v1/messages` does; the same again is answered with the first receipt (200)."""
        principal = caller(request, *READERS)
        number = request.match_info["sequence"]
        if hdrs.CONTENT_ENCODING in request.headers or request.content_type != "application/json":
            detail = "send it as application/json, without a Content-Encoding"
            raise Problem(ProblemCode.UNSUPPORTED_MEDIA_TYPE, detail)
        said = _read(await read_body(request, MAX_ACK_BYTES))
        if not self.rates.take(principal.key):
            raise too_many(A_SECOND, self.rates.again_s)
        dispatch = await self.feed.numbered(principal.agency, int(number)) if _NUMBER.fullmatch(number) else None
        if dispatch is None:
            raise not_found()
        told = tell(await self._recorded(principal, dispatch, said))
        if isinstance(told, Problem):
            raise told
        headers = {hdrs.LOCATION: told.location, hdrs.CACHE_CONTROL: "no-store"}
        body = orjson.dumps(told.document)
        return web.Response(body=body, status=told.status, content_type="application/json", headers=headers)

    async def _recorded(self, principal: Principal, dispatch: Dispatch, said: Acknowledged) -> Receipt | None:
        """Post it; what was recorded under its id before is posted again byte for byte, and so is a duplicate."""
        message = _id_of(dispatch, said)
        turn = self._turns.setdefault(message, asyncio.Lock())
        async with turn:
            before = await self.feed.exact(principal.agency, principal.agency, message)
            body = self._event(principal, dispatch, said, message) if before is None else before.body
            try:
                (receipt,) = await self.posting.post(principal.key, [self._submission(principal, body)])
            except PostingClosedError as closed:
                raise Problem(ProblemCode.UNAVAILABLE, str(closed), headers={hdrs.RETRY_AFTER: "2"}) from None
            except PostingFullError as full:
                raise Problem(ProblemCode.UNAVAILABLE, str(full), headers={hdrs.RETRY_AFTER: "1"}) from None
        return receipt

    def _event(self, principal: Principal, dispatch: Dispatch, said: Acknowledged, message: str) -> bytes:
        """The message as the agency's own system would write it."""
        agency = self.directory.agencies[principal.agency]
        by = (agency, _system_of(agency, principal.subject))
        return acknowledgement(dispatch, by, (said.level, said.officer_id, said.reason), message, self.clock())

    def _submission(self, principal: Principal, body: bytes) -> Submission:
        speaks = speaks_as(self.directory.agencies[principal.agency], principal.subject)
        return Submission(
            body=body,
            agency=principal.agency,
            account=principal.subject if speaks == "account" else None,
            channel=Channel.HTTP,
            received=self.clock(),
            digest=digest_of(body),
            system=principal.subject if speaks == "system" else None,
        )


def _read(body: bytes) -> Acknowledged:
    """Read it as strictly as a message: what two readers could read differently is refused."""
    decoded = decode(body)
    if isinstance(decoded, Refused):
        raise Problem(ProblemCode.UNREADABLE, decoded.explanation, [FieldError(None, decoded.code.value)])
    try:
        said = Acknowledged.model_validate_json(body)
    except ValidationError as error:
        flaws = [(".".join(str(part) for part in each["loc"]), each["type"]) for each in error.errors()]
        errors = [FieldError(where or None, _reason(kind)) for where, kind in flaws]
        detail = 'a JSON object with `level`, and perhaps `officer_id` and `reason`, as {"level": "read"}'
        raise Problem(ProblemCode.UNREADABLE, detail, errors) from None
    if (said.level is AcknowledgeLevel.DECLINED) != (said.reason is not None):
        errors = [FieldError("reason", "invalid_field")]
        raise Problem(ProblemCode.UNREADABLE, "`reason` is given for `declined`, and only then", errors)
    return said


def _reason(kind: str) -> str:
    return {"missing": "missing_field", "extra_forbidden": "unknown_field", "json_invalid": "not_json"}.get(
        kind, "invalid_field"
    )


def _id_of(dispatch: Dispatch, said: Acknowledged) -> str:
    """The same for the same acknowledgement of the same content, and for no other."""
    words = (said.level.value, said.officer_id or "", said.reason.value if said.reason is not None else "")
    about = (dispatch.recipient, str(dispatch.sequence), dispatch.sender, dispatch.event_id)
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(("coordinator:ack", *about, *words))))


def _system_of(agency: Agency, subject: str) -> str:
    """The system that stands in `source`: the caller's own, one of its account's, or one that the agency has."""
    if any(subject in each.systems for each in agency.accounts):
        return subject
    account = agency.account(subject)
    accounts = agency.accounts if account is None else (account,)
    systems = [system for each in accounts if each.enabled for system in each.systems]
    return systems[0] if systems else "desk"
