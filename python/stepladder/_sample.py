"""Runs a program from its start to its end in one call."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stepladder._execute import Runner
from stepladder.errors import ExecutionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepladder._execute import NoiseLike, StepInfo
    from stepladder._program import Program


def sample(
    program: Program,
    denoiser: Callable[..., Any] | Mapping[int, Callable[..., Any]],
    x: Any,
    noise: NoiseLike | None = None,
    callback: Callable[[StepInfo], object] | None = None,
    *,
    progress: bool | None = None,
    dtype: Any = None,
    differentiable: bool | None = None,
) -> Any:
    """Run a program to its end.

    Parameters
    ----------
    program, x, noise, dtype, differentiable
        As for `Runner`.
    denoiser : callable, or mapping of int to callable
        As for `Runner`; a mapping gives each denoiser the steps from its key up to the next one, counted from the start
        of `program`, as `{0: base, 20: refiner}`. History is kept across the switch; a program joined by
        `Program.concatenate(..., history="restart")` has none to keep.
    callback, progress
        As for `Runner.run`.

    Returns
    -------
    tensor or ndarray
        x at `program.sigma_end`, of the kind, dtype and device of `x`.

    Raises
    ------
    ExecutionError
        Shapes, dtypes, devices or the noise source do not fit.
    NonFiniteError
        NaN or infinity appeared; says at which step and in which sample.
    """
    if isinstance(denoiser, Mapping):
        return _switched(program, denoiser, x, noise, callback, progress, dtype, differentiable)
    runner = Runner(
        program, denoiser, x, noise, denoised=callback is not None, dtype=dtype, differentiable=differentiable
    )
    return runner.run(callback, progress=progress)


def _switched(
    program: Program,
    denoisers: Mapping[int, Callable[..., Any]],
    x: Any,
    noise: NoiseLike | None,
    callback: Callable[[StepInfo], object] | None,
    progress: bool | None,
    dtype: Any,
    differentiable: bool | None,
) -> Any:
    """Run the parts of a program with a denoiser each."""
    starts = sorted(denoisers)
    if any(isinstance(s, bool) or not isinstance(s, int) for s in starts) or not starts or starts[0] != 0:
        raise ExecutionError(f"denoisers start at steps {starts}; expected whole numbers, the first of them 0")
    if starts[-1] >= len(program):
        raise ExecutionError(f"a denoiser starts at step {starts[-1]}; the program has {len(program)} steps")
    state = x
    for start, stop in itertools.pairwise([*starts, len(program)]):
        part = program[start:stop]
        runner = Runner(
            part,
            denoisers[start],
            state,
            noise,
            denoised=callback is not None,
            dtype=dtype,
            differentiable=differentiable,
        )
        result = runner.run(callback, progress=progress)
        state = runner.outputs
    return result
