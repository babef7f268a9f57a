"""Samplers: the incumbents' values, an independent slow version, orders, limits, refusals."""

import functools
import inspect
import itertools
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
def schedules(draw):
    """Descending sigmas, geometric steps of very different lengths, ending at zero or above."""
    ratios = draw(st.lists(st.floats(0.05, 0.99), min_size=1, max_size=8))
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
    """The incumbents' values, too, notice a thousandth: in the last pass, which nothing damps."""
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
    return [math.log2(coarse / fine) for coarse, fine in itertools.pairwise(errors)]


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


@pytest.mark.parametrize(("name", "kind"), [("euler", "log"), ("heun", "karras"), ("dpmpp_2m", "log")])
def test_the_conformance_kit_measures_the_same_order(name, kind):
    """`testing.measured_order` runs its own interpreter on its own grids; here the executor and the grids above."""
    sampler = sl.sampler(name)
    assert testing.measured_order(sampler, grid=kind) == pytest.approx(order_on_mixture(sampler, kind), abs=0.1)


@dataclass(frozen=True)
class Multistep(sl.Sampler):
    """DPM-Solver++(2M) with its 1/2 replaced; at 1/2 it is `dpmpp_2m`."""

    weight: float

    def trace(self, t, sigmas):
        x, before, h_before = t.start(), None, None
        for s, s_next in itertools.pairwise(sigmas):
            h, den = math.log(s / s_next), t.denoise(x, s)
            d = den if before is None else den + (den - before) * (self.weight * h / h_before)
            x = t.end_step(x * (s_next / s) - d * math.expm1(-h))
            before, h_before = den, h


@pytest.mark.parametrize("kind", ["karras", "log"])
def test_a_wrong_coefficient_loses_the_order(kind):
    floor = sl.samplers()["dpmpp_2m"].claims.global_order - testing.ORDER_MARGIN
    assert order_on_mixture(Multistep(0.5), kind) >= floor
    assert order_on_mixture(Multistep(0.4), kind) < floor
    assert testing.measured_order(Multistep(0.4), grid=kind) < floor


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


# Limits and symmetries


def run(program, denoise=MIXTURE.denoise, x=None, seed=5):
    x = MIXTURE.start(program.sigma_start) if x is None else x
    return sl.sample(program, problems.plain(denoise), x, units(x.shape, seed)[0])


def close(a, b, rtol):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.max(np.abs(b)))


KARRAS = np.append(problems.grid("karras", 14.6, 0.03, 11), 0.0)
LIMITS = [
    ("dpmpp_2m_sde", {"eta": 0.0}, "dpmpp_2m"),
    ("euler_ancestral", {"eta": 0.0}, "euler"),
    ("euler", {"s_churn": 0.0, "s_noise": 3.0}, "euler"),
    ("euler", {"s_churn": 40.0, "s_tmin": 90.0}, "euler"),
    ("heun", {"s_churn": 40.0, "s_tmax": 0.01}, "heun"),
]


@pytest.mark.parametrize(("name", "options", "limit"), LIMITS)
def test_without_noise(name, options, limit):
    program = sl.sampler(name, **options).compile(KARRAS)
    assert program.analysis.noise_draws == 0
    close(run(program), run(sl.sampler(limit).compile(KARRAS)), 1e-13)


@pytest.mark.parametrize("name", ["dpmpp_2m_sde", "euler_ancestral"])
def test_the_limit_of_no_noise_is_continuous(name):
    tiny = run(sl.sampler(name, eta=1e-12).compile(KARRAS))
    zero = run(sl.sampler(name, eta=0.0).compile(KARRAS))
    np.testing.assert_allclose(tiny, zero, rtol=0, atol=1e-4)


def test_heun_type_without_noise_integrates_a_line_in_log_sigma_exactly():
    """Its own limit: the exponential Adams-Bashforth method, exact when D is linear in log sigma."""
    line = lambda x, sigma: np.full_like(x, 1.0 + 0.7 * math.log(sigma))  # noqa: E731
    sigmas = [8.0, 5.0, 2.0, 0.5, 0.1]
    program = sl.sampler("dpmpp_2m_sde", eta=0.0, solver_type="heun").compile(sigmas)[1:]
    before, x = line(np.zeros(3), 8.0), np.array([-3.0, 0.0, 5.0])
    result = sl.sample(program, problems.plain(line), {"x": x, "result[0]": before})
    # dx/du = x - (1 + 0.7 u) over u = log sigma has the solution x = 1.7 + 0.7 u + C e^u.
    exact = lambda u: 1.7 + 0.7 * u  # noqa: E731
    expected = exact(math.log(0.1)) + (x - exact(math.log(5.0))) * 0.1 / 5.0
    np.testing.assert_allclose(result, expected, rtol=1e-13)


