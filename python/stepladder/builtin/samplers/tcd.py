"""Trajectory consistency distillation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._samplers.tcd import TCDSampler
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from stepladder.hookspecs import Register

_TCD = Claims(
    families=("ve", "vp"),
    formula_order=None,
    global_order=None,
    weak_order=None,
    evaluations=1,
    stochastic=True,
    scale_free=False,
    note="for models distilled this way; needs a process with a table of levels; eta 0 is euler",
)


def register(register: Register) -> None:
    """Register this family."""
    register(
        "tcd",
        TCDSampler,
        source="Zheng et al. 2024, arXiv:2402.19159, algorithm 4, in diffusers' form",
        aliases={"diffusers": ("TCDScheduler",), "stable_diffusion_cpp": ("tcd",)},
        claims=_TCD,
    )
