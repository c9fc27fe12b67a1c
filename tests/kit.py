"""What tests of the walk build their world from: a directory, messages as agencies write them, submissions."""

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import Any

from coordinator.amqp.definitions import password_hash
from coordinator.directory.counties import load_counties
from coordinator.directory.reader import read_directory
from coordinator.domain import Domain
from coordinator.model.counties import Counties
from coordinator.model.directory import Directory
from coordinator.model.extent import Extent
from coordinator.model.identity import uuid7
from coordinator.model.leaf import Channel
from coordinator.model.work import Submission
from coordinator.steps.validate import Bounds

Json = dict[str, Any]  # any JSON object
NOW = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
STATE = ("dps", "mshp", "stl-pd")
FEDERAL = ("hsi", "dea", "atf", "usms")
AGENCIES = (*STATE, *FEDERAL)
_ROLES = {"dps": ("state", "lead"), "mshp": ("state", "patrol"), "stl-pd": ("local", "local")}
_numbers = count(1)


def fresh_id() -> str:
    """An id that no other call gives, the same in every run."""
    number = next(_numbers)
    return uuid7(1_700_000_000_000 + number, number.to_bytes(10, "big"))


def _agency_toml(index: int, agency: str) -> str:
    kind, role = _ROLES.get(agency, ("federal", "federal"))
    desks = "".join(
        f'[agency.{desk}]\nname = "{agency} {desk}"\nphone = "+1573555010{n}"\n'
        f'email = "{desk.replace("_", "-")}@{agency}.example"\n'
        for n, desk in enumerate(("watch_desk", "supervisor", "headquarters"))
    )
    return (
        f'[[agency]]\nid = "{agency}"\nname = "{agency.upper()}"\nkind = "{kind}"\nrole = "{role}"\n'
        f'ori = "MOTEST{index:03d}"\ncounties = "all"\n{desks}'
        f'[[agency.account]]\nuser = "{agency}"\n'
        f'password_hash = "{password_hash(password(agency), b"salt")}"\nsystems = ["cad", "desk"]\n'
    )


@cache
def counties() -> Counties:
    return load_counties()


def password(agency: str) -> str:
    """Of the agency's account at a broker of the tests."""
    return f"{agency}-fictional"


def directory_toml(agencies: Sequence[str] = AGENCIES) -> str:
    """A directory file of those agencies, each with an account of its own name."""
    return "\n".join(_agency_toml(index, agency) for index, agency in enumerate(agencies))


def directory(agencies: Sequence[str] = AGENCIES) -> Directory:
    """That directory, read."""
    read = read_directory(directory_toml(agencies), counties=counties().names)
    assert isinstance(read, Directory), read
    return read


@cache
def extent() -> Extent:
    return Extent.around(counties().outline, 50_000)


def bounds(of: Directory) -> Bounds:
    return Bounds(of.limits, extent(), counties())


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


def domain(clock: Clock | None = None, of: Directory | None = None) -> Domain:
    made = of or directory()
    return Domain("missouri", made, bounds(made), clock or Clock(), fresh_id)


def body(agency: str, name: str, data: Json, **envelope: object) -> bytes:
    """A message as the agency's system writes it."""
    event = {
        "specversion": "1.0",
        "id": fresh_id(),
        "source": f"//{agency}/cad",
        "type": f"gov.mo.coordination.{name}.v1",
        "time": NOW.isoformat(),
        "data": data,
        **envelope,
    }
    return json.dumps(event).encode()


def submission(agency: str, content: bytes, *, received: datetime = NOW) -> Submission:
    digest = f"sha-256:{hashlib.sha256(content).hexdigest()}"
    return Submission(content, agency, agency, Channel.AMQP, received, digest)


def common(to: Sequence[str], status: str = "actual", regime: str = "operational") -> Json:
    return {
        "to": list(to),
        "originator": {"ori": "MOTEST000"},
        "purpose": "deconfliction",
        "status": status,
        "handling": {"marking": "TLP:AMBER", "regime": regime, "redisseminate": "no"},
    }


JEFFERSON_CITY = (-92.1735, 38.5767)


def plan(to: Sequence[str], **changes: object) -> Json:
    """A plan for a search warrant in Jefferson City in an hour, as changed."""
    point = {"type": "Point", "coordinates": list(JEFFERSON_CITY), "radius_m": 100.0}
    return {
        **common(to),
        "operation_id": fresh_id(),
        "name": "BLUE HERON",
        "event_type": "search_warrant",
        "duty": "none",
        "start": (NOW + timedelta(hours=1)).isoformat(),
        "end": (NOW + timedelta(hours=3)).isoformat(),
        "area": point,
        "lead": "mshp",
        "contact": {"callback": "+15735550110", "backup": "+15735550111"},
        "plainclothes": False,
        **changes,
    }


def notice(agency: str, to: Sequence[str], **changes: object) -> Submission:
    return submission(agency, body(agency, "operation.notice", plan(to, **changes)))


def agreement(agency: str, **changes: object) -> Submission:
    """One side's word on an agreement."""
    said = {
        **common(["coordinator"]),
        "agreement_id": fresh_id(),
        "kind": "participation",
        "parties": ["dps", "mshp"],
        "effective": "2026-01-01T00:00:00Z",
        "expires": "2028-01-01T00:00:00Z",
        "document_digest": f"sha-256:{'0' * 64}",
        "state": "in_force",
        **changes,
    }
    return submission(agency, body(agency, "agreement.status", said))


OPERATION_TYPES = ["operation.notice", "operation.update", "operation.status", "situation.alert"]


def agreements(agencies: Sequence[str] = AGENCIES) -> list[Submission]:
    """Everybody takes part, and everybody may tell everybody of operations."""
    words = []
    for agency in agencies:
        if agency != "dps":
            terms = {"agreement_id": fresh_id(), "parties": ["dps", agency]}
            words += [agreement("dps", **terms), agreement(agency, **terms)]
    everybody = {
        "agreement_id": fresh_id(),
        "kind": "dissemination",
        "parties": list(agencies),
        "message_types": OPERATION_TYPES,
        "regimes": ["operational"],
    }
    return [*words, *(agreement(agency, **everybody) for agency in agencies)]
