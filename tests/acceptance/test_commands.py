"""The other commands as processes: what they print, what they exit with, and what they say when it cannot be done."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pika  # type: ignore[import-untyped]  # brings no types
import pytest

from coordinator.amqp.node import PrivateNode
from tests import kit
from tests.acceptance.commands import COORDINATOR, GUARD_S, Done, Served, environment, fresh_vhost, run, serve
from tests.acceptance.partners import PikaSystem
from tests.installation import PASSWORD, Installation, install
from tests.integration.traffic import agreements, id_of, notice

DIRECTORY = kit.directory_toml().replace('id = "atf"\n', 'id = "atf"\nrequire_user_id = false\n')


def refused(done: Done, *words: str) -> None:
    """It could not be done: exit 2, nothing on stdout, and one line that says why."""
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("coordinator: ")
    for word in words:
        assert word in done.stderr


# without a broker


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `init` makes it."""
    folder = tmp_path_factory.mktemp("made") / "here"
    done = run("init", folder, "--origin", "coordination.test/made")
    assert (done.returncode, done.stdout) == (0, "")
    passwords = ("directory password-hash", "COORDINATOR_AMQP__URL=", "--secrets DIR")
    for step in (*passwords, "directory check", "topology definitions", "migrate", "doctor", "serve"):
        assert step in done.stderr
    return folder


def with_config(made: Path, *arguments: str, **env: str) -> Done:
    return run(*arguments, "--config", made / "coordinator.toml", env=env)


def changed(made: Path, folder: Path, old: str, new: str) -> Path:
    """Another folder, with another configuration."""
    for file in made.iterdir():
        if file.is_file():
            (folder / file.name).write_bytes(file.read_bytes())
    config = folder / "coordinator.toml"
    assert old in config.read_text()
    config.write_text(config.read_text().replace(old, new))
    return folder


def test_init_makes_what_is_good_keeps_the_key_private_and_overwrites_nothing(made: Path) -> None:
    checked = with_config(made, "config", "check")
    assert (checked.returncode, checked.stdout) == (0, "")
    assert "4 agencies" in checked.stderr
    assert (made / "journal.key").stat().st_mode & 0o077 == 0
    before = {file.name: file.read_bytes() for file in made.iterdir()}
    refused(run("init", made), "coordinator.toml", "nothing was written")
    assert {file.name: file.read_bytes() for file in made.iterdir()} == before


def test_init_says_in_one_line_where_it_cannot_write(made: Path, tmp_path: Path) -> None:
    assert made.stat().st_mode & 0o077 == 0
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file/below", Path("/proc/nothing")):
        refused(run("init", place), str(place), "nothing was written")


def test_without_a_configuration_every_command_that_needs_one_says_how_to_name_it(tmp_path: Path) -> None:
    needing = ("serve", "migrate", "doctor", "send - --as mshp", "feed --as mshp", "dead list", "config show")
    for command in needing:
        refused(run(*command.split(), cwd=tmp_path), "there is no coordinator.toml here", "--config FILE")
    assert not list(tmp_path.iterdir())


def test_what_is_empty_is_said_in_words(made: Path, tmp_path: Path) -> None:
    folder = changed(made, tmp_path, "port = 8080", "port = 0")
    assert with_config(folder, "migrate").returncode == 0
    listed, replayed = with_config(folder, "dead", "list"), with_config(folder, "dead", "replay", "--all")
    assert (listed.returncode, listed.stdout, listed.stderr.count("\n")) == (0, "", 1)
    assert "nothing was set aside" in listed.stderr
    assert (replayed.returncode, replayed.stdout) == (0, "")
    assert "nothing waits" in replayed.stderr
    assert with_config(folder, "dead", "list", "--json").stdout == "[]\n"


