"""The topology on a real broker: what each account may do, what `check` finds, and what `apply` mends."""

import asyncio
import json
import secrets
import shlex
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import quote

import aiormq
import pika  # type: ignore[import-untyped]  # a client that ships no types
import pytest
from aiormq.abc import AbstractChannel
from pika.adapters.blocking_connection import BlockingChannel  # type: ignore[import-untyped]  # as above
from pika.exceptions import ChannelClosedByBroker  # type: ignore[import-untyped]  # as above
from typer.testing import CliRunner, Result

from coordinator.amqp.apply import Applied, apply_topology
from coordinator.amqp.definitions import definitions, password_hash
from coordinator.amqp.findings import APPLY, IMPORT, RECREATE, Finding, Severity, error
from coordinator.amqp.node import PrivateNode
from coordinator.amqp.topology import Topology, plan_topology
from coordinator.amqp.verify import verify_topology
from coordinator.cli.topology import app
from coordinator.directory.counties import load_counties
from coordinator.directory.reader import read_directory
from coordinator.directory.writer import example, render_directory, with_passwords
from coordinator.model.directory import Directory
from coordinator.model.errors import BrokerUnavailableError, ConfigurationError
from tests.conftest import Vhost

PASSWORD: Final = "a fictional password"
HASH: Final = password_hash(PASSWORD, b"salt")
FORBIDDEN: Final = 403


def two_agencies(mark: str) -> Directory:
    """Return DPS and MSHP of the example, with users that only this test has: users belong to the whole broker."""
    text = example()
    text = text[: text.index('[[agency]]\nid = "hsi"')]
    users = ("dps", "mshp-cad", "mshp-desk")
    hashes = {user: password_hash(PASSWORD, user[-4:].rjust(4).encode()) for user in users}
    text = with_passwords(text, hashes)
    for user in users:
        text = text.replace(f'user = "{user}"', f'user = "{mark}-{user}"')
    directory = read_directory(text, counties=load_counties().names)
    assert isinstance(directory, Directory)
    return directory


@dataclass(frozen=True, slots=True)
class Laid:
    """A vhost with the topology of two agencies laid out in it."""

    vhost: Vhost
    mark: str
    topology: Topology

    @property
    def management_url(self) -> str:
        layout = self.vhost.node.layout
        return self.vhost.node.management_url.replace("http://", f"http://{layout.user}:{layout.password}@")

    def url(self, user: str) -> str:
        return self.vhost.url_for(f"{self.mark}-{user}", PASSWORD)

    async def apply(self, *, recreate: bool = False) -> Applied:
        return await apply_topology(
            self.vhost.url,
            self.topology,
            management_url=self.management_url,
            coordinator_password_hash=HASH,
            recreate=recreate,
        )

    async def check(self) -> tuple[Finding, ...]:
        """Check with everything in view."""
        return await verify_topology(self.vhost.url, self.topology, management_url=self.management_url)

    async def check_as_coordinator(self) -> tuple[Finding, ...]:
        """Check as the coordinator does at its start, without a management address; only what it could see."""
        found = await verify_topology(self.url("coordinator"), self.topology)
        return tuple(finding for finding in found if finding.severity is not Severity.UNVERIFIED)

    async def as_administrator(self, *steps: Callable[[AbstractChannel], object]) -> None:
        connection = await aiormq.connect(self.vhost.url)
        channel = await connection.channel()
        for step in steps:
            await step(channel)  # type: ignore[misc]  # each step is one awaitable call of the channel
        await connection.close()


@pytest.fixture
async def laid(vhost: Vhost) -> AsyncIterator[Laid]:
    mark = f"t{secrets.token_hex(4)}"
    topology = plan_topology(two_agencies(mark), vhost=vhost.name, coordinator_user=f"{mark}-coordinator")
    fresh = Laid(vhost, mark, topology)
    await fresh.apply()
    yield fresh
    for user in (*topology.users, topology.coordinator):
        await vhost.manage("DELETE", f"users/{user}")


