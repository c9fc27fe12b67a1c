"""Every body of the corpus through the doors of a service: refused, recorded, answered, and nobody else disturbed."""

import asyncio
import json
from collections.abc import AsyncIterator

import aiormq
import pytest

from coordinator.amqp.node import PrivateNode
from coordinator.model.decisions import Flag, RefusalCode
from coordinator.model.envelope import MAX_BODY_BYTES
from coordinator.model.leaf import MessageDuplicateLeaf, MessageRefusedLeaf
from tests import kit
from tests.acceptance.commands import fresh_vhost
from tests.hostile.corpus import Hostile, hostile_bodies
from tests.installation import Partner, install
from tests.integration import traffic
from tests.integration.hostile_doors import ATTACKER, GUARD_S, NEIGHBOUR, RECIPIENT, Scene, besieged, new, with_id


@pytest.fixture(scope="module", params=["amqp", "http"])
async def scene(
    broker: PrivateNode, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[Scene]:
    async with fresh_vhost(broker) as vhost:
        installation = await install(tmp_path_factory.mktemp("hostile"), vhost)
        async with besieged(installation, request.param) as besieged_scene:
            yield besieged_scene


BROKERS_LIMIT = 256 * 1024
"""Of a message, as the deployment sets it (`max_message_size`): what is larger never reaches us by AMQP."""
READ = [each for each in hostile_bodies() if len(each.body) <= MAX_BODY_BYTES]
CUT = [each for each in hostile_bodies() if MAX_BODY_BYTES < len(each.body) <= BROKERS_LIMIT]
BEYOND = [each for each in hostile_bodies() if len(each.body) > BROKERS_LIMIT]
by_amqp = pytest.mark.parametrize("scene", ["amqp"], indirect=True)
by_http = pytest.mark.parametrize("scene", ["http"], indirect=True)


def bodies(some: list[Hostile]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("hostile", some, ids=lambda each: each.name)


@bodies(READ)
async def test_a_hostile_body_is_refused_recorded_answered_and_disturbs_nobody(scene: Scene, hostile: Hostile) -> None:
    await _refused_and_recorded(scene, hostile)


@by_amqp
@bodies(CUT)
async def test_a_body_over_64_kib_is_cut_refused_recorded_and_answered(scene: Scene, hostile: Hostile) -> None:
    await _refused_and_recorded(scene, hostile)


async def _refused_and_recorded(scene: Scene, hostile: Hostile) -> None:
    before = await scene.sequences()
    async with asyncio.timeout(GUARD_S):
        await scene.door.send(hostile.body)
        await _innocent_is_delivered(scene)
        answer = await scene.door.answer()
    assert (answer["verdict"], answer["code"], answer.get("field")) == ("refused", hostile.code, hostile.field)
    leaf = await scene.leaf(answer["position"])
    assert isinstance(leaf, MessageRefusedLeaf)
    assert leaf.reason is hostile.code
    assert new(await scene.sequences(), before) == {ATTACKER: 1, NEIGHBOUR: 1, RECIPIENT: 1}


async def _innocent_is_delivered(scene: Scene) -> None:
    innocent = await scene.neighbour()
    assert await scene.delivered(RECIPIENT) == innocent
    accepted = await scene.partners[NEIGHBOUR].receipt(innocent)
    assert accepted["type"].endswith("message.accepted.v1")


@by_amqp
@bodies(BEYOND)
async def test_what_is_larger_than_the_broker_takes_ends_the_senders_channel_and_reaches_nobody(
    scene: Scene, hostile: Hostile
) -> None:
    before = await scene.sequences()
    async with asyncio.timeout(GUARD_S), Partner(scene.installation, ATTACKER) as attacker:
        with pytest.raises(aiormq.exceptions.ChannelPreconditionFailed, match="message size"):
            await attacker.publish(hostile.body)
        await _innocent_is_delivered(scene)
    assert new(await scene.sequences(), before) == {NEIGHBOUR: 1, RECIPIENT: 1}


@by_http
@bodies([*CUT, *BEYOND])
async def test_a_body_over_64_kib_is_answered_unread_over_http(scene: Scene, hostile: Hostile) -> None:
    before = await scene.sequences()
    async with asyncio.timeout(GUARD_S):
        await scene.door.send(hostile.body)
        await _innocent_is_delivered(scene)
        answer = await scene.door.answer()
    assert (answer["status"], answer["code"], "position" in answer) == (413, hostile.code, False)
    assert new(await scene.sequences(), before) == {NEIGHBOUR: 1, RECIPIENT: 1}


async def test_an_operation_for_an_unknown_recipient_is_registered_and_withheld(scene: Scene) -> None:
    before = await scene.sequences()
    sent = traffic.notice(ATTACKER, [RECIPIENT, "cass-county-so"], area=traffic.apart(390))
    async with asyncio.timeout(GUARD_S):
        await scene.door.send(sent)
        answer = await scene.door.answer()
        assert await scene.delivered() == sent
    assert answer["verdict"] == "accepted"
    assert answer["withheld"] == [{"agency": "cass-county-so", "reason": "unknown_agency"}]
    assert new(await scene.sequences(), before).items() >= {ATTACKER: 1, RECIPIENT: 1}.items()


async def test_the_same_message_again_gets_its_first_receipt_and_has_no_second_effect(scene: Scene) -> None:
    sent = traffic.notice(ATTACKER, [RECIPIENT], area=traffic.apart(391))
    async with asyncio.timeout(GUARD_S):
        await scene.door.send(sent)
        first = await scene.door.answer()
        assert await scene.delivered() == sent
        # A receipt that comes again while its first delivery is still unsettled goes once.
        await traffic.until(lambda: traffic.paid(scene.service.store))
        before = await scene.sequences()
        await scene.door.send(sent)
        again = await scene.door.answer()
    told_otherwise = {"verdict": "accepted", "status": 201}  # over HTTP a repetition is told apart
    assert {**again, **told_otherwise} == {**first, **told_otherwise}
    entered = await traffic.leaves(scene.service.store)
    assert sum(isinstance(leaf, MessageDuplicateLeaf) and leaf.first == first["position"] for leaf in entered) == 1
    assert new(await scene.sequences(), before) == {}


async def test_other_content_under_a_used_id_is_refused(scene: Scene) -> None:
    sent = traffic.notice(ATTACKER, [RECIPIENT], area=traffic.apart(392))
    other = with_id(traffic.notice(ATTACKER, [RECIPIENT], area=traffic.apart(393)), traffic.id_of(sent))
    async with asyncio.timeout(GUARD_S):
        await scene.door.send(sent)
        await scene.door.answer()
        assert await scene.delivered() == sent
        before = await scene.sequences()
        await scene.door.send(other)
        answer = await scene.door.answer()
    assert (answer["verdict"], answer["code"]) == ("refused", RefusalCode.ID_REUSED)
    assert new(await scene.sequences(), before) == {ATTACKER: 1}


@pytest.mark.parametrize("time", ["2001-01-01T00:00:00Z", "2098-01-01T00:00:00Z"])
async def test_a_clock_that_is_years_off_is_flagged_and_the_operation_registered(scene: Scene, time: str) -> None:
    plain = json.loads(traffic.notice(ATTACKER, [RECIPIENT], area=traffic.apart(394 + (time > "2026"))))
    sent = json.dumps({**plain, "time": time}).encode()
    async with asyncio.timeout(GUARD_S):
        await scene.door.send(sent)
        answer = await scene.door.answer()
        assert await scene.delivered() == sent
    leaf = await scene.leaf(answer["position"])
    assert (answer["verdict"], leaf.flags) == ("accepted", (Flag.CLOCK_SKEW,))  # type: ignore[union-attr]  # an accepted leaf has them


async def test_imminent_danger_does_not_waive_the_proof_of_the_sender(scene: Scene) -> None:
    before = await scene.sequences()
    alert = {
        **kit.common([RECIPIENT, NEIGHBOUR]),
        "originator": {"ori": "MOTEST001", "officer_id": "4127"},
        "situation": "shots_fired",
        "urgency": "Immediate",
        "severity": "Extreme",
        "certainty": "Observed",
        "imminent_danger": True,
        "imminent_reason": "threat_to_officers",
        "priority": "urgent",
        "area": traffic.apart(396),
        "expires": "2098-01-01T00:00:00Z",
    }
    forged = traffic.as_of_now(kit.submission(ATTACKER, kit.body("dps", "situation.alert", alert))).body
    async with asyncio.timeout(GUARD_S):
        await scene.door.send(forged)
        answer = await scene.door.answer()
    assert (answer["verdict"], answer["code"]) == ("refused", RefusalCode.SENDER_MISMATCH)
    assert new(await scene.sequences(), before) == {ATTACKER: 1}
