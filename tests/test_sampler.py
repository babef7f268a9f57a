"""Samplers: the incumbents' values, an independent slow version, orders, limits, symmetries."""

import functools
import importlib
import itertools
import json
import math
from dataclasses import dataclass, fields

import numpy as np
import problems
import pytest
import stepladder as sl
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from methods import EXCLUSIONS, LOST, METHODS, PEER_EXCLUDED, PEER_NAMES, UNFUSED
from reference.setting import VE, Setting
from stepladder import testing
from stepladder.errors import NonFiniteError, ProgramError, SamplerError

OPTIONS = [(name, options) for name, method in METHODS.items() for options in method.options]
MIXTURE = testing.mixture_problem()
SHIFT = problems.reference()["flow_shift"]
FLOW = sl.process("flow", shift=SHIFT)
FLOW_SETTING = Setting(flow=True, sigma_snr=FLOW.percent_to_sigma(1e-4), shift=SHIFT)
DISCRETE = sl.process("discrete")


def text_of(option):
    return "-".join([option[0], *(f"{k}={v}" for k, v in option[1].items())])


def rows_of(field):
    """(name, row) for every row of one field of every method."""
    return [(name, row) for name, method in METHODS.items() for row in getattr(method, field)]


def program_of(name, options, sigmas):
    return sl.sampler(name, **options).compile(sigmas, METHODS[name].process)


def has(name, option):
    return any(field.name == option for field in fields(sl.sampler(name)))


all_options = pytest.mark.parametrize(("name", "options"), OPTIONS, ids=map(text_of, OPTIONS))


def test_every_sampler_is_tested():
    assert set(METHODS) | UNFUSED == {n for n, entry in sl.samplers().items() if entry.owner == "stepladder"}


@pytest.mark.parametrize("name", METHODS)
def test_claims_name_the_families_of_the_class(name):
    assert sl.samplers()[name].claims.families == sl.sampler(name).families


def takes_flow(name):
    return "flow" in sl.sampler(name).families


# The incumbents' values

CASES = problems.reference()["cases"]


def case_id(case):
    return text_of((case["sampler"], case["kwargs"])) + "-" + case["schedule"]


def made(case):
    name, fixed = PEER_NAMES[case["sampler"]]
    return sl.sampler(name, **(fixed | case["kwargs"]))


def compiled(case):
    """A host runs a method without a form for flows as if noise were added to x: then there is no process."""
    sampler = made(case)
    flow = FLOW if "flow" in sampler.families else None
    process = flow if case["flow"] else DISCRETE
    return sampler.compile(problems.reference()["schedules"][case["schedule"]], process)


def result_of(case, program, library="numpy"):
    """x as the host makes it: the run's seed makes x first and then its noise, seed + 1 makes churn."""
    shape = problems.reference()["shape"]
    generator = np.random.default_rng(case["seed"])
    x = generator.standard_normal(shape) * (1.0 if case["flow"] else program.sigma_start)
    churn = problems.drawn(shape, case["seed"] + 1)
    intervals = iter(case["noise_intervals"])
    draws = 0

    def noise(like, sigma_from, sigma_to):
        nonlocal draws
        draws += 1
        if sigma_to > sigma_from:  # only churn goes up
            return kind(churn(like, sigma_from, sigma_to))
        np.testing.assert_allclose([sigma_from, sigma_to], next(intervals), rtol=1e-6)
        return kind(generator.standard_normal(shape))

    of = lambda name: (problems.for_flow if case["flow"] else ve)(problems.reference_mixture(name))  # noqa: E731
    denoise = of("gmm")
    if case["cfg_scale"] is not None:
        denoise = problems.guided(denoise, of("gmm_uncond"), case["cfg_scale"])
    denoiser = problems.per_point(denoise)
    kind = (lambda a: a) if library == "numpy" else torch.from_numpy
    if library == "torch":
        denoiser = problems.for_torch(denoiser)
    result = sl.sample(program, denoiser, kind(x), noise)
    if not (METHODS[PEER_NAMES[case["sampler"]][0]].unused_draws and program.analysis.noise_draws == 0):
        assert draws + LAST_DRAWS.get(case_id(case), 0) == case["churn_draws"] + len(case["noise_intervals"])
    return np.asarray(result)


