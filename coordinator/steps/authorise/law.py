"""Who may speak of agreements, credentials and parties, and what authority an operation rests on."""

from datetime import datetime

from coordinator.model.answers import AuthorityVerdict
from coordinator.model.authority import AgreementStatus, CredentialStatus, Terms
from coordinator.model.codes import AgencyKind, AgreementKind, CredentialState, Duty, Role
from coordinator.model.decisions import RefusalCode, Refused, Stage
from coordinator.model.directory import Directory
from coordinator.model.operations import Authority, Plan
from coordinator.model.parties import ComplaintReferral, PartyState, PartyStatus
from coordinator.model.policy import Policy
from coordinator.model.work import Admitted, Submission
from coordinator.steps.authorise.audiences import by_role, lead_alone

EMPLOYERS_WORDS = frozenset({CredentialState.NOMINATED, CredentialState.TRAINING, CredentialState.CERTIFIED})


def agreement(event: AgreementStatus, directory: Directory) -> Admitted | Refused:
    """A party of the agreement speaks of it."""
    terms = event.data.terms
    fault = _fault_of(terms, directory)
    if fault is not None:
        return fault
    if event.agency not in terms.parties:
        return _refused(RefusalCode.NOT_A_PARTY, "data.parties")
    return by_role(event, _parties_and_lead(terms, directory), directory)


def _fault_of(terms: Terms, directory: Directory) -> Refused | None:
    """Each kind of agreement has its own two sides (`domain.md`, *Parties*)."""
    parties = [directory.agency(party) for party in terms.parties]
    known = [party for party in parties if party is not None]
    if len(known) != len(parties):
        return _refused(RefusalCode.UNKNOWN_RECIPIENT, "data.parties")
    if terms.kind is AgreementKind.PARTICIPATION and not any(party.role is Role.LEAD for party in known):
        return _refused(RefusalCode.INVALID_FIELD, "data.parties")
    if terms.kind is AgreementKind.DELEGATION:
        federal = sum(party.kind is AgencyKind.FEDERAL for party in known)
        if federal != 1:
            return _refused(RefusalCode.INVALID_FIELD, "data.parties")
    return None


def credential(event: CredentialStatus, policy: Policy, directory: Directory) -> Admitted | Refused:
    """The employer nominates, trains and certifies; the other side authorises; either suspends or revokes."""
    words = policy.words_of.get(event.data.agreement_id, ())
    terms = next((word.terms for word in words if word.terms.kind is AgreementKind.DELEGATION), None)
    if terms is None or event.agency not in terms.parties:
        return _refused(RefusalCode.UNKNOWN_OR_FORBIDDEN, "data.agreement_id")
    sender = directory.agency(event.agency)
    employs = sender is not None and sender.kind is not AgencyKind.FEDERAL
    state = event.data.state
    others_word = state is CredentialState.AUTHORISED
    if (others_word and employs) or (state in EMPLOYERS_WORDS and not employs):
        return _refused(RefusalCode.WRONG_SIDE, "data.state")
    return by_role(event, _parties_and_lead(terms, directory), directory)


def _parties_and_lead(terms: Terms, directory: Directory) -> tuple[str, ...]:
    """The lead answers for directive 1, and so hears of every agreement and credential."""
    lead = directory.lead
    return terms.parties if lead is None else (*terms.parties, lead.id)


def party(event: PartyStatus, submission: Submission, directory: Directory) -> Admitted | Refused:
    """The lead speaks of an agency of the directory or of its account; it cannot shut itself out.

    It may suspend any account of its own but the one that it speaks through, so one is always left.
    """
    said = event.data
    agency = directory.agency(said.party)
    if agency is None:
        return _refused(RefusalCode.UNKNOWN_OR_FORBIDDEN, "data.party")
    if said.account is not None and agency.account(said.account) is None:
        return _refused(RefusalCode.UNKNOWN_OR_FORBIDDEN, "data.account")
    if agency.id == event.agency and said.state is not PartyState.IN_FORCE and said.key_id is None:
        if said.account is None:
            return _refused(RefusalCode.INVALID_FIELD, "data.party")
        if submission.account in (None, said.account):
            return _refused(RefusalCode.INVALID_FIELD, "data.account")
    return by_role(event, (said.party,), directory)


def complaint(event: ComplaintReferral, directory: Directory) -> Admitted | Refused:
    """A complaint about an agency of the directory goes to the lead, and to nobody else."""
    if directory.agency(event.data.concerned) is None:
        return _refused(RefusalCode.UNKNOWN_OR_FORBIDDEN, "data.concerned")
    return lead_alone(event, directory)


def authority_of(sender: str, plan: Plan, policy: Policy, directory: Directory) -> AuthorityVerdict:
    """Whether every named officer holds the function for the whole window; federal agencies have their own."""
    agency = directory.agency(sender)
    if agency is None or agency.kind is AgencyKind.FEDERAL:
        return AuthorityVerdict.NONE
    if plan.authority is None:
        needs = plan.duty is Duty.IMMIGRATION_ENFORCEMENT
        return AuthorityVerdict.UNPROVEN if needs else AuthorityVerdict.NONE
    window = (plan.start, plan.end)
    lacking = lacking_officers(sender, plan.authority, window, policy)
    return AuthorityVerdict.UNPROVEN if lacking else AuthorityVerdict.PROVEN


def lacking_officers(
    sender: str, authority: Authority, window: tuple[datetime, datetime], policy: Policy
) -> tuple[str, ...]:
    """Officers of an operation who do not hold its function for the whole window."""
    return tuple(
        officer for officer in authority.officer_ids if not policy.confers(sender, officer, authority.function, window)
    )


def _refused(code: RefusalCode, field: str) -> Refused:
    return Refused(code, Stage.AUTHORISE, field)
