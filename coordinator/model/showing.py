"""How views are written for programs: operations as GeoJSON (RFC 7946), conflicts and envelopes as plain JSON."""

from collections.abc import Mapping, Sequence

from coordinator.model.views import ConflictView, Envelope, OperationView, SideView, Word
from coordinator.model.wording import explain

_REACH = ("radius_m", "buffer_m")
_GEOMETRY = ("type", "coordinates")


def feature(view: OperationView) -> dict[str, object]:
    """An operation as a Feature: the geometry as its sender wrote it, the reach and all other fields as properties.

    Without a geometry when the agency was sent a report of the operation, and no plan.
    """
    plan = dict(view.plan or {})
    area = plan.pop("area", None)
    plan.pop("operation_id", None)
    return {
        "type": "Feature",
        "id": view.operation_id,
        "geometry": None if area is None else {key: area[key] for key in _GEOMETRY},
        "properties": {
            "operation_id": view.operation_id,
            "agency": view.agency,
            "own": view.own,
            "state": view.state.value,
            "revision": view.revision,
            "status": view.status.value,
            **plan,
            **{key: area[key] for key in _REACH if area is not None and key in area},
        },
    }


def collection(views: Sequence[OperationView], cursor: str | None = None) -> dict[str, object]:
    """Operations as a FeatureCollection; `next` is the cursor of the page that follows."""
    more = {} if cursor is None else {"next": cursor}
    return {"type": "FeatureCollection", "features": [feature(view) for view in views], **more}


def conflict(view: ConflictView, names: Mapping[str, str]) -> dict[str, object]:
    """A conflict as its own side sees it, with what it means in words."""
    return {
        "id": view.conflict_id,
        "state": "open" if view.open else "closed",
        "status": view.status.value,
        "explanation": explain(view, names),
        "sides": [_side(side) for side in view.sides],
    }


def _side(side: SideView) -> dict[str, object]:
    """The pointer that the side was sent last, as it was sent, and its own operation's code name."""
    pointer = side.pointer.model_dump(mode="json", exclude_none=True, exclude={"conflict_id"})
    return {
        **pointer,
        "operation_name": side.operation.name if side.operation is not None else None,
        "state": "open" if side.open else "closed",
        "progress": side.progress.value,
        "change": side.change,
        "told": side.told,
        "words": [_word(each) for each in side.words],
    }


def _word(word: Word) -> dict[str, object]:
    """A word on the conflict, as far as it says anything."""
    said = {
        "side": "own" if word.own else "other",
        "word": word.word,
        "officer_id": word.officer_id,
        "time": word.time.isoformat(),
        "decision": word.decision.value if word.decision is not None else None,
        "minutes": word.minutes,
        "reason": word.reason,
        "successor": word.successor,
        "contact": word.contact,
        "before_the_last_change": word.stale or None,
    }
    return {key: value for key, value in said.items() if value is not None}


def envelope(of: Envelope) -> dict[str, object]:
    """Who and how far, and nothing of the content."""
    return {"id": of.id, "agencies": list(of.agencies), "state": of.state, "revisions": list(of.revisions)}
