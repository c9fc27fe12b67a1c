"""The closed vocabularies: every word that a message, a decision or a leaf may use where prose is not allowed."""

from enum import StrEnum


class EventType(StrEnum):
    """What kind of operation is planned; rules of deconfliction are chosen by it."""

    SEARCH_WARRANT = "search_warrant"
    ARREST_WARRANT = "arrest_warrant"
    SURVEILLANCE = "surveillance"
    UNDERCOVER_MEET = "undercover_meet"
    BUY_BUST = "buy_bust"
    BUY_WALK = "buy_walk"
    REVERSAL = "reversal"
    RAID = "raid"
    SWEEP = "sweep"
    FUGITIVE = "fugitive"
    CHECKPOINT = "checkpoint"
    INTERDICTION = "interdiction"
    PROTECTIVE_DETAIL = "protective_detail"
    OTHER = "other"


class Duty(StrEnum):
    """The duties of directive 3 of Executive Order 25-04."""

    IMMIGRATION_ENFORCEMENT = "immigration_enforcement"
    CRIMINAL_APPREHENSION = "criminal_apprehension"
    NARCOTICS_INTERDICTION = "narcotics_interdiction"
    NONE = "none"


class Purpose(StrEnum):
    """Why a message is sent."""

    DECONFLICTION = "deconfliction"
    COORDINATION = "coordination"
    OFFICER_SAFETY = "officer_safety"
    CRIMINAL_INVESTIGATION = "criminal_investigation"
    ADMINISTRATION = "administration"


class Status(StrEnum):
    """Whether the world is meant: never mixed in one conversation, shown everywhere."""

    ACTUAL = "actual"
    EXERCISE = "exercise"
    TEST = "test"


class Marking(StrEnum):
    """Traffic Light Protocol 2.0; GREEN for exercises only."""

    GREEN = "TLP:GREEN"
    AMBER = "TLP:AMBER"
    AMBER_STRICT = "TLP:AMBER+STRICT"


class Regime(StrEnum):
    """The body of law that a content falls under; an agreement covers regimes one by one."""

    OPERATIONAL = "operational"
    CRIMINAL_INTELLIGENCE = "criminal-intelligence"
    CIVIL_IMMIGRATION = "civil-immigration"


class YesNo(StrEnum):
    """A choice that must be spelled out, so that a missing field never reads as permission."""

    NO = "no"
    YES = "yes"


class Priority(StrEnum):
    """How soon an answer is wanted."""

    URGENT = "urgent"
    ROUTINE = "routine"


class Caution(StrEnum):
    """What an officer who walks into the area must know, in closed codes."""

    ARMED = "armed"
    OFFICERS_IN_PLAIN_CLOTHES = "officers_in_plain_clothes"
    EXPLOSIVES = "explosives"
    HAZARDOUS_MATERIALS = "hazardous_materials"
    DOGS = "dogs"
    CHILDREN_PRESENT = "children_present"
    FORTIFIED = "fortified"
    SURVEILLANCE_DEVICES = "surveillance_devices"
    FENTANYL = "fentanyl"


class Progress(StrEnum):
    """What a status message reports."""

    STAGED = "staged"
    EXECUTING = "executing"
    CLEAR = "clear"


class UpdateReason(StrEnum):
    """Why an operation was revised."""

    TIME_CHANGED = "time_changed"
    AREA_CHANGED = "area_changed"
    PERSONNEL_CHANGED = "personnel_changed"
    CONTACT_CHANGED = "contact_changed"
    DECONFLICTED = "deconflicted"
    CORRECTION = "correction"


class CancelReason(StrEnum):
    """Why an operation will not take place."""

    DECONFLICTED = "deconflicted"
    INTELLIGENCE_CHANGED = "intelligence_changed"
    RESOURCES = "resources"
    WEATHER = "weather"
    LEGAL = "legal"
    ENTERED_IN_ERROR = "entered_in_error"
    OTHER = "other"


