"""Progress of long work on a terminal's stderr; nothing where there is none, so that what is piped stays clean."""

import contextlib
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Advance = Callable[[int], None]


@contextlib.contextmanager
def progress(words: str, total: int | None = None) -> Iterator[Advance]:
    """Show how far it is until the block ends; yields what is called with how much more is done.

    Without a total it shows that it goes on, and for how long. May be called from a worker thread.
    """
    if not sys.stderr.isatty():
        yield _unseen
        return
    counted = (BarColumn(), MofNCompleteColumn()) if total is not None else ()
    shown = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), *counted, TimeElapsedColumn(),
        console=Console(stderr=True), transient=True,
    )  # fmt: skip  # its columns in a line
    with shown:
        task = shown.add_task(words, total=total)
        yield lambda done: shown.advance(task, done)


def _unseen(_done: int) -> None:
    """Nobody looks."""
