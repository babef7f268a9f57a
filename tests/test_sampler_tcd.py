"""Trajectory consistency sampling: its exact values where the incumbents' file cannot be met, and its process."""

import re

import numpy as np
import problems
import pytest
import stepladder as sl
from methods import PEER_EXCLUDED
from reference.sampler_tcd import LEVELS, tcd
from stepladder.errors import SamplerError
from test_sampler import CASES, DISCRETE, case_id

TCD = [case for case in CASES if case["sampler"] == "tcd"]


FLOAT32_LEVELS = LEVELS.astype(np.float32).astype(np.float64)
"""The peer's table. Where a level is next to the lowest of the table, the noise between them is the root of their
difference, and shows the seventh digit."""


def run_case(case, levels, *, host=False):
    """The case by the independent version, as its host ends it: at the lowest level, x scaled to variance 1."""
    shape = problems.reference()["shape"]
    sigmas = [*problems.reference()["schedules"][case["schedule"]][:-1], levels[0]]
    generator = np.random.default_rng(case["seed"])
    x = generator.standard_normal(shape) * sigmas[0]
    denoiser = problems.per_point(problems.reference_mixture().denoise)
    denoise = lambda x, sigma: denoiser(x, np.array([sigma]))  # noqa: E731
    result = tcd(denoise, x, sigmas, lambda k: generator.standard_normal(shape), levels=levels, host=host)
    return result / np.sqrt(1 + levels[0] ** 2)


@pytest.mark.parametrize("case", TCD, ids=case_id)
def test_the_incumbents_values_with_their_table(case):
    """What is left of the difference once their table and their end are taken over is below the file's tolerance."""
    assert case["sampler"] in PEER_EXCLUDED
    np.testing.assert_allclose(run_case(case, FLOAT32_LEVELS, host=True).ravel(), case["result"], rtol=1e-6, atol=0)


@pytest.mark.parametrize("case", TCD, ids=case_id)
def test_our_values_are_those_of_the_exact_table(case):
    """The same case by a program over exact levels, ended at the lowest."""
    shape = problems.reference()["shape"]
    sigmas = [*problems.reference()["schedules"][case["schedule"]][:-1], float(DISCRETE.sigma(0.0))]
    program = sl.sampler("tcd").compile(sigmas, DISCRETE)
    generator = np.random.default_rng(case["seed"])
    x = generator.standard_normal(shape) * sigmas[0]
    draw = lambda *_: generator.standard_normal(shape)  # noqa: E731
    result = sl.sample(program, problems.per_point(problems.reference_mixture().denoise), x, draw)
    ends_at_the_lowest = case["schedule"] == "karras10"  # to seven digits: the host draws noise for the eighth
    assert program.analysis.noise_draws == len(case["noise_intervals"]) - ends_at_the_lowest
    np.testing.assert_allclose(result / np.sqrt(1 + sigmas[-1] ** 2), run_case(case, LEVELS), rtol=1e-10, atol=1e-12)


def test_the_excluded_cases_are_those_of_the_file():
    assert set(PEER_EXCLUDED) <= {case["sampler"] for case in CASES}


@pytest.mark.parametrize("name", ["edm", "vp_sde", "stable_cascade"])
def test_a_process_whose_times_are_not_counted(name):
    process = sl.process(name)
    text = f"tcd steps through the times of a process, got {process!r}, whose times do not count a table of levels; "
    with pytest.raises(SamplerError, match=f"^{re.escape(text)}give compile a discrete process$"):
        sl.sampler("tcd").compile([5.0, 1.0, 0.0], process)


def test_stages_are_never_above_the_next_level():
    """A level between two of the table is told the nearer time, whose level may be above it."""
    between = float(np.sqrt(DISCRETE.sigma(400.0) * DISCRETE.sigma(401.0))) * 0.9999
    program = sl.sampler("tcd", eta=1e-9).compile([5.0, between], DISCRETE)
    assert all(np.isfinite(c) for op in program.operations if hasattr(op, "rows") for r in op.rows for _, c in r.terms)
    below = [5.0, 0.5 * float(DISCRETE.sigma(0.0))]
    assert sl.sampler("tcd", eta=1.0).compile(below, DISCRETE) == sl.sampler("euler").compile(below)
