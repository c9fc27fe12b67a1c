"""Step 3: the claim `(agency, id, digest)` is settled first; an existing one answers, whatever has changed since."""

from coordinator.model.decisions import RefusalCode, Refused, Stage
from coordinator.model.work import Claim


def settle(digest: str, claim: Claim | None) -> Claim | Refused | None:
    """Settle a submission's claim.

    None when it is fresh; the standing claim when the same bytes came before (its first receipt is the answer);
    refused, loudly, when other bytes come under a used id.
    """
    if claim is None:
        return None
    if claim.digest == digest:
        return claim
    return Refused(RefusalCode.ID_REUSED, Stage.DEDUPLICATE, "id")
