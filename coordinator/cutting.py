"""Cuts a batch into the units that one transaction each may hold."""

from collections.abc import Iterator, Sequence

from coordinator.model.codes import Progress
from coordinator.model.envelope import AgencyEvent
from coordinator.model.operations import OperationStatus, OperationUpdate
from coordinator.model.work import Judged

MAX_BATCH = 200


def _moves(event: AgencyEvent | None) -> bool:
    """Whether a message may move an operation that was there before."""
    match event:
        case OperationUpdate():
            return True
        case OperationStatus():
            return event.data.progress is Progress.EXECUTING
        case _:
            return False


def cut(judged: Sequence[Judged]) -> Iterator[Sequence[Judged]]:
    """Cut a batch into units.

    No object and no claim stands twice in one; a change of agreements or credentials stands alone; and whatever moves
    an operation that was there before comes first in its unit: what comes before it meets the operation as it was.
    """
    unit: list[Judged] = []
    seen: set[object] = set()
    for each in judged:
        event, claim = each.event, each.claim
        alone = event is not None and event.changes_policy
        # Plain pairs: they are made and hashed for every message.
        claims = ((claim.agency, claim.id), (claim.agency, each.submission.digest))
        keys = claims if event is None else (*claims, *event.objects)
        if unit and (alone or _moves(event) or len(unit) >= MAX_BATCH or not seen.isdisjoint(keys)):
            yield unit
            unit, seen = [], set()
        unit.append(each)
        seen.update(keys)
        if alone:
            yield unit
            unit, seen = [], set()
    if unit:
        yield unit
