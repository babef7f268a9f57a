"""Methods that are not linear in what the model returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._samplers.unfused import DdpmLearnedVarianceSampler, ScoreSdeVeSampler
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from stepladder.hookspecs import Register


def register(register: Register) -> None:
    """Register this family."""
    register(
        "ddpm_learned_variance",
        DdpmLearnedVarianceSampler,
        source="Nichol & Dhariwal 2021, arXiv:2102.09672, eq. 15",
        claims=Claims(
            families=("ve", "vp"),
            formula_order=None,
            global_order=None,
            weak_order=1,
            evaluations=1,
            stochastic=True,
            scale_free=False,
            note="no program: run it with sample_unfused",
        ),
    )
    register(
        "score_sde_ve",
        ScoreSdeVeSampler,
        source="Song et al. 2021, arXiv:2011.13456, algorithms 2 and 4",
        aliases={"diffusers": ("ScoreSdeVeScheduler",)},
        alias_options={"diffusers": {"ScoreSdeVeScheduler": {"norm_over": "batch"}}},
        claims=Claims(
            families=("ve",),
            formula_order=None,
            global_order=None,
            weak_order=None,
            evaluations=2,
            stochastic=True,
            scale_free=True,
            note="no program: run it with sample_unfused; the predictor alone has weak order 1",
        ),
    )
