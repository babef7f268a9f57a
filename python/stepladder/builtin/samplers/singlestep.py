"""Methods of one step each, and the multistep SDE of the third order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._samplers import singlestep as made
from stepladder.builtin.samplers._families import ALL
from stepladder.hookspecs import Claims

if TYPE_CHECKING:
    from stepladder.hookspecs import Register

_TO_ZERO = "one call in a step to zero"


def _ode(order: int, evaluations: int, note: str = _TO_ZERO) -> Claims:
    return Claims(
        families=ALL,
        formula_order=order,
        global_order=order,
        weak_order=None,
        evaluations=evaluations,
        stochastic=False,
        note=note,
    )


def _sde(order: int, evaluations: int, note: str, *, path: bool = False) -> Claims:
    return Claims(
        families=ALL,
        formula_order=order,
        global_order=order,
        weak_order=2,
        evaluations=evaluations,
        stochastic=True,
        needs_path=path,
        note=note,
    )


_K_DIFFUSION = {"form": "k_diffusion"}


def register(register: Register) -> None:
    """Register this family."""
    register(
        "heunpp2",
        made.Heunpp2Sampler,
        source="Li et al. 2023, arXiv:2306.08964, with ComfyUI's weights (sample_heunpp2)",
        aliases={"comfyui": ("heunpp2",)},
        claims=_ode(1, 3, "two calls in the last but one step, one in the last"),
    )
    register(
        "dpm_2",
        made.Dpm2Sampler,
        source="Karras et al. 2022, arXiv:2206.00364, algorithm 3 at the geometric mean",
        aliases={
            "comfyui": ("dpm_2",),
            "a1111": ("DPM2",),
            "k_diffusion": ("sample_dpm_2",),
            "diffusers": ("KDPM2DiscreteScheduler",),
            "stable_diffusion_cpp": ("dpm2",),
        },
        claims=_ode(2, 2),
    )
    register(
        "dpm_2_ancestral",
        made.Dpm2AncestralSampler,
        source="k-diffusion, sample_dpm_2_ancestral; Song et al. 2021, arXiv:2011.13456, appendix F",
        aliases={
            "comfyui": ("dpm_2_ancestral",),
            "a1111": ("DPM2 a",),
            "k_diffusion": ("sample_dpm_2_ancestral",),
            "diffusers": ("KDPM2AncestralDiscreteScheduler",),
        },
        claims=_sde(2, 2, _TO_ZERO),
    )
    register(
        "dpm_fast",
        made.DpmFastSampler,
        source="Lu et al. 2022, arXiv:2206.00927, algorithms 1 and 2, appendix D.3",
        aliases={"comfyui": ("dpm_fast",), "a1111": ("DPM fast",), "k_diffusion": ("sample_dpm_fast",)},
        claims=Claims(
            families=ALL,
            formula_order=3,
            global_order=2,
            weak_order=None,
            evaluations=1,
            stochastic=False,
            note="order 3 where the number of calls leaves 2 when divided by 3; ends at the last positive sigma",
        ),
    )
    register(
        "dpmpp_2s_ancestral",
        made.Dpmpp2sAncestralSampler,
        source="Lu et al. 2022, arXiv:2211.01095, algorithm 1 with r = 1/2, ancestral as k-diffusion has it",
        aliases={
            "comfyui": ("dpmpp_2s_ancestral",),
            "a1111": ("DPM++ 2S a",),
            "k_diffusion": ("sample_dpmpp_2s_ancestral",),
            "stable_diffusion_cpp": ("dpm++2s_a",),
        },
        claims=_sde(2, 2, _TO_ZERO),
    )
    register(
        "dpmpp_sde",
        made.DpmppSdeSampler,
        source="Lu et al. 2022, arXiv:2211.01095, algorithm 1; noise as k-diffusion's sample_dpmpp_sde",
        aliases={
            "comfyui": ("dpmpp_sde", "dpmpp_sde_gpu"),
            "a1111": ("DPM++ SDE",),
            "k_diffusion": ("sample_dpmpp_sde",),
            "diffusers": ("DPMSolverSDEScheduler",),
        },
        claims=_sde(2, 2, "two draws per step on one path; weak order 1 with independent draws", path=True),
    )
    register(
        "dpmpp_3m_sde",
        made.Dpmpp3mSdeSampler,
        source="Lu et al. 2022, arXiv:2211.01095, section 5, to the third order as k-diffusion's sample_dpmpp_3m_sde",
        aliases={
            "comfyui": ("dpmpp_3m_sde", "dpmpp_3m_sde_gpu"),
            "a1111": ("DPM++ 3M SDE",),
            "k_diffusion": ("sample_dpmpp_3m_sde",),
        },
        alias_options={
            "comfyui": {"dpmpp_3m_sde": _K_DIFFUSION, "dpmpp_3m_sde_gpu": _K_DIFFUSION},
            "a1111": {"DPM++ 3M SDE": _K_DIFFUSION},
            "k_diffusion": {"sample_dpmpp_3m_sde": _K_DIFFUSION},
        },
        claims=Claims(
            families=ALL,
            formula_order=3,
            global_order=2,
            weak_order=2,
            evaluations=1,
            stochastic=True,
            note="global order 2 after a first step of order 1; the hosts' form has formula order 2",
        ),
    )
    register(
        "seeds_2",
        made.Seeds2Sampler,
        source="Gonzalez et al. 2023, arXiv:2305.14267, algorithm 1",
        aliases={"comfyui": ("seeds_2",)},
        claims=_sde(2, 2, "two draws per step over neighbouring intervals"),
    )
    register(
        "seeds_3",
        made.Seeds3Sampler,
        source="Gonzalez et al. 2023, arXiv:2305.14267, algorithm 2",
        aliases={"comfyui": ("seeds_3",)},
        claims=_sde(3, 3, "three draws per step over neighbouring intervals; order 3 at r_2 = 2/3"),
    )
    register(
        "exp_heun_2_x0",
        made.ExpHeun2X0Sampler,
        source="ComfyUI, sample_exp_heun_2_x0; Hochbruck and Ostermann 2010, doi:10.1017/S0962492910000048, eq. 2.39",
        aliases={"comfyui": ("exp_heun_2_x0",)},
        claims=_ode(2, 2),
    )
    register(
        "exp_heun_2_x0_sde",
        made.ExpHeun2X0SdeSampler,
        source="ComfyUI, sample_exp_heun_2_x0_sde; Gonzalez et al. 2023, arXiv:2305.14267, algorithm 1 with r = 1",
        aliases={"comfyui": ("exp_heun_2_x0_sde",)},
        claims=_sde(2, 2, _TO_ZERO),
    )
    register(
        "ddpm",
        made.DdpmSampler,
        source="Ho et al. 2020, arXiv:2006.11239, equations 6 and 7",
        aliases={
            "comfyui": ("ddpm",),
            "diffusers": ("DDPMScheduler", "DDPMParallelScheduler", "DDPMWuerstchenScheduler"),
        },
        claims=Claims(
            formula_order=None,
            global_order=None,
            weak_order=1,
            evaluations=1,
            stochastic=True,
            note="in sigma the same as euler_ancestral at eta 1",
        ),
    )
    register(
        "lcm",
        made.LcmSampler,
        source="Song et al. 2023, arXiv:2303.01469, algorithm 1; Luo et al. 2023, arXiv:2310.04378",
        aliases={
            "comfyui": ("lcm",),
            "a1111": ("LCM",),
            "diffusers": ("LCMScheduler", "SCMScheduler", "FlowMatchLCMScheduler"),
            "stable_diffusion_cpp": ("lcm",),
        },
        claims=Claims(
            families=ALL,
            formula_order=None,
            global_order=None,
            weak_order=None,
            evaluations=1,
            stochastic=True,
            note="for consistency models",
        ),
    )
    register(
        "restart",
        made.RestartSampler,
        source="Xu et al. 2023, arXiv:2306.14878, algorithm 2; A1111, restart_sampler",
        aliases={"a1111": ("Restart",)},
        claims=Claims(
            formula_order=None,
            global_order=None,
            weak_order=None,
            evaluations=2,
            stochastic=True,
            scale_free=False,
            note="restarts from 20 steps on; adding noise back is a step of its own",
        ),
    )
