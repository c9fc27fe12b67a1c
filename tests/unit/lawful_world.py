"""A small domain whose law is written out in full, for tables of decisions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from coordinator.contract.example import ident
from coordinator.model.authority import Terms
from coordinator.model.codes import AgencyKind, AgreementKind, AgreementState, CredentialState, Function, Regime, Role
from coordinator.model.decisions import RefusalCode, Refused, Stage, WithheldReason
from coordinator.model.directory import Account, Agency, Desk, Directory
from coordinator.model.messages import INCOMING
from coordinator.model.policy import AgreementWord, CredentialWord, Policy
from coordinator.model.work import Admitted, Read, Submission
from coordinator.steps.authorise import judge
from tests.unit.example_world import changed, example, submission

NOW: Final = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
BEFORE: Final = datetime(2026, 1, 1, tzinfo=UTC)
AFTER: Final = datetime(2028, 1, 1, tzinfo=UTC)

D1, D2, D3, D4 = (ident(f"dissemination {number}") for number in range(1, 5))
DELEGATION, LOCAL_DELEGATION, DRAFT = ident("287g"), ident("287g local"), ident("287g draft")

_DESK = Desk("desk", "+15735550100", "desk@agency.example")


def agency(name: str, kind: AgencyKind, role: Role, counties: frozenset[str] = frozenset()) -> Agency:
    """An agency with one account in use and one disabled."""
    accounts = (
        Account(name, "x" * 48, ("cad", "desk")),
        Account(f"{name}-mobile", "x" * 48, ("mobile",)),
        Account(f"{name}-old", "x" * 48, ("old",), enabled=False),
    )
    return Agency(name, name, kind, role, "MOEX00001", _DESK, _DESK, _DESK, counties, accounts)


COLE, JACKSON, ST_LOUIS_CITY = "29051", "29095", "29510"
AGENCIES: Final = (
    agency("dps", AgencyKind.STATE, Role.LEAD, frozenset({COLE, JACKSON, ST_LOUIS_CITY})),
    agency("mshp", AgencyKind.STATE, Role.PATROL, frozenset({COLE, JACKSON, ST_LOUIS_CITY})),
    agency("stl-pd", AgencyKind.LOCAL, Role.LOCAL, frozenset({ST_LOUIS_CITY})),
    agency("hsi", AgencyKind.FEDERAL, Role.FEDERAL, frozenset({ST_LOUIS_CITY, JACKSON})),
    agency("dea", AgencyKind.FEDERAL, Role.FEDERAL, frozenset({JACKSON})),
)
DIRECTORY: Final = Directory({each.id: each for each in AGENCIES})

TYPES: Final = ("operation.notice", "operation.status", "operation.update", "situation.alert")


def terms(kind: AgreementKind, parties: tuple[str, ...], **more: object) -> Terms:
    """What an agreement of that kind says, for two years, as changed."""
    said_of_it = {"effective": BEFORE, "expires": AFTER, "document_digest": f"sha-256:{'0' * 64}", **more}
    return Terms.model_validate({"kind": kind, "parties": parties, **said_of_it})


def words(
    agreement: str, said: Terms, by: tuple[str, ...] | None = None, state: AgreementState = AgreementState.IN_FORCE
) -> tuple[AgreementWord, ...]:
    """What each side says; both say it unless told otherwise."""
    return tuple(AgreementWord(agreement, side, said, state) for side in (said.parties if by is None else by))


def participation(party: str) -> tuple[AgreementWord, ...]:
    return words(ident(f"participation {party}"), terms(AgreementKind.PARTICIPATION, ("dps", party)))


def dissemination(*parties: str, types: tuple[str, ...] = TYPES, regimes: tuple[Regime, ...]) -> Terms:
    return terms(AgreementKind.DISSEMINATION, parties, message_types=types, regimes=regimes)


DELEGATED: Final = terms(
    AgreementKind.DELEGATION, ("mshp", "hsi"), functions=(Function.SERVE_WARRANTS, Function.ARREST_IMMIGRATION)
)
OPERATIONAL: Final = (Regime.OPERATIONAL,)
AGREEMENTS: Final = (
    *participation("mshp"),
    *participation("stl-pd"),
    *participation("hsi"),
    # Not DEA: it takes no part as yet.
    *words(D1, dissemination("dps", "mshp", "hsi", regimes=OPERATIONAL)),
    *words(D2, dissemination("mshp", "dea", types=("situation.alert",), regimes=OPERATIONAL)),
    *words(D3, dissemination("mshp", "stl-pd", types=("operation.notice",), regimes=(Regime.CIVIL_IMMIGRATION,))),
    # The other side has not spoken.
    *words(D4, dissemination("hsi", "stl-pd", regimes=OPERATIONAL), by=("hsi",)),
    *words(DELEGATION, DELEGATED),
    *words(LOCAL_DELEGATION, terms(AgreementKind.DELEGATION, ("stl-pd", "hsi"), functions=(Function.DETAIN,))),
    *words(DRAFT, DELEGATED, by=("mshp",), state=AgreementState.PROPOSED),
)


@dataclass(frozen=True, slots=True)
class Vouched:
    """What is said of an officer, by whom."""

    officer: str
    by: Mapping[str, CredentialState]
    functions: tuple[Function, ...] = (Function.SERVE_WARRANTS,)
    term: tuple[datetime, datetime] = (BEFORE, AFTER)
    agreement: str = DELEGATION

    def words(self) -> tuple[CredentialWord, ...]:
        return tuple(
            CredentialWord(self.agreement, self.officer, side, state, self.functions, *self.term)
            for side, state in self.by.items()
        )


BOTH: Final = {"mshp": CredentialState.CERTIFIED, "hsi": CredentialState.AUTHORISED}


def law(*vouched: Vouched, agreements: tuple[AgreementWord, ...] = AGREEMENTS) -> Policy:
    """The law of this domain, with what is said of officers."""
    return Policy(1, "dps", agreements, tuple(word for each in vouched for word in each.words()))


def said(name: str, sender: str, **data: object) -> Read:
    """A message of a type, by a sender (`mshp`, or `mshp/desk`), with other fields in its body; read."""
    agency_id, _, system = sender.partition("/")
    source = f"//{agency_id}/{system or 'cad'}"
    body = changed(example(name), source=source, **{f"data__{field}": value for field, value in data.items()})
    return Read(INCOMING.validate_json(body))


def addressed(name: str, to: list[str]) -> list[str]:
    """To whom a message of that type may be addressed at all, if not to those: the coordinator, or whoever asked."""
    if name == "intelligence.release":
        return ["mshp"]
    to_us = {"deconfliction.subject", "deconfliction.request", "record.renew", "record.validate", "record.hold"}
    return ["coordinator"] if name in to_us else to


def generous() -> Policy:
    """A law under which everybody here may tell everybody everything that goes by agreement."""
    everybody = ("dps", "mshp", "hsi")
    types = ("intelligence.share", "intelligence.request", "intelligence.release", *TYPES)
    every = dissemination(*everybody, types=types, regimes=tuple(Regime))
    return law(agreements=(*AGREEMENTS, *words(ident("everything"), every)))


def touching(read: Read, counties: tuple[str, ...]) -> Read:
    """A message whose ground touches those counties."""
    return read._replace(counties=tuple((fips, fips) for fips in counties))


def from_queue(agency_id: str, account: str | None = None, received: datetime = NOW) -> Submission:
    """A submission by an agency's queue, as the door proves it."""
    return submission(b"{}", agency_id, account=account, received=received)


def verdict(read: Read, *, policy: Policy | None = None, at: datetime = NOW) -> Admitted | Refused:
    """What comes of a message by its sender's own queue."""
    return judge(from_queue(read.event.agency, received=at), read, policy or law(), DIRECTORY)


def told(found: Admitted | Refused) -> Mapping[str, str | None]:
    """Who is told, under which agreement."""
    assert isinstance(found, Admitted), found
    return {grant.agency: grant.agreement for grant in found.grants}


def untold(found: Admitted | Refused) -> Mapping[str, WithheldReason]:
    """Who was named and is not told, and why."""
    assert isinstance(found, Admitted), found
    return {each.agency: each.reason for each in found.withheld}


def refused(code: RefusalCode, field: str) -> Refused:
    return Refused(code, Stage.AUTHORISE, field)


def handling(regime: str) -> Mapping[str, str]:
    return {"marking": "TLP:AMBER", "regime": regime, "redisseminate": "no"}
