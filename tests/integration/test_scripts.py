"""The scripts on a machine that lacks something: what a person is told, and what is mended."""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SCRIPTS = [path for path in (REPOSITORY / "scripts").iterdir() if path.is_file()] + [REPOSITORY / ".ci" / "run"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the scripts in a folder without .venv, beside links to all they read."""
    root = tmp_path / "checkout"
    shutil.copytree(REPOSITORY / "scripts", root / "scripts")
    for name in ("coordinator", "requirements", "pyproject.toml"):
        (root / name).symlink_to(REPOSITORY / name)
    return root


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A PATH with what every system has, python3, and nothing else."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "cat", "dirname", "env", "grep", "id", "mv", "rm", "sed"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    (folder / "python3").symlink_to(sys.executable)
    return folder


def run(checkout: Path, commands: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run commands of `scripts/setup` as one of the scripts would."""
    script = f"set -euo pipefail; . scripts/setup; {commands}"
    return subprocess.run(
        ["bash", "-c", script, "scripts/test"],
        cwd=checkout,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_script_is_bash_that_can_be_read(script: Path) -> None:
    assert script.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n#")
    subprocess.run(["bash", "-n", script], check=True, timeout=60)


def test_an_old_python_is_said_in_a_sentence(checkout: Path, bare: Path) -> None:
    (bare / "python3").unlink()
    (bare / "python3").write_text('#!/bin/sh\n[ "$1" = -V ] && echo Python 3.9.2 && exit\nexit 1\n', encoding="utf-8")
    (bare / "python3").chmod(0o755)
    told = run(checkout, "set_up dev", PATH=str(bare))
    assert told.returncode == 1
    assert told.stderr == (
        "test: Python 3.11 or newer is needed, and python3 is Python 3.9.2: put a newer one first on PATH\n"
    )


def test_without_python_that_is_said(checkout: Path, bare: Path) -> None:
    (bare / "python3").unlink()
    told = run(checkout, "set_up dev", PATH=str(bare))
    assert told.returncode == 1
    assert told.stderr == "test: Python 3.11 or newer is needed, and there is no python3 on PATH\n"


def test_all_that_is_missing_is_named_with_the_one_command_that_installs_it(checkout: Path, bare: Path) -> None:
    (bare / "apt-get").symlink_to("/bin/false")
    (bare / "id").unlink()
    (bare / "id").write_text("#!/bin/sh\necho 1000\n", encoding="utf-8")
    (bare / "id").chmod(0o755)
    missing = "missing_of() { echo python3-venv rabbitmq-server; }"
    told = run(checkout, f"{missing}; find_programs python3-venv rabbitmq-server", PATH=str(bare))
    assert told.returncode == 1
    assert told.stderr == (
        "test: not installed: python3-venv rabbitmq-server. Install with: "
        "sudo apt-get install -y --no-install-recommends python3-venv rabbitmq-server\n"
    )


def test_another_system_is_told_by_its_own_package_manager(checkout: Path, bare: Path) -> None:
    (bare / "brew").symlink_to("/bin/false")
    missing = "missing_of() { echo rabbitmq-server; }; rabbitmq() { echo brew install rabbitmq; }"
    told = run(checkout, f"{missing}; find_programs rabbitmq-server", PATH=str(bare))
    assert (told.returncode, told.stderr) == (1, "test: brew install rabbitmq\n")


@pytest.mark.parametrize("damage", ["stamp", "python", "package"])
def test_a_set_up_that_was_cut_short_or_lost_something_is_made_anew(checkout: Path, damage: str) -> None:
    venv = checkout / ".venv"
    for part in ("bin", "lib"):
        (venv / part).mkdir(parents=True)
    python, package, stamp = venv / "bin" / "python", venv / "lib" / "aiohttp", venv / ".set-up"
    python.symlink_to(sys.executable)
    package.touch()
    stamp.write_text("dev 0123\nhas lib/aiohttp\n", encoding="utf-8")
    assert run(checkout, "is_whole").returncode == 0
    {"stamp": stamp, "python": python, "package": package}[damage].unlink()
    assert run(checkout, "is_whole").returncode == 1


def test_what_is_installed_serves_until_the_requirements_change(checkout: Path) -> None:
    current = "is_whole() { :; }; mkdir -p .venv; stamp_of dev > .venv/.set-up; "
    assert run(checkout, f"{current} is_current dev && is_current runtime").returncode == 0
    changed = "rm requirements; mkdir requirements; echo other > requirements/dev.txt; : > requirements/runtime.txt; "
    assert run(checkout, f"{current} {changed} is_current dev || is_current runtime").returncode == 1


def test_two_set_ups_at_once_take_turns(checkout: Path) -> None:
    nothing_to_do = "find_programs() { :; }; is_current() { :; }; set_up dev; echo done"
    with (checkout / "scripts" / "setup").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        second = subprocess.Popen(
            ["bash", "-c", f"set -euo pipefail; . scripts/setup; {nothing_to_do}", "scripts/test"],
            cwd=checkout,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert second.stderr is not None
        assert second.stderr.readline() == "test: waiting for another set-up in this folder\n"
        assert second.poll() is None
        fcntl.flock(other, fcntl.LOCK_UN)
        assert second.communicate(timeout=60)[0] == "done\n"
