"""The raw network of the digits model: a residual perceptron on 8x8 images, conditioned on noise level and class."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

IMAGE_SHAPE = (1, 8, 8)
"""Channels, height and width of one image."""

NULL_LABEL = 10
"""The label that means "no class": what the network sees for the unconditional half of guidance."""

AUGMENTATION_SIZE = 6
"""Numbers that describe one augmentation (see `stepladder.demo.augmentation`)."""

_PIXELS = 64
_FREQUENCIES = 32
_EMBEDDING = 96


@dataclass(frozen=True)
class DigitsConfig:
    """Everything about the model that is not a weight.

    Attributes
    ----------
    width : int
        Features of the residual stream and of the hidden layer of every block.
    depth : int
        Number of residual blocks.
    sigma_data : float
        Root mean square of the training pixels in [-1, 1], about zero: the mean is not removed (see
        `stepladder.demo.measure_sigma_data`).
    sigma_min, sigma_max : float
        Noise levels to sample between, in the unit of the pixels.
    guidance : float
        Weight of classifier-free guidance to sample with; 1 is the plain conditional model.
    training_seed, split_seed : int
        Seeds of the training run and of the division into a training and a held-out half.
    """

    width: int = 304
    depth: int = 5
    sigma_data: float = 0.85
    # A network that learned from 900 images draws a little too little variety. At 10 steps dpmpp_2m errs the other way,
    # and more so the wider the range; of 0.02, 0.005 and 0.002 this came nearest to unseen digits (on split seed 1).
    sigma_min: float = 0.005
    sigma_max: float = 80.0
    guidance: float = 1.0
    training_seed: int = 0
    split_seed: int = 0


class _Block(nn.Module):
    """One residual block: normalise, modulate by the condition, two layers, add."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulation = nn.Linear(_EMBEDDING, 2 * width)
        self.inner = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)
        self.outer = nn.Linear(width, width)
        # Every block starts as the identity, so the first gradients see a shallow network.
        nn.init.zeros_(self.outer.weight)
        nn.init.zeros_(self.outer.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = self.modulation(condition).chunk(2, dim=-1)
        hidden = nn.functional.silu(self.inner(self.norm(x) * (1 + scale) + shift))
        out: Tensor = x + self.outer(self.dropout(hidden))
        return out


class DigitsNetwork(nn.Module):
    """The network F of EDM preconditioning on 8x8 digits; the wrapper around it belongs to the caller.

    The denoised image is ``c_skip * x + c_out * F(c_in * x, c_noise, labels)`` with sd = `sigma_data` and

    * ``c_skip = sd**2 / (sigma**2 + sd**2)``
    * ``c_out = sigma * sd / sqrt(sigma**2 + sd**2)``
    * ``c_in = 1 / sqrt(sigma**2 + sd**2)``
    * ``c_noise = ln(sigma) / 4``

    (Karras et al. 2022, arXiv:2206.00364, table 1).

    Parameters
    ----------
    config : DigitsConfig
        Sizes and recorded facts; kept as `config`.
    dropout : float
        Probability of dropping a hidden feature, in training mode only.
    """

    frequencies: Tensor

    def __init__(self, config: DigitsConfig, dropout: float = 0.0) -> None:
        super().__init__()
        self.config = config
        # 10**(-1..1) radians per unit of c_noise: c_noise spans about -1.6 to 1.1, so the slowest wave hardly bends
        # and the fastest tells neighbouring steps apart without making the network rough in sigma.
        self.register_buffer("frequencies", torch.logspace(-1, 1, _FREQUENCIES), persistent=False)
        self.noise_embedding = nn.Linear(2 * _FREQUENCIES, _EMBEDDING)
        self.label_embedding = nn.Embedding(NULL_LABEL + 1, _EMBEDDING)
        self.augmentation_embedding = nn.Linear(AUGMENTATION_SIZE, _EMBEDDING, bias=False)
        self.embedding = nn.Linear(_EMBEDDING, _EMBEDDING)
        self.first = nn.Linear(_PIXELS, config.width)
        self.blocks = nn.ModuleList(_Block(config.width, dropout) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)
        self.last = nn.Linear(config.width, _PIXELS)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        # Beside the blocks, a linear denoiser in a learned basis: the best one for Gaussian data, and by itself
        # already good at little noise, where blocks would learn single images by heart.
        self.analysis = nn.Linear(_PIXELS, _PIXELS, bias=False)
        self.gains = nn.Linear(_EMBEDDING, _PIXELS)
        self.synthesis = nn.Linear(_PIXELS, _PIXELS, bias=False)
        nn.init.orthogonal_(self.analysis.weight)
        nn.init.zeros_(self.gains.weight)
        nn.init.zeros_(self.gains.bias)
        self.synthesis.weight.data.copy_(self.analysis.weight.data.T)

    @property
    def sigma_data(self) -> float:
        """Root mean square of the training pixels, about zero."""
        return self.config.sigma_data

    @property
    def sigma_min(self) -> float:
        """Lowest noise level to sample at, above 0."""
        return self.config.sigma_min

    @property
    def sigma_max(self) -> float:
        """Noise level to start sampling from."""
        return self.config.sigma_max

    @property
    def guidance(self) -> float:
        """Weight of classifier-free guidance to sample with; 1 means none."""
        return self.config.guidance

    def forward(self, x_scaled: Tensor, c_noise: Tensor, labels: Tensor, augmentation: Tensor | None = None) -> Tensor:
        """Evaluate F.

        Parameters
        ----------
        x_scaled : tensor of float32, shape (batch, 1, 8, 8)
            Noisy images times c_in.
        c_noise : tensor of float32, shape (batch,)
            ``ln(sigma) / 4``.
        labels : tensor of int64, shape (batch,)
            Digits; `NULL_LABEL` asks for the unconditional answer.
        augmentation : tensor of float32, shape (batch, 6), optional
            What `stepladder.demo.augmentation.augment` did to training images; None, as when sampling, means nothing.

        Returns
        -------
        tensor of float32, shape (batch, 1, 8, 8)
        """
        condition = self.label_embedding(labels)
        angles = c_noise[:, None] * self.frequencies
        condition = condition + self.noise_embedding(torch.cat([angles.cos(), angles.sin()], dim=-1))
        if augmentation is not None:
            condition = condition + self.augmentation_embedding(augmentation)
        condition = nn.functional.silu(self.embedding(nn.functional.silu(condition)))
        rows = x_scaled.flatten(1)
        h = self.first(rows)
        for block in self.blocks:
            h = block(h, condition)
        out: Tensor = self.last(self.norm(h)) + self.synthesis(self.gains(condition) * self.analysis(rows))
        return out.reshape(x_scaled.shape)
