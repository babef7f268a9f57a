"""What single-step methods have to themselves: see `test_sampler.py` for what all samplers have in common."""

import itertools
import math

import numpy as np
import problems
import pytest
import stepladder as sl
import torch
from methods import METHODS
from reference import sampler_singlestep as slow
from stepladder.errors import SamplerError
from test_sampler import CASES, FLOW, KARRAS, MIXTURE, case_id, close, order_on_mixture, run, start_of, units

ORDERS = [((81, 162, 324), 2), ((79, 160, 319), 2), ((80, 161, 320), 3)]


@pytest.mark.parametrize("kind", ["karras", "log"])
@pytest.mark.parametrize(("counts", "order"), ORDERS, ids=lambda v: str(v))
def test_order_of_dpm_fast_by_what_three_leaves(counts, order, kind):
    """The rest of the model calls divided by 3 decides on the order of the last step or two."""
    assert len({count % 3 for count in counts}) == 1
    assert order - 0.25 <= order_on_mixture(sl.sampler("dpm_fast"), kind, counts=counts) < order + 0.5


@pytest.mark.parametrize("steps", range(1, 12))
def test_dpm_fast_makes_as_many_calls_as_there_are_steps(steps):
    sigmas = np.append(np.geomspace(10.0, 0.1, steps + 1), [])
    program = sl.sampler("dpm_fast").compile(sigmas)
    assert program.analysis.model_calls == steps
    assert program.sigma_end == sigmas[-1]
    assert program.analysis.passes == steps
    if steps > 1:
        assert sl.sampler("dpm_fast").compile([*sigmas[:-1], 0.0]).sigma_end == sigmas[-2]


def test_dpm_fast_has_no_noise_for_a_flow():
    text = r"^eta is 0.5; expected 0 for a flow: its noise is defined for x = x0 \+ sigma \* noise$"
    with pytest.raises(SamplerError, match=text):
        sl.sampler("dpm_fast", eta=0.5).compile([1.0, 0.5, 0.1], FLOW)


