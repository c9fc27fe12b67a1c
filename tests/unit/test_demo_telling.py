"""What the demo says of a conflict: by when to call, and to call now when that is over."""

from datetime import UTC, datetime, timedelta

import pytest

from coordinator.demo.compose import compose
from coordinator.demo.mailroom import Received
from coordinator.demo.scenario import load_places, load_scenario
from coordinator.demo.telling import Teller
from coordinator.model.codes import Lane
from tests import kit

NOW = datetime(2026, 11, 27, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("act_by", "said"),
    [
        (NOW + timedelta(hours=2), "call +15735550118 by Fri 27 Nov 14:00 -06:00"),
        (NOW, "call +15735550118 now"),
        (NOW - timedelta(hours=2), "call +15735550118 now"),
    ],
)
def test_nobody_is_asked_to_call_by_a_time_that_is_over(act_by: datetime, said: str) -> None:
    program = compose(load_scenario(), load_places(), kit.counties(), 1, NOW)
    pointer = {
        "operation_id": next(iter(program.operations)),
        "other": {"agency": "fbi", "contact": {"callback": "+15735550118"}},
        "band": "overlap",
        "act_by": act_by.isoformat(),
    }
    event = {"source": "//coordinator/missouri", "id": "1", "time": NOW.isoformat(), "data": {"pointer": pointer}}
    alert = Received("slmpd", Lane.ALERT, "1", 1, "deconfliction.alert", b"", event, ("", ""))
    line = Teller(program).line(alert)
    assert line is not None
    assert line.text.endswith(f"the grounds overlap; {said}")