def test_config_show_says_where_each_value_comes_from_and_no_secret(made: Path, tmp_path: Path) -> None:
    (tmp_path / "amqp__accounts__dea").write_text("secret-fictional")
    url = "amqp://coordinator:secret-fictional@127.0.0.1:9/v"
    show = ("config", "show", "--secrets", str(tmp_path))
    plain, shown = (with_config(made, *show, *more, COORDINATOR_AMQP__URL=url) for more in ((), ("--json",)))
    for each in (plain, shown):
        assert each.returncode == 0
        assert "secret-fictional" not in each.stdout + each.stderr
    rows = {row["key"]: row for row in json.loads(shown.stdout)}
    assert (rows["amqp.url"]["value"], rows["amqp.url"]["from"]) == ("(secret)", "environment COORDINATOR_AMQP__URL")
    assert (rows["amqp.accounts"]["value"], rows["amqp.accounts"]["from"]) == ("(1 secret)", f"secret in {tmp_path}")
    assert rows["log.level"]["from"].endswith("coordinator.toml")
    assert (rows["amqp.management_url"]["value"], rows["amqp.management_url"]["from"]) == ("None", "default")


def test_what_is_wrong_with_the_configuration_is_one_line(made: Path, tmp_path: Path) -> None:
    wrong = changed(made, tmp_path, 'level = "info"', 'levle = "info"')
    for command in (("config", "check"), ("serve",), ("doctor",)):
        refused(with_config(wrong, *command), "log.levle")
    refused(run("config", "check", "--config", tmp_path / "none.toml"), "coordinator init")
    (tmp_path / "journal.key").unlink()
    refused(
        with_config(
            changed(made, tmp_path, "port = 8080", "port = 0"), "config", "check", COORDINATOR_JOURNAL__KEY="x"
        ),
        "[journal] key",
    )
    other = {"COORDINATOR_DOMAIN__ORIGIN": "coordination.test/other"}
    refused(with_config(made, "config", "check", **other), "coordination.test/made", "coordination.test/other")


def test_a_traceback_is_shown_only_when_asked_for(made: Path) -> None:
    for command in (("config", "check"), ("migrate",), ("feed", "--as", "mshp"), ("dead", "list"), ("serve",)):
        wrong = {"COORDINATOR_STORE__URL": "sqlite:///none/here.db", "COORDINATOR_DIRECTORY__PATH": "none.toml"}
        refused(with_config(made, *command, **wrong))
        shown = with_config(made, *command, "--debug", **wrong)
        assert (shown.returncode, shown.stdout) == (1, "")
        assert "Traceback" in shown.stderr


def test_migrate_makes_the_store_and_may_be_repeated(made: Path, tmp_path: Path) -> None:
    folder = changed(made, tmp_path, "port = 8080", "port = 0")
    first, second = (with_config(folder, "migrate") for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0)
    assert f"the store {folder / 'coordinator.db'} is at" in first.stderr
    assert "it was empty" in first.stderr
    assert "it was" not in second.stderr
    refused(with_config(folder, "migrate", COORDINATOR_STORE__URL="sqlite:///none/here.db"), "[store] url")
    refused(with_config(folder, "migrate", COORDINATOR_STORE__URL="mysql://here"), "store.url", "sqlite:///FILE")


def test_doctor_names_every_fault_and_what_mends_it(made: Path, tmp_path: Path) -> None:
    folder = changed(made, tmp_path, 'publish_dir = "journal"', 'publish_dir = "journal.vkey/journal"')
    directory = folder / "directory.toml"
    directory.write_text(directory.read_text().replace('kind = "federal"', 'kind = "national"', 1))
    (folder / "journal.key").unlink()
    found = with_config(folder, "doctor", "--json", COORDINATOR_AMQP__URL="amqp://coordinator:secret@127.0.0.1:9/v")
    assert found.returncode == 1
    assert "secret" not in found.stdout + found.stderr
    checks = {each["what"]: each for each in json.loads(found.stdout)}
    assert not any(each["good"] for each in checks.values())
    assert not (folder / "coordinator.db").exists()
    for what, mend in {
        "directory": "directory.toml:98: agency[hsi].kind",
        "journal key": "coordinator init",
        "published journal": "[journal] publish_dir",
        "store": "coordinator migrate",
    }.items():
        assert mend in checks[what]["words"]


