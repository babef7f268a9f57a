"""ER-SDE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._samplers.er_sde import ERSDESampler
from stepladder.builtin.samplers._families import ALL
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from stepladder.hookspecs import Register

_ER_SDE = Claims(
    families=ALL,
    formula_order=2,
    global_order=2,
    weak_order=2,
    evaluations=1,
    stochastic=True,
    scale_free=False,
    note="order 1 with one stage; the global order is that of noise_scaling ode; exact integrals",
)


def register(register: Register) -> None:
    """Register this family."""
    register(
        "er_sde",
        ERSDESampler,
        source="Cui et al. 2023, arXiv:2309.06169, proposition 1 and algorithms 1 to 3",
        aliases={"comfyui": ("er_sde",), "stable_diffusion_cpp": ("er_sde",)},
        alias_options={"comfyui": {"er_sde": {"integrals": "riemann"}}},
        claims=_ER_SDE,
    )
