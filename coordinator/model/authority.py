"""Messages that make an exchange lawful: agreements (directive 1) and credentials (directives 2 and 3)."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from coordinator.model.admission import Admission
from coordinator.model.base import AgencyId, Digest, Frozen, Instant, OfficerId, Uuid
from coordinator.model.codes import AgreementKind, AgreementState, CredentialState, Function, Regime
from coordinator.model.envelope import MAX_RECIPIENTS, AgencyBody, AgencyEvent

TWO_SIDES = 2
ShortType = Annotated[str, Field(pattern=r"^[a-z]{1,32}\.[a-z]{1,32}$", description="such as operation.notice")]


class Terms(Frozen):
    """What an agreement says; both sides must say the same for it to come into force."""

    kind: AgreementKind
    parties: Annotated[tuple[AgencyId, ...], Field(min_length=2, max_length=MAX_RECIPIENTS)]
    message_types: Annotated[tuple[ShortType, ...], Field(max_length=64)] = ()
    regimes: Annotated[tuple[Regime, ...], Field(max_length=len(Regime))] = ()
    functions: Annotated[tuple[Function, ...], Field(max_length=len(Function))] = ()
    effective: Instant
    expires: Instant = Field(description="exclusive")
    document_digest: Digest

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if len(set(self.parties)) != len(self.parties):
            code = "party_repeated"
            raise PydanticCustomError(code, "`parties` names an agency twice")
        if self.expires <= self.effective:
            code = "window_empty"
            raise PydanticCustomError(code, "`expires` is not after `effective`")
        if self.kind is AgreementKind.DISSEMINATION and not (self.message_types and self.regimes):
            code = "agreement_covers_nothing"
            raise PydanticCustomError(code, "a dissemination agreement names `message_types` and `regimes`")
        if self.kind is AgreementKind.DELEGATION and not self.functions:
            code = "agreement_covers_nothing"
            raise PydanticCustomError(code, "a 287(g) agreement names `functions`")
        if self.kind is not AgreementKind.DISSEMINATION and len(self.parties) != TWO_SIDES:
            code = "agreement_has_two_sides"
            raise PydanticCustomError(code, "participation and 287(g) agreements have two parties")
        return self


class AgreementBody(AgencyBody, Terms):
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
    functions: Annotated[tuple[Function, ...], Field(min_length=1, max_length=len(Function))]
    valid_from: Instant
    valid_to: Instant
    supervisor: OfficerId

    @model_validator(mode="after")
    def _window_is_not_empty(self) -> Self:
        if self.valid_to <= self.valid_from:
            code = "window_empty"
            raise PydanticCustomError(code, "`valid_to` is not after `valid_from`")
        return self


class AuthorityEvent(AgencyEvent):
    """A message that changes what others may do; judged alone, by role."""

    admission: ClassVar[Admission] = Admission.ROLE

    @property
    def changes_policy(self) -> bool:
        """Always: what follows is judged by the new state."""
        return True


class AgreementStatus(AuthorityEvent):
    """One side of an agreement speaks of it."""

    name: ClassVar[str] = "agreement.status"
    type: Literal["gov.mo.coordination.agreement.status.v1"]
    data: AgreementBody

    @property
    def objects(self) -> tuple[str, ...]:
        """The agreement."""
        return (f"agreement/{self.data.agreement_id}",)

    @property
    def always_heard(self) -> bool:
        """A suspension is heard however wrong the clock."""
        return self.data.state in {AgreementState.SUSPENDED, AgreementState.TERMINATED}


class CredentialStatus(AuthorityEvent):
    """One side of a credential speaks of it."""

    name: ClassVar[str] = "credential.status"
    type: Literal["gov.mo.coordination.credential.status.v1"]
    data: CredentialBody

    @property
    def objects(self) -> tuple[str, ...]:
        """The credential."""
        return (f"credential/{self.data.agreement_id}/{self.data.officer_id}",)

    @property
    def always_heard(self) -> bool:
        """A suspension is heard however wrong the clock."""
        return self.data.state in {CredentialState.SUSPENDED, CredentialState.REVOKED}
