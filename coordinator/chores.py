"""Work that is no message: withdrawals, quarantine, replays, releases, the service's own start and stop."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import orjson

from coordinator.model.access import Revoked, SignInFailures
from coordinator.model.answers import WithdrawnReason
from coordinator.model.base import COORDINATOR
from coordinator.model.codes import Status
from coordinator.model.feeding import FeedRead
from coordinator.model.leaf import (
    Channel,
    DeadReplayedLeaf,
    DirectoryChangedLeaf,
    FeedReadLeaf,
    FeedWithdrawnLeaf,
    MessageQuarantinedLeaf,
    RelayTroubleLeaf,
    ServiceLeaf,
    SignInFailedLeaf,
    TokenRevokedLeaf,
)
from coordinator.model.plan import Known
from coordinator.model.work import Dead, Withdrawal
from coordinator.steps import route
from coordinator.steps.record import Draft, stamp

Chore = Callable[[Draft, Known], None]


def nothing(_draft: Draft, _known: Known) -> None:
    """Write only what is waiting to be settled."""


def withdraw(withdrawals: Sequence[Withdrawal]) -> Chore:
    """Replace contents that lost their ground by stubs, under the same numbers, and tell the senders."""

    def enter(draft: Draft, known: Known) -> None:
        for withdrawal in withdrawals:
            dispatch = withdrawal.dispatch
            if dispatch.key not in known.owed:
                continue
            status = Status(orjson.loads(dispatch.body)["data"]["status"])
            stub, notice = route.tell_withdrawn(dispatch, withdrawal.sender, status)
            key = draft.reserve()
            draft.write(key, stub, draft.position)
            draft.plan.replaced.append((dispatch.key, key))
            fields = {
                "channel": Channel.RELAY,
                "dispatches": (dispatch.id,),
                "reason": WithdrawnReason.AGREEMENT_ENDED,
            }
            draft.enter(FeedWithdrawnLeaf, withdrawal.sender, fields, owed=(draft.tell(notice),))

    return enter


def quarantine(dead: Sequence[Dead]) -> Chore:
    """Set messages aside that no attempt could process; an operator looks at them and may replay them."""

    def enter(draft: Draft, _known: Known) -> None:
        for each in dead:
            fields = {"channel": Channel.AMQP, "reason": each.reason, "bytes": len(each.body)}
            draft.enter(MessageQuarantinedLeaf, each.agency or "coordinator", fields)
            draft.plan.dead.append(each)

    return enter


def replayed(dead: str) -> Chore:
    """Record that an operator handed a dead message to intake again."""

    def enter(draft: Draft, _known: Known) -> None:
        draft.enter(DeadReplayedLeaf, "coordinator", {"channel": Channel.CLI, "reference": dead})
        draft.plan.revived.append(dead)

    return enter


def released(dispatches: Sequence[str]) -> Chore:
    """Owe parked deliveries again."""

    def enter(draft: Draft, _known: Known) -> None:
        fields = {"channel": Channel.CLI, "action": "relay.released", "dispatches": tuple(dispatches)}
        draft.enter(RelayTroubleLeaf, "coordinator", fields)
        draft.plan.released.extend(dispatches)

    return enter


def feeds_read(reads: Sequence[FeedRead]) -> Chore:
    """Record how much of their agencies' feeds callers read; who they were is erasable."""

    def enter(draft: Draft, _known: Known) -> None:
        for read in reads:
            fields = {
                "actor": {"agency": read.agency},
                "channel": Channel.HTTP,
                "count": read.shown,
                "first": read.first,
                "last": read.last,
            }
            draft.enter(FeedReadLeaf, read.agency, fields, {"subject": read.subject})

    return enter


def sign_ins_failed(failures: Sequence[SignInFailures]) -> Chore:
    """Record how often callers were refused, and why; whoever they claimed to be stands nowhere."""

    def enter(draft: Draft, _known: Known) -> None:
        for each in failures:
            reasons = [{"count": count, "reason": flaw} for flaw, count in sorted(each.counts.items())]
            agency = each.agency or COORDINATOR
            fields = {
                "actor": {"agency": agency},
                "channel": Channel.HTTP,
                "count": sum(each.counts.values()),
                "reasons": tuple(reasons),
            }
            draft.enter(SignInFailedLeaf, agency, fields)

    return enter


def token_revoked(revoked: Revoked) -> Chore:
    """Let a token count no longer, and record it, all or nothing; safe to repeat."""

    def enter(draft: Draft, _known: Known) -> None:
        fields = {
            "channel": Channel.CLI,
            "token": revoked.jti,
            "agency": revoked.agency,
            "roles": tuple(sorted(set(revoked.roles))),
            "ends": stamp(datetime.fromtimestamp(revoked.ends_us / 1_000_000, UTC)),
        }
        draft.enter(TokenRevokedLeaf, COORDINATOR, fields)
        draft.plan.revoked.append(revoked)

    return enter


def service(action: str) -> Chore:
    """Record that the service started or stopped."""

    def enter(draft: Draft, _known: Known) -> None:
        draft.enter(ServiceLeaf, "coordinator", {"action": f"service.{action}"})

    return enter


def directory_changed(digest: str) -> Chore:
    """Record that the directory file is another one than before."""

    def enter(draft: Draft, _known: Known) -> None:
        draft.enter(DirectoryChangedLeaf, "coordinator", {"digest": digest})

    return enter
