"""The parties of the scenario as a directory file, with passwords that are thrown away afterwards."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from coordinator.amqp.definitions import SALT_BYTES, password_hash
from coordinator.demo.scenario import AgencyRow, Scenario
from coordinator.model.counties import Counties
from coordinator.model.directory import Account, Agency, Desk, Directory

COORDINATOR_USER = "coordinator"


@dataclass(frozen=True, slots=True)
class Parties:
    """Who takes part, and the password of every account, by user."""

    directory: Directory
    passwords: Mapping[str, str]

    @property
    def coordinator_hash(self) -> str:
        """The hash of the coordinator's own password, for the broker."""
        return _hashed(self.passwords[COORDINATOR_USER])


def make_parties(scenario: Scenario, counties: Counties, *, own_accounts: bool = True) -> Parties:
    """Give every agency an account of its own name and a random password.

    Without accounts of their own at the broker, agencies cannot prove themselves by `user_id`: it is not required then.
    """
    users = [COORDINATOR_USER, *(row.id for row in scenario.agency)]
    passwords = {user: secrets.token_urlsafe(18) for user in users}
    agencies = {
        row.id: _agency(number, row, counties, _hashed(passwords[row.id]), require_user_id=own_accounts)
        for number, row in enumerate(scenario.agency)
    }
    return Parties(Directory(agencies), passwords)


def ori_of(number: int) -> str:
    """An invented identifier of nine characters."""
    return f"MODEMO{number:03d}"


def phone_of(number: int, desk: int = 0) -> str:
    """A number that nobody has: 555-01xx is kept for fiction (North American Numbering Plan)."""
    return f"+1573555{100 + 3 * number + desk:04d}"


def _hashed(password: str) -> str:
    return password_hash(password, secrets.token_bytes(SALT_BYTES))


def _agency(number: int, row: AgencyRow, counties: Counties, hashed: str, *, require_user_id: bool) -> Agency:
    watch, supervisor, headquarters = (
        Desk(f"{row.id} {name}", phone_of(number, desk), f"{name.replace(' ', '-')}@{row.id}.example")
        for desk, name in enumerate(("watch desk", "supervisor", "headquarters"))
    )
    return Agency(
        id=row.id,
        name=row.name,
        kind=row.kind,
        role=row.role,
        ori=ori_of(number),
        watch_desk=watch,
        supervisor=supervisor,
        headquarters=headquarters,
        counties=frozenset(counties.names if row.counties == "all" else row.counties),
        accounts=(Account(row.id, hashed, row.systems),),
        require_user_id=require_user_id,
    )
