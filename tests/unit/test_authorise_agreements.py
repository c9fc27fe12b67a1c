"""How agreements and credentials stand decides what flows and what is proven, as tables of decisions."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import pytest

from coordinator.contract.example import ident
from coordinator.model.answers import AuthorityVerdict
from coordinator.model.authority import Terms
from coordinator.model.codes import AgreementState, CredentialState, Function, Lane, Regime
from coordinator.model.decisions import RefusalCode, Refused, WithheldReason
from coordinator.model.messages import INCOMING_TYPES
from coordinator.model.policy import AgreementWord, Policy
from coordinator.model.work import Admitted, Dispatch
from coordinator.steps.authorise import lacking_officers, still_grounded
from tests.unit.example_world import example
from tests.unit.lawful_world import (
    AFTER,
    AGREEMENTS,
    BEFORE,
    BOTH,
    D1,
    D2,
    DELEGATED,
    DELEGATION,
    DRAFT,
    LOCAL_DELEGATION,
    NOW,
    Vouched,
    addressed,
    law,
    refused,
    said,
    told,
    untold,
    verdict,
    words,
)

NO_AGREEMENT = WithheldReason.NO_AGREEMENT


# --- agreements: by their parties, each kind between its own two sides ---


class Spoken(NamedTuple):
    sender: str
    kind: str
    parties: list[str]
    expected: Mapping[str, None] | Refused


MISPLACED, OUTSIDER = (
    refused(RefusalCode.INVALID_FIELD, "data.parties"),
    refused(RefusalCode.NOT_A_PARTY, "data.parties"),
)
AGREEMENT_WORDS: Final = [
    Spoken("mshp", "participation", ["dps", "mshp"], {"dps": None}),
    Spoken("dps", "participation", ["dea", "dps"], {"dea": None}),
    Spoken("dea", "participation", ["dea", "dps"], {"dps": None}),  # or the first agreement could not arrive
    Spoken("mshp", "participation", ["hsi", "mshp"], MISPLACED),
    Spoken("hsi", "participation", ["dps", "mshp"], OUTSIDER),
    Spoken("mshp", "dissemination", ["dea", "mshp"], {"dea": None, "dps": None}),
    Spoken(
        "hsi",
        "dissemination",
        ["dea", "hsi", "mshp", "stl-pd"],
        {"dea": None, "mshp": None, "stl-pd": None, "dps": None},
    ),
    Spoken("dps", "dissemination", ["dea", "mshp"], OUTSIDER),
    Spoken("mshp", "287g", ["hsi", "mshp"], {"hsi": None, "dps": None}),
    Spoken("hsi", "287g", ["hsi", "stl-pd"], {"stl-pd": None, "dps": None}),
    Spoken("mshp", "287g", ["mshp", "stl-pd"], MISPLACED),
    Spoken("hsi", "287g", ["dea", "hsi"], MISPLACED),
    Spoken("dea", "287g", ["hsi", "mshp"], OUTSIDER),
    Spoken("mshp", "dissemination", ["cass-county-so", "mshp"], refused(RefusalCode.UNKNOWN_RECIPIENT, "data.parties")),
    Spoken("mshp", "participation", ["coordinator", "mshp"], refused(RefusalCode.UNKNOWN_RECIPIENT, "data.parties")),
]


@pytest.mark.parametrize("row", AGREEMENT_WORDS)
@pytest.mark.parametrize("state", list(AgreementState))
@pytest.mark.parametrize("policy", [law(), law(agreements=())], ids=["under law", "without any"])
def test_parties_speak_of_their_agreements_whatever_is_in_force(
    row: Spoken, state: AgreementState, policy: Policy
) -> None:
    covers = {"message_types": ["operation.notice"], "regimes": ["operational"]} if row.kind == "dissemination" else {}
    delegates = {"functions": ["detain"]} if row.kind == "287g" else {}
    terms = {"kind": row.kind, "parties": row.parties, **covers, **delegates}
    found = verdict(said("agreement.status", row.sender, **terms, state=state.value), policy=policy)
    if isinstance(row.expected, Refused):
        assert found == row.expected
    else:
        assert told(found) == row.expected


# --- credentials: the employer nominates, trains and certifies; the other side authorises; either ends ---

SIDES: Final = {
    # state: who may say it, of the two sides MSHP (the employer) and HSI
    CredentialState.NOMINATED: {"mshp"},
    CredentialState.TRAINING: {"mshp"},
    CredentialState.CERTIFIED: {"mshp"},
    CredentialState.AUTHORISED: {"hsi"},
    CredentialState.SUSPENDED: {"mshp", "hsi"},
    CredentialState.REVOKED: {"mshp", "hsi"},
}


def credential(sender: str, state: CredentialState, agreement: str = DELEGATION, **more: object) -> Admitted | Refused:
    return verdict(said("credential.status", sender, agreement_id=agreement, state=state.value, **more))


@pytest.mark.parametrize("state", list(CredentialState))
@pytest.mark.parametrize("agreement", [DELEGATION, DRAFT])
def test_each_side_of_a_credential_has_its_own_words(state: CredentialState, agreement: str) -> None:
    for sender, other in (("mshp", "hsi"), ("hsi", "mshp")):
        found = credential(sender, state, agreement)
        if sender in SIDES[state]:
            assert told(found) == {other: None, "dps": None}
        else:
            assert found == refused(RefusalCode.WRONG_SIDE, "data.state")


@pytest.mark.parametrize("state", list(CredentialState))
@pytest.mark.parametrize(
    ("sender", "agreement"),
    [
        ("dps", DELEGATION),
        ("stl-pd", DELEGATION),
        ("mshp", LOCAL_DELEGATION),
        ("mshp", D1),
        ("mshp", ident("none such")),
    ],
)
def test_a_credential_under_an_agreement_of_others_looks_like_none(
    sender: str, agreement: str, state: CredentialState
) -> None:
    assert credential(sender, state, agreement) == refused(RefusalCode.UNKNOWN_OR_FORBIDDEN, "data.agreement_id")


def test_a_local_agency_certifies_its_own() -> None:
    assert told(credential("stl-pd", CredentialState.CERTIFIED, LOCAL_DELEGATION)) == {"hsi": None, "dps": None}


# --- how an agreement stands ---

D1_TERMS: Final = next(each.terms for each in AGREEMENTS if each.agreement_id == D1)
OTHERS: Final = tuple(each for each in AGREEMENTS if each.agreement_id != D1)
HALF: Final = ("dps", "mshp")
SOON, LATE = NOW + timedelta(microseconds=1), NOW - timedelta(microseconds=1)


def altered(**changes: object) -> Terms:
    """D1's terms with changes, read anew."""
    return Terms.model_validate({**D1_TERMS.model_dump(), **changes})


