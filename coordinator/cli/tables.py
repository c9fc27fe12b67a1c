"""Tables for people: framed on a terminal, a block for each row where it is narrow, plain lines where there is none."""

import sys
import textwrap
from collections.abc import Mapping, Sequence

from rich.box import ROUNDED
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

UNBROKEN = 2_000
"""Characters a line where it goes to a file or another program: nothing is wrapped or left out."""

Row = Mapping[str, object]


def show_rows(rows: Sequence[Row]) -> None:
    """Print rows with equal keys, which are the head of the table."""
    if not rows:
        return
    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else UNBROKEN, highlight=False, soft_wrap=not terminal)
    table = Table(box=ROUNDED if terminal else None, pad_edge=terminal, show_edge=terminal)
    for name in rows[0]:
        table.add_column(name, no_wrap=True, overflow="ignore")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    if Measurement.get(console, console.options.update(width=UNBROKEN), table).maximum <= console.width:
        console.print(table, crop=False)
    else:
        _blocks(console, rows)


def _blocks(console: Console, rows: Sequence[Row]) -> None:
    for number, row in enumerate(rows):
        if number:
            console.print()
        show_fields(row, console)


def show_fields(row: Row, console: Console | None = None) -> None:
    """Print one row, a field to a line; what is empty is left out."""
    out = console or Console(width=None if sys.stdout.isatty() else UNBROKEN, highlight=False)
    room = max(len(name) for name in row)
    for name, value in row.items():
        if value not in (None, ""):
            line = Text(f"{name:<{room}}  {value}")
            out.print(line, soft_wrap=True)


def show_words(text: str) -> None:
    """Print paragraphs, wrapped to the terminal; where there is none, one line each."""
    width = Console().width if sys.stdout.isatty() else 0
    for paragraph in text.splitlines():
        sys.stdout.write(f"{textwrap.fill(paragraph, width) if width else paragraph}\n")


def _cell(value: object) -> Text:
    """Text and nothing else: what stands in a cell is never read as markup."""
    return Text("" if value is None else str(value))
