"""Whether the message is the sender's own, and whether the sender may say such things at all."""

from datetime import datetime

from coordinator.model.decisions import RefusalCode, Refused, Stage
from coordinator.model.directory import Directory
from coordinator.model.envelope import AgencyEvent
from coordinator.model.policy import Policy
from coordinator.model.rules import Speaker
from coordinator.model.work import Submission

_TAKING_PART = frozenset({Speaker.PARTICIPANT, Speaker.PARTICIPATING_OWNER, Speaker.SHARE_OWNER})


def identify(submission: Submission, event: AgencyEvent, policy: Policy, directory: Directory) -> Refused | None:
    """Whether queue, account, `source` and system all name the same agency, and none is disabled; None when so.

    Without an account (which the door lets pass only where the directory says so) the system itself must be one that
    an account of the agency may speak for.
    """
    agency = directory.agency(submission.agency)
    named, _, system = event.source[2:].partition("/")
    if agency is None or named != submission.agency or submission.system not in (None, system):
        return _refused(RefusalCode.SENDER_MISMATCH)
    may = [
        each.enabled and not policy.disabled(agency.id, each.user)
        for each in agency.accounts
        if submission.account in (None, each.user) and system in each.systems
    ]
    if not may:
        return _refused(RefusalCode.SENDER_MISMATCH)
    return None if any(may) else _refused(RefusalCode.SENDER_DISABLED)


def may_speak(event: AgencyEvent, at: datetime, policy: Policy, directory: Directory) -> Refused | None:
    """Whether an agency of this kind may send this type; None when so, or when only the object's state can tell."""
    speaker = event.rule.speaker
    if speaker in _TAKING_PART and not policy.participates(event.agency, at):
        return _refused(RefusalCode.NO_PARTICIPATION)
    if speaker is Speaker.LEAD:
        lead = directory.lead
        return None if lead is not None and event.agency == lead.id else _refused(RefusalCode.LEAD_ONLY)
    return None


def _refused(code: RefusalCode) -> Refused:
    return Refused(code, Stage.AUTHORISE, "source")
