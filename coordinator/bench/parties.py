"""Who takes part in the benchmark: seven agencies that have agreed to tell each other of operations."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson

from coordinator.amqp.definitions import SALT_BYTES, password_hash
from coordinator.directory.counties import load_counties
from coordinator.model.codes import AgencyKind, Role
from coordinator.model.directory import Account, Agency, Desk, Directory

SENDER = "mshp"
RECIPIENTS = ("hsi", "dea")
"""Whom each message is for; the sender gets a receipt as well."""
COORDINATOR_USER = "coordinator"

_AGENCIES = {
    "dps": (AgencyKind.STATE, Role.LEAD),
    "mshp": (AgencyKind.STATE, Role.PATROL),
    "stl-pd": (AgencyKind.LOCAL, Role.LOCAL),
    "hsi": (AgencyKind.FEDERAL, Role.FEDERAL),
    "dea": (AgencyKind.FEDERAL, Role.FEDERAL),
    "atf": (AgencyKind.FEDERAL, Role.FEDERAL),
    "usms": (AgencyKind.FEDERAL, Role.FEDERAL),
}
_ZEROS = f"sha-256:{'0' * 64}"


@dataclass(frozen=True, slots=True)
class Parties:
    """The directory, and the password of every account by user; each account has its agency's name."""

    directory: Directory
    passwords: Mapping[str, str]

    @property
    def coordinator_hash(self) -> str:
        """The hash of the coordinator's own password, for the broker."""
        return _hashed(self.passwords[COORDINATOR_USER])


def make_parties() -> Parties:
    """Give every agency an account with a random password."""
    passwords = {user: secrets.token_urlsafe(18) for user in (COORDINATOR_USER, *_AGENCIES)}
    counties = load_counties().names
    agencies: dict[str, Agency] = {}
    for number, (name, (kind, role)) in enumerate(_AGENCIES.items()):
        desk = Desk(f"{name} desk", "+15735550100", f"desk@{name}.example")
        account = Account(name, _hashed(passwords[name]), ("cad",))
        ori, everywhere = f"MOBENCH{number:02d}", frozenset(counties)
        agencies[name] = Agency(name, name.upper(), kind, role, ori, desk, desk, desk, everywhere, (account,))
    return Parties(Directory(agencies), passwords)


def agreements(new_id: "Iterator[str]", now: datetime) -> Iterator[tuple[str, bytes]]:
    """Every side's word that it takes part, and that all may tell all of operations; each with who says it."""
    term = {"effective": now - timedelta(days=1), "expires": now + timedelta(days=365), "document_digest": _ZEROS}
    for name in _AGENCIES:
        if name != "dps":
            taking_part = {"agreement_id": next(new_id), "kind": "participation", "parties": ["dps", name], **term}
            yield "dps", event("dps", "agreement.status", {**taking_part, "state": "in_force"}, next(new_id), now)
            yield name, event(name, "agreement.status", {**taking_part, "state": "in_force"}, next(new_id), now)
    telling = {
        "agreement_id": next(new_id),
        "kind": "dissemination",
        "parties": list(_AGENCIES),
        "message_types": ["operation.notice"],
        "regimes": ["operational"],
        **term,
    }
    for name in _AGENCIES:
        yield name, event(name, "agreement.status", {**telling, "state": "in_force"}, next(new_id), now)


def event(agency: str, name: str, data: Mapping[str, object], event_id: str, now: datetime) -> bytes:
    """A message as an agency's system writes it; to the coordinator, unless `data` says to whom."""
    common = {
        "to": ["coordinator"],
        "originator": {"ori": "MOBENCH01"},
        "purpose": "deconfliction",
        "status": "actual",
        "handling": {"marking": "TLP:AMBER", "regime": "operational", "redisseminate": "no"},
    }
    whole = {
        "specversion": "1.0",
        "id": event_id,
        "source": f"//{agency}/cad",
        "type": f"gov.mo.coordination.{name}.v1",
        "time": now.astimezone(UTC),
        "data": {**common, **data},
    }
    return orjson.dumps(whole)


def _hashed(password: str) -> str:
    return password_hash(password, secrets.token_bytes(SALT_BYTES))
