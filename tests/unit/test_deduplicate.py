"""The first receipt answers a redelivery; other content under a used id is refused."""

from coordinator.contract.example import ident
from coordinator.model.decisions import RefusalCode, Refused, Stage
from coordinator.model.work import Claim, ClaimKey, Verdict
from coordinator.steps.deduplicate import settle

FIRST = Claim(
    ClaimKey("mshp", ident("a message")),
    "sha-256:aa",
    7,
    ident("an entry"),
    Verdict.REFUSED,
    ident("a dispatch"),
    b"{}",
)


def test_what_is_claimed_by_nobody_is_fresh() -> None:
    assert settle("sha-256:aa", None) is None


def test_the_same_bytes_again_are_answered_by_the_first_receipt_whatever_it_said() -> None:
    assert settle("sha-256:aa", FIRST) is FIRST


def test_other_bytes_under_a_used_id_are_refused() -> None:
    assert settle("sha-256:bb", FIRST) == Refused(RefusalCode.ID_REUSED, Stage.DEDUPLICATE, "id")