def ve(problem):
    return problem.denoise


# The peer computes these coefficients in float32: the file's own tolerance for them.
FLOAT32 = ("er_sde", "deis", "uni_pc", "uni_pc_bh2")


def check_case(case, program, library="numpy"):
    result = result_of(case, program, library)
    rtol = 1e-4 if case["sampler"] in FLOAT32 else 1e-6
    np.testing.assert_allclose(result.ravel(), case["result"], rtol=rtol, atol=0)


PEERS = [name for name in PEER_NAMES if name not in PEER_EXCLUDED]

# The host draws once more, for a step in which nothing of it is due.
LAST_DRAWS = {"dpm_fast-eta=0.5-ays_sd1_10": 1}
KEPT = [c for c in CASES if c["sampler"] in PEERS and case_id(c) not in LOST]


UNFUSED_CASES = [c for c in CASES if c["sampler"] in UNFUSED]


def test_every_case_is_run_or_has_its_reason():
    """Run here, run by the tests of methods without a program, or excluded in a row that says why."""
    assert len(CASES) == 165
    lost = [c for c in CASES if case_id(c) in LOST]
    excluded = [c for c in CASES if c["sampler"] in PEER_EXCLUDED]
    ids = [case_id(c) for c in (*KEPT, *lost, *excluded, *UNFUSED_CASES)]
    assert sorted(ids) == sorted(map(case_id, CASES))
    assert {case_id(c) for c in lost} == LOST
    assert {c["sampler"] for c in excluded} == PEER_EXCLUDED
    for row in EXCLUSIONS:
        module, test = row["test"].split(".")
        assert callable(getattr(importlib.import_module(module), test))
        assert row["reason"]
        assert row["source"]
    assert (len(KEPT), len(lost), len(excluded), len(UNFUSED_CASES)) == (155, 4, 2, 4)


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("case", KEPT, ids=case_id)
def test_peer_values(case, library):
    program = compiled(case)
    assert program.analysis.model_calls == case["nfe"]
    check_case(case, program, library)


@pytest.mark.parametrize("case", [c for c in CASES if case_id(c) in LOST], ids=case_id)
def test_values_that_the_peer_lost(case):
    """A row of `LOST` is needed, and the exact values are those of the slow version on the same draws."""
    program = compiled(case)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check_case(case, program)
    shape = problems.reference()["shape"]
    sigmas = problems.reference()["schedules"][case["schedule"]]
    generator = np.random.default_rng(case["seed"])
    x = generator.standard_normal(shape) * sigmas[0]
    churn = np.random.default_rng(case["seed"] + 1)
    numbered = functools.cache(lambda k: (churn if case["churn_draws"] else generator).standard_normal(shape))
    denoise = problems.per_point(problems.reference_mixture().denoise)
    exact = METHODS[case["sampler"]].slow(denoise, x, sigmas, numbered, VE, **case["kwargs"])
    close(result_of(case, program), exact, 1e-12)


# The independent slow version


EITHER = st.booleans()


@st.composite
def schedules(draw, zero=EITHER, ratios=(0.05, 0.99)):
    """Descending sigmas, geometric steps of very different lengths, ending at zero or above."""
    ratios = draw(st.lists(st.floats(*ratios), min_size=1, max_size=8))
    sigmas = draw(st.floats(0.5, 80.0)) * np.cumprod([1.0, *ratios])
    if draw(zero):
        sigmas[-1] = 0.0
    return sigmas


@st.composite
def flow_schedules(draw, zero=EITHER, ratios=(0.05, 0.99)):
    """Descending sigmas of a flow: the same in half log-SNR, from pure noise or below it."""
    ratios = draw(schedules(zero, ratios))
    sigmas = ratios / (1 + ratios)
    if draw(st.booleans()):
        sigmas = np.concatenate([[1.0], sigmas])
    return sigmas


