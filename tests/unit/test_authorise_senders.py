"""Who speaks: queue, account, source and system must all name the same, as a table of decisions."""

from typing import Final, NamedTuple

import pytest

from coordinator.contract.valid_intelligence import REQUEST
from coordinator.model.decisions import RefusalCode, Refused
from coordinator.model.messages import INCOMING_TYPES
from coordinator.model.work import Admitted
from coordinator.steps.authorise import judge
from tests.unit.lawful_world import (
    DELEGATION,
    DIRECTORY,
    addressed,
    from_queue,
    generous,
    law,
    refused,
    said,
)

# --- who speaks: queue, account, source and system must all name the same ---

MISMATCH, DISABLED = refused(RefusalCode.SENDER_MISMATCH, "source"), refused(RefusalCode.SENDER_DISABLED, "source")
FROM_MSHP: Final = ("mshp", "mshp", "mshp", "cad")


class Sent(NamedTuple):
    says: str
    queue: str
    account: str | None
    agency: str
    system: str
    expected: Refused | None


SENDERS: Final = [
    Sent("all of it agrees", *FROM_MSHP, None),
    Sent("another account of the agency, its own system", "mshp", "mshp-mobile", "mshp", "mobile", None),
    Sent("account missing, which is the door's to refuse", "mshp", None, "mshp", "cad", None),
    Sent("account foreign", "mshp", "hsi", "mshp", "cad", MISMATCH),
    Sent("account unknown", "mshp", "nobody", "mshp", "cad", MISMATCH),
    Sent("account empty", "mshp", "", "mshp", "cad", MISMATCH),
    Sent("account disabled", "mshp", "mshp-old", "mshp", "old", DISABLED),
    Sent("source foreign", "mshp", "mshp", "hsi", "cad", MISMATCH),
    Sent("source foreign, and its account", "mshp", "hsi", "hsi", "cad", MISMATCH),
    Sent("source unknown", "mshp", "mshp", "cass-county-so", "cad", MISMATCH),
    Sent("source the coordinator", "mshp", "mshp", "coordinator", "cad", MISMATCH),
    Sent("system of another account", "mshp", "mshp", "mshp", "mobile", MISMATCH),
    Sent("system unknown", "mshp", "mshp", "mshp", "radar", MISMATCH),
    Sent("system unknown, account missing", "mshp", None, "mshp", "radar", MISMATCH),
    Sent("system of a disabled account only, account missing", "mshp", None, "mshp", "old", DISABLED),
    Sent("system of the disabled account, by another", "mshp", "mshp", "mshp", "old", MISMATCH),
    Sent("queue foreign", "hsi", "mshp", "mshp", "cad", MISMATCH),
    Sent("queue foreign, and its account", "hsi", "hsi", "mshp", "cad", MISMATCH),
    Sent("queue unknown", "cass-county-so", "mshp", "mshp", "cad", MISMATCH),
    Sent("queue unknown, as the source says", "cass-county-so", None, "cass-county-so", "cad", MISMATCH),
    Sent("queue missing", "", "mshp", "mshp", "cad", MISMATCH),
]


@pytest.mark.parametrize("row", SENDERS, ids=[row.says for row in SENDERS])
@pytest.mark.parametrize("name", [model.name for model in INCOMING_TYPES])
def test_a_sender_is_who_it_says_by_every_sign(row: Sent, name: str) -> None:
    """Proof of the sender is never waived, for no type; each sign beside the right ones is tried wrong."""
    own: dict[str, object] = {"agreement_id": DELEGATION} if name == "credential.status" else {}
    own["to"] = addressed(name, ["dps"])
    if name == "intelligence.release":
        own |= {"to": ["dps"], "request": {"agency": "dps", "id": REQUEST["id"]}}
    read = said(name, f"{row.agency}/{row.system}", **own)
    found = judge(from_queue(row.queue, row.account), read, generous(), DIRECTORY)
    if row.expected is None and name == "party.status":
        assert found == refused(RefusalCode.LEAD_ONLY, "source")
    elif row.expected is None:
        assert isinstance(found, Admitted)
    else:
        assert found == row.expected


def test_imminent_danger_does_not_waive_the_proof_of_the_sender() -> None:
    officer = {"ori": "MOEX00001", "officer_id": "4127"}
    danger = {"imminent_danger": True, "imminent_reason": "threat_to_officers", "originator": officer}
    read = said("situation.alert", "hsi", to=["dps"], **danger)
    assert judge(from_queue("mshp", "mshp"), read, law(), DIRECTORY) == MISMATCH
