"""Decisions as values: every refusal, withholding and flag carries a reason from a closed list."""

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """The step at which a message was refused."""

    DOOR = "door"
    DECODE = "decode"
    VALIDATE = "validate"
    AUTHORISE = "authorise"
    DEDUPLICATE = "deduplicate"
    REGISTER = "register"


class RefusalCode(StrEnum):
    """Why a message was refused."""

    UNREADABLE_HEADERS = "unreadable_headers"
    FORBIDDEN_PROPERTY = "forbidden_property"
    USER_ID_MISSING = "user_id_missing"
    CONTENT_TYPE = "content_type"
    CONTENT_ENCODING = "content_encoding"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    TOO_MANY_PARTS = "too_many_parts"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    DUPLICATE_KEY = "duplicate_key"
    NUMBER_OUT_OF_RANGE = "number_out_of_range"
    FORBIDDEN_CHARACTER = "forbidden_character"
    UNKNOWN_TYPE = "unknown_type"
    NOT_FROM_AN_AGENCY = "not_from_an_agency"
    UNKNOWN_FIELD = "unknown_field"
    MISSING_FIELD = "missing_field"
    INVALID_FIELD = "invalid_field"
    AREA_INVALID = "area_invalid"
    AREA_OUTSIDE = "area_outside"
    AREA_TOO_LARGE = "area_too_large"
    WINDOW_INVALID = "window_invalid"
    WINDOW_TOO_LONG = "window_too_long"
    WINDOW_OVER = "window_over"
    EXPIRED = "expired"
    CLOCK_SKEW = "clock_skew"
    MARKING_NOT_ALLOWED = "marking_not_allowed"
    SENDER_MISMATCH = "sender_mismatch"
    SENDER_DISABLED = "sender_disabled"
    NO_PARTICIPATION = "no_participation"
    NOT_A_PARTY = "not_a_party"
    UNKNOWN_RECIPIENT = "unknown_recipient"
    NO_RECIPIENT_ALLOWED = "no_recipient_allowed"
    ID_REUSED = "id_reused"
    UNKNOWN_OR_FORBIDDEN = "unknown_or_forbidden"
    ALREADY_REGISTERED = "already_registered"
    STALE_REVISION = "stale_revision"
    NOT_LIVE = "not_live"
    STATUS_MIXED = "status_mixed"
    TERMS_FIXED = "terms_fixed"
    WRONG_SIDE = "wrong_side"
    BEGUN_ALREADY = "begun_already"
    ENDED_FOR_GOOD = "ended_for_good"
    LEAD_ONLY = "lead_only"
    ALL_OR_NOTHING = "all_or_nothing"
    CONFLICT_CLOSED = "conflict_closed"
    NOT_RECALLABLE = "not_recallable"
    RECALLED_ALREADY = "recalled_already"


