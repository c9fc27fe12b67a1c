"""The page of metrics against its document: every metric has a line, and every line a metric."""

import re
import sys

import pytest

from coordinator.http.metrics import Exposition, Kind, make_registry
from coordinator.metering import METRICS
from tests.documents import ROOT, table

PAGE = ROOT / "docs/metrics.md"
SUFFIX = {"counter": "_total", "info": "_info"}


def names_in(cell: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`(\w+)`", cell))


def test_the_document_has_a_line_for_each_metric_as_it_is_told() -> None:
    rows = {names_in(name)[0]: (kind, names_in(labels), says) for name, kind, labels, says in table(PAGE, "metrics")}
    assert rows == {each.name: (each.kind.value, each.labels, each.says) for each in METRICS}
    assert len(rows) == len(METRICS)


@pytest.mark.skipif(sys.platform != "linux", reason="the process's own metrics are Linux's")
def test_the_registry_tells_what_the_document_has_and_nothing_else() -> None:
    told = {
        family.name + SUFFIX.get(family.type, ""): family.type
        for family in make_registry(Exposition(METRICS)).collect()
    }
    ours = {names_in(row[0])[0]: row[1] for row in table(PAGE, "metrics")}
    process = {names_in(row[0])[0]: row[1] for row in table(PAGE, "process")}
    assert told == {**ours, **process}


def test_the_document_names_no_other_metric() -> None:
    known = {names_in(row[0])[0] for name in ("metrics", "process") for row in table(PAGE, name)}
    named = set(re.findall(r"\b(?:coordinator|process)_[a-z_]+", PAGE.read_text(encoding="utf-8")))
    assert named <= known


def test_names_are_as_prometheus_wants_them() -> None:
    for each in METRICS:
        assert re.fullmatch(r"coordinator_[a-z]+(_[a-z]+)*", each.name)
        assert each.name.endswith("_total") == (each.kind is Kind.COUNTER), each.name
        assert not set(each.labels) & {"id", "le", "quantile", "entry", "operation", "message"}