@all_options
@pytest.mark.parametrize("factor", [3.0, 1e-4])
def test_scale_equivariance(name, options, factor):
    """Scaling sigmas, data and x scales the result; churn's range is given in sigma, so it is scaled along."""
    assert sl.samplers()[name].claims.scale_free
    scaled = options | {k: factor * options[k] for k in ("s_tmin", "s_tmax") if k in options}
    program = sl.sampler(name, **scaled).compile(factor * KARRAS)
    result = run(program, lambda x, s: factor * MIXTURE.denoise(x / factor, s / factor), factor * MIXTURE.start(14.6))
    close(result, factor * run(sl.sampler(name, **options).compile(KARRAS), x=MIXTURE.start(14.6)), 1e-12)


@pytest.mark.parametrize(("name", "options"), [o for o in OPTIONS if o[0] in SINGLE_STEP])
def test_steps_one_at_a_time(name, options):
    """A single-step method has no history: its slices start from x alone, and together are the whole."""
    program = sl.sampler(name, **options).compile(KARRAS)
    x = MIXTURE.start(KARRAS[0])
    noise, _ = units(x.shape)
    drawn = 0
    for i in range(len(program)):
        step = program[i : i + 1]
        assert [port.name for port in step.inputs] == ["x"]
        ordinals = [op.ordinal for op in step.operations if hasattr(op, "ordinal")]
        assert ordinals == list(range(drawn, drawn + len(ordinals)))
        drawn += len(ordinals)
        x = sl.sample(step, problems.plain(MIXTURE.denoise), x, noise)
    assert drawn == program.analysis.noise_draws
    np.testing.assert_array_equal(x, run(program))


@pytest.mark.parametrize(("name", "options"), [o for o in OPTIONS if o[0] in SINGLE_STEP and "s_churn" not in o[1]])
def test_compiled_one_step_at_a_time(name, options):
    x = MIXTURE.start(KARRAS[0])
    noise, _ = units(x.shape)
    for pair in itertools.pairwise(KARRAS):
        x = sl.sample(sl.sampler(name, **options).compile(pair), problems.plain(MIXTURE.denoise), x, noise)
    np.testing.assert_array_equal(x, run(sl.sampler(name, **options).compile(KARRAS)))


@all_options
@pytest.mark.parametrize("sigmas", [[5.0, 0.0], [5.0, 1.0], [5.0, 1.0, 0.0], [5.0, 1.0, 0.2]], ids=str)
def test_one_and_two_steps(name, options, sigmas):
    program = sl.sampler(name, **options).compile(sigmas)
    assert len(program) == len(sigmas) - 1
    result = run(program)
    assert np.all(np.isfinite(result))
    assert np.max(np.abs(result)) < 10.0 + sigmas[-1]


@pytest.mark.parametrize("name", SLOW)
def test_one_step_to_zero_is_the_denoised_value_itself(name):
    x = MIXTURE.start(5.0)
    np.testing.assert_array_equal(run(sl.sampler(name).compile([5.0, 0.0])), MIXTURE.denoise(x, 5.0))


@all_options
@pytest.mark.parametrize("sigmas", [[3e-154, 1e-154, 3e-155], [1e100, 1e50, 1.0], [1.0, 1 - 2**-53]], ids=str)
def test_extreme_sigmas(name, options, sigmas):
    """Coefficients stay finite, or the compiler says so: never a program with NaN in it."""
    try:
        program = sl.sampler(name, **options).compile(sigmas)
    except ProgramError as error:
        assert "expected a finite number" in str(error)  # noqa: PT017  # not raising is right too
        return
    assert all(
        math.isfinite(c) for op in program.operations if hasattr(op, "rows") for r in op.rows for _, c in r.terms
    )


