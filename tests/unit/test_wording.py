"""What a conflict means in words: every band, caution, ending and word; moments that happen twice."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from coordinator.model.answers import CloseReason, Eyes, Other, Pointer
from coordinator.model.codes import Band, Caution, Status
from coordinator.model.disputes import ContactMethod, Decision
from coordinator.model.operations import Contact
from coordinator.model.views import ConflictView, OperationView, Progress, SideView, Word
from coordinator.model.volume import OperationState
from coordinator.model.wording import (
    CAUTIONS,
    DECISIONS,
    ENDINGS,
    MEETINGS,
    NEARNESS,
    NEARNESS_WITHIN,
    STANDING,
    explain,
    moment,
    phone,
    said,
    short_moment,
)
from tests import kit

CONTACT = Contact(officer_id="4411", callback="+15735550110", backup="+15735550111")
ACT_BY = datetime(2026, 11, 27, 18, 15, tzinfo=UTC)
NAMES = {"dea": "Drug Enforcement Administration", "mshp": "Missouri State Highway Patrol"}
OWN = OperationView("own", "mshp", own=True, state=OperationState.PLANNED, plan={"name": "BLUE HERON"})


def by(**said: Any) -> Word:  # noqa: ANN401  # any field of a word
    """A word, a response of officer 1 where nothing else is said."""
    return Word(**{"word": "response", "officer_id": "1", "time": ACT_BY, **said})


def view(pointer: Pointer, status: Status = Status.ACTUAL, ended: str = "", words: tuple[Word, ...] = ()) -> str:
    side = SideView("own", status, pointer, not ended, ended or "opened", None, OWN, words)
    return explain(ConflictView("conflict", (side,)), NAMES)


def pointer(band: Band = Band.OVERLAP, *cautions: Caution) -> Pointer:
    other = Other(agency="dea", contact=CONTACT, caution=cautions)
    return Pointer(conflict_id=kit.fresh_id(), operation_id=kit.fresh_id(), other=other, band=band, act_by=ACT_BY)


def sealed() -> Pointer:
    other = Other(agency="dea", contact=CONTACT)
    return Pointer(conflict_id=kit.fresh_id(), operation_id=kit.fresh_id(), other=other, eyes=Eyes.HEADQUARTERS)


def test_a_sergeant_is_told_who_how_near_what_of_whom_to_call_and_by_when() -> None:
    assert view(pointer(Band.OVERLAP, Caution.ARMED, Caution.DOGS)) == (
        "Your operation BLUE HERON is planned on the same ground as one of Drug Enforcement Administration (dea), "
        "at about the same time. Caution: people there are armed; there are dogs. "
        "Call officer 4411 at +1 573 555 0110 (or +1 573 555 0111 if nobody answers), "
        "and settle it by Fri 27 Nov 2026 12:15 CST (UTC-06:00) / 18:15Z. "
        "The conflict is open: neither side has taken note of it yet."
    )


@pytest.mark.parametrize("band", Band)
def test_every_band_has_words_of_its_own(band: Band) -> None:
    assert NEARNESS[band].format(other="Drug Enforcement Administration (dea)") in view(pointer(band))
    assert len(set(NEARNESS.values())) == len(Band)


@pytest.mark.parametrize("code", Caution)
def test_every_caution_has_plain_words_and_not_its_code(code: Caution) -> None:
    words = view(pointer(Band.OVERLAP, code))
    assert CAUTIONS[code] in words
    assert code.value not in words or "_" not in code.value
    assert "Caution" not in view(pointer())


def test_of_a_sealed_operation_the_contact_is_all_and_for_headquarters() -> None:
    words = view(sealed())
    assert words.startswith("SEALED, for your headquarters only. Your operation BLUE HERON is in conflict")
    assert "officer 4411 at +1 573 555 0110" in words
    for told in (*NEARNESS.values(), "by Fri", "Caution", "metres", "ground"):
        assert told not in words


@pytest.mark.parametrize(("status", "mark"), [(Status.EXERCISE, "EXERCISE: "), (Status.TEST, "TEST: ")])
@pytest.mark.parametrize("of", [pointer(), sealed()])
def test_what_is_not_actual_says_so_first(status: Status, mark: str, of: Pointer) -> None:
    for ended in ("", "moved_apart"):
        words = view(of, status, ended)
        assert words.startswith(mark)
        assert words.removeprefix(mark) == view(of, Status.ACTUAL, ended)


@pytest.mark.parametrize("reason", CloseReason)
def test_a_conflict_that_is_over_asks_for_nothing(reason: CloseReason) -> None:
    words = view(pointer(Band.OVERLAP, Caution.ARMED), ended=reason.value)
    assert ENDINGS[reason] in words
    assert "Call" not in words
    assert "555" not in words


@pytest.mark.parametrize("method", ContactMethod)
@pytest.mark.parametrize("decision", Decision)
def test_every_decision_is_told_as_whose_it_is(decision: Decision, method: ContactMethod) -> None:
    told = by(own=False, word="response", officer_id="77", decision=decision, minutes=30, contact=method)
    words = view(pointer(), words=(told,))
    assert words.endswith(
        f"The other side (officer 77) {DECISIONS[decision].format(minutes=30)}, after both spoke {MEETINGS[method]}, "
        "Fri 27 Nov 2026 12:15 CST (UTC-06:00) / 18:15Z."
    )
    assert STANDING[Progress.CLAIMED] in words


def within(*words: Word, ended: str = "", status: Status = Status.ACTUAL) -> str:
    """Two operations of the viewer's own, each told of the other."""
    other = Other(agency="mshp", contact=CONTACT, caution=(Caution.ARMED,))
    sides = []
    for name in ("BLUE HERON", "RED FOX"):
        own = OperationView(name, "mshp", own=True, state=OperationState.PLANNED, plan={"name": name})
        of = Pointer(
            conflict_id=kit.fresh_id(), operation_id=kit.fresh_id(), other=other, band=Band.OVERLAP, act_by=ACT_BY
        )
        sides.append(SideView(name, status, of, not ended, ended or "opened", None, own, words, within=True))
    return explain(ConflictView("conflict", tuple(sides)), NAMES)