# --- definitions ------------------------------------------------------------------------------------------------------


async def test_a_node_that_boots_from_the_definitions_is_as_the_directory_says() -> None:
    directory = two_agencies("boot")
    topology = plan_topology(directory)
    exported = definitions(topology, coordinator_password_hash=HASH)
    async with PrivateNode(definitions=exported, management=True) as node:
        layout = node.layout
        management_url = node.management_url.replace("http://", f"http://{layout.user}:{layout.password}@")
        assert await verify_topology(node.url, topology, management_url=management_url) == ()
        assert await publish(node.url_for("boot-mshp-cad", PASSWORD), "in.mshp", "") == "ok"
        assert await get(node.url_for("coordinator", PASSWORD), "router.in.mshp") == b"hello"


# --- accounts ---------------------------------------------------------------------------------------------------------


async def attempt(url: str, action: Callable[[BlockingChannel], object]) -> object:
    """Do something on a fresh channel, with a client that is not ours; return the broker's code when it refuses."""

    def work() -> object:
        connection = pika.BlockingConnection(pika.URLParameters(url))
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            return action(channel)
        except ChannelClosedByBroker as refusal:
            return refusal.reply_code
        finally:
            connection.close()

    return await asyncio.to_thread(work)


async def publish(url: str, exchange: str, routing_key: str) -> object:
    def action(channel: BlockingChannel) -> str:
        channel.basic_publish(exchange, routing_key, b"hello", mandatory=True)
        return "ok"

    return await attempt(url, action)


async def get(url: str, queue: str) -> object:
    def action(channel: BlockingChannel) -> object:
        _, _, body = channel.basic_get(queue, auto_ack=True)
        return body

    return await attempt(url, action)


async def test_an_agency_publishes_to_its_own_exchange_and_the_coordinator_reads_it(laid: Laid) -> None:
    for user in ("mshp-cad", "mshp-desk"):
        assert await publish(laid.url(user), "in.mshp", "any key") == "ok"
        assert await get(laid.url("coordinator"), "router.in.mshp") == b"hello"
    assert await get(laid.url("coordinator"), "router.in.dps") is None


async def test_the_coordinator_publishes_to_an_agency_and_its_systems_read_both_queues(laid: Laid) -> None:
    for queue in ("out.mshp", "alert.mshp"):
        assert await publish(laid.url("coordinator"), "", queue) == "ok"
        assert await get(laid.url("mshp-cad"), queue) == b"hello"


AGENCY_MAY_NOT: dict[str, Callable[[BlockingChannel], object]] = {
    "publish as another agency": lambda c: c.basic_publish("in.dps", "", b""),
    "publish to a recipient": lambda c: c.basic_publish("", "out.dps", b""),
    "publish to its own egress queue": lambda c: c.basic_publish("", "out.mshp", b""),
    "publish around its exchange": lambda c: c.basic_publish("", "router.in.mshp", b""),
    "publish to the dead letters": lambda c: c.basic_publish("router.dead", "", b""),
    "publish to a built-in exchange": lambda c: c.basic_publish("amq.topic", "out.dps", b""),
    "publish to an exchange with a line break": lambda c: c.basic_publish("in.mshp\n", "", b""),
    "publish to an exchange with a longer name": lambda c: c.basic_publish("in.mshp-2", "", b""),
    "consume the coordinator's queue": lambda c: c.basic_consume("router.in.mshp", print),
    "consume the dead letters": lambda c: c.basic_consume("router.dead", print),
    "consume another's notices": lambda c: c.basic_consume("out.dps", print),
    "consume another's alerts": lambda c: c.basic_get("alert.dps"),
    "consume a queue with a line break": lambda c: c.basic_get("out.mshp\n"),
    "purge another's queue": lambda c: c.queue_purge("out.dps"),
    "declare a queue": lambda c: c.queue_declare("out.mshp-2", durable=True),
    "declare a queue without a name": lambda c: c.queue_declare("", exclusive=True),
    "declare a queue named as a line break": lambda c: c.queue_declare("\n"),
    "declare an exchange": lambda c: c.exchange_declare("in.mshp-2"),
    "delete its own queue": lambda c: c.queue_delete("out.mshp"),
    "delete its own exchange": lambda c: c.exchange_delete("in.mshp"),
    "bind its queue to another's exchange": lambda c: c.queue_bind("out.mshp", "in.dps"),
    "bind its exchange to another's queue": lambda c: c.queue_bind("out.dps", "in.mshp"),
    "unbind its exchange": lambda c: c.queue_unbind("router.in.mshp", "in.mshp"),
}


