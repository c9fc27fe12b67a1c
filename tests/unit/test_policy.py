"""What agreements and credentials make lawful, against a definition that is written out plainly."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import product
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.contract.example import ident
from coordinator.model.answers import Standing
from coordinator.model.authority import Terms
from coordinator.model.codes import AgreementKind, AgreementState, CredentialState, Function, Regime
from coordinator.model.policy import Agreement, AgreementWord, CredentialWord, Policy, standing_of
from tests.unit.lawful_world import AFTER, BEFORE, BOTH, D1, DELEGATION, NOW, Vouched, law, terms, words

SECOND: Final = timedelta(seconds=1)
PARTIES: Final = ("dps", "mshp", "hsi")
IN_FORCE, PROPOSED = AgreementState.IN_FORCE, AgreementState.PROPOSED
SUSPENDED, TERMINATED = AgreementState.SUSPENDED, AgreementState.TERMINATED
SHARED: Final = terms(
    AgreementKind.DISSEMINATION, PARTIES, message_types=("operation.notice",), regimes=(Regime.OPERATIONAL,)
)
OTHER: Final = terms(
    AgreementKind.DISSEMINATION, PARTIES, message_types=("operation.update",), regimes=(Regime.OPERATIONAL,)
)


# --- how an agreement stands ---


def standing(*states: AgreementState | None, last: Terms = SHARED) -> Standing:
    """Of an agreement of three, when each has said so (None: nothing), the last one of these terms."""
    said = zip(PARTIES, states, (SHARED, SHARED, last), strict=True)
    return standing_of(AgreementWord(D1, side, spoken, state) for side, state, spoken in said if state is not None)


def test_it_is_in_force_when_every_party_has_said_so_of_the_same_terms() -> None:
    assert standing(IN_FORCE, IN_FORCE, IN_FORCE) is Standing.IN_FORCE


@pytest.mark.parametrize(
    "states", [each for each in product((IN_FORCE, PROPOSED, None), repeat=3) if set(each) != {IN_FORCE}]
)
def test_it_waits_while_anybody_has_not(states: tuple[AgreementState | None, ...]) -> None:
    assert standing(*states) is Standing.WAITING_FOR_OTHER_SIDE


@pytest.mark.parametrize("ending", [SUSPENDED, TERMINATED])
@pytest.mark.parametrize("others", list(product((IN_FORCE, PROPOSED, SUSPENDED, TERMINATED, None), repeat=2)))
def test_one_party_ends_it_at_once_whatever_the_others_say(
    ending: AgreementState, others: tuple[AgreementState | None, ...]
) -> None:
    assert standing(ending, *others) is Standing.NOT_IN_FORCE


def test_it_is_not_in_force_while_the_terms_differ() -> None:
    assert standing(IN_FORCE, IN_FORCE, IN_FORCE, last=OTHER) is Standing.TERMS_DIFFER


def test_nothing_said_is_nothing_in_force() -> None:
    assert standing_of(()) is Standing.WAITING_FOR_OTHER_SIDE


def test_terms_are_the_same_in_any_order() -> None:
    one = terms(AgreementKind.DISSEMINATION, ("a1", "b1"), message_types=("x.y", "z.w"), regimes=tuple(Regime))
    two = terms(
        AgreementKind.DISSEMINATION, ("b1", "a1"), message_types=("z.w", "x.y"), regimes=tuple(reversed(Regime))
    )
    assert one == two
    assert (
        standing_of([AgreementWord(D1, "a1", one, IN_FORCE), AgreementWord(D1, "b1", two, IN_FORCE)])
        is Standing.IN_FORCE
    )


@pytest.mark.parametrize(
    ("moment", "holds"),
    [(BEFORE - SECOND, False), (BEFORE, True), (NOW, True), (AFTER - SECOND, True), (AFTER, False)],
)
def test_a_term_begins_with_its_first_moment_and_ends_before_its_last(*, moment: datetime, holds: bool) -> None:
    assert Agreement(D1, SHARED).holds_at(moment) == holds
    assert Agreement(D1, SHARED).holds_during(moment, moment) == (holds or moment == AFTER)


# --- taking part ---


def test_the_lead_takes_part_by_its_office_and_others_by_their_agreement_with_it() -> None:
    policy = law()
    assert [agency for agency in ("dps", "mshp", "stl-pd", "hsi", "dea") if policy.participates(agency, NOW)] == [
        "dps",
        "mshp",
        "stl-pd",
        "hsi",
    ]


def test_participation_ends_with_its_term() -> None:
    assert not law().participates("mshp", AFTER)
    assert law().participates("dps", AFTER)


def test_an_agreement_that_the_lead_is_no_party_of_lets_nobody_take_part() -> None:
    between = words(ident("x"), terms(AgreementKind.PARTICIPATION, ("mshp", "hsi")))
    assert not law(agreements=between).participates("mshp", NOW)


@pytest.mark.parametrize("kind", [AgreementKind.DISSEMINATION, AgreementKind.DELEGATION])
def test_other_kinds_of_agreement_with_the_lead_let_nobody_take_part(kind: AgreementKind) -> None:
    covers = {"message_types": ("operation.notice",), "regimes": (Regime.OPERATIONAL,), "functions": (Function.DETAIN,)}
    assert not law(agreements=words(ident("x"), terms(kind, ("dps", "mshp"), **covers))).participates("mshp", NOW)


# --- being told: against the definition ---

AGENCIES: Final = ("dps", "mshp", "hsi")
IDS: Final = (ident("first"), ident("second"))
TYPES: Final = ("operation.notice", "situation.alert")
subsets = {
    "parties": st.lists(st.sampled_from(AGENCIES), min_size=2, max_size=2, unique=True).map(tuple),
    "message_types": st.lists(st.sampled_from(TYPES), min_size=1, unique=True).map(tuple),
    "regimes": st.lists(st.sampled_from([Regime.OPERATIONAL, Regime.CIVIL_IMMIGRATION]), min_size=1, unique=True).map(
        tuple
    ),
    "effective": st.sampled_from([BEFORE, NOW, NOW + SECOND]),
}
some_terms = st.builds(terms, st.just(AgreementKind.DISSEMINATION), **subsets)


@st.composite
def spoken(draw: st.DrawFn) -> tuple[AgreementWord, ...]:
    """What each side says of two agreements: mostly the same, mostly in force."""
    found: list[AgreementWord] = []
    for agreement in IDS:
        shared = draw(some_terms)
        for side in shared.parties:
            own = draw(st.sampled_from([shared] * 5 + [draw(some_terms)]))
            state = draw(st.sampled_from([IN_FORCE] * 5 + [PROPOSED, SUSPENDED]))
            own = own if set(own.parties) == set(shared.parties) else shared
            found += draw(st.sampled_from([[AgreementWord(agreement, side, own, state)]] * 5 + [[]]))
    return tuple(found)


def may(said: Iterable[AgreementWord], pair: tuple[str, str], message: tuple[str, Regime]) -> set[str]:
    """The agreements under which one may tell the other, by the words of `domain.md`."""
    found = set()
    for agreement in IDS:
        of_it = [word for word in said if word.agreement_id == agreement]
        if not of_it:
            continue
        written = of_it[0].terms
        both = {word.agency for word in of_it} == set(written.parties)
        agreed = all(word.state is IN_FORCE and word.terms == written for word in of_it)
        covers = message[0] in written.message_types and message[1] in written.regimes
        if (
            both
            and agreed
            and covers
            and set(pair) == set(written.parties)
            and written.effective <= NOW < written.expires
        ):
            found.add(agreement)
    return found


@given(spoken(), st.permutations(AGENCIES), st.sampled_from(TYPES), st.sampled_from(list(Regime)))
def test_a_recipient_may_be_told_exactly_when_the_definition_says_so(
    said: tuple[AgreementWord, ...], agencies: list[str], name: str, regime: Regime
) -> None:
    sender, recipient, _ = agencies
    policy = Policy(1, "dps", said)
    lawful = may(said, (sender, recipient), (name, regime))
    found = policy.covering(sender, recipient, (name, regime), NOW)
    assert found.id in lawful if found is not None else not lawful
    for wanted in IDS:
        relied = policy.covering(sender, recipient, (name, regime), NOW, wanted)
        assert (relied is not None) == (wanted in lawful)
        assert relied is None or relied.id == wanted


def test_no_agreement_lets_an_agency_tell_itself() -> None:
    assert law().covering("mshp", "mshp", ("operation.notice", Regime.OPERATIONAL), NOW) is None


# --- officers ---

WINDOW: Final = (NOW, NOW + timedelta(hours=3))
CREDENTIAL_STATES: Final = (None, *CredentialState)


@pytest.mark.parametrize("employers", CREDENTIAL_STATES)
@pytest.mark.parametrize("others", CREDENTIAL_STATES)
def test_a_function_is_conferred_only_when_the_employer_certifies_and_the_other_side_authorises(
    employers: CredentialState | None, others: CredentialState | None
) -> None:
    said = {side: state for side, state in (("mshp", employers), ("hsi", others)) if state is not None}
    confers = law(Vouched("4127", said)).confers("mshp", "4127", Function.SERVE_WARRANTS, WINDOW)
    assert confers == (employers is CredentialState.CERTIFIED and others is CredentialState.AUTHORISED)


@given(
    st.tuples(st.integers(-2, 2), st.integers(-2, 2)),
    st.tuples(st.integers(-2, 2), st.integers(-2, 2)),
    st.tuples(st.integers(-2, 2), st.integers(-2, 2)),
)
def test_a_function_is_conferred_for_a_window_within_all_three_terms(
    employers: tuple[int, int], others: tuple[int, int], agreements: tuple[int, int]
) -> None:
    """Each pair is seconds before and after the window by which a term reaches beyond it."""
    start, end = WINDOW

    def term(beyond: tuple[int, int]) -> tuple[datetime, datetime]:
        return start - beyond[0] * SECOND, end + beyond[1] * SECOND

    effective, expires = term(agreements)
    delegated = terms(
        AgreementKind.DELEGATION, ("mshp", "hsi"), functions=(Function.DETAIN,), effective=effective, expires=expires
    )
    said = (("mshp", CredentialState.CERTIFIED, employers), ("hsi", CredentialState.AUTHORISED, others))
    vouched = tuple(
        CredentialWord(DELEGATION, "4127", side, state, (Function.DETAIN,), *term(t)) for side, state, t in said
    )
    policy = Policy(1, "dps", words(DELEGATION, delegated), vouched)
    within = all(beyond >= 0 for term_ in (employers, others, agreements) for beyond in term_)
    assert policy.confers("mshp", "4127", Function.DETAIN, WINDOW) == within


@pytest.mark.parametrize("employer", ["mshp", "stl-pd"])
def test_nobody_but_the_two_sides_can_certify_or_authorise(employer: str) -> None:
    """Whatever stands in the store: a word of an agency that is no side confers nothing."""
    outsiders = Vouched("4127", {employer: CredentialState.CERTIFIED, "dea": CredentialState.AUTHORISED})
    one_outsider = Vouched("4127", {"stl-pd": CredentialState.CERTIFIED, "hsi": CredentialState.AUTHORISED})
    assert not law(outsiders).confers(employer, "4127", Function.SERVE_WARRANTS, WINDOW)
    assert not law(one_outsider).confers("stl-pd", "4127", Function.SERVE_WARRANTS, WINDOW)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, Standing.WAITING_FOR_OTHER_SIDE),
        ({"mshp": CredentialState.CERTIFIED}, Standing.WAITING_FOR_OTHER_SIDE),
        ({"hsi": CredentialState.AUTHORISED}, Standing.WAITING_FOR_OTHER_SIDE),
        ({"mshp": CredentialState.TRAINING, "hsi": CredentialState.AUTHORISED}, Standing.WAITING_FOR_OTHER_SIDE),
        (BOTH, Standing.IN_FORCE),
        ({**BOTH, "mshp": CredentialState.SUSPENDED}, Standing.NOT_IN_FORCE),
        ({**BOTH, "hsi": CredentialState.REVOKED}, Standing.NOT_IN_FORCE),
    ],
)
def test_the_receipt_says_how_a_credential_stands(said: dict[str, CredentialState], expected: Standing) -> None:
    assert law(Vouched("4127", said)).credential_standing(DELEGATION, "4127") is expected


def test_a_credential_under_an_agreement_that_has_ended_waits() -> None:
    ended = words(
        DELEGATION, terms(AgreementKind.DELEGATION, ("mshp", "hsi"), functions=(Function.DETAIN,)), by=("mshp",)
    )
    standing_now = law(Vouched("4127", BOTH), agreements=ended).credential_standing(DELEGATION, "4127")
    assert standing_now is Standing.WAITING_FOR_OTHER_SIDE