def units(shape, seed=5):
    """The same unit noise for ours, which asks in order, and for the slow version, which asks by number."""
    numbered = functools.cache(lambda k: np.random.default_rng((seed, k)).standard_normal(shape))
    count = iter(range(10**6))
    return (lambda like, sigma_from, sigma_to: numbered(next(count))), numbered


def denoiser_of(name, problem=MIXTURE, flow=False):
    """Denoised values as the method asks for them: with an unconditional one where it wants two."""
    denoise = problems.for_flow(problem) if flow else problem.denoise
    if METHODS[name].second:
        other = problems.reference_mixture("gmm_uncond")
        shifted = testing.MixtureProblem(
            tuple(m[: len(problem.means[0])] for m in other.means), other.stds, other.weights
        )
        return problems.guided(denoise, problems.for_flow(shifted) if flow else shifted.denoise, 3.0)
    return denoise


def start_of(sigma, flow):
    """x at sigma: of a flow, scaled by its weight of the signal."""
    if not flow:
        return MIXTURE.start(sigma)
    return MIXTURE.start(1e6) / 1e6 if sigma >= 1.0 else MIXTURE.start(sigma / (1 - sigma)) * (1 - sigma)


def agreement(name, sigmas, options, flow):
    """Our result and the slow one."""
    if "disable_corrector" in options:  # random steps, of which the run may have fewer
        steps = range(len(sigmas) - 1)
        options = options | {"disable_corrector": tuple(i for i in options["disable_corrector"] if i in steps)}
    x, denoise = start_of(sigmas[0], flow), denoiser_of(name, flow=flow)
    noise, numbered = units(x.shape)
    program = sl.sampler(name, **options).compile(sigmas, FLOW if flow else METHODS[name].process)
    ours = sl.sample(program, problems.plain(denoise), x, noise)
    setting = FLOW_SETTING if flow else VE
    return ours, METHODS[name].slow(denoise, x, [float(s) for s in sigmas], numbered, setting, **options)


def close(a, b, rtol):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.max(np.abs(b)))


@pytest.mark.parametrize("name", METHODS)
@given(data=st.data())
def test_slow_version(name, data):
    method = METHODS[name]
    zero = st.just(True) if method.zero_only else st.booleans()
    sigmas = data.draw(schedules(zero, method.ratios))
    assume(not method.two_positive or np.count_nonzero(sigmas) > 1)
    close(*agreement(name, sigmas, data.draw(method.random), flow=False), method.atol)


@pytest.mark.parametrize("name", list(filter(takes_flow, METHODS)))
@given(data=st.data())
def test_slow_version_of_a_flow(name, data):
    method = METHODS[name]
    zero = st.just(True) if method.zero_only else st.booleans()
    sigmas = data.draw(flow_schedules(zero, method.ratios))
    assume(not method.two_positive or np.count_nonzero(sigmas) > 1)
    if name == "lms":
        # Even steps of log-SNR are uneven ones of sigma near pure noise. Where one is 165 times the one before, weights
        # are in the thousands, and a change of x by its last bit moves the result by 2e-12.
        steps = -np.diff(sigmas)
        assume(np.max(steps[1:] / steps[:-1], initial=0.0) < 50.0)
    close(*agreement(name, sigmas, data.draw(method.random) | method.of_flow, flow=True), method.atol)


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
    x, denoise, method = MIXTURE.start(sigmas[0]), denoiser_of(name), METHODS[name]
    expected = method.slow(denoise, x, sigmas, units(x.shape)[1], VE, **options)

    def agrees(program):
        result = sl.sample(program, problems.plain(denoise), x, units(x.shape)[0])
        return np.allclose(result, expected, rtol=method.atol, atol=method.atol * np.max(np.abs(expected)))

    program = program_of(name, options, sigmas)
    assert agrees(program)
    document = program.to_dict()
    places = list(numbers(document))
    assert len(places) >= 2 * 3 + 4
    for at, (container, key) in enumerate(places):
        right = container[key]
        if right == 0.0:
            continue
        container[key] = 1.001 * right
        assert not agrees(sl.Program.from_json(json.dumps(document))), f"number {at} of {len(places)}"
        container[key] = right