def test_feed_refuses_a_type_that_nobody_would_ever_be_told(made: Path) -> None:
    feed = ("feed", "--as", "mshp", "--types")
    refused(with_config(made, *feed, "deconfliction.alerts"), "did you mean deconfliction.alert?")
    refused(with_config(made, *feed, "x"), "operation.notice, ", "situation.alert")


def test_schemas_are_held_against_the_models(tmp_path: Path) -> None:
    folder = tmp_path / "schemas"
    assert run("schemas", "write", folder).returncode == 0
    assert run("schemas", "check", folder).returncode == 0
    altered = next(folder.rglob("*.json"))
    altered.write_text("{}")
    drifted = run("schemas", "check", folder)
    assert drifted.returncode == 1
    assert altered.name in drifted.stdout
    refused(run("schemas", "check", cwd=tmp_path / "schemas"), "there is no contract in schemas", "schemas write")


def test_a_port_that_is_taken_is_said_in_one_line(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("serve", installation=installation, env={"COORDINATOR_HTTP__PORT": port})
    assert done.returncode == 2
    assert f"coordinator: [http] cannot listen on 127.0.0.1:{port}" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


# with a broker and a service


@pytest.fixture(scope="module")
async def installation(broker: PrivateNode, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    async with fresh_vhost(broker) as vhost:
        yield await install(tmp_path_factory.mktemp("commands"), vhost, DIRECTORY)


@pytest.fixture(scope="module")
def served(installation: Installation) -> Iterator[Served]:
    with serve(installation) as running:
        words = agreements()
        for agency in kit.AGENCIES:
            with PikaSystem(installation.url(agency), agency) as system:
                for word in words:
                    if word.agency == agency:
                        system.publish(word.body)
        running.said(len(words), event="message", type="agreement.status", verdict="accepted")
        yield running


def send(installation: Installation, body: bytes, *more: str, speaker: str = "mshp") -> Done:
    return run("send", "-", "--as", speaker, *more, installation=installation, stdin=body.decode())


def test_doctor_and_topology_check_find_a_sound_broker_and_name_what_is_missing(installation: Installation) -> None:
    sound = run("doctor", installation=installation)
    assert (sound.returncode, "WRONG" in sound.stdout) == (0, False)
    assert run("topology", "check", installation=installation).returncode == 0
    with closing(pika.BlockingConnection(pika.URLParameters(installation.vhost.url))) as connection:
        channel = connection.channel()
        channel.queue_delete("out.usms")
        checked, examined = (run(*each, installation=installation) for each in (("topology", "check"), ("doctor",)))
        channel.queue_declare("out.usms", durable=True, arguments={"x-queue-type": "quorum"})
    assert (checked.returncode, examined.returncode) == (1, 1)
    for said in (checked.stdout, examined.stdout):
        assert "out.usms is missing" in said
        assert "coordinator topology apply" in said
    assert PASSWORD not in checked.stdout + checked.stderr + examined.stdout + examined.stderr


def test_no_broker_a_wrong_vhost_and_a_wrong_password_are_told_apart(installation: Installation) -> None:
    node, vhost = installation.vhost.node, installation.vhost.name
    for address, words in (
        ("amqp://coordinator:fictional@127.0.0.1:9/v", "no broker at 127.0.0.1:9"),
        (node.url_for("coordinator", "fictional", vhost), "refused the account coordinator"),
        (node.url_for("coordinator", PASSWORD, "nowhere"), "refused vhost nowhere"),
    ):
        env = {"COORDINATOR_AMQP__URL": address}
        refused(run("topology", "check", installation=installation, env=env), words)
        refused(run("serve", installation=installation, env=env), words)
        assert words in run("doctor", installation=installation, env=env).stdout
    wrong = {"COORDINATOR_AMQP__ACCOUNTS__mshp": "fictional"}
    done = run("send", "-", "--as", "mshp", installation=installation, env=wrong, stdin=notice("mshp", []).decode())
    refused(done, "refused the account mshp", "COORDINATOR_AMQP__ACCOUNTS", "directory.toml")


def test_without_a_service_there_is_no_verdict_and_no_certainty(installation: Installation, tmp_path: Path) -> None:
    if (installation.folder / "serve.log").exists():
        pytest.skip("the service runs already")
    sent = notice("mshp", ["dea"])
    (tmp_path / "sent.json").write_bytes(sent)
    done = run("send", tmp_path / "sent.json", "--as", "mshp", "--patience", "0.2", installation=installation)
    refused(done, id_of(sent), "coordinator serve")
    refused(send(installation, b"[]"), "not one JSON object")
    refused(send(installation, sent, speaker="mshp/nothing"), "mshp", "nothing")
    refused(send(installation, sent, speaker="nobody"), "nobody")
    refused(run("send", tmp_path / "none.json", "--as", "mshp", installation=installation), "none.json")


@pytest.mark.usefixtures("served")
def test_send_prints_the_receipt_and_exits_by_the_verdict(installation: Installation) -> None:
    whole = notice("mshp", ["dea"])
    short = {key: value for key, value in json.loads(notice("mshp", ["dea"])).items() if key in {"type", "data"}}
    accepted, again = send(installation, whole), send(installation, whole)
    assert (accepted.returncode, accepted.stderr) == (0, "")
    assert again.stdout == accepted.stdout
    receipt = json.loads(accepted.stdout)
    assert receipt["type"] == "gov.mo.coordination.message.accepted.v1"
    assert receipt["data"]["target"] == {"agency": "mshp", "id": id_of(whole)}
    filled = send(installation, json.dumps(short).encode(), speaker="mshp/desk")
    assert filled.returncode == 0, filled
    other = {**json.loads(whole), "subject": None}
    del other["subject"]
    other["data"]["name"] = "GREY HERON"
    reused = send(installation, json.dumps(other).encode())
    assert (reused.returncode, json.loads(reused.stdout)["data"]["code"]) == (1, "id_reused")
    unread = send(installation, whole.replace(b'"id":', b'"id": 7, "id":', 1))
    assert (unread.returncode, json.loads(unread.stdout)["data"]["code"]) == (1, "duplicate_key")


@pytest.mark.usefixtures("served")
def test_feed_prints_what_an_agency_was_told_and_follows_it(installation: Installation) -> None:
    everything = [
        json.loads(line) for line in run("feed", "--as", "hsi", installation=installation).stdout.splitlines()
    ]
    last = everything[-1]["sequence"]
    assert [each["sequence"] for each in everything] == list(range(1, last + 1))
    assert set(everything[0]) == {"sequence", "recordedtime", "event"}
    rest = run("feed", "--as", "hsi", "--since", str(last - 1), installation=installation).stdout.splitlines()
    assert [json.loads(line) for line in rest] == everything[-1:]
    assert run("feed", "--as", "hsi", "--since", "latest", installation=installation).stdout == ""
    refused(run("feed", "--as", "hsi", "--since", "yesterday", installation=installation), "yesterday")
    refused(run("feed", "--as", "nobody", installation=installation), "nobody")

    command = [COORDINATOR, "feed", "--as", "hsi", "--since", "latest", "--types", "operation.notice", "--follow"]
    following = subprocess.Popen(
        [*command, "--config", str(installation.config)], env=environment(), stdout=subprocess.PIPE, text=True
    )
    with following:
        assert following.stdout is not None
        told = None
        sent = []
        try:
            # What it follows from is read when it has started; until then nothing that is sent is new to it.
            os.set_blocking(following.stdout.fileno(), False)
            while told is None:
                sent.append(notice("mshp", ["hsi"]))
                assert send(installation, sent[-1]).returncode == 0
                told = following.stdout.readline() or None
        finally:
            following.send_signal(signal.SIGINT)
        assert following.wait(GUARD_S) == 0
    assert json.loads(told)["event"] in [json.loads(each) for each in sent]


def bury(installation: Installation, agency: str, body: bytes) -> None:
    """What the broker does with a message that was given back too often."""
    death = {"queue": f"router.in.{agency}", "reason": "delivery_limit", "count": 1}
    with closing(pika.BlockingConnection(pika.URLParameters(installation.vhost.url))) as connection:
        properties = pika.BasicProperties(
            content_type="application/cloudevents+json", delivery_mode=2, headers={"x-death": [death]}
        )
        connection.channel().basic_publish("router.dead", "", body, properties)


def dead(installation: Installation) -> list[kit.Json]:
    rows: list[kit.Json] = json.loads(run("dead", "list", "--json", installation=installation).stdout)
    return rows


def test_what_was_set_aside_is_listed_shown_and_replayed_as_it_was_proven(
    served: Served, installation: Installation
) -> None:
    good, unproven = notice("atf", ["usms"]), notice("hsi", ["usms"])
    bury(installation, "atf", good)
    bury(installation, "hsi", unproven)
    served.said(2, event="dead_letter")
    while len(rows := {row["agency"]: row for row in dead(installation)}) < 2:
        pass
    assert (rows["atf"]["kind"], rows["atf"]["reason"], rows["atf"]["state"]) == ("message", "dead_lettered", "waiting")
    table = run("dead", "list", installation=installation)
    assert all(word in table.stdout for word in (rows["atf"]["id"], rows["hsi"]["id"], "dead_lettered"))
    assert "2 messages, 0 deliveries" in table.stderr
    shown = json.loads(run("dead", "show", rows["atf"]["id"], installation=installation).stdout)
    assert shown["body"].encode() == good
    replayed = run("dead", "replay", rows["atf"]["id"], installation=installation)
    assert (replayed.returncode, json.loads(replayed.stdout)["verdict"]) == (0, "accepted")
    again = run("dead", "replay", rows["atf"]["id"], installation=installation)
    assert (again.returncode, json.loads(again.stdout)["verdict"]) == (0, "duplicate")
    rest = run("dead", "replay", "--all", installation=installation)
    assert (rest.returncode, json.loads(rest.stdout)) == (1, {"id": rows["hsi"]["id"], "verdict": "refused"})
    assert {row["state"] for row in dead(installation)} == {"replayed"}
    assert id_of(good) in run("feed", "--as", "usms", installation=installation).stdout
    refused(run("dead", "show", "nothing", installation=installation), "coordinator dead list")
    refused(run("dead", "replay", installation=installation), "--all")


@pytest.mark.usefixtures("served")
def test_a_parked_delivery_is_listed_shown_and_owed_again(installation: Installation) -> None:
    sent = notice("mshp", ["dea"])
    assert send(installation, sent).returncode == 0
    with PikaSystem(installation.url("dea"), "dea") as dea:
        first = dea.wait(operation_id=json.loads(sent)["data"]["operation_id"])
    with closing(sqlite3.connect(installation.folder / "coordinator.db", timeout=GUARD_S)) as store:
        # As it would stand after the last attempt of a quarter of an hour; the relay has to be done with it first.
        park = "UPDATE dispatches SET state = 'parked', attempts = 20 WHERE id = ? AND state = 'confirmed'"
        while not store.execute(park, (first.properties.message_id,)).rowcount:
            store.rollback()
        store.commit()
    (row,) = [each for each in dead(installation) if each["kind"] == "delivery"]
    assert (row["id"], row["reason"]) == (first.properties.message_id, "20 attempts at out.dea")
    shown = json.loads(run("dead", "show", row["id"], installation=installation).stdout)
    assert shown["body"].encode() == sent
    replayed = run("dead", "replay", row["id"], installation=installation)
    assert (replayed.returncode, json.loads(replayed.stdout)["verdict"]) == (0, "owed")
    with PikaSystem(installation.url("dea"), "dea") as dea:
        again = dea.wait(operation_id=json.loads(sent)["data"]["operation_id"])
    assert (again.properties.message_id, again.body) == (first.properties.message_id, sent)
