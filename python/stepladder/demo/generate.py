"""Draw digits with the network: the one place where the demo samples."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import torch

from stepladder.demo.network import NULL_LABEL
from stepladder.demo.preconditioning import denoise
from stepladder.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from stepladder.demo.network import DigitsNetwork


@torch.no_grad()
def generate(
    network: DigitsNetwork,
    labels: Tensor,
    *,
    sampler: str = "dpmpp_2m",
    schedule: str = "karras",
    steps: int = 10,
    guidance: float | None = None,
    seed: int = 0,
) -> Tensor:
    """Draw one image per label.

    Parameters
    ----------
    network : DigitsNetwork
        From `stepladder.demo.load_network`.
    labels : tensor of int64, shape (batch,)
        Digits to draw, or `stepladder.demo.network.NULL_LABEL` for any.
    sampler, schedule : str
        Names of the sampler and of the schedule.
    steps : int
        Model evaluations (pairs of them with guidance), at least 1.
    guidance : float, optional
        Weight w of ``D_null + w (D_label - D_null)`` (Ho and Salimans 2022, arXiv:2207.12598, whose w is this one
        minus 1); 1 asks the network once per step and None takes the value recorded with the weights.
    seed : int
        Seed of the first noise.

    Returns
    -------
    tensor of float32, shape (batch, 1, 8, 8)
        Images, on the labels' device; -1 is paper and 1 is ink, with a little overshoot
        (`stepladder.demo.to_pixels` cuts it off).

    Raises
    ------
    UnknownNameError
        A sampler or schedule by that name is not available.
    ValueError
        `steps` is below 1.
    """
    if steps < 1:
        raise ValueError(f"got steps={steps}; expected at least 1")
    weight = network.config.guidance if guidance is None else guidance

    def denoiser(x: Tensor, sigma: Tensor) -> Tensor:
        conditional = denoise(network, x, sigma, labels)
        if weight == 1:
            return conditional
        unconditional = denoise(network, x, sigma, torch.full_like(labels, NULL_LABEL))
        return unconditional + weight * (conditional - unconditional)

    if schedule != "karras":
        raise UnknownNameError(f"got the schedule {schedule!r}; expected 'karras'")
    if sampler != "dpmpp_2m":
        raise UnknownNameError(f"got the sampler {sampler!r}; expected 'dpmpp_2m'")
    sigmas = _karras(steps, network.config.sigma_min, network.config.sigma_max)
    # Noise is drawn on the CPU, so that a seed means the same images on every device.
    noise = torch.randn(len(labels), 1, 8, 8, generator=torch.Generator().manual_seed(seed))
    return _dpmpp_2m(denoiser, sigmas[0] * noise.to(labels.device), sigmas)


def _karras(steps: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> list[float]:
    """Noise levels of Karras et al. 2022 (arXiv:2206.00364), equation 5, with a final 0."""
    ramp = [i / max(steps - 1, 1) for i in range(steps)]
    low, high = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
    return [(high + r * (low - high)) ** rho for r in ramp] + [0.0]


def _dpmpp_2m(denoiser: Callable[[Tensor, Tensor], Tensor], x: Tensor, sigmas: list[float]) -> Tensor:
    """DPM-Solver++(2M) of Lu et al. 2022 (arXiv:2211.01095), algorithm 2, in sigma for variance exploding noise."""
    previous: Tensor | None = None
    for i, (sigma, sigma_next) in enumerate(itertools.pairwise(sigmas)):
        denoised = denoiser(x, x.new_full((len(x),), sigma))
        if sigma_next == 0:
            return denoised
        h = math.log(sigma / sigma_next)
        direction = denoised
        if previous is not None:
            r = math.log(sigmas[i - 1] / sigma) / h
            direction = (1 + 1 / (2 * r)) * denoised - previous / (2 * r)
        x = sigma_next / sigma * x - math.expm1(-h) * direction
        previous = denoised
    return x
