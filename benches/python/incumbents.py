"""The incumbents: installed packages, or the form everybody writes."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import math
import shutil
import subprocess
import sys
import tempfile
import types
from ctypes import CDLL, c_float, c_long, c_void_p
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benches.python.harness import NotInstalledError

if TYPE_CHECKING:
    from collections.abc import Sequence


@functools.cache
def torch() -> Any:
    """Return torch on one thread."""
    try:
        module = importlib.import_module("torch")
    except ModuleNotFoundError as error:
        raise NotInstalledError(error.name) from None
    module.set_num_threads(1)
    return module


@functools.cache
def k_diffusion() -> Any:
    """Return `k_diffusion.sampling` as installed.

    The package's own `__init__` imports a training stack (kornia, clip, wandb and more), so its modules are imported
    under an empty package module.
    """
    torch()
    name = "k_diffusion"
    spec = importlib.util.find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        raise NotInstalledError(name)
    package = types.ModuleType(name)
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules[name] = package
    try:
        importlib.import_module(f"{name}.external")
        return importlib.import_module(f"{name}.sampling")
    except ModuleNotFoundError as error:
        for loaded in [m for m in sys.modules if m.partition(".")[0] == name]:
            del sys.modules[loaded]
        raise NotInstalledError(f"{error.name}, which {name} imports") from None


def diffusers_euler(convert: str) -> Any:
    """Return diffusers' EulerDiscreteScheduler for Stable Diffusion's betas, with that conversion of its levels."""
    torch()
    try:
        module = importlib.import_module("diffusers.schedulers.scheduling_euler_discrete")
        importlib.import_module("scipy.stats")
    except ModuleNotFoundError as error:
        raise NotInstalledError(error.name) from None
    betas = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    return module.EulerDiscreteScheduler(**betas, timestep_spacing="linspace", **{f"use_{convert}_sigmas": True})


@functools.cache
def torch_without_draws() -> types.ModuleType:
    """Return torch as k-diffusion may see it, with `randn_like` replaced by a function that returns one constant zero.

    sample_euler and sample_heun draw a latent of noise in every step and use it only for churn. The zero has no
    dimensions, so that scaling it costs a dispatch and no pass.
    """
    zero = torch().zeros(())
    quiet = types.ModuleType("torch")
    quiet.__dict__.update(torch().__dict__)
    quiet.__dict__["randn_like"] = lambda _: zero
    return quiet


def karras_list(steps: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> list[float]:
    """Karras et al. 2022, equation 5, in plain Python."""
    low, high = sigma_min ** (1 / rho), sigma_max ** (1 / rho)
    stride = (low - high) / (steps - 1)
    return [(high + i * stride) ** rho for i in range(steps)] + [0.0]


def karras_numpy(steps: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> Any:
    """Karras et al. 2022, equation 5, in NumPy."""
    levels = np.linspace(sigma_max ** (1 / rho), sigma_min ** (1 / rho), steps) ** rho
    return np.append(levels, 0.0)


def exponential_list(steps: int, sigma_min: float, sigma_max: float) -> list[float]:
    """Evenly in log sigma, in plain Python."""
    high = math.log(sigma_max)
    stride = (math.log(sigma_min) - high) / (steps - 1)
    return [math.exp(high + i * stride) for i in range(steps)] + [0.0]


def loglinear_numpy(table: Sequence[float], n: int) -> Any:
    """`table` at `n` even places, linear in the logarithm: `numpy.interp` over its ascending logarithms."""
    logs = np.log(np.asarray(table)[::-1])
    have = np.linspace(0.0, 1.0, logs.size)
    wanted = np.linspace(0.0, 1.0, n)
    return np.exp(np.interp(wanted, have, logs))[::-1]


def loglinear_list(table: Sequence[float], n: int) -> list[float]:
    """`loglinear_numpy` in plain Python."""
    logs = [math.log(level) for level in table]
    gaps = len(logs) - 1
    values = []
    for k in range(n):
        place = k * gaps / (n - 1)
        low = min(int(place), gaps - 1)
        values.append(math.exp(logs[low] + (place - low) * (logs[low + 1] - logs[low])))
    return values


_PASS = """
void passes(float *out, const float *x, const float *y, float a, float b, long n, long times) {
    for (long t = 0; t < times; t++) {
        for (long i = 0; i < n; i++) out[i] = a * x[i] + b * y[i];
        __asm__ volatile("" ::: "memory");
    }
}
"""


@functools.cache
def c_pass() -> Any:
    """Return the pass `out = a x + b y` as the system's C compiler makes it for this CPU."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise NotInstalledError("a C compiler")
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "pass.c"), Path(folder, "pass.so")
        source.write_text(_PASS)
        options = ["-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC"]
        subprocess.run([compiler, *options, "-o", library, source], check=True)
        function = CDLL(str(library)).passes
    function.argtypes = [c_void_p, c_void_p, c_void_p, c_float, c_float, c_long, c_long]
    function.restype = None
    return function
