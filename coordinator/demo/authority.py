"""The messages that make the play lawful: agreements and credentials."""

from collections.abc import Iterator
from datetime import timedelta

from coordinator.demo.letters import Expectation, Letter
from coordinator.demo.pen import Pen, Said
from coordinator.demo.scenario import AgreementRow, CredentialRow, Scenario
from coordinator.model.base import COORDINATOR
from coordinator.model.codes import AgreementKind, AgreementState, Purpose

_TERM = timedelta(days=365)
_OF_NO_DOCUMENT = f"sha-256:{'0' * 64}"


def authority_letters(pen: Pen) -> Iterator[Letter]:
    """Every party's word on every agreement, in the first act; every word on an officer, in the second."""
    scenario = pen.scenario
    agreements = {row.key: pen.new_id() for row in every_agreement(scenario)}
    for row in every_agreement(scenario):
        for party in row.parties:
            yield _agreement(pen, row, agreements[row.key], party)
    for word in scenario.credential:
        yield _credential(pen, word, agreements[word.agreement])


def every_agreement(scenario: Scenario) -> list[AgreementRow]:
    """Those of the scenario, and of each agency with DPS: that it takes part."""
    lead = scenario.lead
    participation = [
        AgreementRow(key=f"part-of-{row.id}", kind=AgreementKind.PARTICIPATION, parties=(lead, row.id))
        for row in scenario.agency
        if row.id != lead
    ]
    return [*participation, *scenario.agreement]


def _agreement(pen: Pen, row: AgreementRow, agreement: str, party: str) -> Letter:
    today = pen.weekend.now.replace(hour=0, minute=0, second=0, microsecond=0)
    data = {
        **pen.common(party, (COORDINATOR,), Purpose.ADMINISTRATION),
        **row.model_dump(mode="json", exclude={"key"}),
        "agreement_id": agreement,
        "effective": (today - _TERM).isoformat(),
        "expires": (today + _TERM).isoformat(),
        "document_digest": _OF_NO_DOCUMENT,
        "state": AgreementState.IN_FORCE,
    }
    said = Said(f"{row.key}-{party}", pen.scenario.act[0].key, party, "an agreement", routine=True)
    expected = Expectation(frozenset({*row.parties, pen.scenario.lead} - {party}))
    return pen.letter(said, "agreement.status", data, expected)


def _credential(pen: Pen, row: CredentialRow, agreement: str) -> Letter:
    parties = next(each.parties for each in pen.scenario.agreement if each.key == row.agreement)
    data = {
        **pen.common(row.agency, (COORDINATOR,), Purpose.ADMINISTRATION),
        "agreement_id": agreement,
        "officer_id": row.officer,
        "state": row.state,
        "functions": list(row.functions),
        "valid_from": (pen.weekend.now - _TERM / 2).isoformat(),
        "valid_to": (pen.weekend.now + _TERM / 2).isoformat(),
        "supervisor": "S-1",
    }
    said = Said(
        f"{row.officer}-{row.state}",
        pen.scenario.act[1].key,
        row.agency,
        "a credential",
        system=row.system,
        routine=True,
    )
    expected = Expectation(frozenset({*parties, pen.scenario.lead} - {row.agency}))
    return pen.letter(said, "credential.status", data, expected)
