"""The base of every model, the scalar types that all messages are written in, and how a broken rule is told."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WithJsonSchema,
    WrapValidator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from coordinator.model.decisions import RefusalCode

MAX_SAFE_INTEGER: Final = 2**53 - 1
"""Largest integer that every JSON reader keeps exactly (RFC 8259, section 6)."""
COORDINATOR: Final = "coordinator"
"""The coordinator itself is a party; no agency may carry this id."""


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


def broken(*, field: str, because: str, code: RefusalCode = RefusalCode.INVALID_FIELD) -> PydanticCustomError:
    """The error of a rule between fields: `field` is the one at fault, by its name in the model that has the rule."""
    return PydanticCustomError(code.value, "{because}", {"because": because, "field": field})


# --- Lists that are sets ---


@dataclass(frozen=True, slots=True)
class Distinct:
    """Annotates a list of words that names none twice; `ordered` puts it in order, where the order says nothing."""

    ordered: bool = False

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Check after the list itself is read."""
        return core_schema.no_info_after_validator_function(self._once, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, object]:
        """Say the same in JSON Schema."""
        return {**handler(schema), "uniqueItems": True}

    def _once(self, words: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(words)) != len(words):
            raise PydanticCustomError(RefusalCode.INVALID_FIELD.value, "names the same twice")
        return tuple(sorted(words)) if self.ordered else words


# --- Moments ---

_RFC3339 = (
    r"2[0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
_MOMENT = re.compile(_RFC3339)


_FIRST_YEAR, _LAST_YEAR = 2000, 2999


def _moment(value: object, aware: ValidatorFunctionWrapHandler) -> datetime:
    """Read only the RFC 3339 profile: a `T`, seconds and an offset. ISO 8601 says much that others cannot read.

    What a clock says beyond microseconds is read and dropped. The moment is kept in UTC, where it must lie in the years
    that can be written and read back.
    """
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        moment = datetime.fromisoformat(value).astimezone(UTC)
    elif isinstance(value, datetime):
        read: datetime = aware(value)
        moment = read.astimezone(UTC)
    else:
        msg = "time must be RFC 3339 with seconds and an offset, as 2026-11-27T18:00:00-06:00"
        raise ValueError(msg)
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        msg = f"time must lie in the years {_FIRST_YEAR} to {_LAST_YEAR}, in UTC"
        raise ValueError(msg)
    return moment


Instant = Annotated[
    AwareDatetime,
    WrapValidator(_moment),
    WithJsonSchema(
        {
            "type": "string",
            "format": "date-time",
            "pattern": f"^{_RFC3339}$",
            "description": "RFC 3339 with seconds and an offset, for instance 2026-11-27T18:00:00-06:00",
        }
    ),
]
"""A moment, in UTC. On the wire RFC 3339 with an offset, so a local time that happens twice is still one moment."""

# --- Words. Each pattern means the same to Rust, Python and ECMAScript; where Python's `$` would let a newline pass,
# --- `decode` has refused it as a control character.

UUID_PATTERN: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
Uuid = Annotated[
    str,
    StringConstraints(pattern=f"^{UUID_PATTERN}$"),
    Field(description="a UUID in canonical lower-case form"),
]
AgencyId = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9-]{2,32}$"),
    Field(description="an agency of the directory"),
]
SystemId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,32}$"), Field(description="a system of an agency")]
Code = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9 -]{0,31}$"),
    Field(description="a code word in capital letters, never free text"),
]
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
HexHash = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{64}$"),
    Field(description="a SHA-256 in 64 hexadecimal digits"),
]
