"""Step 5: which pairs of live operations come too near each other in space and time (`domain.md`, *Deconfliction*)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from coordinator.model.answers import Change, CloseReason, quarter_hour_before
from coordinator.model.directory import Directory
from coordinator.model.geometry import band, boxes, distances_m
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

Judged = Mapping[Pair, Match | None]
"""Pairs that were compared: the match, or None where the two keep apart."""


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


def judge(volume: Volume, others: Sequence[Volume], directory: Directory) -> dict[Pair, Match | None]:
    """Compare one volume with candidates: heavy, pure, exact.

    A rule matches when the geodesic distance of the two areas is at most its distance and the windows, each widened
    by its minutes on both sides, overlap as half-open intervals. The stricter of the two operations' rules applies.
    Exercises and tests never meet actual operations.
    """
    found: dict[Pair, Match | None] = {Pair.of(volume.operation_id, other.operation_id): None for other in others}
    near = [other for other in others if other.operation_id != volume.operation_id and _in_time(volume, other, directory)]
    distances = distances_m(volume.shape, [other.shape for other in near]) if near else []
    for other, distance in zip(near, distances, strict=True):
        rule = directory.stricter(volume.event_type, other.event_type)
        if distance <= rule.distance_m:
            found[Pair.of(volume.operation_id, other.operation_id)] = Match(
                rule=rule.id,
                rule_version=rule.version,
                distance_m=distance,
                gap_s=max(0, int(_gap(volume, other).total_seconds())),
                band=band(distance),
                act_by=quarter_hour_before(min(volume.start, other.start)),
            )
    found.pop(Pair.of(volume.operation_id, volume.operation_id), None)
    return found


def _in_time(one: Volume, other: Volume, directory: Directory) -> bool:
    widening = timedelta(minutes=2 * directory.stricter(one.event_type, other.event_type).widen_minutes)
    return one.status is other.status and _gap(one, other) < widening


def _gap(one: Volume, other: Volume) -> timedelta:
    """Time between the end of the earlier and the start of the later; negative when they overlap."""
    return max(one.start - other.end, other.start - one.end)


@dataclass(frozen=True, slots=True)
class Survey:
    """What was compared before the transaction, as of a position."""

    position: int
    judged: Judged
    volumes: Mapping[str, Volume]


def survey(volumes: Sequence[Volume], around: Neighbourhood, directory: Directory) -> Survey:
    """Compare each new volume with its neighbours of the snapshot; runs in a worker thread, outside the lock."""
    candidates: dict[str, list[Volume]] = {}
    for asking, found in around.hits:
        candidates.setdefault(asking, []).append(around.volumes[found])
    judged: dict[Pair, Match | None] = {}
    for volume in volumes:
        judged.update(judge(volume, candidates.get(volume.operation_id, ()), directory))
    return Survey(around.position, judged, around.volumes)


def complete(
    moved: Sequence[Volume], before: Survey, changed: Mapping[str, Registered], directory: Directory
) -> tuple[dict[Pair, Match], dict[str, Volume]]:
    """Complete a survey under the lock: batch peers, and operations changed since its position.

    Returns the pairs that hold now, and every volume that they speak of.
    """
    moved_ids = {volume.operation_id for volume in moved}
    stale = moved_ids | set(changed)
    holds = {
        pair: match
        for pair, match in before.judged.items()
        if match is not None and len(stale.intersection((pair.first, pair.second))) == 1
        and not _stale_neighbour(pair, moved_ids, stale)
    }  # fmt: skip  # one rule: exactly one side is new, and the other has not changed since
    volumes = {**before.volumes, **{volume.operation_id: volume for volume in moved}}
    since = [each.volume for each in changed.values() if each.live and each.volume.operation_id not in moved_ids]
    volumes.update({volume.operation_id: volume for volume in since})
    for index, volume in enumerate(moved):
        peers = [*since, *moved[index + 1 :]]
        if peers:
            found = judge(volume, peers, directory)
            holds.update({pair: match for pair, match in found.items() if match is not None})
    return holds, volumes


def _stale_neighbour(pair: Pair, moved: set[str], stale: set[str]) -> bool:
    neighbour = pair.second if pair.first in moved else pair.first
    return neighbour in stale


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
