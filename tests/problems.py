"""Exact denoisers for the tests, as a run wants them: `denoiser(x, sigma)`, sigma of shape (batch,)."""

import json
from functools import cache
from pathlib import Path

import numpy as np
from stepladder import testing

DATA = Path(__file__).parent / "data"


@cache
def reference():
    """The incumbents' values, with the problem and the schedules they were computed on."""
    return json.loads((DATA / "samplers.json").read_text())


@cache
def reference_mixture(name="gmm"):
    gmm = reference()[name]
    means = tuple(map(tuple, gmm["means"]))
    return testing.MixtureProblem(means, tuple(gmm["stds"]), tuple(gmm["weights"]))


def for_flow(problem):
    """The denoiser of the same data under a flow, x = (1 - sigma) x0 + sigma noise, at pure noise too."""

    def denoise(x, sigma):
        if sigma == 1.0:
            return problem.denoise(np.zeros_like(x), 1e12)  # x says nothing of x0: its mean
        return problem.denoise(x / (1 - sigma), sigma / (1 - sigma))

    return denoise


def guided(cond, uncond, scale):
    """Classifier-free guidance, with the unconditional value as second result."""

    def denoise(x, sigma):
        below = uncond(x, sigma)
        return below + scale * (cond(x, sigma) - below), below

    return denoise


def per_point(denoise):
    """`denoise(points, sigma)` over rows of channels, for images: every pixel's channels are one point."""

    def denoiser(x, sigma):
        sigma = float(np.ravel(sigma)[0])
        rows = np.moveaxis(x, 1, -1)
        results = denoise(rows.reshape(-1, x.shape[1]), sigma)
        image = lambda points: np.moveaxis(points.reshape(rows.shape), -1, 1)  # noqa: E731
        return tuple(map(image, results)) if isinstance(results, tuple) else image(results)

    return denoiser


def plain(denoise):
    """`denoise(x, sigma)` with sigma a number, for a run, which gives one sigma per sample."""
    return lambda x, sigma: denoise(x, float(np.ravel(sigma)[0]))


def for_torch(denoiser):
    """The same denoiser over torch tensors."""
    import torch

    def tensors(x, sigma):
        results = denoiser(x.numpy(), sigma.numpy())
        tensor = lambda array: torch.from_numpy(np.ascontiguousarray(array))  # noqa: E731
        return tuple(map(tensor, results)) if isinstance(results, tuple) else tensor(results)

    return tensors


def drawn(shape, seed):
    """A noise source: the k-th call gives the k-th standard_normal of one generator."""
    generator = np.random.default_rng(seed)
    return lambda like, sigma_from, sigma_to: generator.standard_normal(shape)


def grid(kind, sigma_max, sigma_min, steps):
    """Smooth sigmas that end above zero: evenly spaced in log sigma, or Karras' with rho 7."""
    if kind == "log":
        return sigma_max * (sigma_min / sigma_max) ** (np.arange(steps + 1) / steps)
    top, bottom = sigma_max ** (1 / 7), sigma_min ** (1 / 7)
    return (top + (bottom - top) * np.arange(steps + 1) / steps) ** 7
