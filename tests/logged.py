"""What the process logs while a test looks: read back from the very lines that are written."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from coordinator import logs

Lines = Callable[[], list[dict[str, Any]]]  # JSON objects


@contextmanager
def logged() -> Iterator[Lines]:
    """Log into memory; what was set up before comes back afterwards."""
    root, before = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    written = io.StringIO()
    logs.configure("info", "json", written)
    try:
        yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**before)
