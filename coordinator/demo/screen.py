"""Where the demo speaks: plain lines anywhere, with colours and a progress display on a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from coordinator.demo.telling import Line, Tone
from coordinator.demo.weekend import clock

_STYLES = {
    Tone.NOTICE: "",
    Tone.RECEIPT: "dim",
    Tone.ALERT: "bold red",
    Tone.CONFLICT: "bold yellow",
    Tone.OVER: "green",
    Tone.REFUSED: "magenta",
    Tone.GOOD: "green",
    Tone.BAD: "bold red",
    Tone.HEADING: "bold cyan",
}
_AGENCY_WIDTH = 10


@dataclass(slots=True)
class Screen:
    """Prints lines above a progress display, which only a terminal shows."""

    console: Console
    _progress: Progress | None = None
    _task: TaskID | None = field(default=None)

    @classmethod
    def on(cls, stream: TextIO) -> "Screen":
        """Speak on a stream; long lines are never broken, so that they can be searched."""
        return cls(Console(file=stream, highlight=False, markup=False, emoji=False, soft_wrap=True))

    @contextmanager
    def progress(self, total: int) -> Iterator[None]:
        """Show how many of so many messages are through, on a terminal."""
        if not self.console.is_terminal:
            yield
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as progress:
            self._progress, self._task = progress, progress.add_task("messages", total=total)
            try:
                yield
            finally:
                self._progress = self._task = None

    def advance(self) -> None:
        """One more message is through."""
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task)

    def heard(self, agency: str, line: Line) -> None:
        """What an agency has just received."""
        text = f"{clock(datetime.now(UTC))}  {agency:<{_AGENCY_WIDTH}}{line.text}"
        self.say(Line(line.tone, text))

    def note(self, text: str) -> None:
        """Something of which no agency in particular hears."""
        self.heard("", Line(Tone.RECEIPT, text))

    def heading(self, text: str) -> None:
        """Begin a part."""
        self.say(Line(Tone.HEADING, f"\n{text}"))

    def say(self, line: Line) -> None:
        """Print a line."""
        self.console.print(Text(line.text, style=_STYLES[line.tone]))
