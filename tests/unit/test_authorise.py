"""Who may send what, and who may be told, as tables of decisions (`domain.md`, *Registration is not dissemination*)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.contract.example import ident
from coordinator.model.answers import AuthorityVerdict, Withheld
from coordinator.model.codes import AgreementState
from coordinator.model.decisions import RefusalCode, Refused, WithheldReason
from coordinator.model.work import Admitted, Grant, Read
from tests.unit.lawful_world import (
    AGREEMENTS,
    COLE,
    D1,
    D2,
    D3,
    DELEGATION,
    DIRECTORY,
    JACKSON,
    ST_LOUIS_CITY,
    handling,
    law,
    refused,
    said,
    told,
    touching,
    untold,
    verdict,
)

UNKNOWN, NO_AGREEMENT = WithheldReason.UNKNOWN_AGENCY, WithheldReason.NO_AGREEMENT
ITSELF, NOT_CONCERNED = WithheldReason.SENDER_ITSELF, WithheldReason.NOT_A_RECIPIENT


# --- operations: registering needs participation alone; showing is judged one by one ---


class Shown(NamedTuple):
    sender: str
    to: list[str]
    regime: str
    told: Mapping[str, str]
    withheld: Mapping[str, WithheldReason]
    relied_on: str | None = None


NOTICES: Final = [
    # an agreement in force between the two, that covers type and regime
    Shown("mshp", ["dps", "hsi"], "operational", {"dps": D1, "hsi": D1}, {}),
    Shown("hsi", ["mshp"], "operational", {"mshp": D1}, {}),
    Shown("dps", ["hsi", "mshp"], "operational", {"hsi": D1, "mshp": D1}, {}),
    # nobody needs be told
    Shown("mshp", ["coordinator"], "operational", {}, {}),
    Shown("stl-pd", ["coordinator"], "criminal-intelligence", {}, {}),
    # there is one, but of another type
    Shown("mshp", ["dea"], "operational", {}, {"dea": NO_AGREEMENT}),
    # ... of another regime
    Shown("mshp", ["stl-pd"], "operational", {}, {"stl-pd": NO_AGREEMENT}),
    Shown("mshp", ["stl-pd"], "civil-immigration", {"stl-pd": D3}, {}),
    Shown("stl-pd", ["mshp"], "civil-immigration", {"mshp": D3}, {}),
    Shown("mshp", ["hsi"], "criminal-intelligence", {}, {"hsi": NO_AGREEMENT}),
    Shown("mshp", ["hsi"], "civil-immigration", {}, {"hsi": NO_AGREEMENT}),
    # ... that one side alone has put in force
    Shown("hsi", ["stl-pd"], "operational", {}, {"stl-pd": NO_AGREEMENT}),
    Shown("stl-pd", ["hsi"], "operational", {}, {"hsi": NO_AGREEMENT}),
    # participation, and a 287(g) agreement, are no leave to be told
    Shown("stl-pd", ["dps"], "operational", {}, {"dps": NO_AGREEMENT}),
    Shown("mshp", ["hsi"], "criminal-intelligence", {}, {"hsi": NO_AGREEMENT}, DELEGATION),
    # the agreement that the sender relies on is the one that counts
    Shown("mshp", ["hsi"], "operational", {"hsi": D1}, {}, D1),
    Shown("mshp", ["hsi"], "operational", {}, {"hsi": NO_AGREEMENT}, D2),
    Shown("mshp", ["hsi"], "operational", {}, {"hsi": NO_AGREEMENT}, ident("no such agreement")),
    # unknown, and itself
    Shown("mshp", ["cass-county-so"], "operational", {}, {"cass-county-so": UNKNOWN}),
    Shown("mshp", ["mshp"], "operational", {}, {"mshp": ITSELF}),
    # each for itself
    Shown(
        "mshp",
        ["hsi", "dea", "cass-county-so", "mshp", "dps", "stl-pd"],
        "operational",
        {"hsi": D1, "dps": D1},
        {"dea": NO_AGREEMENT, "cass-county-so": UNKNOWN, "mshp": ITSELF, "stl-pd": NO_AGREEMENT},
    ),
]


@pytest.mark.parametrize("row", NOTICES)
def test_a_notice_is_registered_and_shown_to_whom_an_agreement_covers(row: Shown) -> None:
    read = said("operation.notice", row.sender, to=row.to, handling=handling(row.regime), agreement_id=row.relied_on)
    found = verdict(read)
    assert told(found) == row.told
    assert untold(found) == row.withheld


@pytest.mark.parametrize("name", ["operation.notice", "operation.update", "operation.status"])
def test_types_are_covered_one_by_one(name: str) -> None:
    """D3 is about notices alone."""
    found = verdict(said(name, "mshp", to=["stl-pd", "hsi"], handling=handling("civil-immigration")))
    assert told(found) == ({"stl-pd": D3} if name == "operation.notice" else {})
    found = verdict(said(name, "mshp", to=["hsi", "dps"]))
    assert told(found) == {"hsi": D1, "dps": D1}


@pytest.mark.parametrize("name", ["operation.notice", "operation.update", "operation.status"])
@pytest.mark.parametrize("to", [["coordinator"], ["mshp"], ["cass-county-so"]])
def test_without_participation_nothing_is_registered(name: str, to: list[str]) -> None:
    assert verdict(said(name, "dea", to=to)) == refused(RefusalCode.NO_PARTICIPATION, "source")


@pytest.mark.parametrize("name", ["operation.notice", "operation.update", "operation.status"])
def test_the_lead_takes_part_by_its_office(name: str) -> None:
    assert isinstance(verdict(said(name, "dps", to=["coordinator"]), policy=law(agreements=())), Admitted)


@pytest.mark.parametrize("name", ["operation.cancel", "operation.close"])
@pytest.mark.parametrize("sender", ["dps", "mshp", "stl-pd", "hsi", "dea"])
def test_an_operation_is_ended_by_role_and_goes_to_whoever_was_told_of_it(name: str, sender: str) -> None:
    """Never by an agreement: an agency that takes no part any longer still ends what it registered."""
    found = verdict(said(name, sender, to=["dps", "cass-county-so"]), policy=law(agreements=()))
    assert found == Admitted()


# --- alerts: judged one by one; imminent danger reaches every desk ---


class Alerted(NamedTuple):
    sender: str
    to: list[str]
    told: Mapping[str, str | None]
    withheld: Mapping[str, WithheldReason]
    danger: bool = False
    by_area: tuple[str, ...] = ()
    regime: str = "operational"


ALERTS: Final = [
    Alerted("mshp", ["dps", "hsi"], {"dps": D1, "hsi": D1}, {}),
    Alerted("mshp", ["dea"], {"dea": D2}, {}),
    Alerted("dea", ["mshp"], {"mshp": D2}, {}),  # an alert needs no participation, only an agreement
    Alerted("mshp", ["dea", "stl-pd"], {"dea": D2}, {"stl-pd": NO_AGREEMENT}),
    Alerted("hsi", ["mshp", "stl-pd", "dea"], {"mshp": D1}, {"stl-pd": NO_AGREEMENT, "dea": NO_AGREEMENT}),
    # by area: whoever covers a county that is touched, judged like the named
    Alerted("mshp", ["coordinator"], {"dps": D1}, {}, by_area=(COLE,)),
    Alerted("mshp", ["coordinator"], {"dea": D2, "dps": D1, "hsi": D1}, {}, by_area=(JACKSON,)),
    Alerted("mshp", ["dea"], {"dea": D2, "dps": D1, "hsi": D1}, {"stl-pd": NO_AGREEMENT}, by_area=(ST_LOUIS_CITY,)),
    # imminent danger: by no agreement, whatever the regime
    Alerted("stl-pd", ["dps", "dea"], {"dps": None, "dea": None}, {}, danger=True),
    Alerted("dea", ["stl-pd"], {"stl-pd": None}, {}, danger=True),
    Alerted("mshp", ["hsi"], {"hsi": None}, {}, danger=True, regime="criminal-intelligence"),
    Alerted(
        "stl-pd",
        ["coordinator"],
        {"dps": None, "mshp": None, "hsi": None, "dea": None},
        {},
        danger=True,
        by_area=(JACKSON, ST_LOUIS_CITY),
    ),
]
DANGER: Final = {
    "imminent_danger": True,
    "imminent_reason": "threat_to_officers",
    "originator": {"ori": "MOEX00001", "officer_id": "4127"},
}


def alert(row: Alerted) -> Read:
    danger = DANGER if row.danger else {}
    body = {"to": row.to, "to_area": bool(row.by_area), "handling": handling(row.regime), **danger}
    return touching(said("situation.alert", row.sender, **body), row.by_area)


@pytest.mark.parametrize("row", ALERTS)
def test_an_alert_reaches_whom_an_agreement_covers_and_danger_everybody(row: Alerted) -> None:
    found = verdict(alert(row))
    assert told(found) == row.told
    assert untold(found) == row.withheld


@pytest.mark.parametrize("danger", [False, True])
@pytest.mark.parametrize(
    ("to", "by_area", "code"),
    [
        (["dps", "cass-county-so"], (), RefusalCode.UNKNOWN_RECIPIENT),
        (["cass-county-so"], (JACKSON,), RefusalCode.UNKNOWN_RECIPIENT),
        (["mshp"], (), RefusalCode.NO_RECIPIENT_ALLOWED),
        (["coordinator"], ("29999",), RefusalCode.NO_RECIPIENT_ALLOWED),
    ],
)
def test_an_alert_for_nobody_there_is_refused(
    *, to: list[str], by_area: tuple[str, ...], code: RefusalCode, danger: bool
) -> None:
    found = verdict(alert(Alerted("mshp", to, {}, {}, danger, by_area)))
    assert found == refused(code, "data.to")


@pytest.mark.parametrize(
    ("sender", "to", "regime"),
    [
        ("mshp", ["stl-pd"], "operational"),
        ("mshp", ["hsi"], "criminal-intelligence"),
        ("dea", ["hsi"], "civil-immigration"),
    ],
)
def test_an_alert_that_nobody_may_have_is_refused(sender: str, to: list[str], regime: str) -> None:
    found = verdict(alert(Alerted(sender, to, {}, {}, regime=regime)))
    assert found == refused(RefusalCode.NO_RECIPIENT_ALLOWED, "data.to")


def test_a_desk_that_is_named_and_covers_the_area_is_told_once() -> None:
    found = verdict(alert(Alerted("stl-pd", ["hsi", "dps"], {}, {}, danger=True, by_area=(JACKSON,))))
    assert isinstance(found, Admitted)
    assert [grant.agency for grant in found.grants] == ["hsi", "dps", "dea", "mshp"]


# --- acknowledgements, and whoever else is named ---


@pytest.mark.parametrize("sender", ["dps", "mshp", "stl-pd", "hsi", "dea"])
def test_an_acknowledgement_goes_to_whose_message_it_was_without_any_agreement(sender: str) -> None:
    other = "mshp" if sender != "mshp" else "dea"
    read = said("receipt.acknowledge", sender, to=[other], target={"agency": other, "id": ident("a message")})
    assert told(verdict(read, policy=law(agreements=()))) == {other: None}


@pytest.mark.parametrize("target", ["coordinator", "hsi", "an-agency-of-before"])
def test_an_acknowledgement_of_what_has_no_other_desk_goes_to_nobody(target: str) -> None:
    read = said("receipt.acknowledge", "hsi", to=["coordinator"], target={"agency": target, "id": ident("a message")})
    assert verdict(read) == Admitted()


@pytest.mark.parametrize("name", ["agreement.status", "credential.status", "receipt.acknowledge"])
def test_what_goes_by_role_goes_to_nobody_else_and_the_sender_is_told_so(name: str) -> None:
    own = {"agreement_id": DELEGATION} if name == "credential.status" else {}
    target = {"target": {"agency": "hsi", "id": ident("a message")}} if name == "receipt.acknowledge" else {}
    found = verdict(said(name, "mshp", to=["dea", "mshp", "stl-pd"], **own, **target))
    assert untold(found) == {"dea": NOT_CONCERNED, "stl-pd": NOT_CONCERNED, "mshp": ITSELF}
    assert "dea" not in told(found)


@pytest.mark.parametrize("name", ["agreement.status", "credential.status", "receipt.acknowledge"])
def test_anything_but_an_operation_is_refused_for_an_unknown_recipient(name: str) -> None:
    own = {"agreement_id": DELEGATION} if name == "credential.status" else {}
    found = verdict(said(name, "mshp", to=["dps", "cass-county-so"], **own))
    assert found == refused(RefusalCode.UNKNOWN_RECIPIENT, "data.to")


# --- a law for every table above ---

ANYBODY: Final = [*DIRECTORY.ids, "cass-county-so"]


@given(
    st.sampled_from(DIRECTORY.ids),
    st.lists(st.sampled_from(ANYBODY), min_size=1, unique=True),
    st.sampled_from(["operational", "civil-immigration", "criminal-intelligence"]),
    st.sampled_from(["operation.notice", "operation.update", "operation.status", "situation.alert"]),
    st.datetimes(datetime(2025, 1, 1), datetime(2029, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 -- hypothesis adds the zone
)
def test_whoever_is_told_is_told_under_an_agreement_that_says_so(
    sender: str, to: list[str], regime: str, name: str, at: datetime
) -> None:
    """Every recipient is told or withheld, once; and each one told is covered by what both sides have put in force."""
    found = verdict(said(name, sender, to=to, handling=handling(regime)), at=at)
    if isinstance(found, Refused):
        return
    assert sorted([*told(found), *untold(found)]) == sorted(
        each for each in to if each != sender or name != "situation.alert"
    )
    for grant in found.grants:
        said_of_it = [word for word in AGREEMENTS if word.agreement_id == grant.agreement]
        assert {word.agency for word in said_of_it} == set(said_of_it[0].terms.parties) >= {sender, grant.agency}
        for word in said_of_it:
            assert word.state is AgreementState.IN_FORCE
            assert name in word.terms.message_types
            assert regime in word.terms.regimes
            assert word.terms.effective <= at < word.terms.expires


def test_a_decision_is_a_value() -> None:
    assert verdict(said("operation.notice", "mshp", to=["hsi", "dea"])) == Admitted(
        (Grant("hsi", D1),), (Withheld(agency="dea", reason=NO_AGREEMENT),), AuthorityVerdict.NONE
    )
