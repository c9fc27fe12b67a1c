"""The configuration: what counts more, what is refused, and where relative paths begin."""

import re
from pathlib import Path

import pytest

from coordinator.model.errors import ConfigurationError
from coordinator.settings import Settings, load


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without settings of the machine's own."""
    import os  # noqa: PLC0415  # to look at what is there, in this one place

    for name in list(os.environ):
        if name.upper().startswith("COORDINATOR_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def written(folder: Path, text: str) -> Path:
    file = folder / "coordinator.toml"
    file.write_text(text, encoding="utf-8")
    return file


def secret(folder: Path, **files: str) -> Path:
    where = folder / "secrets"
    where.mkdir()
    for name, content in files.items():
        (where / name).write_text(content)
    return where


def url(settings: Settings) -> str:
    return settings.amqp.url.get_secret_value()


def test_a_secret_counts_more_than_the_environment_and_that_more_than_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = written(tmp_path, '[amqp]\nurl = "amqp://file/v"\nheartbeat_s = 7\n')
    assert url(load(file)) == "amqp://file/v"
    monkeypatch.setenv("COORDINATOR_AMQP__URL", "amqp://environment/v")
    assert url(load(file)) == "amqp://environment/v"
    found = load(file, secret(tmp_path, amqp__url="amqp://secret/v\n"))
    assert (url(found), found.amqp.heartbeat_s) == ("amqp://secret/v", 7)


def test_accounts_are_given_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COORDINATOR_AMQP__ACCOUNTS__mshp", "one-fictional")
    monkeypatch.setenv("COORDINATOR_AMQP__ACCOUNTS__stl-pd", "two-fictional")
    found = load(written(tmp_path, ""), secret(tmp_path, amqp__accounts__dea="three-fictional"))
    accounts = {user: password.get_secret_value() for user, password in found.amqp.accounts.items()}
    assert accounts == {"mshp": "one-fictional", "stl-pd": "two-fictional", "dea": "three-fictional"}


def test_without_a_file_everything_has_a_default(tmp_path: Path) -> None:
    found = load()
    assert (found.domain.id, found.journal.checkpoint_interval_s) == ("missouri", 1.0)
    assert found.store.url == f"sqlite:///{tmp_path.resolve()}/coordinator.db"


def test_relative_paths_begin_at_the_file_wherever_the_command_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, elsewhere = tmp_path / "installed", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    file = written(folder, '[store]\nurl = "sqlite:///s.db"\n[journal]\nkey = "/run/keys/journal.key"\n')
    monkeypatch.chdir(elsewhere)
    found = load(file)
    assert found.store.url == f"sqlite:///{folder.resolve()}/s.db"
    assert found.directory.path == folder.resolve() / "directory.toml"
    assert found.journal.publish_dir == folder.resolve() / "journal"
    assert found.journal.key == Path("/run/keys/journal.key")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[domain]\nidd = "x"\n', "domain.idd"),
        ("[nonsense]\nx = 1\n", "nonsense"),
        ("[amqp]\nheartbeat_s = 0\n", "amqp.heartbeat_s"),
        ("[http]\nport = 65536\n", "http.port"),
        ('[domain]\nid = "Missouri State"\n', "domain.id"),
        ('[domain]\norigin = "two words"\n', "domain.origin"),
        ("[journal]\ncheckpoint_interval_s = nan\n", "journal.checkpoint_interval_s"),
        ('[log]\nlevel = "loud"\n', "log.level"),
        ("[domain\n", "cannot be read"),
        ("\udc80", "cannot be read"),
        ('[amqp]\nurll = "x"\n', "amqp.urll .*coordinator.toml.*no such setting, did you mean url?"),
        ("[ampq]\nx = 1\n", "ampq .*coordinator.toml.*did you mean amqp?"),
        ('[store]\nurl = "sqlite://coordinator.db"\n', "store.url .*must be sqlite:///FILE"),
        ('[store]\nurl = "sqlite:///"\n', "store.url .*must be sqlite:///FILE"),
        ('[store]\nurl = "sqlite:///:memory:"\n', "store.url .*must be sqlite:///FILE"),
    ],
)
def test_a_mistake_is_refused_by_its_key(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "coordinator.toml"
    file.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ConfigurationError, match=said) as refused:
        load(file)
    assert "\n" not in str(refused.value)


