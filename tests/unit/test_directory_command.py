"""`coordinator directory`."""

import json
from pathlib import Path

from typer.testing import CliRunner

from coordinator.cli.directory import app
from coordinator.directory.writer import example, with_passwords


def write(folder: Path, content: str | bytes) -> str:
    file = folder / "directory.toml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(file)


def test_a_sound_file_is_exit_0_and_prints_nothing(tmp_path: Path) -> None:
    checked = CliRunner().invoke(app, ["check", "--directory", write(tmp_path, example())])
    assert (checked.exit_code, checked.stdout) == (0, "")
    assert "no mistake; 4 agencies, 5 accounts" in checked.stderr


def test_mistakes_are_exit_1_and_name_file_and_line(tmp_path: Path) -> None:
    text = example().replace('ori = "MOEX00002"', 'orl = "MOEX00002"').replace("vertices = 1_000", "vertices = many")
    file = write(tmp_path, text)
    checked = CliRunner().invoke(app, ["check", "--directory", file])
    assert checked.exit_code == 1
    first, second = checked.stdout.splitlines()
    assert first.startswith(f"{file}:9: column 12: not TOML")
    assert second.startswith(f"{file}:66: agency[mshp]: unknown key `orl`; did you mean `ori`?")
    assert "2 mistakes" in checked.stderr


def test_warnings_are_told_apart_and_are_no_mistakes(tmp_path: Path) -> None:
    file = write(tmp_path, example().replace('id = "dea"', 'id = "d-ps"'))
    checked = CliRunner().invoke(app, ["check", "--directory", file])
    assert checked.exit_code == 0
    assert checked.stdout.startswith(f"{file}:131: warning: agency[d-ps].id: ")


def test_json_has_the_same_for_programs(tmp_path: Path) -> None:
    file = write(tmp_path, example().replace('ori = "MOEX00002"', 'ori = "MO"'))
    checked = CliRunner().invoke(app, ["check", "--directory", file, "--json"])
    fields = json.loads(checked.stdout)
    assert [(one["line"], one["where"]) for one in fields["mistakes"]] == [(66, "agency[mshp].ori")]
    sound = json.loads(CliRunner().invoke(app, ["check", "--directory", write(tmp_path, example()), "--json"]).stdout)
    assert sound["agencies"] == ["dea", "dps", "hsi", "mshp"]
    assert sound["fingerprint"].startswith("sha-256:")


def test_a_file_in_another_encoding_is_named_with_the_line(tmp_path: Path) -> None:
    file = write(tmp_path, example().replace("DEA watch desk", "D\u00c9A watch desk").encode("latin-1"))
    checked = CliRunner().invoke(app, ["check", "--directory", file])
    assert checked.exit_code == 1
    assert checked.stdout.startswith(f"{file}:139: not UTF-8")


def test_a_file_that_is_not_there_is_exit_2_and_the_next_command(tmp_path: Path) -> None:
    checked = CliRunner().invoke(app, ["check", "--directory", str(tmp_path / "none.toml")])
    assert (checked.exit_code, checked.stdout) == (2, "")
    assert "coordinator init" in checked.stderr


def test_a_password_hash_can_be_put_into_the_file(tmp_path: Path) -> None:
    made = CliRunner().invoke(app, ["password-hash"], input="fictional\n")
    assert (made.exit_code, made.stderr) == (0, "")  # nothing is asked for where nobody sits at a terminal
    (hashed,) = made.stdout.splitlines()
    assert "fictional" not in made.output
    file = write(tmp_path, with_passwords(example(), {"dea": hashed}))
    assert CliRunner().invoke(app, ["check", "--directory", file]).exit_code == 0


def test_no_password_on_stdin_is_said_and_not_hashed() -> None:
    made = CliRunner().invoke(app, ["password-hash"], input="")
    assert (made.exit_code, made.stdout) == (2, "")
    assert "no password on stdin" in made.stderr