@pytest.mark.parametrize("peer", [name for name in PEERS if any(c["sampler"] == name for c in KEPT)])
def test_peer_values_see_the_final_step(peer):
    """The incumbents' values, too, notice a thousandth: in the largest number of the last pass, which nothing damps."""
    case = next(c for c in KEPT if c["sampler"] == peer)
    document = compiled(case).to_dict()
    last = [op for op in document["operations"] if op["op"] == "combine"][-1]
    max(last["rows"][0]["terms"], key=lambda term: abs(term[1]))[1] *= 1.001
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check_case(case, sl.Program.from_json(json.dumps(document)))


# Passes over memory

# Two passes per call: one predicts, one corrects what the call before it predicted.
CORRECTED = {"uni_pc", "uni_pc_bh2", "sa_solver"}


@pytest.mark.parametrize("parameterization", [None, "epsilon", "v_prediction", "edm"])
@pytest.mark.parametrize("name", METHODS)
def test_one_pass_per_model_call(name, parameterization):
    """Folded or not; folding adds one before the first call, which scales x."""
    sampler = sl.sampler(name)
    program = sampler.compile(sl.sigmas("karras", DISCRETE, 20, sampler=sampler), DISCRETE)
    calls = program.analysis.model_calls
    allowed = calls
    if name in CORRECTED:
        allowed += calls - 2  # the first x was not predicted, and the last step to zero needs no better x
    if name == "restart":
        allowed += 1  # adding noise back is a step without a call
    if parameterization is None:
        # A last step to zero may be the model's own result, and no pass at all.
        assert program.analysis.passes in (allowed - 1, allowed)
    else:
        assert program.fold(sl.parameterization(parameterization)).analysis.passes == allowed + 1


# Orders

COUNTS = (80, 160, 320)
TOP, BOTTOM = 10.0, 0.1


def slopes(errors):
    """Order of convergence from each run to the one of twice the steps."""
    return [math.log2(coarse / fine) for coarse, fine in itertools.pairwise(errors)]


@functools.cache
def exact_flow():
    return MIXTURE.flow(MIXTURE.start(TOP), TOP, BOTTOM)


def order_on_mixture(sampler, kind, second=False, counts=COUNTS, upward=False):
    """Smallest slope of the error in the probability-flow ODE of the mixture, by the executor."""
    start, end = (exact_flow(), MIXTURE.start(TOP)) if upward else (MIXTURE.start(TOP), exact_flow())
    twice = lambda x, sigma: (MIXTURE.denoise(x, sigma),) * 2  # noqa: E731
    denoiser = problems.plain(twice if second else MIXTURE.denoise)
    errors = []
    for count in counts:
        sigmas = problems.grid(kind, TOP, BOTTOM, count)
        program = sampler.compile(sigmas)
        assert program.sigma_end == sigmas[0 if upward else -1]
        result = sl.sample(program, denoiser, start)
        errors.append(float(np.sqrt(np.mean((result - end) ** 2))))
    return min(slopes(errors))


@pytest.mark.parametrize("kind", ["karras", "log"])
@pytest.mark.parametrize(("name", "options"), rows_of("ode"), ids=map(text_of, rows_of("ode")))
def test_global_order(name, options, kind):
    claimed = sl.samplers()[name].claims.global_order
    method = METHODS[name]
    measured = order_on_mixture(sl.sampler(name, **options), kind, method.second, method.counts, method.upward)
    assert measured >= claimed - testing.ORDER_MARGIN


