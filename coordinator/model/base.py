"""The base of every model, and the scalar types that all messages are written in."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

MAX_SAFE_INTEGER = 2**53 - 1
"""Largest integer that every JSON reader keeps exactly (RFC 8259, section 6)."""


class Frozen(BaseModel):
    """A strict, immutable value: wrong types and unknown fields are refused, never coerced or dropped."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        validate_default=False,
        revalidate_instances="never",
    )


_RFC3339 = re.compile(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")


def _rfc3339(value: object) -> object:
    """Read only the RFC 3339 profile: a `T`, seconds and an offset. ISO 8601 says much that others cannot read."""
    if isinstance(value, str):
        if not _RFC3339.fullmatch(value):
            msg = "time must be RFC 3339 with seconds and an offset, as 2026-11-27T18:00:00-06:00"
            raise ValueError(msg)
        return datetime.fromisoformat(value)
    return value


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


Instant = Annotated[AwareDatetime, BeforeValidator(_rfc3339), AfterValidator(_utc)]
"""A moment, in UTC. On the wire RFC 3339 with an offset, so a local time that happens twice is still one moment."""

Uuid = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"),
    Field(description="a UUID in canonical lower-case form"),
]
AgencyId = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9-]{2,32}$"),
    Field(description="an agency of the directory"),
]
SystemId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,32}$"), Field(description="a system of an agency")]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9 -]{0,31}$")]
"""A code word in capital letters: an operation's name is a code word and never free text."""
Ori = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z]{2}[A-Z0-9]{7}$"),
    Field(description="Originating Agency Identifier: nine characters, as issued by NCIC"),
]
OfficerId = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9-]{1,36}$"),
    Field(description="the officer's identifier at the employer, never a name"),
]
Phone = Annotated[
    str,
    StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$"),
    Field(description="a telephone number as E.164, for instance +15735550100"),
]
Digest = Annotated[
    str,
    StringConstraints(pattern=r"^sha-256:[0-9a-f]{64}$"),
    Field(description="sha-256: and 64 hexadecimal digits"),
]

COORDINATOR = "coordinator"
"""The coordinator itself is a party; no agency may carry this id."""
