"""Samplers against diffusers, live: the same sigmas, denoiser and noise."""

import functools
import inspect

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
from stepladder import testing
from test_sampler import close, run, text_of, units

MIXTURE = testing.mixture_problem()
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
