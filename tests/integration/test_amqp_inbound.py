"""The way in on a real broker: batches, acknowledgements, attempts, the store's absence, an orderly stop."""

import asyncio
from collections.abc import Sequence

import pytest

from coordinator.amqp.inbound import MAX_BATCH
from coordinator.amqp.ingress import IngressState
from coordinator.model.decisions import RefusalCode
from coordinator.model.errors import StoreUnavailableError
from coordinator.model.work import Submission, Verdict
from tests.conftest import Vhost
from tests.integration.doors import (
    GUARD_S,
    INGRESS,
    NOW,
    RecordingIntake,
    administrator,
    agency,
    inbound_of,
    receiving,
    until,
)


async def test_messages_of_every_agency_reach_intake_and_leave_their_queues(vhost: Vhost) -> None:
    async with administrator(vhost, "dps", "mshp") as client:
        await client.send_all("dps", [b"dps %d" % n for n in range(300)])
        await client.send_all("mshp", [b"mshp %d" % n for n in range(5)])
        intake = RecordingIntake()
        inbound = inbound_of(vhost, intake, agency("dps", client.user), agency("mshp", client.user))
        async with receiving(inbound):
            await until(lambda: len(intake.received) == 305)
        assert [each.body for each in intake.received if each.agency == "dps"] == [b"dps %d" % n for n in range(300)]
        assert {each.agency for each in intake.received if each.body.startswith(b"mshp")} == {"mshp"}
        assert max(len(batch) for batch in intake.batches) <= 200
        assert len({each.received for each in intake.received}) == 305  # the clock is read once for each
        assert await client.depth("router.in.dps") == await client.depth("router.in.mshp") == 0


async def test_a_flood_of_one_agency_delays_another_by_what_is_in_hand_and_no_more(vhost: Vhost) -> None:
    async with administrator(vhost, "dps", "mshp") as client:
        gate = asyncio.Event()
        intake = RecordingIntake(before=lambda _: _wait(gate))
        inbound = inbound_of(vhost, intake, agency("dps", client.user), agency("mshp", client.user))
        async with receiving(inbound):
            await client.send_all("dps", [b"flood"] * 500)
            await until(lambda: inbound.status().ingresses["router.in.dps"].waiting > 50)
            assert inbound.status().in_batch <= 2 * MAX_BATCH  # one is being recorded, one is judged
            await client.send("mshp", b"urgent")
            await until(lambda: inbound.status().ingresses["router.in.mshp"].waiting == 1)
            gate.set()
            await until(lambda: len(intake.received) == 501)
        at = next(number for number, batch in enumerate(intake.batches) if any(each.agency == "mshp" for each in batch))
        assert at <= 2