async def test_an_agency_may_do_nothing_else(laid: Laid) -> None:
    answers = {what: await attempt(laid.url("mshp-cad"), action) for what, action in AGENCY_MAY_NOT.items()}
    assert answers == dict.fromkeys(AGENCY_MAY_NOT, FORBIDDEN)


COORDINATOR_MAY_NOT: dict[str, Callable[[BlockingChannel], object]] = {
    "publish as an agency": lambda c: c.basic_publish("in.dps", "", b""),
    "publish to the dead letters": lambda c: c.basic_publish("router.dead", "", b""),
    "read what it sent": lambda c: c.basic_get("out.dps"),
    "purge what it sent": lambda c: c.queue_purge("out.dps"),
    "delete an agency's queue": lambda c: c.queue_delete("out.dps"),
    "declare an agency's queue": lambda c: c.queue_declare("out.dps-2", durable=True),
    "bind an agency's exchange": lambda c: c.queue_bind("router.dead", "in.dps"),
    "read a router's queue with a line break": lambda c: c.basic_get("router.in.dps\n"),
}


async def test_the_coordinator_may_do_no_more_than_it_needs(laid: Laid) -> None:
    answers = {what: await attempt(laid.url("coordinator"), action) for what, action in COORDINATOR_MAY_NOT.items()}
    assert answers == dict.fromkeys(COORDINATOR_MAY_NOT, FORBIDDEN)


async def test_a_rejected_message_reaches_the_dead_letters_though_the_coordinator_may_not_write_there(
    laid: Laid,
) -> None:
    await publish(laid.url("mshp-cad"), "in.mshp", "")

    def reject_then_wait(channel: BlockingChannel) -> object:
        method, _, _ = channel.basic_get("router.in.mshp")
        assert method is not None
        channel.basic_reject(method.delivery_tag or 0, requeue=False)
        return next(body for _, _, body in channel.consume("router.dead", inactivity_timeout=30))

    assert await attempt(laid.url("coordinator"), reject_then_wait) == b"hello"


async def test_a_disabled_account_gets_no_user_and_loses_the_one_it_had(laid: Laid) -> None:
    (mshp,) = (agency for agency in two_agencies(laid.mark).agencies.values() if agency.id == "mshp")
    assert len(mshp.accounts) == 2
    text_user = f"{laid.mark}-mshp-desk"
    topology = shutting_out(laid, text_user)
    (finding,) = await verify_topology(laid.vhost.url, topology, management_url=laid.management_url)
    assert finding.severity is Severity.ERROR
    assert finding.mend == f"rabbitmqctl delete_user {text_user}"
    applied = await apply_topology(laid.vhost.url, topology, management_url=laid.management_url)
    assert applied.done == (f"deleted user {text_user}",)
    assert await verify_topology(laid.vhost.url, topology, management_url=laid.management_url) == ()
    await laid.apply()


def shutting_out(laid: Laid, user: str) -> Topology:
    """Return the topology with that account disabled in the directory."""
    directory = two_agencies(laid.mark)
    agencies = {}
    for agency in directory.agencies.values():
        accounts = tuple(replace(one, enabled=one.user != user) for one in agency.accounts)
        agencies[agency.id] = replace(agency, accounts=accounts)
    return plan_topology(Directory(agencies), vhost=laid.vhost.name, coordinator_user=laid.topology.coordinator)


