"""What is judged wrong about a broker, from what was found of it."""

from collections.abc import Mapping
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.amqp.dead_letters import DeadLettering, cycles, dead_lettering
from coordinator.amqp.findings import (
    APPLY,
    Finding,
    Severity,
    error,
    in_one_line,
    refuse_errors,
    set_permissions,
    set_policy,
    warning,
)
from coordinator.amqp.judge_declared import judge_arguments, judge_exchange, judge_queue
from coordinator.amqp.judge_limits import effective, judge_limits, matches
from coordinator.amqp.judge_rights import judge_rights
from coordinator.amqp.management import FoundPermission, FoundPolicy, FoundUser, Snapshot
from coordinator.amqp.probe import Hidden, Missing, Present
from coordinator.amqp.topology import Binding, Policy, Topology, plan_topology
from coordinator.directory.counties import load_counties
from coordinator.directory.reader import read_directory
from coordinator.directory.writer import example
from coordinator.model.directory import Directory
from coordinator.model.errors import ConfigurationError

INGRESS: Final = "router.in.mshp"


@pytest.fixture(scope="module")
def topology() -> Topology:
    directory = read_directory(example(), counties=load_counties().names)
    assert isinstance(directory, Directory)
    return plan_topology(directory)


# --- queues and exchanges ---------------------------------------------------------------------------------------------


def test_a_queue_as_it_must_be_is_nothing_to_speak_of(topology: Topology) -> None:
    for queue in topology.queues:
        assert [*judge_queue(queue, Present(queue.arguments), topology)] == []


@pytest.mark.parametrize(("most", "fine"), [(1, True), (2**40, True), (0, False), (-1, False), (None, False)])
def test_how_much_a_queue_holds_is_the_operators_choice_but_there_must_be_a_maximum(
    topology: Topology,
    most: int | None,
    fine: bool,  # noqa: FBT001 - a case of the table
) -> None:
    queue = topology.queue(INGRESS)
    found = {**queue.arguments, "x-max-length-bytes": most}
    assert ([*judge_arguments(queue, found)] == []) is fine


@pytest.mark.parametrize(
    ("limit", "severity"),
    [(None, "error"), (-1, "error"), (0, "error"), (1, "warning"), (19, "warning"), (20, None), (10**9, None)],
)
def test_a_delivery_limit_is_refused_or_warned_of(topology: Topology, limit: int | None, severity: str | None) -> None:
    queue = topology.queue(INGRESS)
    found = [
        finding.severity.value for finding in judge_arguments(queue, {**queue.arguments, "x-delivery-limit": limit})
    ]
    assert found == ([] if severity is None else [severity])


def test_what_is_missing_or_hidden_is_named_with_the_command_that_mends_it(topology: Topology) -> None:
    queue = topology.queue(INGRESS)
    assert [one.mend for one in judge_queue(queue, Missing(), topology)] == [APPLY]
    (refused,) = judge_queue(queue, Hidden("ACCESS_REFUSED - access to queue"), topology)
    assert refused.severity is Severity.ERROR
    assert refused.mend.startswith("rabbitmqctl set_permissions -p coordination coordinator ")
    (unseen,) = judge_queue(topology.queue("out.dps"), Hidden("ACCESS_REFUSED - access to queue"), topology)
    assert unseen.severity is Severity.UNVERIFIED
    (exchange,) = judge_exchange(topology.exchanges[0], Present({"type": "direct"}), topology)
    assert exchange.what == "exchange in.dea is not a durable fanout exchange but has type direct"


def test_errors_refuse_a_start_with_every_command_and_the_rest_does_not() -> None:
    refuse_errors([warning("w", "look"), Finding(Severity.UNVERIFIED, "u", "look")])
    with pytest.raises(ConfigurationError, match=r"queue a is missing \(mend: one\); queue b is missing \(mend: two\)"):
        refuse_errors([error("queue a is missing", "one"), warning("w", "x"), error("queue b is missing", "two")])