def in_float32(case):
    """DPM-Solver-fast with its levels and coefficients in float32, as the peer computes: k-diffusion, `DPMSolver`."""
    sigmas = problems.reference()["schedules"][case["schedule"]]
    denoise = problems.per_point(problems.reference_mixture().denoise)
    x = np.random.default_rng(case["seed"]).standard_normal(problems.reference()["shape"]) * sigmas[0]
    start, end = (-torch.tensor(s, dtype=torch.float32).log() for s in (sigmas[0], sigmas[-2]))
    calls = len(sigmas) - 1
    t = torch.linspace(float(start), float(end), calls // 3 + 2)
    sigma = lambda t: float((-t).exp())  # noqa: E731
    eps = lambda x, t: (x - denoise(x, sigma(t))) / sigma(t)  # noqa: E731
    for i in range(calls // 3):
        h = t[i + 1] - t[i]
        first, second = t[i] + h * (1 / 3), t[i] + h * (2 / 3)
        weight = lambda t, h: (-t).exp() * h.expm1()  # noqa: E731
        e = eps(x, t[i])
        change = eps(x - float(weight(first, h * (1 / 3))) * e, first) - e
        late = h * (2 / 3)
        u = x - float(weight(second, late)) * e - float((-second).exp() * 2 * (late.expm1() / late - 1)) * change
        change = eps(u, second) - e
        x = x - float(weight(t[i + 1], h)) * e - float((-t[i + 1]).exp() / (2 / 3) * (h.expm1() / h - 1)) * change
    return x - float((-t[-1]).exp() * (t[-1] - t[-2]).expm1()) * eps(x, t[-2])


FAST = [c for c in CASES if c["sampler"] == "dpm_fast" and not c["kwargs"]]


@pytest.mark.parametrize("case", FAST, ids=case_id)
def test_dpm_fast_is_the_peer_but_for_float32(case):
    np.testing.assert_allclose(in_float32(case).ravel(), case["result"], rtol=1e-6, atol=0)


def test_ddpm_is_euler_ancestral_in_sigma():
    close(run(sl.sampler("ddpm").compile(KARRAS)), run(sl.sampler("euler_ancestral").compile(KARRAS)), 1e-12)


@pytest.mark.parametrize("name", ["dpm_2_ancestral", "dpmpp_2s_ancestral"])
@pytest.mark.parametrize("sigmas", [[5.0, 0.1, 0.0], [5.0, 3.0, 0.1]])
def test_all_noise_replaced(name, sigmas):
    """Where eta is large enough, sigma_down is zero: the denoised value with fresh noise, and one call fewer."""
    program = sl.sampler(name, eta=9.0).compile(sigmas)
    x = MIXTURE.start(5.0)
    _, noise = units(x.shape)
    expected = x
    for k, (s, s_next) in enumerate(itertools.pairwise(sigmas)):
        expected = MIXTURE.denoise(expected, s) + (s_next * noise(k) if s_next > 0 else 0.0)
    close(run(program, x=x), expected, 1e-13)
    assert program.analysis.model_calls == 2


@pytest.mark.parametrize("name", ["dpmpp_2s_ancestral", "dpm_2_ancestral"])
def test_a_flow_replaces_at_most_all_noise(name):
    with pytest.raises(SamplerError, match=r"^eta is 1.5; expected 0 to 1 for a flow$"):
        sl.sampler(name, eta=1.5).compile([1.0, 0.5, 0.0], FLOW)


def test_independent_draws_are_refused_for_a_path():
    program = sl.sampler("dpmpp_sde").compile(KARRAS)
    assert program.analysis.needs_path
    with pytest.raises(sl.errors.ExecutionError, match="the program's noise intervals overlap"):
        sl.sample(program, problems.plain(MIXTURE.denoise), MIXTURE.start(14.6), sl.noise_source("iid", seed=1))
    assert not sl.sampler("seeds_3").compile(KARRAS).analysis.needs_path


@pytest.mark.parametrize(("form", "error"), [("exact", 0.0), ("k_diffusion", 0.16518889)])
def test_three_values_integrate_a_parabola_exactly(form, error):
    """`dpmpp_3m_sde` without noise, from exact history, for D = 1 + 0.7 u - 0.3 u², u = ln sigma; the hosts' errs."""
    parabola = lambda x, sigma: np.full_like(x, 1.0 + 0.7 * math.log(sigma) - 0.3 * math.log(sigma) ** 2)  # noqa: E731
    sigmas = [8.0, 5.0, 2.0, 0.5, 0.1]
    program = sl.sampler("dpmpp_3m_sde", eta=0.0, form=form).compile(sigmas)[2:]
    x = np.array([-3.0, 0.0, 5.0])
    inputs = {"x": x} | {f"result[{k}]": parabola(x, sigmas[k]) for k in range(2)}
    assert {port.name for port in program.inputs} == set(inputs)
    result = sl.sample(program, problems.plain(parabola), inputs)
    # dx/du = x - D has the solution x = p(u) + C e^u with p - p' = D.
    p = lambda u: 1.0 + 0.7 - 0.6 + (0.7 - 0.6) * u - 0.3 * u * u  # noqa: E731
    expected = p(math.log(0.1)) + (x - p(math.log(2.0))) * 0.1 / 2.0
    np.testing.assert_allclose(result - expected, error, rtol=1e-7, atol=1e-13)


def test_lcm_deviation_per_step():
    ramp = [1.0 - 0.8 * k / 11 for k in range(12)]
    x = MIXTURE.start(14.6)
    linear = run(sl.sampler("lcm", s_noise=1.0, s_noise_end=0.2).compile(KARRAS), x=x)
    close(run(sl.sampler("lcm", s_noise=ramp).compile(KARRAS), x=x), linear, 1e-13)
    assert np.max(np.abs(run(sl.sampler("lcm").compile(KARRAS), x=x) - linear)) > 1e-3


@pytest.mark.parametrize("end", [0.0, 0.02])
@pytest.mark.parametrize("steps", [19, 20, 24, 36, 41])
def test_restart_as_a1111_chooses(steps, end):
    sigmas = [*problems.grid("karras", 14.6, 0.03, steps - 1), end]
    program = sl.sampler("restart").compile(sigmas)
    rounds = 0 if steps < 20 else 1 if steps < 36 else 2
    assert len(program) == steps + rounds
    assert program.analysis.noise_draws == rounds
    x = MIXTURE.start(14.6)
    noise, numbered = units(x.shape)
    ours = sl.sample(program, problems.plain(MIXTURE.denoise), x, noise)
    close(ours, slow.restart(MIXTURE.denoise, x, [float(s) for s in sigmas], numbered), 1e-12)


def test_restart_at_zero_and_outside_its_range():
    program = sl.sampler("restart", segments=[(0.0, 2.0, 3, 1)]).compile([5.0, 1.0, 0.0])
    assert [step.sigma_next for step in program][-4] == 2.0
    assert program.sigma_end == 0.0
    narrow = np.append(np.geomspace(0.05, 0.01, 20), 0.0)
    assert sl.sampler("restart").compile(narrow).analysis.noise_draws == 0
    text = r"^segments\[0\] restarts at the level nearest to 7, which is 5; expected one after the first, below its"
    with pytest.raises(SamplerError, match=text):
        sl.sampler("restart", segments=[(7.0, 9.0, 3, 1)]).compile([5.0, 1.0, 0.0])


def test_a_flow_from_pure_noise_stays_finite():
    for name in ("dpmpp_2s_ancestral", "dpmpp_sde", "dpmpp_3m_sde", "seeds_2", "seeds_3", "exp_heun_2_x0_sde"):
        program = sl.sampler(name).compile([1.0, 0.9999, 0.5, 0.0], FLOW)
        result = run(program, problems.for_flow(MIXTURE), start_of(1.0, flow=True))
        assert np.all(np.isfinite(result))
        assert np.max(np.abs(result)) < 10.0


@pytest.mark.parametrize(
    "name", [n for n, m in METHODS.items() if m.slow.__module__ == slow.__name__ and n != "restart"]
)
def test_one_pass_per_model_call_after_folding(name):
    program = sl.sampler(name).compile(np.append(np.geomspace(14.6, 0.03, 20), 0.0))
    folded = program.fold(sl.parameterization("v_prediction"))
    assert program.analysis.passes <= program.analysis.model_calls
    assert folded.analysis.passes <= folded.analysis.model_calls + 1  # and c_in · x before the first
