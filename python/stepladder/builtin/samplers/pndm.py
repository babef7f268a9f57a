"""Pseudo numerical methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._samplers.pndm import PndmSampler
from stepladder.builtin.samplers._families import ALL
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from stepladder.hookspecs import Register

_PNDM = Claims(
    families=ALL,
    formula_order=2,
    global_order=2,
    weak_order=None,
    evaluations=1,
    stochastic=False,
    note="one or nine calls more during the start",
)


def register(register: Register) -> None:
    """Register this family."""
    register(
        "pndm",
        PndmSampler,
        source="Liu et al. 2022, arXiv:2202.09778, equations 11 to 13",
        aliases={"a1111": ("PLMS",), "diffusers": ("PNDMScheduler",)},
        claims=_PNDM,
    )
