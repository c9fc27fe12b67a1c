"""How a batch is cut into units, each of which is one transaction."""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from coordinator.cutting import MAX_BATCH, cut
from coordinator.model.decisions import RefusalCode, Refused, Stage
from coordinator.model.messages import INCOMING
from coordinator.model.work import Admitted, ClaimKey, Judged, Read, Submission
from tests import kit


def judged(submission: Submission) -> Judged:
    event = INCOMING.validate_json(submission.body)
    return Judged(submission, Read(event), Admitted(), ClaimKey(submission.agency, event.id))


def unread(agency: str, body: bytes) -> Judged:
    submission, flaw = kit.submission(agency, body), Refused(RefusalCode.NOT_JSON, Stage.DOOR)
    return Judged(submission, flaw, flaw, ClaimKey(agency, submission.digest))


def about(agency: str, name: str, operation: str, **more: object) -> Judged:
    data = {**kit.common(["coordinator"]), "operation_id": operation, **more}
    return judged(kit.submission(agency, kit.body(agency, name, data)))


@cache
def pool() -> Sequence[Judged]:
    """Messages that share ids, bytes, objects, or none of them, from two agencies; and words that are judged alone."""
    return tuple(_pool())


def _pool() -> Iterator[Judged]:
    for operation in (kit.fresh_id(), kit.fresh_id(), kit.fresh_id()):
        notice = kit.notice("mshp", ["hsi"], operation_id=operation)
        yield judged(notice)
        other = json.loads(notice.body)
        other["data"]["name"] = "GREY HERON"  # under the same id
        yield judged(kit.submission("mshp", json.dumps(other).encode()))
        yield judged(kit.submission("dea", notice.body.replace(b"//mshp/", b"//dea/")))
        yield about("mshp", "operation.cancel", operation, reason="other")
    for conflict in (kit.fresh_id(), kit.fresh_id()):
        data = {**kit.common(["dea"]), "conflict_id": conflict}
        yield judged(kit.submission("mshp", kit.body("mshp", "deconfliction.acknowledge", data)))
    yield unread("mshp", b"{")
    yield unread("dea", b"{")
    yield judged(kit.agreement("dps"))
    yield judged(kit.agreement("mshp"))


def shared(one: Judged, other: Judged) -> bool:
    """Whether two messages must not meet in one transaction."""

    def objects(each: Judged) -> set[str]:
        return set(each.event.objects) if each.event is not None else set()

    def claims(each: Judged) -> set[ClaimKey]:
        return {each.claim, ClaimKey(each.submission.agency, each.submission.digest)}

    return bool(objects(one) & objects(other) or claims(one) & claims(other))


def alone(each: Judged) -> bool:
    return each.event is not None and each.event.changes_policy


def follows(each: Judged, unit: Sequence[Judged]) -> bool:
    """Whether it is a word on a conflict after what may have changed it."""
    moved = any(before.event is not None and before.event.name.startswith("operation.") for before in unit)
    return moved and each.event is not None and each.event.name.startswith("deconfliction.")


BATCHES = st.lists(st.integers(0, 17), max_size=40).map(lambda chosen: [pool()[each % len(pool())] for each in chosen])


@given(BATCHES)
def test_every_message_is_in_one_unit_in_the_order_in_which_it_came(batch: list[Judged]) -> None:
    units = list(cut(batch))
    assert [each for unit in units for each in unit] == batch
    assert all(units)


@given(BATCHES)
def test_no_object_and_no_claim_is_twice_in_a_unit_and_what_changes_policy_stands_alone(batch: list[Judged]) -> None:
    for unit in cut(batch):
        assert not any(shared(one, other) for at, one in enumerate(unit) for other in unit[:at])
        assert len(unit) == 1 or not any(map(alone, unit))
        assert not any(follows(one, unit[:at]) for at, one in enumerate(unit))


@given(BATCHES)
def test_a_unit_ends_only_where_it_must(batch: list[Judged]) -> None:
    units = list(cut(batch))
    for unit, following in pairwise(units):
        first = following[0]
        must = alone(unit[-1]) or alone(first) or follows(first, unit)
        assert must or any(shared(each, first) for each in unit)


def test_what_has_nothing_in_common_is_one_unit_up_to_its_limit() -> None:
    batch = [judged(kit.notice("mshp", ["hsi"])) for _ in range(MAX_BATCH + 1)]
    assert [len(unit) for unit in cut(batch)] == [MAX_BATCH, 1]
    assert list(cut([])) == []
