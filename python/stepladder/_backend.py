"""What a run needs from an array library, and which library a run belongs to."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from stepladder.errors import ExecutionError, FileFormatError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from contextlib import AbstractContextManager


STATE_FORMAT = "stepladder.state"
STATE_VERSION = "1"


class Backend(Protocol):
    """One run's view of its array library. Tensors are the library's own."""

    numel: int
    """Elements of x."""
    written: Callable[[Any], None] | None
    """To be called with a tensor after the kernel wrote it; None where nobody needs to know."""

    @property
    def given(self) -> str:
        """Name of the dtype of the x that came."""

    def give_back_as(self, dtype: str, path: str | os.PathLike[str]) -> None:
        """Give results of a resumed run in the dtype that came to the first; FileFormatError if there is none such."""

    def context(self) -> AbstractContextManager[Any]:
        """Return the context in which the run computes."""

    def admit(self, x: Any, name: str) -> Any:
        """Return an input in the state dtype, without a copy where it already is."""

    def take(self, t: Any, what: str, step: int) -> tuple[int, int, tuple[int, int]]:
        """Look at a tensor that comes into the run.

        Returns its address for the fused kernel (0 when the kernel must not touch it), the kernel's code of its element
        type, and the first byte of its memory and one past the last ((0, 0) where they cannot be told).

        Raises ExecutionError unless it has the run's shape and device, and a floating dtype.
        """

    def empty(self, network_input: bool) -> tuple[Any, int, int, tuple[int, int]]:
        """Return an uninitialised tensor for the kernel, with what `take` says of it."""

    def combine(self, terms: list[tuple[Any, float]], network_input: bool) -> Any:
        """Return the linear combination by the library's own operations."""

    def clone(self, t: Any) -> Any:
        """Return a copy with memory of its own."""

    def bad_sample(self, t: Any) -> int | None:
        """Index of the first sample that holds NaN or infinity, or None."""

    def watch(self, t: Any, step: int) -> None:
        """Look for NaN and infinity in a tensor the kernel did not make: now, or where that waits, at the end."""

    def found_bad(self) -> bool:
        """Whether a look that did not have to wait found any."""

    def first_bad(self) -> tuple[int, int] | None:
        """(step, sample) of the first find, after all looks."""

    def result(self, t: Any) -> Any:
        """Return a tensor as the caller gets it: the dtype of the x that came."""

    def noise_levels(self, sigmas: np.ndarray[Any, Any]) -> list[Any]:
        """Return one (batch,) tensor per model call, views of one buffer."""

    def save(self, path: str | os.PathLike[str], tensors: dict[str, Any], metadata: dict[str, str]) -> None:
        """Write a state file, whole or not at all."""


def backend_for(inputs: dict[str, Any], dtype: Any, network_dtype: Any, differentiable: bool | None) -> Backend:
    """Return the backend of the library that all inputs come from."""
    torch = sys.modules.get("torch")
    if torch is not None and all(isinstance(x, torch.Tensor) for x in inputs.values()):
        from stepladder.torch.executor import TorchBackend

        tracked = any(x.requires_grad for x in inputs.values()) if differentiable is None else differentiable
        return TorchBackend(inputs["x"], dtype, network_dtype, tracked)
    if all(isinstance(x, np.ndarray) for x in inputs.values()):
        from stepladder._array import ArrayBackend

        if differentiable:
            msg = "differentiable=True needs torch tensors; got NumPy arrays"
            raise ExecutionError(msg)
        return ArrayBackend(inputs["x"], dtype)
    kinds = ", ".join(f"{name} is {type(x).__module__}.{type(x).__qualname__}" for name, x in inputs.items())
    msg = f"{kinds}; expected torch tensors or NumPy arrays, all of one kind"
    raise ExecutionError(msg)


def load_state(path: str | os.PathLike[str], device: str | None) -> tuple[dict[str, Any], dict[str, str]]:
    """Read a state file: its tensors, of the kind that was saved, and its metadata."""
    from stepladder.io import read_header, read_tensors

    metadata = read_header(path).metadata
    found = metadata.get("format"), metadata.get("version")
    if found != (STATE_FORMAT, STATE_VERSION):
        msg = (
            f"{path} is format {found[0]!r} version {found[1]!r}; "
            f"this release reads {STATE_FORMAT!r} version {STATE_VERSION!r}"
        )
        raise FileFormatError(msg)
    if metadata.get("library") == "numpy":
        tensors, _ = read_tensors(path)
        return dict(tensors), metadata
    if metadata.get("library") != "torch":
        msg = f"{path} names library {metadata.get('library')!r}; a state file names 'numpy' or 'torch'"
        raise FileFormatError(msg)
    from stepladder.torch.executor import load_tensors

    return load_tensors(path, device), metadata


def describe(shape: tuple[int, ...]) -> str:
    """Shape as text, without NumPy's or torch's type around it."""
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
