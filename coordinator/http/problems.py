"""What a caller is told when something cannot be done: RFC 9457 problem details with a closed code."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

import orjson
from aiohttp import web

CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "https://coordination.mo.gov/problems/"
"""What `type` begins with; names, like the schemas', at which nothing need answer."""
UNKNOWN_PARAMETER = "(unknown)"
"""Stands for the name of an unknown parameter that is no plain word: nothing else of a caller's text is repeated."""
_PLAIN = re.compile(r"[a-z_]{1,32}")


class ProblemCode(StrEnum):
    """Every reason for which the HTTP door says no; a refused message's own reason stands in `errors`."""

    UNREADABLE = "unreadable"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    INVALID_PARAMETER = "invalid_parameter"
    SEQUENCE_AHEAD = "sequence_ahead"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    REFUSED = "refused"
    TOO_MANY_REQUESTS = "too_many_requests"
    TOO_MANY_STREAMS = "too_many_streams"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


_STATUS: Mapping[ProblemCode, HTTPStatus] = {
    ProblemCode.UNREADABLE: HTTPStatus.BAD_REQUEST,
    ProblemCode.UNAUTHENTICATED: HTTPStatus.UNAUTHORIZED,
    ProblemCode.FORBIDDEN: HTTPStatus.FORBIDDEN,
    ProblemCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ProblemCode.METHOD_NOT_ALLOWED: HTTPStatus.METHOD_NOT_ALLOWED,
    ProblemCode.INVALID_PARAMETER: HTTPStatus.BAD_REQUEST,
    ProblemCode.SEQUENCE_AHEAD: HTTPStatus.CONFLICT,
    ProblemCode.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ProblemCode.UNSUPPORTED_MEDIA_TYPE: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ProblemCode.REFUSED: HTTPStatus.UNPROCESSABLE_ENTITY,
    ProblemCode.TOO_MANY_REQUESTS: HTTPStatus.TOO_MANY_REQUESTS,
    ProblemCode.TOO_MANY_STREAMS: HTTPStatus.TOO_MANY_REQUESTS,
    ProblemCode.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
    ProblemCode.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong, where: a dotted path, or a parameter's name; the reason is a closed word."""

    field: str | None
    reason: str


class Problem(Exception):  # noqa: N818  # RFC 9457's own word
    """Raised by a handler to say no; the middleware answers with it. `detail` never repeats what the caller wrote."""

    def __init__(
        self,
        code: ProblemCode,
        detail: str,
        errors: Sequence[FieldError] = (),
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        """`more` are members beside the standard ones, such as the position of a refusal."""
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return _STATUS[self.code].value

    def document(self) -> dict[str, object]:
        """The problem as JSON."""
        return {
            "type": f"{TYPE_PREFIX}{self.code}",
            "title": _STATUS[self.code].phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code.value,
            "errors": [{"field": each.field, "reason": each.reason} for each in self.errors],
            **self.more,
        }

    def response(self, request_id: str) -> web.Response:
        """The answer, with the id under which an operator finds it in the log."""
        body = orjson.dumps({**self.document(), "request_id": request_id})
        return web.Response(body=body, status=self.status, content_type=CONTENT_TYPE, headers=self.headers)


def not_found() -> Problem:
    """The one answer for what is not there and for what is another's: the two must look the same."""
    return Problem(ProblemCode.NOT_FOUND, "there is nothing here that you may see")


def invalid(parameter: str, detail: str) -> Problem:
    """Say which parameter of the address cannot be read, and how it should look."""
    return Problem(ProblemCode.INVALID_PARAMETER, detail, [FieldError(parameter, "invalid_parameter")])


def only(given: Iterable[str], known: Collection[str]) -> None:
    """Refuse parameters that there are not, so that a misspelt one is never passed over; raises `Problem`."""
    for name in given:
        if name not in known:
            detail = f"the parameters are {', '.join(known)}" if known else "there are no parameters here"
            raise invalid(name if _PLAIN.fullmatch(name) else UNKNOWN_PARAMETER, detail)
