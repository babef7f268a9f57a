"""The built-in parameterizations, registered as any plugin would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._parameterization import (
    EDMParameterization,
    EpsilonParameterization,
    VPredictionParameterization,
)
from stepladder.hookspecs import hookimpl

if TYPE_CHECKING:
    from stepladder.hookspecs import Register


@hookimpl
def register_parameterizations(register: Register) -> None:
    """Register what a network can predict over a noise-to-signal sigma."""
    register(
        "epsilon",
        EpsilonParameterization,
        source="Ho et al. (arXiv 2006.11239), equation 9",
        aliases={"comfyui": ("EPS", "eps"), "diffusers": ("epsilon",), "k_diffusion": ("DiscreteEpsDDPMDenoiser",)},
    )
    register(
        "v_prediction",
        VPredictionParameterization,
        source="Salimans & Ho (arXiv 2202.00512), appendix D",
        aliases={
            "comfyui": ("V_PREDICTION", "v_prediction"),
            "diffusers": ("v_prediction",),
            "k_diffusion": ("DiscreteVDDPMDenoiser",),
        },
    )
    register(
        "edm",
        EDMParameterization,
        source="Karras et al. (arXiv 2206.00364), table 1",
        aliases={"comfyui": ("EDM", "edm"), "k_diffusion": ("Denoiser",)},
    )
