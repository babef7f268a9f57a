"""What samplers refuse, and in which words."""

import math
import re

import numpy as np
import pytest
import stepladder as sl
from methods import METHODS
from methods.method import NUMBER
from stepladder.errors import ExecutionError, ProgramError, SamplerError, UnknownNameError
from test_sampler import Multistep, rows_of, takes_flow

DESCENDING = "expected a value below the one before it: samplers divide by the difference"
LENGTH = "expected one dimension of at least two values"
BAD_SIGMAS = [
    ([3.0, math.nan, 1.0], f"sigmas[1] is NaN; {NUMBER}"),
    ([math.nan, 1.0], f"sigmas[0] is NaN; {NUMBER}"),
    ([math.inf, 1.0], f"sigmas[0] is inf; {NUMBER}"),
    ([3.0, -1.0], f"sigmas[1] is -1; {NUMBER}"),
    ([1.0, 2.0], f"sigmas[1] is 2; {DESCENDING}"),
    ([3.0, 2.0, 2.0], f"sigmas[2] is 2; {DESCENDING}"),
    ([3.0, 0.0, 0.0], f"sigmas[2] is 0; {DESCENDING}"),
    ([], f"sigmas has shape (0,); {LENGTH}"),
    ([1.0], f"sigmas has shape (1,); {LENGTH}"),
    ([[3.0, 1.0]], f"sigmas has shape (1, 2); {LENGTH}"),
    (3.0, f"sigmas has shape (); {LENGTH}"),
    (None, "sigmas holds object; expected real numbers"),
    (["a", "b"], "sigmas holds <U1; expected real numbers"),
    ("karras", "sigmas holds <U6; expected real numbers"),
    ([3.0, 1j], "sigmas holds complex128; expected real numbers"),
    ([True, False], "sigmas holds bool; expected real numbers"),
]


@pytest.mark.parametrize(("sigmas", "text"), BAD_SIGMAS, ids=lambda v: str(v)[:30])
@pytest.mark.parametrize("sampler", [sl.EulerSampler(), sl.Dpmpp2mSdeSampler(), Multistep(0.5)])
def test_bad_sigmas(sampler, sigmas, text):
    with pytest.raises(SamplerError, match=f"^{re.escape(text)}$"):
        sampler.compile(sigmas)


def test_complex_sigmas():
    with pytest.raises(SamplerError):
        sl.EulerSampler().compile(np.array([3.0 + 4.0j, 1.0]))


def test_step_limit():
    sampler = sl.EulerSampler()
    assert len(sampler.compile(np.linspace(2.0, 1.0, 100_001))) == 100_000
    with pytest.raises(ProgramError, match=r"^a program has 100001 steps; expected 1 to 100000$"):
        sampler.compile(np.linspace(2.0, 1.0, 100_002))


BAD_OPTIONS = rows_of("bad")


@pytest.mark.parametrize(("name", "row"), BAD_OPTIONS, ids=lambda v: str(v)[:60])
def test_bad_options(name, row):
    options, text = row
    with pytest.raises(SamplerError, match=f"^{re.escape(text)}$"):
        sl.sampler(name, **options).compile([3.0, 1.0])


def test_a_curve_of_another_length():
    sampler = sl.sampler("euler_ancestral", eta=[1.0, 0.5, 0.2])
    with pytest.raises(SamplerError, match=r"^eta has 3 values; expected 1 or 2, one per step$"):
        sampler.compile([3.0, 2.0, 1.0])


@pytest.mark.parametrize(
    ("name", "options", "sigmas", "text"),
    [
        (
            "uni_pc",
            {"sigma_end": 0.5},
            [10.0, 5.0, 0.3, 0.0],
            "sigma_end is 0.5; expected less than 0.3, the sigma before the 0 that it stands for, or 0 to keep the 0",
        ),
        (
            "uni_pc_bh2",
            {"disable_corrector": (1, 99)},
            [10.0, 5.0, 0.3, 0.0],
            "disable_corrector[1] is 99; expected a step of the run, counted from 0; leave later ones out",
        ),
        (
            "sa_solver",
            {"end": "before_last"},
            [3.0, 1.0],
            'end is "before_last" and there is 1 step, which leaves none; expected at least 2 steps, or end "last"',
        ),
    ],
)
def test_options_that_do_not_fit_the_sigmas(name, options, sigmas, text):
    sampler = sl.sampler(name, **options)
    with pytest.raises(SamplerError, match=f"^{re.escape(text)}$"):
        sampler.compile(sigmas)
    sampler.compile(np.linspace(1000.0, 900.0, 101))


def test_noise_of_one_path_is_asked_for():
    program = sl.sampler("dpmpp_sde").compile([3.0, 1.0, 0.5])
    text = (
        "the program draws noise 4 times, over overlapping intervals, and noise is None; pass a source of one path, or "
        "sl.noise_source('iid', seed=…, independent=True) at a lower order"
    )
    with pytest.raises(ExecutionError, match=f"^{re.escape(text)}$"):
        sl.sample(program, lambda x, sigma: x, np.ones((1, 2)))
    sl.sample(program, lambda x, sigma: x, np.ones((1, 2)), sl.noise_source("iid", seed=3, independent=True))


def test_names():
    with pytest.raises(UnknownNameError, match=re.escape("unknown sampler 'eular'; close: 'euler'")):
        sl.sampler("eular")
    with pytest.raises(SamplerError, match=re.escape("sampler 'dpmpp_2m' has no parameter 'eta'")):
        sl.sampler("dpmpp_2m", eta=1.0)


class Flow(sl.NoiseProcess):
    """x = (1 - sigma) x0 + sigma noise."""

    family, sigma_min, sigma_max, sigmas = "flow", 0.001, 1.0, None

    def sigma(self, t):
        return t

    def timestep(self, sigma, *, interpolate=False):
        return sigma

    def percent_to_sigma(self, percent):
        return 1 - percent


@pytest.mark.parametrize("name", METHODS)
def test_flow_processes_are_refused(name):
    sampler = sl.sampler(name)
    if takes_flow(name):
        sampler.compile([0.9, 0.5, 0.0], Flow())
        return
    text = (
        f"{type(sampler).__name__} is defined for x = x0 + sigma * noise; the process is of family 'flow', "
        "x = (1 - sigma) * x0 + sigma * noise. Use a process of family 've' or 'vp'"
    )
    with pytest.raises(SamplerError, match=f"^{re.escape(text)}$"):
        sampler.compile([1.0, 0.5], Flow())


def test_a_method_without_a_form_for_flows():
    with pytest.raises(SamplerError, match="Multistep is defined for x = x0 \\+ sigma \\* noise"):
        Multistep(0.5).compile([1.0, 0.5], Flow())


def test_a_sigma_above_pure_noise():
    text = "sigmas[0] is 1.5; expected at most 1, pure noise: the process is a flow"
    with pytest.raises(SamplerError, match=f"^{re.escape(text)}$"):
        sl.sampler("euler").compile([1.5, 0.5], Flow())
