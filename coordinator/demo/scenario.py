"""The scenario as it is written down: parties, agreements, messages by act, and what must come of each."""

import tomllib
from importlib import resources
from typing import Annotated, Literal

import orjson
from pydantic import Field, TypeAdapter

from coordinator.model.answers import AuthorityVerdict, Change, CloseReason
from coordinator.model.base import AgencyId, Code, Frozen, OfficerId, SystemId
from coordinator.model.codes import (
    AgencyKind,
    AgreementKind,
    Band,
    CancelReason,
    Caution,
    CredentialState,
    Duty,
    EventType,
    Function,
    ImminentReason,
    Marking,
    Progress,
    Regime,
    Role,
    Situation,
    Status,
    UpdateReason,
)
from coordinator.model.decisions import Hint, RefusalCode, WithheldReason

Key = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,40}$")]
Moment = Annotated[str, Field(pattern=r"^(\+\d{1,2}|(Fri|Sat|Sun) \d\d):\d\d$")]
"""A time of the weekend, or after the beginning; read by `weekend.py`."""
Metres = Annotated[float, Field(ge=-50_000, le=50_000)]


class Place(Frozen):
    """A real town."""

    id: Key
    name: str
    county: str
    """FIPS code."""
    at: tuple[float, float]
    """Longitude and latitude, in degrees."""
    troop: str
    """Of the Highway Patrol."""
    headquarters: bool = False
    """Whether the troop has its headquarters here."""


class AgencyRow(Frozen):
    """A party."""

    id: AgencyId
    name: str
    kind: AgencyKind
    role: Role
    systems: tuple[SystemId, ...]
    counties: Literal["all"] | tuple[str, ...]


class AgreementRow(Frozen):
    """An agreement that every party puts in force."""

    key: Key
    kind: AgreementKind
    parties: tuple[AgencyId, ...]
    message_types: tuple[str, ...] = ()
    regimes: tuple[Regime, ...] = ()
    functions: tuple[Function, ...] = ()


class CredentialRow(Frozen):
    """One side's word on an officer."""

    agreement: Key
    officer: OfficerId
    agency: AgencyId
    system: SystemId | None = None
    state: CredentialState
    functions: tuple[Function, ...]


class Ground(Frozen):
    """Ground in terms of places: around one, along several, blocks in some, or a whole county."""

    place: Key | None = None
    north_m: Metres = 0
    east_m: Metres = 0
    radius_m: Metres = 0
    swapped: bool = False
    """Whether latitude is wrongly written first."""
    route: tuple[Key, ...] = ()
    buffer_m: Metres = 0
    blocks: tuple[Key, ...] = ()
    side_m: Metres = 0
    county: str | None = None

    @property
    def places(self) -> tuple[str, ...]:
        """The places that it names."""
        return (*((self.place,) if self.place is not None else ()), *self.route, *self.blocks)


class Refusal(Frozen):
    """Why a message must be refused."""

    code: RefusalCode
    field: str | None = None
    hint: Hint | None = None


class Row(Frozen):
    """A message, in which act it is sent, and who must be told."""

    key: Key
    act: Key
    told: tuple[AgencyId, ...]


class NoticeRow(Row):
    """A planned operation."""

    agency: AgencyId
    system: SystemId | None = None
    claims: AgencyId | None = None
    """Another agency that `source` is made to name."""
    name: Code
    event_type: EventType
    duty: Duty = Duty.NONE
    regime: Regime = Regime.OPERATIONAL
    status: Status = Status.ACTUAL
    marking: Marking = Marking.AMBER
    ground: Ground
    window: tuple[Moment, Moment]
    plainclothes: bool = False
    caution: tuple[Caution, ...] = ()
    sealed: bool = False
    officers: tuple[OfficerId, ...] = ()
    function: Function | None = None
    withheld: dict[AgencyId, WithheldReason] = Field(default_factory=dict)
    authority: AuthorityVerdict | None = None
    """What the receipt must say of it, where the duty needs any."""
    refused: Refusal | None = None


class UpdateRow(Row):
    """A change of plan."""

    operation: Key
    reason: UpdateReason
    ground: Ground | None = None
    window: tuple[Moment, Moment] | None = None


class StatusRow(Row):
    """How far an operation is."""

    operation: Key
    progress: Progress


class CancelRow(Row):
    """A plan given up."""

    operation: Key
    reason: CancelReason


class AlertRow(Row):
    """Something that happens now."""

    agency: AgencyId
    system: SystemId | None = None
    officer: OfficerId | None = None
    situation: Situation
    imminent: ImminentReason | None = None
    ground: Ground
    to_area: bool = False


class AgainRow(Frozen):
    """A message that its sender sends once more, byte for byte."""

    act: Key
    message: Key


class IntrusionRow(Frozen):
    """What an agency's account tries against another one; the broker itself must refuse it."""

    key: Key
    act: Key
    agency: AgencyId
    against: AgencyId
    tries: Literal["foreign_user_id", "foreign_exchange", "foreign_queue"]


class ConflictRow(Frozen):
    """Two operations that must be found to conflict, and what becomes of it."""

    between: tuple[Key, Key]
    band: Band
    history: tuple[Change | CloseReason, ...]
    sealed: Key | None = None
    """The operation of which the other side learns the contact only."""
    why: str


class ApartRow(Frozen):
    """Two operations that must not be found to conflict."""

    between: tuple[Key, Key]
    why: str


class ActRow(Frozen):
    """A part of the play."""

    key: Key
    title: str
    missing: AgencyId | None = None
    """Whose `out` queue is missing until the others have been served."""
    behind: AgencyId | None = None
    """Who does not read its `out` queue until it has received an alert."""


class RoutineRow(Frozen):
    """Notices without anything special, chosen by the seed."""

    act: Key
    count: int
    agencies: tuple[AgencyId, ...]
    recipients: tuple[AgencyId, ...]
    event_types: tuple[EventType, ...]
    places: tuple[Key, ...]


class Scenario(Frozen):
    """Everything that is played and promised."""

    agency: tuple[AgencyRow, ...]
    agreement: tuple[AgreementRow, ...]
    credential: tuple[CredentialRow, ...]
    act: tuple[ActRow, ...]
    notice: tuple[NoticeRow, ...]
    update: tuple[UpdateRow, ...]
    status: tuple[StatusRow, ...]
    cancel: tuple[CancelRow, ...]
    alert: tuple[AlertRow, ...]
    again: tuple[AgainRow, ...]
    intrusion: tuple[IntrusionRow, ...]
    routine: RoutineRow
    conflict: tuple[ConflictRow, ...]
    apart: tuple[ApartRow, ...]

    @property
    def lead(self) -> str:
        """The id of the agency that leads."""
        return next(agency.id for agency in self.agency if agency.role is Role.LEAD)

    def system(self, agency: str, chosen: str | None) -> str:
        """The system that speaks for an agency: the one chosen, or its first."""
        return chosen or next(row.systems[0] for row in self.agency if row.id == agency)


Places = dict[str, Place]
_PLACES: TypeAdapter[tuple[Place, ...]] = TypeAdapter(tuple[Place, ...])


def load_scenario() -> Scenario:
    """Read the scenario that comes with the package."""
    return Scenario.model_validate_json(orjson.dumps(_table("scenario.toml")))


def load_places() -> Places:
    """Read the places that come with the package, by id."""
    rows = _PLACES.validate_json(orjson.dumps(_table("places.toml")["place"]))
    return {place.id: place for place in rows}


def _table(name: str) -> dict[str, object]:
    return tomllib.loads(resources.files("coordinator.demo").joinpath(name).read_text(encoding="utf-8"))
