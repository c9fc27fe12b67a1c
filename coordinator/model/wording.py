"""What a conflict means to its own side, in words that a sergeant understands; moments in Central Time and in UTC."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

from coordinator.model.answers import CloseReason, Eyes, Pointer
from coordinator.model.codes import Band, Caution, Status
from coordinator.model.disputes import ContactMethod, Decision
from coordinator.model.operations import Contact
from coordinator.model.views import ConflictView, Progress, SideView, Word

NEARNESS: Mapping[Band, str] = {
    Band.OVERLAP: "on the same ground as one of {other}",
    Band.WITHIN_100_M: "within 100 metres of one of {other}",
    Band.WITHIN_RULE: "nearer to one of {other} than the rule allows",
}
NEARNESS_WITHIN: Mapping[Band, str] = {
    Band.OVERLAP: "on the same ground",
    Band.WITHIN_100_M: "within 100 metres of each other",
    Band.WITHIN_RULE: "nearer to each other than the rule allows",
}
"""Where both operations are the viewer's own."""
CAUTIONS: Mapping[Caution, str] = {
    Caution.ARMED: "people there are armed",
    Caution.OFFICERS_IN_PLAIN_CLOTHES: "officers there are in plain clothes",
    Caution.EXPLOSIVES: "there may be explosives",
    Caution.HAZARDOUS_MATERIALS: "there may be hazardous materials",
    Caution.DOGS: "there are dogs",
    Caution.CHILDREN_PRESENT: "children may be present",
    Caution.FORTIFIED: "the place is fortified",
    Caution.SURVEILLANCE_DEVICES: "there are surveillance devices",
    Caution.FENTANYL: "there may be fentanyl: protect yourself",
}
ENDINGS: Mapping[CloseReason, str] = {
    CloseReason.OPERATION_CANCELLED: "one of the two operations was cancelled",
    CloseReason.OPERATION_CLOSED: "one of the two operations is over",
    CloseReason.MOVED_APART: "the two operations have moved apart",
}
STANDING: Mapping[Progress, str] = {
    Progress.OPEN: "The conflict is open: neither side has taken note of it yet.",
    Progress.ACKNOWLEDGED: "The conflict is open; it was taken note of.",
    Progress.CLAIMED: "The conflict is open; somebody is on it.",
    Progress.DECIDED: "Both sides have said what they will do; until the conflict is closed, it is not over.",
    Progress.CLOSED: "The conflict is closed.",
}
STANDING_WITHIN: Mapping[Progress, str] = {
    **STANDING,
    Progress.OPEN: "The conflict is open: nobody has taken note of it yet.",
    Progress.DECIDED: "You have said what you will do; until the conflict is closed, it is not over.",
}
DECISIONS: Mapping[Decision, str] = {
    Decision.PROCEED: "goes ahead as planned",
    Decision.JOINT: "makes it a joint operation",
    Decision.DELAY: "means to delay",
    Decision.CANCEL: "means to cancel",
    Decision.NEED_MORE_TIME: "needs {minutes} minutes more",
    Decision.REFER_UP: "leaves it to a higher level",
}
MEETINGS: Mapping[ContactMethod, str] = {
    ContactMethod.PHONE: "by phone",
    ContactMethod.RADIO: "by radio",
    ContactMethod.IN_PERSON: "in person",
    ContactMethod.VIDEO: "by video",
}
NOT_ACTUAL: Mapping[Status, str] = {Status.EXERCISE: "EXERCISE", Status.TEST: "TEST"}
"""What must stand wherever something is shown that is not actual."""
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NORTH_AMERICAN = len("+15735550100")


@cache
def central() -> ZoneInfo:
    """Where Missouri's clocks are; an hour there happens twice each November, so the offset is always shown."""
    return ZoneInfo("America/Chicago")


def moment(when: datetime) -> str:
    """`Fri 27 Nov 2026 12:15 CST (UTC-06:00) / 18:15Z`; the day in UTC too where it is another one."""
    local, utc = when.astimezone(central()), when.astimezone(UTC)
    offset = f"{local:%z}"
    day = "" if local.date() == utc.date() else f"{_day(utc)} "
    shown = f"{_day(local)} {local.year} {local:%H:%M} {local.tzname()}"
    return f"{shown} (UTC{offset[:3]}:{offset[3:]}) / {day}{utc:%H:%M}Z"


def short_moment(when: datetime) -> str:
    """`2026-11-27 12:15 -06:00`, for a column: Central Time, with its offset."""
    local = when.astimezone(central())
    offset = f"{local:%z}"
    return f"{local:%Y-%m-%d %H:%M} {offset[:3]}:{offset[3:]}"


def _day(when: datetime) -> str:
    return f"{_DAYS[when.weekday()]} {when.day} {_MONTHS[when.month - 1]}"


