"""DPM-Solver++."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._samplers.dpmpp import Dpmpp2mSampler, Dpmpp2mSdeHeunSampler, Dpmpp2mSdeSampler
from stepladder.builtin.samplers._families import ALL
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from stepladder.hookspecs import Register

_2M = Claims(families=ALL, formula_order=2, global_order=2, weak_order=None, evaluations=1, stochastic=False)
_2M_SDE = Claims(
    families=ALL,
    formula_order=2,
    global_order=2,
    weak_order=2,
    evaluations=1,
    stochastic=True,
    note="eta 0 is dpmpp_2m where noise is added to x, not over a flow",
)
_2M_SDE_HEUN = Claims(
    families=ALL,
    formula_order=2,
    global_order=2,
    weak_order=2,
    evaluations=1,
    stochastic=True,
    note="eta 0 is res_multistep where noise is added to x, not over a flow",
)


def register(register: Register) -> None:
    """Register this family."""
    register(
        "dpmpp_2m",
        Dpmpp2mSampler,
        source="Lu et al. 2022, arXiv:2211.01095, algorithm 2",
        aliases={
            "comfyui": ("dpmpp_2m",),
            "a1111": ("DPM++ 2M",),
            "fooocus": ("dpmpp_2m",),
            "k_diffusion": ("sample_dpmpp_2m",),
            "stable_diffusion_cpp": ("dpm++2m",),
        },
        claims=_2M,
    )
    register(
        "dpmpp_2m_sde",
        Dpmpp2mSdeSampler,
        source="Lu et al. 2022, arXiv:2211.01095, section 5 and appendix",
        aliases={
            "comfyui": ("dpmpp_2m_sde", "dpmpp_2m_sde_gpu"),
            "a1111": ("DPM++ 2M SDE",),
            "fooocus": ("dpmpp_2m_sde", "dpmpp_2m_sde_gpu"),
            "k_diffusion": ("sample_dpmpp_2m_sde",),
            "diffusers": ("CosineDPMSolverMultistepScheduler", "CogVideoXDPMScheduler"),
            "stable_diffusion_cpp": ("dpm++2m_sde", "dpm++2m_sde_bt"),
        },
        claims=_2M_SDE,
    )
    register(
        "dpmpp_2m_sde_heun",
        Dpmpp2mSdeHeunSampler,
        source="Lu et al. 2022, arXiv:2211.01095, section 5 and appendix",
        aliases={
            "comfyui": ("dpmpp_2m_sde_heun", "dpmpp_2m_sde_heun_gpu"),
            "a1111": ("DPM++ 2M SDE Heun",),
        },
        claims=_2M_SDE_HEUN,
    )