# Diffusers, live: the same sigmas, denoiser and noise

PEER_SIGMAS = np.append(problems.grid("karras", 14.6, 0.03, 19), 0.0)


def drive(scheduler, sigmas):
    """Put exact float64 sigmas into a diffusers scheduler, past its own tables and their float32."""
    scheduler.sigmas = torch.tensor(sigmas, dtype=torch.float64)
    scheduler.timesteps = torch.tensor(sigmas, dtype=torch.float64)
    scheduler._step_index = 0
    scheduler.is_scale_input_called = True
    return scheduler


def epsilon(x, sigma):
    return torch.from_numpy((x - MIXTURE.denoise(x, sigma)) / sigma)


def diffusers_euler(x, noise):
    scheduler = drive(EulerDiscreteScheduler(prediction_type="epsilon"), PEER_SIGMAS)
    for s in PEER_SIGMAS[:-1]:
        x = scheduler.step(epsilon(x, s), torch.tensor(s), torch.from_numpy(x)).prev_sample.numpy()
    return x


def diffusers_heun(x, noise):
    twice = np.concatenate([PEER_SIGMAS[:1], np.repeat(PEER_SIGMAS[1:-1], 2), PEER_SIGMAS[-1:]])
    scheduler = drive(HeunDiscreteScheduler(prediction_type="epsilon"), twice)
    for s in twice[:-1]:
        x = scheduler.step(epsilon(x, s), torch.tensor(s), torch.from_numpy(x)).prev_sample.numpy()
    return x


def diffusers_multistep(x, noise, **config):
    """The update formulas themselves, in float64; `step` around them rounds x to float32. x is scaled by alpha."""
    scheduler = drive(DPMSolverMultistepScheduler(solver_order=2, **config), PEER_SIGMAS)
    alpha = 1 / np.sqrt(PEER_SIGMAS**2 + 1)
    x = torch.from_numpy(x * alpha[0])
    outputs = []
    for i, s in enumerate(PEER_SIGMAS[:-1]):
        scheduler._step_index = i
        outputs.append(torch.from_numpy(MIXTURE.denoise(x.numpy() / alpha[i], s)))
        unit = torch.from_numpy(noise(i))
        if i == 0 or i == len(PEER_SIGMAS) - 2:  # as `step` chooses with final_sigmas_type "zero"
            x = scheduler.dpm_solver_first_order_update(outputs[-1], sample=x, noise=unit)
        else:
            x = scheduler.multistep_dpm_solver_second_order_update(outputs, sample=x, noise=unit)
    return x.numpy()


# diffusers builds its float32 tables in its constructors, with what NumPy 2 calls deprecated.
old_numpy = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

# Ours, the peer, its precision.
PEERS = [
    ("euler", {}, diffusers_euler, 1e-5),  # EulerDiscreteScheduler.step rounds the sample to float32
    ("heun", {}, diffusers_heun, 1e-12),
    ("dpmpp_2m", {}, diffusers_multistep, 1e-12),
    ("dpmpp_2m_sde", {"eta": 0.0}, diffusers_multistep, 1e-12),
    (
        "dpmpp_2m_sde",
        {"eta": 0.0, "solver_type": "heun"},
        functools.partial(diffusers_multistep, solver_type="heun"),
        1e-12,
    ),
    ("dpmpp_2m_sde", {}, functools.partial(diffusers_multistep, algorithm_type="sde-dpmsolver++"), 1e-12),
    (
        "dpmpp_2m_sde",
        {"solver_type": "heun"},
        functools.partial(diffusers_multistep, algorithm_type="sde-dpmsolver++", solver_type="heun"),
        1e-12,
    ),
]


@old_numpy
@pytest.mark.parametrize(("name", "options", "peer", "rtol"), PEERS, ids=[text_of(row) for row in PEERS])
def test_diffusers(name, options, peer, rtol):
    x = MIXTURE.start(PEER_SIGMAS[0])
    close(peer(x, units(x.shape)[1]), run(sl.sampler(name, **options).compile(PEER_SIGMAS)), rtol)


