"""What concerns the parties themselves: DPS suspends, revokes and restores them, and hears complaints about them."""

from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from coordinator.model.base import AgencyId, Digest, Distinct, Instant, Uuid, broken
from coordinator.model.decisions import RefusalCode
from coordinator.model.envelope import AgencyEvent, PersonBody
from coordinator.model.rules import Audience, Heard, Rule, Speaker

AccountName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$"), Field(description="an account of the directory")
]
KeyId = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,64}$"), Field(description="a key that the agency signs with")
]


class PartyState(StrEnum):
    """What DPS says of an agency, an account or a key."""

    IN_FORCE = "in_force"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


class PartyReason(StrEnum):
    """Why."""

    COMPROMISED = "compromised"
    LEFT_SERVICE = "left_service"
    BREACH_OF_TERMS = "breach_of_terms"
    REQUESTED_BY_AGENCY = "requested_by_agency"
    RESOLVED = "resolved"


class ComplaintCategory(StrEnum):
    """What a complaint is about; closed, so that no account of it can slip in."""

    USE_OF_FORCE = "use_of_force"
    DETENTION = "detention"
    SEARCH = "search"
    DISCRIMINATION = "discrimination"
    PROPERTY = "property"
    DISCLOSURE = "disclosure"
    CONDUCT = "conduct"


class PartyBody(PersonBody):
    """Of whom it is said."""

    party: AgencyId = Field(description="the agency")
    account: AccountName | None = Field(default=None, description="this account of it alone")
    key_id: KeyId | None = Field(default=None, description="this key of it alone")
    state: PartyState
    reason: PartyReason

    @model_validator(mode="after")
    def _is_of_one_thing(self) -> Self:
        if self.account is not None and self.key_id is not None:
            raise broken(field="key_id", because="either an account or a key, or neither")
        return self


class ComplaintBody(PersonBody):
    """Where a complaint stands, without a word of any operation (the 2008 agreement's complaint procedure)."""

    complaint_id: Uuid = Field(description="given by whoever took it")
    category: ComplaintCategory
    concerned: AgencyId = Field(description="the agency complained of")
    occurred: Instant | None = Field(default=None, description="when, as far as it is known")
    taken: Instant = Field(description="when it was taken down")
    documents: Annotated[tuple[Digest, ...], Field(max_length=16), Distinct()] = ()
    """What goes with it by another way."""


class PartyStatus(AgencyEvent):
    """DPS suspends, revokes or restores an agency, an account or a key."""

    name: ClassVar[str] = "party.status"
    rule: ClassVar[Rule] = Rule(
        Speaker.LEAD,
        Audience.PARTY_CONCERNED,
        "takes effect on the next message: whatever a suspended or revoked agency or account sends is refused; its "
        "operations stay live, and it is told as before",
        "keys, once signatures are checked",
        Heard.ENDING,
        (RefusalCode.UNKNOWN_OR_FORBIDDEN, RefusalCode.INVALID_FIELD, RefusalCode.ENDED_FOR_GOOD),
    )
    type: Literal["gov.mo.coordination.party.status.v1"]
    data: PartyBody

    @property
    def objects(self) -> tuple[str, ...]:
        """The agency."""
        return (f"party/{self.data.party}",)

    @property
    def changes_policy(self) -> bool:
        """What follows is judged by the new state."""
        return True

    @property
    def ends(self) -> bool:
        """A suspension is heard however wrong the clock."""
        return self.data.state is not PartyState.IN_FORCE


class ComplaintReferral(AgencyEvent):
    """A complaint goes to DPS, and to nobody else."""

    name: ClassVar[str] = "complaint.referral"
    rule: ClassVar[Rule] = Rule(
        Speaker.ANYBODY, Audience.LEAD_ONLY, "records that it was referred", state=(RefusalCode.UNKNOWN_OR_FORBIDDEN,)
    )
    type: Literal["gov.mo.coordination.complaint.referral.v1"]
    data: ComplaintBody

    @property
    def about(self) -> str:
        """The complaint."""
        return f"complaint/{self.data.complaint_id}"
