"""What `--labels` means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stepladder.cli._group import CommandError

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHOWN = 12


def parse(text: str, names: Sequence[str], model: str) -> list[int] | None:
    """Read a list of labels.

    Parameters
    ----------
    text : str
        Numbers, ranges such as `0-9` and names, between commas; or `all`, or `none`.
    names : sequence of str
        The model's labels, in the order of their numbers.
    model : str
        The model, for messages.

    Returns
    -------
    list of int, or None
        Numbers of the labels, to be used in turn; None: no condition.

    Raises
    ------
    CommandError
        The model has no such label.
    """
    text = text.strip()
    if text == "none" or (text == "all" and not names):
        return None
    if text == "all":
        return list(range(len(names)))
    if not names:
        raise CommandError(f"--labels got {text!r}; the model {model!r} has no labels: leave --labels out")
    return [number for piece in text.split(",") for number in _piece(piece.strip(), names, model)]


def _piece(piece: str, names: Sequence[str], model: str) -> list[int]:
    if piece in names:
        return [list(names).index(piece)]
    span = re.fullmatch(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", piece)
    if span is not None:
        first, last = int(span[1]), int(span[2] or span[1])
        if first <= last < len(names):
            return list(range(first, last + 1))
    listed = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    raise CommandError(
        f"--labels got {piece!r}; the model {model!r} has the labels 0 to {len(names) - 1}: {listed}. Give numbers, "
        "ascending ranges such as 0-3 or names, between commas; or all, or none"
    )


def describe(turn: Sequence[int] | None, names: Sequence[str]) -> str:
    """Return the labels as the end of a sentence."""
    if turn is None:
        return ""
    listed = ", ".join(names[number] for number in turn[:_SHOWN])
    return f" of {listed}{', …' if len(turn) > _SHOWN else ''}"
