"""What DPS says of parties takes effect on the next message; complaints go to DPS alone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from coordinator.intake import Intake
from coordinator.model.decisions import RefusalCode
from coordinator.model.leaf import MessageAcceptedLeaf
from coordinator.model.work import Verdict
from tests import kit
from tests.integration.spoken import OFFICER, Answer, Spoken, spoken
from tests.kit import Json

DISABLED = RefusalCode.SENDER_DISABLED


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Spoken]:
    async with spoken(tmp_path) as made:
        yield made


def status(party: str, state: str, **said: object) -> Json:
    return {
        **kit.common([party]),
        "originator": OFFICER,
        "party": party,
        "state": state,
        "reason": "compromised",
        **said,
    }


async def say(world: Spoken, party: str, state: str, **said: object) -> Answer:
    answer = await world.send("dps", "party.status", status(party, state, **said))
    assert answer.accepted, answer.said
    return answer


async def test_a_suspended_agency_is_not_heard_until_it_is_restored_and_its_operations_stay_live(
    world: Spoken,
) -> None:
    plan = kit.plan(["coordinator"])
    await world.send("dea", "operation.notice", plan)
    suspended = await say(world, "dea", "suspended")
    assert await world.who_was_told(suspended.message) == ["dea"]
    for name, said in (
        ("operation.notice", kit.plan(["coordinator"])),
        ("operation.cancel", {**kit.common(["coordinator"]), "operation_id": plan["operation_id"], "reason": "legal"}),
    ):
        assert (await world.send("dea", name, said)).refused_by(DISABLED, "source")
    # Others still meet what it has registered, and it is told of them.
    await world.send("mshp", "operation.notice", kit.plan(["coordinator"]))
    assert len(await world.feed("mshp", "deconfliction.alert")) == 1
    assert len(await world.feed("dea", "deconfliction.alert")) == 1
    await say(world, "dea", "in_force")
    assert (await world.send("dea", "operation.notice", kit.plan(["coordinator"]))).accepted


async def test_a_suspended_account_is_not_heard_and_another_agency_is(world: Spoken) -> None:
    await say(world, "dea", "suspended", account="dea")
    refused = await world.send("dea", "operation.notice", kit.plan(["coordinator"]))
    assert refused.refused_by(DISABLED, "source")
    without = kit.notice("dea", ["coordinator"])._replace(account=None)
    assert (await world.submit(without, "operation.notice")).refused_by(DISABLED, "source")
    assert (await world.send("hsi", "operation.notice", kit.plan(["coordinator"]))).accepted


async def test_a_suspended_key_silences_nobody_yet(world: Spoken) -> None:
    await say(world, "dea", "suspended", key_id="dea:2026-1")
    assert (await world.send("dea", "operation.notice", kit.plan(["coordinator"]))).accepted
    assert not (await world.store.policy()).disabled("dea", "dea")


async def test_the_policy_answers_the_doors(world: Spoken) -> None:
    await say(world, "dea", "suspended")
    await say(world, "hsi", "revoked", account="hsi")
    for policy in (world.intake.policy, await world.store.policy()):
        assert policy.disabled("dea")
        assert policy.disabled("dea", "dea")
        assert policy.disabled("hsi", "hsi")
        assert not policy.disabled("hsi")
        assert not policy.disabled("hsi", "hsi-mobile")
        assert not policy.disabled("mshp", "mshp")


async def test_a_suspension_counts_for_what_comes_behind_it_in_the_same_batch(world: Spoken) -> None:
    before, behind = kit.notice("dea", ["coordinator"]), kit.notice("dea", ["coordinator"])
    word = kit.submission("dps", kit.body("dps", "party.status", status("dea", "suspended")))
    receipts = await world.intake.receive([before, word, behind])
    assert [each.verdict for each in receipts] == [Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.REFUSED]
    assert receipts[2].refused is not None
    assert receipts[2].refused.code is DISABLED


async def test_another_writer_hears_of_it_under_the_lock(world: Spoken) -> None:
    other = Intake(world.store, kit.domain(world.clock))
    await other.receive([kit.notice("dea", ["coordinator"])])
    await say(world, "dea", "suspended")
    (receipt,) = await other.receive([kit.notice("dea", ["coordinator"])])
    assert receipt.refused is not None
    assert receipt.refused.code is DISABLED


async def test_a_redelivery_after_a_suspension_is_answered_as_before(world: Spoken) -> None:
    notice = kit.notice("dea", ["coordinator"])
    first = await world.submit(notice, "operation.notice")
    await say(world, "dea", "suspended")
    (again,) = await world.intake.receive([notice])
    assert again.verdict is Verdict.DUPLICATE
    assert again.body == first.receipt.body


async def test_what_is_revoked_is_not_restored(world: Spoken) -> None:
    await say(world, "dea", "revoked", account="dea")
    for state in ("in_force", "suspended"):
        answer = await world.send("dps", "party.status", status("dea", state, account="dea"))
        assert answer.refused_by(RefusalCode.ENDED_FOR_GOOD, "data.state")
    await say(world, "dea", "suspended")
    await say(world, "dea", "in_force")
    assert (await world.store.policy()).disabled("dea", "dea")


async def test_only_dps_speaks_of_parties_and_never_shuts_itself_out(world: Spoken) -> None:
    for agency in ("mshp", "hsi"):
        answer = await world.send(agency, "party.status", status("dea", "suspended"))
        assert answer.refused_by(RefusalCode.LEAD_ONLY, "source")
    itself = await world.send("dps", "party.status", status("dps", "suspended"))
    assert itself.refused_by(RefusalCode.INVALID_FIELD, "data.party")
    own = await world.send("dps", "party.status", status("dps", "revoked", account="dps"))
    assert own.refused_by(RefusalCode.INVALID_FIELD, "data.account")
    for said, where in (({"party": "cass-county-so"}, "data.party"), ({"account": "hsi"}, "data.account")):
        answer = await world.send("dps", "party.status", status("dea", "suspended") | said)
        assert answer.refused_by(RefusalCode.UNKNOWN_OR_FORBIDDEN, where)
    assert await world.rows("party_words") == []


async def test_a_suspension_is_heard_by_any_clock_and_a_restoration_is_not(world: Spoken) -> None:
    late = "2026-01-01T00:00:00Z"
    assert (await world.send("dps", "party.status", status("dea", "suspended"), time=late)).accepted
    submission = kit.submission("dps", kit.body("dps", "party.status", status("dea", "in_force"), time=late))
    (receipt,) = await world.intake.receive([submission])
    assert receipt.refused is not None
    assert receipt.refused.code is RefusalCode.CLOCK_SKEW


async def test_every_word_is_kept_with_who_said_it(world: Spoken) -> None:
    await say(world, "dea", "suspended")
    await say(world, "dea", "in_force", reason="resolved")
    rows = await world.rows("party_words")
    assert [(row["party"], row["account"], row["state"], row["reason"], row["officer_id"]) for row in rows] == [
        ("dea", None, "suspended", "compromised", "4127"),
        ("dea", None, "in_force", "resolved", "4127"),
    ]
    assert (await world.store.policy()).version == world.intake.policy.version


# --- complaints ---


def complaint(to: list[str], **said: object) -> Json:
    return {
        **kit.common(to),
        "originator": OFFICER,
        "complaint_id": kit.fresh_id(),
        "category": "use_of_force",
        "concerned": "hsi",
        "taken": kit.NOW.isoformat(),
        **said,
    }


@pytest.mark.parametrize("to", [["dps"], ["coordinator"]])
async def test_a_complaint_goes_to_dps_and_to_nobody_else(world: Spoken, to: list[str]) -> None:
    said = complaint(to)
    answer = await world.send("mshp", "complaint.referral", said)
    assert answer.accepted
    assert await world.who_was_told(answer.message) == ["dps"]
    (row,) = await world.rows("complaints")
    assert (row["complaint"], row["agency"], row["concerned"], row["category"]) == (
        said["complaint_id"], "mshp", "hsi", "use_of_force",
    )  # fmt: skip  # the row in its order
    leaf = (await world.leaves())[-1]
    assert isinstance(leaf, MessageAcceptedLeaf)
    assert leaf.object.id == said["complaint_id"]
    assert b"use_of_force" not in await world.written()


async def test_naming_whoever_is_complained_of_refuses_it_unseen(world: Spoken) -> None:
    answer = await world.send("mshp", "complaint.referral", complaint(["dps", "hsi"]))
    assert answer.refused_by(RefusalCode.ALL_OR_NOTHING, "data.to")
    assert answer.said["withheld"] == [{"agency": "hsi", "reason": "not_a_recipient"}]
    unknown = await world.send("mshp", "complaint.referral", complaint(["dps"], concerned="cass-county-so"))
    assert unknown.refused_by(RefusalCode.UNKNOWN_OR_FORBIDDEN, "data.concerned")
    assert await world.rows("complaints") == []
