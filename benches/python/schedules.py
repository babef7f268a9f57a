"""Schedules and log-linear interpolation: work of a microsecond, where the call is most of the cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import stepladder as sl

from benches.python import incumbents
from benches.python.harness import Call, Case, Race, Timed

# Training steps of the SDXL schedule that the Align Your Steps authors publish; a table of 11 levels follows from it.
_AYS_SDXL = (999, 845, 730, 587, 443, 310, 193, 116, 53, 13, 0)


def _process() -> sl.NoiseProcess:
    return sl.process("discrete", beta_schedule="scaled_linear")


def _race(ours: Call, theirs: Call, rtol: float) -> Race:
    def check() -> str:
        np.testing.assert_allclose(np.asarray(ours()), np.asarray(theirs()), rtol=rtol, atol=0.0)
        return f"rtol {rtol:.0e}"

    return Race(Timed(ours), Timed(theirs), check)


def _k_diffusion(name: str, steps: int) -> Race:
    process = _process()
    low, high = process.sigma_min, process.sigma_max
    theirs = getattr(incumbents.k_diffusion(), f"get_sigmas_{name}")
    # float32 powers of float32 bases: 8e-6 is what the incumbent itself is off by.
    return _race(lambda: sl.schedule(name).sigmas(process, steps), lambda: theirs(steps, low, high), 2e-5)


def _formula(name: str, formula: Any, steps: int) -> Race:
    process = _process()
    low, high = process.sigma_min, process.sigma_max
    return _race(lambda: sl.schedule(name).sigmas(process, steps), lambda: formula(steps, low, high), 1e-12)


def _align_your_steps() -> Race:
    process = _process()
    table = process.sigma(np.array(_AYS_SDXL, dtype=np.float64)).tolist()

    def theirs() -> Any:
        levels = incumbents.loglinear_numpy(table, 21)
        levels[-1] = 0.0
        return levels

    # The library's table holds ten decimals of each level.
    return _race(lambda: sl.schedule("align_your_steps").sigmas(process, 20), theirs, 2e-9)


def _interp(kind: type, n: int) -> Race:
    table: Any = _process().sigma(np.array(_AYS_SDXL, dtype=np.float64)).tolist()
    if kind is np.ndarray:
        table = np.array(table)
    return _race(lambda: sl.loglinear_interp(table, n), lambda: incumbents.loglinear_numpy(table, n), 1e-12)


CASES = (
    Case(
        "karras-20", 'sl.schedule("karras").sigmas(process, 20)', "k-diffusion get_sigmas_karras",
        lambda: _k_diffusion("karras", 20), 10.0,
    ),
    Case("karras-1000", "the same, 1000 steps", "k-diffusion", lambda: _k_diffusion("karras", 1000)),
    Case(
        "karras-20-numpy", 'sl.schedule("karras").sigmas(process, 20)', "linspace, power, append in NumPy",
        lambda: _formula("karras", incumbents.karras_numpy, 20),
    ),
    Case(
        "karras-20-list", 'sl.schedule("karras").sigmas(process, 20)', "the formula over a Python list",
        lambda: _formula("karras", incumbents.karras_list, 20),
    ),
    Case(
        "exponential-20", 'sl.schedule("exponential").sigmas(process, 20)', "k-diffusion get_sigmas_exponential",
        lambda: _k_diffusion("exponential", 20),
    ),
    Case(
        "exponential-20-list", 'sl.schedule("exponential").sigmas(process, 20)', "the formula over a Python list",
        lambda: _formula("exponential", incumbents.exponential_list, 20),
    ),
    Case("ays-20", 'sl.schedule("align_your_steps").sigmas(process, 20)', "NumPy log-linear form", _align_your_steps),
    Case(
        "loglinear-20", "sl.loglinear_interp(table, 20), a list", "NumPy log-linear form",
        lambda: _interp(list, 20), 10.0,
    ),
    Case(
        "loglinear-20-array", "sl.loglinear_interp(table, 20), an array", "NumPy log-linear form",
        lambda: _interp(np.ndarray, 20), 10.0,
    ),
    Case("karras-1", "call overhead: one step", "k-diffusion get_sigmas_karras", lambda: _k_diffusion("karras", 1)),
    Case("loglinear-1", "call overhead: one value", "NumPy log-linear form", lambda: _interp(list, 1)),
)  # fmt: skip