EXPLANATIONS: dict[RefusalCode, str] = {
    RefusalCode.UNREADABLE_HEADERS: "the message's header table cannot be read",
    RefusalCode.FORBIDDEN_PROPERTY: "reply_to, CC and BCC are not honoured here; send without them",
    RefusalCode.USER_ID_MISSING: "the user_id property must be set to the agency's account",
    RefusalCode.CONTENT_TYPE: "content_type must be application/cloudevents+json, or application/json with ce- headers",
    RefusalCode.CONTENT_ENCODING: "compressed bodies are not accepted",
    RefusalCode.TOO_LARGE: "the body is larger than 64 KiB",
    RefusalCode.TOO_DEEP: "the body is nested deeper than 32 levels",
    RefusalCode.TOO_MANY_PARTS: "the body has more than 10,000 brackets, braces and commas",
    RefusalCode.NOT_UTF8: "the body is not UTF-8 without a byte order mark",
    RefusalCode.NOT_JSON: "the body is not one JSON object",
    RefusalCode.DUPLICATE_KEY: "an object names the same key twice",
    RefusalCode.NUMBER_OUT_OF_RANGE: "a number is not finite, or is beyond 2^53",
    RefusalCode.FORBIDDEN_CHARACTER: "a text holds a control, invisible, bidirectional or unpaired surrogate character",
    RefusalCode.UNKNOWN_TYPE: "this type or version is not known here",
    RefusalCode.NOT_FROM_AN_AGENCY: "only the coordinator itself sends this type",
    RefusalCode.UNKNOWN_FIELD: "a field is not part of this type",
    RefusalCode.MISSING_FIELD: "a required field is missing",
    RefusalCode.INVALID_FIELD: "a field does not have the form or a value that this type allows",
    RefusalCode.AREA_INVALID: "the area is not a valid shape",
    RefusalCode.AREA_OUTSIDE: "the area lies outside the domain",
    RefusalCode.AREA_TOO_LARGE: "the area is larger than the domain allows",
    RefusalCode.WINDOW_INVALID: "the window is empty: the end is not after the start",
    RefusalCode.WINDOW_TOO_LONG: "the window is longer than the domain allows",
    RefusalCode.WINDOW_OVER: "the window has already ended",
    RefusalCode.EXPIRED: "the message has expired",
    RefusalCode.CLOCK_SKEW: "the message's time is too far from ours; check the sender's clock",
    RefusalCode.MARKING_NOT_ALLOWED: "this marking may not be used here",
    RefusalCode.SENDER_MISMATCH: "the account, the queue and `source` do not name the same agency and system",
    RefusalCode.SENDER_DISABLED: "the agency, its account or its system is disabled",
    RefusalCode.NO_PARTICIPATION: "no participation agreement of the sender is in force",
    RefusalCode.NOT_A_PARTY: "the sender is not a side of this agreement",
    RefusalCode.UNKNOWN_RECIPIENT: "a recipient is not in the directory",
    RefusalCode.NO_RECIPIENT_ALLOWED: "no named recipient may be told: no agreement covers it",
    RefusalCode.ID_REUSED: "this id was used before for other content",
    RefusalCode.UNKNOWN_OR_FORBIDDEN: "there is no such thing, or it is not the sender's",
    RefusalCode.ALREADY_REGISTERED: "this operation is registered already; send an update",
    RefusalCode.STALE_REVISION: "the revision is not the next one of this operation",
    RefusalCode.NOT_LIVE: "the operation is closed or cancelled",
    RefusalCode.STATUS_MIXED: "actual, exercise and test are never mixed in one conversation",
    RefusalCode.TERMS_FIXED: "an agreement's kind and parties cannot change; propose a new agreement",
    RefusalCode.WRONG_SIDE: "this state is the other side's to declare",
    RefusalCode.BEGUN_ALREADY: "the operation has begun; it cannot be staged again",
    RefusalCode.ENDED_FOR_GOOD: "the agreement is terminated, or the credential or party revoked; begin a new one",
    RefusalCode.LEAD_ONLY: "only the agency that leads the domain may say this",
    RefusalCode.ALL_OR_NOTHING: "a named recipient may not be told, so nobody is; `withheld` names each one and why",
    RefusalCode.CONFLICT_CLOSED: "the conflict is closed; there is nothing left to decide",
    RefusalCode.NOT_RECALLABLE: "this type is not recalled or corrected: cancel or update an operation instead",
    RefusalCode.RECALLED_ALREADY: "the message was recalled; it is not recalled, corrected or released again",
}


class Hint(StrEnum):
    """What would probably mend a refused message."""

    COORDINATES_SWAPPED = "coordinates_swapped"


class QuarantineReason(StrEnum):
    """Why a message was set aside for an operator."""

    ATTEMPTS_SPENT = "attempts_spent"
    UNREADABLE_HEADERS = "unreadable_headers"
    DEAD_LETTERED = "dead_lettered"


class Flag(StrEnum):
    """What is odd about an accepted message."""

    CLOCK_SKEW = "clock_skew"


class WithheldReason(StrEnum):
    """Why a named recipient was not told."""

    UNKNOWN_AGENCY = "unknown_agency"
    NO_AGREEMENT = "no_agreement"
    SENDER_ITSELF = "sender_itself"
    NOT_A_RECIPIENT = "not_a_recipient"


@dataclass(frozen=True, slots=True)
class Refused:
    """A message is refused; nothing is delivered, the reason is journaled and answered."""

    code: RefusalCode
    stage: Stage
    field: str | None = None
    hint: Hint | None = None
    withheld: tuple[tuple[str, WithheldReason], ...] = ()
    """Which named recipients the refusal is about, and why each may not be told."""

    @property
    def explanation(self) -> str:
        """The code in plain words."""
        return EXPLANATIONS[self.code]
