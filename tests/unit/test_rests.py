"""When lines in trouble are tried again."""

from hypothesis import given
from hypothesis import strategies as st

from coordinator.model.codes import Lane
from coordinator.model.work import Fate, Line
from coordinator.rests import LONGEST_REST_S, Rests

LINE, OTHER = Line("dea", Lane.OUT), Line("hsi", Lane.OUT)
TROUBLE = st.sampled_from([Fate.RETURNED, Fate.NACKED, Fate.UNKNOWN])


def test_a_line_rests_twice_as_long_each_time_up_to_a_minute() -> None:
    rests = Rests(0.5)
    assert [rests.note(LINE, [Fate.RETURNED], 0.0) for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


def test_a_line_that_waits_for_an_answer_is_not_made_to_wait_longer_each_time() -> None:
    rests = Rests(0.5)
    assert [rests.note(LINE, [Fate.UNKNOWN], 0.0) for _ in range(3)] == [0.5, 0.5, 0.5]


@given(st.lists(TROUBLE), st.lists(TROUBLE))
def test_one_delivery_ends_a_rest_whatever_else_failed(before: list[Fate], after: list[Fate]) -> None:
    rests = Rests(0.5)
    rests.note(LINE, [Fate.NACKED], 0.0)
    assert rests.note(LINE, [*before, Fate.CONFIRMED, *after], 1.0) == 0
    assert not rests.resting(1.0)
    assert rests.note(LINE, [Fate.NACKED], 2.0) == 0.5


def test_what_can_never_be_sent_is_not_the_lines_trouble() -> None:
    rests = Rests(0.5)
    assert rests.note(LINE, [Fate.UNSENDABLE], 0.0) == 0
    assert not rests.resting(0.0)


def test_only_rests_that_lie_ahead_count() -> None:
    rests = Rests(0.5)
    rests.note(LINE, [Fate.RETURNED], 0.0)
    rests.note(OTHER, [Fate.RETURNED], 0.2)
    assert rests.resting(0.3) == {LINE, OTHER}
    assert rests.next_end_s(0.3) == 0.2
    assert rests.resting(0.5) == {OTHER}
    assert rests.resting(0.7) == frozenset()
    assert rests.next_end_s(0.7) is None


def test_a_line_that_was_tried_no_more_is_forgotten_in_the_end() -> None:
    rests = Rests(0.5)
    for _ in range(4):
        rests.note(LINE, [Fate.RETURNED], 0.0)
    assert rests.resting(4.1 + LONGEST_REST_S) == frozenset()
    assert rests.note(LINE, [Fate.RETURNED], 5.0 + LONGEST_REST_S) == 0.5


@given(st.integers(0, 10_000))
def test_a_pause_is_never_longer_than_a_minute(times: int) -> None:
    assert 0.5 <= Rests(0.5).pause_s(times) <= LONGEST_REST_S
