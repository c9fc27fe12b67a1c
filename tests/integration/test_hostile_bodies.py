"""Every body of the corpus through the doors of a service: refused, recorded, answered, and nobody else disturbed."""

import asyncio
from collections.abc import AsyncIterator

import aiormq
import pytest

from coordinator.amqp.node import PrivateNode
from coordinator.model.leaf import MessageRefusedLeaf
from tests.acceptance.commands import fresh_vhost
from tests.hostile.corpus import Hostile, hostile_bodies
from tests.installation import Partner, install
from tests.integration.hostile_doors import ATTACKER, GUARD_S, NEIGHBOUR, RECIPIENT, Scene, besieged, new


@pytest.fixture(scope="module", params=["amqp"])
async def scene(broker: PrivateNode, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    async with fresh_vhost(broker) as vhost:
        installation = await install(tmp_path_factory.mktemp("hostile"), vhost)
        async with besieged(installation) as besieged_scene:
            yield besieged_scene


BROKERS_LIMIT = 256 * 1024
"""Of a message, as the deployment sets it (`max_message_size`): what is larger never reaches us by AMQP."""
WITHIN = [each for each in hostile_bodies() if len(each.body) <= BROKERS_LIMIT]
BEYOND = [each for each in hostile_bodies() if len(each.body) > BROKERS_LIMIT]


@pytest.mark.parametrize("hostile", WITHIN, ids=lambda each: each.name)
async def test_a_hostile_body_is_refused_recorded_answered_and_disturbs_nobody(scene: Scene, hostile: Hostile) -> None:
    before = await scene.sequences()
    async with asyncio.timeout(GUARD_S):
        await scene.door.send(hostile.body)
        innocent = await scene.neighbour()
        answer = await scene.door.answer()
        assert await scene.delivered(RECIPIENT) == innocent
        accepted = await scene.partners[NEIGHBOUR].receipt(innocent)
    assert (answer["verdict"], answer["code"], answer.get("field")) == ("refused", hostile.code, hostile.field)
    leaf = await scene.leaf(answer["position"])
    assert isinstance(leaf, MessageRefusedLeaf)
    assert leaf.reason is hostile.code
    assert accepted["type"].endswith("message.accepted.v1")
    assert new(await scene.sequences(), before) == {ATTACKER: 1, NEIGHBOUR: 1, RECIPIENT: 1}


@pytest.mark.parametrize("hostile", BEYOND, ids=lambda each: each.name)
async def test_what_is_larger_than_the_broker_takes_ends_the_senders_channel_and_reaches_nobody(
    scene: Scene, hostile: Hostile
) -> None:
    before = await scene.sequences()
    async with asyncio.timeout(GUARD_S), Partner(scene.installation, ATTACKER) as attacker:
        with pytest.raises(aiormq.exceptions.ChannelPreconditionFailed, match="message size"):
            await attacker.publish(hostile.body)
        innocent = await scene.neighbour()
        assert await scene.delivered(RECIPIENT) == innocent
        await scene.partners[NEIGHBOUR].receipt(innocent)
    assert new(await scene.sequences(), before) == {NEIGHBOUR: 1, RECIPIENT: 1}
