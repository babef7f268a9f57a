"""Draw digits with the network: the one place where the demo samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

import stepladder as sl
from stepladder.demo.loader import DigitsModel, guided_denoiser
from stepladder.torch.noise import initial_noise

if TYPE_CHECKING:
    from torch import Tensor

    from stepladder.demo.network import DigitsNetwork


@torch.no_grad()
def generate(
    network: DigitsNetwork,
    labels: Tensor,
    *,
    sampler: str | sl.Sampler = "dpmpp_2m",
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
    sampler : str or Sampler
        Name of the sampler with its default options, or one made.
    schedule : str
        Name of the schedule.
    steps : int
        Model evaluations (pairs of them with guidance), at least 1.
    guidance : float, optional
        Weight w of ``D_null + w (D_label - D_null)`` (Ho and Salimans 2022, arXiv:2207.12598, whose w is this one
        minus 1); 1 asks the network once per step and None takes the value recorded with the weights.
    seed : int
        Image b is made from seed + b, whatever the batch.

    Returns
    -------
    tensor of float32, shape (batch, 1, 8, 8)
        Images, on the labels' device; -1 is paper and 1 is ink, with a little overshoot
        (`stepladder.demo.to_pixels` cuts it off).

    Raises
    ------
    UnknownNameError
        A sampler or schedule by that name is not available.
    ScheduleError
        `steps` is below 1.
    """
    process = DigitsModel(network).process
    made = sl.sampler(sampler) if isinstance(sampler, str) else sampler
    program = made.compile(sl.sigmas(schedule, process, steps, sampler=made), process)
    denoiser = guided_denoiser(network, labels, network.config.guidance if guidance is None else guidance)
    unit = initial_noise((len(labels), 1, 8, 8), seed).to(labels.device)
    x = sl.add_noise(
        torch.zeros_like(unit), unit, program.sigma_start, denoiser.parameterization, sigma_max=process.sigma_max
    )
    source = sl.noise_source("iid", seed=seed, skip=1) if program.analysis.noise_draws else None
    images: Tensor = sl.sample(program, denoiser, x, source, progress=False)
    return images