STANDINGS: Final = [
    ("both sides", words(D1, D1_TERMS), True),
    ("the parties in another order", words(D1, altered(parties=("mshp", "hsi", "dps"))), True),
    ("one side silent", words(D1, D1_TERMS, by=HALF), False),
    ("one side proposes", words(D1, D1_TERMS, by=HALF) + words(D1, D1_TERMS, ("hsi",), AgreementState.PROPOSED), False),
    (
        "one side suspends",
        words(D1, D1_TERMS, by=HALF) + words(D1, D1_TERMS, ("hsi",), AgreementState.SUSPENDED),
        False,
    ),
    (
        "the third side ends it",
        words(D1, D1_TERMS, ("mshp", "hsi")) + words(D1, D1_TERMS, ("dps",), AgreementState.TERMINATED),
        False,
    ),
    (
        "the documents differ",
        words(D1, D1_TERMS, by=HALF) + words(D1, altered(document_digest=f"sha-256:{'1' * 64}"), ("hsi",)),
        False,
    ),
    (
        "the regimes differ",
        words(D1, D1_TERMS, by=HALF)
        + words(D1, altered(regimes=(*D1_TERMS.regimes, Regime.CIVIL_IMMIGRATION)), ("hsi",)),
        False,
    ),
    ("from this moment on", words(D1, altered(effective=NOW)), True),
    ("not yet", words(D1, altered(effective=SOON)), False),
    ("until the next moment", words(D1, altered(expires=SOON)), True),
    ("until this moment", words(D1, altered(expires=NOW)), False),
    ("the types are fewer", words(D1, altered(message_types=("situation.alert",))), False),
]


@pytest.mark.parametrize(("d1", "flows"), [row[1:] for row in STANDINGS], ids=[row[0] for row in STANDINGS])
def test_nothing_flows_unless_both_sides_have_the_same_agreement_in_force(
    *, d1: tuple[AgreementWord, ...], flows: bool
) -> None:
    policy = law(agreements=(*OTHERS, *d1))
    found = verdict(said("operation.notice", "mshp", to=["hsi"]), policy=policy)
    assert told(found) == ({"hsi": D1} if flows else {})
    assert untold(found) == ({} if flows else {"hsi": NO_AGREEMENT})