# --- check and apply --------------------------------------------------------------------------------------------------


async def test_applying_leaves_nothing_to_find_and_applying_again_does_nothing(laid: Laid) -> None:
    assert await laid.check() == ()
    assert await laid.check_as_coordinator() == ()
    assert await laid.apply() == Applied((), (), ())


async def test_without_a_management_address_what_could_not_be_seen_is_said(laid: Laid) -> None:
    found = await verify_topology(laid.url("coordinator"), laid.topology)
    assert [finding.severity for finding in found] == [Severity.UNVERIFIED] * 2
    assert "6 exchanges and queues" in found[0].what
    assert "limits by policy" in found[1].what
    assert all(PASSWORD not in finding.what + finding.mend for finding in found)


async def test_a_management_address_that_does_not_answer_is_said_too(laid: Laid) -> None:
    found = await verify_topology(
        laid.url("coordinator"), laid.topology, management_url="http://nobody:secret@127.0.0.1:9"
    )
    assert {finding.severity for finding in found} == {Severity.UNVERIFIED}
    assert any("cannot reach the management API at 127.0.0.1:9" in finding.what for finding in found)
    assert not any("secret" in finding.what for finding in found)


@pytest.mark.parametrize("name", ["router.in.mshp", "out.mshp", "alert.dps", "router.dead"])
async def test_a_missing_queue_is_found_and_made(laid: Laid, name: str) -> None:
    await laid.as_administrator(lambda channel: channel.queue_delete(name))
    assert await laid.check_as_coordinator() == (error(f"queue {name} is missing", APPLY),)
    assert (await laid.apply()).done == (f"made queue {name}",)
    assert await laid.check() == ()


@pytest.mark.parametrize("name", ["in.mshp", "router.dead"])
async def test_a_missing_exchange_is_found_and_made_and_bound(laid: Laid, name: str) -> None:
    await laid.as_administrator(lambda channel: channel.exchange_delete(name))
    assert await laid.check_as_coordinator() == (error(f"exchange {name} is missing", APPLY),)
    assert (await laid.apply()).done == (f"made exchange {name}",)
    assert await laid.check() == ()


async def test_a_missing_binding_is_found_and_made(laid: Laid) -> None:
    await laid.as_administrator(lambda channel: channel.queue_unbind("router.in.mshp", "in.mshp"))
    assert await laid.check() == (error("exchange in.mshp is not bound to queue router.in.mshp", APPLY),)
    await laid.apply()
    assert await laid.check() == ()


INGRESS: Final = "router.in.mshp"
WRONG: dict[str, tuple[Mapping[str, str | int | None], Severity, str]] = {
    "limit -1": ({"x-delivery-limit": -1}, Severity.ERROR, "x-delivery-limit is -1"),
    "limit 0": ({"x-delivery-limit": 0}, Severity.ERROR, "x-delivery-limit is 0"),
    "limit 5": ({"x-delivery-limit": 5}, Severity.WARNING, "x-delivery-limit is 5"),
    "no limit": ({"x-delivery-limit": None}, Severity.ERROR, "x-delivery-limit is not set"),
    "no maximum": ({"x-max-length-bytes": None}, Severity.ERROR, "x-max-length-bytes is not set"),
    "drops when full": ({"x-overflow": "drop-head"}, Severity.ERROR, "x-overflow is drop-head"),
    "no overflow": ({"x-overflow": None}, Severity.ERROR, "x-overflow is not set"),
    "at most once": ({"x-dead-letter-strategy": "at-most-once"}, Severity.ERROR, "x-dead-letter-strategy is at-most"),
    "other dead letters": ({"x-dead-letter-exchange": "amq.fanout"}, Severity.ERROR, "exchange is amq.fanout and must"),
    "no dead letters": ({"x-dead-letter-exchange": None}, Severity.ERROR, "x-dead-letter-exchange is not set"),
    "a time to live": ({"x-message-ttl": 60_000}, Severity.ERROR, "x-message-ttl is 60000 and must be not set"),
}


