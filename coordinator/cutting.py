"""Cuts a batch into the units that one transaction each may hold."""

from collections.abc import Iterator, Sequence

from coordinator.model.work import Judged

MAX_BATCH = 200


def cut(judged: Sequence[Judged]) -> Iterator[Sequence[Judged]]:
    """Cut a batch into units.

    No object and no claim stands twice in one, nor a message with what refers to it; what changes the policy stands
    alone; and what comes first (`AgencyEvent.comes_first`) finds in the store whatever was accepted before it.
    """
    unit: list[Judged] = []
    seen: set[object] = set()
    for each in judged:
        event, claim = each.event, each.claim
        alone, first, referred = False, False, False
        # Plain pairs: they are made and hashed for every message.
        claims = ((claim.agency, claim.id), (claim.agency, each.submission.digest))
        keys: tuple[object, ...] = claims
        if event is not None:
            alone, first, keys = event.changes_policy, event.comes_first, (*claims, *event.objects)
            referred = any((each.agency, each.id) in seen for each in event.sent)
        if unit and (alone or first or referred or len(unit) >= MAX_BATCH or not seen.isdisjoint(keys)):
            yield unit
            unit, seen = [], set()
        unit.append(each)
        seen.update(keys)
        if alone:
            yield unit
            unit, seen = [], set()
    if unit:
        yield unit
