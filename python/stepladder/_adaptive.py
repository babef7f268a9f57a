"""Runs a sampler that chooses its steps from the data."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stepladder._execute import Runner, StepInfo
from stepladder._noise import NoiseSource
from stepladder._process import NoiseProcess
from stepladder._program import Program
from stepladder._sampler import levels_of
from stepladder._samplers.dpm_adaptive import DpmAdaptiveSampler
from stepladder.errors import ExecutionError, SamplerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from stepladder._execute import NoiseLike


@dataclass(frozen=True)
class AdaptiveRun:
    """What an adaptive run came to.

    Parameters
    ----------
    x : tensor or ndarray
        The sample at `sigmas[-1]`, of the kind, dtype and device of the x that came.
    sigmas : tuple of float
        Noise levels of the accepted steps, from the first to where the run ended.
    accepted, rejected : int
        Attempted steps that were kept and that were not.
    model_calls : int
        Over all attempts.
    """

    x: Any
    sigmas: tuple[float, ...]
    accepted: int
    rejected: int
    model_calls: int


def sample_adaptive(
    sampler: DpmAdaptiveSampler,
    denoiser: Callable[..., Any],
    x: Any,
    sigmas: ArrayLike,
    noise: NoiseLike | None = None,
    callback: Callable[[StepInfo], object] | None = None,
    *,
    process: NoiseProcess | None = None,
    dtype: Any = None,
) -> AdaptiveRun:
    """Run a sampler that chooses its steps from the data.

    Each attempt is a program of one step. The step after it follows from the error over the whole batch, so a sample's
    result depends on what else is in its batch.

    Parameters
    ----------
    sampler : DpmAdaptiveSampler
        As `sl.sampler("dpm_adaptive")` makes.
    denoiser, x, dtype
        As for `Runner`; x is the sample at `sigmas[0]`.
    sigmas : array_like of shape (steps + 1,)
        Descending noise levels, of which the first and the last positive one count.
    noise : NoiseSource or callable, optional
        `noise(like, sigma_from, sigma_to)` returns unit noise. Needed where `sampler.eta` is above 0.
    callback : callable, optional
        Called with a `StepInfo` after each accepted step.
    process : NoiseProcess, optional
        The noise process the sigmas belong to. `None`: variance exploding.

    Returns
    -------
    AdaptiveRun

    Raises
    ------
    SamplerError
        The sampler is of another kind, the sigmas or the process do not fit it, or the steps become too short.
    ExecutionError
        Shapes, dtypes, devices or the noise source do not fit.
    NonFiniteError
        NaN or infinity appeared; `step` counts accepted steps.
    """
    if not isinstance(sampler, DpmAdaptiveSampler):
        msg = f"sampler is {type(sampler).__name__}; expected a DpmAdaptiveSampler. Compile others and use sl.sample"
        raise SamplerError(msg)
    if process is not None and not isinstance(process, NoiseProcess):
        msg = f"process is {type(process).__name__}; expected a NoiseProcess, as sl.process makes"
        raise SamplerError(msg)
    controller = sampler.controller(sigmas, "ve" if process is None else process.family)
    if sampler.eta > 0.0 and not callable(noise):
        msg = f"eta is {sampler.eta:g} and noise is {type(noise).__name__}; expected sl.noise_source(…) or a callable"
        raise ExecutionError(msg)
    if isinstance(noise, NoiseSource) and sampler.eta > 0.0:
        positive = [level for level in levels_of(sigmas).tolist() if level > 0.0]
        noise.start(x, positive[-1], positive[0], 0)
    given, before, levels, calls = x, x, [controller.sigma], 0
    while (attempt := controller.attempt()) is not None:
        sigma, sigma_next, up, core = attempt
        program = Program._of(core, repr(sampler))
        runner = Runner(program, denoiser, x, denoised=callback is not None, dtype=dtype)
        first = runner.advance()
        low, high = first.x, runner.advance().x
        calls += program.analysis.model_calls
        if not controller.judge(_error(low, high, before, sampler)):
            continue
        before, x = low, high
        if up > 0.0 and noise is not None:
            x = x + noise(x, sigma, sigma_next) * (up * sampler.s_noise)
        levels.append(sigma_next)
        if callback is not None:
            callback(StepInfo(controller.accepted - 1, sigma, sigma_next, x, first.denoised))
    x = x.astype(given.dtype) if isinstance(x, np.ndarray) else x.to(given.dtype)
    return AdaptiveRun(x, tuple(levels), controller.accepted, controller.rejected, calls)


def _error(low: Any, high: Any, before: Any, sampler: DpmAdaptiveSampler) -> float:
    """Distance of the two results relative to the tolerance, as a root mean square over all elements."""
    maximum = np.maximum if isinstance(low, np.ndarray) else sys.modules["torch"].maximum
    tolerance = (maximum(abs(low), abs(before)) * sampler.rtol).clip(min=sampler.atol)
    return float((((low - high) / tolerance) ** 2).mean() ** 0.5)