async def replace_queue(
    laid: Laid, name: str, changes: Mapping[str, str | int | None], *, durable: bool = True
) -> None:
    changed = {**laid.topology.queue(name).arguments, **changes}
    arguments = {key: value for key, value in changed.items() if value is not None}
    await laid.as_administrator(
        lambda channel: channel.queue_delete(name),
        lambda channel: channel.queue_declare(name, durable=durable, arguments={**arguments}),
        *(
            lambda channel, binding=binding: channel.queue_bind(name, binding.exchange)
            for binding in laid.topology.bindings
            if binding.queue == name
        ),
    )


@pytest.mark.parametrize(("changes", "severity", "what"), WRONG.values(), ids=WRONG.keys())
async def test_another_argument_is_found_and_the_queue_made_anew_when_asked(
    laid: Laid, changes: Mapping[str, str | int | None], severity: Severity, what: str
) -> None:
    await replace_queue(laid, INGRESS, changes)
    for found in (await laid.check_as_coordinator(), await laid.check()):
        (finding,) = found
        assert (finding.severity, finding.mend) == (severity, RECREATE)
        assert finding.what.startswith(f"queue {INGRESS}: ")
        assert what in finding.what
    untouched = await laid.apply()
    assert untouched.done == ()
    assert [finding.mend for finding in untouched.left] == [RECREATE]
    assert (await laid.apply(recreate=True)).done == (f"made queue {INGRESS} anew", "made exchange in.mshp")
    assert await laid.check() == ()


async def test_every_argument_that_differs_is_found_at_once(laid: Laid) -> None:
    await replace_queue(
        laid, INGRESS, {"x-delivery-limit": 5, "x-overflow": "drop-head", "x-expires": 900_000, "x-max-length": 7}
    )
    found = await laid.check_as_coordinator()
    assert sorted(finding.what.split()[2] for finding in found) == [
        "x-delivery-limit",
        "x-expires",
        "x-max-length",
        "x-overflow",
    ]


async def test_a_classic_transient_queue_in_the_place_of_a_quorum_queue_is_found(laid: Laid) -> None:
    nothing = dict.fromkeys(laid.topology.queue(INGRESS).arguments)
    await replace_queue(laid, INGRESS, nothing, durable=False)
    words = " ".join(finding.what for finding in await laid.check_as_coordinator())
    assert "x-queue-type is" in words
    assert "durable is false" in words
    await laid.apply(recreate=True)
    assert await laid.check() == ()


async def test_an_agencys_queue_of_another_type_is_found_from_above(laid: Laid) -> None:
    await replace_queue(laid, "out.mshp", {"x-queue-type": "classic"})
    (finding,) = await laid.check()
    assert finding == error("queue out.mshp: x-queue-type is classic and must be quorum", RECREATE)
    await laid.apply(recreate=True)
    assert await laid.check() == ()


async def test_an_exchange_that_routes_by_key_is_found(laid: Laid) -> None:
    await laid.as_administrator(
        lambda channel: channel.exchange_delete("in.mshp"),
        lambda channel: channel.exchange_declare("in.mshp", exchange_type="topic", durable=True),
        lambda channel: channel.queue_bind(INGRESS, "in.mshp"),
    )
    found = await laid.check()
    assert {finding.severity for finding in found} == {Severity.ERROR}
    assert all("exchange in.mshp is not a durable fanout exchange" in finding.what for finding in found)
    await laid.apply(recreate=True)
    assert await laid.check() == ()