def owed(agreement: str | None, recipient: str = "hsi") -> Dispatch:
    """A notice of MSHP that is owed to HSI, under an agreement or by role."""
    notice = example("operation.notice")
    kind, source = str(notice.message["type"]), str(notice.message["source"])
    return Dispatch(
        key=1,
        id=ident("a dispatch"),
        recipient=recipient,
        lane=Lane.OUT,
        sequence=1,
        type=kind,
        event_id=str(notice.message["id"]),
        sender="mshp",
        source=source,
        body=notice.body,
        recorded="2026-11-27T18:00:00.000000Z",
        attempts=0,
        agreement=agreement,
    )


@pytest.mark.parametrize(("d1", "flows"), [row[1:] for row in STANDINGS], ids=[row[0] for row in STANDINGS])
def test_a_delivery_that_waits_keeps_its_ground_as_long_as_the_agreement_covers_it(
    *, d1: tuple[AgreementWord, ...], flows: bool
) -> None:
    assert still_grounded(owed(D1), NOW, law(agreements=(*OTHERS, *d1))) == flows


def test_a_delivery_is_held_to_the_agreement_that_it_relied_on() -> None:
    assert not still_grounded(owed(ident("none such")), NOW, law())
    assert not still_grounded(owed(D2), NOW, law())
    assert not still_grounded(owed(D1, "dea"), NOW, law())


def test_a_delivery_by_role_is_never_held() -> None:
    assert still_grounded(owed(None), NOW, law(agreements=()))


@pytest.mark.parametrize("name", [model.name for model in INCOMING_TYPES])
def test_where_nothing_is_agreed_nothing_is_told_by_agreement(name: str) -> None:
    """No vacuous yes: an empty law allows nobody to be told anything, and every type has a rule."""
    found = verdict(said(name, "dps", to=addressed(name, ["mshp", "hsi"])), policy=Policy(0, "dps"))
    if isinstance(found, Admitted):
        assert all(grant.agreement is None for grant in found.grants)
        assert name in {"receipt.acknowledge", "agreement.status", "party.status"} or not found.grants
    assert found != refused(RefusalCode.UNKNOWN_TYPE, "type")


# --- authority under 287(g) ---

PLAN_WINDOW: Final = (datetime(2026, 11, 28, 0, tzinfo=UTC), datetime(2026, 11, 28, 3, tzinfo=UTC))
"""Of the example that the rows begin from."""
START, END = PLAN_WINDOW
FOR_4127: Final = {"function": "serve_warrants", "officer_ids": ["4127"]}
FOR_BOTH: Final = {"function": "serve_warrants", "officer_ids": ["4127", "4130"]}
CERTIFIED, AUTHORISED = CredentialState.CERTIFIED, CredentialState.AUTHORISED
PROVEN, UNPROVEN, NONE = AuthorityVerdict.PROVEN, AuthorityVerdict.UNPROVEN, AuthorityVerdict.NONE


class Rested(NamedTuple):
    says: str
    sender: str
    duty: str
    authority: Mapping[str, object] | None
    vouched: tuple[Vouched, ...]
    expected: AuthorityVerdict


def with_term(start: datetime, end: datetime) -> tuple[Vouched, ...]:
    return (Vouched("4127", BOTH, term=(start, end)),)


def by(**sides: CredentialState) -> tuple[Vouched, ...]:
    return (Vouched("4127", sides),)


