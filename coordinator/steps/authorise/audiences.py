"""Which recipients may be told: by agreement one by one, by agreement all or nothing, or by role."""

from collections.abc import Iterable
from datetime import datetime

from coordinator.model.answers import Withheld
from coordinator.model.base import COORDINATOR
from coordinator.model.decisions import RefusalCode, Refused, Stage, WithheldReason
from coordinator.model.directory import Directory
from coordinator.model.envelope import AgencyEvent
from coordinator.model.intelligence import IntelligenceEvent, IntelligenceRelease, IntelligenceShare
from coordinator.model.notices import SituationAlert
from coordinator.model.policy import Policy
from coordinator.model.work import Admitted, Grant, Read


def each_by_agreement(
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


def all_by_agreement(
    event: IntelligenceEvent, at: datetime, policy: Policy, directory: Directory
) -> Admitted | Refused:
    """Intelligence is all or nothing: one recipient that fails refuses it, and each that fails is named."""
    grants, withheld = each_by_agreement(event, event.data.to, at, policy, directory)
    also: tuple[Grant, ...] = ()
    if isinstance(event, IntelligenceRelease) and not withheld:
        also, withheld = _of_the_share(event, at, policy)
    if withheld:
        named = tuple((each.agency, each.reason) for each in withheld)
        return Refused(RefusalCode.ALL_OR_NOTHING, Stage.AUTHORISE, "data.to", withheld=named)
    return Admitted(grants, also=also)


def _of_the_share(
    event: IntelligenceRelease, at: datetime, policy: Policy
) -> tuple[tuple[Grant, ...], tuple[Withheld, ...]]:
    """What is released is a share, and needs the agreement that a share needs."""
    recipient = event.data.request.agency
    message = (IntelligenceShare.name, event.data.handling.regime)
    agreement = policy.covering(event.agency, recipient, message, at, event.data.agreement_id)
    if agreement is None:
        return (), (Withheld(agency=recipient, reason=WithheldReason.NO_AGREEMENT),)
    return (Grant(recipient, agreement.id),), ()


def in_danger(
    event: SituationAlert, read: Read, at: datetime, policy: Policy, directory: Directory
) -> Admitted | Refused:
    """Imminent danger reaches every desk without an agreement; anything else is judged per recipient."""
    unknown = unknown_recipient(event, directory)
    if unknown is not None:
        return unknown
    body = event.data
    covering = directory.covering(frozenset(fips for fips, _ in read.counties)) if body.to_area else ()
    recipients = [each for each in dict.fromkeys([*body.to, *covering]) if each not in (event.agency, COORDINATOR)]
    if body.imminent_danger:
        admitted = Admitted(tuple(Grant(agency) for agency in recipients))
    else:
        admitted = Admitted(*each_by_agreement(event, recipients, at, policy, directory))
    return admitted if admitted.grants else Refused(RefusalCode.NO_RECIPIENT_ALLOWED, Stage.AUTHORISE, "data.to")


def unknown_recipient(event: AgencyEvent, directory: Directory) -> Refused | None:
    """An operation is registered whoever it names; anything else is refused for a recipient that is not there."""
    unknown = [agency for agency in event.data.to if agency != COORDINATOR and directory.agency(agency) is None]
    return Refused(RefusalCode.UNKNOWN_RECIPIENT, Stage.AUTHORISE, "data.to") if unknown else None


def by_role(event: AgencyEvent, entitled: Iterable[str], directory: Directory) -> Admitted | Refused:
    """Those whom the message concerns are told, named or not; others that are named are not."""
    unknown = unknown_recipient(event, directory)
    return told_by_role(event, entitled, directory) if unknown is None else unknown


def told_by_role(event: AgencyEvent, entitled: Iterable[str], directory: Directory) -> Admitted:
    """The same of a message whose recipients are all in the directory."""
    told = [each for each in dict.fromkeys(entitled) if each != event.agency and directory.agency(each) is not None]
    others = [each for each in event.data.to if each not in (COORDINATOR, *told)]
    own = {event.agency: WithheldReason.SENDER_ITSELF}
    withheld = (Withheld(agency=each, reason=own.get(each, WithheldReason.NOT_A_RECIPIENT)) for each in others)
    return Admitted(tuple(Grant(agency) for agency in told), tuple(withheld))


def lead_alone(event: AgencyEvent, directory: Directory) -> Admitted | Refused:
    """The restricted route: whoever names anybody else does not mean it, and is refused."""
    lead = directory.lead
    may = {COORDINATOR} if lead is None else {COORDINATOR, lead.id}
    others = tuple((each, WithheldReason.NOT_A_RECIPIENT) for each in event.data.to if each not in may)
    if others:
        return Refused(RefusalCode.ALL_OR_NOTHING, Stage.AUTHORISE, "data.to", withheld=others)
    return told_by_role(event, () if lead is None else (lead.id,), directory)
