"""A bounded search for bytes that our readers cannot bear; `tests/fuzz/decoder.py` tells how to search for longer."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.documents import ROOT

RUNS = {"body": 40_000, "headers": 100_000, "batch": 40_000, "lines": 5_000}
"""A few seconds each."""


@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris, which guides the search, is there for Linux alone")
@pytest.mark.parametrize("target", RUNS)
def test_a_bounded_search_guided_by_coverage_finds_nothing(target: str, tmp_path: Path) -> None:
    bounds = [f"-runs={RUNS[target]}", "-seed=2504", f"-artifact_prefix={tmp_path}/"]
    command = [sys.executable, "-m", "tests.fuzz.decoder", target, *bounds]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=110)
    found = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert (done.returncode, found) == (0, {}), done.stderr[-3_000:]
    assert f"Done {RUNS[target]} runs" in done.stderr


@pytest.mark.skipif(find_spec("atheris") is None, reason="as above")
def test_a_search_without_a_target_says_what_there_is() -> None:
    command = [sys.executable, "-m", "tests.fuzz.decoder"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(", ".join(RUNS))
