"""Samplers: the incumbents' values, an independent slow version, orders, limits, refusals."""

import functools
import json
import math
import re
from dataclasses import dataclass

import numpy as np
import problems
import pytest
import stepladder as sl
import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
)
from hypothesis import given
from hypothesis import strategies as st
from reference import sampler as slow
from stepladder import testing
from stepladder.errors import ProgramError, SamplerError, UnknownNameError

# Names of the reference that are one of our samplers with options.
VARIANTS = {"dpmpp_2m_sde_heun": ("dpmpp_2m_sde", {"solver_type": "heun"})}
SLOW = {name: getattr(slow, name) for name in ("euler", "euler_ancestral", "heun", "dpmpp_2m", "dpmpp_2m_sde")}
SINGLE_STEP = ("euler", "euler_ancestral", "heun")
# Every method with options that reach all its code.
OPTIONS = [
    ("euler", {}),
    ("euler", {"s_churn": 30.0, "s_tmin": 0.3, "s_tmax": 8.0, "s_noise": 1.01}),
    ("euler_ancestral", {}),
    ("euler_ancestral", {"eta": 0.4, "s_noise": 0.9}),
    ("heun", {}),
    ("heun", {"s_churn": 5.0, "s_noise": 1.02}),
    ("dpmpp_2m", {}),
    ("dpmpp_2m_sde", {}),
    ("dpmpp_2m_sde", {"eta": 0.4, "s_noise": 1.1, "solver_type": "heun"}),
]


def text_of(option):
    return "-".join([option[0], *(f"{k}={v}" for k, v in option[1].items())])


all_options = pytest.mark.parametrize(("name", "options"), OPTIONS, ids=map(text_of, OPTIONS))
MIXTURE = testing.mixture_problem()


# The incumbents' values

CASES = problems.reference()["cases"]


def case_id(case):
    return text_of((case["sampler"], case["kwargs"])) + "-" + case["schedule"]


def made(case):
    name, fixed = VARIANTS.get(case["sampler"], (case["sampler"], {}))
    return sl.sampler(name, **fixed, **case["kwargs"])


def compiled(case):
    return made(case).compile(problems.reference()["schedules"][case["schedule"]])


def result_of(case, program, library="numpy"):
    """x as the host makes it: the run's seed makes x first and then its noise, seed + 1 makes churn."""
    shape = problems.reference()["shape"]
    generator = np.random.default_rng(case["seed"])
    x = generator.standard_normal(shape) * program.sigma_start
    churn = problems.drawn(shape, case["seed"] + 1)
    intervals = iter(case["noise_intervals"])
    draws = 0

    def noise(like, sigma_from, sigma_to):
        nonlocal draws
        draws += 1
        if sigma_to > sigma_from:  # only churn goes up
            return kind(churn(like, sigma_from, sigma_to))
        assert [sigma_from, sigma_to] == next(intervals)
        return kind(generator.standard_normal(shape))

    denoiser = problems.per_point(problems.reference_mixture().denoise)
    kind = (lambda a: a) if library == "numpy" else torch.from_numpy
    if library == "torch":
        denoiser = problems.for_torch(denoiser)
    result = sl.sample(program, denoiser, kind(x), noise)
    assert draws == case["churn_draws"] + len(case["noise_intervals"])
    return np.asarray(result)


def check_case(case, program, library="numpy"):
    result = result_of(case, program, library)
    np.testing.assert_allclose(result.ravel(), case["result"], rtol=1e-6, atol=0)


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_peer_values(case, library):
    program = compiled(case)
    assert program.analysis.model_calls == case["nfe"]
    check_case(case, program, library)


def test_every_sampler_has_reference_cases():
    assert {VARIANTS.get(case["sampler"], (case["sampler"],))[0] for case in CASES} == set(SLOW)
    assert set(SLOW) <= set(sl.samplers())


# The independent slow version


@st.composite
def schedules(draw, steps=st.integers(1, 8)):
    """Descending sigmas, geometric steps of very different lengths, ending at zero or above."""
    ratios = draw(st.lists(st.floats(0.05, 0.99), min_size=(n := draw(steps)), max_size=n))
    sigmas = draw(st.floats(0.5, 80.0)) * np.cumprod([1.0, *ratios])
    if draw(st.booleans()):
        sigmas[-1] = 0.0
    return sigmas


