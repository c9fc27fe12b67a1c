"""Messages that look like the coordinator's own: no agency may send one, and its recipients can tell a wrong one."""

from collections.abc import Iterator, Mapping
from typing import Final

from coordinator.contract.example import Mistake, absent
from coordinator.model.decisions import RefusalCode

_WRONG: Final[Mapping[str, Mapping[str, tuple[str, object]]]] = {
    "message.accepted": {
        "clear": ("data.deconfliction", "clear"),
        "position-negative": ("data.position", -1),
        "digest-missing": ("data.digest", absent()),
        "distance": ("data.distance_m", 112.4),
        "withheld-without-a-reason": ("data.withheld", [{"agency": "dea", "reason": "other"}]),
    },
    "message.refused": {
        "code-unknown": ("data.code", "no"),
        "stage-missing": ("data.stage", absent()),
        "explanation-long": ("data.explanation", "x" * 257),
    },
    "deconfliction.alert": {
        "exact-distance": ("data.pointer.distance_m", 112.4),
        "band-unknown": ("data.pointer.band", "within_10_m"),
        "contact-missing": ("data.pointer.other.contact", absent()),
    },
    "deconfliction.closed": {
        "reason-unknown": ("data.reason", "forgotten"),
        "other-agency-missing": ("data.other_agency", absent()),
    },
    "authority.lapsed": {
        "officer-missing": ("data.officer_id", absent()),
        "reason-prose": ("data.reason", "suspended"),
    },
    "service.heartbeat": {
        "sequence-negative": ("data.last_sequence", -1),
        "sequence-text": ("data.last_sequence", "5021"),
    },
    "deconfliction.result": {
        "clear": ("data.answer", "clear"),
        "distance": ("data.distance_m", 112.4),
        "grid-of-metres": ("data.looked.grid_km", 0.1),
    },
    "deconfliction.escalation": {
        "level-number": ("data.level", 2),
        "reason-unknown": ("data.reason", "nobody called"),
    },
    "recall.outstanding": {
        "since-missing": ("data.since", absent()),
        "outstanding-count": ("data.outstanding", 2),
    },
    "record.review": {
        "due-missing": ("data.due", absent()),
        "reason-unknown": ("data.reason", "spring cleaning"),
    },
    "record.purged": {
        "content": ("data.content", ["A grey van"]),
        "reason-unknown": ("data.reason", "no room"),
    },
    "feed.withdrawn": {
        "content": ("data.content", {"name": "BLUE HERON"}),
        "reason-unknown": ("data.reason", "changed our mind"),
    },
}


def in_answer(name: str) -> Iterator[Mistake]:
    """Whatever is in it, the coordinator refuses it from an agency by its type alone."""
    code = RefusalCode.NOT_FROM_AN_AGENCY
    yield Mistake("from-an-agency", {"source": "//mshp/cad"}, code, "type", in_schema=False)
    yield Mistake("from-the-coordinator-they-say", {}, code, "type", agency="mshp", in_schema=False)
    yield Mistake("field-unknown", {"data.remarks": "x"}, code, "type", agency="mshp")
    yield Mistake("marking-unknown", {"data.handling.marking": "TLP:RED"}, code, "type", agency="mshp")
    for title, (path, value) in _WRONG[name].items():
        yield Mistake(title, {path: value}, code, "type", agency="mshp")