async def test_a_queue_that_holds_messages_is_never_deleted(laid: Laid) -> None:
    await replace_queue(laid, INGRESS, {"x-delivery-limit": 5})
    await publish(laid.url("mshp-cad"), "in.mshp", "")
    applied = await laid.apply(recreate=True)
    (left,) = applied.left
    assert "holds 1 messages and has 0 consumers" in left.what
    assert await publish(laid.url("mshp-cad"), "in.mshp", "") == "ok"
    assert await get(laid.url("coordinator"), INGRESS) == b"hello"
    assert await get(laid.url("coordinator"), INGRESS) == b"hello"
    await laid.apply(recreate=True)
    assert await laid.check() == ()


async def test_dead_letters_that_come_back_are_found(laid: Laid) -> None:
    await replace_queue(
        laid, "router.dead", {"x-dead-letter-exchange": "router.dead", "x-dead-letter-strategy": "at-least-once"}
    )
    for found in (await laid.check_as_coordinator(), await laid.check()):
        assert any("in a circle" in one.what and "router.dead to router.dead" in one.what for one in found)
        assert {finding.severity for finding in found} == {Severity.ERROR}
    await laid.apply(recreate=True)
    assert await laid.check() == ()


async def test_dead_letters_that_come_back_by_a_binding_are_found_and_unbound(laid: Laid) -> None:
    await laid.as_administrator(lambda channel: channel.queue_bind(INGRESS, "router.dead"))
    found = await laid.check()
    assert any(f"in a circle, where RabbitMQ drops them: {INGRESS} to {INGRESS}" in finding.what for finding in found)
    assert any("bound to queue router.in.mshp, and must not be" in finding.what for finding in found)
    assert (await laid.apply()).done == (f"unbound queue {INGRESS} from router.dead",)
    assert await laid.check() == ()


async def test_a_tap_on_an_agencys_exchange_is_found_and_removed(laid: Laid) -> None:
    await laid.as_administrator(
        lambda channel: channel.queue_declare("tap", durable=True),
        lambda channel: channel.queue_bind("tap", "in.mshp"),
        lambda channel: channel.exchange_bind("amq.fanout", "in.dps"),
    )
    found = {finding.what for finding in await laid.check()}
    assert found == {
        "exchange in.mshp is bound to queue tap, and must not be",
        "exchange in.dps is bound to exchange amq.fanout, and must not be",
    }
    await laid.apply()
    assert await laid.check() == ()


async def test_rights_and_limits_that_differ_are_mended_by_the_very_commands_that_are_named(laid: Laid) -> None:
    user = f"{laid.mark}-mshp-cad"
    name = laid.vhost.name
    await laid.vhost.manage("PUT", f"permissions/{name}/{user}", {"configure": "", "write": "^in", "read": ".*"})
    loose = {"pattern": "^out", "definition": {"max-length": 5}, "priority": 99, "apply-to": "queues"}
    await laid.vhost.manage("PUT", f"policies/{name}/coordination-out", loose)
    found = await laid.check()
    assert sorted({finding.mend.split()[1] for finding in found}) == ["set_permissions", "set_policy"]
    assert sum(finding.severity is Severity.ERROR for finding in found) == 5
    for command in {finding.mend for finding in found}:
        program, *arguments = shlex.split(command)
        assert program == "rabbitmqctl"
        await laid.vhost.node.ctl(*arguments)
    assert await laid.check() == ()


async def test_a_user_that_is_missing_or_has_another_password_is_found_and_set(laid: Laid) -> None:
    missing, changed = f"{laid.mark}-dps", f"{laid.mark}-mshp-cad"
    await laid.vhost.manage("DELETE", f"users/{missing}")
    await laid.vhost.manage("PUT", f"users/{changed}", {"password": "guessed", "tags": "administrator"})
    found = await laid.check()
    assert [finding.mend for finding in found] == [IMPORT] * 3
    assert {finding.what.split()[1] for finding in found} == {missing, changed}
    applied = await laid.apply()
    assert set(applied.done) == {f"set user {missing}", f"set the rights of {missing}", f"set user {changed}"}
    assert await laid.check() == ()
    assert await publish(laid.url("dps"), "in.dps", "") == "ok"


