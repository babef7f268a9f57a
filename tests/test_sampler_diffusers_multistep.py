"""UniPC, SA-Solver and TCD against diffusers, live: the same sigmas, denoiser and noise."""

import inspect

import numpy as np
import problems
import pytest
import stepladder as sl
import torch
from diffusers import SASolverScheduler, TCDScheduler, UniPCMultistepScheduler
from reference.sampler_sa_solver import weights
from reference.sampler_tcd import ALPHAS, LEVELS
from stepladder import testing
from test_sampler import DISCRETE, agreement, close, start_of, units

MIXTURE = testing.mixture_problem()
FLOWED = problems.for_flow(MIXTURE)
POSITIVE = problems.grid("karras", 14.6, 0.03, 19)
ZERO = np.append(POSITIVE, 0.0)
FLOW_SIGMAS = np.append(np.linspace(0.999, 0.05, 14), 0.0)

# diffusers builds its float32 tables in its constructors, with what NumPy 2 calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


def drive(scheduler, sigmas, noise=None, flow=False):
    """Run a scheduler over exact float64 sigmas, past its own tables. Its x is scaled by alpha, ours of a flow too."""
    scheduler.sigmas = torch.tensor(sigmas, dtype=torch.float64)
    scheduler.timesteps = torch.tensor(sigmas[:-1], dtype=torch.float64)
    scheduler.num_inference_steps = len(sigmas) - 1
    scheduler._step_index = 0
    scale = np.ones_like(sigmas) if flow else 1 / np.sqrt(np.square(sigmas) + 1)
    x = torch.from_numpy(start_of(sigmas[0], flow) * scale[0])
    options = {} if noise is None else {"generator": noise}
    for i, s in enumerate(sigmas[:-1]):
        denoised = torch.from_numpy((FLOWED if flow else MIXTURE.denoise)(x.numpy() / scale[i], s))
        x = scheduler.step(denoised, torch.tensor(s, dtype=torch.float64), x, **options).prev_sample
    return x.numpy() / scale[-1]


def ours(sampler, sigmas, noise=None, flow=False):
    process = sl.process("flow") if flow else None
    x = start_of(sigmas[0], flow)
    draw = (
        units(x.shape)[0]
        if noise is None
        else (lambda like, *_: torch.randn(like.shape, generator=noise, dtype=torch.float64).numpy())
    )
    return sl.sample(sampler.compile(sigmas, process), problems.plain(FLOWED if flow else MIXTURE.denoise), x, draw)


NAMES = {"bh1": "uni_pc", "bh2": "uni_pc_bh2"}
UNI_PC = [
    (order, variant, config, options)
    for order in (1, 2, 3)
    for variant in ("bh1", "bh2")
    for config, options in (
        ({}, {}),
        ({"lower_order_final": False}, {"lower_order_final": False}),
        ({"disable_corrector": [0, 3]}, {"disable_corrector": (0, 3)}),
        ({"disable_corrector": list(range(30))}, {"corrector": False}),
    )
]