def test_many_errors_with_one_mend_are_one_line_that_names_the_first() -> None:
    missing = [error(f"queue {name} is missing", "make them") for name in "abcde"]
    said = in_one_line([*missing, error("user x is missing", "make it")])
    assert said == (
        "queue a is missing, queue b is missing, queue c is missing and 2 more, see `coordinator topology check`"
        " (mend: make them); user x is missing (mend: make it)"
    )


def test_commands_can_be_pasted_into_a_shell(topology: Topology) -> None:
    permission = topology.permissions[1]
    assert set_permissions("a b", permission) == (
        r"rabbitmqctl set_permissions -p 'a b' dea '^\z' '^in\.dea\z' '^(out|alert)\.dea\z'"
    )
    policy = Policy("one", "^out", {"overflow": "reject-publish"})
    assert set_policy("v", policy) == (
        "rabbitmqctl set_policy -p v --priority 10 --apply-to queues one '^out' '{\"overflow\":\"reject-publish\"}'"
    )


# --- dead letters -----------------------------------------------------------------------------------------------------


def test_the_topology_has_no_circle_of_dead_letters(topology: Topology) -> None:
    letters = {queue.name: dead_lettering(queue.arguments) for queue in topology.queues}
    known = {name: one for name, one in letters.items() if one is not None}
    assert set(known) == {f"router.in.{agency}" for agency in ("dea", "dps", "hsi", "mshp")}
    assert cycles(known, topology.bindings) == ()


@pytest.mark.parametrize(
    ("letters", "bindings", "expected"),
    [
        ({"a": ("x", None)}, [("x", "a")], [("a",)]),
        ({"a": ("x", None)}, [("x", "b")], []),
        ({"b": ("x", None), "a": ("y", None)}, [("x", "a"), ("y", "b"), ("y", "c")], [("a", "b")]),
        ({"a": ("", "a")}, [], [("a",)]),
        ({"a": ("", "b"), "b": ("", "c"), "c": ("", "a")}, [], [("a", "b", "c")]),
        ({"a": ("", None)}, [], [("a",)]),
        ({"a": ("x", None), "b": ("x", None)}, [("x", "a"), ("x", "b")], [("a",), ("a", "b"), ("b",)]),
    ],
)
def test_circles_are_found_through_exchanges_and_keys(
    letters: Mapping[str, tuple[str, str | None]], bindings: list[tuple[str, str]], expected: list[tuple[str, ...]]
) -> None:
    known = {name: DeadLettering(*one) for name, one in letters.items()}
    assert list(cycles(known, [Binding(*one) for one in bindings])) == expected


@given(st.dictionaries(st.sampled_from("abcde"), st.sampled_from("abcde")))
def test_there_is_a_circle_exactly_when_following_the_letters_never_ends(onward: dict[str, str]) -> None:
    def comes_back(queue: str) -> bool:
        at = queue
        for _ in range(6):
            at = onward.get(at, "")
            if at == queue:
                return True
        return False

    found = cycles({queue: DeadLettering("", to) for queue, to in onward.items()}, [])
    assert {queue for circle in found for queue in circle} == {queue for queue in onward if comes_back(queue)}


# --- limits and rights ------------------------------------------------------------------------------------------------


def policy(
    name: str, pattern: str, definition: Mapping[str, object], priority: int = 0, to: str = "queues"
) -> FoundPolicy:
    return FoundPolicy.model_validate(
        {"name": name, "pattern": pattern, "apply-to": to, "priority": priority, "definition": definition}
    )


