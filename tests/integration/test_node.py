"""A private RabbitMQ node: what its owner can do with it, and that nothing of it stays behind."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aio_pika
import pytest
from pamqp.common import FieldTable

from coordinator.amqp.installation import find_installation, install_command
from coordinator.amqp.node import PrivateNode
from coordinator.amqp.node_layout import LOOPBACK
from coordinator.model.errors import BrokerUnavailableError, ConfigurationError
from tests.conftest import Vhost

QUORUM: FieldTable = {"x-queue-type": "quorum", "x-delivery-limit": 20}
DEFINITIONS = {
    "vhosts": [{"name": "coordination"}],
    "users": [{"name": "mshp", "password": "fictional", "tags": ""}],
    "permissions": [
        {"user": "mshp", "vhost": "coordination", "configure": "^$", "write": "^$", "read": r"^out\.mshp\z"}
    ],
    "queues": [
        {
            "name": "out.mshp",
            "vhost": "coordination",
            "durable": True,
            "auto_delete": False,
            "arguments": QUORUM,
        }
    ],
}


@pytest.fixture(scope="module")
async def node() -> AsyncIterator[PrivateNode]:
    """A node that these tests may stop, kill and freeze."""
    async with PrivateNode(definitions=DEFINITIONS) as private:
        yield private


async def publish(url: str, body: bytes) -> None:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
        await channel.default_exchange.publish(message, "out.mshp")


async def take(url: str) -> bytes:
    async with await aio_pika.connect(url) as connection:
        queue = await (await connection.channel()).get_queue("out.mshp")
        message = await queue.get(timeout=10)
        await message.ack()
        return message.body


async def test_definitions_are_there_before_the_port_opens(node: PrivateNode) -> None:
    agency = node.url_for("mshp", "fictional")
    async with await aio_pika.connect(agency) as connection:
        queue = await (await connection.channel()).get_queue("out.mshp")
        assert queue.declaration_result.message_count == 0


async def test_a_message_survives_a_restart_in_order(node: PrivateNode) -> None:
    await publish(node.url, b"before the restart")
    address = node.url
    await node.stop()
    await node.start()
    assert node.url == address
    assert await take(node.url) == b"before the restart"


async def test_a_message_survives_a_power_cut(node: PrivateNode) -> None:
    await publish(node.url, b"before the cut")
    pid = node.pid
    await node.kill()
    assert gone(pid)
    with pytest.raises(BrokerUnavailableError, match="not running"):
        _ = node.pid
    await node.start()
    assert node.pid != pid
    assert await take(node.url) == b"before the cut"


async def test_a_node_that_ended_by_itself_can_be_stopped_and_started(node: PrivateNode) -> None:
    pid = node.pid
    os.kill(pid, signal.SIGKILL)
    await until(lambda: gone(pid))
    await node.stop()
    await node.start()
    async with await aio_pika.connect(node.url) as connection:
        assert not connection.is_closed


async def test_a_frozen_node_answers_nobody_until_it_goes_on(node: PrivateNode) -> None:
    await node.suspend()
    with pytest.raises(TimeoutError):
        await aio_pika.connect(node.url, timeout=0.5)
    await node.resume()
    async with await aio_pika.connect(node.url, timeout=30) as connection:
        assert not connection.is_closed


async def test_its_own_rabbitmqctl_speaks_to_it_and_complaints_come_back_in_words(node: PrivateNode) -> None:
    assert "out.mshp" in await node.ctl("list_queues", "--vhost", "coordination", "name")
    with pytest.raises(BrokerUnavailableError, match="nobody"):
        await node.ctl("delete_user", "nobody")


async def test_every_port_is_on_loopback_alone(node: PrivateNode) -> None:
    status = json.loads(await node.ctl("status", "--formatter", "json"))
    assert {listener["interface"] for listener in status["listeners"]} == {LOOPBACK}
    assert {listener["port"] for listener in status["listeners"]} == {*ports(node)} - {node.layout.ports.epmd}


async def everything(url: str) -> list[bytes]:
    """Take until nothing is left: a test before may have left a message that came again after a restart."""
    taken: list[bytes] = []
    with contextlib.suppress(aio_pika.exceptions.QueueEmpty):
        while True:
            taken.append(await take(url))
    return taken


async def test_a_second_node_stands_beside_the_first_and_leaves_only_what_its_owner_keeps(
    node: PrivateNode, tmp_path: Path
) -> None:
    async with PrivateNode(definitions=DEFINITIONS, data=tmp_path / "data") as second:
        assert len({*ports(node), *ports(second)}) == 6
        pid = second.pid
        await publish(second.url, b"kept")
        assert b"kept" not in await everything(node.url)
    assert gone(pid)
    assert not second.layout.run.exists()
    async with PrivateNode(data=tmp_path / "data") as third:
        assert await take(third.url) == b"kept"


@pytest.mark.parametrize("port", [5672, 4369])
def test_the_ports_of_the_machines_own_broker_are_refused(port: int) -> None:
    with pytest.raises(ConfigurationError, match=f"{port} belongs to this machine"):
        PrivateNode(port=port)


def test_a_taken_port_is_refused_by_number(node: PrivateNode) -> None:
    with pytest.raises(ConfigurationError, match=f"{node.layout.ports.amqp} is taken"):
        PrivateNode(port=node.layout.ports.amqp)


async def test_a_port_lost_meanwhile_is_said_in_words_and_nothing_stays() -> None:
    late = PrivateNode(start_timeout_s=30)
    squatter = await asyncio.start_server(lambda _, writer: writer.close(), LOOPBACK, late.layout.ports.distribution)
    async with squatter:
        with pytest.raises(ConfigurationError, match=r"(?s)stopped while it started.*\n.*"):
            await late.__aenter__()
    assert not late.layout.run.exists()


async def test_a_setting_that_rabbitmq_does_not_know_is_named(tmp_path: Path) -> None:
    wrong = PrivateNode(settings={"nonsense": "true"}, data=tmp_path)
    with pytest.raises(ConfigurationError, match=r"(?s)Mend what its log says.*nonsense"):
        await wrong.__aenter__()
    assert not wrong.layout.run.exists()


def test_where_rabbitmq_is_missing_the_command_that_installs_it_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"RabbitMQ is not installed.*install.*rabbitmq"):
        find_installation(folders=(tmp_path,), path=str(tmp_path))


def test_where_erlang_is_missing_the_command_that_installs_it_is_named(tmp_path: Path) -> None:
    program(tmp_path / "rabbitmq-server")
    with pytest.raises(ConfigurationError, match=r"Erlang.*install"):
        find_installation(folders=(tmp_path,), path="")


def test_the_distributions_wrapper_is_never_taken_for_the_server(tmp_path: Path) -> None:
    wrapper = tmp_path / "sbin" / "rabbitmq-server"
    wrapper.parent.mkdir()
    wrapper.symlink_to(program(tmp_path / "rabbitmq-script-wrapper"))
    with pytest.raises(ConfigurationError, match="RabbitMQ is not installed"):
        find_installation(folders=(), path=str(wrapper.parent))


def test_the_port_mapper_is_found_in_erlangs_own_layout(tmp_path: Path) -> None:
    server = program(tmp_path / "rabbitmq" / "rabbitmq-server")
    program(tmp_path / "erlang" / "bin" / "erl")
    epmd = program(tmp_path / "erlang" / "erts-15.2" / "bin" / "epmd")
    found = find_installation(folders=(server.parent,), path=str(tmp_path / "erlang" / "bin"))
    assert (found.server, found.epmd) == (server, epmd)


@pytest.mark.parametrize(
    ("manager", "command"),
    [
        ("apt-get", "sudo apt-get install -y --no-install-recommends rabbitmq-server"),
        ("brew", "brew install rabbitmq"),
        ("dnf", "sudo dnf install -y rabbitmq-server"),
    ],
)
def test_the_command_is_that_of_the_systems_own_package_manager(tmp_path: Path, manager: str, command: str) -> None:
    program(tmp_path / manager)
    assert install_command("rabbitmq", path=str(tmp_path)) == command


def test_without_a_package_manager_the_packages_own_site_is_named(tmp_path: Path) -> None:
    assert "www.rabbitmq.com" in install_command("rabbitmq", path=str(tmp_path))


async def test_an_interrupted_start_leaves_nothing() -> None:
    interrupted = PrivateNode()
    start = asyncio.create_task(interrupted.__aenter__())
    pid = await signed_in(interrupted.layout.run, "node")
    start.cancel()
    with pytest.raises(asyncio.CancelledError):
        await start
    assert gone(pid)
    assert not interrupted.layout.run.exists()


OWNER = """
import asyncio
from coordinator.amqp.node import PrivateNode

