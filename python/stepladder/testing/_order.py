"""Measure how fast a sampler converges."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from stepladder.testing._problems import GaussianProblem, gaussian_problem, mixture_problem
from stepladder.testing._reference import as_many, parsed, run_program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from stepladder._sampler import Sampler
    from stepladder.testing._problems import Problem

    Array = NDArray[np.float64]

SIGMA_MAX: Final = 10.0
SIGMA_MIN: Final = 0.1

_COUNTS: Final = (80, 160, 320)


def measured_order(
    sampler: Sampler,
    *,
    problem: Problem | None = None,
    counts: Sequence[int] = _COUNTS,
    grid: Literal["log", "karras"] = "log",
    sigma_max: float = SIGMA_MAX,
    sigma_min: float = SIGMA_MIN,
) -> float:
    """Measure the order of convergence of a whole run: the slope of log error against -log steps.

    Parameters
    ----------
    sampler
        A method that draws no noise and does not lower its order at the end.
    problem
        None: `mixture_problem()`.
    counts
        Steps of the runs; at least two numbers.
    grid
        Sigmas evenly spaced in log sigma, or Karras' with rho 7.
    sigma_max, sigma_min
        Ends of the grid, both positive: the jump to 0 is no part of an order.

    Returns
    -------
    float
        The least-squares slope.

    Raises
    ------
    ValueError
        The sampler draws noise.
    """
    problem = mixture_problem() if problem is None else problem
    start = problem.start(sigma_max)
    truth: dict[float, Array] = {}
    errors = []
    for count in counts:
        program = parsed(sampler.compile(grid_sigmas(grid, sigma_max, sigma_min, count)))
        end = program["sigma_end"]
        if end not in truth:
            truth[end] = problem.flow(start, sigma_max, end)
        result = run_program(program, as_many(program, problem.denoise), start)
        errors.append(float(np.sqrt(np.mean((result - truth[end]) ** 2))))
    return _slope(counts, errors)


def measured_weak_order(
    sampler: Sampler,
    *,
    problem: GaussianProblem | None = None,
    counts: Sequence[int] = _COUNTS,
    grid: Literal["log", "karras"] = "log",
    sigma_max: float = SIGMA_MAX,
    sigma_min: float = SIGMA_MIN,
) -> float:
    """Measure the order with which the variance of a run converges, with no random number drawn.

    On a Gaussian every register is an affine function of the starting x and of the noise, so the program propagates
    variance exactly. The run starts from the exact marginal, N(mu, s² + sigma_max²), and should end in N(mu, s² +
    sigma_end²); noise over overlapping intervals is correlated as a Brownian motion over sigma is.

    Parameters
    ----------
    sampler
        A stochastic method.
    problem, counts, grid, sigma_max, sigma_min
        As for `measured_order`; problem None: `gaussian_problem()`.

    Returns
    -------
    float
        The least-squares slope of the log error of the variance against -log steps.
    """
    problem = gaussian_problem() if problem is None else problem
    errors = []
    for count in counts:
        program = parsed(sampler.compile(grid_sigmas(grid, sigma_max, sigma_min, count)))
        exact = problem.s**2 + program["sigma_end"] ** 2
        errors.append(abs(_variance(program, problem, problem.s**2 + sigma_max**2) - exact) / exact)
    return _slope(counts, errors)


def grid_sigmas(kind: str, sigma_max: float, sigma_min: float, steps: int) -> Array:
    rho = 7.0
    if kind == "log":
        return np.geomspace(sigma_max, sigma_min, steps + 1)
    return np.linspace(sigma_max ** (1 / rho), sigma_min ** (1 / rho), steps + 1) ** rho


def _slope(counts: Sequence[int], errors: Sequence[float]) -> float:
    """Slope of log error against -log steps; infinite where a method is exact."""
    if max(errors) < 1e-13:
        return math.inf
    return -statistics.linear_regression(
        [math.log(n) for n in counts], [math.log(max(e, 1e-300)) for e in errors]
    ).slope


def _variance(program: Mapping[str, Any], problem: GaussianProblem, variance: float) -> float:
    """Variance of the result of a program on a Gaussian, from that of its input.

    Each register is run as a vector: its dependence on the input's deviation from mu, on every elementary interval of
    the noise path, and on every independent draw.
    """
    draws = [op for op in program["operations"] if op["op"] == "noise"]
    knots = sorted({op[key] for op in draws if op["stream"] == 0 for key in ("sigma_from", "sigma_to")})
    independent = [op["ordinal"] for op in draws if op["stream"] != 0]
    size = 1 + max(len(knots) - 1, 0) + len(independent)

    def noise(like: Array, sigma_from: float, sigma_to: float, stream: int, ordinal: int) -> Array:
        unit = np.zeros_like(like)
        if stream != 0:
            unit[size - len(independent) + independent.index(ordinal)] = 1.0
            return unit
        low, high = sorted((knots.index(sigma_from), knots.index(sigma_to)))
        length = np.diff(knots[low : high + 1])
        unit[1 + low : 1 + high] = np.sqrt(length / (knots[high] - knots[low]))
        return unit

    centred = GaussianProblem(0.0, problem.s)
    vector = run_program(program, as_many(program, centred.denoise), np.eye(1, size)[0], noise)
    return float(vector[0] ** 2 * variance + np.sum(vector[1:] ** 2))
