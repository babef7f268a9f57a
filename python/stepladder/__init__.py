"""Noise schedules, samplers and pipelines for diffusion models.

A process maps time to noise level, a schedule turns a number of steps into descending sigmas, a sampler compiles them
into a program, and `sample` runs it: see the README for a tour. Importing this package imports neither torch nor any
plugin; names are looked up when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from stepladder import _core
from stepladder._parameterization import (
    ConsistencyParameterization as ConsistencyParameterization,
)
from stepladder._parameterization import (
    CosmosRflowParameterization as CosmosRflowParameterization,
)
from stepladder._parameterization import (
    EDMParameterization as EDMParameterization,
)
from stepladder._parameterization import (
    EpsilonParameterization as EpsilonParameterization,
)
from stepladder._parameterization import (
    FlowParameterization as FlowParameterization,
)
from stepladder._parameterization import (
    ImgToImgFlowParameterization as ImgToImgFlowParameterization,
)
from stepladder._parameterization import (
    ImgToImgParameterization as ImgToImgParameterization,
)
from stepladder._parameterization import (
    LCMParameterization as LCMParameterization,
)
from stepladder._parameterization import (
    Parameterization as Parameterization,
)
from stepladder._parameterization import (
    Preconditioning as Preconditioning,
)
from stepladder._parameterization import (
    RawVPredictionParameterization as RawVPredictionParameterization,
)
from stepladder._parameterization import (
    TrigFlowParameterization as TrigFlowParameterization,
)
from stepladder._parameterization import (
    VPredictionParameterization as VPredictionParameterization,
)
from stepladder._parameterization import (
    X0Parameterization as X0Parameterization,
)
from stepladder._parameterization import (
    add_noise as add_noise,
)
from stepladder._process import (
    ContinuousVProcess as ContinuousVProcess,
)
from stepladder._process import (
    CosmosProcess as CosmosProcess,
)
from stepladder._process import (
    DiscreteProcess as DiscreteProcess,
)
from stepladder._process import (
    DistilledDiscreteProcess as DistilledDiscreteProcess,
)
from stepladder._process import (
    EDMProcess as EDMProcess,
)
from stepladder._process import (
    FlowProcess as FlowProcess,
)
from stepladder._process import (
    FluxProcess as FluxProcess,
)
from stepladder._process import (
    NoiseProcess as NoiseProcess,
)
from stepladder._process import (
    StableCascadeProcess as StableCascadeProcess,
)
from stepladder._process import (
    TrigFlowProcess as TrigFlowProcess,
)
from stepladder._process import (
    VPSDEProcess as VPSDEProcess,
)
from stepladder._schedule import (
    Schedule as Schedule,
)
from stepladder._schedule import (
    loglinear_interp as loglinear_interp,
)

if TYPE_CHECKING:
    from stepladder._adaptive import AdaptiveRun as AdaptiveRun
    from stepladder._adaptive import sample_adaptive as sample_adaptive
    from stepladder._batch import SigmasBatch as SigmasBatch
    from stepladder._batch import sigmas_batch as sigmas_batch
    from stepladder._edit import (
        concatenate_sigmas as concatenate_sigmas,
    )
    from stepladder._edit import (
        extend_sigmas as extend_sigmas,
    )
    from stepladder._edit import (
        flip_sigmas as flip_sigmas,
    )
    from stepladder._edit import (
        rescale_sigmas as rescale_sigmas,
    )
    from stepladder._edit import (
        set_first_sigma as set_first_sigma,
    )
    from stepladder._edit import (
        split_sigmas as split_sigmas,
    )
    from stepladder._edit import (
        split_sigmas_denoise as split_sigmas_denoise,
    )
    from stepladder._edit import (
        step_range_sigmas as step_range_sigmas,
    )
    from stepladder._edit import (
        strength_sigmas as strength_sigmas,
    )
    from stepladder._edit import (
        truncate_sigmas as truncate_sigmas,
    )
    from stepladder._execute import Runner as Runner
    from stepladder._execute import StepInfo as StepInfo
    from stepladder._k_diffusion import KDiffusionSampler as KDiffusionSampler
    from stepladder._k_diffusion import sample_k_diffusion as sample_k_diffusion
    from stepladder._local_error import LocalErrors as LocalErrors
    from stepladder._local_error import local_errors as local_errors
    from stepladder._model import ArrayModel as ArrayModel
    from stepladder._model import ModelLoader as ModelLoader
    from stepladder._noise import NoiseSource as NoiseSource
    from stepladder._noise_sources.clipped import ClippedNoise as ClippedNoise
    from stepladder._plugins import (
        Claims as Claims,
    )
    from stepladder._plugins import (
        Entry as Entry,
    )
    from stepladder._plugins import (
        Manager as Manager,
    )
    from stepladder._plugins import (
        PluginInfo as PluginInfo,
    )
    from stepladder._plugins import (
        make_manager as make_manager,
    )
    from stepladder._plugins import (
        model_loader as model_loader,
    )
    from stepladder._plugins import (
        model_loaders as model_loaders,
    )
    from stepladder._plugins import (
        noise_source as noise_source,
    )
    from stepladder._plugins import (
        noise_sources as noise_sources,
    )
    from stepladder._plugins import (
        parameterization as parameterization,
    )
    from stepladder._plugins import (
        parameterizations as parameterizations,
    )
    from stepladder._plugins import (
        plugins as plugins,
    )
    from stepladder._plugins import (
        preset as preset,
    )
    from stepladder._plugins import (
        presets as presets,
    )
    from stepladder._plugins import (
        process as process,
    )
    from stepladder._plugins import (
        processes as processes,
    )
    from stepladder._plugins import (
        sampler as sampler,
    )
    from stepladder._plugins import (
        samplers as samplers,
    )
    from stepladder._plugins import (
        schedule as schedule,
    )
    from stepladder._plugins import (
        schedules as schedules,
    )
    from stepladder._plugins import (
        sigmas as sigmas,
    )
    from stepladder._preset import Preset as Preset
    from stepladder._program import Analysis as Analysis
    from stepladder._program import Program as Program
    from stepladder._resolve import Resolved as Resolved
    from stepladder._resolve import resolve as resolve
    from stepladder._sample import sample as sample
    from stepladder._sampler import Sampler as Sampler
    from stepladder._samplers.adams import IpndmSampler as IpndmSampler
    from stepladder._samplers.adams import IpndmVSampler as IpndmVSampler
    from stepladder._samplers.adams import LmsSampler as LmsSampler
    from stepladder._samplers.cfg_pp import CfgppUd10AbSampler as CfgppUd10AbSampler
    from stepladder._samplers.cfg_pp import Dpmpp2mCfgPpSampler as Dpmpp2mCfgPpSampler
    from stepladder._samplers.cfg_pp import Dpmpp2sAncestralCfgPpSampler as Dpmpp2sAncestralCfgPpSampler
    from stepladder._samplers.cfg_pp import EulerAncestralCfgPpSampler as EulerAncestralCfgPpSampler
    from stepladder._samplers.cfg_pp import EulerCfgPpSampler as EulerCfgPpSampler
    from stepladder._samplers.consistency import ConsistencySampler as ConsistencySampler
    from stepladder._samplers.ddim import DdimInverseSampler as DdimInverseSampler
    from stepladder._samplers.ddim import DdimSampler as DdimSampler
    from stepladder._samplers.deis import DeisSampler as DeisSampler
    from stepladder._samplers.dpm_adaptive import DpmAdaptiveSampler as DpmAdaptiveSampler
    from stepladder._samplers.dpm_solver_pp import DpmSolverPpSampler as DpmSolverPpSampler
    from stepladder._samplers.dpm_solver_pp import DpmSolverPpSinglestepSampler as DpmSolverPpSinglestepSampler
    from stepladder._samplers.dpm_solver_pp import DpmSolverSampler as DpmSolverSampler
    from stepladder._samplers.dpm_solver_pp import DpmSolverSinglestepSampler as DpmSolverSinglestepSampler
    from stepladder._samplers.dpmpp import Dpmpp2mSampler as Dpmpp2mSampler
    from stepladder._samplers.dpmpp import Dpmpp2mSdeHeunSampler as Dpmpp2mSdeHeunSampler
    from stepladder._samplers.dpmpp import Dpmpp2mSdeSampler as Dpmpp2mSdeSampler
    from stepladder._samplers.er_sde import ERSDESampler as ERSDESampler
    from stepladder._samplers.euler import EulerAncestralSampler as EulerAncestralSampler
    from stepladder._samplers.euler import EulerSampler as EulerSampler
    from stepladder._samplers.euler import HeunSampler as HeunSampler
    from stepladder._samplers.gradient_estimation import (
        GradientEstimationCfgPpSampler as GradientEstimationCfgPpSampler,
    )
    from stepladder._samplers.gradient_estimation import GradientEstimationSampler as GradientEstimationSampler
    from stepladder._samplers.pndm import PndmSampler as PndmSampler
    from stepladder._samplers.res import Res2mSampler as Res2mSampler
    from stepladder._samplers.res import Res2sSampler as Res2sSampler
    from stepladder._samplers.res import Res3mSampler as Res3mSampler
    from stepladder._samplers.res import Res3sSampler as Res3sSampler
    from stepladder._samplers.res_multistep import (
        ResMultistepAncestralCfgPpSampler as ResMultistepAncestralCfgPpSampler,
    )
    from stepladder._samplers.res_multistep import ResMultistepAncestralSampler as ResMultistepAncestralSampler
    from stepladder._samplers.res_multistep import ResMultistepCfgPpSampler as ResMultistepCfgPpSampler
    from stepladder._samplers.res_multistep import ResMultistepSampler as ResMultistepSampler
    from stepladder._samplers.runge_kutta import RungeKuttaSampler as RungeKuttaSampler
    from stepladder._samplers.sa_solver import SASolverPECESampler as SASolverPECESampler
    from stepladder._samplers.sa_solver import SASolverSampler as SASolverSampler
    from stepladder._samplers.score_sde_vp import ScoreSdeVpSampler as ScoreSdeVpSampler
    from stepladder._samplers.singlestep import DdpmSampler as DdpmSampler
    from stepladder._samplers.singlestep import Dpm2AncestralSampler as Dpm2AncestralSampler
    from stepladder._samplers.singlestep import Dpm2Sampler as Dpm2Sampler
    from stepladder._samplers.singlestep import DpmFastSampler as DpmFastSampler
    from stepladder._samplers.singlestep import Dpmpp2sAncestralSampler as Dpmpp2sAncestralSampler
    from stepladder._samplers.singlestep import Dpmpp3mSdeSampler as Dpmpp3mSdeSampler
    from stepladder._samplers.singlestep import DpmppSdeSampler as DpmppSdeSampler
    from stepladder._samplers.singlestep import ExpHeun2X0Sampler as ExpHeun2X0Sampler
    from stepladder._samplers.singlestep import ExpHeun2X0SdeSampler as ExpHeun2X0SdeSampler
    from stepladder._samplers.singlestep import Heunpp2Sampler as Heunpp2Sampler
    from stepladder._samplers.singlestep import LcmSampler as LcmSampler
    from stepladder._samplers.singlestep import RestartSampler as RestartSampler
    from stepladder._samplers.singlestep import Seeds2Sampler as Seeds2Sampler
    from stepladder._samplers.singlestep import Seeds3Sampler as Seeds3Sampler
    from stepladder._samplers.tcd import TCDSampler as TCDSampler
    from stepladder._samplers.unfused import DdpmLearnedVarianceSampler as DdpmLearnedVarianceSampler
    from stepladder._samplers.unfused import ScoreSdeVeSampler as ScoreSdeVeSampler
    from stepladder._samplers.uni_pc import UniPCBh2Sampler as UniPCBh2Sampler
    from stepladder._samplers.uni_pc import UniPCSampler as UniPCSampler
    from stepladder._schedules.curve import BongTangentSchedule as BongTangentSchedule
    from stepladder._schedules.curve import ConstantSchedule as ConstantSchedule
    from stepladder._schedules.curve import LinearQuadraticSchedule as LinearQuadraticSchedule
    from stepladder._schedules.curve import LogitNormalSchedule as LogitNormalSchedule
    from stepladder._schedules.curve import VPSchedule as VPSchedule
    from stepladder._schedules.diffusers import CustomSchedule as CustomSchedule
    from stepladder._schedules.diffusers import DiffusersSchedule as DiffusersSchedule
    from stepladder._schedules.discrete import Beta57Schedule as Beta57Schedule
    from stepladder._schedules.discrete import BetaSchedule as BetaSchedule
    from stepladder._schedules.discrete import DDIMUniformSchedule as DDIMUniformSchedule
    from stepladder._schedules.discrete import NormalSchedule as NormalSchedule
    from stepladder._schedules.discrete import SGMUniformSchedule as SGMUniformSchedule
    from stepladder._schedules.discrete import SimpleSchedule as SimpleSchedule
    from stepladder._schedules.discrete import SmoothstepSchedule as SmoothstepSchedule
    from stepladder._schedules.distilled import LCMSchedule as LCMSchedule
    from stepladder._schedules.distilled import SDTurboSchedule as SDTurboSchedule
    from stepladder._schedules.flow import FlowShiftSchedule as FlowShiftSchedule
    from stepladder._schedules.flow import Flux2Schedule as Flux2Schedule
    from stepladder._schedules.flow import FluxSchedule as FluxSchedule
    from stepladder._schedules.flow import LTXVSchedule as LTXVSchedule
    from stepladder._schedules.optimised import AlignYourStepsSchedule as AlignYourStepsSchedule
    from stepladder._schedules.optimised import GITSSchedule as GITSSchedule
    from stepladder._schedules.optimised import OptimalStepsSchedule as OptimalStepsSchedule
    from stepladder._schedules.optimised import TabulatedSchedule as TabulatedSchedule
    from stepladder._schedules.range import BetaOverRangeSchedule as BetaOverRangeSchedule
    from stepladder._schedules.range import ExponentialSchedule as ExponentialSchedule
    from stepladder._schedules.range import KarrasSchedule as KarrasSchedule
    from stepladder._schedules.range import LaplaceSchedule as LaplaceSchedule
    from stepladder._schedules.range import PolyexponentialSchedule as PolyexponentialSchedule
    from stepladder._schedules.trigonometric import CosineSchedule as CosineSchedule
    from stepladder._schedules.trigonometric import KLOptimalSchedule as KLOptimalSchedule
    from stepladder._schedules.trigonometric import TangentSchedule as TangentSchedule
    from stepladder._unfused import UnfusedRun as UnfusedRun
    from stepladder._unfused import UnfusedSampler as UnfusedSampler
    from stepladder._unfused import sample_unfused as sample_unfused

__version__: str = _core.__version__
get_num_threads = _core.get_num_threads
set_num_threads = _core.set_num_threads

# Name -> the private module it comes from, imported on first use: this keeps `import stepladder` as light as numpy.
_LAZY = {
    **dict.fromkeys(("AdaptiveRun", "sample_adaptive"), "_adaptive"),
    **dict.fromkeys(("SigmasBatch", "sigmas_batch"), "_batch"),
    **dict.fromkeys(("Runner", "StepInfo"), "_execute"),
    **dict.fromkeys(("KDiffusionSampler", "sample_k_diffusion"), "_k_diffusion"),
    **dict.fromkeys(("LocalErrors", "local_errors"), "_local_error"),
    **dict.fromkeys(("ArrayModel", "ModelLoader"), "_model"),
    **dict.fromkeys(
        (
            "concatenate_sigmas", "extend_sigmas", "flip_sigmas", "rescale_sigmas", "set_first_sigma", "split_sigmas",
            "split_sigmas_denoise", "step_range_sigmas", "strength_sigmas", "truncate_sigmas",
        ),
        "_edit",
    ),
    "NoiseSource": "_noise",
    "ClippedNoise": "_noise_sources.clipped",
    **dict.fromkeys(
        (
            "Claims", "Entry", "Manager", "PluginInfo", "make_manager", "model_loader", "model_loaders", "noise_source",
            "noise_sources", "parameterization", "parameterizations", "plugins", "preset", "presets", "process",
            "processes", "sampler", "samplers", "schedule", "schedules", "sigmas",
        ),
        "_plugins",
    ),
    "Preset": "_preset",
    "sample": "_sample",
    **dict.fromkeys(("Analysis", "Program"), "_program"),
    **dict.fromkeys(("Resolved", "resolve"), "_resolve"),
    **dict.fromkeys(("UnfusedRun", "UnfusedSampler", "sample_unfused"), "_unfused"),
    "Sampler": "_sampler",
    "DpmAdaptiveSampler": "_samplers.dpm_adaptive",
    **dict.fromkeys(("IpndmSampler", "IpndmVSampler", "LmsSampler"), "_samplers.adams"),
    **dict.fromkeys(
        (
            "CfgppUd10AbSampler", "Dpmpp2mCfgPpSampler", "Dpmpp2sAncestralCfgPpSampler", "EulerAncestralCfgPpSampler",
            "EulerCfgPpSampler",
        ),
        "_samplers.cfg_pp",
    ),
    "DeisSampler": "_samplers.deis",
    "ConsistencySampler": "_samplers.consistency",
    **dict.fromkeys(("DdimInverseSampler", "DdimSampler"), "_samplers.ddim"),
    **dict.fromkeys(
        ("DpmSolverPpSampler", "DpmSolverPpSinglestepSampler", "DpmSolverSampler", "DpmSolverSinglestepSampler"),
        "_samplers.dpm_solver_pp",
    ),
    **dict.fromkeys(("Dpmpp2mSampler", "Dpmpp2mSdeHeunSampler", "Dpmpp2mSdeSampler"), "_samplers.dpmpp"),
    "ERSDESampler": "_samplers.er_sde",
    **dict.fromkeys(("EulerAncestralSampler", "EulerSampler", "HeunSampler"), "_samplers.euler"),
    **dict.fromkeys(("GradientEstimationCfgPpSampler", "GradientEstimationSampler"), "_samplers.gradient_estimation"),
    "PndmSampler": "_samplers.pndm",
    **dict.fromkeys(("Res2mSampler", "Res2sSampler", "Res3mSampler", "Res3sSampler"), "_samplers.res"),
    "RungeKuttaSampler": "_samplers.runge_kutta",
    **dict.fromkeys(
        (
            "ResMultistepAncestralCfgPpSampler", "ResMultistepAncestralSampler", "ResMultistepCfgPpSampler",
            "ResMultistepSampler",
        ),
        "_samplers.res_multistep",
    ),
    **dict.fromkeys(
        (
            "DdpmSampler", "Dpm2AncestralSampler", "Dpm2Sampler", "DpmFastSampler",
            "Dpmpp2sAncestralSampler", "Dpmpp3mSdeSampler", "DpmppSdeSampler", "ExpHeun2X0Sampler",
            "ExpHeun2X0SdeSampler", "Heunpp2Sampler", "LcmSampler", "RestartSampler", "Seeds2Sampler",
            "Seeds3Sampler",
        ),
        "_samplers.singlestep",
    ),
    **dict.fromkeys(("SASolverPECESampler", "SASolverSampler"), "_samplers.sa_solver"),
    "TCDSampler": "_samplers.tcd",
    **dict.fromkeys(("DdpmLearnedVarianceSampler", "ScoreSdeVeSampler"), "_samplers.unfused"),
    **dict.fromkeys(("UniPCBh2Sampler", "UniPCSampler"), "_samplers.uni_pc"),
    "ScoreSdeVpSampler": "_samplers.score_sde_vp",
    **dict.fromkeys(
        (
            "BongTangentSchedule", "ConstantSchedule", "LinearQuadraticSchedule", "LogitNormalSchedule", "VPSchedule",
        ),
        "_schedules.curve",
    ),
    **dict.fromkeys(("CustomSchedule", "DiffusersSchedule"), "_schedules.diffusers"),
    **dict.fromkeys(
        (
            "Beta57Schedule", "BetaSchedule", "DDIMUniformSchedule", "NormalSchedule", "SGMUniformSchedule",
            "SimpleSchedule", "SmoothstepSchedule",
        ),
        "_schedules.discrete",
    ),
    **dict.fromkeys(("LCMSchedule", "SDTurboSchedule"), "_schedules.distilled"),
    **dict.fromkeys(("FlowShiftSchedule", "Flux2Schedule", "FluxSchedule", "LTXVSchedule"), "_schedules.flow"),
    **dict.fromkeys(
        (
            "AlignYourStepsSchedule", "GITSSchedule", "OptimalStepsSchedule", "TabulatedSchedule",
        ),
        "_schedules.optimised",
    ),
    **dict.fromkeys(
        (
            "BetaOverRangeSchedule", "ExponentialSchedule", "KarrasSchedule", "LaplaceSchedule",
            "PolyexponentialSchedule",
        ),
        "_schedules.range",
    ),
    **dict.fromkeys(("CosineSchedule", "KLOptimalSchedule", "TangentSchedule"), "_schedules.trigonometric"),
}  # fmt: skip

__all__ = [
    "ConsistencyParameterization",
    "ContinuousVProcess",
    "CosmosProcess",
    "CosmosRflowParameterization",
    "DiscreteProcess",
    "DistilledDiscreteProcess",
    "EDMParameterization",
    "EDMProcess",
    "EpsilonParameterization",
    "FlowParameterization",
    "FlowProcess",
    "FluxProcess",
    "ImgToImgFlowParameterization",
    "ImgToImgParameterization",
    "LCMParameterization",
    "NoiseProcess",
    "Parameterization",
    "Preconditioning",
    "RawVPredictionParameterization",
    "Schedule",
    "StableCascadeProcess",
    "TrigFlowParameterization",
    "TrigFlowProcess",
    "VPSDEProcess",
    "VPredictionParameterization",
    "X0Parameterization",
    "__version__",
    "add_noise",
    "get_num_threads",
    "loglinear_interp",
    "set_num_threads",
    *_LAZY,
]


def __getattr__(name: str) -> Any:
    module = _LAZY.get(name)
    if module is None:
        msg = f"module 'stepladder' has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(importlib.import_module(f"stepladder.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