async def test_one_poisonous_message_is_set_aside_and_its_neighbours_go_through_once(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client:
        await client.send_all("mshp", [b"poison" if n == 17 else b"%d" % n for n in range(50)])

        def judge(submission: Submission) -> Verdict:
            return Verdict.FAILED if submission.body == b"poison" else Verdict.ACCEPTED

        intake = RecordingIntake(judge)
        inbound = inbound_of(vhost, intake, agency("mshp", client.user))
        async with receiving(inbound):
            await until(lambda: bool(intake.quarantined))
            await until(lambda: len(intake.received) == 54)
        assert sorted(each.body for each in intake.received) == sorted(
            [b"poison"] * 5 + [b"%d" % n for n in range(50) if n != 17]
        )
        assert [(each.body, queue) for each, queue in intake.quarantined] == [(b"poison", "router.in.mshp")]
        assert await client.depth("router.in.mshp") == await client.depth("router.dead") == 0


async def test_while_the_store_is_away_nothing_is_acknowledged_and_nothing_lost(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client:
        away = True

        async def before(_: object) -> None:
            if away:
                msg = "the database is locked"
                raise StoreUnavailableError(msg)

        intake = RecordingIntake(before=before)
        inbound = inbound_of(vhost, intake, agency("mshp", client.user), patience_s=0.2)
        async with receiving(inbound):
            await until(lambda: inbound.status().ready)
            await client.send_all("mshp", [b"%d" % n for n in range(30)])
            await until(lambda: inbound.status().ingresses["router.in.mshp"].state is IngressState.PAUSED)
            status = inbound.status()
            assert not status.ready
            assert status.trouble == "the database is locked"
            await client.send("mshp", b"later")
            await until(lambda: not inbound.status().ready)
            away = False
            await until(lambda: len(intake.received) == 31)
            await until(lambda: inbound.status().ready)
        assert {each.body for each in intake.received} == {b"later", *(b"%d" % n for n in range(30))}
        assert await client.depth("router.in.mshp") == 0


async def test_when_the_store_is_back_what_was_delivered_already_is_not_delivered_again(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client:
        back, resumed = asyncio.Event(), asyncio.Event()

        async def before(batch: Sequence[Submission]) -> None:
            if not back.is_set():
                msg = "the database is locked"
                raise StoreUnavailableError(msg)
            if len(batch) > 1:
                await resumed.wait()

        intake = RecordingIntake(before=before)
        inbound = inbound_of(vhost, intake, agency("mshp", client.user), patience_s=0.2)
        async with receiving(inbound):
            await client.send("mshp", b"first")
            await until(lambda: inbound.status().trouble is not None)
            await client.send_all("mshp", [b"%d" % n for n in range(29)])
            await until(lambda: inbound.status().ingresses["router.in.mshp"].state is IngressState.PAUSED)
            await client.send("mshp", b"later")
            back.set()
            await until(lambda: inbound.status().in_batch >= 30)  # unsettled, while it consumes again
            await client.send("mshp", b"last")
            await until(lambda: inbound.status().in_batch >= 31)
            resumed.set()
            await until(lambda: {b"later", b"last"} <= intake.bodies)
        assert len(intake.received) == len(intake.bodies) == 32


async def test_stopping_while_the_store_is_away_gives_the_messages_back(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client:

        async def before(_: object) -> None:
            msg = "the database is locked"
            raise StoreUnavailableError(msg)

        await client.send_all("mshp", [b"%d" % n for n in range(30)])
        inbound = inbound_of(vhost, RecordingIntake(before=before), agency("mshp", client.user))
        async with receiving(inbound):
            await until(lambda: inbound.status().trouble is not None)
        await client.until_depth("router.in.mshp", 30)


async def test_twenty_five_clean_restarts_dead_letter_nothing_untouched(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client:
        sent: list[bytes] = []
        seen: list[bytes] = []
        for restart in range(25):
            sent += (more := [b"%d %d" % (restart, n) for n in range(250)])
            await client.send_all("mshp", more)
            stopping = asyncio.Event()
            intake = RecordingIntake(before=lambda _, stopping=stopping: _wait(stopping))  # type: ignore[misc]  # bound now
            inbound = inbound_of(vhost, intake, agency("mshp", client.user))
            async with receiving(inbound):
                await until(lambda inbound=inbound: inbound.status().in_batch > 0)  # type: ignore[misc]  # bound now
                asyncio.get_running_loop().call_soon(stopping.set)
            assert not inbound.status().ready
            seen += [each.body for each in intake.received]
        async with receiving(inbound_of(vhost, rest := RecordingIntake(), agency("mshp", client.user))):
            await until(lambda: len(seen) + len(rest.received) == len(sent))
        seen += [each.body for each in rest.received]
        assert sorted(seen) == sorted(sent)  # each once: what is in memory is finished before closing
        assert await client.depth("router.dead") == await client.depth("router.in.mshp") == 0


async def test_dead_letters_are_put_into_the_store_with_their_sender(vhost: Vhost) -> None:
    async with administrator(vhost) as client:
        await client.declare("mshp", arguments=INGRESS | {"x-delivery-limit": 1})
        await client.send("mshp", b"unlucky")
        crashing = await client.connection.channel()
        queue = await crashing.get_queue("router.in.mshp")
        for attempt in range(2):
            message = await queue.get(timeout=GUARD_S)
            assert message is not None
            await message.reject(requeue=True)
            await client.until_depth("router.in.mshp", 1 - attempt)
        await client.until_depth("router.dead", 1)
        intake = RecordingIntake()
        async with receiving(inbound_of(vhost, intake, agency("mshp", client.user))):
            await until(lambda: bool(intake.quarantined))
        ((submission, queue_name),) = intake.quarantined
        assert (submission.agency, submission.account, submission.body) == ("mshp", client.user, b"unlucky")
        assert submission.received == NOW
        assert queue_name == "router.dead"
        assert intake.received == []
        assert await client.depth("router.dead") == 0


@pytest.mark.parametrize(
    ("properties", "flaw"),
    [
        ({"user_id": None}, RefusalCode.USER_ID_MISSING),
        ({"reply_to": "out.fbi"}, RefusalCode.FORBIDDEN_PROPERTY),
        ({"headers": {"CC": ["out.fbi"]}}, RefusalCode.FORBIDDEN_PROPERTY),
        ({"content_encoding": "gzip"}, RefusalCode.CONTENT_ENCODING),
        ({"content_type": "text/plain"}, RefusalCode.CONTENT_TYPE),
    ],
)
async def test_flawed_messages_are_handed_over_with_their_flaw(
    vhost: Vhost, properties: dict[str, object], flaw: RefusalCode
) -> None:
    async with administrator(vhost, "mshp", "fbi") as client:
        await client.send("mshp", b"flawed", **properties)
        await client.send("mshp", b"in order")
        intake = RecordingIntake()
        async with receiving(inbound_of(vhost, intake, agency("mshp", client.user))):
            await until(lambda: len(intake.received) == 2)
        assert [(each.body, each.flaw) for each in intake.received] == [(b"flawed", flaw), (b"in order", None)]
        assert await client.depth("out.fbi") == 0


async def _wait(gate: asyncio.Event) -> None:
    await gate.wait()
