"""Markdown, and the parts of a docstring."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

NOTE: Final = "<!-- Written by docs/generate.py from the code. Edit the code, then run `make docs`. -->\n"


def page(title: str, *parts: str) -> str:
    """Put a page together from its parts."""
    return "\n".join((NOTE, f"# {title}\n", "\n\n".join(parts))) + "\n"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Make a table, without the columns that are empty all the way down."""
    kept = [tuple(cell.replace("|", "\\|") for cell in row) for row in rows]
    filled = [i for i in range(len(head)) if any(row[i] for row in kept)]
    lines = [[head[i] for i in filled], ["---"] * len(filled), *([row[i] for i in filled] for row in kept)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def sections(documented: object) -> dict[str, str]:
    """Split a docstring by its headings; what is before the first one is under `""`."""
    text = inspect.getdoc(documented) or ""
    parts = re.split(r"^(\w+)\n-+\n", text, flags=re.MULTILINE)
    return {"": parts[0].strip(), **{head: body.strip() for head, body in zip(parts[1::2], parts[2::2], strict=True)}}


def parameters(documented: object) -> list[tuple[str, str, str]]:
    """Name or names, type and description of each documented parameter."""
    body = sections(documented).get("Parameters", "")
    found = re.findall(r"^(\S.*?)(?: : (.*))?\n((?:^[ ]+.*\n?|^\n)*)", body + "\n", re.MULTILINE)
    return [(names, kind, " ".join(text.split())) for names, kind, text in found]


def prose(text: str) -> str:
    """Join the lines of each paragraph."""
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n") if part.strip())
