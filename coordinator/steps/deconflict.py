"""Step 5: which pairs of live operations come too near each other in space and time (`domain.md`, *Deconfliction*)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np

from coordinator.model.answers import Change, CloseReason, quarter_hour_before
from coordinator.model.covering import boxes
from coordinator.model.directory import Directory, Reach
from coordinator.model.geodesy import Bounds, grown, grown_one
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

FEW = 8
"""Volumes that are compared one by one rather than as arrays."""


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


def judge(pairs: Sequence[tuple[Volume, Volume]], directory: Directory) -> list[Match | None]:
    """Compare pairs of volumes, heavy, pure and exact; for each the match, or None where no rule matches.

    A rule matches when the geodesic distance of the two areas is at most its distance and the windows, each widened
    by its minutes on both sides, overlap as half-open intervals. The stricter of the two operations' rules applies.
    Exercises and tests never meet actual operations.
    """
    found: list[Match | None] = [None] * len(pairs)
    near = [(at, one, two) for at, (one, two) in enumerate(pairs) if _in_time(one, two, directory)]
    if not near:
        return found
    rules = [directory.stricter(one.event_type, two.event_type) for _, one, two in near]
    distances = all_within([(one.shape, two.shape) for _, one, two in near], [rule.distance_m for rule in rules])
    for (at, one, two), rule, distance in zip(near, rules, distances, strict=True):
        if distance is not None:
            found[at] = Match(
                rule=rule.id,
                rule_version=rule.version,
                distance_m=distance,
                gap_s=max(0, int(_gap(one, two).total_seconds())),
                band=band(distance),
                act_by=quarter_hour_before(min(one.start, two.start)),
            )
    return found


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
    matches: Mapping[str, Mapping[str, Match]]
    """By the operation that asked, and by the neighbour as the snapshot showed it."""
    volumes: Mapping[str, Volume]

    def covers(self, moved: Sequence[Volume]) -> bool:
        """Whether these volumes, as the lock shows them, are the ones that were compared."""
        return all(self.asked.get(volume.operation_id) == volume for volume in moved)


NOTHING_SURVEYED = Survey(0, {}, {}, {})


def survey(volumes: Sequence[Volume], around: Neighbourhood, directory: Directory) -> Survey:
    """Compare each new volume with its neighbours of the snapshot; runs in a worker thread, outside the lock."""
    asking = {volume.operation_id: volume for volume in volumes}
    found = judge([(asking[one], around.volumes[other]) for one, other in around.hits], directory)
    matches: dict[str, dict[str, Match]] = {}
    for (one, other), match in zip(around.hits, found, strict=True):
        if match is not None:
            matches.setdefault(one, {})[other] = match
    return Survey(around.position, asking, matches, around.volumes)


@dataclass(frozen=True, slots=True)
class Unit:
    """What a unit of the walk does to operations: which move, which end, and in which order."""

    moved: Sequence[Volume]
    ended: Mapping[str, OperationState]
    order: Mapping[str, int]
    """By operation, the place in the unit of the message about it."""

    def opening(self, pair: Pair) -> int:
        """The place of the message that makes a pair hold: the later one of those that move."""
        moved = {volume.operation_id for volume in self.moved}
        return max((self.order[each] for each in (pair.first, pair.second) if each in moved), default=-1)

    def ending(self, pair: Pair) -> int | None:
        """The place of the message that ends a pair's operation."""
        places = [self.order[each] for each in (pair.first, pair.second) if each in self.ended]
        return min(places, default=None)


def complete(
    unit: Unit, before: Survey, changed: Mapping[str, Registered], directory: Directory
) -> tuple[dict[Pair, Match], dict[str, Volume]]:
    """Complete a survey under the lock: batch peers, and operations changed since its position.

    Returns the pairs that hold now, and every volume that they speak of. A pair with an operation that ends in this
    unit holds if it ends after the other one moved: then it was opened, and is closed again.
    """
    moved = unit.moved
    moved_ids = {volume.operation_id for volume in moved}
    holds = {
        Pair.of(one, other): match
        for one in moved_ids
        for other, match in before.matches.get(one, {}).items()
        if other not in moved_ids and other not in changed
    }
    since = [each.volume for each in changed.values() if each.live and each.volume.operation_id not in moved_ids]
    volumes = {**before.volumes, **{volume.operation_id: volume for volume in (*since, *moved)}}
    near = _near_each_other(moved, since, directory)
    for (one_volume, other_volume), found in zip(near, judge(near, directory), strict=True):
        if found is not None:
            holds[Pair.of(one_volume.operation_id, other_volume.operation_id)] = found
    for pair in list(holds):
        end = unit.ending(pair)
        if end is not None and end < unit.opening(pair):
            del holds[pair]
    return holds, volumes


