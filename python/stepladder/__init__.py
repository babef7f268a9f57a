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
    EDMParameterization as EDMParameterization,
    EpsilonParameterization as EpsilonParameterization,
    Parameterization as Parameterization,
    VPredictionParameterization as VPredictionParameterization,
    add_noise as add_noise,
)
from stepladder._process import (
    DiscreteProcess as DiscreteProcess,
    EDMProcess as EDMProcess,
    NoiseProcess as NoiseProcess,
)
from stepladder._schedule import (
    AlignYourStepsSchedule as AlignYourStepsSchedule,
    ExponentialSchedule as ExponentialSchedule,
    KarrasSchedule as KarrasSchedule,
    NormalSchedule as NormalSchedule,
    Schedule as Schedule,
    SimpleSchedule as SimpleSchedule,
    loglinear_interp as loglinear_interp,
)

if TYPE_CHECKING:
    from stepladder._execute import Runner as Runner, StepInfo as StepInfo, sample as sample
    from stepladder._model import ArrayModel as ArrayModel, ModelLoader as ModelLoader
    from stepladder._noise import NoiseSource as NoiseSource
    from stepladder._plugins import (
        Claims as Claims,
        Entry as Entry,
        Manager as Manager,
        PluginInfo as PluginInfo,
        make_manager as make_manager,
        model_loader as model_loader,
        model_loaders as model_loaders,
        noise_source as noise_source,
        noise_sources as noise_sources,
        parameterization as parameterization,
        parameterizations as parameterizations,
        plugins as plugins,
        preset as preset,
        presets as presets,
        process as process,
        processes as processes,
        sampler as sampler,
        samplers as samplers,
        schedule as schedule,
        schedules as schedules,
        sigmas as sigmas,
    )
    from stepladder._preset import Preset as Preset
    from stepladder._program import Analysis as Analysis, Program as Program
    from stepladder._resolve import Resolved as Resolved, resolve as resolve
    from stepladder._sampler import (
        Dpmpp2mSampler as Dpmpp2mSampler,
        Dpmpp2mSdeSampler as Dpmpp2mSdeSampler,
        EulerAncestralSampler as EulerAncestralSampler,
        EulerSampler as EulerSampler,
        HeunSampler as HeunSampler,
        Sampler as Sampler,
    )

__version__: str = _core.__version__
get_num_threads = _core.get_num_threads
set_num_threads = _core.set_num_threads

# Name -> the private module it comes from, imported on first use: this keeps `import stepladder` as light as numpy.
_LAZY = {
    **dict.fromkeys(("Runner", "StepInfo", "sample"), "_execute"),
    **dict.fromkeys(("ArrayModel", "ModelLoader"), "_model"),
    "NoiseSource": "_noise",
    **dict.fromkeys(
        (
            "Claims", "Entry", "Manager", "PluginInfo", "make_manager", "model_loader", "model_loaders", "noise_source",
            "noise_sources", "parameterization", "parameterizations", "plugins", "preset", "presets", "process",
            "processes", "sampler", "samplers", "schedule", "schedules", "sigmas",
        ),
        "_plugins",
    ),
    "Preset": "_preset",
    **dict.fromkeys(("Analysis", "Program"), "_program"),
    **dict.fromkeys(("Resolved", "resolve"), "_resolve"),
    **dict.fromkeys(
        ("Dpmpp2mSampler", "Dpmpp2mSdeSampler", "EulerAncestralSampler", "EulerSampler", "HeunSampler", "Sampler"),
        "_sampler",
    ),
}  # fmt: skip

__all__ = [  # noqa: PLE0604, RUF022  (sorted by kind; the lazy names are a table)
    "AlignYourStepsSchedule",
    "DiscreteProcess",
    "EDMParameterization",
    "EDMProcess",
    "EpsilonParameterization",
    "ExponentialSchedule",
    "KarrasSchedule",
    "NoiseProcess",
    "NormalSchedule",
    "Parameterization",
    "Schedule",
    "SimpleSchedule",
    "VPredictionParameterization",
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
