"""Estimates the error that each step of a run makes."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from stepladder._execute import Runner
from stepladder._sampler import Sampler, levels_of
from stepladder._samplers.runge_kutta import RungeKuttaSampler
from stepladder.errors import SamplerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from stepladder._process import NoiseProcess
    from stepladder._program import Program


@dataclass(frozen=True)
class LocalErrors:
    """What the steps of a run lose, each by itself.

    Parameters
    ----------
    sigmas : tuple of float
        Noise levels of the run.
    errors : tuple of float or None
        For each step, the root mean square over all elements of the distance between its two results, in units of x.
        None for a step to zero, which is the denoised value: nothing says how far that is from the data.
    estimate : {"embedded", "halves"}
        Whether the two results are those of an embedded pair, or of one step and of two half steps.
    model_calls : int
        Over the whole run, second results included.
    """

    sigmas: tuple[float, ...]
    errors: tuple[float | None, ...]
    estimate: Literal["embedded", "halves"]
    model_calls: int

    @property
    def total(self) -> float:
        """Sum of the estimates that there are: about the error of the run, where nothing amplifies or damps it."""
        return sum(error for error in self.errors if error is not None)


def local_errors(
    sampler: Sampler,
    denoiser: Callable[..., Any],
    x: Any,
    sigmas: ArrayLike,
    *,
    process: NoiseProcess | None = None,
    dtype: Any = None,
) -> LocalErrors:
    """Estimate the error of every step of a fixed-step run: how many steps a model needs.

    A Runge-Kutta method with embedded weights is compared with its embedded method, of a lower order. Any other method
    is compared with itself at two steps of half the length in log sigma, which costs three times the model calls; the
    run goes on from the result of the whole step.

    Parameters
    ----------
    sampler : Sampler
        A method without noise whose step uses only its own two levels and x.
    denoiser, x, dtype
        As for `Runner`; x is the sample at `sigmas[0]`.
    sigmas : array_like of shape (steps + 1,)
        Descending noise levels.
    process : NoiseProcess, optional
        As for `Sampler.compile`.

    Returns
    -------
    LocalErrors

    Raises
    ------
    SamplerError
        The sampler draws noise or remembers earlier steps, or the sigmas or the process do not fit it.
    ExecutionError
        Shapes, dtypes or devices do not fit.
    NonFiniteError
        NaN or infinity appeared.

    Source: Hairer, Nørsett and Wanner 1993, Solving Ordinary Differential Equations I, section II.4.
    """
    if not isinstance(sampler, Sampler):
        raise SamplerError(f"sampler is {type(sampler).__name__}; expected a Sampler, as sl.sampler makes")
    levels = levels_of(sigmas).tolist()
    whole = sampler.compile(levels, process)
    embedded = isinstance(sampler, RungeKuttaSampler) and sampler.embedded_order is not None
    if not embedded:
        _check_own_steps(sampler, whole, levels, process)
    errors: list[float | None] = []
    calls = 0
    for s, s_next in itertools.pairwise(levels):
        if s_next == 0.0:
            errors.append(None)
            continue
        if isinstance(sampler, RungeKuttaSampler) and embedded:
            pair = sampler.embedded_pair(s, s_next)
            runner = Runner(pair, denoiser, x, dtype=dtype)
            other, result = runner.advance().x, runner.advance().x
            calls += pair.analysis.model_calls
        else:
            one = sampler.compile([s, s_next], process)
            two = sampler.compile([s, math.sqrt(s) * math.sqrt(s_next), s_next], process)
            result, other = (Runner(p, denoiser, x, dtype=dtype).run() for p in (one, two))
            calls += one.analysis.model_calls + two.analysis.model_calls
        errors.append(float(((result - other) ** 2).mean() ** 0.5))
        x = result
    return LocalErrors(tuple(levels), tuple(errors), "embedded" if embedded else "halves", calls)


def _check_own_steps(sampler: Sampler, whole: Program, levels: list[float], process: NoiseProcess | None) -> None:
    """Refuse a method whose step, compiled by itself, is another than in the whole run."""
    name = type(sampler).__name__
    if whole.analysis.noise_draws:
        raise SamplerError(
            f"{name} draws noise, so two of its results differ by more than an error; expected a method without noise, "
            "or eta 0"
        )
    steps = [(op.sigma, op.sigma_next) for op in whole.steps]
    if steps != list(itertools.pairwise(levels)) or any(
        [port.name for port in whole[i : i + 1].inputs] != ["x"]
        or _numbers(whole[i : i + 1]) != _numbers(sampler.compile(pair, process))
        for i, pair in enumerate(itertools.pairwise(levels))
    ):
        raise SamplerError(
            f"{name} has no error estimate: its steps use more than their own two levels and x, so half steps are "
            "another method's. Use a single-step method such as heun, or one with an embedded pair such as "
            "bogacki_shampine"
        )


def _numbers(program: Program) -> list[Any]:
    """Levels of the model calls and coefficients, in order."""
    return [
        op["sigma"] if op["op"] == "denoise" else [[c for _, c in row["terms"]] for row in op.get("rows", ())]
        for op in program.to_dict()["operations"]
    ]
