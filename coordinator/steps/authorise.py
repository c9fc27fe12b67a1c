"""Step 2: may the sender send this, and which of the named recipients may be told (`domain.md`, *Registration …*)."""

from collections.abc import Iterable
from datetime import datetime

import orjson

from coordinator.model.answers import AuthorityVerdict, Withheld
from coordinator.model.authority import AgreementStatus, CredentialStatus, Terms
from coordinator.model.base import COORDINATOR
from coordinator.model.codes import AgencyKind, AgreementKind, CredentialState, Duty, Regime, Role
from coordinator.model.decisions import RefusalCode, Refused, Stage, WithheldReason
from coordinator.model.directory import Directory
from coordinator.model.envelope import TYPE_PREFIX, AgencyEvent
from coordinator.model.notices import ReceiptAcknowledge, SituationAlert
from coordinator.model.operations import (
    Authority,
    OperationCancel,
    OperationClose,
    OperationEvent,
    Plan,
)
from coordinator.model.policy import Policy
from coordinator.model.work import Admitted, Dispatch, Grant, Read, Submission

EMPLOYERS_WORDS = frozenset({CredentialState.NOMINATED, CredentialState.TRAINING, CredentialState.CERTIFIED})


def judge(submission: Submission, read: Read, policy: Policy, directory: Directory) -> Admitted | Refused:
    """Judge a message at the moment of its receipt; provisional until the policy's version is seen under the lock."""
    refused = identify(submission, read.event, directory)
    return _by_type(read, submission.received, policy, directory) if refused is None else refused


def _by_type(read: Read, at: datetime, policy: Policy, directory: Directory) -> Admitted | Refused:
    event = read.event
    match event:
        case OperationEvent():
            return _registration(event, at, policy, directory)
        case SituationAlert():
            return _alert(event, read, at, policy, directory)
        case AgreementStatus():
            return _agreement(event, directory)
        case CredentialStatus():
            return _credential(event, policy, directory)
        case ReceiptAcknowledge():
            return _by_role(event, (event.data.target.agency,), directory)
        case _:
            return _refused(RefusalCode.UNKNOWN_TYPE, "type")


def identify(submission: Submission, event: AgencyEvent, directory: Directory) -> Refused | None:
    """Whether queue, account, `source` and system all name the same agency; None when they do.

    Without an account (which the door lets pass only where the directory says so) the system itself must be one that
    an account of the agency may speak for.
    """
    agency = directory.agency(submission.agency)
    named, _, system = event.source[2:].partition("/")
    if agency is None or named != submission.agency or submission.system not in (None, system):
        return _refused(RefusalCode.SENDER_MISMATCH, "source")
    may = [
        each.enabled for each in agency.accounts if submission.account in (None, each.user) and system in each.systems
    ]
    if not may:
        return _refused(RefusalCode.SENDER_MISMATCH, "source")
    return None if any(may) else _refused(RefusalCode.SENDER_DISABLED, "source")


def _registration(event: OperationEvent, at: datetime, policy: Policy, directory: Directory) -> Admitted | Refused:
    """Registering needs participation alone; whom it is shown to is judged one by one and refuses nothing."""
    if isinstance(event, OperationCancel | OperationClose):
        return Admitted()  # by role: they end only the sender's own, and go to whoever the store says was told of it
    sender, plan = event.agency, event.data
    if not policy.participates(sender, at):
        return _refused(RefusalCode.NO_PARTICIPATION, "source")
    named = [agency for agency in plan.to if agency != COORDINATOR]
    authority = authority_of(sender, plan, policy, directory) if isinstance(plan, Plan) else None
    return Admitted(*_each_by_agreement(event, named, at, policy, directory), authority)


