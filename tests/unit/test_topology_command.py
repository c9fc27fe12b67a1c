"""`coordinator topology` as far as it needs no broker."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from coordinator.cli.topology import app
from coordinator.directory.writer import example

COORDINATOR_URL = "amqp://coordinator:a%20secret@127.0.0.1:9/coordination"


@pytest.fixture
def directory(tmp_path: Path) -> str:
    file = tmp_path / "directory.toml"
    file.write_text(example(), encoding="utf-8")
    return str(file)


def test_show_names_what_the_broker_must_hold(directory: str) -> None:
    shown = CliRunner().invoke(app, ["show", "--directory", directory])
    assert shown.exit_code == 0
    assert "exchange in.mshp (fanout) -> queue router.in.mshp" in shown.stdout
    assert r"user mshp-cad: configure ^\z  write ^in\.mshp\z  read ^(out|alert)\.mshp\z" in shown.stdout
    as_json = CliRunner().invoke(app, ["show", "--directory", directory, "--vhost", "other", "--json"])
    fields = json.loads(as_json.stdout)
    assert fields["vhost"] == "other"
    assert fields["queues"]["out.mshp"] == {"x-queue-type": "quorum"}
    assert "hash" not in as_json.stdout


def test_definitions_are_printed_with_hashes_and_never_a_password(directory: str) -> None:
    printed = CliRunner().invoke(app, ["definitions", "--directory", directory, "--url", COORDINATOR_URL])
    assert printed.exit_code == 0
    exported = json.loads(printed.stdout)
    assert [user["name"] for user in exported["users"]] == ["coordinator", "dea", "dps", "hsi", "mshp-cad", "mshp-desk"]
    assert "secret" not in printed.output


def test_definitions_without_the_coordinators_password_say_how_to_give_it(directory: str) -> None:
    refused = CliRunner().invoke(app, ["definitions", "--directory", directory], env={"COORDINATOR_AMQP__URL": ""})
    assert refused.exit_code == 2
    assert refused.stdout == ""
    assert "--coordinator-password-hash" in refused.stderr


def test_a_directory_with_mistakes_is_refused_with_the_first_and_the_command_that_names_all(tmp_path: Path) -> None:
    file = tmp_path / "directory.toml"
    file.write_text(example().replace('kind = "federal"', 'kind = "national"'), encoding="utf-8")
    refused = CliRunner().invoke(app, ["show", "--directory", str(file)])
    assert refused.exit_code == 2
    assert refused.stderr.startswith(f"coordinator: {file}:98: agency[hsi].kind: unknown word")
    assert "coordinator directory check" in refused.stderr


def test_a_directory_that_is_not_there_is_exit_2_and_the_next_command(tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["show", "--directory", str(tmp_path / "none.toml")])
    assert refused.exit_code == 2
    assert "No such file or directory; `coordinator init DIR` writes one" in refused.stderr


def test_a_broker_that_cannot_be_reached_is_exit_2_and_one_line(directory: str) -> None:
    for command in ("check", "apply"):
        refused = CliRunner().invoke(app, [command, "--directory", directory, "--url", COORDINATOR_URL])
        assert refused.exit_code == 2
        assert refused.stderr.count("\n") == 1
        assert "no broker at 127.0.0.1:9" in refused.stderr
        assert "secret" not in refused.output


def test_another_vhost_than_the_addresses_can_be_named(directory: str) -> None:
    where = ["--directory", directory, "--url", COORDINATOR_URL, "--vhost", "a/b c"]
    printed = CliRunner().invoke(app, ["definitions", *where])
    assert json.loads(printed.stdout)["vhosts"] == [{"name": "a/b c"}]


def test_an_agency_with_a_vhost_of_its_own_is_pointed_out(tmp_path: Path) -> None:
    file = tmp_path / "directory.toml"
    file.write_text(example().replace('id = "dea"', 'id = "dea"\nvhost = "apart"'), encoding="utf-8")
    shown = CliRunner().invoke(app, ["show", "--directory", str(file)])
    assert "dea has a vhost of its own: run this again with --vhost apart" in shown.stderr
    assert "in.dea" not in shown.stdout
