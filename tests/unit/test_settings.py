"""The configuration: what counts more, what is refused, and where relative paths begin."""

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
