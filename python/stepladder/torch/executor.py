"""Torch tensors as the state of a run: the fused kernel where it may touch them, torch's operations elsewhere."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, final

import numpy as np
import torch

from stepladder._array import _check_sample
from stepladder._backend import describe
from stepladder.errors import ExecutionError, FileFormatError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable


_CODES = {torch.float32: 0, torch.float64: 1, torch.float16: 2, torch.bfloat16: 3}
_BYTES = (4, 8, 2, 2)
_STRIDED, _CONTIGUOUS = torch.strided, torch.contiguous_format
_NAMES = "float32, float64, float16 or bfloat16"


def _transformed() -> bool:
    """Whether torch is recording rather than computing: tracing, compiling, inside a function transform."""
    return bool(
        torch._C._get_tracing_state() is not None
        or torch.compiler.is_compiling()
        or torch._C._functorch.maybe_current_level() is not None
        or torch.autograd.forward_ad._current_level >= 0
    )


@final
class TorchBackend:
    """One run over torch tensors."""

    def __init__(self, x: torch.Tensor, dtype: Any, network_dtype: Any, differentiable: bool) -> None:
        _check_sample(tuple(x.shape), x.numel())
        if x.dtype not in _CODES:
            msg = f"x has dtype {x.dtype}; expected {_NAMES}"
            raise ExecutionError(msg)
        if x.device.type == "meta":
            msg = "x is on the meta device, which has no values; use a real one"
            raise ExecutionError(msg)
        state = dtype if dtype is not None else torch.float64 if x.dtype == torch.float64 else torch.float32
        if not isinstance(state, torch.dtype) or state not in _CODES:
            msg = f"dtype is {state!r}; expected torch.float32, float64, float16 or bfloat16"
            raise ExecutionError(msg)
        self.numel, self._shape, self._device = x.numel(), x.shape, x.device
        self._given, self._state, self._network = x.dtype, state, network_dtype or state
        self._grad = differentiable
        # Inside a transform, or where gradients are tracked, only torch's own operations know what happens.
        self._looks = not _transformed()
        self._kernel = self._looks and not self._grad and x.device.type == "cpu"
        # A subclass, or a tensor that only stands for one, is no pattern for the kernel's own memory; nor is the device
        # that torch makes new tensors on by default.
        self._pattern = x if type(x) is torch.Tensor else torch.empty(x.shape, device="cpu")
        self._bad: tuple[int, int] | None = None
        self._flags: list[tuple[int, torch.Tensor]] = []
        recorded = torch.is_grad_enabled() and self._kernel
        self.written: Callable[[Any], None] | None = torch.autograd.graph.increment_version if recorded else None

    @property
    def given(self) -> str:
        """Name of the dtype that came."""
        return str(self._given).removeprefix("torch.")

    def give_back_as(self, dtype: str, path: str | os.PathLike[str]) -> None:
        """Results of a resumed run."""
        names = {str(known).removeprefix("torch."): known for known in _CODES}
        if dtype not in names:
            msg = f"{path} names dtype {dtype!r}; expected one of {', '.join(names)}"
            raise FileFormatError(msg)
        self._given = names[dtype]

    def context(self) -> AbstractContextManager[Any]:
        """Without gradients unless they are tracked; tracking respects the caller's own setting."""
        return nullcontext() if self._grad else torch.no_grad()

    def admit(self, x: torch.Tensor, name: str) -> torch.Tensor:
        """`x` in the state dtype."""
        if x.shape != self._shape or x.device != self._device:
            msg = (
                f"{name} has shape {describe(tuple(x.shape))} on {x.device}; "
                f"expected {describe(tuple(self._shape))} on {self._device}, as x"
            )
            raise ExecutionError(msg)
        if x.layout != torch.strided:
            msg = f"{name} has layout {x.layout}; expected torch.strided"
            raise ExecutionError(msg)
        return x.to(self._state)

    def take(self, t: Any, what: str, step: int) -> tuple[int, int, tuple[int, int]]:
        """Check shape, device, layout and dtype; tell pointer, code and bounds.

        The one place that decides what the kernel may touch: plain contiguous CPU memory that nothing else interprets.
        Subclasses, fake and functional tensors are not `type(t) is torch.Tensor`.
        """
        if (
            self._kernel
            and type(t) is torch.Tensor
            and t.layout is _STRIDED
            and t.is_cpu
            and t.shape == self._shape
            and t.is_contiguous()
            and not t.is_neg()
        ):
            dtype = t.dtype
            code = _CODES.get(dtype)
            if code is not None:
                begin = t.data_ptr()
                return begin, code, (begin, begin + self.numel * _BYTES[code])
        return self._take_other(t, what, step)

    def _take_other(self, t: Any, what: str, step: int) -> tuple[int, int, tuple[int, int]]:
        if not isinstance(t, torch.Tensor):
            msg = f"{what} {type(t).__name__} at step {step}; expected a torch tensor, like x"
            raise ExecutionError(msg)
        if t.shape != self._shape or t.device != self._device or t.dtype not in _CODES or t.layout != torch.strided:
            msg = (
                f"{what} shape {describe(tuple(t.shape))} of {t.dtype} ({t.layout}) on {t.device} at step {step}; "
                f"expected {describe(tuple(self._shape))} of {_NAMES}, strided, on {self._device}"
            )
            raise ExecutionError(msg)
        if not self._looks or type(t) is not torch.Tensor:
            return 0, _CODES[t.dtype], (0, 0)
        # Strides may be zero or large, never negative: the last element is the farthest.
        last = sum((n - 1) * s for n, s in zip(t.shape, t.stride(), strict=True))
        begin = t.data_ptr()
        return 0, _CODES[t.dtype], (begin, begin + (last + 1) * t.element_size())

    def empty(self, network_input: bool) -> tuple[torch.Tensor, int, int, tuple[int, int]]:
        """Return a new contiguous tensor."""
        dtype = self._network if network_input else self._state
        t = torch.empty_like(self._pattern, dtype=dtype, memory_format=_CONTIGUOUS)
        return (t, *self.take(t, "", 0))

    def combine(self, terms: list[tuple[torch.Tensor, float]], network_input: bool) -> torch.Tensor:
        """Sum of coefficient times tensor in the kernel's order and precision, by torch."""
        wide = torch.float64 if any(t.dtype == torch.float64 for t, _ in terms) else torch.float32
        if self._state == torch.float64:
            wide = torch.float64
        (first, c), *rest = terms
        total = first.to(wide) * c
        for t, c in rest:
            total = torch.add(total, t.to(wide), alpha=c)
        return total.to(self._network if network_input else self._state)

    def clone(self, t: torch.Tensor) -> torch.Tensor:
        """A copy, in the same memory format."""
        return t.clone()

    def bad_sample(self, t: torch.Tensor) -> int | None:
        """First sample that is not finite."""
        bad = torch.nonzero(~self._finite(t))
        return int(bad[0]) if bad.numel() else None

    @staticmethod
    def _finite(t: torch.Tensor) -> torch.Tensor:
        return torch.isfinite(t.detach()).reshape(t.shape[0], -1).all(dim=1)

    def watch(self, t: torch.Tensor, step: int) -> None:
        """On the CPU look now; elsewhere leave a flag on the device, so that nothing waits for it."""
        if not self._looks:
            return
        if self._device.type != "cpu":
            self._flags.append((step, self._finite(t)))
        elif self._bad is None and (sample := self.bad_sample(t)) is not None:
            self._bad = (step, sample)

    def found_bad(self) -> bool:
        """Whether a look on the CPU found any."""
        return self._bad is not None

    def first_bad(self) -> tuple[int, int] | None:
        """The first find; reads the device's flags, once."""
        if self._flags and self._bad is None:
            finite = torch.stack([flag for _, flag in self._flags]).cpu()
            bad = torch.nonzero(~finite)
            if bad.numel():
                row, sample = bad[0].tolist()
                self._bad = (self._flags[row][0], sample)
        self._flags.clear()
        return self._bad

    def result(self, t: torch.Tensor) -> torch.Tensor:
        """`t` in the dtype that came."""
        return t.to(self._given)

    def noise_levels(self, sigmas: np.ndarray[Any, Any]) -> list[Any]:
        """Rows of one (calls, batch) tensor on x's device, filled before the run."""
        rows = np.empty((sigmas.size, self._shape[0]), np.float64 if self._state == torch.float64 else np.float32)
        rows[:] = sigmas[:, None]
        return list(torch.from_numpy(rows).to(self._device).unbind(0))

    def save(self, path: str | os.PathLike[str], tensors: dict[str, Any], metadata: dict[str, str]) -> None:
        """Write a state file."""
        from safetensors.torch import save

        from stepladder.io import write_whole

        detached = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
        write_whole(path, save(detached, {**metadata, "library": "torch"}))


def load_tensors(path: str | os.PathLike[str], device: str | None) -> dict[str, torch.Tensor]:
    """Read a safetensors file whose header has been checked."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path, device=device or "cpu")
    except SafetensorError as error:
        msg = f"{path} cannot be read: {error}"
        raise FileFormatError(msg) from error
