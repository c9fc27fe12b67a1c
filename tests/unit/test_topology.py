"""The topology that a directory asks for, and RabbitMQ's import file of it."""

import base64
import hashlib
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.amqp.definitions import definitions, password_hash
from coordinator.amqp.topology import (
    LEAST_DELIVERY_LIMIT,
    Binding,
    Topology,
    egress_queue,
    ingress_exchange,
    ingress_queue,
    plan_topology,
)
from coordinator.directory.counties import load_counties
from coordinator.directory.reader import read_directory
from coordinator.directory.writer import example
from coordinator.model.codes import Lane
from coordinator.model.directory import Directory
from coordinator.model.errors import ConfigurationError

HASH = password_hash("fictional", b"salt")


@pytest.fixture(scope="module")
def directory() -> Directory:
    read = read_directory(example(), counties=load_counties().names)
    assert isinstance(read, Directory)
    return read


@pytest.fixture
def topology(directory: Directory) -> Topology:
    return plan_topology(directory)


def test_each_agency_has_one_ingress_and_two_egress_queues(topology: Topology) -> None:
    names = {queue.name for queue in topology.queues}
    agencies = ("dea", "dps", "hsi", "mshp")
    assert names == {f"{kind}.{one}" for kind in ("router.in", "out", "alert") for one in agencies} | {"router.dead"}
    assert {one.name for one in topology.exchanges} == {f"in.{one}" for one in agencies} | {"router.dead"}
    assert set(topology.bindings) == {
        *(Binding(f"in.{one}", f"router.in.{one}") for one in agencies),
        Binding("router.dead", "router.dead"),
    }


def test_names_are_those_of_the_contract() -> None:
    assert ingress_exchange("mshp") == "in.mshp"
    assert ingress_queue("mshp") == "router.in.mshp"
    assert [egress_queue("mshp", lane) for lane in Lane] == ["out.mshp", "alert.mshp"]


def test_every_queue_is_a_quorum_queue_and_none_of_ours_is_without_limits(topology: Topology) -> None:
    for queue in topology.queues:
        assert queue.arguments["x-queue-type"] == "quorum"
        if queue.name.startswith("router."):
            limit, most = queue.arguments["x-delivery-limit"], queue.arguments["x-max-length-bytes"]
            assert isinstance(limit, int)
            assert isinstance(most, int)
            assert limit > LEAST_DELIVERY_LIMIT
            assert most > 0
            assert queue.arguments["x-overflow"] == "reject-publish"


def test_ingress_queues_dead_letter_at_least_once_and_the_dead_letters_go_nowhere(topology: Topology) -> None:
    ingress, dead = topology.queue("router.in.mshp").arguments, topology.queue("router.dead").arguments
    assert ingress["x-dead-letter-exchange"] == "router.dead"
    assert ingress["x-dead-letter-strategy"] == "at-least-once"
    assert "x-dead-letter-exchange" not in dead


def test_every_egress_queue_is_under_exactly_one_policy_with_a_maximum_in_bytes(topology: Topology) -> None:
    for queue in topology.queues:
        ours = [one for one in topology.policies if re.search(one.pattern.replace(r"\z", r"\Z"), queue.name)]
        assert len(ours) == (0 if queue.name.startswith("router.") else 1)
        for policy in ours:
            assert policy.definition["overflow"] == "reject-publish"
            assert int(policy.definition["max-length-bytes"]) > 0


def allowed(pattern: str, name: str) -> bool:
    return re.search(pattern.replace(r"\z", r"\Z"), name) is not None


names = st.from_regex(r"(router\.)?(in|out|alert|dead)?\.?(dps|mshp|hsi|dea)?[a-z0-9.-]{0,3}\n?", fullmatch=True)


@given(name=names.filter(bool))
def test_an_account_may_write_its_exchange_and_read_its_two_queues_and_nothing_else(
    directory: Directory, name: str
) -> None:
    for permission in plan_topology(directory).permissions[1:]:
        agency = directory.users()[permission.user]
        assert not allowed(permission.configure, name)
        assert allowed(permission.write, name) == (name == f"in.{agency}")
        assert allowed(permission.read, name) == (name in {f"out.{agency}", f"alert.{agency}"})


def test_every_pattern_is_anchored_at_both_ends(topology: Topology) -> None:
    patterns = [part for one in topology.permissions for part in (one.configure, one.write, one.read)]
    for pattern in (*patterns, *(policy.pattern for policy in topology.policies)):
        assert pattern.startswith("^")
        assert pattern.endswith(r"\z")


def test_a_disabled_account_has_no_user_and_no_right(directory: Directory) -> None:
    mshp = directory.agencies["mshp"]
    accounts = (replace(mshp.accounts[0], enabled=False), mshp.accounts[1])
    changed = Directory({**directory.agencies, "mshp": replace(mshp, accounts=accounts)})
    topology = plan_topology(changed)
    assert topology.shut_out == ("mshp-cad",)
    assert "mshp-cad" not in topology.users
    assert "mshp-cad" not in {permission.user for permission in topology.permissions}
    assert "mshp-cad" not in json.dumps(definitions(topology, coordinator_password_hash=HASH))


def test_the_coordinators_user_must_be_its_own(directory: Directory) -> None:
    with pytest.raises(ConfigurationError, match="mshp-cad is an account of mshp too"):
        plan_topology(directory, coordinator_user="mshp-cad")


def test_an_agency_with_a_vhost_of_its_own_is_in_that_one_only(directory: Directory) -> None:
    changed = Directory({**directory.agencies, "dea": replace(directory.agencies["dea"], vhost="apart")})
    shared, apart = plan_topology(changed), plan_topology(changed, vhost="apart")
    assert {queue.name for queue in apart.queues} == {"router.in.dea", "out.dea", "alert.dea", "router.dead"}
    assert not any("dea" in queue.name.split(".") for queue in shared.queues)
    assert set(apart.users) == {"dea"}


def test_the_import_file_has_everything_once_and_no_password(topology: Topology) -> None:
    exported = definitions(topology, coordinator_password_hash=HASH)
    text = json.dumps(exported)
    assert json.loads(text) == exported
    assert {row["name"] for row in json.loads(text)["users"]} == {"coordinator", *topology.users}
    assert 'password"' not in text
    for rows in ("permissions", "exchanges", "queues", "bindings", "policies"):
        assert {row["vhost"] for row in json.loads(text)[rows]} == {"coordination"}


def test_a_password_hash_is_what_rabbitmq_documents() -> None:
    # rabbitmq.com/docs/passwords: "test12" with the salt 908DC60A
    assert password_hash("test12", bytes.fromhex("908DC60A")) == "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
    with pytest.raises(ValueError, match="4 bytes"):
        password_hash("test12", b"long salt")


@given(st.text(), st.binary(min_size=4, max_size=4))
def test_a_password_can_be_told_by_its_hash(password: str, salt: bytes) -> None:
    plain = base64.b64decode(password_hash(password, salt))
    assert plain[:4] == salt
    assert plain[4:] == hashlib.sha256(salt + password.encode()).digest()
