"""What is asked of each type of message beside its shape: who may send it, who is told, when its clock counts.

The steps judge by these values, and `docs/decisions.md` is written from them: what a reader sees is what is done.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from coordinator.model.decisions import RefusalCode


class Speaker(StrEnum):
    """Who may send a type; what only the store can tell is found out under the lock."""

    ANYBODY = "anybody"
    PARTICIPANT = "participant"
    LEAD = "lead"
    PARTY_OF_AGREEMENT = "party_of_agreement"
    SIDE_OF_CREDENTIAL = "side_of_credential"
    OPERATION_OWNER = "operation_owner"
    PARTICIPATING_OWNER = "participating_owner"
    CONFLICT_PARTY = "conflict_party"
    SHARE_OWNER = "share_owner"
    MESSAGE_OWNER = "message_owner"
    RECORD_OWNER = "record_owner"
    RECIPIENT = "recipient"


SPEAKERS: Final[Mapping[Speaker, str]] = {
    Speaker.ANYBODY: "any agency",
    Speaker.PARTICIPANT: "an agency with participation in force",
    Speaker.LEAD: "the lead (DPS) alone",
    Speaker.PARTY_OF_AGREEMENT: "a party of the agreement",
    Speaker.SIDE_OF_CREDENTIAL: "the employer or the other side of the 287(g) agreement, each its own words",
    Speaker.OPERATION_OWNER: "the owner of the operation",
    Speaker.PARTICIPATING_OWNER: "the owner of the operation, with participation in force",
    Speaker.CONFLICT_PARTY: "a party of the conflict",
    Speaker.SHARE_OWNER: "the owner of the share, who was sent the request, with participation in force",
    Speaker.MESSAGE_OWNER: "whoever sent the target",
    Speaker.RECORD_OWNER: "the owner of the record",
    Speaker.RECIPIENT: "whoever was sent the target",
}


class Audience(StrEnum):
    """Who is told, and on what ground (`domain.md`, *Registration is not dissemination*)."""

    EACH_BY_AGREEMENT = "each_by_agreement"
    ALL_BY_AGREEMENT = "all_by_agreement"
    EVERYBODY_IN_DANGER = "everybody_in_danger"
    NOBODY = "nobody"
    LEAD = "lead"
    LEAD_ONLY = "lead_only"
    PARTIES_AND_LEAD = "parties_and_lead"
    PARTY_CONCERNED = "party_concerned"
    TARGETS_SENDER = "targets_sender"
    OTHER_SIDE = "other_side"
    WHO_WAS_TOLD = "who_was_told"
    PAST_RECIPIENTS = "past_recipients"


AUDIENCES: Final[Mapping[Audience, str]] = {
    Audience.EACH_BY_AGREEMENT: "each named recipient that an agreement in force covers, for this type and regime; the "
    "others are withheld, and the lead is told so",
    Audience.ALL_BY_AGREEMENT: "all named recipients, if agreements in force cover each of them for this type and "
    "regime; else nobody",
    Audience.EVERYBODY_IN_DANGER: "as an operation's; with imminent danger every named desk and, by area, every "
    "one that covers a county touched, without an agreement",
    Audience.NOBODY: "nobody but the coordinator",
    Audience.LEAD: "the lead (DPS), by role",
    Audience.LEAD_ONLY: "the lead (DPS) alone, by role; naming another refuses it",
    Audience.PARTIES_AND_LEAD: "the parties of the agreement and the lead, by role",
    Audience.PARTY_CONCERNED: "the agency spoken of, by role",
    Audience.TARGETS_SENDER: "whoever sent the target, by role",
    Audience.OTHER_SIDE: "the other side of the conflict, by role",
    Audience.WHO_WAS_TOLD: "every agency that was sent a revision, by role",
    Audience.PAST_RECIPIENTS: "every past recipient of the target, by role, whatever has become of agreements",
}

UNDER_THE_LOCK: Final = frozenset({Audience.OTHER_SIDE, Audience.WHO_WAS_TOLD, Audience.PAST_RECIPIENTS})
"""Whom these mean is known to the store alone; the state of the object tells."""


class Heard(StrEnum):
    """Whether a skewed clock is a reason to refuse."""

    IN_TIME = "in_time"
    ENDING = "ending"
    ALWAYS = "always"


HEARD: Final[Mapping[Heard, str]] = {
    Heard.IN_TIME: "within 24 h back and 2 min ahead",
    Heard.ENDING: "always, when it suspends or ends",
    Heard.ALWAYS: "always",
}

_BY_SPEAKER: Final[Mapping[Speaker, tuple[RefusalCode, ...]]] = {
    Speaker.ANYBODY: (),
    Speaker.PARTICIPANT: (RefusalCode.NO_PARTICIPATION,),
    Speaker.LEAD: (RefusalCode.LEAD_ONLY,),
    Speaker.PARTY_OF_AGREEMENT: (RefusalCode.NOT_A_PARTY,),
    Speaker.SIDE_OF_CREDENTIAL: (RefusalCode.UNKNOWN_OR_FORBIDDEN, RefusalCode.WRONG_SIDE),
    Speaker.OPERATION_OWNER: (RefusalCode.UNKNOWN_OR_FORBIDDEN, RefusalCode.STATUS_MIXED),
    Speaker.PARTICIPATING_OWNER: (
        RefusalCode.NO_PARTICIPATION,
        RefusalCode.UNKNOWN_OR_FORBIDDEN,
        RefusalCode.STATUS_MIXED,
    ),
    Speaker.CONFLICT_PARTY: (RefusalCode.UNKNOWN_OR_FORBIDDEN, RefusalCode.STATUS_MIXED),
    Speaker.SHARE_OWNER: (RefusalCode.NO_PARTICIPATION, RefusalCode.UNKNOWN_OR_FORBIDDEN),
    Speaker.MESSAGE_OWNER: (RefusalCode.UNKNOWN_OR_FORBIDDEN,),
    Speaker.RECORD_OWNER: (RefusalCode.UNKNOWN_OR_FORBIDDEN,),
    Speaker.RECIPIENT: (RefusalCode.UNKNOWN_OR_FORBIDDEN,),
}
_BY_AUDIENCE: Final[Mapping[Audience, tuple[RefusalCode, ...]]] = {
    Audience.EACH_BY_AGREEMENT: (),
    Audience.ALL_BY_AGREEMENT: (RefusalCode.ALL_OR_NOTHING,),
    Audience.EVERYBODY_IN_DANGER: (RefusalCode.UNKNOWN_RECIPIENT, RefusalCode.NO_RECIPIENT_ALLOWED),
    Audience.NOBODY: (),
    Audience.LEAD: (RefusalCode.UNKNOWN_RECIPIENT,),
    Audience.LEAD_ONLY: (RefusalCode.ALL_OR_NOTHING,),
    Audience.PARTIES_AND_LEAD: (RefusalCode.UNKNOWN_RECIPIENT,),
    Audience.PARTY_CONCERNED: (RefusalCode.UNKNOWN_RECIPIENT,),
    Audience.TARGETS_SENDER: (RefusalCode.UNKNOWN_RECIPIENT,),
    Audience.OTHER_SIDE: (RefusalCode.UNKNOWN_RECIPIENT,),
    Audience.WHO_WAS_TOLD: (),
    Audience.PAST_RECIPIENTS: (RefusalCode.UNKNOWN_RECIPIENT,),
}
OF_ANY_TYPE: Final = (RefusalCode.SENDER_MISMATCH, RefusalCode.SENDER_DISABLED, RefusalCode.ID_REUSED)
"""What refuses a message of any type that is well formed: it is not the sender's, or its id was used."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How one type is judged, what it does, and what it will do once more of the service is built."""

    speaker: Speaker
    audience: Audience
    effect: str
    """In plain words, for people."""
    later: str = ""
    """What is not built yet, in plain words."""
    heard: Heard = Heard.IN_TIME
    state: tuple[RefusalCode, ...] = ()
    """What else refuses it: the state of what it speaks of, or what its words mean together."""

    @property
    def refusals(self) -> tuple[RefusalCode, ...]:
        """Every code that refuses a well-formed message of the type, beside those of any type."""
        return tuple(dict.fromkeys((*_BY_SPEAKER[self.speaker], *_BY_AUDIENCE[self.audience], *self.state)))
