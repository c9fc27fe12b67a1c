"""Which volumes are worth an exact comparison is the same, whether a few or many are looked at together."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.contract.example import ident
from coordinator.model.area import Point
from coordinator.model.codes import EventType, Status
from coordinator.model.geometry import shape_of
from coordinator.model.operations import Contact
from coordinator.model.volume import Card, OperationState, Registered, Volume
from coordinator.steps import deconflict
from tests import kit

CARD = Card(Contact(callback="+15735550100", backup="+15735550101"), (), sealed=False)


@st.composite
def volumes(draw: st.DrawFn, most: int = deconflict.FEW) -> list[Volume]:
    """Operations of about the same place and hour, some just within reach of each other and some just not."""
    found = []
    for number in range(draw(st.integers(1, most))):
        step = st.integers(0, 40)
        place = (-92.5 + draw(step) / 1_000, 38.5 + draw(step) / 1_000)
        start = kit.NOW + timedelta(minutes=15 * draw(st.integers(0, 20)))
        ground = shape_of(Point(type="Point", coordinates=place, radius_m=draw(st.floats(1, 500))))
        end = start + timedelta(minutes=draw(st.integers(15, 90)))
        name, kind = ident(f"operation {number}"), draw(st.sampled_from(EventType))
        found.append(Volume(name, "mshp", 1, Status.ACTUAL, kind, ground, start, end, CARD))
    return found


def near(moved: list[Volume], since: list[Volume]) -> list[tuple[str, str]]:
    pairs = deconflict._near_each_other(moved, since, kit.directory())  # noqa: SLF001  # one of two ways to one answer
    return [(one.operation_id, other.operation_id) for one, other in pairs]


@settings(max_examples=200)
@given(volumes(), st.integers(0, deconflict.FEW))
def test_a_few_are_compared_as_many_would_be(drawn: list[Volume], cut: int) -> None:
    moved, since = drawn[:cut], drawn[cut:]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(deconflict, "FEW", 0)
        as_many = near(moved, since)
    assert near(moved, since) == as_many


@given(volumes(), st.integers(1, deconflict.FEW))
def test_nothing_that_holds_is_passed_over(drawn: list[Volume], cut: int) -> None:
    moved, since = drawn[:cut], drawn[cut:]
    unit = deconflict.Unit(moved, {}, {each.operation_id: at for at, each in enumerate(moved)})
    changed = {each.operation_id: Registered(each, OperationState.PLANNED) for each in since}
    holds, _ = deconflict.complete(unit, deconflict.NOTHING_SURVEYED, changed, kit.directory())
    everyone = [(one, other) for at, one in enumerate(moved) for other in drawn[at + 1 :]]
    matches = deconflict.judge(everyone, kit.directory())
    expected = {
        frozenset((one.operation_id, other.operation_id))
        for (one, other), match in zip(everyone, matches, strict=True)
        if match is not None
    }
    assert {frozenset((pair.first, pair.second)) for pair in holds} == expected
