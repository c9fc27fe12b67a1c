"""Cuts a batch into the units that one transaction each may hold."""

from collections.abc import Iterator, Sequence

from coordinator.model.work import Judged

MAX_BATCH = 200


def cut(judged: Sequence[Judged]) -> Iterator[Sequence[Judged]]:
    """Cut a batch into units.

    No object and no claim stands twice in one, nor a message with what refers to it; what changes the policy stands
    alone; what comes first (`AgencyEvent.comes_first`) finds in the store whatever was accepted before it, and a word
    on a conflict what operations before it did to conflicts.
    """
    unit: list[Judged] = []
    seen: set[object] = set()
    moving = False
    for each in judged:
        event, claim = each.event, each.claim
        alone, first, referred, moves = False, False, False, False
        # Plain pairs: they are made and hashed for every message.
        claims = ((claim.agency, claim.id), (claim.agency, each.submission.digest))
        keys: tuple[object, ...] = claims
        if event is not None:
            alone, moves, keys = event.changes_policy, event.moves, (*claims, *event.objects)
            first = event.comes_first or (moving and bool(event.conflicts))
            referred = any((each.agency, each.id) in seen for each in event.sent)
        if unit and (alone or first or referred or len(unit) >= MAX_BATCH or not seen.isdisjoint(keys)):
            yield unit
            unit, seen, moving = [], set(), False
        unit.append(each)
        seen.update(keys)
        moving = moving or moves
        if alone:
            yield unit
            unit, seen, moving = [], set(), False
    if unit:
        yield unit
