"""Steps 1 and 2 of the walk: validate and authorise; pure, and provisional until the lock shows the policy."""

from coordinator.domain import Domain
from coordinator.model.decisions import Refused, Stage
from coordinator.model.policy import Policy
from coordinator.model.work import Admitted, ClaimKey, Judged, Read, Submission
from coordinator.steps import authorise, decode, validate


def judge(submission: Submission, domain: Domain, policy: Policy) -> Judged:
    """Find out about a submission what can be found without the store."""
    if submission.flaw is not None:
        flaw = Refused(submission.flaw, Stage.DOOR)
        return Judged(submission, flaw, flaw, ClaimKey(submission.agency, submission.digest))
    decoded = decode.decode(submission.body)
    claim = validate.claim_key(submission, decoded)
    read = decoded if isinstance(decoded, Refused) else validate.read(submission, decoded, domain.bounds)
    return Judged(submission, read, _verdict(submission, read, domain, policy), claim, policy.version)


def by_policy(judged: Judged, domain: Domain, policy: Policy) -> Judged:
    """Judge again what was judged by another version of the policy."""
    if judged.policy_version == policy.version and policy.version >= 0:
        return judged
    verdict = _verdict(judged.submission, judged.read, domain, policy)
    return judged._replace(verdict=verdict, policy_version=policy.version)


def _verdict(submission: Submission, read: Read | Refused, domain: Domain, policy: Policy) -> Admitted | Refused:
    return read if isinstance(read, Refused) else authorise.judge(submission, read, policy, domain.directory)
