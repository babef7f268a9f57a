"""The built-in schedules, registered as any plugin would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._schedule import (
    AlignYourStepsSchedule,
    ExponentialSchedule,
    KarrasSchedule,
    NormalSchedule,
    SimpleSchedule,
)
from stepladder.hookspecs import hookimpl

if TYPE_CHECKING:
    from stepladder.hookspecs import Register


@hookimpl
def register_schedules(register: Register) -> None:
    """Register the schedules, in the order of ComfyUI's list where they are in it."""
    register(
        "simple",
        SimpleSchedule,
        source="ComfyUI's simple: table[-(1 + int(k * len(table) / steps))]",
        aliases={"comfyui": ("simple",), "a1111": ("Simple",)},
    )
    register(
        "karras",
        KarrasSchedule,
        source="Karras et al. (arXiv 2206.00364), equation 5",
        aliases={"comfyui": ("karras",), "a1111": ("Karras",), "k_diffusion": ("get_sigmas_karras",)},
    )
    register(
        "exponential",
        ExponentialSchedule,
        source="Lu et al., DPM-Solver (arXiv 2206.00927), section 3.3",
        aliases={"comfyui": ("exponential",), "a1111": ("Exponential",), "k_diffusion": ("get_sigmas_exponential",)},
    )
    register(
        "normal",
        NormalSchedule,
        source="ComfyUI's normal: sigma(linspace(t(sigma_max), t(sigma_min), steps))",
        aliases={"comfyui": ("normal",), "a1111": ("Normal",)},
    )
    register(
        "align_your_steps",
        AlignYourStepsSchedule,
        source="Sabour, Fidler & Kreis (arXiv 2404.14507), table 3",
        aliases={
            "comfyui": ("AlignYourStepsScheduler",),
            "a1111": ("Align Your Steps",),
            "diffusers": ("AysSchedules",),
        },
    )
