"""How often a failing message is tried, and how long a rest lasts."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.amqp.attempts import Attempts
from coordinator.amqp.backoff import Backoff
from coordinator.amqp.inbound import prefetch_for
from coordinator.amqp.patience import Patience
from coordinator.model.errors import StoreUnavailableError


def test_a_message_has_five_attempts_by_our_own_count() -> None:
    attempts = Attempts()
    spent = [attempts.spent_after_failure("router.in.mshp", "a", 0) for _ in range(5)]
    assert spent == [False, False, False, False, True]


def test_the_brokers_count_is_believed_when_it_is_higher() -> None:
    assert Attempts().spent_after_failure("router.in.mshp", "a", 4)


def test_messages_and_queues_are_counted_apart_and_success_forgets() -> None:
    attempts = Attempts(2)
    assert not attempts.spent_after_failure("router.in.mshp", "a", 0)
    assert not attempts.spent_after_failure("router.in.mshp", "b", 0)
    assert not attempts.spent_after_failure("router.in.hsi", "a", 0)
    attempts.worked("router.in.mshp", "a")
    assert not attempts.spent_after_failure("router.in.mshp", "a", 0)
    assert attempts.spent_after_failure("router.in.mshp", "b", 0)


@given(st.lists(st.floats(0, 20), max_size=40))
def test_a_rest_is_never_longer_than_its_bound(lasted: list[float]) -> None:
    backoff = Backoff(0.1, 5.0, steady_s=10.0)
    rests = [backoff.next(each) for each in lasted]
    assert all(0.1 <= rest <= 5.0 for rest in rests)
    assert all(rest == 0.1 for rest, each in zip(rests, lasted, strict=True) if each >= 10.0)


@pytest.mark.parametrize(("agencies", "prefetch"), [(0, 300), (1, 300), (8, 300), (12, 200), (30, 80), (200, 20)])
def test_the_prefetch_is_shared_among_the_agencies(agencies: int, prefetch: int) -> None:
    assert prefetch_for(agencies) == prefetch


async def test_after_its_patience_reading_stops_and_resumes_when_the_store_is_back() -> None:
    told: list[str] = []
    patience = Patience(0.0, lambda: told.append("lost"), lambda: told.append("regained"))
    answers = iter([StoreUnavailableError("locked"), StoreUnavailableError("locked"), None])

    async def work() -> str:
        error = next(answers)
        if error is not None:
            assert patience.trouble == (None if not told else "locked")
            raise error
        return "recorded"

    assert await asyncio.wait_for(patience.until_done(work), 10) == "recorded"
    assert told == ["lost", "regained"]
    assert patience.trouble is None
    assert not patience.exhausted


async def test_other_errors_than_the_stores_absence_are_raised() -> None:
    async def work() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Patience(60, lambda: None, lambda: None).until_done(work)


async def test_who_gives_up_is_told_that_nothing_was_recorded() -> None:
    patience = Patience(60, lambda: None, lambda: None)

    async def work() -> None:
        patience.give_up()
        msg = "locked"
        raise StoreUnavailableError(msg)

    with pytest.raises(StoreUnavailableError, match="locked"):
        await asyncio.wait_for(patience.until_done(work), 10)