@pytest.mark.parametrize(("name", "options"), rows_of("formula"), ids=map(text_of, rows_of("formula")))
def test_formula_order(name, options):
    """The order of its steps: the first ones so short, and doubling, that what they lack in history is not seen."""
    errors = []
    for count in COUNTS:
        h = math.log(TOP / BOTTOM) / count
        doublings = math.ceil(math.log2(count))
        ramp = h * 0.5 ** np.arange(doublings, 0, -1)
        steps = np.concatenate([ramp, np.full(count - 1, h), [h - ramp.sum()]])
        sigmas = TOP * np.exp(-np.concatenate([[0.0], np.cumsum(steps)]))
        result = sl.sample(
            sl.sampler(name, **options).compile(sigmas), problems.plain(MIXTURE.denoise), MIXTURE.start(TOP)
        )
        errors.append(float(np.sqrt(np.mean((result - MIXTURE.flow(MIXTURE.start(TOP), TOP, sigmas[-1])) ** 2))))
    claims = sl.samplers()[name].claims
    assert claims.formula_order > claims.global_order
    assert min(slopes(errors)) >= claims.formula_order - testing.ORDER_MARGIN


@pytest.mark.parametrize("kind", ["karras", "log"])
@pytest.mark.parametrize(("name", "row"), rows_of("orders"), ids=lambda v: str(v))
def test_order_of_other_options(name, row, kind):
    options, order = row
    measured = order_on_mixture(sl.sampler(name, **options), kind, METHODS[name].second)
    assert measured >= order - testing.ORDER_MARGIN


@pytest.mark.parametrize("name", METHODS)
def test_an_order_that_is_claimed_is_measured(name):
    claims, method = sl.samplers()[name].claims, METHODS[name]
    assert (claims.global_order is not None) == bool(method.ode)
    assert (claims.weak_order is not None) == bool(method.weak)


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


def weak_order(name, options, kind):
    """Smallest slope of the error in the variance on N(mu, s²), exactly propagated; in the mean too, if it has one."""
    mean, deviation = 0.4, 0.6
    exact = deviation**2 + BOTTOM**2
    errors = []
    for count in COUNTS:
        program = sl.sampler(name, **options).compile(problems.grid(kind, TOP, BOTTOM, count))
        assert program.analysis.noise_draws > 0
        moments = program.gaussian_moments(mean, deviation)
        if METHODS[name].keeps_mean:
            np.testing.assert_allclose(moments[:, 0], mean, rtol=1e-10)
        errors.append(abs(moments[-1, 1] - exact) / exact + abs(moments[-1, 0] - mean))
    return min(slopes(errors))


@pytest.mark.parametrize("kind", ["karras", "log"])
@pytest.mark.parametrize(("name", "options"), rows_of("weak"), ids=map(text_of, rows_of("weak")))
def test_weak_order(name, options, kind):
    assert weak_order(name, options, kind) >= sl.samplers()[name].claims.weak_order - testing.ORDER_MARGIN


@pytest.mark.parametrize("kind", ["karras", "log"])
@pytest.mark.parametrize(("name", "row"), rows_of("other_weak_orders"), ids=str)
def test_weak_order_of_other_options(name, row, kind):
    options, order = row
    assert weak_order(name, options, kind) >= order - testing.ORDER_MARGIN


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


FLOW_WEAK = [(name, options) for name, options in rows_of("weak") if takes_flow(name)]


@pytest.mark.parametrize(("name", "options"), FLOW_WEAK, ids=map(text_of, FLOW_WEAK))
def test_weak_order_over_a_flow(name, options):
    """On levels even in logit: from nearly pure noise to nearly none."""
    errors = []
    for count in COUNTS:
        sigmas = 1 / (1 + np.exp(-np.linspace(6.0, -3.0, count + 1)))
        program = sl.sampler(name, **(options | METHODS[name].of_flow)).compile(sigmas, FLOW)
        mean, variance = program.gaussian_moments(0.4, 0.6)[-1]
        signal = 1 - sigmas[-1]
        exact = (0.6 * signal) ** 2 + sigmas[-1] ** 2
        errors.append(abs(variance - exact) / exact + abs(mean - 0.4 * signal))
    assert min(slopes(errors)) >= sl.samplers()[name].claims.weak_order - testing.ORDER_MARGIN


