"""Log-likelihood by the probability flow, against densities that are known."""

import math

import numpy as np
import pytest
import torch
from installed import k_diffusion
from scipy import stats
from stepladder import testing
from stepladder.errors import ExecutionError, NonFiniteError, SamplerError
from stepladder.torch import log_likelihood

LOW, HIGH = 0.05, 60.0
MEAN, DEVIATION = 0.4, 0.6


def of_normal(x, sigma):
    """The exact denoiser of N(0.4, 0.6²) per element: its Jacobian is diagonal, so any probe gives the trace."""
    v = (sigma**2).reshape(-1, *(1 for _ in x.shape[1:]))
    return (DEVIATION**2 * x + v * MEAN) / (DEVIATION**2 + v)


def data(*shape, dtype=torch.float64):
    return MEAN + DEVIATION * torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=dtype)


def exact(x, sigma=LOW):
    density = stats.norm(MEAN, math.hypot(DEVIATION, sigma))
    return density.logpdf(x.numpy()).reshape(len(x), -1).sum(1)


def prior_gap(x):
    """What is left of the data at HIGH, where N(0, HIGH²) is not quite the law of what the flow ends in."""
    end = MEAN + (x.numpy() - MEAN) * math.hypot(DEVIATION, HIGH) / math.hypot(DEVIATION, LOW)
    of_data = stats.norm(MEAN, math.hypot(DEVIATION, HIGH)).logpdf(end)
    return (stats.norm(0, HIGH).logpdf(end) - of_data).reshape(len(x), -1).sum(1)


@pytest.mark.parametrize("tolerance", [1e-4, 1e-6, 1e-8])
def test_of_a_normal_distribution(tolerance):
    x = data(3, 4, 5)
    found = log_likelihood(of_normal, x, LOW, HIGH, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(found.values, exact(x) + prior_gap(x), rtol=0, atol=300 * tolerance)
    assert found.values.dtype == torch.float64
    assert found.model_calls == 1 + 6 * (found.accepted + found.rejected)
    scale = math.hypot(DEVIATION, HIGH) / math.hypot(DEVIATION, LOW)
    np.testing.assert_allclose(found.latent, MEAN + (x - MEAN) * scale, rtol=100 * tolerance)


def test_of_a_mixture_in_two_dimensions():
    """The Jacobian is not diagonal: the estimate scatters about the density, and its mean comes to it."""
    problem = testing.mixture_problem()
    means, stds, weights = map(np.array, (problem.means, problem.stds, problem.weights))

    def denoise(x, sigma):
        variance = torch.from_numpy(stds)[:, None] ** 2 + sigma[None] ** 2
        distance = ((x[None] - torch.from_numpy(means)[:, None]) ** 2).sum(-1)
        share = torch.softmax(
            torch.log(torch.from_numpy(weights))[:, None] - torch.log(variance) - distance / 2 / variance, 0
        )
        keep = torch.from_numpy(stds)[:, None] ** 2 / variance
        towards = keep[..., None] * x[None] + (1 - keep)[..., None] * torch.from_numpy(means)[:, None]
        return (share[..., None] * towards).sum(0)

    point = np.array([0.3, 0.2])
    np.testing.assert_allclose(
        denoise(torch.from_numpy(point[None]), torch.tensor([0.7]).double()), problem.denoise(point[None], 0.7)
    )
    density = sum(
        w * stats.multivariate_normal(m, s**2 + LOW**2).pdf(point) for m, s, w in zip(means, stds, weights, strict=True)
    )
    x = torch.tensor(point).repeat(400, 1)
    found = log_likelihood(denoise, x, LOW, 500.0, rtol=1e-6, atol=1e-6).values.numpy()
    assert found.std() > 0.01
    assert abs(found.mean() - math.log(density)) < 4 * found.std() / 20 + 2e-3
    more = log_likelihood(denoise, x, LOW, 500.0, rtol=1e-6, atol=1e-6, probes=16).values.numpy()
    assert more.std() < 0.4 * found.std()


def test_of_k_diffusion():
    x = data(2, 6)
    theirs, _ = k_diffusion("sampling").log_likelihood(of_normal, x, LOW, HIGH, atol=1e-9, rtol=1e-9)
    found = log_likelihood(of_normal, x, LOW, HIGH, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.values, theirs, rtol=1e-6)


def test_a_sample_has_its_probes_in_any_batch():
    def coupled(x, sigma):
        return 0.5 * x.roll(1, dims=1) * torch.exp(-sigma)[:, None]

    x = data(3, 6)
    whole = log_likelihood(coupled, x, LOW, HIGH, seed=7, rtol=1e-9, atol=1e-9).values
    alone = [
        log_likelihood(coupled, x[b : b + 1], LOW, HIGH, seed=7 + b, rtol=1e-9, atol=1e-9).values for b in range(3)
    ]
    np.testing.assert_allclose(whole, torch.cat(alone), rtol=1e-7)
    assert not torch.equal(whole, log_likelihood(coupled, x, LOW, HIGH, seed=8, rtol=1e-9, atol=1e-9).values)


def test_float32_and_the_gradient_mode_of_the_caller():
    x = data(2, 6).float()
    with torch.no_grad():
        found = log_likelihood(of_normal, x, LOW, HIGH)
    assert found.values.dtype == found.latent.dtype == torch.float32
    assert not found.values.requires_grad
    np.testing.assert_allclose(found.values, exact(x.double()) + prior_gap(x.double()), rtol=0, atol=0.05)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"denoiser": 3}, ExecutionError, "denoiser is int"),
        ({"x": np.ones((1, 2))}, ExecutionError, "x is ndarray; expected a float32 or float64 tensor"),
        ({"x": torch.ones(1, 2, dtype=torch.float16)}, ExecutionError, "x is torch.float16 of shape"),
        ({"sigma_min": 0.0}, SamplerError, "sigma_min is 0 and sigma_max 60; expected 0 < sigma_min < sigma_max"),
        ({"sigma_max": 0.01}, SamplerError, "expected 0 < sigma_min < sigma_max"),
        ({"seed": -1}, SamplerError, "seed is -1"),
        ({"probes": 0}, SamplerError, "probes is 0; expected a whole number of at least 1"),
        ({"rtol": -1.0}, SamplerError, "rtol is -1"),
        ({"rtol": 0.0, "atol": 0.0}, SamplerError, "rtol and atol are both 0"),
        ({"max_steps": 2}, SamplerError, "2 steps did not reach sigma_max"),
        ({"denoiser": lambda x, s: x[:, :1]}, ExecutionError, r"the denoiser returned \(1, 1\)"),
        ({"denoiser": lambda x, s: x.detach()}, ExecutionError, "does not depend on x"),
        (
            {"denoiser": lambda x, s: x * float("nan")},
            NonFiniteError,
            r"in step 0 of the integration \(sigma 0.05\), sample 0",
        ),
    ],
)
def test_refusals(change, error, message):
    run = {"denoiser": of_normal, "x": torch.ones(1, 2), "sigma_min": LOW, "sigma_max": HIGH}
    with pytest.raises(error, match=message):
        log_likelihood(**(run | change))
