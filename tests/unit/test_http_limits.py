"""Limits of one caller: what is inside at once, what waits, what a rate lets through."""

import asyncio

import pytest

from coordinator.http.limits import Buckets, Gate
from coordinator.http.problems import Problem, ProblemCode


class Ticks:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    ticks = Ticks()
    buckets = Buckets(2.0, 5, ticks)
    assert [buckets.take("mshp/cad") for _ in range(7)] == [1, 1, 1, 1, 1, 0, 0]
    assert buckets.take("dea/cad", 9) == 5
    ticks.now += 1.0
    assert buckets.take("mshp/cad", 9) == 2
    ticks.now += 3_600
    assert buckets.take("mshp/cad", 9) == 5


async def inside(gate: Gate, caller: str, leave: asyncio.Event, order: list[str], name: str) -> None:
    async with gate.place(caller):
        order.append(name)
        await leave.wait()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_finds_no_place_waits_and_enters_in_turn() -> None:
    gate, leave, order = Gate(1, 8, 8), [asyncio.Event() for _ in range(3)], list[str]()
    async with asyncio.TaskGroup() as group:
        for at, name in enumerate("abc"):
            group.create_task(inside(gate, "mshp", leave[at], order, name))
        await settle()
        assert order == ["a"]
        leave[0].set()
        await settle()
        assert order == ["a", "b"]
        for each in leave:
            each.set()
    assert order == ["a", "b", "c"]


async def test_who_gives_up_waiting_leaves_the_place_to_the_next() -> None:
    gate, leave, order = Gate(1, 8, 8), asyncio.Event(), list[str]()
    async with asyncio.TaskGroup() as group:
        group.create_task(inside(gate, "mshp", leave, order, "a"))
        await settle()
        gone = group.create_task(inside(gate, "mshp", leave, order, "b"))
        group.create_task(inside(gate, "mshp", leave, order, "c"))
        await settle()
        gone.cancel()
        await settle()
        leave.set()
    assert order == ["a", "c"]
    async with asyncio.timeout(10), gate.place("mshp"):
        pass


async def test_beyond_what_may_wait_the_caller_is_sent_away_and_others_are_not() -> None:
    gate, leave, order = Gate(1, 1, 3), asyncio.Event(), list[str]()
    async with asyncio.TaskGroup() as group:
        for name in "ab":
            group.create_task(inside(gate, "mshp", leave, order, name))
        await settle()
        with pytest.raises(Problem) as refused:
            await inside(gate, "mshp", leave, order, "c")
        assert (refused.value.code, refused.value.headers) == (ProblemCode.TOO_MANY_REQUESTS, {"Retry-After": "1"})
        group.create_task(inside(gate, "dea", leave, order, "d"))
        group.create_task(inside(gate, "fbi", leave, order, "e"))
        await settle()
        with pytest.raises(Problem) as full:
            await inside(gate, "hsi", leave, order, "f")
        assert full.value.code is ProblemCode.UNAVAILABLE
        leave.set()
    assert sorted(order) == ["a", "b", "d", "e"]
