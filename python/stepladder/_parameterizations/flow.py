"""Parameterizations of rectified flows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from stepladder import _core
from stepladder._parameterizations.arithmetic import (
    checked,
    constant,
    flag,
    noised,
    per_sample,
    same_shape,
    scalar,
    weight,
)
from stepladder._parameterizations.base import Array, CompiledParameterization, Sigma
from stepladder.errors import ParameterizationError


class FlowInput(CompiledParameterization):
    """Those over a sigma that is the weight of the noise; a subclass adds its fields, `c_*` and noise scalings."""

    __slots__ = ()

    scales_input = False

    @final
    def c_in(self, sigma: Sigma) -> Any:
        """1 at every sigma, in sigma's shape."""
        return constant(weight(sigma), 1.0)


@final
@dataclass(frozen=True)
class FlowParameterization(FlowInput):
    """The network predicts the velocity of a rectified flow, `noise - data`: `denoised = x - sigma * F`.

    Sigma is the weight of the noise, from 0 to 1.

    Parameters
    ----------
    noise_scale : float
        Deviation of the noise the model was trained with, above 0.

    Raises
    ------
    ParameterizationError
        For a `noise_scale` that is not positive and finite.

    Notes
    -----
    Liu et al., "Flow Straight and Fast" (arXiv 2209.03003), equation 1; ComfyUI's CONST.
    """

    noise_scale: float = 1.0

    def _build(self) -> _core.NativeParameterization:
        if not 0.0 < self.noise_scale < math.inf:
            raise ParameterizationError(f"noise_scale is {self.noise_scale}; expected a positive finite value")
        return _core.NativeParameterization("flow", 1.0)

    def c_skip(self, sigma: Sigma) -> Any:
        """1 at every sigma, in sigma's shape."""
        return constant(weight(sigma), 1.0)

    def c_out(self, sigma: Sigma) -> Any:
        """`-sigma`."""
        return -weight(sigma)

    def noise_scaling(self, sigma: Sigma, noise: Array, latent: Array, *, max_denoise: bool = False) -> Array:
        """`(1 - sigma) * latent + sigma * noise_scale * noise`, with `max_denoise` too."""
        flag("max_denoise", max_denoise)
        sigma = per_sample(weight(sigma), latent, "latent")
        return latent * (1.0 - sigma) + same_shape("noise", noise, latent, "latent") * (sigma * self.noise_scale)

    def inverse_noise_scaling(self, sigma: Sigma, latent: Array) -> Array:
        """`latent / (1 - sigma)`, for sigma below 1."""
        sigma = per_sample(weight(sigma), latent, "latent")
        if isinstance(sigma, float | np.ndarray) and np.any(sigma == 1.0):
            raise ParameterizationError("sigma is 1; expected values below 1, as pure noise holds no latent")
        return latent / (1.0 - sigma)


@final
@dataclass(frozen=True)
class ImgToImgFlowParameterization(FlowInput):
    """The network maps a latent without noise to the clean sample, on the levels of a flow: `denoised = F`.

    Sigma is from 0 to 1. A run starts from the latent itself, and its result is the latent's negative: 1 minus it.

    Notes
    -----
    ComfyUI's IMG_TO_IMG_FLOW: `c_skip = 0`, `c_out = 1`, `c_in = 1`.
    """

    def _build(self) -> _core.NativeParameterization:
        return _core.NativeParameterization("img_to_img_flow", 1.0)

    def c_skip(self, sigma: Sigma) -> Any:
        """0 at every sigma, in sigma's shape."""
        return constant(weight(sigma), 0.0)

    def c_out(self, sigma: Sigma) -> Any:
        """1 at every sigma, in sigma's shape."""
        return constant(weight(sigma), 1.0)

    def noise_scaling(self, sigma: Sigma, noise: Array, latent: Array, *, max_denoise: bool = False) -> Array:
        """`latent` itself: no noise is added."""
        flag("max_denoise", max_denoise)
        per_sample(weight(sigma), latent, "latent")
        same_shape("noise", noise, latent, "latent")
        return latent

    def inverse_noise_scaling(self, sigma: Sigma, latent: Array) -> Array:
        """`1 - latent`."""
        per_sample(weight(sigma), latent, "latent")
        return 1.0 - latent


@final
@dataclass(frozen=True)
class CosmosRflowParameterization(CompiledParameterization):
    """The network predicts the velocity of a rectified flow over a noise-to-signal ratio: NVIDIA's Cosmos.

    With `u = sigma / (sigma + 1)`, the weight of the noise, `denoised = (1 - u) * x - u * F`.

    Notes
    -----
    ComfyUI's COSMOS_RFLOW: `c_in = c_skip = 1 - u`, `c_out = -u`, the network is told u by its process.
    """

    def _build(self) -> _core.NativeParameterization:
        return _core.NativeParameterization("cosmos_rflow", 1.0)

    def c_in(self, sigma: Sigma) -> Any:
        """`1 / (sigma + 1)`: the scale of a flow's sample."""
        return 1.0 / (checked(sigma) + 1.0)

    def c_skip(self, sigma: Sigma) -> Any:
        """`1 / (sigma + 1)`."""
        return 1.0 / (checked(sigma) + 1.0)

    def c_out(self, sigma: Sigma) -> Any:
        """`-sigma / (sigma + 1)`."""
        return -checked(sigma) / (scalar(sigma) + 1.0)

    def noise_scaling(self, sigma: Sigma, noise: Array, latent: Array, *, max_denoise: bool = False) -> Array:
        """`latent + noise * sigma`, with `max_denoise` too."""
        flag("max_denoise", max_denoise)
        return noised(sigma, noise, latent, max_denoise=False)

    def inverse_noise_scaling(self, sigma: Sigma, latent: Array) -> Array:
        """`latent` itself: samples are in noise-to-signal units at every sigma."""
        per_sample(checked(sigma), latent, "latent")
        return latent
