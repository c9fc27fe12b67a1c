"""What the steps under the lock make of a unit, before anything is entered: claims, effects, conflicts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from coordinator.model.decisions import Refused
from coordinator.model.directory import Directory
from coordinator.model.plan import Known
from coordinator.model.policy import Policy
from coordinator.model.volume import Conflict, ConflictChange, Pair, Volume
from coordinator.model.work import (
    Claim,
    ClaimKey,
    Judged,
)
from coordinator.steps import deconflict, deduplicate, register
from coordinator.steps.record import Draft


class Fate(NamedTuple):
    """What the steps under the lock made of one submission."""

    judged: Judged
    outcome: Claim | Refused | register.Effect
    claim: ClaimKey


Span = tuple[int, int | None]


@dataclass(slots=True)
class Conflicts:
    """What deconfliction decided for a unit, looked up by the message that caused it."""

    records: Mapping[Pair, Conflict] = field(default_factory=dict)
    """Every record that the unit touches, as it is while it is open."""
    volumes: Mapping[str, Volume] = field(default_factory=dict)
    changes: Mapping[int, Sequence[ConflictChange]] = field(default_factory=dict)
    spans: Mapping[str, Mapping[Pair, Span]] = field(default_factory=dict)
    """By either operation: from which message of the unit on a pair is on record as open, and until which one."""

    def seen_by(self, index: int, operation: str) -> list[Pair]:
        """What is open of an operation when message `index` is entered.

        A peer that comes later in the unit is told by its alert.
        """
        spans = self.spans.get(operation)
        if spans is None:
            return []
        return sorted(
            pair for pair, (opened, closed) in spans.items() if opened <= index and (closed is None or index < closed)
        )


def settle_claim(judged: Judged, known: Known, policy: Policy) -> Fate:
    """Settle the claim first; then, for what is fresh, do what the message says to the state of its object."""
    digest = judged.submission.digest
    standing = deduplicate.settle(digest, known.claims.get(judged.claim))
    if isinstance(standing, Claim):
        return Fate(judged, standing, judged.claim)
    if isinstance(standing, Refused):
        # The id is taken by other bytes; these are claimed by their digest, so that a redelivery finds its receipt.
        by_digest = ClaimKey(judged.claim.agency, digest)
        return Fate(judged, known.claims.get(by_digest, standing), by_digest)
    if isinstance(judged.read, Refused):
        return Fate(judged, judged.read, judged.claim)
    if isinstance(judged.verdict, Refused):
        return Fate(judged, judged.verdict, judged.claim)
    return Fate(judged, register.apply(judged.read, judged.submission.received, known, policy), judged.claim)


def moved(fates: Iterable[Fate]) -> list[Volume]:
    """The volumes that must be compared anew, as the lock shows them."""
    return [
        fate.outcome.after.volume
        for fate in fates
        if isinstance(fate.outcome, register.OperationEffect) and fate.outcome.moved
    ]


def find_conflicts(
    fates: Sequence[Fate], survey: deconflict.Survey, known: Known, directory: Directory, draft: Draft
) -> Conflicts:
    """Complete the survey under the lock, and turn what holds into changes of the records."""
    effects = {at: fate.outcome for at, fate in enumerate(fates) if isinstance(fate.outcome, register.OperationEffect)}
    if not effects:
        return Conflicts()
    after = {effect.after.volume.operation_id: effect.after for effect in effects.values()}
    unit = deconflict.Unit(
        moved=moved(fates),
        ended={operation: each.state for operation, each in after.items() if not each.live},
        order={effect.after.volume.operation_id: at for at, effect in effects.items()},
    )
    holds, volumes = deconflict.complete(unit, survey, known.changed, directory)
    newest = {operation: each.volume for operation, each in after.items()}
    volumes = {**known.counterparts, **volumes, **newest}
    changes = deconflict.settle(unit, holds, known.conflicts, volumes, draft.new_id)
    return _by_cause(changes, known.conflicts, volumes)


def _by_cause(
    changes: Iterable[tuple[int, ConflictChange]], before: Mapping[Pair, Conflict], volumes: Mapping[str, Volume]
) -> Conflicts:
    records = {pair: record for pair, record in before.items() if record.open}
    spans: dict[Pair, Span] = dict.fromkeys(records, (-1, None))
    by_cause: dict[int, list[ConflictChange]] = {}
    for at, change in changes:
        pair = change.conflict.pair
        by_cause.setdefault(at, []).append(change)
        if change.conflict.open:
            records[pair] = change.conflict
            spans[pair] = (spans[pair][0] if pair in spans else at, None)
        else:
            spans[pair] = (spans[pair][0], at)
    by_operation: dict[str, dict[Pair, Span]] = {}
    for pair, span in spans.items():
        for operation in (pair.first, pair.second):
            by_operation.setdefault(operation, {})[pair] = span
    return Conflicts(records, volumes, by_cause, by_operation)
