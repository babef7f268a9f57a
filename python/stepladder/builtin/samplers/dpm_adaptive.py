"""DPM-Solver with steps as long as the error allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._samplers.dpm_adaptive import DpmAdaptiveSampler
from stepladder.builtin.samplers._families import ALL
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from stepladder.hookspecs import Register


def register(register: Register) -> None:
    """Register this family."""
    register(
        "dpm_adaptive",
        DpmAdaptiveSampler,
        source="Lu et al. 2022, arXiv:2206.00927, appendix C, with k-diffusion's step-size control",
        aliases={
            "comfyui": ("dpm_adaptive",),
            "a1111": ("DPM adaptive",),
            "k_diffusion": ("sample_dpm_adaptive",),
        },
        claims=Claims(
            families=ALL,
            formula_order=3,
            global_order=None,
            weak_order=None,
            evaluations=3,
            stochastic=False,
            scale_free=False,
            note="no program: run it with sample_adaptive; calls per attempted step",
        ),
    )
