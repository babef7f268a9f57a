"""Orders of samplers over a flow, x = (1 - sigma) x0 + sigma noise."""

import itertools
import math

import numpy as np
import problems
import pytest
import stepladder as sl
from methods import METHODS
from stepladder import testing
from stepladder.errors import SamplerError
from test_sampler import FLOW, denoiser_of, rows_of, slopes, start_of, takes_flow, text_of, units

MIXTURE = testing.mixture_problem()
TOP, BOTTOM = 10.0, 0.1
"""Ends of the runs as sigma / (1 - sigma), the level of the same data with noise added."""
COUNTS = (80, 160, 320)
DEVIATION = 0.7


def levels(count):
    """Evenly spaced in log-SNR."""
    u = problems.grid("log", TOP, BOTTOM, count)
    return u / (1.0 + u)


def compiled(name, options, count):
    return sl.sampler(name, **options | METHODS[name].of_flow).compile(levels(count), FLOW)


def flows(field):
    return [row for row in rows_of(field) if takes_flow(row[0])]


def test_every_claim_over_a_flow_is_measured():
    for name in METHODS:
        claims = sl.samplers()[name].claims
        if "flow" in claims.families:
            assert (claims.global_order is not None) == any(name == row[0] for row in flows("ode"))
            assert (claims.weak_order is not None) == any(name == row[0] for row in flows("weak"))


@pytest.mark.parametrize(("name", "options"), flows("ode"), ids=map(text_of, flows("ode")))
def test_global_order(name, options):
    """The probability flow of the mixture is the one with noise added, times 1 - sigma."""
    high, low = TOP / (1.0 + TOP), BOTTOM / (1.0 + BOTTOM)
    start = MIXTURE.start(TOP) * (1.0 - high)
    end = MIXTURE.flow(MIXTURE.start(TOP), TOP, BOTTOM) * (1.0 - low)
    method = METHODS[name]
    if method.upward:
        start, end = end, start
    denoise = problems.for_flow(MIXTURE)
    twice = lambda x, sigma: (denoise(x, sigma),) * 2  # noqa: E731
    denoiser = problems.plain(twice if method.second else denoise)
    claimed = sl.samplers()[name].claims.global_order
    errors = []
    for count in (20, 40, 80) if claimed > 4 else method.counts:  # at 320 steps order 5 is rounding
        result = sl.sample(compiled(name, options, count), denoiser, start)
        errors.append(float(np.sqrt(np.mean((result - end) ** 2))))
    assert min(slopes(errors)) >= claimed - testing.ORDER_MARGIN


@pytest.mark.parametrize("sigmas", [[1.0, 0.0], [0.9, 0.0], [0.9, 0.5, 0.0], [0.9, 0.5, 0.2]], ids=str)
@pytest.mark.parametrize("name", list(filter(takes_flow, METHODS)))
def test_one_and_two_steps(name, sigmas):
    """No result is NaN or far from the data, which a flow keeps at deviation 1."""
    method = METHODS[name]
    if (method.two_positive and np.count_nonzero(sigmas) < 2) or (method.zero_only and sigmas[-1] > 0.0):
        with pytest.raises(SamplerError, match=r"^sigmas"):
            sl.sampler(name, **method.of_flow).compile(sigmas, FLOW)
        return
    program = sl.sampler(name, **method.of_flow).compile(sigmas, FLOW)
    x = start_of(program.sigma_start, flow=True) if program.sigma_start else MIXTURE.start(1.0)
    denoiser = problems.plain(denoiser_of(name, flow=True))
    result = sl.sample(program, denoiser, x, units(x.shape)[0])
    assert np.all(np.isfinite(result))
    assert np.max(np.abs(result)) < method.bound + 3.0 * program.sigma_end


def variance(program):
    """Exact variance of the result for data of N(0, DEVIATION²): the run is linear in x and in the path's increments.

    Row 0 carries x, every other row one stretch of the path between neighbouring ends of noise intervals.
    """
    draws = [op for op in program.operations if hasattr(op, "ordinal")]
    ends = sorted({end for op in draws for end in (op.sigma_from, op.sigma_to)})
    stretches = list(itertools.pairwise(ends))

    def denoiser(x, sigmas):
        s = float(sigmas[0])
        alpha = 1.0 - s
        return alpha * DEVIATION**2 / (alpha**2 * DEVIATION**2 + s * s) * x

    def noise(like, sigma_from, sigma_to):
        made = np.zeros_like(like)
        for row, (low, high) in enumerate(stretches, start=1):
            if sigma_to <= low and high <= sigma_from:
                made[row] = math.sqrt((high - low) / (sigma_from - sigma_to))
        return made

    x = np.zeros((len(stretches) + 1, 1))
    s = program.sigma_start
    x[0] = math.sqrt((1.0 - s) ** 2 * DEVIATION**2 + s * s)
    return float(np.sum(sl.sample(program, denoiser, x, noise) ** 2))


@pytest.mark.parametrize(("name", "options"), flows("weak"), ids=map(text_of, flows("weak")))
def test_weak_order(name, options):
    errors = []
    for count in COUNTS:
        program = compiled(name, options, count)
        s = program.sigma_end
        errors.append(abs(variance(program) / ((1.0 - s) ** 2 * DEVIATION**2 + s * s) - 1.0))
    assert min(slopes(errors)) >= sl.samplers()[name].claims.weak_order - testing.ORDER_MARGIN