def _near_each_other(
    moved: Sequence[Volume], since: Sequence[Volume], directory: Directory
) -> list[tuple[Volume, Volume]]:
    """Pairs of batch peers, or of a peer and what changed since, whose boxes and windows meet; coarse, all at once."""
    everyone = [*moved, *since]
    if len(everyone) < len(("one", "another")) or not moved:
        return []
    widest = directory.widest()
    if len(everyone) <= FEW:
        return _few_near_each_other(everyone, len(moved), widest)
    reaches = np.array([volume.shape.reach_m for volume in everyone]) + widest.distance_m
    west, south, east, north = grown(np.array([volume.shape.bounds for volume in everyone]), reaches).T
    begin = np.array([volume.start.timestamp() for volume in everyone]) - 120 * widest.widen_minutes
    finish = np.array([volume.end.timestamp() for volume in everyone])
    count = len(moved)
    meet = (
        (west[:count, None] <= east) & (west <= east[:count, None])
        & (south[:count, None] <= north) & (south <= north[:count, None])
        & (begin[:count, None] <= finish) & (begin <= finish[:count, None])
    )  # fmt: skip  # three axes, a line each
    return [(everyone[one], everyone[two]) for one, two in np.argwhere(np.triu(meet, k=1)).tolist()]


def _few_near_each_other(everyone: Sequence[Volume], moved: int, widest: Reach) -> list[tuple[Volume, Volume]]:
    """The same of a few, one by one, which spares the overhead of arrays."""
    boxes_grown = [grown_one(each.shape.bounds, each.shape.reach_m + widest.distance_m) for each in everyone]
    margin = timedelta(minutes=2 * widest.widen_minutes)
    pairs = ((one, other) for one in range(moved) for other in range(one + 1, len(everyone)))
    return [
        (everyone[one], everyone[other])
        for one, other in pairs
        if _boxes_meet(boxes_grown[one], boxes_grown[other])
        and everyone[one].start - margin <= everyone[other].end
        and everyone[other].start - margin <= everyone[one].end
    ]


def _boxes_meet(one: Bounds, other: Bounds) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def settle(
    unit: Unit,
    holds: Mapping[Pair, Match],
    records: Mapping[Pair, Conflict],
    volumes: Mapping[str, Volume],
    new_id: Callable[[], str],
) -> list[tuple[int, ConflictChange]]:
    """Turn what holds now into changes of the records, each with the place in the unit of the message that causes it.

    There is one record per pair, whatever is resent or updated.
    """
    changes: list[tuple[int, ConflictChange]] = []
    standing = dict(records)
    for pair, match in sorted(holds.items()):
        change = _held(pair, match, records.get(pair), volumes, new_id)
        if change is not None:
            standing[pair] = change.conflict
            changes.append((unit.opening(pair), change))
    moved = {volume.operation_id for volume in unit.moved}
    for pair, record in sorted(standing.items()):
        end = unit.ending(pair)
        if not record.open or (end is None and (pair in holds or moved.isdisjoint((pair.first, pair.second)))):
            continue
        reason = _ending(pair, unit.ended)
        closed = replace(record, open=False, closed_because=reason)
        place = unit.opening(pair) if end is None else end
        changes.append((place, ConflictChange(closed, reason, volumes[pair.first], volumes[pair.second])))
    return changes


def _held(
    pair: Pair, match: Match, record: Conflict | None, volumes: Mapping[str, Volume], new_id: Callable[[], str]
) -> ConflictChange | None:
    first, second = volumes[pair.first], volumes[pair.second]
    revisions = (first.revision, second.revision)
    if record is None:
        opened = Conflict(new_id(), pair, open=True, match=match, revisions=revisions, episode=1)
        return ConflictChange(opened, Change.OPENED, first, second)
    if not record.open:
        reopened = Conflict(record.id, pair, open=True, match=match, revisions=revisions, episode=record.episode + 1)
        return ConflictChange(reopened, Change.REOPENED, first, second)
    if record.match == match and record.revisions == revisions:
        return None
    changed = replace(record, match=match, revisions=revisions)
    return ConflictChange(changed, Change.CHANGED, first, second)


def _ending(pair: Pair, ended: Mapping[str, OperationState]) -> CloseReason:
    for operation in (pair.first, pair.second):
        if operation in ended:
            cancelled = ended[operation] is OperationState.CANCELLED
            return CloseReason.OPERATION_CANCELLED if cancelled else CloseReason.OPERATION_CLOSED
    return CloseReason.MOVED_APART
