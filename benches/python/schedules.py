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


def _align_your_steps_list() -> Race:
    process = _process()
    table = process.sigma(np.array(_AYS_SDXL, dtype=np.float64)).tolist()

    def theirs() -> list[float]:
        return [*incumbents.loglinear_list(table, 21)[:-1], 0.0]

    return _race(lambda: sl.schedule("align_your_steps").sigmas(process, 20), theirs, 2e-9)


def _align_your_steps_torch() -> Race:
    torch, process = incumbents.torch(), _process()
    table = process.sigma(np.array(_AYS_SDXL, dtype=np.float64)).tolist()

    def theirs() -> Any:
        levels = torch.FloatTensor(incumbents.loglinear_numpy(table, 21).copy())
        levels[-1] = 0
        return levels

    return _race(lambda: sl.schedule("align_your_steps").sigmas(process, 20), theirs, 2e-7)


def _table_loop(name: str, points: int) -> Race:
    """ComfyUI: even times between the ends of the table, and for each a tensor through the log-linear table."""
    torch, process = incumbents.torch(), _process()
    logs = torch.from_numpy(np.log(process.sigmas)).float()

    def sigma(time: Any) -> Any:
        time = torch.clamp(time.float(), min=0, max=len(logs) - 1)
        low, high, weight = time.floor().long(), time.ceil().long(), time.frac()
        return ((1 - weight) * logs[low] + weight * logs[high]).exp()

    def timestep(level: Any) -> Any:
        return (level.log() - logs[:, None]).abs().argmin(dim=0)

    def theirs() -> Any:
        first, last = timestep(logs[-1:].exp())[0], timestep(logs[:1].exp())[0]
        times = torch.linspace(float(first), float(last), points)[:20]
        return torch.FloatTensor([float(sigma(time)) for time in times] + [0.0])

    return _race(lambda: sl.schedule(name).sigmas(process, 20), theirs, 2e-5)


def _diffusers(convert: str) -> Race:
    """Both give the training times as well as the levels."""
    scheduler = incumbents.diffusers_euler(convert)
    process = _process()

    def ours() -> tuple[Any, Any]:
        sigmas = sl.schedule("diffusers", spacing="linspace", convert=convert).sigmas(process, 30)
        return sigmas, process.timestep(sigmas[:-1], interpolate=True)

    def check() -> str:
        sigmas, times = ours()
        scheduler.set_timesteps(30)
        np.testing.assert_allclose(sigmas, scheduler.sigmas.numpy(), rtol=2e-5, atol=0)
        # The host's logarithms are float32: a few hundredths of a step at most.
        np.testing.assert_allclose(times, scheduler.timesteps.numpy(), rtol=0, atol=0.05)
        return "sigmas rtol 2e-05, times atol 0.05"

    return Race(Timed(ours), Timed(lambda: scheduler.set_timesteps(30)), check)


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
        lambda: _formula("karras", incumbents.karras_list, 20), 2.0,
    ),
    Case(
        "exponential-20", 'sl.schedule("exponential").sigmas(process, 20)', "k-diffusion get_sigmas_exponential",
        lambda: _k_diffusion("exponential", 20), 10.0,
    ),
    Case(
        "exponential-20-list", 'sl.schedule("exponential").sigmas(process, 20)', "the formula over a Python list",
        lambda: _formula("exponential", incumbents.exponential_list, 20), 2.0,
    ),
    Case("ays-20", 'sl.schedule("align_your_steps").sigmas(process, 20)', "NumPy log-linear form", _align_your_steps),
    Case(
        "ays-20-torch", 'sl.schedule("align_your_steps").sigmas(process, 20)', "the same into a torch tensor: ComfyUI",
        _align_your_steps_torch, 10.0,
    ),
    Case(
        "ays-20-list", 'sl.schedule("align_your_steps").sigmas(process, 20)', "the formula over a Python list",
        _align_your_steps_list, 2.0,
    ),
    Case(
        "normal-20", 'sl.schedule("normal").sigmas(process, 20)', "ComfyUI's loop over a torch table",
        lambda: _table_loop("normal", 20), 100.0,
    ),
    Case(
        "sgm_uniform-20", 'sl.schedule("sgm_uniform").sigmas(process, 20)', "ComfyUI's loop over a torch table",
        lambda: _table_loop("sgm_uniform", 21), 100.0,
    ),
    Case(
        "diffusers-karras-30", "30 sigmas and timesteps as diffusers' Euler has them, karras",
        "diffusers EulerDiscreteScheduler.set_timesteps", lambda: _diffusers("karras"), 50.0,
    ),
    Case(
        "diffusers-beta-30", "30 sigmas and timesteps as diffusers' Euler has them, beta",
        "diffusers EulerDiscreteScheduler.set_timesteps", lambda: _diffusers("beta"), 150.0,
    ),
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
