"""Multistep consistency sampling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._samplers.consistency import ConsistencySampler
from stepladder.builtin.samplers._families import ALL
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from stepladder.hookspecs import Register

_CONSISTENCY = Claims(
    families=ALL,
    formula_order=None,
    global_order=None,
    weak_order=None,
    evaluations=1,
    stochastic=True,
    scale_free=False,
    note="scale free where sigma_min is scaled along",
)


def register(register: Register) -> None:
    """Register this family."""
    register(
        "consistency",
        ConsistencySampler,
        source="Song et al. 2023, arXiv:2303.01469, algorithm 1",
        aliases={"diffusers": ("CMStochasticIterativeScheduler",)},
        claims=_CONSISTENCY,
    )