def snapshot(topology: Topology, *more: FoundPolicy, operator: tuple[FoundPolicy, ...] = ()) -> Snapshot:
    """Return a broker as it must be, but for what is given."""
    ours = tuple(policy(one.name, one.pattern, one.definition, one.priority) for one in topology.policies)
    users = {**topology.users, topology.coordinator: "anything"}
    return Snapshot(
        exchanges={},
        queues={},
        bindings=(),
        users={name: FoundUser(name=name, password_hash=hashed) for name, hashed in users.items()},
        permissions={
            one.user: FoundPermission(user=one.user, configure=one.configure, write=one.write, read=one.read)
            for one in topology.permissions
        },
        policies=(*ours, *more),
        operator_policies=operator,
    )


def test_a_broker_as_it_must_be_has_no_finding(topology: Topology) -> None:
    assert [*judge_limits(topology, snapshot(topology))] == []
    assert [*judge_rights(topology, snapshot(topology))] == []


def test_another_policy_that_wins_is_judged_in_place_of_ours(topology: Topology) -> None:
    bigger = policy(
        "bigger", "^out", {"max-length-bytes": 10**9, "overflow": "reject-publish", "delivery-limit": 99}, 50
    )
    assert [*judge_limits(topology, snapshot(topology, bigger))] == []
    endless = policy("endless", r"^out\.dps", {"overflow": "drop-head", "delivery-limit": 3}, 50)
    found = [*judge_limits(topology, snapshot(topology, endless))]
    assert all(finding.what.startswith("out.dps: ") for finding in found)
    assert [finding.severity.value for finding in found] == ["error", "error", "warning"]


def test_queues_with_the_same_fault_stand_in_one_finding(topology: Topology) -> None:
    bare = policy("bare", "", {}, 99, to="all")
    found = [*judge_limits(topology, snapshot(topology, bare))]
    assert [finding.what.split(": ")[0] for finding in found] == [
        f"{lane}.dea, {lane}.dps, {lane}.hsi and 1 more" for lane in ("out",) * 3 + ("alert",) * 3
    ]


@pytest.mark.parametrize("key", ["message-ttl", "expires"])
def test_a_policy_that_makes_the_broker_throw_messages_away_is_an_error_on_any_queue(
    topology: Topology, key: str
) -> None:
    losing = policy("losing", r"^router\.in\.mshp", {key: 1000})
    found = [*judge_limits(topology, snapshot(topology, losing))]
    assert [(finding.severity.value, finding.what.split(":")[0]) for finding in found] == [("error", INGRESS)]
    operators = snapshot(topology, operator=(losing,))
    assert len([*judge_limits(topology, operators)]) == 1


def test_an_operators_policy_caps_and_adds(topology: Topology) -> None:
    cap = policy("cap", "^out", {"max-length-bytes": 5, "expires": 9})
    limits = effective("out.dps", snapshot(topology, operator=(cap,)))
    assert limits["max-length-bytes"] == 5
    assert limits["expires"] == 9
    assert limits["overflow"] == "reject-publish"


def test_patterns_are_matched_as_rabbitmq_does() -> None:
    assert matches(r"^out\.[a-z]+\z", "out.dps")
    assert not matches(r"^out\.[a-z]+\z", "out.dps-2")
    assert matches("dps", "out.dps")
    assert matches(r"(?|unreadable(", "out.dps")


def test_rights_wider_or_narrower_than_they_must_be_are_found(topology: Topology) -> None:
    broker = snapshot(topology)
    wide = FoundPermission(user="hsi", configure="", write=".*", read=r"^(out|alert)\.hsi\z")
    changed = Snapshot(
        exchanges={},
        queues={},
        bindings=(),
        users={
            **broker.users,
            "dps": FoundUser(name="dps", password_hash=topology.users["dps"], tags=["administrator"]),
        },
        permissions={**broker.permissions, "hsi": wide},
        policies=broker.policies,
        operator_policies=(),
    )
    assert [finding.what for finding in judge_rights(topology, changed)] == [
        "user dps is an administrator, whom no permission binds",
        r"user hsi may configure nothing and must be held to ^\z",
        r"user hsi may write .* and must be held to ^in\.hsi\z",
    ]
