"""Composes the play: the scenario, a seed and a moment become the bytes of every message, in the order of sending."""

import random
from datetime import datetime

from coordinator.demo.authority import authority_letters
from coordinator.demo.letters import ExpectedConflict, Program
from coordinator.demo.operations import OperationLetters
from coordinator.demo.pen import Pen
from coordinator.demo.routine import routine_notices
from coordinator.demo.scenario import Places, Scenario
from coordinator.demo.weekend import Weekend
from coordinator.model.counties import Counties


def compose(scenario: Scenario, places: Places, counties: Counties, seed: int, now: datetime) -> Program:
    """Compose the play. The same seed gives the same ids, the same order and the same routine notices."""
    rng = random.Random(seed)  # noqa: S311  # a play that can be repeated, no secret
    pen = Pen(scenario, Weekend(now), rng)
    routine = list(routine_notices(scenario, places, pen.weekend, rng))
    writer = OperationLetters(pen, places, counties)
    letters = [*authority_letters(pen), *writer.letters(routine)]
    rng.shuffle(letters)
    by_key = {sketch.key: operation for operation, sketch in writer.sketches.items()}

    def pair(keys: tuple[str, str]) -> frozenset[str]:
        return frozenset(by_key[key] for key in keys)

    conflicts = tuple(
        ExpectedConflict(pair(row.between), row.band, row.history, by_key[row.sealed] if row.sealed else None, row.why)
        for row in scenario.conflict
    )
    apart = tuple((pair(row.between), row.why) for row in scenario.apart)
    return Program(scenario, tuple(letters), writer.sketches, conflicts, apart)
