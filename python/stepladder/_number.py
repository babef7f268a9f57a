"""Numbers as arguments: what counts as one, and how one that does not is refused."""

from __future__ import annotations

import dataclasses
from numbers import Integral, Real
from typing import Any


def real(name: str, value: Any, error: type[Exception]) -> float:
    """Make `value` a plain float; raise `error` where it is no real number, as a bool, a string or a tensor is none."""
    if isinstance(value, Real) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise error(f"{name} is an int beyond float64; expected a number inside it") from None
    shown = f"{value!r} ({type(value).__name__})" if isinstance(value, bool | str) else type(value).__name__
    raise error(f"{name} is {shown}; expected a number")


def convert_numbers(config: Any, error: type[Exception]) -> None:
    """Make every `float` of a frozen dataclass a plain float and every whole `int` a plain int; raise as `real` does.

    An `int` that is none is left to the compiled core, which knows its range.
    """
    for field in dataclasses.fields(config):
        value = getattr(config, field.name) if field.init else None
        if field.init and field.type == "float" and type(value) is not float:
            object.__setattr__(config, field.name, real(field.name, value, error))
        elif isinstance(value, Integral) and field.type == "int" and type(value) not in (int, bool):
            object.__setattr__(config, field.name, int(value))