MINUTE: Final = timedelta(minutes=1)
AUTHORITY: Final = [
    Rested("no such duty", "mshp", "narcotics_interdiction", None, (), NONE),
    Rested("the duty, and nobody named", "mshp", "immigration_enforcement", None, (), UNPROVEN),
    Rested("a local agency too", "stl-pd", "immigration_enforcement", None, (), UNPROVEN),
    Rested("federal agencies have their own", "hsi", "immigration_enforcement", None, (), NONE),
    Rested("... even when they name it", "hsi", "immigration_enforcement", FOR_4127, (), NONE),
    Rested("certified and authorised", "mshp", "immigration_enforcement", FOR_4127, by(**BOTH), PROVEN),
    Rested("whatever the duty", "mshp", "none", FOR_4127, by(**BOTH), PROVEN),
    Rested("nothing is said of the officer", "mshp", "immigration_enforcement", FOR_4127, (), UNPROVEN),
    Rested("certified only", "mshp", "none", FOR_4127, by(mshp=CERTIFIED), UNPROVEN),
    Rested("authorised only", "mshp", "none", FOR_4127, by(hsi=AUTHORISED), UNPROVEN),
    Rested("in training", "mshp", "none", FOR_4127, by(mshp=CredentialState.TRAINING, hsi=AUTHORISED), UNPROVEN),
    Rested(
        "suspended by the employer",
        "mshp",
        "none",
        FOR_4127,
        by(mshp=CredentialState.SUSPENDED, hsi=AUTHORISED),
        UNPROVEN,
    ),
    Rested(
        "revoked by the other side", "mshp", "none", FOR_4127, by(mshp=CERTIFIED, hsi=CredentialState.REVOKED), UNPROVEN
    ),
    Rested("the sides exchanged", "mshp", "none", FOR_4127, by(mshp=AUTHORISED, hsi=CERTIFIED), UNPROVEN),
    Rested("one officer of two", "mshp", "none", FOR_BOTH, by(**BOTH), UNPROVEN),
    Rested("both officers", "mshp", "none", FOR_BOTH, (*by(**BOTH), Vouched("4130", BOTH)), PROVEN),
    Rested("another's officer", "stl-pd", "none", FOR_4127, by(**BOTH), UNPROVEN),
    Rested("for just the window", "mshp", "none", FOR_4127, with_term(START, END), PROVEN),
    Rested("from a minute later", "mshp", "none", FOR_4127, with_term(START + MINUTE, END), UNPROVEN),
    Rested("until a minute earlier", "mshp", "none", FOR_4127, with_term(START, END - MINUTE), UNPROVEN),
    Rested(
        "another function", "mshp", "none", FOR_4127, (Vouched("4127", BOTH, (Function.ARREST_IMMIGRATION,)),), UNPROVEN
    ),
    Rested(
        "a function that is not delegated",
        "mshp",
        "none",
        {"function": "detain", "officer_ids": ["4127"]},
        (Vouched("4127", BOTH, (Function.DETAIN,)),),
        UNPROVEN,
    ),
    Rested("under a draft", "mshp", "none", FOR_4127, (Vouched("4127", BOTH, agreement=DRAFT),), UNPROVEN),
]


@pytest.mark.parametrize("row", AUTHORITY, ids=[row.says for row in AUTHORITY])
@pytest.mark.parametrize("name", ["operation.notice", "operation.update"])
def test_authority_is_proven_or_the_receipt_says_otherwise_and_never_refuses(row: Rested, name: str) -> None:
    window = {"start": START.isoformat(), "end": END.isoformat()}
    read = said(name, row.sender, to=["coordinator"], duty=row.duty, authority=row.authority, **window)
    found = verdict(read, policy=law(*row.vouched))
    assert isinstance(found, Admitted)
    assert found.authority is row.expected


@pytest.mark.parametrize("name", ["operation.status", "operation.cancel", "operation.close", "situation.alert"])
def test_only_a_plan_rests_on_authority(name: str) -> None:
    found = verdict(said(name, "mshp", to=["hsi"]))
    assert isinstance(found, Admitted)
    assert found.authority is None


def test_the_officers_who_lack_it_are_named() -> None:
    read = said("operation.notice", "mshp", authority=FOR_BOTH)
    authority = getattr(read.event.data, "authority", None)
    assert authority is not None
    assert lacking_officers("mshp", authority, PLAN_WINDOW, law(*by(**BOTH))) == ("4130",)


def test_when_the_agreement_ends_so_does_the_authority() -> None:
    ended = words(DELEGATION, DELEGATED, ("hsi",), AgreementState.TERMINATED)
    rest = tuple(each for each in AGREEMENTS if (each.agreement_id, each.agency) != (DELEGATION, "hsi"))
    read = said("operation.notice", "mshp", to=["coordinator"], authority=FOR_4127)
    found = verdict(read, policy=law(*by(**BOTH), agreements=rest + ended))
    assert isinstance(found, Admitted)
    assert found.authority is UNPROVEN


def test_a_plan_beyond_the_agreements_term_is_unproven() -> None:
    late = {"start": (AFTER - MINUTE).isoformat(), "end": (AFTER + MINUTE).isoformat()}
    vouched = Vouched("4127", BOTH, term=(BEFORE, AFTER + timedelta(days=1)))
    found = verdict(
        said("operation.notice", "mshp", to=["coordinator"], authority=FOR_4127, **late), policy=law(vouched)
    )
    assert isinstance(found, Admitted)
    assert found.authority is UNPROVEN
