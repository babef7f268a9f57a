"""Runs a program from its start to its end in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepladder._execute import Runner

if TYPE_CHECKING:
    from collections.abc import Callable

    from stepladder._execute import NoiseLike, StepInfo
    from stepladder._program import Program


def sample(
    program: Program,
    denoiser: Callable[..., Any],
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
    program, denoiser, x, noise, dtype, differentiable
        As for `Runner`.
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
    runner = Runner(
        program, denoiser, x, noise, denoised=callback is not None, dtype=dtype, differentiable=differentiable
    )
    return runner.run(callback, progress=progress)
