"""Messages that make an exchange lawful: agreements (directive 1) and credentials (directives 2 and 3)."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from coordinator.model.base import AgencyId, Digest, Distinct, Frozen, Instant, OfficerId, Uuid, broken
from coordinator.model.codes import AgreementKind, AgreementState, CredentialState, Function, Regime
from coordinator.model.decisions import RefusalCode
from coordinator.model.envelope import MAX_RECIPIENTS, AgencyBody, AgencyEvent
from coordinator.model.rules import Audience, Heard, Rule, Speaker

TWO_SIDES = 2
ShortType = Annotated[
    str, Field(pattern=r"^[a-z]{1,32}\.[a-z]{1,32}$", description="a type's short name, such as operation.notice")
]


class Terms(Frozen):
    """What an agreement says; both sides must say the same for it to come into force, in whatever order."""

    kind: AgreementKind
    parties: Annotated[tuple[AgencyId, ...], Field(min_length=2, max_length=MAX_RECIPIENTS), Distinct(ordered=True)]
    message_types: Annotated[tuple[ShortType, ...], Field(max_length=64), Distinct(ordered=True)] = ()
    """Which types may be told under a dissemination agreement."""
    regimes: Annotated[tuple[Regime, ...], Field(max_length=len(Regime)), Distinct(ordered=True)] = ()
    """Which regimes may be told under a dissemination agreement."""
    functions: Annotated[tuple[Function, ...], Field(max_length=len(Function)), Distinct(ordered=True)] = ()
    """Which functions a 287(g) agreement delegates."""
    effective: Instant
    expires: Instant = Field(description="exclusive")
    document_digest: Digest = Field(description="of the signed document itself")

    @model_validator(mode="after")
    def _has_a_term(self) -> Self:
        if self.expires <= self.effective:
            raise broken(field="expires", because="`expires` is not after `effective`", code=RefusalCode.WINDOW_INVALID)
        return self

    @model_validator(mode="after")
    def _covers_something(self) -> Self:
        """No vacuous yes: an agreement that names nothing would come into force and allow nothing, unnoticed."""
        if self.kind is AgreementKind.DISSEMINATION and not self.message_types:
            raise broken(field="message_types", because="a dissemination agreement names the types that it covers")
        if self.kind is AgreementKind.DISSEMINATION and not self.regimes:
            raise broken(field="regimes", because="a dissemination agreement names the regimes that it covers")
        if self.kind is AgreementKind.DELEGATION and not self.functions:
            raise broken(field="functions", because="a 287(g) agreement names the functions that it delegates")
        return self

    @model_validator(mode="after")
    def _has_its_sides(self) -> Self:
        if self.kind is not AgreementKind.DISSEMINATION and len(self.parties) != TWO_SIDES:
            raise broken(field="parties", because="participation and 287(g) agreements have two parties")
        return self


class AgreementBody(Terms, AgencyBody):
    """What the sender says of an agreement."""

    agreement_id: Uuid = Field(description="the agreement spoken of")
    state: AgreementState

    @property
    def terms(self) -> Terms:
        """The part that both sides must say alike."""
        return Terms.model_construct(**{name: getattr(self, name) for name in Terms.model_fields})


class CredentialBody(AgencyBody):
    """What the sender says of an officer's credential under an agreement."""

    agreement_id: Uuid = Field(description="the 287(g) agreement that the credential stands under")
    officer_id: OfficerId
    state: CredentialState
    functions: Annotated[tuple[Function, ...], Field(min_length=1, max_length=len(Function)), Distinct(ordered=True)]
    """Which functions the officer may exercise."""
    valid_from: Instant
    valid_to: Instant = Field(description="exclusive")
    supervisor: OfficerId = Field(description="who answers for the officer")

    @model_validator(mode="after")
    def _window_is_not_empty(self) -> Self:
        if self.valid_to <= self.valid_from:
            because = "`valid_to` is not after `valid_from`"
            raise broken(field="valid_to", because=because, code=RefusalCode.WINDOW_INVALID)
        return self


class AuthorityEvent(AgencyEvent):
    """A message that changes what others may do; judged alone, by role."""

    @property
    def changes_policy(self) -> bool:
        """Always: what follows is judged by the new state."""
        return True


class AgreementStatus(AuthorityEvent):
    """One side of an agreement speaks of it."""

    name: ClassVar[str] = "agreement.status"
    rule: ClassVar[Rule] = Rule(
        Speaker.PARTY_OF_AGREEMENT,
        Audience.PARTIES_AND_LEAD,
        "is one side's word: the agreement is in force once every party has said so of the same terms; either side's "
        "suspension or termination ends it at once, and holds back what was not delivered yet",
        heard=Heard.ENDING,
        state=(
            RefusalCode.INVALID_FIELD,
            RefusalCode.WINDOW_INVALID,
            RefusalCode.UNKNOWN_OR_FORBIDDEN,
            RefusalCode.TERMS_FIXED,
            RefusalCode.ENDED_FOR_GOOD,
        ),
    )
    type: Literal["gov.mo.coordination.agreement.status.v1"]
    data: AgreementBody

    @property
    def about(self) -> str:
        """The agreement."""
        return f"agreement/{self.data.agreement_id}"

    @property
    def ends(self) -> bool:
        """A suspension is heard however wrong the clock."""
        return self.data.state in {AgreementState.SUSPENDED, AgreementState.TERMINATED}


class CredentialStatus(AuthorityEvent):
    """One side of a credential speaks of it."""

    name: ClassVar[str] = "credential.status"
    rule: ClassVar[Rule] = Rule(
        Speaker.SIDE_OF_CREDENTIAL,
        Audience.PARTIES_AND_LEAD,
        "is one side's word: an officer holds a function once the employer has certified and the other side "
        "authorised; a lapse is told to the owners of live operations that rest on it",
        heard=Heard.ENDING,
        state=(RefusalCode.WINDOW_INVALID, RefusalCode.ENDED_FOR_GOOD),
    )
    type: Literal["gov.mo.coordination.credential.status.v1"]
    data: CredentialBody

    @property
    def about(self) -> str:
        """The agreement that the credential stands under."""
        return f"agreement/{self.data.agreement_id}"

    @property
    def objects(self) -> tuple[str, ...]:
        """The credential."""
        return (f"credential/{self.data.agreement_id}/{self.data.officer_id}",)

    @property
    def ends(self) -> bool:
        """A suspension is heard however wrong the clock."""
        return self.data.state in {CredentialState.SUSPENDED, CredentialState.REVOKED}
