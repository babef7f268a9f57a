"""The built-in noise processes, registered as any plugin would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._process import (
    ContinuousVProcess,
    CosmosProcess,
    DiscreteProcess,
    DistilledDiscreteProcess,
    EDMProcess,
    FlowProcess,
    FluxProcess,
    StableCascadeProcess,
    TrigFlowProcess,
    VPSDEProcess,
)
from stepladder.hookspecs import hookimpl

if TYPE_CHECKING:
    from stepladder.hookspecs import Register


@hookimpl
def register_processes(register: Register) -> None:
    """Register the families of noise processes."""
    register(
        "discrete",
        DiscreteProcess,
        source="Ho et al. (arXiv 2006.11239), equation 4",
        aliases={"comfyui": ("ModelSamplingDiscrete",), "k_diffusion": ("DiscreteSchedule",)},
    )
    register(
        "discrete_distilled",
        DistilledDiscreteProcess,
        source="Luo et al. (arXiv 2310.04378), section 4.3",
        aliases={"comfyui": ("ModelSamplingDiscreteDistilled",)},
    )
    register(
        "edm",
        EDMProcess,
        source="Karras et al. (arXiv 2206.00364), table 1",
        aliases={"comfyui": ("ModelSamplingContinuousEDM",)},
    )
    register(
        "continuous_v",
        ContinuousVProcess,
        source="Salimans & Ho (arXiv 2202.00512), appendix D; ComfyUI's ModelSamplingContinuousV",
        aliases={"comfyui": ("ModelSamplingContinuousV",)},
    )
    register(
        "flow",
        FlowProcess,
        source="Esser et al. (arXiv 2403.03206), equation 23",
        aliases={"comfyui": ("ModelSamplingDiscreteFlow",)},
    )
    register(
        "flux",
        FluxProcess,
        source="Black Forest Labs, flux/sampling.py: time_shift",
        aliases={"comfyui": ("ModelSamplingFlux",)},
    )
    register(
        "stable_cascade",
        StableCascadeProcess,
        source="Pernias et al. (arXiv 2306.00637); Nichol & Dhariwal (arXiv 2102.09672), equation 17",
        aliases={"comfyui": ("StableCascadeSampling",)},
    )
    register(
        "cosmos_rflow",
        CosmosProcess,
        source="NVIDIA (arXiv 2501.03575); ComfyUI's ModelSamplingCosmosRFlow",
        aliases={"comfyui": ("ModelSamplingCosmosRFlow",)},
    )
    register("vp_sde", VPSDEProcess, source="Song et al. (arXiv 2011.13456), equation 33")
    register("trigflow", TrigFlowProcess, source="Lu & Song (arXiv 2410.11081), section 3")