async def test_without_its_password_hash_the_coordinators_user_is_left_to_a_person(laid: Laid) -> None:
    user = laid.topology.coordinator
    await laid.vhost.manage("DELETE", f"users/{user}")
    applied = await apply_topology(laid.vhost.url, laid.topology, management_url=laid.management_url)
    assert [finding.what for finding in applied.left] == [f"user {user} is missing, and its password is not known here"]
    assert (await laid.apply()).done == (f"set user {user}", f"set the rights of {user}")
    assert await laid.check_as_coordinator() == ()


async def test_a_user_without_any_right_is_found_and_given_its_own(laid: Laid) -> None:
    user = f"{laid.mark}-dps"
    await laid.vhost.manage("DELETE", f"permissions/{laid.vhost.name}/{user}")
    (finding,) = await laid.check()
    assert finding.what == f"user {user} has no rights in vhost {laid.vhost.name}"
    assert (await laid.apply()).done == (f"set the rights of {user}",)
    assert await laid.check() == ()


async def test_a_management_account_that_is_no_administrator_is_told_so(laid: Laid) -> None:
    url = laid.vhost.node.management_url.replace("http://", f"http://{laid.mark}-dps:{quote(PASSWORD)}@")
    found = await verify_topology(laid.vhost.url, laid.topology, management_url=url)
    assert [finding.severity for finding in found] == [Severity.UNVERIFIED]
    assert "its account must be an administrator's" in found[0].what
    assert PASSWORD not in found[0].what
    with pytest.raises(ConfigurationError, match="needs an administrator's account"):
        await verify_topology(laid.vhost.url, laid.topology, management_url=laid.vhost.node.management_url)


async def test_a_stranger_with_rights_in_the_vhost_is_warned_of(laid: Laid) -> None:
    stranger = f"{laid.mark}-stranger"
    await laid.vhost.add_account(stranger, PASSWORD)
    (finding,) = await laid.check()
    assert finding.severity is Severity.WARNING
    assert finding.mend == f"rabbitmqctl clear_permissions -p {laid.vhost.name} {stranger}"
    await laid.vhost.manage("DELETE", f"users/{stranger}")


async def test_a_coordinator_that_may_not_verify_its_queues_is_told_which_right_it_lacks(laid: Laid) -> None:
    user = laid.topology.coordinator
    nothing = {"configure": "^$", "write": ".*", "read": ".*"}
    await laid.vhost.manage("PUT", f"permissions/{laid.vhost.name}/{user}", nothing)
    found = await laid.check_as_coordinator()
    assert {finding.severity for finding in found} == {Severity.ERROR}
    (mend,) = {finding.mend for finding in found}
    await laid.vhost.node.ctl(*shlex.split(mend)[1:])
    assert await laid.check_as_coordinator() == ()


async def test_the_import_file_makes_what_only_commands_can_on_a_broker_without_management(
    laid: Laid, tmp_path: Path
) -> None:
    user = f"{laid.mark}-dps"
    await laid.vhost.manage("DELETE", f"users/{user}")
    await laid.vhost.manage("DELETE", f"policies/{laid.vhost.name}/coordination-alert")
    applied = await apply_topology(laid.vhost.url, laid.topology)
    assert applied.commands[0] == IMPORT
    file = tmp_path / "definitions.json"
    file.write_text(json.dumps(definitions(laid.topology, coordinator_password_hash=HASH)))
    await laid.vhost.node.ctl("import_definitions", str(file))
    assert await laid.check() == ()


