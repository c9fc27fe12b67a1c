"""What was just committed goes from memory only where nothing that was never handed out comes before it."""

from collections.abc import Sequence

from coordinator.fresh import STILL_OURS_MS, Fresh
from coordinator.model.codes import Lane
from coordinator.model.plan import DispatchRow, Head, MessageRow, Plan
from coordinator.model.work import Dispatch, Leased, Line

HSI, DEA = Line("hsi", Lane.OUT), Line("dea", Lane.OUT)
ALERT = Line("hsi", Lane.ALERT)
NOW, UNTIL = 1_000, 31_000


def plan(first: int, *lines: Line, content: bool = True) -> Plan:
    """A transaction that owes a delivery on each of these lines, numbered from `first`."""
    made = Plan(Head(0, 1, first + len(lines), 0))
    if content:
        made.messages.append(MessageRow(7, "mshp", "id", "//mshp/cad", "a.type", b"{}", 3, "jws", "correlation"))
    made.dispatches += [
        DispatchRow(first + at, f"d{first + at}", line.agency, line.lane, first + at + 1, 7, 3, "agreement", "moment")
        for at, line in enumerate(lines)
    ]
    return made


def found(*whole: Line) -> Leased:
    """What a look says that found these lines ours, and handed out all that was due on them."""
    return Leased(0, (), dict.fromkeys(whole, UNTIL), whole)


def look(fresh: Fresh, *whole: Line) -> None:
    fresh.look()
    fresh.looked(found(*whole))


def keys(taken: Sequence[Dispatch]) -> list[int]:
    return [each.key for each in taken]


def level(*lines: Line) -> Fresh:
    """Lines of which everything was handed out, before delivery 10."""
    fresh = Fresh()
    fresh.take(plan(9, DEA), NOW, lambda _: False)
    look(fresh, *lines)
    return fresh


def test_nothing_goes_before_the_store_was_asked() -> None:
    taken, needed = Fresh().take(plan(0, HSI), NOW, lambda _: True)
    assert not taken
    assert needed


def test_on_a_level_line_everything_goes_with_its_content_and_no_look_is_needed() -> None:
    taken, needed = level(HSI, DEA).take(plan(10, HSI, DEA, HSI), NOW, lambda _: True)
    assert keys(taken) == [10, 11, 12]
    assert not needed
    assert taken[0] == Dispatch(
        key=10, id="d10", recipient="hsi", lane=Lane.OUT, sequence=11, type="a.type", event_id="id", sender="mshp",
        source="//mshp/cad", body=b"{}", recorded="moment", attempts=0, agreement="agreement",
        correlation="correlation", jws="jws",
    )  # fmt: skip  # the fields in their order


def test_a_line_is_a_recipient_and_a_lane() -> None:
    taken, needed = level(HSI).take(plan(10, ALERT, HSI), NOW, lambda _: True)
    assert keys(taken) == [11]
    assert needed


def test_after_one_was_left_none_goes_until_a_look_that_saw_it() -> None:
    fresh = level(HSI, DEA)
    assert not fresh.take(plan(10, HSI), NOW, lambda _: False)[0]
    fresh.look()
    assert not fresh.take(plan(11, HSI), NOW, lambda _: True)[0]
    fresh.looked(found(HSI, DEA))  # perhaps of a moment before the second
    assert keys(fresh.take(plan(12, HSI, DEA), NOW, lambda _: True)[0]) == [13]
    look(fresh, HSI, DEA)
    assert keys(fresh.take(plan(14, HSI, DEA), NOW, lambda _: True)[0]) == [14, 15]


def test_a_look_that_did_not_hand_out_everything_changes_nothing() -> None:
    fresh = level(HSI)
    fresh.miss(HSI)
    fresh.look()
    fresh.looked(Leased(0, (), {HSI: UNTIL}, ()))
    assert not fresh.take(plan(10, HSI), NOW, lambda _: True)[0]


def test_a_transaction_that_was_not_ours_stops_every_line_until_a_look_that_saw_it() -> None:
    fresh = level(HSI, DEA)
    fresh.look()
    assert fresh.take(plan(11, HSI, DEA), NOW, lambda _: True) == ([], True)  # somebody else took number 10
    fresh.looked(found(HSI, DEA))
    assert not fresh.take(plan(13, HSI), NOW, lambda _: True)[0]
    look(fresh, HSI, DEA)
    assert keys(fresh.take(plan(14, HSI), NOW, lambda _: True)[0]) == [14]


def test_a_lease_that_ends_soon_is_not_relied_on() -> None:
    fresh = level(HSI)
    assert keys(fresh.take(plan(10, HSI), UNTIL - STILL_OURS_MS - 1, lambda _: True)[0]) == [10]
    assert not fresh.take(plan(11, HSI), UNTIL - STILL_OURS_MS, lambda _: True)[0]


def test_what_has_its_content_elsewhere_is_left_with_all_that_follows_on_its_line() -> None:
    fresh = level(HSI)
    taken, needed = fresh.take(plan(10, HSI, content=False), NOW, lambda _: True)
    assert not taken
    assert needed
    assert not fresh.take(plan(11, HSI), NOW, lambda _: True)[0]


def test_what_is_owed_again_or_replaced_needs_a_look() -> None:
    for changed in ("owed_again", "released", "replaced"):
        fresh, made = level(HSI), plan(10)
        getattr(made, changed).append("d1")
        assert fresh.take(made, NOW, lambda _: True) == ([], True)
    assert level(HSI).take(plan(10), NOW, lambda _: True) == ([], False)