@pytest.mark.parametrize(("order", "variant", "config", "options"), UNI_PC, ids=str)
def test_uni_pc(order, variant, config, options):
    scheduler = UniPCMultistepScheduler(solver_order=order, solver_type=variant, prediction_type="sample", **config)
    close(drive(scheduler, POSITIVE), ours(sl.sampler(NAMES[variant], order=order, **options), POSITIVE), 1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_uni_pc_to_zero(order):
    scheduler = UniPCMultistepScheduler(solver_order=order, solver_type="bh2", prediction_type="sample")
    close(drive(scheduler, ZERO), ours(sl.sampler("uni_pc_bh2", order=order), ZERO), 1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_uni_pc_of_a_flow(order):
    scheduler = UniPCMultistepScheduler(
        solver_order=order, solver_type="bh2", prediction_type="sample", use_flow_sigmas=True
    )
    theirs = drive(scheduler, FLOW_SIGMAS, flow=True)
    close(theirs, ours(sl.sampler("uni_pc_bh2", order=order), FLOW_SIGMAS, flow=True), 1e-12)


SA_ORDERS = [(1, 1), (1, 2), (2, 2), (2, 3), (3, 3), (3, 4), (4, 4)]


@pytest.mark.parametrize("tau", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("orders", SA_ORDERS, ids=str)
def test_sa_solver(orders, tau):
    predictor, corrector = orders
    scheduler = SASolverScheduler(
        predictor_order=predictor,
        corrector_order=corrector,
        prediction_type="sample",
        tau_func=lambda t: torch.tensor(tau, dtype=torch.float64),
        lower_order_final=False,
    )
    sampler = sl.sampler(
        "sa_solver", predictor_order=predictor, corrector_order=corrector, eta=tau, simple_order_2=True
    )
    theirs = drive(scheduler, POSITIVE, torch.Generator().manual_seed(4))
    close(theirs, ours(sampler, POSITIVE, torch.Generator().manual_seed(4)), 1e-11)


def tcd(steps, eta):
    """Its result and ours. Its end is the lowest level of its table; the table here is exact."""
    scheduler = TCDScheduler()
    scheduler.set_timesteps(steps)
    scheduler.alphas_cumprod = torch.from_numpy(ALPHAS)
    times = scheduler.timesteps.numpy()
    sigmas = np.append(LEVELS[times], LEVELS[0])
    scale = 1 / np.sqrt(sigmas**2 + 1)
    x = torch.from_numpy(start_of(sigmas[0], flow=False) * scale[0])
    generator = torch.Generator().manual_seed(4)
    for i, t in enumerate(scheduler.timesteps):
        full = x.numpy() / scale[i]
        epsilon = torch.from_numpy((full - MIXTURE.denoise(full, sigmas[i])) / sigmas[i])
        x = scheduler.step(epsilon, t, x, eta=eta, generator=generator).prev_sample
    generator = torch.Generator().manual_seed(4)
    draw = lambda like, *_: torch.randn(like.shape, generator=generator, dtype=torch.float64).numpy()  # noqa: E731
    program = sl.sampler("tcd", eta=eta).compile(sigmas, DISCRETE)
    result = sl.sample(program, problems.plain(MIXTURE.denoise), start_of(sigmas[0], flow=False), draw)
    return x.numpy() / scale[-1], result


@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("steps", [1, 4, 8])
def test_tcd(steps, eta):
    close(*tcd(steps, eta), 1e-11)


# Where diffusers' float32 leaves its coefficients no digits: (steps, at least how far off, reason, source).
FLOAT32 = [
    (160, 1e-3, "integrals cancel to third order of the step in float32", "scheduling_sasolver.get_coefficients_fn"),
    (500, 1e-1, "integrals cancel to third order of the step in float32", "scheduling_sasolver.get_coefficients_fn"),
]


@pytest.mark.parametrize(("steps", "off", "reason", "source"), FLOAT32)
def test_sa_solver_coefficients_in_float32(steps, off, reason, source):
    """The exclusion still holds, and the exact weights are ours."""
    scheduler = SASolverScheduler(predictor_order=3, corrector_order=4, use_karras_sigmas=True)
    scheduler.set_timesteps(steps)
    sigmas, i = scheduler.sigmas, steps // 2
    half = -torch.log(sigmas[i + 1 - np.arange(4)])
    theirs = scheduler.get_coefficients_fn(4, half[1], half[0], list(half), torch.tensor(0.0))
    theirs = np.array([float(c) for c in theirs]) * float(torch.exp(-half[0]))
    exact = weights(half.double().tolist(), float(half[1]), float(half[0]), 1.0)
    assert np.max(np.abs(theirs - exact)) > off * np.max(np.abs(exact)), reason
    assert hasattr(SASolverScheduler, source.split(".")[1])
    grid = sigmas.double().numpy()[:-1]
    close(*agreement("sa_solver", grid, {"eta": 0.0, "lower_order_final": False}, flow=False), 1e-11)


# What is not compared: (class, option, value, reason). The independent version stands instead.
EXCLUDED = [
    (
        SASolverScheduler,
        "lower_order_final",
        True,
        "it lowers them towards any end, ours towards zero only",
    ),
    (SASolverScheduler, "algorithm_type", "noise_prediction", "another method; ours is data prediction"),
    (UniPCMultistepScheduler, "predict_x0", False, "another method; ours is data prediction"),
    (UniPCMultistepScheduler, "solver_p", None, "a predictor of another kind; ours is UniP or a step of order 1"),
]


@pytest.mark.parametrize(("scheduler", "option", "value", "reason"), EXCLUDED)
def test_exclusions_still_hold(scheduler, option, value, reason):
    assert option in inspect.signature(scheduler).parameters, f"diffusers has no {option} now, though {reason}"
    assert option == "lower_order_final" or not hasattr(sl.sampler("uni_pc"), option)


def test_their_bh1_ends_in_nan():
    """B(h) = h is infinite in a step to zero, and multiplies nothing at all; ours ends with the denoised value."""
    scheduler = UniPCMultistepScheduler(solver_order=2, solver_type="bh1", prediction_type="sample")
    assert np.all(np.isnan(drive(scheduler, ZERO)))
    assert np.all(np.isfinite(ours(sl.sampler("uni_pc", order=2), ZERO)))