small = st.floats(0.0, 1.5)
churns = st.fixed_dictionaries(
    {}, optional={"s_churn": st.floats(0.0, 10.0), "s_tmin": small, "s_tmax": st.floats(2.0, 50.0), "s_noise": small}
)
RANDOM_OPTIONS = {
    "euler": churns,
    "heun": churns,
    "euler_ancestral": st.fixed_dictionaries({}, optional={"eta": small, "s_noise": small}),
    "dpmpp_2m": st.just({}),
    "dpmpp_2m_sde": st.fixed_dictionaries(
        {}, optional={"eta": small, "s_noise": small, "solver_type": st.sampled_from(["midpoint", "heun"])}
    ),
}


def units(shape, seed=5):
    """The same unit noise for ours, which asks in order, and for the slow version, which asks by number."""
    numbered = functools.cache(lambda k: np.random.default_rng((seed, k)).standard_normal(shape))
    count = iter(range(10**6))
    return (lambda like, sigma_from, sigma_to: numbered(next(count))), numbered


@pytest.mark.parametrize("name", RANDOM_OPTIONS)
@given(data=st.data())
def test_slow_version(name, data):
    sigmas, options = data.draw(schedules()), data.draw(RANDOM_OPTIONS[name])
    x = MIXTURE.start(sigmas[0])
    noise, numbered = units(x.shape)
    ours = sl.sample(sl.sampler(name, **options).compile(sigmas), problems.plain(MIXTURE.denoise), x, noise)
    arguments = () if name == "dpmpp_2m" else (numbered,)
    expected = SLOW[name](MIXTURE.denoise, x, sigmas.tolist(), *arguments, **options)
    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-12 * np.max(np.abs(expected)))


def numbers(program):
    """Every coefficient, and the sigma of every model call, of a program as a dictionary: (container, key)."""
    for op in program["operations"]:
        if op["op"] == "denoise":
            yield op, "sigma"
        for row in op.get("rows", ()):
            yield from ((term, 1) for term in row["terms"])


@all_options
def test_slow_version_sees_every_number(name, options):
    """One number that is wrong by a thousandth makes the comparison above fail, whichever it is."""
    sigmas = [9.0, 4.0, 1.5, 0.4, 0.0]
    x = MIXTURE.start(sigmas[0])
    arguments = () if name == "dpmpp_2m" else (units(x.shape)[1],)
    expected = SLOW[name](MIXTURE.denoise, x, sigmas, *arguments, **options)

    def agrees(program):
        result = sl.sample(program, problems.plain(MIXTURE.denoise), x, units(x.shape)[0])
        return np.allclose(result, expected, rtol=1e-12, atol=1e-12 * np.max(np.abs(expected)))

    program = sl.sampler(name, **options).compile(sigmas)
    assert agrees(program)
    document = program.to_dict()
    places = list(numbers(document))
    assert len(places) >= 2 * 3 + 4
    for at, (container, key) in enumerate(places):
        right = container[key]
        container[key] = 1.001 * right
        assert not agrees(sl.Program.from_json(json.dumps(document))), f"number {at} of {len(places)}"
        container[key] = right


@pytest.mark.parametrize("name", SLOW)
def test_peer_values_see_the_final_step(name):
    """The incumbents' values, too, notice a coefficient wrong by a thousandth: of the last pass, which nothing damps."""
    case = next(c for c in CASES if c["sampler"] == name)
    document = compiled(case).to_dict()
    last = [op for op in document["operations"] if op["op"] == "combine"][-1]
    last["rows"][0]["terms"][0][1] *= 1.001
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check_case(case, sl.Program.from_json(json.dumps(document)))


# Orders

COUNTS = (80, 160, 320)
TOP, BOTTOM = 10.0, 0.1


def slopes(errors):
    """Order of convergence from each run to the one of twice the steps."""
    return [math.log2(coarse / fine) for coarse, fine in zip(errors[:-1], errors[1:], strict=True)]


@functools.cache
def exact_flow():
    return MIXTURE.flow(MIXTURE.start(TOP), TOP, BOTTOM)


def order_on_mixture(sampler, kind):
    """Smallest slope of the error in the probability-flow ODE of the mixture, by the executor."""
    errors = []
    for count in COUNTS:
        sigmas = problems.grid(kind, TOP, BOTTOM, count)
        result = sl.sample(sampler.compile(sigmas), problems.plain(MIXTURE.denoise), MIXTURE.start(TOP))
        errors.append(float(np.sqrt(np.mean((result - exact_flow()) ** 2))))
    return min(slopes(errors))


# The noise-free form of every method, and the order it claims.
ODE_FORMS = [
    ("euler", {}),
    ("heun", {}),
    ("euler_ancestral", {"eta": 0.0}),
    ("dpmpp_2m", {}),
    ("dpmpp_2m_sde", {"eta": 0.0}),
    ("dpmpp_2m_sde", {"eta": 0.0, "solver_type": "heun"}),
]


