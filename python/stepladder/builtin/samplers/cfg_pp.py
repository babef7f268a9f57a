"""CFG++."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._samplers.cfg_pp import (
    CfgppUd10AbSampler,
    Dpmpp2mCfgPpSampler,
    Dpmpp2sAncestralCfgPpSampler,
    EulerAncestralCfgPpSampler,
    EulerCfgPpSampler,
)
from stepladder.builtin.samplers._families import ADDED, ALL
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from stepladder.hookspecs import Register


def _claims(families: tuple[str, ...], note: str, *, stochastic: bool = False, evaluations: int = 1) -> Claims:
    """No method here has an ODE limit while the unconditional value differs from the guided one."""
    return Claims(
        families=families,
        formula_order=None,
        global_order=None,
        weak_order=None,
        evaluations=evaluations,
        stochastic=stochastic,
        note=note,
    )


def _equal(name: str) -> str:
    return f"{name} where the unconditional value is the guided one"


def register(register: Register) -> None:
    """Register this family."""
    register(
        "euler_cfg_pp",
        EulerCfgPpSampler,
        source="Chung et al. 2024, arXiv:2406.08070, algorithm 2",
        aliases={
            "comfyui": ("euler_cfg_pp",),
            "a1111": ("DDIM CFG++",),
            "stable_diffusion_cpp": ("euler_cfg_pp",),
        },
        claims=_claims(ALL, _equal("euler")),
    )
    register(
        "euler_ancestral_cfg_pp",
        EulerAncestralCfgPpSampler,
        source="Chung et al. 2024, arXiv:2406.08070, algorithm 2, with k-diffusion's ancestral step",
        aliases={"comfyui": ("euler_ancestral_cfg_pp",), "stable_diffusion_cpp": ("euler_a_cfg_pp",)},
        claims=_claims(ALL, _equal("euler_ancestral"), stochastic=True),
    )
    register(
        "dpmpp_2s_ancestral_cfg_pp",
        Dpmpp2sAncestralCfgPpSampler,
        source="Chung et al. 2024, arXiv:2406.08070, in the DPM-Solver++(2S) form of their code",
        aliases={"comfyui": ("dpmpp_2s_ancestral_cfg_pp",)},
        alias_options={"comfyui": {"dpmpp_2s_ancestral_cfg_pp": {"form": "comfyui"}}},
        claims=_claims(ADDED, _equal("dpmpp_2s_ancestral"), stochastic=True, evaluations=2),
    )
    register(
        "dpmpp_2m_cfg_pp",
        Dpmpp2mCfgPpSampler,
        source="ComfyUI, sample_dpmpp_2m_cfg_pp, after Chung et al. 2024, arXiv:2406.08070",
        aliases={"comfyui": ("dpmpp_2m_cfg_pp",)},
        claims=_claims(ADDED, _equal("dpmpp_2m")),
    )
    register(
        "cfgpp_ud10_ab",
        CfgppUd10AbSampler,
        source="ComfyUI, sample_cfgpp_ud10_ab",
        aliases={"comfyui": ("cfgpp_ud10_ab",)},
        claims=_claims(ALL, "no order where the unconditional value is the guided one either"),
    )
