"""Prints what each hostile body costs until it is refused, slowest first: `python -m tests.benchmarks.hostile [COUNT]`.

Decode and validate alone, the best of so many rounds, in milliseconds; the innocent notice of the corpus is 1. What is
refused before it is parsed stands with its code from the list that says so. The goal is 50 ms for each.
"""

import sys
from math import inf
from time import perf_counter
from typing import NamedTuple

from coordinator.model.decisions import RefusalCode, Refused
from coordinator.steps import decode, validate
from tests import kit
from tests.hostile.corpus import hostile_bodies, innocent

ROUNDS = 7
GOAL_MS = 50.0
UNPARSED = frozenset({RefusalCode.TOO_LARGE, RefusalCode.TOO_DEEP, RefusalCode.TOO_MANY_PARTS})


class Cost(NamedTuple):
    """What one body costs."""

    ms: float
    name: str
    size: int
    code: str


def cost(name: str, body: bytes, code: str) -> Cost:
    """Take the best of some rounds."""
    directory = kit.directory()
    bounds = kit.bounds(directory)
    came = kit.submission("mshp", body)
    best = inf
    for _ in range(ROUNDS):
        begun = perf_counter()
        found = decode.decode(body)
        validate.claim_key(came, found)
        if not isinstance(found, Refused):
            validate.read(came, found, bounds)
        best = min(best, perf_counter() - begun)
    return Cost(best * 1_000, name, len(body), code)


def main(count: int) -> None:
    """Print the slowest ones, and the slowest of what is refused unparsed."""
    costs = sorted((cost(each.name, each.body, each.code.value) for each in hostile_bodies()), reverse=True)
    one = cost("the innocent notice", innocent(), "accepted")
    unparsed = max(each for each in costs if each.code in UNPARSED)
    for each in (one, *costs[:count]):
        print(f"{each.name:50} {each.size:>9,} B {each.ms:9.3f} ms  x {each.ms / one.ms:7.1f}  {each.code}")  # noqa: T201  # its purpose
    slowest = max(costs)
    for words, each in (("slowest of all", slowest), ("slowest of what is refused unparsed", unparsed)):
        print(f"{words}: {each.ms:.3f} ms, of a goal of {GOAL_MS:.0f} ms ({each.name})")  # noqa: T201  # its purpose


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12)
