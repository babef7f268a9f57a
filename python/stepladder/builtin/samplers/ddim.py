"""DDIM and its inverse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._samplers.ddim import DdimInverseSampler, DdimSampler
from stepladder.builtin.samplers._families import ALL
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from stepladder.hookspecs import Register

_DDIM = Claims(
    families=ALL,
    formula_order=1,
    global_order=1,
    weak_order=1,
    evaluations=1,
    stochastic=False,
    note="eta 0 is euler",
)
_INVERSE = Claims(
    families=ALL,
    formula_order=1,
    global_order=1,
    weak_order=None,
    evaluations=1,
    stochastic=False,
    note="goes from the last sigma up to the first",
)


def register(register: Register) -> None:
    """Register this family."""
    register(
        "ddim",
        DdimSampler,
        source="Song et al. 2020, arXiv:2010.02502, eqs. 12 and 16",
        aliases={
            "a1111": ("DDIM",),
            "diffusers": ("DDIMScheduler", "DDIMParallelScheduler", "CogVideoXDDIMScheduler"),
            "stable_diffusion_cpp": ("ddim_trailing",),
        },
        claims=_DDIM,
    )
    register(
        "ddim_inverse",
        DdimInverseSampler,
        source="Song et al. 2020, arXiv:2010.02502, section 4.3",
        aliases={"diffusers": ("DDIMInverseScheduler",)},
        alias_options={"diffusers": {"DDIMInverseScheduler": {"form": "diffusers"}}},
        claims=_INVERSE,
    )
