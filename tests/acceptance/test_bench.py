"""`coordinator bench` as people start it, small: its figures and how they hang together, never how fast it is."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from coordinator.bench.figures import RATES, RATIOS
from coordinator.bench.perform import WITHOUT_FASTSTREAM
from tests.kit import Json

COORDINATOR = str(Path(sys.executable).with_name("coordinator"))
SMALL = ("--messages", "60", "--seconds", "0.2")
GUARD_S = 100
AMONG = {"walk", "relay", "faststream"}
WITHOUT = "import sys; sys.modules['faststream'] = None; from coordinator.cli import main; main()"


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run it where settings of another installation are about, which are none of its own."""
    env = {**os.environ, "COORDINATOR_AMQP__URL": "amqp://nobody:x@127.0.0.1:1/none", "NO_COLOR": "1"}
    return subprocess.run(command, capture_output=True, text=True, timeout=GUARD_S, env=env, check=False)


@cache
def measured() -> tuple[Json, str]:
    """One small run: its figures, and what it told on stderr."""
    done = run(COORDINATOR, "bench", "--rounds", "1", "--quick", "--json", *SMALL)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    figures: Json = json.loads(done.stdout)
    return figures, done.stderr


@pytest.mark.timeout(GUARD_S + 20)
def test_every_figure_is_there_and_they_hang_together() -> None:
    figures, told = measured()
    walk, deliveries = figures["walk_publishes_per_s"], figures["walk_deliveries_per_s"]
    assert (figures["rounds"], figures["messages"]) == (1, 60)
    assert 900 <= figures["message_bytes"] <= 1_100
    assert all(figures[name] > 0 for name in (*RATES, *RATIOS))
    assert walk == pytest.approx(1.5 * deliveries, rel=0.01)  # two deliveries and a receipt
    assert figures["ratio_relay"] == pytest.approx(walk / figures["relay_publishes_per_s"], rel=0.02)
    assert figures["ratio_faststream"] == pytest.approx(deliveries / figures["faststream_deliveries_per_s"], rel=0.02)
    assert figures["spread"] == {name: [figures[name]] * 2 for name in (*RATES, *RATIOS)}
    assert "round 1 of 1" in told


def test_latencies_are_at_both_rates_of_all_three() -> None:
    figures, _ = measured()
    assert set(figures["p50_ms"]) == set(figures["p99_ms"]) == AMONG
    for who in AMONG:
        middle, late = figures["p50_ms"][who], figures["p99_ms"][who]
        assert set(middle) == set(late) == {"50", "200"}
        assert all(0 < middle[rate] <= late[rate] for rate in middle)


def test_quick_leaves_the_conflict_checks_out() -> None:
    figures, _ = measured()
    assert (figures["checks_ms"], figures["checks_growth"]) == (None, None)


@pytest.mark.timeout(GUARD_S + 20)
def test_without_faststream_it_says_how_to_get_it_and_the_store_is_where_it_was_asked_for_and_goes(
    tmp_path: Path,
) -> None:
    store = tmp_path / "bench.db"
    chosen = ("--store", f"sqlite:///{store}", "--rounds", "1", "--operations", "10001")
    done = run(sys.executable, "-c", WITHOUT, "bench", *chosen, *SMALL)
    assert done.returncode == 0, done.stderr
    assert WITHOUT_FASTSTREAM in done.stderr
    assert "walk ÷ bare relay" in done.stdout
    assert any("FastStream: deliveries" in line and "not measured" in line for line in done.stdout.splitlines())
    assert "growth of conflict checks" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    store = tmp_path / "office.db"
    store.write_text("precious")
    done = run(COORDINATOR, "bench", "--store", f"sqlite:///{store}")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "is there already" in done.stderr
    assert store.read_text() == "precious"


def test_without_a_broker_it_says_what_is_missing() -> None:
    env = {**os.environ, "PATH": str(Path(sys.executable).parent), "RABBITMQ_HOME": "/nonexistent"}
    command = (COORDINATOR, "bench", "--quick")
    done = subprocess.run(command, capture_output=True, text=True, timeout=GUARD_S, env=env, check=False)
    if done.returncode == 0:
        pytest.skip("RabbitMQ is found without PATH on this machine")
    assert done.returncode == 2
    assert "rabbitmq" in done.stderr.lower()
    assert "Traceback" not in done.stderr
