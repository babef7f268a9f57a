"""The built-in presets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._parameterization import EDMParameterization, EpsilonParameterization, VPredictionParameterization
from stepladder._preset import Preset
from stepladder._process import DiscreteProcess, EDMProcess
from stepladder.hookspecs import hookimpl

if TYPE_CHECKING:
    from stepladder.hookspecs import Register


def sd15() -> Preset:
    """Stable Diffusion 1.x, and 2.x with epsilon prediction: 1000 scaled-linear betas."""
    return Preset(DiscreteProcess(), EpsilonParameterization(), 0.18215)


def sd21_v() -> Preset:
    """Stable Diffusion 2.x at 768 pixels: v prediction over the betas of 1.x."""
    return Preset(DiscreteProcess(), VPredictionParameterization(), 0.18215)


def sdxl() -> Preset:
    """Stable Diffusion XL: epsilon prediction over the betas of 1.x."""
    return Preset(DiscreteProcess(), EpsilonParameterization(), 0.13025)


def playground() -> Preset:
    """Playground v2.5: EDM with sigma_data 0.5 over sigma 0.002 to 80."""
    return Preset(EDMProcess(sigma_min=0.002, sigma_max=80.0), EDMParameterization(sigma_data=0.5), 0.5)


@hookimpl
def register_presets(register: Register) -> None:
    """Register the presets."""
    register("sd15", sd15, source="Rombach et al. 2022, arXiv:2112.10752; v1-inference.yaml")
    register("sd21-v", sd21_v, source="Stability AI 2022, v2-inference-v.yaml")
    register("sdxl", sdxl, source="Podell et al. 2023, arXiv:2307.01952; sd_xl_base.yaml")
    register("playground-v2.5", playground, source="Li et al. 2024, arXiv:2402.17245, section 2.1")
