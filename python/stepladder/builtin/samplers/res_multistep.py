"""RES multistep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._samplers.res_multistep import (
    ResMultistepAncestralCfgPpSampler,
    ResMultistepAncestralSampler,
    ResMultistepCfgPpSampler,
    ResMultistepSampler,
)
from stepladder.builtin.samplers._families import ADDED, ALL
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from stepladder.hookspecs import Register

_RES = Claims(families=ALL, formula_order=2, global_order=2, weak_order=None, evaluations=1, stochastic=False)
_ANCESTRAL = Claims(
    families=ADDED,
    formula_order=2,
    global_order=2,
    weak_order=2,
    evaluations=1,
    stochastic=True,
    note="eta 0 is res_multistep",
)
_CFG_PP = Claims(
    families=ADDED,
    formula_order=None,
    global_order=None,
    weak_order=None,
    evaluations=1,
    stochastic=False,
    note="res_multistep where the unconditional value is the guided one",
)
_ANCESTRAL_CFG_PP = Claims(
    families=ADDED,
    formula_order=None,
    global_order=None,
    weak_order=None,
    evaluations=1,
    stochastic=True,
    note="res_multistep_ancestral where the unconditional value is the guided one",
)


def register(register: Register) -> None:
    """Register this family."""
    register(
        "res_multistep",
        ResMultistepSampler,
        source="Zhang et al. 2023, arXiv:2308.02157, algorithm 2",
        aliases={"comfyui": ("res_multistep",), "stable_diffusion_cpp": ("res_multistep",)},
        alias_options={"comfyui": {"res_multistep": {"form": "comfyui"}}},
        claims=_RES,
    )
    register(
        "res_multistep_ancestral",
        ResMultistepAncestralSampler,
        source="Zhang et al. 2023, arXiv:2308.02157, algorithm 2, with k-diffusion's ancestral step",
        aliases={"comfyui": ("res_multistep_ancestral",)},
        claims=_ANCESTRAL,
    )
    register(
        "res_multistep_cfg_pp",
        ResMultistepCfgPpSampler,
        source="ComfyUI, sample_res_multistep_cfg_pp",
        aliases={"comfyui": ("res_multistep_cfg_pp",)},
        alias_options={"comfyui": {"res_multistep_cfg_pp": {"form": "comfyui"}}},
        claims=_CFG_PP,
    )
    register(
        "res_multistep_ancestral_cfg_pp",
        ResMultistepAncestralCfgPpSampler,
        source="ComfyUI, sample_res_multistep_ancestral_cfg_pp",
        aliases={"comfyui": ("res_multistep_ancestral_cfg_pp",)},
        claims=_ANCESTRAL_CFG_PP,
    )
