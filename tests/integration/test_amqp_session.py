"""A supervised connection on a real broker: why there is none, what ends one, and that the next one comes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from coordinator.amqp.backoff import Backoff
from coordinator.amqp.session import Link, Session
from coordinator.amqp.trouble import broker_errors
from coordinator.model.errors import BrokerUnavailableError
from tests.conftest import Vhost
from tests.integration.doors import GUARD_S, Client, close_connections, own_account, until


async def _hold(_: Link) -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def kept(session: Session) -> AsyncIterator[None]:
    """Run a session that holds its connection and does nothing with it."""
    running = asyncio.create_task(session.run(_hold))
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()
        assert not session.status().connected


async def trouble_with(url: str) -> str:
    """Say why a session gets no connection."""
    session = Session(url, "test", backoff=Backoff(60, 60))
    async with kept(session):
        await until(lambda: session.status().trouble not in {None, "not connected yet"})
        return session.status().trouble or ""


async def test_refused_credentials_name_the_account_and_never_the_password(vhost: Vhost) -> None:
    told = await trouble_with(vhost.url_for("mshp", "wrong-secret"))
    assert "refused the account mshp" in told
    assert "rabbitmqctl authenticate_user mshp" in told
    assert "wrong-secret" not in told


async def test_a_missing_vhost_names_what_to_check(vhost: Vhost) -> None:
    layout = vhost.node.layout
    told = await trouble_with(vhost.node.url_for(layout.user, layout.password, "nowhere"))
    assert "refused vhost nowhere" in told
    assert "list_vhosts" in told
    assert layout.password not in told


async def test_a_reached_connection_limit_names_what_to_check(vhost: Vhost) -> None:
    await vhost.manage("PUT", f"vhost-limits/{vhost.name}/max-connections", {"value": 1})
    async with await Client.connect(vhost.url):
        told = await trouble_with(vhost.url)
    assert f"refused vhost {vhost.name}" in told
    assert "list_vhost_limits" in told


async def test_an_address_where_nothing_listens_says_so() -> None:
    told = await trouble_with("amqp://mshp:secret@127.0.0.1:9/v")
    assert "no broker at 127.0.0.1:9" in told
    assert "secret" not in told


async def test_what_does_not_speak_amqp_says_so() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(8)
        writer.write(b"AMQP\x00\x01\x00\x00" * 8)
        await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert "does not speak AMQP 0-9-1" in await trouble_with(f"amqp://mshp:secret@127.0.0.1:{port}/v")


async def test_a_closed_connection_is_followed_by_the_next_generation(vhost: Vhost) -> None:
    session = Session(await own_account(vhost), "test")
    seen: list[int] = []

    async def use(link: Link) -> None:
        seen.append(link.generation)
        await _hold(link)

    running = asyncio.create_task(session.run(use))
    for generation in range(1, 4):
        await until(lambda generation=generation: generation in seen)  # type: ignore[misc]  # bound now
        assert session.status().ready
        await close_connections(vhost)
        await until(lambda generation=generation: session.status().generation > generation)  # type: ignore[misc]  # bound now
    assert seen[:3] == [1, 2, 3]
    running.cancel()
    await asyncio.wait([running])


async def test_a_frozen_broker_is_noticed_and_cancels_nobody(vhost: Vhost) -> None:
    session = Session(vhost.url, "test", heartbeat_s=2)
    publishing: list[asyncio.Task[None]] = []

    async def publish(link: Link) -> None:
        channel = await link.channel(confirms=True)
        await vhost.node.suspend()
        with broker_errors("publish"):
            await channel.basic_publish(b"", routing_key="nowhere")  # its confirm never comes

    async def use(link: Link) -> None:
        if not publishing:
            publishing.append(asyncio.create_task(publish(link)))
        await _hold(link)

    running = asyncio.create_task(session.run(use))
    try:
        await until(lambda: session.status().connected)
        await until(lambda: not session.status().connected)
    finally:
        await vhost.node.resume()
    assert not running.done()
    await until(lambda: session.status().ready)
    assert session.status().generation == 2
    await asyncio.wait(publishing, timeout=GUARD_S)
    assert isinstance(publishing[0].exception(), BrokerUnavailableError)
    running.cancel()
    await asyncio.wait([running])


async def test_an_alarm_of_the_broker_is_measured_and_ends(vhost: Vhost) -> None:
    session = Session(vhost.url, "test")

    async def publish(link: Link) -> None:
        channel = await link.channel()
        while True:
            await channel.basic_publish(b"", routing_key="nowhere")
            await asyncio.sleep(0.05)

    running = asyncio.create_task(session.run(publish))
    await until(lambda: session.status().ready)
    await vhost.node.ctl("set_vm_memory_high_watermark", "0")
    try:
        await until(lambda: session.status().blocked_s > 0.2)
        assert session.status().connected
        assert not session.status().ready
    finally:
        await vhost.node.ctl("set_vm_memory_high_watermark", "absolute", "1GB")
    await until(lambda: session.status().ready)
    assert session.status().blocked_total_s > 0.2
    running.cancel()
    await asyncio.wait([running])


async def test_what_is_not_the_brokers_doing_ends_the_session(vhost: Vhost) -> None:
    async def use(_: Link) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(Session(vhost.url, "test").run(use), GUARD_S)


async def test_a_channel_error_is_the_brokers_doing_and_the_next_generation_begins(vhost: Vhost) -> None:
    session = Session(vhost.url, "test")
    generations: list[int] = []

    async def use(link: Link) -> None:
        generations.append(link.generation)
        if link.generation == 1:
            await (await link.channel()).queue_declare("missing", passive=True)

    await asyncio.wait_for(session.run(use), GUARD_S)  # returns when `use` does
    assert generations == [1, 2]


async def test_a_stopped_session_makes_no_further_attempt() -> None:
    session = Session("amqp://mshp:secret@127.0.0.1:9/v", "test", backoff=Backoff(3_600, 3_600))
    running = asyncio.create_task(session.run(_hold))
    await until(lambda: "no broker" in (session.status().trouble or ""))
    session.stop()
    await asyncio.wait_for(running, GUARD_S)


@pytest.mark.parametrize("answer", [asyncio.CancelledError, ConnectionResetError])
async def test_cancellation_that_was_asked_for_is_not_the_brokers(answer: type[BaseException]) -> None:
    async def wait() -> None:
        with broker_errors("wait"):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError as error:
                raise answer from error  # as the client does when both come at once

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_channel_of_a_lost_connection_is_the_brokers_trouble(vhost: Vhost) -> None:
    links: list[Link] = []

    async def use(link: Link) -> None:
        links.append(link)

    await asyncio.wait_for(Session(vhost.url, "test").run(use), GUARD_S)
    with pytest.raises(BrokerUnavailableError, match="cannot open a channel"):
        await links[0].channel()


async def test_what_does_not_end_when_its_connection_is_lost_is_left_behind(
    vhost: Vhost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coordinator.amqp.session._CLOSE_S", 0.2)
    session = Session(await own_account(vhost), "test")
    end = asyncio.Event()

    async def use(link: Link) -> None:
        while link.generation == 1 and not end.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await end.wait()
        if link.generation > 1:
            await _hold(link)

    running = asyncio.create_task(session.run(use))
    await until(lambda: session.status().ready)
    await close_connections(vhost)
    await until(lambda: session.status().generation == 2 and session.status().ready)
    end.set()
    running.cancel()
    await asyncio.wait([running])


async def test_cancellation_that_nobody_asked_for_is_the_brokers() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(future.cancel)
    with pytest.raises(BrokerUnavailableError, match="cannot wait"), broker_errors("wait"):
        await future