@old_numpy
def test_diffusers_euler_ancestral():
    """Its step draws from a torch generator, and rounds the sample to float32."""
    x = MIXTURE.start(PEER_SIGMAS[0])
    scheduler = drive(EulerAncestralDiscreteScheduler(prediction_type="epsilon"), PEER_SIGMAS)
    theirs, generator = x, torch.Generator().manual_seed(3)
    for s in PEER_SIGMAS[:-1]:
        output = epsilon(theirs, s)
        step = scheduler.step(output, torch.tensor(s), torch.from_numpy(theirs), generator=generator)
        theirs = step.prev_sample.numpy()
    generator = torch.Generator().manual_seed(3)
    draw = lambda like, *_: torch.randn(like.shape, generator=generator, dtype=torch.float64).numpy()  # noqa: E731
    ours = sl.sample(sl.sampler("euler_ancestral").compile(PEER_SIGMAS), problems.plain(MIXTURE.denoise), x, draw)
    close(theirs, ours, 1e-5)


# What diffusers' form of a method lacks: no parity there; the incumbents' values and the slow version stand instead.
EXCLUDED = [
    (HeunDiscreteScheduler.step, "s_churn", "its gamma is fixed at 0"),
    (EulerAncestralDiscreteScheduler.step, "eta", "it always replaces all the noise"),
    (EulerAncestralDiscreteScheduler.step, "s_noise", "its fresh noise has deviation 1"),
    (DPMSolverMultistepScheduler.step, "eta", "its SDE has strength 1"),
    (DPMSolverMultistepScheduler.step, "s_noise", "its fresh noise has deviation 1"),
]


@pytest.mark.parametrize(("step", "option", "reason"), EXCLUDED)
def test_exclusions_still_hold(step, option, reason):
    assert option not in inspect.signature(step).parameters, f"diffusers has {option} now, though {reason}"


# Refusals

DESCENDING = "expected a value below the one before it: samplers divide by the difference"
NUMBER = "expected a finite number of at least 0"
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


BAD_OPTIONS = [
    ("euler", {"s_churn": -1.0}, f"s_churn is -1; {NUMBER}"),
    ("euler", {"s_churn": math.inf}, f"s_churn is inf; {NUMBER}"),
    ("heun", {"s_churn": math.nan}, f"s_churn is NaN; {NUMBER}"),
    ("euler", {"s_tmin": -1.0}, f"s_tmin is -1; {NUMBER}"),
    ("euler", {"s_tmin": 2.0, "s_tmax": 1.0}, "s_tmax is 1; expected at least s_tmin; inf for no limit"),
    ("heun", {"s_tmax": math.nan}, "s_tmax is NaN; expected at least s_tmin; inf for no limit"),
    ("euler", {"s_noise": -0.5}, f"s_noise is -0.5; {NUMBER}"),
    ("heun", {"s_noise": math.nan}, f"s_noise is NaN; {NUMBER}"),
    ("euler_ancestral", {"eta": -1.0}, f"eta is -1; {NUMBER}"),
    ("euler_ancestral", {"eta": math.nan}, f"eta is NaN; {NUMBER}"),
    ("euler_ancestral", {"s_noise": math.inf}, f"s_noise is inf; {NUMBER}"),
    ("dpmpp_2m_sde", {"eta": -0.1}, f"eta is -0.1; {NUMBER}"),
    ("dpmpp_2m_sde", {"eta": math.inf}, f"eta is inf; {NUMBER}"),
    ("dpmpp_2m_sde", {"s_noise": -0.1}, f"s_noise is -0.1; {NUMBER}"),
    ("dpmpp_2m_sde", {"solver_type": "rk4"}, 'solver_type is "rk4"; expected one of midpoint, heun'),
]


@pytest.mark.parametrize(("name", "options", "text"), BAD_OPTIONS)
def test_bad_options(name, options, text):
    with pytest.raises(SamplerError, match=f"^{re.escape(text)}$"):
        sl.sampler(name, **options).compile([3.0, 1.0])


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


@pytest.mark.parametrize("name", SLOW)
def test_flow_processes_are_refused(name):
    sampler = sl.sampler(name)
    text = (
        f"{type(sampler).__name__} adds and removes noise as x = x0 + sigma * noise; the process is a flow, "
        "x = (1 - sigma) * x0 + sigma * noise. Use a process of family 've' or 'vp'"
    )
    with pytest.raises(SamplerError, match=f"^{re.escape(text)}$"):
        sampler.compile([1.0, 0.5], Flow())
