"""Step 5: which pairs of live operations come too near each other in space and time (`domain.md`, *Deconfliction*)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import shapely

from coordinator.model.answers import Change, CloseReason, quarter_hour_before
from coordinator.model.directory import Directory
from coordinator.model.covering import boxes
from coordinator.model.geodesy import grown
from coordinator.model.geometry import all_within, band
from coordinator.model.volume import (
    Conflict,
    ConflictChange,
    Match,
    Neighbourhood,
    OperationState,
    Pair,
    Probe,
    Registered,
    Volume,
)

def probe(volume: Volume, directory: Directory) -> Probe:
    """Ask for whatever could conflict with a volume under the widest of all rules; widened outwards, never inwards."""
    widest = directory.widest()
    margin = timedelta(minutes=2 * widest.widen_minutes)
    return Probe(
        volume.operation_id,
        volume.status,
        boxes(volume.shape, widest.distance_m),
        volume.start - margin,
        volume.end + margin,
    )


def judge(pairs: Sequence[tuple[Volume, Volume]], directory: Directory) -> dict[Pair, Match]:
    """Compare pairs of volumes, heavy, pure and exact; the answer holds those for which a rule matches.

    A rule matches when the geodesic distance of the two areas is at most its distance and the windows, each widened
    by its minutes on both sides, overlap as half-open intervals. The stricter of the two operations' rules applies.
    Exercises and tests never meet actual operations.
    """
    near = [(one, two) for one, two in pairs if _in_time(one, two, directory)]
    if not near:
        return {}
    rules = [directory.stricter(one.event_type, two.event_type) for one, two in near]
    distances = all_within([(one.shape, two.shape) for one, two in near], [rule.distance_m for rule in rules])
    return {
        Pair.of(one.operation_id, two.operation_id): Match(
            rule=rule.id,
            rule_version=rule.version,
            distance_m=distance,
            gap_s=max(0, int(_gap(one, two).total_seconds())),
            band=band(distance),
            act_by=quarter_hour_before(min(one.start, two.start)),
        )
        for (one, two), rule, distance in zip(near, rules, distances, strict=True)
        if distance is not None
    }


def _in_time(one: Volume, other: Volume, directory: Directory) -> bool:
    widening = timedelta(minutes=2 * directory.stricter(one.event_type, other.event_type).widen_minutes)
    return one.status is other.status and _gap(one, other) < widening


def _gap(one: Volume, other: Volume) -> timedelta:
    """Time between the end of the earlier and the start of the later; negative when they overlap."""
    return max(one.start - other.end, other.start - one.end)


@dataclass(frozen=True, slots=True)
class Survey:
    """What was compared before the transaction, as of a position: the pairs that match, and whom they speak of."""

    position: int
    asked: Mapping[str, Volume]
    """The volumes that were compared, as they were thought to become."""
    matches: Mapping[Pair, Match]
    volumes: Mapping[str, Volume]

    def covers(self, moved: Sequence[Volume]) -> bool:
        """Whether these volumes, as the lock shows them, are the ones that were compared."""
        return all(self.asked.get(volume.operation_id) == volume for volume in moved)


NOTHING_SURVEYED = Survey(0, {}, {}, {})


def survey(volumes: Sequence[Volume], around: Neighbourhood, directory: Directory) -> Survey:
    """Compare each new volume with its neighbours of the snapshot; runs in a worker thread, outside the lock."""
    asking = {volume.operation_id: volume for volume in volumes}
    pairs = [(asking[one], around.volumes[other]) for one, other in around.hits]
    return Survey(around.position, asking, judge(pairs, directory), around.volumes)


def complete(
    moved: Sequence[Volume], before: Survey, changed: Mapping[str, Registered], directory: Directory
) -> tuple[dict[Pair, Match], dict[str, Volume]]:
    """Complete a survey under the lock: batch peers, and operations changed since its position.

    Returns the pairs that hold now, and every volume that they speak of.
    """
    moved_ids = {volume.operation_id for volume in moved}
    stale = moved_ids | set(changed)
    holds = {pair: match for pair, match in before.matches.items() if _still(pair, moved_ids, stale)}
    since = [each.volume for each in changed.values() if each.live and each.volume.operation_id not in moved_ids]
    volumes = {**before.volumes, **{volume.operation_id: volume for volume in (*since, *moved)}}
    holds |= judge(_near_each_other(moved, since, directory), directory)
    return holds, volumes


def _still(pair: Pair, moved: set[str], stale: set[str]) -> bool:
    """Whether a surveyed pair still speaks of one volume of this batch and one that has not changed since."""
    if pair.first in moved:
        return pair.second not in stale
    return pair.second in moved and pair.first not in stale


def _near_each_other(
    moved: Sequence[Volume], since: Sequence[Volume], directory: Directory
) -> list[tuple[Volume, Volume]]:
    """Pairs of batch peers, or of a peer and what changed since, whose boxes and windows meet; coarse, all at once."""
    everyone = [*moved, *since]
    if len(everyone) < len(("one", "another")) or not moved:
        return []
    widest = directory.widest()
    reaches = np.array([volume.shape.reach_m for volume in everyone]) + widest.distance_m
    west, south, east, north = grown(shapely.bounds([volume.shape.core for volume in everyone]), reaches).T
    begin = np.array([volume.start.timestamp() for volume in everyone]) - 120 * widest.widen_minutes
    finish = np.array([volume.end.timestamp() for volume in everyone])
    count = len(moved)
    meet = (
        (west[:count, None] <= east) & (west <= east[:count, None])
        & (south[:count, None] <= north) & (south <= north[:count, None])
        & (begin[:count, None] <= finish) & (begin <= finish[:count, None])
    )  # fmt: skip  # three axes, a line each
    return [(everyone[one], everyone[two]) for one, two in np.argwhere(np.triu(meet, k=1)).tolist()]


def settle(
    moved: Sequence[Volume],
    ended: Mapping[str, OperationState],
    holds: Mapping[Pair, Match],
    records: Mapping[Pair, Conflict],
    volumes: Mapping[str, Volume],
    new_id: Callable[[], str],
) -> tuple[ConflictChange, ...]:
    """Turn what holds now into changes of the records: one record per pair, whatever is resent or updated."""
    changes: list[ConflictChange] = []
    for pair, match in sorted(holds.items()):
        change = _held(pair, match, records.get(pair), volumes, new_id)
        if change is not None:
            changes.append(change)
    again = {volume.operation_id for volume in moved}
    for pair, record in sorted(records.items()):
        if not record.open or pair in holds:
            continue
        reason = _ending(pair, again, ended)
        if reason is not None:
            closed = replace(record, open=False, closed_because=reason)
            changes.append(ConflictChange(closed, reason, volumes[pair.first], volumes[pair.second]))
    return tuple(changes)


def _held(
    pair: Pair, match: Match, record: Conflict | None, volumes: Mapping[str, Volume], new_id: Callable[[], str]
) -> ConflictChange | None:
    first, second = volumes[pair.first], volumes[pair.second]
    revisions = (first.revision, second.revision)
    if record is None:
        opened = Conflict(new_id(), pair, open=True, match=match, revisions=revisions, episode=1)
        return ConflictChange(opened, Change.OPENED, first, second)
    if not record.open:
        reopened = Conflict(
            record.id, pair, open=True, match=match, revisions=revisions, episode=record.episode + 1
        )
        return ConflictChange(reopened, Change.REOPENED, first, second)
    if record.match == match and record.revisions == revisions:
        return None
    changed = replace(record, match=match, revisions=revisions)
    return ConflictChange(changed, Change.CHANGED, first, second)


def _ending(pair: Pair, moved: Iterable[str], ended: Mapping[str, OperationState]) -> CloseReason | None:
    for operation in (pair.first, pair.second):
        if operation in ended:
            cancelled = ended[operation] is OperationState.CANCELLED
            return CloseReason.OPERATION_CANCELLED if cancelled else CloseReason.OPERATION_CLOSED
    return CloseReason.MOVED_APART if {pair.first, pair.second} & set(moved) else None
