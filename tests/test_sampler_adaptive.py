"""The sampler that chooses its steps from the data."""

import itertools
import math

import numpy as np
import problems
import pytest
import stepladder as sl
import torch
from methods.method import NUMBER
from stepladder import testing
from stepladder.errors import ExecutionError, NonFiniteError, SamplerError
from test_sampler import CASES, FLOW, case_id

MIXTURE = testing.mixture_problem()
DENOISER = problems.plain(MIXTURE.denoise)
ADAPTIVE = [c for c in CASES if c["sampler"] == "dpm_adaptive"]


@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize("case", ADAPTIVE, ids=case_id)
def test_peer_values(case, library):
    sigmas = problems.reference()["schedules"][case["schedule"]]
    x = np.random.default_rng(case["seed"]).standard_normal(problems.reference()["shape"]) * sigmas[0]
    denoiser = problems.per_point(problems.reference_mixture().denoise)
    if library == "torch":
        x, denoiser = torch.from_numpy(x), problems.for_torch(denoiser)
    seen = []
    ran = sl.sample_adaptive(sl.sampler("dpm_adaptive", **case["kwargs"]), denoiser, x, sigmas, callback=seen.append)
    assert type(ran.x) is type(x)
    assert ran.x.dtype == x.dtype
    np.testing.assert_allclose(np.asarray(ran.x).ravel(), case["result"], rtol=1e-6, atol=0)
    assert ran.model_calls == case["nfe"]
    order = case["kwargs"].get("order", 3)
    assert (ran.accepted, ran.rejected) == (len(case["noise_intervals"]), case["nfe"] // order - ran.accepted)
    np.testing.assert_allclose(
        list(zip(ran.sigmas[:-1], ran.sigmas[1:], strict=True)), case["noise_intervals"], rtol=1e-6
    )
    assert [info.step for info in seen] == list(range(ran.accepted))
    assert [info.sigma_next for info in seen] == list(ran.sigmas[1:])
    assert np.array_equal(np.asarray(seen[-1].x), np.asarray(ran.x))
    assert all(info.denoised is not None for info in seen)


def slow(denoise, x, sigmas, noise, order, rtol, atol, h, coefficients, accept_safety, eta, s_noise):
    """Lu et al. 2022 (arXiv:2206.00927), appendix C, with the step-size control of k-diffusion, as a plain loop."""
    from reference.sampler_singlestep import dpm_solver, split
    from reference.setting import VE

    p, i, d = coefficients
    power = 1.5 if eta > 0 else order
    s, end = sigmas[0], [v for v in sigmas if v > 0][-1]
    before, inverse, draws, counts = x, [], 0, [0, 0]
    while math.log(s / end) > 1e-5:
        t = max(s * math.exp(-h), end)
        down, up = t, 0.0
        if eta > 0:
            down, _, up = split(VE, s, t, eta)
            if down < end:
                down, up = end, math.sqrt((t - end) * (t + end))
        low = dpm_solver(denoise, x, s, down, order - 1, r_1=1 / 3)
        high = dpm_solver(denoise, x, s, down, order)
        scale = np.maximum(atol, rtol * np.maximum(np.abs(low), np.abs(before)))
        now = 1 / (math.sqrt(np.mean(np.square((low - high) / scale))) + 1e-8)
        inverse = inverse or [now, now]
        factor = now ** ((p + i + d) / power) * inverse[0] ** (-(p + 2 * d) / power) * inverse[1] ** (d / power)
        factor = 1 + math.atan(factor - 1)
        h = h * factor
        counts[factor < accept_safety] += 1
        if factor < accept_safety:
            continue
        x, before, s, inverse = high, low, t, [now, inverse[0]]
        if up > 0:
            x = x + up * s_noise * noise(draws)
            draws += 1
    return x, counts


OPTIONS = [
    {},
    {"order": 2},
    {"rtol": 0.01, "atol": 0.001, "h_init": 0.4},
    {"pcoeff": 0.2, "icoeff": 0.4, "dcoeff": 0.1, "accept_safety": 0.6},
    {"eta": 0.5, "s_noise": 0.9},
    {"eta": 1.0, "order": 2},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("end", [0.0, 0.1])
def test_slow_version(options, end):
    sampler = sl.sampler("dpm_adaptive", **options)
    sigmas, x = [12.0, 3.0, 0.2, end], MIXTURE.start(12.0)
    drawn = [np.random.default_rng(k).standard_normal(x.shape) for k in range(200)]
    count = iter(range(200))
    ran = sl.sample_adaptive(sampler, DENOISER, x, sigmas, lambda like, *_: drawn[next(count)])
    control = (sampler.pcoeff, sampler.icoeff, sampler.dcoeff)
    expected, counts = slow(
        MIXTURE.denoise, x, sigmas, drawn.__getitem__, sampler.order, sampler.rtol, sampler.atol, sampler.h_init,
        control, sampler.accept_safety, sampler.eta, sampler.s_noise,
    )  # fmt: skip
    np.testing.assert_allclose(ran.x, expected, rtol=1e-9)
    assert [ran.accepted, ran.rejected] == counts
    assert ran.model_calls == sampler.order * sum(counts)
    assert ran.sigmas[-1] == pytest.approx(end or 0.2, rel=1e-4)
    assert (next(count) > 0) == (sampler.eta > 0)


def test_the_error_follows_the_tolerance():
    exact = MIXTURE.flow(MIXTURE.start(10.0), 10.0, 0.1)
    errors, accepted = [], []
    for tolerance in (1e-2, 1e-4, 1e-6):
        sampler = sl.sampler("dpm_adaptive", rtol=tolerance, atol=tolerance)
        ran = sl.sample_adaptive(sampler, DENOISER, MIXTURE.start(10.0), [10.0, 0.1])
        errors.append(float(np.max(np.abs(ran.x - exact))))
        accepted.append(ran.accepted)
    assert errors[0] > 10 * errors[1] > 100 * errors[2]
    assert accepted[0] < accepted[1] < accepted[2]


def test_a_flow_is_the_same_ode():
    """x = (1 - sigma) x0 + sigma noise solves dx/dsigma = (x - D) / sigma as well: to any tolerance, from 0.99."""
    denoise = problems.plain(problems.for_flow(MIXTURE))
    x = MIXTURE.start(99.0) * 0.01
    sampler = sl.sampler("dpm_adaptive", rtol=1e-6, atol=1e-6)
    ran = sl.sample_adaptive(sampler, denoise, x, [0.99, 0.5, 0.1, 0.0], process=FLOW)
    end = ran.sigmas[-1]
    assert end == pytest.approx(0.1, rel=1e-4)
    exact = MIXTURE.flow(MIXTURE.start(99.0), 99.0, end / (1 - end)) * (1 - end)
    np.testing.assert_allclose(ran.x, exact, atol=1e-4)


def test_a_noise_source():
    sampler, x = sl.sampler("dpm_adaptive", eta=0.7), MIXTURE.start(12.0)
    runs = [
        sl.sample_adaptive(sampler, DENOISER, x, [12.0, 0.1], sl.noise_source("iid", seed=seed)) for seed in (3, 3, 4)
    ]
    np.testing.assert_array_equal(runs[0].x, runs[1].x)
    assert not np.array_equal(runs[0].x, runs[2].x)


def test_torch_in_half_precision():
    x = torch.from_numpy(MIXTURE.start(12.0)).half()
    ran = sl.sample_adaptive(sl.sampler("dpm_adaptive"), problems.for_torch(DENOISER), x, [12.0, 0.1])
    assert ran.x.dtype == torch.float16
    assert torch.isfinite(ran.x).all()


def test_it_has_no_program():
    text = r"^dpm_adaptive chooses its steps from the data, so it has no program; run it with sl.sample_adaptive\("
    with pytest.raises(SamplerError, match=text):
        sl.sampler("dpm_adaptive").compile([3.0, 1.0])


BAD = [
    ({"order": 4}, "order is 4; expected 2 or 3"),
    ({"order": -1}, "order is -1; expected 2 or 3"),
    ({"max_attempts": 0}, "max_attempts is 0; expected at least 1"),
    ({"order": 2.5}, "order is 2.5; expected a whole number"),
    ({"rtol": -1.0}, f"rtol is -1; {NUMBER}"),
    ({"atol": math.nan}, f"atol is nan; {NUMBER}"),
    ({"rtol": 0.0, "atol": 0.0}, "rtol and atol are both 0; expected one above 0, or no step is ever accepted"),
    ({"h_init": 0.0}, "h_init is 0; expected a finite number above 0"),
    ({"pcoeff": math.inf}, "pcoeff is inf; expected a finite number"),
    ({"icoeff": math.nan}, "icoeff is NaN; expected a finite number"),
    ({"dcoeff": math.inf}, "dcoeff is inf; expected a finite number"),
    ({"accept_safety": 0.0}, "accept_safety is 0; expected above 0, at most 1"),
    ({"eta": -1.0}, f"eta is -1; {NUMBER}"),
    ({"s_noise": math.inf}, f"s_noise is inf; {NUMBER}"),
]


@pytest.mark.parametrize(("options", "text"), BAD, ids=lambda v: str(v)[:40])
def test_bad_options(options, text):
    with pytest.raises(SamplerError) as caught:
        sl.sampler("dpm_adaptive", **options)
    assert str(caught.value) == text


def jumps(size):
    """A denoiser that is never twice the same."""
    values = itertools.cycle((size, -size))
    return lambda x, sigma: np.full_like(x, next(values))


RUNS = [
    ({"sampler": sl.EulerSampler()}, SamplerError, "sampler is EulerSampler; expected a DpmAdaptiveSampler"),
    ({"sigmas": [3.0, 0.0]}, SamplerError, "sigmas are 3 and 0; expected two positive ones"),
    ({"sigmas": [1.0, 3.0]}, SamplerError, "sigmas[1] is 3; expected a value below the one before it"),
    ({"sigmas": [3.0]}, SamplerError, "sigmas has shape (1,); expected one dimension of at least two values"),
    ({"process": "flow"}, SamplerError, "process is str; expected a NoiseProcess"),
    ({"sampler": sl.DpmAdaptiveSampler(eta=1.0)}, ExecutionError, "eta is 1 and noise is NoneType; expected"),
    (
        {"sampler": sl.DpmAdaptiveSampler(eta=1.0), "process": FLOW, "sigmas": [0.9, 0.1]},
        SamplerError,
        "eta is 1; expected 0 for a flow",
    ),
    ({"denoiser": 3}, ExecutionError, "denoiser is int; expected a callable"),
    ({"denoiser": lambda x, _: x * math.nan}, NonFiniteError, ""),
    ({"denoiser": jumps(1e22)}, SamplerError, "attempts the run is at sigma 3, and its next step "),
    ({"denoiser": jumps(1e9), "sampler": sl.DpmAdaptiveSampler(max_attempts=40)}, SamplerError, "after 40 attempts"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "error", "text"), RUNS, ids=lambda v: str(v)[:40])
def test_bad_runs(change, error, text):
    given = {"sampler": sl.DpmAdaptiveSampler(), "denoiser": DENOISER, "x": MIXTURE.start(3.0), "sigmas": [3.0, 0.1]}
    with pytest.raises(error) as caught:
        sl.sample_adaptive(**(given | change))
    assert text in str(caught.value)