class Outcome(StrEnum):
    """How an operation ended."""

    COMPLETED = "completed"
    COMPLETED_WITH_ARRESTS = "completed_with_arrests"
    ABORTED = "aborted"
    NO_CONTACT = "no_contact"
    HANDED_OVER = "handed_over"


class AgencyKind(StrEnum):
    """The level of government."""

    STATE = "state"
    FEDERAL = "federal"
    LOCAL = "local"


class Role(StrEnum):
    """The part an agency plays in the domain."""

    LEAD = "lead"
    PATROL = "patrol"
    FEDERAL = "federal"
    LOCAL = "local"


class AgreementKind(StrEnum):
    """What an agreement allows; each kind has its own two sides."""

    PARTICIPATION = "participation"
    DISSEMINATION = "dissemination"
    DELEGATION = "287g"


class AgreementState(StrEnum):
    """What one side says of an agreement; in force needs both sides, any other word of either side ends it."""

    PROPOSED = "proposed"
    IN_FORCE = "in_force"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"


class CredentialState(StrEnum):
    """Directives 2 and 3: the employer nominates, trains and certifies; the other side authorises."""

    NOMINATED = "nominated"
    TRAINING = "training"
    CERTIFIED = "certified"
    AUTHORISED = "authorised"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


class Function(StrEnum):
    """Functions under 8 U.S.C. 1357(g) that an agreement may delegate and a credential confer."""

    INTERROGATE = "interrogate"
    SERVE_WARRANTS = "serve_warrants"
    ARREST_IMMIGRATION = "arrest_immigration"
    DETAIN = "detain"
    TRANSPORT = "transport"
    PREPARE_CHARGING = "prepare_charging"


class Urgency(StrEnum):
    """CAP 1.2, element urgency."""

    IMMEDIATE = "Immediate"
    EXPECTED = "Expected"
    FUTURE = "Future"
    PAST = "Past"
    UNKNOWN = "Unknown"


class Severity(StrEnum):
    """CAP 1.2, element severity."""

    EXTREME = "Extreme"
    SEVERE = "Severe"
    MODERATE = "Moderate"
    MINOR = "Minor"
    UNKNOWN = "Unknown"


class Certainty(StrEnum):
    """CAP 1.2, element certainty."""

    OBSERVED = "Observed"
    LIKELY = "Likely"
    POSSIBLE = "Possible"
    UNLIKELY = "Unlikely"
    UNKNOWN = "Unknown"


class Situation(StrEnum):
    """What an alert is about: structured, so that no identity can slip in as prose."""

    OFFICER_DOWN = "officer_down"
    SHOTS_FIRED = "shots_fired"
    ARMED_SUBJECT = "armed_subject"
    PURSUIT = "pursuit"
    HAZARDOUS_MATERIALS = "hazardous_materials"
    CIVIL_UNREST = "civil_unrest"
    WRONG_WAY_DRIVER = "wrong_way_driver"
    OFFICERS_IN_AREA = "officers_in_area"
    OTHER = "other"


class ImminentReason(StrEnum):
    """Why an alert claims imminent danger and so passes without an agreement."""

    THREAT_TO_OFFICERS = "threat_to_officers"
    THREAT_TO_PUBLIC = "threat_to_public"
    CROSSFIRE_RISK = "crossfire_risk"
    HAZARD_RELEASE = "hazard_release"


class AcknowledgeLevel(StrEnum):
    """How far a message got with a person."""

    DISPLAYED = "displayed"
    READ = "read"
    ACCEPTED = "accepted"
    DECLINED = "declined"


class DeclineReason(StrEnum):
    """Why a recipient declined a message."""

    NOT_FOR_US = "not_for_us"
    UNREADABLE = "unreadable"
    CANNOT_ACT = "cannot_act"
    NOT_LAWFUL_HERE = "not_lawful_here"


class Lane(StrEnum):
    """The two egress queues of an agency; alerts never wait behind notices."""

    OUT = "out"
    ALERT = "alert"


class Band(StrEnum):
    """How near two operations come, in words too coarse to triangulate with."""

    OVERLAP = "overlap"
    WITHIN_100_M = "within_100_m"
    WITHIN_RULE = "within_rule"