def phone(number: str) -> str:
    """A number as people read it out: `+1 573 555 0110`; of other countries as it is."""
    if number.startswith("+1") and len(number) == _NORTH_AMERICAN:
        return f"+1 {number[2:5]} {number[5:8]} {number[8:]}"
    return number


def cautions(codes: Sequence[Caution]) -> str:
    """What an officer who goes there must know, in plain words."""
    return "; ".join(CAUTIONS[code] for code in codes)


def marked(status: Status, words: str) -> str:
    """The words, behind EXERCISE or TEST when they are not about the actual world."""
    return f"{NOT_ACTUAL[status]}: {words}" if status in NOT_ACTUAL else words


def explain(view: ConflictView, names: Mapping[str, str]) -> str:
    """A whole conflict in words; `names` are those of the agencies, by id. EXERCISE stands before each paragraph."""
    if any(side.within for side in view.sides):
        return marked(view.status, " ".join(_within(view)))
    return "\n".join(marked(side.status, " ".join(_sentences(side, names))) for side in view.sides)


def titles(view: ConflictView) -> str:
    """The viewer's own operations in a conflict, by their names: `TRY THIS`, or `TRY THIS and TRY THAT`."""
    own = [side.operation.name or side.operation_id if side.operation else side.operation_id for side in view.sides]
    return " and ".join(own)


def _within(view: ConflictView) -> Iterator[str]:
    """Both operations are the viewer's own: there is nobody else to call, and one paragraph for the two."""
    both = f"{titles(view)}, both yours," if len(view.sides) > 1 else f"{titles(view)} and another operation of yours"
    of = next((side for side in view.sides if side.open), view.sides[0])
    if of.closed_because is not None:
        yield f"{both} are no longer in conflict: {ENDINGS[of.closed_because]}."
        yield "There is nothing left to settle."
        return
    if of.pointer.eyes is Eyes.HEADQUARTERS:
        yield "SEALED, for your headquarters only."
    near = f"planned {NEARNESS_WITHIN[of.pointer.band]}, at about the same time" if of.pointer.band else "in conflict"
    yield f"{both} are {near}."
    beware = dict.fromkeys(code for side in view.sides for code in side.pointer.other.caution)
    if beware:
        yield f"Caution: {cautions(list(beware))}."
    by = "" if of.pointer.act_by is None else f" by {moment(of.pointer.act_by)}"
    yield f"Settle it among yourselves{by}."
    yield STANDING_WITHIN[of.progress]
    for each in of.words:
        yield said(each)


def _sentences(side: SideView, names: Mapping[str, str]) -> Iterator[str]:
    """Only what the pointer shows: nothing of the other side's place, time, kind or regime."""
    pointer = side.pointer
    other = named(pointer.other.agency, names)
    own = "Your operation" if side.operation is None else f"Your operation {side.operation.name}"
    if side.closed_because is not None:
        yield f"{own} is no longer in conflict with one of {other}: {ENDINGS[side.closed_because]}."
        yield "There is nothing left to settle."
        return
    if pointer.eyes is Eyes.HEADQUARTERS:
        yield f"SEALED, for your headquarters only. {own} is in conflict with an operation of {other} that is sealed."
        yield f"Have your headquarters call {contact(pointer.other.contact)}, now."
    else:
        near = NEARNESS[pointer.band].format(other=other) if pointer.band else f"in conflict with one of {other}"
        yield f"{own} is planned {near}, at about the same time."
        if pointer.other.caution:
            yield f"Caution: {cautions(pointer.other.caution)}."
        yield f"Call {contact(pointer.other.contact)}{_deadline(pointer)}."
    yield STANDING[side.progress]
    for each in side.words:
        yield said(each)


def said(word: Word) -> str:
    """One side's word, in a sentence: who, what, when."""
    who = "Your side" if word.own else "The other side"
    officer = f" (officer {word.officer_id})" if word.officer_id else ""
    match word.word:
        case "acknowledge":
            what = "took note"
        case "claim":
            what = "took it on"
        case "handover":
            what = f"handed it over to officer {word.successor}"
        case _:
            decided = DECISIONS[word.decision].format(minutes=word.minutes) if word.decision else "answered"
            what = f"{decided}, after both spoke {MEETINGS[word.contact]}" if word.contact else decided
    stale = ", before the last change" if word.stale else ""
    return f"{who}{officer} {what}, {moment(word.time)}{stale}."


def _deadline(pointer: Pointer) -> str:
    return "" if pointer.act_by is None else f", and settle it by {moment(pointer.act_by)}"


def named(agency: str, names: Mapping[str, str]) -> str:
    """`Drug Enforcement Administration (dea)`; the name alone where it is the id, or the id where there is none."""
    name = names.get(agency, agency)
    return name if name.lower() == agency else f"{name} ({agency})"


def contact(of: Contact) -> str:
    """Whom to call, and whom when nobody answers."""
    who = f"officer {of.officer_id} at " if of.officer_id else ""
    return f"{who}{phone(of.callback)} (or {phone(of.backup)} if nobody answers)"