async def test_a_broker_that_does_not_let_us_in_is_one_line_without_the_password(laid: Laid) -> None:
    user = f"{laid.mark}-dps"
    for url, words in (
        (laid.vhost.url_for(user, "a wrong secret"), f"refused the account {user}: check user and password"),
        (laid.vhost.node.url_for(user, PASSWORD, "no-such-vhost"), "refused vhost no-such-vhost .*list_vhosts"),
        (f"amqp://{user}:secret@127.0.0.1:9/coordination", "no broker at 127.0.0.1:9: check that it runs"),
    ):
        with pytest.raises(BrokerUnavailableError, match=words) as caught:
            await verify_topology(url, laid.topology)
        assert "\n" not in str(caught.value)
        assert "secret" not in str(caught.value)
        assert PASSWORD not in str(caught.value)


# --- the commands -----------------------------------------------------------------------------------------------------


async def run(*arguments: str) -> Result:
    """Run `coordinator topology` beside this test's event loop."""
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments))


async def test_the_commands_find_and_mend_and_exit_as_documented(laid: Laid, tmp_path: Path) -> None:
    file = tmp_path / "directory.toml"
    file.write_text(render_directory(two_agencies(laid.mark)), encoding="utf-8")
    where = ["--directory", str(file), "--coordinator-user", laid.topology.coordinator]
    above = ["--url", laid.vhost.url, "--management-url", laid.management_url]
    await laid.as_administrator(lambda channel: channel.queue_delete("out.mshp"))
    broken = await run("check", *where, *above)
    assert broken.exit_code == 1
    assert broken.stdout == f"error: queue out.mshp is missing\n  mend: {APPLY}\n"
    applied = await run("apply", *where, *above)
    assert (applied.exit_code, applied.stdout) == (0, "")
    assert "made queue out.mshp" in applied.stderr
    again = await run("apply", *where, *above)
    assert (again.exit_code, again.stderr) == (0, "nothing to make: every exchange, queue and binding is there\n")
    sound = await run("check", *where, *above, "--json")
    assert (sound.exit_code, sound.stdout) == (0, "[]\n")
    assert "the broker is as the directory says" in sound.stderr


async def test_what_cannot_be_asked_or_done_exits_2_and_says_whose_account_it_needs(laid: Laid, tmp_path: Path) -> None:
    file = tmp_path / "directory.toml"
    file.write_text(render_directory(two_agencies(laid.mark)), encoding="utf-8")
    where = ["--directory", str(file), "--coordinator-user", laid.topology.coordinator]
    nobody = ["--management-url", "http://nobody:secret@127.0.0.1:9"]
    unseen = await run("check", *where, "--url", laid.vhost.url, *nobody)
    assert (unseen.exit_code, unseen.stdout) == (2, "")
    assert unseen.stderr.startswith("coordinator: cannot reach the management API at 127.0.0.1:9")
    await laid.as_administrator(lambda channel: channel.queue_delete("out.mshp"))
    humble = await run("apply", *where, "--url", laid.url("coordinator"))
    assert (humble.exit_code, humble.stdout) == (2, "")
    assert humble.stderr.count("\n") == 1
    assert "it needs an administrator's --url" in humble.stderr
    for wrong in (["--url", "http://h"], ["--url", laid.vhost.url, "--management-url", "amqp://a:b@h"]):
        refused = await run("check", *where, *wrong)
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert "must begin with" in refused.stderr


async def test_without_a_management_address_apply_prints_commands_and_no_password(laid: Laid, tmp_path: Path) -> None:
    file = tmp_path / "directory.toml"
    file.write_text(render_directory(two_agencies(laid.mark)), encoding="utf-8")
    where = ["--directory", str(file), "--coordinator-user", laid.topology.coordinator]
    applied = await run("apply", *where, "--url", laid.vhost.url)
    assert applied.exit_code == 0
    commands = applied.stdout.splitlines()
    assert commands[0] == IMPORT
    assert sum(command.startswith("rabbitmqctl set_permissions ") for command in commands) == 4
    assert sum(command.startswith("rabbitmqctl set_policy ") for command in commands) == 2
    assert PASSWORD not in applied.output
    assert laid.vhost.node.layout.password not in applied.output
