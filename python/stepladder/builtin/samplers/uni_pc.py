"""UniPC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._samplers.uni_pc import UniPCBh2Sampler, UniPCSampler
from stepladder.builtin.samplers._families import ALL
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from stepladder.hookspecs import Register

_UNI_PC = Claims(
    families=ALL,
    formula_order=4,
    global_order=3,
    weak_order=None,
    evaluations=1,
    stochastic=False,
    note="UniPC-3: p + 1 by formula, 3 after a first step of local error h^3; lower_order_final off",
)

_COMFYUI = {"time": "log_sigma", "sigma_end": 0.001}


def register(register: Register) -> None:
    """Register this family."""
    register(
        "uni_pc",
        UniPCSampler,
        source="Zhao et al. 2023, arXiv:2302.04867, algorithms 5 and 6, B(h) = h",
        aliases={"comfyui": ("uni_pc",), "a1111": ("UniPC",)},
        alias_options={"comfyui": {"uni_pc": _COMFYUI}},
        claims=_UNI_PC,
    )
    register(
        "uni_pc_bh2",
        UniPCBh2Sampler,
        source="Zhao et al. 2023, arXiv:2302.04867, algorithms 5 and 6, B(h) = e^h - 1",
        aliases={"comfyui": ("uni_pc_bh2",), "diffusers": ("UniPCMultistepScheduler",)},
        alias_options={"comfyui": {"uni_pc_bh2": _COMFYUI}, "diffusers": {"UniPCMultistepScheduler": {"order": 2}}},
        claims=_UNI_PC,
    )
