"""Numbers as arguments: what counts as one, and how one that does not is refused."""

from __future__ import annotations

import dataclasses
import functools
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


@functools.cache
def _numbers(config: type) -> tuple[tuple[str, type], ...]:
    """Name and kind of every parameter of a dataclass that is declared a number."""
    kinds = {"float": float, "int": int}
    return tuple(
        (field.name, kinds[field.type]) for field in dataclasses.fields(config) if field.init and field.type in kinds
    )


def convert_numbers(config: Any, error: type[Exception]) -> None:
    """Make every `float` of a frozen dataclass a plain float and every whole `int` a plain int; raise as `real` does.

    An `int` that is none is left to the compiled core, which knows its range.
    """
    made: Any = type(config)
    for name, kind in _numbers(made):
        value = getattr(config, name)
        if type(value) is kind:
            continue
        if kind is float:
            object.__setattr__(config, name, real(name, value, error))
        elif isinstance(value, Integral) and not isinstance(value, bool):
            object.__setattr__(config, name, int(value))
