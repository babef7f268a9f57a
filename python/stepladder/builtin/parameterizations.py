"""The built-in parameterizations, registered as any plugin would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stepladder._parameterization import (
    ConsistencyParameterization,
    CosmosRflowParameterization,
    EDMParameterization,
    EpsilonParameterization,
    FlowParameterization,
    ImgToImgFlowParameterization,
    ImgToImgParameterization,
    LCMParameterization,
    RawVPredictionParameterization,
    TrigFlowParameterization,
    VPredictionParameterization,
    X0Parameterization,
)
from stepladder.hookspecs import hookimpl

if TYPE_CHECKING:
    from stepladder.hookspecs import Register


@hookimpl
def register_parameterizations(register: Register) -> None:
    """Register what a network can predict."""
    register(
        "epsilon",
        EpsilonParameterization,
        source="Ho et al. (arXiv 2006.11239), equation 15",
        aliases={"comfyui": ("EPS", "eps"), "diffusers": ("epsilon",), "k_diffusion": ("DiscreteEpsDDPMDenoiser",)},
    )
    register(
        "v_prediction",
        VPredictionParameterization,
        source="Salimans & Ho (arXiv 2202.00512), appendix D",
        aliases={
            "comfyui": ("V_PREDICTION", "v_prediction"),
            "diffusers": ("v_prediction",),
            "k_diffusion": ("DiscreteVDDPMDenoiser",),
        },
    )
    register(
        "edm",
        EDMParameterization,
        source="Karras et al. (arXiv 2206.00364), table 1",
        aliases={"comfyui": ("EDM", "edm"), "k_diffusion": ("Denoiser",)},
    )
    register(
        "v_prediction_ddpm",
        RawVPredictionParameterization,
        source="Salimans & Ho (arXiv 2202.00512), appendix D; ComfyUI's V_PREDICTION_DDPM",
        aliases={"comfyui": ("V_PREDICTION_DDPM",)},
    )
    register(
        "x0",
        X0Parameterization,
        source="Salimans & Ho (arXiv 2202.00512), section 4",
        aliases={"comfyui": ("X0",), "diffusers": ("sample",)},
    )
    register(
        "flow",
        FlowParameterization,
        source="Liu et al. (arXiv 2209.03003), equation 1",
        aliases={"comfyui": ("CONST",), "diffusers": ("flow_prediction",)},
    )
    register(
        "img_to_img",
        ImgToImgParameterization,
        source="ComfyUI's IMG_TO_IMG",
        aliases={"comfyui": ("IMG_TO_IMG",)},
    )
    register(
        "img_to_img_flow",
        ImgToImgFlowParameterization,
        source="ComfyUI's IMG_TO_IMG_FLOW",
        aliases={"comfyui": ("IMG_TO_IMG_FLOW",)},
    )
    register(
        "cosmos_rflow",
        CosmosRflowParameterization,
        source="NVIDIA (arXiv 2501.03575); ComfyUI's COSMOS_RFLOW",
        aliases={"comfyui": ("COSMOS_RFLOW",)},
    )
    register(
        "lcm",
        LCMParameterization,
        source="Luo et al. (arXiv 2310.04378), section 4.1",
        aliases={"comfyui": ("LCM",)},
    )
    register(
        "consistency",
        ConsistencyParameterization,
        source="Song et al. (arXiv 2303.01469), appendix C",
        aliases={"diffusers": ("CMStochasticIterativeScheduler",)},
    )
    register(
        "trigflow",
        TrigFlowParameterization,
        source="Lu & Song (arXiv 2410.11081), section 3",
        aliases={"diffusers": ("trigflow",)},
    )
