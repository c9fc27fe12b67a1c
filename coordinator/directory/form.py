"""The shape of the directory file: its tables, keys and the form of each value."""

import difflib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationInfo,
)

from coordinator.model.base import COORDINATOR, AgencyId, Frozen, Ori, Phone, SystemId
from coordinator.model.codes import AgencyKind, EventType, Role


@dataclass(frozen=True, slots=True)
class CountyIndex:
    """The domain's counties, to be found by FIPS code or by name."""

    names: Mapping[str, str]
    """FIPS code to name. Missouri has a city and a county of one name: that one is told apart by its code."""

    def find(self, wanted: str) -> str:
        """Return the FIPS code of a county given by code or by name, in any case, with or without `County`."""
        if wanted in self.names:
            return wanted
        plain = _plain(wanted)
        codes = [fips for fips, name in self.names.items() if _plain(name) == plain]
        if len(codes) == 1:
            return codes[0]
        if codes:
            wanted_codes = " or ".join(f'"{code}"' for code in sorted(codes))
            msg = f'"{wanted}" names more than one county; write its code instead: {wanted_codes}'
            raise ValueError(msg)
        near = nearest(wanted, self.names.values())
        msg = f'there is no county "{wanted}"' + (f'; did you mean "{near}"?' if near else "")
        raise ValueError(msg)


def _plain(name: str) -> str:
    return name.casefold().removesuffix(" county").strip()


def nearest(wanted: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant."""
    by_plain = {word.casefold(): word for word in known}
    found = difflib.get_close_matches(wanted.casefold(), by_plain, n=1, cutoff=0.6)
    return by_plain[found[0]] if found else None


def _counties_of(info: ValidationInfo) -> CountyIndex:
    if not isinstance(info.context, CountyIndex):
        msg = "the counties are passed as the context of the validation"
        raise TypeError(msg)
    return info.context


def _county(value: str, info: ValidationInfo) -> str:
    return _counties_of(info).find(value)


def _every_county(value: object, info: ValidationInfo) -> object:
    return list(_counties_of(info).names) if value == "all" else value


def _shown(value: str) -> str:
    """Allow what can stand on one line of a roster: no control or direction characters, no stray spaces."""
    if not value.isprintable() or value != value.strip() or unicodedata.normalize("NFC", value) != value:
        msg = "must be plain text on one line, without spaces at its ends"
        raise ValueError(msg)
    return value


def _not_reserved(value: str) -> str:
    if value == COORDINATOR:
        msg = f'"{value}" is the service itself; no agency may carry this id'
        raise ValueError(msg)
    return value


def _not_guest(value: str) -> str:
    if value == "guest":
        msg = '"guest" is a user that RabbitMQ brings along; name the account after its agency'
        raise ValueError(msg)
    return value


Name = Annotated[str, StringConstraints(min_length=1, max_length=80), AfterValidator(_shown)]
Email = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$")]
User = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$"), AfterValidator(_not_guest)]
PasswordHash = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{48}$")]
"""Base64 of 36 bytes: a salt of 4 and a SHA-256 of 32 (rabbitmq.com/passwords.html)."""
RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,32}$")]
Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]{1,16}$")]
Vhost = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_./-]{1,64}$")]
County = Annotated[str, AfterValidator(_county)]


class DeskForm(Frozen):
    """`[agency.watch_desk]`, `[agency.supervisor]`, `[agency.headquarters]`."""

    name: Name
    phone: Phone
    email: Email


class AccountForm(Frozen):
    """`[[agency.account]]`."""

    user: User
    password_hash: PasswordHash
    systems: Annotated[list[SystemId], Field(min_length=1)]
    enabled: bool = True


class AgencyForm(Frozen):
    """`[[agency]]`."""

    id: Annotated[AgencyId, AfterValidator(_not_reserved)]
    name: Name
    kind: Annotated[AgencyKind, Field(strict=False)]
    role: Annotated[Role, Field(strict=False)]
    ori: Ori
    counties: Annotated[list[County], BeforeValidator(_every_county)]
    watch_desk: DeskForm
    supervisor: DeskForm
    headquarters: DeskForm
    account: list[AccountForm] = Field(default_factory=list)
    require_user_id: bool = True
    vhost: Vhost | None = None


class RuleForm(Frozen):
    """`[[rule]]`; without `event_types` it is the rule of every type that no other one names."""

    id: RuleId
    version: Version
    distance_m: Annotated[float, Field(ge=1, le=50_000)]
    widen_minutes: Annotated[int, Field(ge=0, le=1_440)]
    event_types: Annotated[list[Annotated[EventType, Field(strict=False)]], Field(min_length=1)] | None = None


class LimitsForm(Frozen):
    """`[limits]`."""

    area_km2: Annotated[float, Field(gt=0, le=1_000_000)] = 50_000
    window_days: Annotated[int, Field(ge=1, le=366)] = 31
    vertices: Annotated[int, Field(ge=4, le=10_000)] = 1_000


class ExtentForm(Frozen):
    """`[extent]`."""

    margin_km: Annotated[float, Field(ge=0, le=1_000)] = 50


class DirectoryForm(Frozen):
    """The whole file."""

    agency: Annotated[list[AgencyForm], Field(min_length=1)]
    rule: list[RuleForm] = Field(default_factory=list)
    limits: LimitsForm = LimitsForm()
    extent: ExtentForm = ExtentForm()


FORMS: Final[Mapping[tuple[str, ...], type[Frozen]]] = {
    (): DirectoryForm,
    ("agency",): AgencyForm,
    ("agency", "watch_desk"): DeskForm,
    ("agency", "supervisor"): DeskForm,
    ("agency", "headquarters"): DeskForm,
    ("agency", "account"): AccountForm,
    ("rule",): RuleForm,
    ("limits",): LimitsForm,
    ("extent",): ExtentForm,
}
"""The form of each table, by the names on the way to it."""
