"""Euler's method and its relatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._samplers.euler import EulerAncestralSampler, EulerSampler, HeunSampler
from stepladder.builtin.samplers._families import ALL
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from stepladder.hookspecs import Register

_EULER = Claims(families=ALL, formula_order=1, global_order=1, weak_order=None, evaluations=1, stochastic=False)
_ANCESTRAL = Claims(families=ALL, formula_order=1, global_order=1, weak_order=1, evaluations=1, stochastic=True)
_HEUN = Claims(
    families=ALL,
    formula_order=2,
    global_order=2,
    weak_order=None,
    evaluations=2,
    stochastic=False,
    note="one call in a step to zero",
)


def register(register: Register) -> None:
    """Register this family."""
    register(
        "euler",
        EulerSampler,
        source="Karras et al. 2022, arXiv:2206.00364, algorithm 2 without its correction",
        aliases={
            "comfyui": ("euler", "ddim"),
            "a1111": ("Euler",),
            "fooocus": ("euler",),
            "k_diffusion": ("sample_euler",),
            "stable_diffusion_cpp": ("euler",),
            "diffusers": (
                "EulerDiscreteScheduler",
                "EDMEulerScheduler",
                "FlowMatchEulerDiscreteScheduler",
                "MiniMaxH3Scheduler",
            ),
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
            "stable_diffusion_cpp": ("euler_a",),
            "diffusers": ("EulerAncestralDiscreteScheduler", "LTXEulerAncestralRFScheduler"),
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
            "stable_diffusion_cpp": ("heun",),
            "diffusers": ("HeunDiscreteScheduler", "FlowMatchHeunDiscreteScheduler"),
        },
        claims=_HEUN,
    )