def test_a_conflict_of_two_operations_of_ones_own_is_one_paragraph_and_calls_nobody() -> None:
    assert within() == (
        "BLUE HERON and RED FOX, both yours, are planned on the same ground, at about the same time. "
        "Caution: people there are armed. "
        "Settle it among yourselves by Fri 27 Nov 2026 12:15 CST (UTC-06:00) / 18:15Z. "
        "The conflict is open: nobody has taken note of it yet."
    )
    assert within(status=Status.EXERCISE) == f"EXERCISE: {within()}"
    decided = by(own=True, decision=Decision.DELAY)
    assert f"You have said what you will do; until the conflict is closed, it is not over. {said(decided)}" in within(
        decided
    )
    over = within(ended="moved_apart")
    assert over == (
        f"BLUE HERON and RED FOX, both yours, are no longer in conflict: {ENDINGS[CloseReason.MOVED_APART]}. "
        "There is nothing left to settle."
    )
    assert set(NEARNESS_WITHIN) == set(Band)


def test_how_far_the_two_sides_are_is_what_both_said_since_the_last_change() -> None:
    def progress(*words: Word) -> Progress:
        side = SideView("own", Status.ACTUAL, pointer(), open=True, change="opened", told=None, words=words)
        return side.progress

    note, claim = (by(own=True, word=word) for word in ("acknowledge", "claim"))
    ours, theirs = (by(own=own, decision=Decision.DELAY) for own in (True, False))
    stale = by(own=False, decision=Decision.DELAY, stale=True)
    assert progress() is Progress.OPEN
    assert progress(note) is Progress.ACKNOWLEDGED
    assert progress(note, claim) is Progress.CLAIMED
    assert progress(note, ours) is Progress.CLAIMED
    assert progress(ours, theirs) is Progress.DECIDED
    assert progress(ours, stale) is Progress.CLAIMED
    assert said(stale).endswith("before the last change.")
    assert "handed it over to officer 9" in said(by(own=True, word="handover", successor="9"))


def test_an_hour_that_happens_twice_is_told_apart() -> None:
    first = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    assert moment(first) == "Sun 1 Nov 2026 01:30 CDT (UTC-05:00) / 06:30Z"
    assert moment(first + timedelta(hours=1)) == "Sun 1 Nov 2026 01:30 CST (UTC-06:00) / 07:30Z"
    assert short_moment(first) != short_moment(first + timedelta(hours=1))


def test_another_day_in_utc_is_named() -> None:
    assert (
        moment(datetime(2026, 11, 28, 2, 0, tzinfo=UTC)) == "Fri 27 Nov 2026 20:00 CST (UTC-06:00) / Sat 28 Nov 02:00Z"
    )


def test_a_number_is_written_as_it_is_read_out() -> None:
    assert phone("+15735550110") == "+1 573 555 0110"
    assert phone("+442079460000") == "+442079460000"


def test_every_standing_has_words() -> None:
    assert set(STANDING) == set(Progress)
