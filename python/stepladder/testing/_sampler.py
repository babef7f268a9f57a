"""What every sampler has to do, and whether it keeps its claims."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from stepladder import _plugins
from stepladder.testing._common import check_entry, check_frozen, processes_to_try
from stepladder.testing._ensure import ensure
from stepladder.testing._order import SIGMA_MAX, SIGMA_MIN, grid_sigmas, measured_order, measured_weak_order
from stepladder.testing._problems import gaussian_problem, mixture_problem
from stepladder.testing._reference import as_many, parsed, run_program, validate_program

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from stepladder._process import NoiseProcess
    from stepladder._sampler import Sampler
    from stepladder.hookspecs import Claims

    Array = NDArray[np.float64]

ORDER_MARGIN: Final = 0.25
"""How far a measured slope may fall short of a claimed order."""


def check_sampler(
    sampler: str | Sampler,
    *,
    claims: Claims | None = None,
    order_variant: Sampler | None = None,
    processes: Iterable[str | NoiseProcess] = (),
    grid: Literal["log", "karras"] = "log",
) -> None:
    """Check that a sampler compiles to valid programs and keeps its claims.

    Its programs are valid, the same each time, and survive JSON; model calls per step, noise and its overlaps, scale
    freedom and orders are what the claims say; a constant denoiser's ODE is solved exactly when an order is claimed.

    Parameters
    ----------
    sampler
        A registered name, or a sampler with its `claims`.
    claims
        What to hold it to. None: what it was registered with.
    order_variant
        The same method with noise and end-lowering off, which `global_order` is about. None: the sampler itself.
    processes
        Names or processes to compile for; each has to be of a family that the claims list. The claims themselves are
        measured in the variance-exploding family; a sampler not defined there is only compiled, for these processes.
    grid
        Where the orders are measured, see `measured_order`.

    Raises
    ------
    AssertionError
        One of these does not hold; the text says what was measured and what is claimed.
    ValueError
        A sampler was given without claims, a stochastic one that claims a global order without `order_variant`, or one
        that is not defined in the variance-exploding family without `processes`.
    """
    made = sampler
    if isinstance(made, str):
        entry = check_entry(_plugins.samplers(), "sampler", made)
        claims = entry.claims if claims is None else claims
        made = _plugins.sampler(made)
    if claims is None:
        raise ValueError(f"check_sampler got {made!r} without claims; give its registered name, or claims=Claims(…)")
    if claims.stochastic and claims.global_order is not None and order_variant is None:
        raise ValueError(
            f"{made!r} draws noise and claims a global order; give order_variant, the method without noise"
        )
    check_frozen(made)
    tried = [process for process, _ in processes_to_try(processes)]
    for process in tried:
        ensure(process.family in claims.families, f"{process!r} is of family {process.family!r}, not claimed")
        bottom = max(process.sigma_min, 1e-3 * process.sigma_max)
        _check_compiles(made, np.append(np.geomspace(process.sigma_max, bottom, 10), 0.0), process)
    if "ve" in claims.families:
        _check_claims(made, claims, made if order_variant is None else order_variant, grid)
    elif not tried:
        raise ValueError(f"{made!r} is defined for {claims.families} only; give processes of these families")


def _check_claims(made: Sampler, claims: Claims, variant: Sampler, grid: Literal["log", "karras"]) -> None:
    """Check everything that needs no process."""
    for sigmas in (grid_sigmas("karras", SIGMA_MAX, SIGMA_MIN, 20), np.array([2.0, 0.5])):
        _check_compiles(made, sigmas)
        _check_compiles(made, np.append(sigmas, 0.0))
    _check_compiles(made, np.array([2.0, 0.0]))
    _check_evaluations(made, claims)
    _check_noise(made, claims)
    if claims.scale_free:
        _check_scale_free(made)
    if claims.global_order is not None:
        _check_constant_denoiser(variant)
        order = measured_order(variant, grid=grid)
        text = f"{variant!r} converges with order {order:.2f}; it claims a global order of {claims.global_order}"
        ensure(order >= claims.global_order - ORDER_MARGIN, text)
    if claims.weak_order is not None:
        order = measured_weak_order(made, grid=grid)
        text = f"the variance of {made!r} converges with order {order:.2f}; it claims a weak order of "
        ensure(order >= claims.weak_order - ORDER_MARGIN, text + str(claims.weak_order))


def _check_compiles(sampler: Sampler, sigmas: Array, process: NoiseProcess | None = None) -> None:
    before = sigmas.copy()
    program = sampler.compile(sigmas, process)
    what = f"{sampler!r} over {len(sigmas) - 1} steps from {sigmas[0]} to {sigmas[-1]}"
    ensure(bool(np.array_equal(before, sigmas)), f"{what}: compile changed the sigmas it was given")
    try:
        validate_program(program)
    except AssertionError as error:
        raise AssertionError(f"{what}: {error}") from error
    ensure(sampler.compile(sigmas, process) == program, f"{what}: compiling twice gives two different programs")
    ensure(type(program).from_json(program.to_json()) == program, f"{what}: JSON does not give the same program back")
    data = parsed(program)
    problem = gaussian_problem()
    result = run_program(program, as_many(data, problem.denoise), problem.start(float(sigmas[0])), _ordinal_noise)
    ensure(bool(np.all(np.isfinite(result))), f"{what}: the result is not finite: {result}")


def _check_evaluations(sampler: Sampler, claims: Claims) -> None:
    steps = 40
    data = parsed(sampler.compile(grid_sigmas("log", SIGMA_MAX, SIGMA_MIN, steps)))
    calls = [index for index, op in enumerate(data["operations"]) if op["op"] == "denoise"]
    first = data["steps"][steps // 2 - 1]["end"] if len(data["steps"]) == steps else 0
    over = steps - steps // 2 if first else steps
    rate = sum(index >= first for index in calls) / over
    tolerance = 1e-9 if first else 0.1 * claims.evaluations
    text = f"{sampler!r} makes {rate:g} model calls per step; it claims {claims.evaluations:g}"
    ensure(abs(rate - claims.evaluations) <= tolerance, text)


def _check_noise(sampler: Sampler, claims: Claims) -> None:
    data = parsed(sampler.compile(grid_sigmas("karras", SIGMA_MAX, SIGMA_MIN, 20)))
    draws = [op for op in data["operations"] if op["op"] == "noise"]
    says = f"it claims stochastic={claims.stochastic}"
    ensure(bool(draws) == claims.stochastic, f"{sampler!r} draws noise {len(draws)} times in 20 steps; {says}")
    path = sorted(sorted((op["sigma_from"], op["sigma_to"])) for op in draws if op["stream"] == 0)
    overlaps = any(after[0] < before[1] for before, after in itertools.pairwise(path))
    says = f"it claims needs_path={claims.needs_path}"
    ensure(overlaps == claims.needs_path, f"{sampler!r}: noise intervals overlap: {overlaps}; {says}")
    ordinals = [op["ordinal"] for op in draws]
    ensure(len(ordinals) == len(set(ordinals)), f"{sampler!r} uses an ordinal twice: {ordinals}")


def _check_scale_free(sampler: Sampler, factor: float = 3.0) -> None:
    sigmas, problem = grid_sigmas("karras", SIGMA_MAX, SIGMA_MIN, 20), mixture_problem()
    start = problem.start(SIGMA_MAX)
    plain, scaled = (parsed(sampler.compile(sigmas * k)) for k in (1.0, factor))
    expected = factor * run_program(plain, as_many(plain, problem.denoise), start, _ordinal_noise)

    def denoise(x: Array, sigma: float) -> Array:
        return factor * problem.denoise(x / factor, sigma / factor)

    result = run_program(scaled, as_many(scaled, denoise), factor * start, _ordinal_noise)
    error = float(np.max(np.abs(result - expected)) / np.max(np.abs(expected)))
    text = f"{sampler!r}: scaling sigmas, data and x by {factor} changes the scaled result by {error:.1e}"
    ensure(error < 1e-9, f"{text}; it claims scale_free=True")


def _check_constant_denoiser(sampler: Sampler) -> None:
    problem = gaussian_problem(s=0.0)
    start = problem.start(SIGMA_MAX)
    program = parsed(sampler.compile(grid_sigmas("karras", SIGMA_MAX, SIGMA_MIN, 20)))
    result = run_program(program, as_many(program, problem.denoise), start)
    error = float(np.max(np.abs(result - problem.flow(start, SIGMA_MAX, program["sigma_end"]))))
    text = f"{sampler!r} misses the straight line to a constant denoised value by {error:.1e}"
    ensure(error < 1e-9, f"{text}; a method with an order follows it exactly")


def _ordinal_noise(like: Array, _from: float, _to: float, stream: int, ordinal: int) -> Array:
    """Noise that depends only on which draw it is."""
    return np.random.default_rng((stream, ordinal)).standard_normal(like.shape)
