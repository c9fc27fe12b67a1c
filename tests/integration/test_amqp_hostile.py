"""Hostile messages through a real broker: nothing gets past the door, and the neighbours do not wait."""

import struct

import pytest

from coordinator.model.decisions import RefusalCode
from coordinator.model.envelope import MAX_BODY_BYTES
from coordinator.model.work import Verdict
from tests.conftest import Vhost
from tests.integration.doors import Client, RecordingIntake, administrator, agency, inbound_of, receiving, until

HEADERS, TIMESTAMP, CONTENT_TYPE = 1 << 13, 1 << 6, 1 << 15


def sized(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def nested(levels: int) -> bytes:
    table = b""
    for _ in range(levels):
        table = b"\x01aF" + sized(table)
    return sized(table)


HEADER_BOMBS = {
    "nested 1,500 deep": (HEADERS, nested(1_500)),
    "nested 15,000 deep": (HEADERS, nested(15_000)),
    "32,000 flat": (HEADERS, sized(b"".join(b"\x01" + bytes((97 + n % 26,)) + b"V" for n in range(32_000)))),
    "100 KiB": (HEADERS, sized(b"\x01aS" + sized(b"x" * 100 * 1024))),
    "name that is not UTF-8": (HEADERS, sized(b"\x01\xffV")),
    "time beyond the year 9999": (TIMESTAMP, struct.pack(">Q", 1 << 63)),
}


async def test_header_bombs_are_handed_over_as_flawed_on_the_same_connection(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp", "dps") as client:
        intake = RecordingIntake(lambda each: Verdict.ACCEPTED if each.flaw is None else Verdict.REFUSED)
        inbound = inbound_of(vhost, intake, agency("mshp", client.user), agency("dps", client.user))
        async with receiving(inbound):
            for name, (flags, properties) in HEADER_BOMBS.items():
                await client.send_raw("mshp", flags, properties, body=name.encode())
                await client.send("dps", b"neighbour")
            await until(lambda: len(intake.received) == 2 * len(HEADER_BOMBS))
            assert inbound.status().session.generation == 1
            assert {each.opened for each in inbound.status().ingresses.values()} == {1}
        flawed = {each.body.decode(): each.flaw for each in intake.received if each.agency == "mshp"}
        assert flawed == dict.fromkeys(HEADER_BOMBS, RefusalCode.UNREADABLE_HEADERS)
        assert await client.depth("router.in.mshp") == await client.depth("router.dead") == 0


async def test_two_hundred_kib_of_headers_end_the_senders_connection_and_nobody_elses(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client, await Client.connect(vhost.url) as hostile:
        intake = RecordingIntake()
        inbound = inbound_of(vhost, intake, agency("mshp", client.user))
        async with receiving(inbound):
            with pytest.raises(ConnectionError):
                await hostile.send_raw("mshp", HEADERS, sized(b"\x01aS" + sized(b"x" * 200 * 1024)))
            await client.send("mshp", b"neighbour")
            await until(lambda: bool(intake.received))
            assert inbound.status().session.generation == 1
    assert [each.body for each in intake.received] == [b"neighbour"]


async def test_a_routing_key_that_is_not_utf8_does_not_end_our_connection(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client:
        intake = RecordingIntake()
        inbound = inbound_of(vhost, intake, agency("mshp", client.user))
        async with receiving(inbound):
            await client.send_raw("mshp", CONTENT_TYPE, b"\x02\xff\xfe", key=b"\xff\n\x00", body=b"odd")
            await client.send("mshp", b"neighbour")
            await until(lambda: len(intake.received) == 2)
            assert inbound.status().session.generation == 1
    assert [(each.body, each.flaw) for each in intake.received] == [
        (b"odd", RefusalCode.USER_ID_MISSING),
        (b"neighbour", None),
    ]


@pytest.mark.parametrize("header", ["CC", "BCC"])
async def test_extra_routes_reach_nobodys_queue(vhost: Vhost, header: str) -> None:
    """The broker takes BCC away before it delivers; a fanout exchange follows neither."""
    async with administrator(vhost, "mshp", "fbi") as client:
        intake = RecordingIntake()
        async with receiving(inbound_of(vhost, intake, agency("mshp", client.user), agency("fbi", client.user))):
            targets = ["out.fbi", "router.in.fbi", "in.fbi"]
            await client.send("mshp", b"forged", headers={header: targets})
            await client.send("mshp", b"last")
            await until(lambda: len(intake.received) == 2)
        assert intake.received[0].flaw is (RefusalCode.FORBIDDEN_PROPERTY if header == "CC" else None)
        assert {each.agency for each in intake.received} == {"mshp"}
        assert await client.depth("out.fbi") == await client.depth("router.in.fbi") == 0


async def test_the_sender_is_who_the_broker_knows_whatever_the_message_claims(vhost: Vhost) -> None:
    mshp, hsi = f"mshp-{vhost.name}", f"hsi-{vhost.name}"
    async with administrator(vhost, "mshp", "hsi") as admin:
        url = await vhost.add_account(mshp, "secret")
        await vhost.add_account(hsi, "secret")
        intake = RecordingIntake()
        relaxed = agency("hsi", hsi, require_user_id=False)
        async with (
            await Client.connect(url) as client,
            receiving(inbound_of(vhost, intake, agency("mshp", mshp), relaxed)),
        ):
            await client.send("mshp", b"own")
            await client.send("mshp", b"missing", user_id=None)
            await admin.send("mshp", b"account of nobody")
            await admin.send("hsi", b"relaxed, missing", user_id=None)
            await client.send("hsi", b"relaxed, foreign")
            await until(lambda: len(intake.received) == 5)
            with pytest.raises(Exception, match="user_id property set to"):
                await client.send("mshp", b"foreign", user_id=hsi)
    found = {each.body: (each.agency, each.account, each.flaw) for each in intake.received}
    assert found == {
        b"own": ("mshp", mshp, None),
        b"missing": ("mshp", None, RefusalCode.USER_ID_MISSING),
        b"account of nobody": ("mshp", None, RefusalCode.SENDER_MISMATCH),
        b"relaxed, missing": ("hsi", None, None),
        b"relaxed, foreign": ("hsi", None, RefusalCode.SENDER_MISMATCH),
    }


async def test_large_bodies_are_cut_at_the_door(vhost: Vhost) -> None:
    async with administrator(vhost, "mshp") as client:
        intake = RecordingIntake()
        async with receiving(inbound_of(vhost, intake, agency("mshp", client.user))):
            await client.send_all("mshp", [b"x" * 260_000] * 20)
            await client.send("mshp", b"neighbour")
            await until(lambda: len(intake.received) == 21)
    assert {each.flaw for each in intake.received[:20]} == {RefusalCode.TOO_LARGE}
    assert {len(each.body) for each in intake.received[:20]} == {MAX_BODY_BYTES + 1}
    assert intake.received[20].flaw is None
