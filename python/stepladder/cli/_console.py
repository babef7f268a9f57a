"""What the commands print, and how."""

from __future__ import annotations

import json
import math
import os
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

# Tables in a pipe or a file take the width they need: nothing is folded or cut there.
_UNLIMITED = 4000


def console() -> Console:
    """Return a console on standard output: as wide as the terminal, or without a limit where there is none."""
    from rich.console import Console

    made = Console(highlight=False, markup=False, emoji=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = _UNLIMITED
    return made


def show(*renderables: RenderableType) -> None:
    """Print tables and text."""
    out = console()
    for renderable in renderables:
        out.print(renderable)


def complain(message: str) -> None:
    """Print an error on standard error, unfolded."""
    from rich.console import Console
    from rich.text import Text

    text = Text.assemble(("error: ", "bold red"), printable(message, keep_lines=True))
    Console(stderr=True, highlight=False).print(text, soft_wrap=True)


def remark(message: str) -> None:
    """Print what a user should know about the result on standard error, unfolded."""
    from rich.console import Console
    from rich.text import Text

    text = Text.assemble(("note: ", "bold yellow"), printable(message))
    Console(stderr=True, highlight=False).print(text, soft_wrap=True)


def show_json(document: Any) -> None:
    """Print a document as JSON; infinity and NaN, which JSON lacks, as text."""
    typer.echo(json.dumps(_finite(document), indent=2, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def heading(text: str) -> Text:
    """Return the line above a table."""
    from rich.text import Text

    return Text(text, style="bold")


def table(*headings: str, caption: str | None = None) -> Table:
    """Return an empty table in the style of all the commands; a heading that ends in `>` is of a right-hand column."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, caption=caption, caption_justify="left")
    for text in headings:
        right = text.endswith(">")
        made.add_column(text.removesuffix(">"), justify="right" if right else "left", no_wrap=right, overflow="fold")
    return made


def facts(**values: Any) -> Table:
    """Return a two-column list of what is known, without a frame; names are shown with spaces for underscores."""
    from rich.table import Table
    from rich.text import Text

    made = Table.grid(padding=(0, 2))
    made.add_column(style="cyan", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in values.items():
        made.add_row(Text(name.replace("_", " ")), Text(str(value)))
    return made


def printable(text: str, keep_lines: bool = False) -> str:
    """Return text from a file or a user with everything escaped that could steer a terminal."""
    return "".join(
        c if c.isprintable() or (keep_lines and c == "\n") else c.encode("unicode_escape").decode() for c in text
    )


def plural(number: int, noun: str) -> str:
    """Return `1 step`, `2 steps`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
