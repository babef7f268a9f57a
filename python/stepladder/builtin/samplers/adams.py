"""Linear multistep methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._samplers.adams import IpndmSampler, IpndmVSampler, LmsSampler
from stepladder.builtin.samplers._families import ALL
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from stepladder.hookspecs import Register

_MULTISTEP = Claims(
    families=ALL,
    formula_order=4,
    global_order=2,
    weak_order=None,
    evaluations=1,
    stochastic=False,
    note="order 4 once it has four slopes; its start is Euler's",
)
_IPNDM = Claims(
    families=ALL,
    formula_order=2,
    global_order=2,
    weak_order=None,
    evaluations=1,
    stochastic=False,
    note="formula of order 4 where steps of sigma are equal",
)


def register(register: Register) -> None:
    """Register this family."""
    register(
        "lms",
        LmsSampler,
        source="Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I, section III.5, equation 5.5",
        aliases={
            "comfyui": ("lms",),
            "a1111": ("LMS",),
            "k_diffusion": ("sample_lms",),
            "diffusers": ("LMSDiscreteScheduler",),
            "stable_diffusion_cpp": ("lms",),
        },
        alias_options={
            "k_diffusion": {"sample_lms": {"lower_order_final": False}},
            "a1111": {"LMS": {"lower_order_final": False}},
            "diffusers": {"LMSDiscreteScheduler": {"lower_order_final": False}},
        },
        claims=_MULTISTEP,
    )
    register(
        "ipndm",
        IpndmSampler,
        source="Zhang and Chen 2022, arXiv:2204.13902, appendix H.2",
        aliases={"comfyui": ("ipndm",), "diffusers": ("IPNDMScheduler",), "stable_diffusion_cpp": ("ipndm",)},
        claims=_IPNDM,
    )
    register(
        "ipndm_v",
        IpndmVSampler,
        source="zju-pi/diff-sampler, solvers.ipndm_v, with the weights of Hairer, Norsett and Wanner, section III.5",
        aliases={"comfyui": ("ipndm_v",), "stable_diffusion_cpp": ("ipndm_v",)},
        alias_options={
            "comfyui": {"ipndm_v": {"form": "comfyui"}},
            "stable_diffusion_cpp": {"ipndm_v": {"form": "comfyui"}},
        },
        claims=_MULTISTEP,
    )
