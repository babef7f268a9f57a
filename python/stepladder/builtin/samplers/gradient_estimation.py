"""Gradient estimation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._samplers.gradient_estimation import GradientEstimationCfgPpSampler, GradientEstimationSampler
from stepladder.builtin.samplers._families import ADDED, ALL
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from stepladder.hookspecs import Register

_ESTIMATION = Claims(
    families=ALL,
    formula_order=1,
    global_order=1,
    weak_order=None,
    evaluations=1,
    stochastic=False,
    note="order 2 at ge_gamma 1.5",
)
_CFG_PP = Claims(
    families=ADDED,
    formula_order=None,
    global_order=None,
    weak_order=None,
    evaluations=1,
    stochastic=False,
    note="gradient_estimation where the unconditional value is the guided one",
)


def register(register: Register) -> None:
    """Register this family."""
    register(
        "gradient_estimation",
        GradientEstimationSampler,
        source="Permenter and Yuan 2024, arXiv:2306.04848, equation 12",
        aliases={"comfyui": ("gradient_estimation",), "stable_diffusion_cpp": ("euler_ge",)},
        claims=_ESTIMATION,
    )
    register(
        "gradient_estimation_cfg_pp",
        GradientEstimationCfgPpSampler,
        source="ComfyUI, sample_gradient_estimation_cfg_pp",
        aliases={"comfyui": ("gradient_estimation_cfg_pp",)},
        claims=_CFG_PP,
    )
