"""EDM preconditioning in torch, for training: the wrapper that turns the raw network into a denoiser."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from stepladder.demo.network import DigitsNetwork


def denoise(
    network: DigitsNetwork, x: Tensor, sigma: Tensor, labels: Tensor, augmentation: Tensor | None = None
) -> Tensor:
    """Denoised images, ``c_skip x + c_out F(c_in x, c_noise)`` (Karras et al. 2022, arXiv:2206.00364, table 1).

    Parameters
    ----------
    network : DigitsNetwork
        The raw network F, with its `sigma_data`.
    x : tensor of float32, shape (batch, 1, 8, 8)
        Noisy images, data plus `sigma` times unit noise.
    sigma : tensor of float32, shape (batch,)
        Noise levels, above 0.
    labels : tensor of int64, shape (batch,)
        Digits, or `stepladder.demo.network.NULL_LABEL`.
    augmentation : tensor of float32, shape (batch, 6), optional
        What was done to the images; None means nothing.

    Returns
    -------
    tensor of float32, shape (batch, 1, 8, 8)
        The network's estimate of the images under the noise.
    """
    sd = network.sigma_data
    wide = sigma[:, None, None, None]
    total = (wide.square() + sd**2).sqrt()
    f: Tensor = network(x / total, sigma.log() / 4, labels, augmentation)
    denoised: Tensor = sd**2 / total.square() * x + wide * sd / total * f
    return denoised