def test_a_wrong_secret_is_refused_by_its_key_and_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, "")
    where = secret(tmp_path, amqp__ulr="amqp://a:s3cret@h/v", http__port="s3cret")
    with pytest.raises(ConfigurationError, match=r"amqp\.ulr") as refused:
        load(file, where)
    assert "http.port" in str(refused.value)
    assert "s3cret" not in str(refused.value)
    monkeypatch.setenv("COORDINATOR_AMQP__NONSENSE", "s3cret")
    with pytest.raises(ConfigurationError, match=r"amqp\.nonsense") as refused:
        load(file)
    assert "s3cret" not in str(refused.value)


def test_what_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="coordinator init"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigurationError, match="does not exist"):
        load(written(tmp_path, ""), tmp_path / "none")


def test_nothing_secret_is_in_what_settings_look_like(tmp_path: Path) -> None:
    found = load(written(tmp_path, '[amqp]\nurl = "amqp://a:s3cret@h/v"\n[amqp.accounts]\nmshp = "s3cret"\n'))
    assert "s3cret" not in repr(found)
    assert "s3cret" not in found.model_dump_json()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("s3cret", "must begin with amqp://"),
        ("http://a:s3cret@h/v", "must begin with amqp://"),
        ("amqp:a:s3cret@h/v", "must begin with amqp://"),
        ("amqp://a:s3cret@/v", "names no host"),
        ("amqp:///v", "names no host"),
        ("amqp://a:s3@cret@h/v", "percent-encode"),
        ("amqp://a:s3/cret@h/v", "percent-encode"),
        ("amqp://a:s3#cret@h/v", "percent-encode"),
        ("amqp://a:s3?cret@h/v", "percent-encode"),
        ("amqp://a:s3[cret@h/v", "percent-encode"),
        ("amqp://a:s3%cret@h/v", "percent-encode"),
        ("amqp://a:s3 cret@h/v", "spaces"),
        ("amqp://a:s3cret@h:99999/v", "host and port"),
        ("amqp://a:s3cret@h:s3cret/v", "host and port"),
    ],
)
def test_a_broker_address_that_is_none_is_refused_and_nothing_of_it_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, said: str
) -> None:
    monkeypatch.setenv("COORDINATOR_AMQP__URL", address)
    with pytest.raises(ConfigurationError, match=rf"amqp\.url \(environment COORDINATOR_AMQP__URL\): .*{said}") as no:
        load(written(tmp_path, ""))
    assert not {"s3", "cret", "99999"} & set(re.findall("s3|cret|99999", str(no.value)))
    assert "\n" not in str(no.value)


@pytest.mark.parametrize(
    "address", ["amqp://h", "amqps://a@h:5671/v", "amqp://a:p%40%2F%25@h/%2F", "amqp://a:p@[::1]:5672/v", "AMQP://h/v"]
)
def test_every_broker_address_that_can_be_used_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("COORDINATOR_AMQP__URL", address)
    assert url(load(written(tmp_path, ""))) == address


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("COORDINATOR_AMQP_URL", "COORDINATOR_AMQP__URL"),
        ("COORDINATOR_AMPQ__URL", "COORDINATOR_AMQP__URL"),
        ("COORDINATOR_HTTP_PORT", "COORDINATOR_HTTP__PORT"),
        ("coordinator_log_level", "COORDINATOR_LOG__LEVEL"),
        ("COORDINATOR_NOTHING__LIKE_IT", None),
    ],
)
def test_a_variable_that_would_have_no_effect_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, meant: str | None
) -> None:
    monkeypatch.setenv(name, "s3cret")
    with pytest.raises(ConfigurationError, match=rf"{name} \(environment\): there is no such setting") as refused:
        load(written(tmp_path, ""))
    assert meant is None or f"did you mean {meant}?" in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_variables_of_others_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster sets such for every service, and so for one that is called coordinator."""
    for name in ("PORT", "SERVICE_HOST", "SERVICE_PORT", "PORT_8080_TCP", "PORT_8080_TCP_ADDR", "CONFIG"):
        monkeypatch.setenv(f"COORDINATOR_{name}", "tcp://10.0.0.1:8080")
    assert load(written(tmp_path, "")).http.port == 8080


def test_an_unknown_secret_and_a_table_that_is_no_json_are_named_with_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = secret(tmp_path, amqp__urll="s3cret")
    with pytest.raises(ConfigurationError, match=r"amqp\.urll \(secret in .*secrets\).*did you mean url"):
        load(written(tmp_path, ""), where)
    monkeypatch.setenv("COORDINATOR_AMQP__ACCOUNTS", "{s3cret")
    with pytest.raises(ConfigurationError, match=r"\[amqp\] from the environment cannot be read.*JSON") as refused:
        load(written(tmp_path, ""))
    assert "s3cret" not in str(refused.value)
