"""Processes that begin in milliseconds: what the service imports is imported once, in a process that is then forked."""

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from coordinator.cli import PLACES, main

FORKED = multiprocessing.get_context("forkserver")
"""Its processes share nothing with the tests but what they are given."""
FORKED.set_forkserver_preload([*sorted({f"coordinator.cli.{place.module}" for place in PLACES.values()}), "uvloop"])


def command(arguments: Sequence[str], env: Mapping[str, str], streams: Sequence[Path], cwd: Path | None) -> None:
    """Be the command `coordinator`, with its standard streams in files."""
    if cwd is not None:
        os.chdir(cwd)
    for number, (path, flags) in enumerate(zip(streams, (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY), strict=True)):
        os.dup2(os.open(path, flags), number)
    sys.stdin, sys.stdout, sys.stderr = (open(number, mode) for number, mode in enumerate("rww"))  # noqa: SIM115, PTH123  # until the process ends
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["coordinator", *arguments]
    main()
