"""DEIS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._samplers.deis import DeisSampler
from stepladder.builtin.samplers._families import ALL
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from stepladder.hookspecs import Register

_DEIS = Claims(
    families=ALL,
    formula_order=3,
    global_order=2,
    weak_order=None,
    evaluations=1,
    stochastic=False,
    scale_free=False,
    note="order 3 once it has three slopes; its start is Euler's",
)


def register(register: Register) -> None:
    """Register this family."""
    register(
        "deis",
        DeisSampler,
        source="Zhang and Chen 2022, arXiv:2204.13902, equation 15",
        aliases={"comfyui": ("deis",), "diffusers": ("DEISMultistepScheduler",)},
        alias_options={
            "comfyui": {"deis": {"form": "comfyui"}},
            "diffusers": {"DEISMultistepScheduler": {"mode": "logrho", "max_order": 2}},
        },
        claims=_DEIS,
    )
