"""Multistep samplers against diffusers, live: its own update formulas over the same sigmas and denoiser, in float64.

Its schedulers build float32 tables; the tables are replaced by exact ones. Each works on x scaled by alpha, with
alpha² + sigma_t² = 1.
"""

import numpy as np
import problems
import pytest
import stepladder as sl
import torch
from diffusers import DEISMultistepScheduler, IPNDMScheduler, LMSDiscreteScheduler, PNDMScheduler
from test_sampler import close, run, text_of
from test_sampler_diffusers import MIXTURE, drive, epsilon, old_numpy

SIGMAS = np.append(problems.grid("karras", 14.6, 0.03, 19), 0.0)
POSITIVE = problems.grid("karras", 14.6, 0.03, 19)


def alphas_cumprod(sigmas):
    return torch.from_numpy(1 / (1 + np.asarray(sigmas) ** 2))


def diffusers_lms(x, sigmas, order):
    scheduler = drive(LMSDiscreteScheduler(prediction_type="epsilon"), sigmas)
    for s in sigmas[:-1]:
        x = scheduler.step(epsilon(x, s), torch.tensor(s), torch.from_numpy(x), order=order).prev_sample.numpy()
    return x


def diffusers_pndm(x, sigmas, start):
    """Timesteps count down through a table of the sigmas, with a level between any two for the Runge-Kutta middles."""
    levels = np.empty(2 * len(sigmas) - 1)
    levels[::2], levels[1::2] = sigmas, (sigmas[1:] + sigmas[:-1]) / 2
    table = levels[::-1]
    last = len(table) - 1
    scheduler = PNDMScheduler(skip_prk_steps=start == "improved_euler", prediction_type="epsilon")
    scheduler.alphas_cumprod = alphas_cumprod(table)
    scheduler.final_alpha_cumprod = scheduler.alphas_cumprod[0]
    # `step` goes back by num_train_timesteps // num_inference_steps: by two, one of our steps.
    scheduler.register_to_config(num_train_timesteps=last)
    scheduler.num_inference_steps = len(sigmas) - 1
    times = list(range(last, 0, -2))
    alpha = lambda t: float(scheduler.alphas_cumprod[t]) ** 0.5  # noqa: E731
    x = torch.from_numpy(x * alpha(last))
    if start == "improved_euler":
        scheduler.prk_timesteps = np.array([], dtype=np.int64)
        walked = [times[0], times[1], *times[1:]]
    else:
        walked = [t for first in times[:3] for t in (first, first - 1, first - 1, first - 2)]
        scheduler.prk_timesteps = np.array(walked)
        walked = walked + times[3:]
    scheduler.timesteps = torch.tensor(walked)
    for t in walked:
        output = epsilon(x.numpy() / alpha(t), table[t])
        x = scheduler.step(output, torch.tensor(t), x).prev_sample
    return x.numpy() / alpha(0)


def diffusers_deis(x, sigmas, order, precision=torch.float64):
    """The update formulas themselves, from a table of that precision; `step` around them chooses the order."""
    scheduler = drive(DEISMultistepScheduler(solver_order=order), sigmas)
    scheduler.sigmas = scheduler.sigmas.to(precision)
    alpha = 1 / np.sqrt(sigmas**2 + 1)
    outputs = []
    x = torch.from_numpy(x * alpha[0])
    for i, s in enumerate(sigmas[:-1]):
        scheduler._step_index = i
        outputs.append(epsilon(x.numpy() / alpha[i], s))
        if i == 0 or order == 1:
            x = scheduler.deis_first_order_update(outputs[-1], sample=x)
        elif i == 1 or order == 2:
            x = scheduler.multistep_deis_second_order_update(outputs, sample=x)
        else:
            x = scheduler.multistep_deis_third_order_update(outputs, sample=x)
    return x.numpy() / alpha[-1]


def diffusers_ipndm(x, sigmas):
    """Its output is a v-prediction: alpha noise - sigma_t denoised."""
    scheduler = IPNDMScheduler()
    scheduler.set_timesteps(len(sigmas) - 1)
    scheduler.alphas = 1 / torch.from_numpy(1 + sigmas**2) ** 0.5
    scheduler.betas = torch.from_numpy(sigmas) * scheduler.alphas
    scheduler._step_index = 0
    alpha = scheduler.alphas.numpy()
    x = torch.from_numpy(x * alpha[0])
    for i, s in enumerate(sigmas[:-1]):
        plain = x.numpy() / alpha[i]
        output = alpha[i] * epsilon(plain, s) - s * alpha[i] * torch.from_numpy(MIXTURE.denoise(plain, s))
        x = scheduler.step(output, torch.tensor(s), x).prev_sample
    return x.numpy() / alpha[-1]


# diffusers' DEIS takes NumPy logarithms of torch scalars.
old_scalars = pytest.mark.filterwarnings("ignore:__array_wrap__ must accept context:DeprecationWarning")

# Ours, the peer, its sigmas, its precision.
PEERS = [
    ("lms", {"lower_order_final": False}, lambda x, s: diffusers_lms(x, s, 4), SIGMAS, 1e-4),  # quadrature to 1e-4
    ("lms", {"order": 2, "lower_order_final": False}, lambda x, s: diffusers_lms(x, s, 2), SIGMAS, 1e-12),
    ("pndm", {}, lambda x, s: diffusers_pndm(x, s, "improved_euler"), POSITIVE, 1e-12),
    ("pndm", {"start": "runge_kutta"}, lambda x, s: diffusers_pndm(x, s, "runge_kutta"), POSITIVE, 1e-12),
    ("ipndm", {}, diffusers_ipndm, POSITIVE, 1e-12),
    ("deis", {"mode": "logrho", "max_order": 1}, lambda x, s: diffusers_deis(x, s, 1), POSITIVE, 1e-12),
    ("deis", {"mode": "logrho", "max_order": 2}, lambda x, s: diffusers_deis(x, s, 2), POSITIVE, 1e-12),
    ("deis", {"mode": "logrho"}, lambda x, s: diffusers_deis(x, s, 3), POSITIVE, 1e-12),
]


@old_numpy
@old_scalars
@pytest.mark.parametrize(("name", "options", "peer", "sigmas", "rtol"), PEERS, ids=[text_of(row) for row in PEERS])
def test_diffusers(name, options, peer, sigmas, rtol):
    x = MIXTURE.start(sigmas[0])
    close(peer(x, sigmas), run(sl.sampler(name, **options).compile(sigmas)), rtol)


@old_numpy
@old_scalars
def test_deis_in_float32_loses_its_coefficients():
    """diffusers subtracts antiderivatives in float32: at 500 steps its third-order weights are noise; ours are not."""
    errors = {}
    x = MIXTURE.start(10.0)
    for count in (80, 500):
        sigmas = problems.grid("karras", 10.0, 0.1, count)
        exact = MIXTURE.flow(x, 10.0, 0.1)
        ours = run(sl.sampler("deis", mode="logrho").compile(sigmas), x=x)
        errors[count] = [float(np.max(np.abs(r - exact))) for r in (ours, diffusers_deis(x, sigmas, 3, torch.float32))]
    assert errors[500][0] < errors[80][0] / 4
    assert errors[500][1] > errors[80][1]
