"""The built-in samplers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._sampler import (
    Dpmpp2mSampler,
    Dpmpp2mSdeSampler,
    EulerAncestralSampler,
    EulerSampler,
    HeunSampler,
)
from stepladder.hookspecs import Claims, hookimpl

if TYPE_CHECKING:
    from stepladder.hookspecs import Register

# Every order is the cited paper's: of the update formula, then of a whole run with its start-up steps.
_EULER = Claims(formula_order=1, global_order=1, weak_order=None, evaluations=1, stochastic=False)
_ANCESTRAL = Claims(formula_order=1, global_order=1, weak_order=1, evaluations=1, stochastic=True)
_HEUN = Claims(
    formula_order=2, global_order=2, weak_order=None, evaluations=2, stochastic=False, note="one call in a step to zero"
)
_2M = Claims(formula_order=2, global_order=2, weak_order=None, evaluations=1, stochastic=False)
_2M_SDE = Claims(
    formula_order=2, global_order=2, weak_order=2, evaluations=1, stochastic=True, note="eta 0 is dpmpp_2m"
)


@hookimpl
def register_samplers(register: Register) -> None:
    """Register the samplers."""
    register(
        "euler",
        EulerSampler,
        source="Karras et al. 2022, arXiv:2206.00364, algorithm 2 without its correction",
        aliases={
            "comfyui": ("euler",),
            "a1111": ("Euler",),
            "fooocus": ("euler",),
            "k_diffusion": ("sample_euler",),
            "diffusers": ("EulerDiscreteScheduler",),
        },
        claims=_EULER,
    )
    register(
        "euler_ancestral",
        EulerAncestralSampler,
        source="Song et al. 2021, arXiv:2011.13456, appendix F, in k-diffusion's form",
        aliases={
            "comfyui": ("euler_ancestral",),
            "a1111": ("Euler a",),
            "fooocus": ("euler_ancestral",),
            "k_diffusion": ("sample_euler_ancestral",),
            "diffusers": ("EulerAncestralDiscreteScheduler",),
        },
        claims=_ANCESTRAL,
    )
    register(
        "heun",
        HeunSampler,
        source="Karras et al. 2022, arXiv:2206.00364, algorithms 1 and 2",
        aliases={
            "comfyui": ("heun",),
            "a1111": ("Heun",),
            "fooocus": ("heun",),
            "k_diffusion": ("sample_heun",),
            "diffusers": ("HeunDiscreteScheduler",),
        },
        claims=_HEUN,
    )
    register(
        "dpmpp_2m",
        Dpmpp2mSampler,
        source="Lu et al. 2022, arXiv:2211.01095, algorithm 2",
        aliases={
            "comfyui": ("dpmpp_2m",),
            "a1111": ("DPM++ 2M",),
            "fooocus": ("dpmpp_2m",),
            "k_diffusion": ("sample_dpmpp_2m",),
            "diffusers": ("DPMSolverMultistepScheduler",),
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
        },
        claims=_2M_SDE,
    )
