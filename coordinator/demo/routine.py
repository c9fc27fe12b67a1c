"""Notices without anything special: as many as a busy weekend has, chosen by the seed, none in another's way."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import product
from typing import Final

from coordinator.demo.scenario import Ground, NoticeRow, Places, Scenario
from coordinator.demo.weekend import Weekend, central

_SLOTS: Final = 5
_SLOT: Final = timedelta(hours=6)
"""In each place one operation at most begins in each, and ends three and a half hours later at the latest; the last one
before the night to Sunday, in which the clocks may be changed."""
_STEP: Final = timedelta(minutes=5)
_LATEST_STEPS: Final = 18
_LENGTHS: Final = (12, 18, 24)
_FIRST: Final = "Fri 18:00"
_NAMES: Final = ("AMBER", "BIRCH", "CEDAR", "DELTA", "EMBER", "FALCON", "GRANITE", "HAZEL", "INDIGO", "JUNIPER")


def routine_notices(scenario: Scenario, places: Places, weekend: Weekend, rng: random.Random) -> Iterator[NoticeRow]:
    """Choose places and hours without putting one back, so that no two operations meet."""
    routine = scenario.routine
    behind = next(act.behind for act in scenario.act if act.key == routine.act)
    chosen = rng.sample(list(product(routine.places, range(_SLOTS))), routine.count)
    for number, (place, slot) in enumerate(chosen):
        agency = rng.choice(routine.agencies)
        other = rng.choice([each for each in routine.recipients if each != agency])
        start = weekend.moment(_FIRST) + slot * _SLOT + rng.randrange(_LATEST_STEPS + 1) * _STEP
        end = start + rng.choice(_LENGTHS) * _STEP
        yield NoticeRow(
            key=f"routine-{number}",
            act=routine.act,
            agency=agency,
            system=f"troop-{places[place].troop.lower()}" if agency == "mshp" else None,
            name=f"{_NAMES[number % len(_NAMES)]} {number:03d}",
            event_type=rng.choice(routine.event_types),
            ground=Ground(place=place, north_m=rng.randrange(-900, 901), east_m=rng.randrange(-900, 901), radius_m=75),
            window=(_moment(start), _moment(end)),
            told=tuple(each for each in (behind, other) if each is not None),
        )


def _moment(moment: datetime) -> str:
    return f"{central(moment):%a %H:%M}"
