"""The peers do the work that they are compared by: every copy arrives, byte for byte, persistent, and is confirmed."""

import asyncio
from collections.abc import AsyncIterator

import aio_pika
import pytest

from coordinator.bench import traffic
from coordinator.bench.ground import Ground, set_up
from coordinator.bench.parties import RECIPIENTS, SENDER
from coordinator.bench.servers import BARE, FASTSTREAM, ServerEndedError, peer
from coordinator.model.errors import ConfigurationError

COUNT = 40


@pytest.fixture(scope="module")
async def ground() -> AsyncIterator[Ground]:
    async with set_up() as made:
        yield made


async def arrived(ground: Ground, agency: str) -> list[aio_pika.abc.AbstractIncomingMessage]:
    """Everything in an agency's `out` queue."""
    found = []
    async with await aio_pika.connect(ground.url(agency)) as connection:
        queue = await (await connection.channel()).get_queue(f"out.{agency}", ensure=False)
        while (message := await queue.get(fail=False)) is not None:
            await message.ack()
            found.append(message)
    return found


@pytest.mark.parametrize(
    ("module", "content_type", "recipients"),
    [
        pytest.param(BARE, traffic.STRUCTURED, (*RECIPIENTS, SENDER), id="bare"),
        pytest.param(FASTSTREAM, traffic.PLAIN, RECIPIENTS, id="faststream"),
    ],
)
async def test_a_peer_relays_every_message_to_every_recipient(
    ground: Ground, module: str, content_type: str, recipients: tuple[str, ...]
) -> None:
    await ground.empty()
    bodies = [traffic.notice(number) for number in range(COUNT)]
    await ground.fill(bodies, content_type)
    async with peer(ground, module, recipients, COUNT) as server:
        told = await server.told()
        await server.process.wait()
    assert (told.messages, told.publishes) == (COUNT, COUNT * len(recipients))
    assert told.seconds > 0
    for agency in recipients:
        found = await arrived(ground, agency)
        assert sorted(each.body for each in found) == sorted(bodies)
        assert {each.delivery_mode for each in found} == {aio_pika.DeliveryMode.PERSISTENT}
    assert server.process.returncode == 0


async def test_a_peer_that_cannot_go_on_is_told_with_its_last_words(ground: Ground) -> None:
    async with peer(ground, "coordinator.bench.nothing", RECIPIENTS, 1) as server:
        with pytest.raises(ServerEndedError, match=r"coordinator\.bench\.nothing"):
            await server.outlives(asyncio.sleep(60))
        with pytest.raises(ServerEndedError, match=r"coordinator\.bench\.nothing"):
            await server.told()


async def test_a_store_in_no_folder_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = tmp_path_factory.mktemp("bench") / "none" / "bench.db"
    with pytest.raises(ConfigurationError, match="no folder"):
        async with set_up(f"sqlite:///{nowhere}"):
            pass