async def own() -> None:
    node = PrivateNode()
    print(node.layout.run, flush=True)
    async with node:
        await asyncio.Event().wait()

asyncio.run(own())
"""


@pytest.mark.parametrize(
    ("end", "moment"), [(signal.SIGKILL, "epmd"), (signal.SIGKILL, "node"), (signal.SIGTERM, "node")]
)
async def test_nothing_outlives_an_owner_that_is_ended_from_outside(end: signal.Signals, moment: str) -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(OWNER), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert owner.stdout is not None
    run = Path((await owner.stdout.readline()).decode().strip())
    pid = await signed_in(run, moment)
    owner.send_signal(end)
    await owner.wait()
    await until(lambda: not run.exists() and gone(pid))


async def test_a_vhost_of_its_own_holds_nothing_of_other_tests(vhost: Vhost) -> None:
    async with await aio_pika.connect(await vhost.add_account("amtrak", "fictional")) as connection:
        await (await connection.channel()).declare_queue("out.amtrak", durable=True, arguments=QUORUM)
    assert (await vhost.ctl("list_queues", "name")).split() == ["name", "out.amtrak"]


def ports(node: PrivateNode) -> tuple[int, ...]:
    chosen = node.layout.ports
    return (chosen.amqp, chosen.distribution, chosen.epmd)


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return path


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def signed_in(run: Path, name: str) -> int:
    """Wait until a process of the node has started, and give its id."""
    note = run / "running" / name
    await until(lambda: note.exists() and note.read_text() != "")
    return int(note.read_text())


async def until(holds: Callable[[], bool]) -> None:
    """Watch what no event tells: another process's folder and end."""
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - there is no event to await
            await asyncio.sleep(0.01)