NEAR_NOISE = [(name, options) for name, options in OPTIONS if takes_flow(name) and not METHODS[name].second]


@pytest.mark.parametrize("second", [0.9999, 0.99995, 1 - 1e-9])
@pytest.mark.parametrize(("name", "options"), NEAR_NOISE, ids=map(text_of, NEAR_NOISE))
def test_a_flow_that_starts_with_two_levels_near_pure_noise(name, options, second):
    """The level that stands for pure noise is between them, however close they are."""
    program = sl.sampler(name, **(options | METHODS[name].of_flow)).compile([1.0, second, 0.5, 0.2, 0.0], FLOW)
    result = run(program, lambda x, s: 0.3 * np.tanh(x), np.ones((1, 2)))
    assert np.isfinite(result).all()


# Limits and symmetries


def run(program, denoise=MIXTURE.denoise, x=None, seed=5):
    x = MIXTURE.start(program.sigma_start) if x is None else x
    return sl.sample(program, problems.plain(denoise), x, units(x.shape, seed)[0])


KARRAS = np.append(problems.grid("karras", 14.6, 0.03, 11), 0.0)
LIMITS = [(name, *row) for name, row in rows_of("limits")]


@pytest.mark.parametrize(("name", "options", "limit", "limit_options"), LIMITS)
def test_without_noise(name, options, limit, limit_options):
    program = program_of(name, options, KARRAS)
    assert program.analysis.noise_draws == 0
    close(
        run(program, denoiser_of(name)),
        run(sl.sampler(limit, **limit_options).compile(KARRAS), denoiser_of(limit)),
        1e-13,
    )


UNGUIDED = [(name, *row) for name, row in rows_of("unguided")]


@pytest.mark.parametrize(("name", "options", "other", "other_options"), UNGUIDED)
def test_without_guidance(name, options, other, other_options):
    """Where the unconditional value is the denoised one, a CFG++ method is the method it was made from."""
    twice = lambda x, sigma: (MIXTURE.denoise(x, sigma),) * 2  # noqa: E731
    close(
        run(sl.sampler(name, **options).compile(KARRAS), twice),
        run(sl.sampler(other, **other_options).compile(KARRAS)),
        1e-13,
    )


@pytest.mark.parametrize("name", [n for n in METHODS if has(n, "eta") and METHODS[n].ode])
def test_the_limit_of_no_noise_is_continuous(name):
    tiny = run(program_of(name, {"eta": 1e-12}, KARRAS), denoiser_of(name))
    zero = run(program_of(name, {"eta": 0.0}, KARRAS), denoiser_of(name))
    np.testing.assert_allclose(tiny, zero, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "option"),
    [(n, o) for n in METHODS for o in ("eta", "s_noise") if has(n, o) and METHODS[n].weak],
)
def test_a_curve_is_one_value_per_step(name, option):
    with_noise = functools.partial(sl.sampler, name)
    if sl.samplers()[name].claims.stochastic is False:
        with_noise = functools.partial(with_noise, **METHODS[name].weak[0])
    sampler = with_noise(**{option: [0.7] * 12})
    assert sampler.compile(KARRAS) == with_noise(**{option: 0.7}).compile(KARRAS)
    assert hash(sampler) == hash(with_noise(**{option: (0.7,) * 12}))
    ramp = [k / 12 for k in range(12)]
    assert with_noise(**{option: ramp}).compile(KARRAS) != sampler.compile(KARRAS)


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


SCALE_FREE = [row for row in OPTIONS if sl.samplers()[row[0]].claims.scale_free]


