"""The built-in schedules, registered as any plugin would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stepladder._schedules.curve import (
    BongTangentSchedule,
    ConstantSchedule,
    LinearQuadraticSchedule,
    LogitNormalSchedule,
    VPSchedule,
)
from stepladder._schedules.diffusers import CustomSchedule, DiffusersSchedule
from stepladder._schedules.discrete import (
    Beta57Schedule,
    BetaSchedule,
    DDIMUniformSchedule,
    NormalSchedule,
    SGMUniformSchedule,
    SimpleSchedule,
    SmoothstepSchedule,
)
from stepladder._schedules.distilled import LCMSchedule, SDTurboSchedule
from stepladder._schedules.flow import FlowShiftSchedule, Flux2Schedule, FluxSchedule, LTXVSchedule
from stepladder._schedules.optimised import (
    AlignYourStepsSchedule,
    GITSSchedule,
    OptimalStepsSchedule,
    TabulatedSchedule,
)
from stepladder._schedules.range import (
    BetaOverRangeSchedule,
    ExponentialSchedule,
    KarrasSchedule,
    LaplaceSchedule,
    PolyexponentialSchedule,
)
from stepladder._schedules.trigonometric import CosineSchedule, KLOptimalSchedule, TangentSchedule
from stepladder.hookspecs import hookimpl

if TYPE_CHECKING:
    from stepladder.hookspecs import Register


_COMFYUI: Final = {"convention": "comfyui"}
_A1111: Final = {"convention": "a1111"}
_STABLE_DIFFUSION_CPP: Final = {"convention": "stable_diffusion_cpp"}
# Forge's "AYS GITS" for Stable Diffusion XL, stretched as A1111 stretches Align Your Steps.
_AYS_GITS: Final = (14.615, 4.734, 2.567, 1.529, 0.987, 0.652, 0.418, 0.268, 0.179, 0.127, 0.029)


@hookimpl
def register_schedules(register: Register) -> None:
    """Register the schedules, in the order of ComfyUI's list where they are in it."""
    register(
        "simple",
        SimpleSchedule,
        source="ComfyUI's simple: table[-(1 + int(k * len(table) / steps))]",
        aliases={
            "comfyui": ("simple",),
            "a1111": ("Simple",),
            "fooocus": ("simple",),
            "stable_diffusion_cpp": ("simple",),
        },
        alias_options={
            "comfyui": {"simple": _COMFYUI},
            "a1111": {"Simple": _COMFYUI},
            "fooocus": {"simple": _COMFYUI},
            "stable_diffusion_cpp": {"simple": _COMFYUI},
        },
    )
    register(
        "sgm_uniform",
        SGMUniformSchedule,
        source="Stability's generative-models: sigma(linspace(t(sigma_max), t(sigma_min), steps + 1)[:-1])",
        aliases={
            "comfyui": ("sgm_uniform",),
            "a1111": ("SGM Uniform", "SGMUniform", "sgm_uniform"),
            "fooocus": ("sgm_uniform",),
            "stable_diffusion_cpp": ("sgm_uniform",),
        },
    )
    register(
        "karras",
        KarrasSchedule,
        source="Karras et al. (arXiv 2206.00364), equation 5",
        aliases={
            "comfyui": ("karras", "KarrasScheduler"),
            "a1111": ("Karras",),
            "fooocus": ("karras",),
            "k_diffusion": ("get_sigmas_karras",),
            "diffusers": ("use_karras_sigmas",),
            "stable_diffusion_cpp": ("karras",),
        },
    )
    register(
        "exponential",
        ExponentialSchedule,
        source="Lu et al., DPM-Solver (arXiv 2206.00927), section 3.3",
        aliases={
            "comfyui": ("exponential", "ExponentialScheduler"),
            "a1111": ("Exponential",),
            "fooocus": ("exponential",),
            "k_diffusion": ("get_sigmas_exponential",),
            "diffusers": ("use_exponential_sigmas",),
            "stable_diffusion_cpp": ("exponential",),
        },
    )
    register(
        "ddim_uniform",
        DDIMUniformSchedule,
        source="Song et al., DDIM (arXiv 2010.02502), appendix D.1; ComfyUI's ddim_uniform",
        aliases={
            "comfyui": ("ddim_uniform",),
            "a1111": ("DDIM",),
            "fooocus": ("ddim_uniform",),
        },
        alias_options={
            "comfyui": {"ddim_uniform": _COMFYUI},
            "a1111": {"DDIM": _COMFYUI},
            "fooocus": {"ddim_uniform": _COMFYUI},
        },
    )
    register(
        "beta",
        BetaSchedule,
        source="Lee et al., Beta Sampling is All You Need (arXiv 2407.12173)",
        aliases={
            "comfyui": ("beta", "BetaSamplingScheduler"),
            "stable_diffusion_cpp": ("beta",),
        },
        alias_options={
            "comfyui": {"beta": _COMFYUI, "BetaSamplingScheduler": _COMFYUI},
            "stable_diffusion_cpp": {"beta": _COMFYUI},
        },
    )
    register(
        "beta_over_range",
        BetaOverRangeSchedule,
        source="A1111's and diffusers' reading of Lee et al. (arXiv 2407.12173): quantiles over sigma",
        aliases={
            "a1111": ("Beta",),
            "diffusers": ("use_beta_sigmas",),
        },
    )
    register(
        "beta57",
        Beta57Schedule,
        source="RES4LYF's beta57: Lee et al. (arXiv 2407.12173) with 0.5 and 0.7",
        aliases={
            "res4lyf": ("beta57",),
        },
    )
    register(
        "normal",
        NormalSchedule,
        source="ComfyUI's normal: sigma(linspace(t(sigma_max), t(sigma_min), steps))",
        aliases={
            "comfyui": ("normal",),
            "a1111": ("Normal", "Uniform"),
            "fooocus": ("normal",),
            "k_diffusion": ("DiscreteSchedule.get_sigmas",),
            "stable_diffusion_cpp": ("discrete", "normal"),
        },
    )
    register(
        "linear_quadratic",
        LinearQuadraticSchedule,
        source="Genmo's Mochi: linear_quadratic_schedule; ComfyUI's linear_quadratic",
        aliases={
            "comfyui": ("linear_quadratic",),
            "res4lyf": ("Linear Quadratic Advanced",),
        },
    )
    register(
        "kl_optimal",
        KLOptimalSchedule,
        source="Sabour, Fidler & Kreis (arXiv 2404.14507), theorem 3.1",
        aliases={
            "comfyui": ("kl_optimal",),
            "a1111": ("KL Optimal", "kl_optimal"),
            "stable_diffusion_cpp": ("kl_optimal",),
        },
        alias_options={
            "a1111": {"KL Optimal": _A1111, "kl_optimal": _A1111},
        },
    )
    register(
        "polyexponential",
        PolyexponentialSchedule,
        source="k-diffusion's get_sigmas_polyexponential",
        aliases={
            "comfyui": ("PolyexponentialScheduler",),
            "a1111": ("Polyexponential",),
            "k_diffusion": ("get_sigmas_polyexponential",),
        },
    )
    register(
        "laplace",
        LaplaceSchedule,
        source="Hang et al. (arXiv 2407.03297); ComfyUI's LaplaceScheduler",
        aliases={
            "comfyui": ("LaplaceScheduler",),
        },
        alias_options={
            "comfyui": {"LaplaceScheduler": _COMFYUI},
        },
    )
    register(
        "vp",
        VPSchedule,
        source="Song et al. (arXiv 2011.13456), equation 33; k-diffusion's get_sigmas_vp",
        aliases={
            "comfyui": ("VPScheduler",),
            "k_diffusion": ("get_sigmas_vp",),
        },
        process="vp_sde",
    )
    register(
        "sd_turbo",
        SDTurboSchedule,
        source="Sauer et al. (arXiv 2311.17042); ComfyUI's SDTurboScheduler",
        aliases={
            "comfyui": ("SDTurboScheduler",),
            "fooocus": ("turbo",),
        },
    )
    register(
        "lcm",
        LCMSchedule,
        source="Luo et al. (arXiv 2310.04378), section 4.3; stable-diffusion.cpp's lcm",
        aliases={
            "stable_diffusion_cpp": ("lcm",),
        },
    )
    register(
        "smoothstep",
        SmoothstepSchedule,
        source="stable-diffusion.cpp's smoothstep: u**2 * (3 - 2 * u) over the table's index",
        aliases={
            "stable_diffusion_cpp": ("smoothstep",),
        },
        alias_options={
            "stable_diffusion_cpp": {"smoothstep": _STABLE_DIFFUSION_CPP},
        },
    )
    register(
        "cosine",
        CosineSchedule,
        source="stepladder: half a period of a raised cosine, in sigma",
    )
    register(
        "tangent",
        TangentSchedule,
        source="One stage of RES4LYF's tangent schedulers",
        aliases={
            "res4lyf": ("Tan Scheduler",),
        },
    )
    register(
        "bong_tangent",
        BongTangentSchedule,
        source="RES4LYF's bong_tangent; stable-diffusion.cpp's over a range",
        aliases={
            "res4lyf": ("bong_tangent",),
            "stable_diffusion_cpp": ("bong_tangent",),
        },
        process="flow",
        alias_options={
            "stable_diffusion_cpp": {"bong_tangent": _STABLE_DIFFUSION_CPP},
        },
    )
    register(
        "constant",
        ConstantSchedule,
        source="RES4LYF's constant scheduler, where it descends",
        aliases={
            "res4lyf": ("Constant Scheduler",),
        },
    )
    register(
        "logit_normal",
        LogitNormalSchedule,
        source="Esser et al. (arXiv 2403.03206), section 3.1; Ideogram 4's reference sampler",
        aliases={
            "comfyui": ("Ideogram4Scheduler",),
            "stable_diffusion_cpp": ("logit_normal",),
        },
        process="flow",
    )
    register(
        "flux",
        FluxSchedule,
        source="Black Forest Labs' Flux: exponential shift, mu linear in the image tokens",
        aliases={
            "stable_diffusion_cpp": ("flux",),
        },
        process="flux",
    )
    register(
        "flux2",
        Flux2Schedule,
        source="Black Forest Labs' Flux 2: exponential shift, mu fitted to tokens and steps",
        aliases={
            "comfyui": ("Flux2Scheduler",),
            "stable_diffusion_cpp": ("flux2",),
        },
        process="flux",
    )
    register(
        "ltxv",
        LTXVSchedule,
        source="Lightricks' LTX-Video: exponential shift, stretched to a terminal level",
        aliases={
            "comfyui": ("LTXVScheduler",),
            "stable_diffusion_cpp": ("ltx2",),
        },
        process="flux",
    )
    register(
        "align_your_steps",
        AlignYourStepsSchedule,
        source="Sabour, Fidler & Kreis (arXiv 2404.14507), table 3",
        aliases={
            "comfyui": ("AlignYourStepsScheduler",),
            "a1111": ("Align Your Steps", "align_your_steps"),
            "forge": ("AYS 32",),
            "fooocus": ("align_your_steps",),
            "diffusers": ("AysSchedules",),
            "stable_diffusion_cpp": ("ays",),
        },
        alias_options={
            "a1111": {"Align Your Steps": _A1111, "align_your_steps": _A1111},
            "forge": {"AYS 32": {"points": 32, **_A1111}},
            "diffusers": {"AysSchedules": {"convention": "diffusers"}},
        },
    )
    register(
        "gits",
        GITSSchedule,
        source="Chen et al. (arXiv 2405.11326); ComfyUI's GITSScheduler",
        aliases={
            "comfyui": ("GITSScheduler",),
            "stable_diffusion_cpp": ("gits",),
        },
        process="discrete",
    )
    register(
        "optimal_steps",
        OptimalStepsSchedule,
        source="Pei, Hu & Gu (arXiv 2503.21774); ComfyUI's OptimalStepsScheduler",
        aliases={
            "comfyui": ("OptimalStepsScheduler",),
        },
        process="flow",
    )
    register(
        "tabulated",
        TabulatedSchedule,
        source="A table of one's own, log-linear as in Align Your Steps (arXiv 2404.14507)",
        aliases={
            "forge": ("AYS GITS",),
        },
        alias_options={
            "forge": {"AYS GITS": {"table": _AYS_GITS}},
        },
    )
    register(
        "custom",
        CustomSchedule,
        source="A list of one's own, as in diffusers' timesteps= and sigmas=",
        aliases={
            "comfyui": ("ManualSigmas",),
        },
    )
    register(
        "diffusers",
        DiffusersSchedule,
        source="diffusers' timestep_spacing and conversions",
        aliases={
            "diffusers": ("timestep_spacing", "leading", "linspace", "trailing", "use_lu_lambdas"),
        },
        alias_options={
            "diffusers": {
                "leading": {"spacing": "leading"},
                "linspace": {"spacing": "linspace"},
                "trailing": {"spacing": "trailing"},
                "use_lu_lambdas": {"convert": "lu"},
            },
        },
    )
    register(
        "flow_shift",
        FlowShiftSchedule,
        source="Esser et al. (arXiv 2403.03206), section 5.3.2",
        aliases={
            "diffusers": ("FlowMatchEulerDiscreteScheduler", "use_dynamic_shifting"),
        },
        process="flow",
    )
