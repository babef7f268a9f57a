"""The predictor of score-based models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._samplers.score_sde_vp import ScoreSdeVpSampler
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from stepladder.hookspecs import Register

_SCORE_SDE_VP = Claims(
    families=("ve", "vp"),
    formula_order=None,
    global_order=None,
    weak_order=1,
    evaluations=1,
    stochastic=True,
    scale_free=False,
)


def register(register: Register) -> None:
    """Register this family."""
    register(
        "score_sde_vp",
        ScoreSdeVpSampler,
        source="Song et al. 2021, arXiv:2011.13456, eqs. 6, 11 and 25",
        aliases={"diffusers": ("ScoreSdeVpScheduler",)},
        alias_options={"diffusers": {"ScoreSdeVpScheduler": {"time_step": "uniform"}}},
        claims=_SCORE_SDE_VP,
    )