@pytest.mark.parametrize("kind", ["karras", "log"])
@pytest.mark.parametrize(("name", "options"), ODE_FORMS, ids=map(text_of, ODE_FORMS))
def test_global_order(name, options, kind):
    claimed = sl.samplers()[name].claims.global_order
    assert order_on_mixture(sl.sampler(name, **options), kind) >= claimed - testing.ORDER_MARGIN


@pytest.mark.parametrize("kind", ["karras", "log"])
@pytest.mark.parametrize(("name", "options"), ODE_FORMS, ids=map(text_of, ODE_FORMS))
def test_the_conformance_kit_measures_the_same_order(name, options, kind):
    """`testing.measured_order` runs its own interpreter on its own grids; here the executor and the grids above."""
    sampler = sl.sampler(name, **options)
    assert testing.measured_order(sampler, grid=kind) == pytest.approx(order_on_mixture(sampler, kind), abs=0.1)


@dataclass(frozen=True)
class Multistep(sl.Sampler):
    """DPM-Solver++(2M) with its 1/2 replaced; at 1/2 it is `dpmpp_2m`."""

    weight: float

    def trace(self, t, sigmas):
        x, before, h_before = t.start(), None, None
        for s, s_next in zip(sigmas[:-1], sigmas[1:], strict=True):
            h, den = math.log(s / s_next), t.denoise(x, s)
            d = den if before is None else den + (den - before) * (self.weight * h / h_before)
            x = t.end_step(x * (s_next / s) - d * math.expm1(-h))
            before, h_before = den, h


@pytest.mark.parametrize("kind", ["karras", "log"])
@pytest.mark.parametrize("measure", [order_on_mixture, lambda s, kind: testing.measured_order(s, grid=kind)])
def test_a_wrong_coefficient_loses_the_order(measure, kind):
    claimed = sl.samplers()["dpmpp_2m"].claims.global_order
    assert measure(Multistep(0.5), kind) >= claimed - testing.ORDER_MARGIN
    assert measure(Multistep(0.4), kind) < claimed - testing.ORDER_MARGIN


# Stochastic methods: the law of the result

STOCHASTIC = [
    ("euler_ancestral", {}),
    ("euler_ancestral", {"eta": 0.5}),
    ("dpmpp_2m_sde", {}),
    ("dpmpp_2m_sde", {"eta": 0.5}),
    ("dpmpp_2m_sde", {"solver_type": "heun"}),
]


@pytest.mark.parametrize("kind", ["karras", "log"])
@pytest.mark.parametrize(("name", "options"), STOCHASTIC, ids=map(text_of, STOCHASTIC))
def test_weak_order(name, options, kind):
    """Variance on N(mu, s²) from the exact marginal, by exact propagation; the mean has no error to lose order with."""
    mean, deviation = 0.4, 0.6
    exact = deviation**2 + BOTTOM**2
    errors = []
    for count in COUNTS:
        program = sl.sampler(name, **options).compile(problems.grid(kind, TOP, BOTTOM, count))
        moments = program.gaussian_moments(mean, deviation)
        np.testing.assert_allclose(moments[:, 0], mean, rtol=1e-10)
        errors.append(abs(moments[-1, 1] - exact) / exact)
    claims = sl.samplers()[name].claims
    assert claims.stochastic
    assert min(slopes(errors)) >= claims.weak_order - testing.ORDER_MARGIN


@pytest.mark.parametrize("kind", ["karras", "log"])
def test_the_conformance_kit_measures_the_same_weak_order(kind):
    for name in ("euler_ancestral", "dpmpp_2m_sde"):
        order = testing.measured_weak_order(sl.sampler(name), grid=kind)
        assert order >= sl.samplers()[name].claims.weak_order - testing.ORDER_MARGIN


def test_monte_carlo_agrees_with_the_exact_moments():
    """Anchors `gaussian_moments` to the executor: 40,000 samples, fixed seed, four standard errors."""
    problem, count = testing.gaussian_problem(0.4, 0.6), 40_000
    generator = np.random.default_rng(20260101)
    program = sl.sampler("euler_ancestral").compile([5.0, 2.0, 0.8, 0.3])
    x = problem.mu + generator.standard_normal((count, 1)) * math.hypot(problem.s, 5.0)
    draw = lambda like, sigma_from, sigma_to: generator.standard_normal(like.shape)  # noqa: E731
    result = sl.sample(program, problems.plain(problem.denoise), x, draw)
    mean, variance = program.gaussian_moments(problem.mu, problem.s)[-1]
    assert abs(result.mean() - mean) < 4 * math.sqrt(variance / count)
    assert abs(result.var() - variance) < 4 * variance * math.sqrt(2 / count)
