"""Step 2: may the sender send this, and which of the named recipients may be told (`domain.md`, *Registration …*).

Each type says in its `rule` (`model/rules.py`) who may speak and who is told; here that is judged.
"""

from datetime import datetime

import orjson

from coordinator.model.authority import AgreementStatus, CredentialStatus
from coordinator.model.base import COORDINATOR
from coordinator.model.codes import Regime
from coordinator.model.decisions import RefusalCode, Refused, Stage
from coordinator.model.directory import Directory
from coordinator.model.envelope import TYPE_PREFIX, AgencyEvent
from coordinator.model.intelligence import IntelligenceEvent
from coordinator.model.notices import ReceiptAcknowledge, SituationAlert
from coordinator.model.operations import OperationEvent, Plan
from coordinator.model.parties import ComplaintReferral, PartyStatus
from coordinator.model.policy import Policy
from coordinator.model.rules import Audience
from coordinator.model.work import Admitted, Dispatch, Read, Submission
from coordinator.steps.authorise import law
from coordinator.steps.authorise.audiences import (
    all_by_agreement,
    by_role,
    each_by_agreement,
    in_danger,
    told_by_role,
    unknown_recipient,
)
from coordinator.steps.authorise.law import EMPLOYERS_WORDS, authority_of, lacking_officers
from coordinator.steps.authorise.senders import identify, may_speak

__all__ = [
    "EMPLOYERS_WORDS",
    "authority_of",
    "identify",
    "judge",
    "lacking_officers",
    "still_grounded",
    "told_by_role",
]


def judge(submission: Submission, read: Read, policy: Policy, directory: Directory) -> Admitted | Refused:
    """Judge a message at the moment of its receipt; provisional until the policy's version is seen under the lock."""
    event, at = read.event, submission.received
    refused = identify(submission, event, policy, directory) or may_speak(event, at, policy, directory)
    if refused is not None:
        return refused
    match event:
        case OperationEvent():
            return _registration(event, at, policy, directory)
        case SituationAlert():
            return in_danger(event, read, at, policy, directory)
        case IntelligenceEvent():
            return all_by_agreement(event, at, policy, directory)
        case _:
            decided = _of_parties(event, submission, policy, directory)
            return _by_role(event, directory) if decided is None else decided


def _of_parties(
    event: AgencyEvent, submission: Submission, policy: Policy, directory: Directory
) -> Admitted | Refused | None:
    match event:
        case AgreementStatus():
            return law.agreement(event, directory)
        case CredentialStatus():
            return law.credential(event, policy, directory)
        case PartyStatus():
            return law.party(event, submission, directory)
        case ComplaintReferral():
            return law.complaint(event, directory)
        case _:
            return None


def _by_role(event: AgencyEvent, directory: Directory) -> Admitted | Refused:
    """What is authorised by role alone; whom the store alone knows is found out under the lock."""
    match event.rule.audience:
        case Audience.NOBODY:
            return Admitted()
        case Audience.LEAD:
            lead = directory.lead
            return by_role(event, () if lead is None else (lead.id,), directory)
        case Audience.TARGETS_SENDER if isinstance(event, ReceiptAcknowledge):
            return by_role(event, (event.data.target.agency,), directory)
        case Audience.OTHER_SIDE | Audience.PAST_RECIPIENTS:
            unknown = unknown_recipient(event, directory)
            return Admitted() if unknown is None else unknown
        case _:
            return Refused(RefusalCode.UNKNOWN_TYPE, Stage.AUTHORISE, "type")


def _registration(event: OperationEvent, at: datetime, policy: Policy, directory: Directory) -> Admitted:
    """Registering needs participation alone; whom it is shown to is judged one by one and refuses nothing."""
    if event.rule.audience is Audience.WHO_WAS_TOLD:
        return Admitted()
    sender, plan = event.agency, event.data
    named = [agency for agency in plan.to if agency != COORDINATOR]
    authority = authority_of(sender, plan, policy, directory) if isinstance(plan, Plan) else None
    return Admitted(*each_by_agreement(event, named, at, policy, directory), authority)


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