@pytest.mark.parametrize(("name", "options"), SCALE_FREE, ids=map(text_of, SCALE_FREE))
@pytest.mark.parametrize("factor", [3.0, 1e-4])
def test_scale_equivariance(name, options, factor):
    """Scaling sigmas, data and x scales the result; options that are noise levels are scaled along."""
    scaled = options | {k: factor * options[k] for k in METHODS[name].scaled if k in options}
    program = program_of(name, scaled, factor * KARRAS)
    denoise = denoiser_of(name)

    def times(x, s):
        results = denoise(x / factor, s / factor)
        return tuple(factor * r for r in results) if METHODS[name].second else factor * results

    result = run(program, times, factor * MIXTURE.start(14.6))
    close(result, factor * run(program_of(name, options, KARRAS), denoise, MIXTURE.start(14.6)), 1e-11)


SINGLE_STEP = [row for row in OPTIONS if METHODS[row[0]].single_step]


@pytest.mark.parametrize(("name", "options"), SINGLE_STEP, ids=map(text_of, SINGLE_STEP))
def test_steps_one_at_a_time(name, options):
    """A single-step method has no history: its slices start from x alone, and together are the whole."""
    program = program_of(name, options, KARRAS)
    x = MIXTURE.start(program.sigma_start)
    noise, _ = units(x.shape)
    drawn = 0
    for i in range(len(program)):
        step = program[i : i + 1]
        assert [port.name for port in step.inputs] == ["x"]
        ordinals = [op.ordinal for op in step.operations if hasattr(op, "ordinal")]
        assert ordinals == list(range(drawn, drawn + len(ordinals)))
        drawn += len(ordinals)
        x = sl.sample(step, problems.plain(denoiser_of(name)), x, noise)
    assert drawn == program.analysis.noise_draws
    np.testing.assert_array_equal(x, run(program, denoiser_of(name)))


# Options that count the steps of the whole run.
COUNTING = {"s_churn", "s_noise_end"}
STEPWISE = [row for row in SINGLE_STEP if not COUNTING & set(row[1])]


@pytest.mark.parametrize(("name", "options"), STEPWISE, ids=map(text_of, STEPWISE))
def test_compiled_one_step_at_a_time(name, options):
    pairs = list(itertools.pairwise(KARRAS))
    if METHODS[name].upward:
        pairs.reverse()
    x = MIXTURE.start(KARRAS[-1 if METHODS[name].upward else 0])
    noise, _ = units(x.shape)
    for pair in pairs:
        x = sl.sample(program_of(name, options, pair), problems.plain(denoiser_of(name)), x, noise)
    np.testing.assert_array_equal(x, run(program_of(name, options, KARRAS), denoiser_of(name)))


@all_options
def test_a_resumed_run_is_the_run(name, options):
    """Stopped after every step, with its history saved and restored, a run ends where the whole one does."""
    program = program_of(name, options, KARRAS)
    whole = run(program, denoiser_of(name))
    x = MIXTURE.start(program.sigma_start)
    denoiser = problems.plain(denoiser_of(name))
    for stop in range(1, len(program)):
        noise, _ = units(x.shape)
        first, rest = program[:stop], program[stop:]
        runner = sl.Runner(first, denoiser, x, noise)
        runner.run()
        np.testing.assert_array_equal(sl.sample(rest, denoiser, runner.outputs, noise), whole)


SHORT = [
    (name, options, sigmas)
    for name, options in OPTIONS
    for sigmas in ([5.0, 0.0], [5.0, 1.0], [5.0, 1.0, 0.0], [5.0, 1.0, 0.2])
    if sigmas[-1] == 0.0 or not METHODS[name].zero_only
]


