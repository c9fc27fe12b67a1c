"""What is counted of a unit of the walk, of publishes and of requests."""

from coordinator.model.codes import Lane
from coordinator.model.decisions import RefusalCode, Refused, Stage
from coordinator.model.plan import Head, MessageRow, Plan
from coordinator.model.work import Fate, Line, Receipt, Verdict
from coordinator.tally import Distribution, Tally

LINE = Line("mshp", Lane.OUT)
REFUSED = Refused(RefusalCode.NOT_JSON, Stage.DECODE)


def plan(*types: str) -> Plan:
    rows = [MessageRow(key, "mshp", str(key), "//mshp/cad", each, b"{}", 1) for key, each in enumerate(types)]
    return Plan(Head(1, 1, 1, 1), messages=rows)


def test_a_value_on_a_bound_belongs_under_it_and_one_above_the_last_is_kept() -> None:
    values = Distribution((1, 10))
    for each in (0.5, 1, 2, 10, 11):
        values.add(each)
    assert values.counts == [2, 2, 1]
    assert values.total == 24.5


def test_a_copy_stays_as_it_was() -> None:
    values = Distribution((1,))
    copied = values.copy()
    values.add(1)
    assert (copied.counts, copied.total) == ([0, 0], 0.0)


def test_a_unit_is_counted_by_verdict_reason_and_type() -> None:
    tally = Tally()
    receipts = [
        Receipt(Verdict.ACCEPTED, 1, "a"),
        Receipt(Verdict.ACCEPTED, 2, "b"),
        Receipt(Verdict.DUPLICATE, 1, "a"),
        Receipt(Verdict.REFUSED, 3, "c", REFUSED),
    ]
    tally.recorded(receipts, plan("notice", "notice", "accepted", "accepted", "refused"), 0.003)
    assert tally.messages == {"notice": 2, "accepted": 2, "refused": 1}
    assert tally.refused == {RefusalCode.NOT_JSON: 1}
    assert tally.duplicates == 1
    assert (tally.batch_size.total, sum(tally.batch_size.counts)) == (4, 1)
    assert (tally.commit_s.total, sum(tally.commit_s.counts)) == (0.003, 1)


def test_the_second_answer_to_a_refused_message_is_a_duplicate_and_no_second_refusal() -> None:
    tally = Tally()
    tally.recorded([Receipt(Verdict.DUPLICATE, 3, "c")], plan(), 0.001)
    assert not tally.refused
    assert tally.duplicates == 1


def test_work_that_is_no_message_is_a_commit_and_no_batch() -> None:
    tally = Tally()
    tally.recorded([], plan("feed.withdrawn"), 0.001)
    assert (sum(tally.batch_size.counts), sum(tally.commit_s.counts)) == (0, 1)
    assert tally.messages == {"feed.withdrawn": 1}


def test_publishes_are_counted_by_line_and_outcome() -> None:
    tally = Tally()
    tally.outcomes(LINE, [Fate.CONFIRMED] * 3)
    tally.outcomes(LINE, [Fate.CONFIRMED, Fate.RETURNED, Fate.RETURNED, Fate.UNKNOWN])
    assert tally.published == {(LINE, Fate.CONFIRMED): 4, (LINE, Fate.RETURNED): 2, (LINE, Fate.UNKNOWN): 1}


def test_requests_are_counted_by_method_route_and_status() -> None:
    tally = Tally()
    for status in ("200", "200", "503"):
        tally.request("GET", "/readyz", status, 0.002)
    assert {key: sum(each.counts) for key, each in tally.requests.items()} == {
        ("GET", "/readyz", "200"): 2,
        ("GET", "/readyz", "503"): 1,
    }