def _each_by_agreement(
    event: AgencyEvent, recipients: Iterable[str], at: datetime, policy: Policy, directory: Directory
) -> tuple[tuple[Grant, ...], tuple[Withheld, ...]]:
    """Which of the recipients may be told, and why each of the others may not."""
    sender, body = event.agency, event.data
    message = (event.name, body.handling.regime)
    grants: list[Grant] = []
    withheld: list[Withheld] = []
    for recipient in recipients:
        if directory.agency(recipient) is None:
            withheld.append(Withheld(agency=recipient, reason=WithheldReason.UNKNOWN_AGENCY))
        elif recipient == sender:
            withheld.append(Withheld(agency=recipient, reason=WithheldReason.SENDER_ITSELF))
        elif (agreement := policy.covering(sender, recipient, message, at, body.agreement_id)) is None:
            withheld.append(Withheld(agency=recipient, reason=WithheldReason.NO_AGREEMENT))
        else:
            grants.append(Grant(recipient, agreement.id))
    return tuple(grants), tuple(withheld)


def _alert(event: SituationAlert, read: Read, at: datetime, policy: Policy, directory: Directory) -> Admitted | Refused:
    """Imminent danger reaches every desk without an agreement; anything else is judged per recipient."""
    unknown = _unknown_recipient(event, directory)
    if unknown is not None:
        return unknown
    body = event.data
    covering = directory.covering(frozenset(fips for fips, _ in read.counties)) if body.to_area else ()
    recipients = [each for each in dict.fromkeys([*body.to, *covering]) if each not in (event.agency, COORDINATOR)]
    if body.imminent_danger:
        admitted = Admitted(tuple(Grant(agency) for agency in recipients))
    else:
        admitted = Admitted(*_each_by_agreement(event, recipients, at, policy, directory))
    return admitted if admitted.grants else _refused(RefusalCode.NO_RECIPIENT_ALLOWED, "data.to")


def _unknown_recipient(event: AgencyEvent, directory: Directory) -> Refused | None:
    """An operation is registered whoever it names; anything else is refused for a recipient that is not there."""
    unknown = [agency for agency in event.data.to if agency != COORDINATOR and directory.agency(agency) is None]
    return _refused(RefusalCode.UNKNOWN_RECIPIENT, "data.to") if unknown else None


def _by_role(event: AgencyEvent, entitled: Iterable[str], directory: Directory) -> Admitted | Refused:
    """Those whom the message concerns are told, named or not; others that are named are not."""
    unknown = _unknown_recipient(event, directory)
    if unknown is not None:
        return unknown
    told = [each for each in dict.fromkeys(entitled) if each != event.agency and directory.agency(each) is not None]
    others = [each for each in event.data.to if each not in (COORDINATOR, *told)]
    own = {event.agency: WithheldReason.SENDER_ITSELF}
    withheld = (Withheld(agency=each, reason=own.get(each, WithheldReason.NOT_A_RECIPIENT)) for each in others)
    return Admitted(tuple(Grant(agency) for agency in told), tuple(withheld))


def _agreement(event: AgreementStatus, directory: Directory) -> Admitted | Refused:
    terms = event.data.terms
    fault = _fault_of(terms, directory)
    if fault is not None:
        return fault
    if event.agency not in terms.parties:
        return _refused(RefusalCode.NOT_A_PARTY, "data.parties")
    return _by_role(event, _parties_and_lead(terms, directory), directory)


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


def _credential(event: CredentialStatus, policy: Policy, directory: Directory) -> Admitted | Refused:
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
    return _by_role(event, _parties_and_lead(terms, directory), directory)


def _parties_and_lead(terms: Terms, directory: Directory) -> tuple[str, ...]:
    """The lead answers for directive 1, and so hears of every agreement and credential."""
    lead = directory.lead
    return terms.parties if lead is None else (*terms.parties, lead.id)


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


def still_grounded(dispatch: Dispatch, at: datetime, policy: Policy) -> bool:
    """Whether a delivery may still go: judged again when it is leased, as it was when its message was accepted.

    What goes by role is never held. The agreement that was relied on must be in force, and cover type and regime still.
    """
    if dispatch.agreement is None:
        return True
    short_type, _, _ = dispatch.type.removeprefix(TYPE_PREFIX).rpartition(".")
    regime = Regime(orjson.loads(dispatch.body)["data"]["handling"]["regime"])
    covering = policy.covering(dispatch.sender, dispatch.recipient, (short_type, regime), at, dispatch.agreement)
    return covering is not None


def _refused(code: RefusalCode, field: str) -> Refused:
    return Refused(code, Stage.AUTHORISE, field)