@pytest.mark.parametrize(("name", "options", "sigmas"), SHORT, ids=str)
def test_one_and_two_steps(name, options, sigmas):
    if METHODS[name].two_positive and np.count_nonzero(sigmas) < 2:
        with pytest.raises(SamplerError, match=r"^sigmas are 5 and 0; expected two positive ones"):
            program_of(name, options, sigmas)
        return
    program = program_of(name, options, sigmas)
    result = run(program, denoiser_of(name))
    assert np.all(np.isfinite(result))
    assert np.max(np.abs(result)) < METHODS[name].bound + 3.0 * program.sigma_end


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.lands])
def test_one_step_to_zero_is_the_denoised_value_itself(name):
    x, denoise = MIXTURE.start(5.0), denoiser_of(name)
    expected = denoise(x, 5.0)
    expected = expected[0] if METHODS[name].second else expected
    np.testing.assert_array_equal(run(program_of(name, {}, [5.0, 0.0]), denoise), expected)


TOO_EXTREME = ("expected a finite number", "expected two different levels", "expected one after the first")


@all_options
@pytest.mark.parametrize("sigmas", [[3e-154, 1e-154, 3e-155], [1e100, 1e50, 1.0], [1.0, 1 - 2**-53]], ids=str)
def test_extreme_sigmas(name, options, sigmas):
    """A program runs to a finite result, or the compiler says what is too extreme: never NaN without a word."""
    if METHODS[name].zero_only:
        sigmas = [*sigmas, 0.0]
    try:
        program = program_of(name, options, sigmas)
    except (ProgramError, SamplerError) as error:
        assert any(text in str(error) for text in TOO_EXTREME)  # noqa: PT017  # not raising is right too
        return
    x = np.array([[program.sigma_start, -0.5 * program.sigma_start]])
    half, quarter = 0.5 * x, 0.25 * x
    answer = (lambda: (half.copy(), quarter.copy())) if METHODS[name].second else half.copy
    if options.get("time_step") == "uniform" and sigmas[0] < 1.0:
        # Steps of one length in time, however low the level: they multiply x beyond any number, and the run says so.
        with pytest.raises(NonFiniteError, match="x left the range of its dtype"):
            sl.sample(program, lambda x, sigma: answer(), x, units(x.shape)[0])
        return
    result = sl.sample(program, lambda x, sigma: answer(), x, units(x.shape)[0])
    assert np.all(np.isfinite(result))


@dataclass(frozen=True)
class Discarding(sl.Sampler):
    """Euler's method with noise; draws once more in every step, for nothing."""

    skips: bool = True

    def trace(self, t, sigmas):
        x = t.start()
        for s, s_next in itertools.pairwise(sigmas):
            if self.skips:
                t.skip_noise(s, s_next)
            x = t.end_step(t.denoise(x, s) * (1 - s_next / s) + x * (s_next / s) + t.noise(s, s_next) * s_next)


def test_skipped_noise_is_drawn_and_not_used():
    sigmas = [9.0, 4.0, 1.5, 0.4]
    program = Discarding().compile(sigmas)
    draws = [op for op in program.operations if hasattr(op, "ordinal")]
    assert [op.ordinal for op in draws] == list(range(6))
    assert [(op.sigma_from, op.sigma_to) for op in draws] == [pair for pair in itertools.pairwise(sigmas) for _ in "ab"]
    whole = run(program)
    used = {op.out for op in draws[1::2]}
    assert all(set(op.inputs) & used for op in program.operations if hasattr(op, "rows"))
    # The draws that are used are the odd ones of the source.
    x = MIXTURE.start(9.0)
    _, numbered = units(x.shape)
    odd = iter(numbered(k) for k in (1, 3, 5))
    plain = Discarding(skips=False).compile(sigmas)
    expected = sl.sample(plain, problems.plain(MIXTURE.denoise), x, lambda like, *_: next(odd))
    np.testing.assert_array_equal(whole, expected)
    for stop in (1, 2):
        noise, _ = units(x.shape)
        half = sl.sample(program[:stop], problems.plain(MIXTURE.denoise), x, noise)
        assert next(op.ordinal for op in program[stop:].operations if hasattr(op, "ordinal")) == 2 * stop
        np.testing.assert_array_equal(sl.sample(program[stop:], problems.plain(MIXTURE.denoise), half, noise), whole)
