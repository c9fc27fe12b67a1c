"""The plan of a transaction as it grows: numbers without a gap, and entries that name each delivery once."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from coordinator.journal.merkle import leaf_hash
from coordinator.model.codes import Lane
from coordinator.model.decisions import WithheldReason
from coordinator.model.identity import uuid7
from coordinator.model.leaf import (
    LEAF,
    MAX_OWED_PER_LEAF,
    MAX_SETTLED_PER_LEAF,
    MAX_WITHHELD_PER_LEAF,
    Leaf,
    ServiceLeaf,
    Untold,
    commitment,
)
from coordinator.model.plan import Head, Known
from coordinator.model.work import Fate, Grant, Settlement
from coordinator.steps.record import Draft, grant_all, overflow, settled, stamp
from tests import kit

HEAD = Head(position=41, message=7, dispatch=19, policy_version=3)
_ids = count(1)


def fresh() -> str:
    return uuid7(1_700_000_000_000, next(_ids).to_bytes(10, "big"))


def draft(**feeds: int) -> Draft:
    return Draft(Known(HEAD, feeds), kit.NOW, "//coordinator/missouri", fresh, lambda: b"s" * 32)


def entered(made: Draft) -> list[Leaf]:
    """What was entered, as an auditor would read it: at the next positions, with the hash of its bytes."""
    rows = made.plan.leaves
    assert [row.position for row in rows] == list(range(HEAD.position, HEAD.position + len(rows)))
    assert [row.hash for row in rows] == [leaf_hash(row.leaf) for row in rows]
    return [LEAF.validate_json(row.leaf) for row in rows]


@given(st.lists(st.sampled_from(["hsi", "dea", "usms"]), max_size=60))
def test_each_recipients_numbers_go_on_without_a_gap(recipients: list[str]) -> None:
    made = draft(hsi=5)
    owed = grant_all(made, [Grant(each) for each in recipients], Lane.OUT, made.reserve())
    for agency, last in (("hsi", 5), ("dea", 0), ("usms", 0)):
        numbers = [each.sequence for each in owed if each.recipient == agency]
        assert numbers == list(range(last + 1, last + 1 + len(numbers)))
    assert [row.key for row in made.plan.dispatches] == list(range(HEAD.dispatch, HEAD.dispatch + len(owed)))
    assert len({row.id for row in made.plan.dispatches}) == len(owed)
    after = made.finish(4).head
    assert after == Head(HEAD.position, HEAD.message + 1, HEAD.dispatch + len(owed), 4)


@given(st.integers(0, 3 * MAX_OWED_PER_LEAF + 5), st.integers(0, 2 * MAX_WITHHELD_PER_LEAF + 5))
def test_what_does_not_fit_into_one_entry_is_in_those_that_follow_each_once(told: int, untold: int) -> None:
    made = draft()
    owed = [made.owe("hsi", Lane.OUT, 1) for _ in range(told)]
    withheld = [Untold(agency="dea", reason=WithheldReason.NO_AGREEMENT) for _ in range(untold)]
    overflow(made, owed, HEAD.position, "mshp", withheld)
    leaves = entered(made)
    named = [(each.id, each.to, each.seq, each.lane) for leaf in leaves for each in getattr(leaf, "owed", ())]
    assert named == [(row.id, row.recipient, row.sequence, row.lane) for row in owed[MAX_OWED_PER_LEAF:]]
    assert sum(len(getattr(leaf, "withheld", ())) for leaf in leaves) == max(0, untold - MAX_WITHHELD_PER_LEAF)
    assert {getattr(leaf, "first", None) for leaf in leaves} <= {HEAD.position}


def settlement(key: int, fate: Fate, *, news: bool, park: bool) -> Settlement:
    troubled = fate in {Fate.RETURNED, Fate.NACKED}
    park = (park and troubled) or fate is Fate.UNSENDABLE
    return Settlement(key, fresh(), fate, 1, news=news and fate is not Fate.CONFIRMED, park=park)


SETTLEMENTS = st.lists(st.tuples(st.sampled_from(Fate), st.booleans(), st.booleans()), max_size=40).map(
    lambda drawn: [settlement(at, fate, news=news, park=park) for at, (fate, news, park) in enumerate(drawn)]
)
ACTION = {Fate.RETURNED: "relay.returned", Fate.NACKED: "relay.refused", Fate.UNKNOWN: "relay.unknown"}


def named(leaves: Sequence[Leaf]) -> Counter[tuple[str, str]]:
    return Counter((leaf.action, each) for leaf in leaves for each in getattr(leaf, "dispatches", ()))


@given(SETTLEMENTS)
def test_each_outcome_that_is_news_is_entered_once_and_nothing_else(settlements: list[Settlement]) -> None:
    made = draft()
    settled(made, settlements)
    expected = Counter(
        (
            "relay.settled" if each.fate is Fate.CONFIRMED else "relay.parked" if each.park else ACTION[each.fate],
            each.id,
        )
        for each in settlements
        if each.fate is Fate.CONFIRMED or each.park or each.news
    )
    assert named(entered(made)) == expected
    assert made.plan.settlements == settlements


def test_many_confirmed_deliveries_are_in_entries_of_bounded_size() -> None:
    made = draft()
    many = [settlement(key, Fate.CONFIRMED, news=False, park=False) for key in range(2 * MAX_SETTLED_PER_LEAF + 1)]
    settled(made, many)
    sizes = [len(getattr(leaf, "dispatches", ())) for leaf in entered(made)]
    assert sizes == [MAX_SETTLED_PER_LEAF, MAX_SETTLED_PER_LEAF, 1]


def test_what_must_be_erasable_is_beside_the_entry_which_holds_a_salted_commitment() -> None:
    made = draft()
    made.enter(ServiceLeaf, "coordinator", {"action": "service.started"}, {"callback": "+15735550110"})
    (row,) = made.plan.leaves
    (leaf,) = entered(made)
    assert row.detail is not None
    assert row.salt is not None
    assert leaf.commit == commitment(row.salt, row.detail)
    assert b"5550110" in row.detail
    assert b"5550110" not in row.leaf


@given(st.datetimes(min_value=datetime(2000, 1, 2), max_value=datetime(2999, 12, 30), timezones=st.timezones()))  # noqa: DTZ001  # zones are drawn
def test_a_moment_is_written_in_one_way_whatever_its_zone(moment: datetime) -> None:
    assert stamp(moment) == moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def test_a_moment_is_written_in_utc_with_microseconds() -> None:
    assert stamp(kit.NOW) == "2026-11-27T18:00:00.000000Z"
