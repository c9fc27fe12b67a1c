"""Says in a line of plain English what an agency has received."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from coordinator.demo.letters import Letter, Program, Sketch
from coordinator.demo.mailroom import Received
from coordinator.demo.weekend import shown, window
from coordinator.model.codes import Band

Json = Mapping[str, Any]  # any JSON object

_BANDS = {
    Band.OVERLAP: "the grounds overlap",
    Band.WITHIN_100_M: "the grounds are within 100 m of each other",
    Band.WITHIN_RULE: "the grounds are nearer than the rule allows",
}
_REASONS = {"no_agreement": "no agreement covers it"}
_KINDS = {"fugitive": "fugitive apprehension", "buy_bust": "buy-bust", "buy_walk": "buy-walk"}


class Tone(StrEnum):
    """How a line is meant, and so coloured."""

    NOTICE = "notice"
    RECEIPT = "receipt"
    ALERT = "alert"
    CONFLICT = "conflict"
    OVER = "over"
    REFUSED = "refused"
    GOOD = "good"
    BAD = "bad"
    HEADING = "heading"


@dataclass(frozen=True, slots=True)
class Line:
    """What is said, and how it is meant."""

    tone: Tone
    text: str


@dataclass(frozen=True, slots=True)
class Teller:
    """Knows the operations by their code words, as the liaisons do."""

    program: Program

    def line(self, received: Received) -> Line | None:
        """The line for a delivery; None for what nobody needs to read one by one."""
        letter = self.program.letter(*received.key)
        if letter is not None:
            return None if letter.routine else self._from_agency(received, letter)
        about = self._answered(received)
        return None if about is not None and about.routine else self._from_coordinator(received, about)

    def _from_coordinator(self, received: Received, about: Letter | None) -> Line:
        match received.name:
            case "message.accepted":
                return self._accepted(received, about)
            case "message.refused":
                return Line(Tone.REFUSED, f"REFUSED {_told_about(about)}: {_why(received.data)}")
            case "deconfliction.alert":
                return Line(
                    Tone.CONFLICT, self._conflict(received.data, datetime.fromisoformat(received.event["time"]))
                )
            case "deconfliction.closed":
                own = self._operation(received.data)
                reason = str(received.data["reason"]).replace("_", " ")
                return Line(Tone.OVER, f"the conflict with {received.data['other_agency']} for {own} is over: {reason}")
            case _:
                return Line(Tone.ALERT, received.name)

    def _from_agency(self, received: Received, letter: Letter) -> Line:
        data, sender = received.data, letter.agency
        match letter.name:
            case "operation.notice" | "operation.update":
                return Line(Tone.NOTICE, f"{sender} {_planned(letter, data)}")
            case "operation.status":
                return Line(Tone.NOTICE, f"{sender} reports {self._operation(data)} {data['progress']}")
            case "operation.cancel":
                return Line(Tone.NOTICE, f"{sender} cancels {self._operation(data)} ({data['reason']})")
            case "situation.alert":
                danger = data.get("imminent_reason")
                more = f", imminent danger: {danger.replace('_', ' ')}" if danger else ""
                return Line(
                    Tone.ALERT, f"ALERT from {sender}: {data['situation'].replace('_', ' ')}, {letter.where}{more}"
                )
            case _:
                return Line(Tone.NOTICE, f"{sender} sends {letter.name}")

    def _accepted(self, received: Received, about: Letter | None) -> Line:
        data = received.data
        withheld = [
            f"{each['agency']} ({_REASONS.get(each['reason'], each['reason'])})" for each in data.get("withheld", ())
        ]
        if data["target"]["agency"] != received.agency:
            told = self._notable(data, withheld)
            return Line(
                Tone.RECEIPT, f"hears, as lead, that {data['target']['agency']}'s {_told_about(about)} was {told}"
            )
        if "deconfliction" not in data:
            return Line(Tone.RECEIPT, f"receipt: {_told_about(about)} is entry {data['position']} of the journal")
        others = sorted({pointer["other"]["agency"] for pointer in data.get("conflicts", ())})
        known = f"CONFLICT with {', '.join(others)}" if others else f"no conflict known at entry {data['position']}"
        notable = self._notable(data, withheld)
        more = f"; {notable}" if notable else ""
        return Line(
            Tone.CONFLICT if others else Tone.RECEIPT, f"receipt: {_told_about(about)} registered; {known}{more}"
        )

    def _notable(self, data: Json, withheld: list[str]) -> str:
        parts = [f"withheld from {', '.join(withheld)}"] if withheld else []
        if data.get("authority") == "unproven":
            parts.append("registered with its 287(g) authority unproven")
        if data.get("authority") == "proven":
            parts.append("its 287(g) authority is proven")
        if data.get("coverage") == "not_deconflicted_against_actual":
            parts.append("not compared with actual operations")
        return "; ".join(parts)

    def _conflict(self, data: Json, now: datetime) -> str:
        pointer = data["pointer"]
        own, other = _name(self._sketch(pointer["operation_id"])), pointer["other"]
        begin, call = f"CONFLICT with {other['agency']} for {own}", f"call {other['contact']['callback']}"
        if "band" not in pointer:
            return f"{begin}; theirs is sealed: {call}, for headquarters' eyes"
        act_by = datetime.fromisoformat(pointer["act_by"])
        when = f"by {shown(act_by)}" if act_by > now else "now"
        caution = f"; caution: {', '.join(other['caution']).replace('_', ' ')}" if other.get("caution") else ""
        return f"{begin}: {_BANDS[Band(pointer['band'])]}; {call} {when}{caution}"

    def _answered(self, received: Received) -> Letter | None:
        target = received.data.get("target")
        return None if target is None else self.program.letter(str(target["agency"]), str(target["id"]))

    def _operation(self, data: Json) -> str:
        return _name(self._sketch(data["operation_id"]))

    def _sketch(self, operation: str) -> Sketch | None:
        return self.program.operations.get(operation)


def _planned(letter: Letter, data: Json) -> str:
    when = window(datetime.fromisoformat(data["start"]), datetime.fromisoformat(data["end"]))
    kind = str(data["event_type"])
    exercise = "EXERCISE, " if data["status"] != "actual" else ""
    plan = f"{exercise}{_KINDS.get(kind, kind.replace('_', ' '))}, {letter.where}, {when}"
    if letter.name == "operation.update":
        return f"changes {data['name']} ({data['reason']}): {plan}"
    return f"plans {data['name']}: {plan}"


def _name(sketch: Sketch | None) -> str:
    return "an operation" if sketch is None else sketch.name


def _told_about(letter: Letter | None) -> str:
    """What a receipt answers, in words: the operation's name where it has one."""
    return "a message" if letter is None else letter.title


def _why(data: Json) -> str:
    hint = "; longitude and latitude look swapped" if data.get("hint") == "coordinates_swapped" else ""
    return f"{data['explanation']}{hint} [{data['code']}]"
