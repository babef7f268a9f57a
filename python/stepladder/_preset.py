"""Presets: what a model was trained with, by its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepladder._parameterization import Parameterization
    from stepladder._process import NoiseProcess


@dataclass(frozen=True)
class Preset:
    """Noise process, parameterization and latent scale of a model.

    Attributes
    ----------
    process : NoiseProcess
        Maps time to noise level.
    parameterization : Parameterization
        What the network predicts.
    latent_scale : float, optional
        The latent the network sees is the VAE's latent times this; 1 for models of pixels. None: not one known factor
        (the latent has an offset or a factor per channel), or not on record here; take it from the model's own VAE.
    """

    process: NoiseProcess
    parameterization: Parameterization
    latent_scale: float | None = None
