"""NumPy arrays as the state of a run."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, final

import numpy as np

from stepladder._backend import describe
from stepladder.errors import ExecutionError, FileFormatError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

# NumPy 2 moved it.
_home: Any = getattr(np.lib, "array_utils", np)
_byte_bounds = _home.byte_bounds

_CODES: dict[np.dtype[Any], int] = {np.dtype(np.float32): 0, np.dtype(np.float64): 1, np.dtype(np.float16): 2}

Array = np.ndarray[Any, np.dtype[Any]]


@final
class ArrayBackend:
    """One run over NumPy arrays."""

    written: Callable[[Any], None] | None = None

    def __init__(self, x: Array, dtype: Any) -> None:
        _check_sample(x.shape, x.size)
        if x.dtype not in _CODES:
            msg = f"x has dtype {x.dtype}; expected float32, float64 or float16"
            raise ExecutionError(msg)
        state = np.dtype(dtype) if dtype is not None else np.dtype(np.float64 if x.dtype == np.float64 else np.float32)
        if state not in _CODES:
            msg = f"dtype is {state}; expected float32, float64 or float16"
            raise ExecutionError(msg)
        self.numel, self._shape, self._given, self._state = x.size, x.shape, x.dtype, state
        self._bad: tuple[int, int] | None = None

    @property
    def given(self) -> str:
        """Name of the dtype that came."""
        return str(self._given)

    def give_back_as(self, dtype: str, path: str | os.PathLike[str]) -> None:
        """Results of a resumed run."""
        names: dict[str, np.dtype[Any]] = {str(known): known for known in _CODES}
        if dtype not in names:
            msg = f"{path} names dtype {dtype!r}; expected one of {', '.join(names)}"
            raise FileFormatError(msg)
        self._given = names[dtype]

    def context(self) -> AbstractContextManager[Any]:
        """Nothing to enter."""
        return nullcontext()

    def admit(self, x: Array, name: str) -> Array:
        """`x` in the state dtype."""
        if x.shape != self._shape:
            msg = f"{name} has shape {describe(x.shape)}; expected {describe(self._shape)}, the shape of x"
            raise ExecutionError(msg)
        return x.astype(self._state, copy=False)

    def take(self, t: Any, what: str, step: int) -> tuple[int, int, tuple[int, int]]:
        """Check shape and dtype; tell pointer, code and bounds."""
        if not isinstance(t, np.ndarray):
            msg = f"{what} {type(t).__name__} at step {step}; expected a NumPy array, like x"
            raise ExecutionError(msg)
        if t.shape != self._shape or t.dtype not in _CODES:
            msg = (
                f"{what} shape {describe(t.shape)} of {t.dtype} at step {step}; "
                f"expected {describe(self._shape)} of float32, float64 or float16"
            )
            raise ExecutionError(msg)
        begin, end = _byte_bounds(t)
        plain = type(t) is np.ndarray and t.flags.c_contiguous and t.flags.aligned and t.dtype.isnative
        return (begin if plain else 0), _CODES[t.dtype], (begin, end)

    def empty(self, network_input: bool) -> tuple[Array, int, int, tuple[int, int]]:
        """Return a new array."""
        t = np.empty(self._shape, self._state)
        return (t, *self.take(t, "", 0))

    def combine(self, terms: list[tuple[Array, float]], network_input: bool) -> Array:
        """Sum of coefficient times array, by NumPy."""
        # In the kernel's precision: float32, or float64 where any operand is.
        wide = np.result_type(np.float32, self._state, *(t.dtype for t, _ in terms))
        (first, c), *rest = terms
        total: Array = first.astype(wide) * wide.type(c)
        for t, c in rest:
            total += t.astype(wide, copy=False) * wide.type(c)
        return total.astype(self._state, copy=False)

    def clone(self, t: Array) -> Array:
        """A contiguous copy."""
        return np.array(t, order="C")

    def bad_sample(self, t: Array) -> int | None:
        """First sample that is not finite."""
        bad = np.flatnonzero(~np.isfinite(t.reshape(len(t), -1)).all(axis=1))
        return int(bad[0]) if bad.size else None

    def watch(self, t: Array, step: int) -> None:
        """Look now."""
        if self._bad is None and (sample := self.bad_sample(t)) is not None:
            self._bad = (step, sample)

    def found_bad(self) -> bool:
        """Whether `watch` found any."""
        return self._bad is not None

    def first_bad(self) -> tuple[int, int] | None:
        """The first find."""
        return self._bad

    def result(self, t: Array) -> Array:
        """`t` in the dtype that came."""
        return t.astype(self._given, copy=False)

    def noise_levels(self, sigmas: Array) -> list[Any]:
        """Rows of one (calls, batch) array."""
        dtype = np.float64 if self._state == np.float64 else np.float32
        return list(np.repeat(sigmas.astype(dtype)[:, None], self._shape[0], axis=1))

    def save(self, path: str | os.PathLike[str], tensors: dict[str, Any], metadata: dict[str, str]) -> None:
        """Write a state file."""
        from stepladder.io import write_tensors

        write_tensors(path, {k: np.ascontiguousarray(v) for k, v in tensors.items()}, {**metadata, "library": "numpy"})


def _check_sample(shape: tuple[int, ...], size: int) -> None:
    if not shape or size == 0:
        msg = f"x has shape {describe(shape)}; expected (batch, …) with at least one element"
        raise ExecutionError(msg)
