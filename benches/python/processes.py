"""Noise processes on a million values, and their tables. The incumbents' rows are their published formulas, on torch
tensors as they hold them; figures per value.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import stepladder as sl

from benches.python import incumbents
from benches.python.harness import Case, Race, Timed

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT = 1_000_000


def _process() -> sl.NoiseProcess:
    return sl.process("discrete", beta_schedule="scaled_linear")


@functools.cache
def _sigmas(dtype: Any) -> Any:
    """Levels in no order, evenly in log sigma, some outside the table."""
    return np.exp(np.random.default_rng(0).uniform(-3.8, 2.9, COUNT)).astype(dtype)


def _copy(dtype: Any) -> Timed:
    source, target = np.ones(COUNT, dtype), np.ones(COUNT, dtype)
    return Timed(lambda: np.copyto(target, source), per=COUNT)


def _nearest_by_distance(part: int, chunk: int) -> Race:
    """ComfyUI: the smallest distance of log sigma from every level, as one matrix of (levels, values)."""
    torch = incumbents.torch()
    process, sigmas = _process(), _sigmas(np.float32)
    logs = torch.from_numpy(np.log(process.sigmas)).float()
    values = torch.from_numpy(sigmas[:part])

    def nearest(some: Any) -> Any:
        return (some.log() - logs[:, None]).abs().argmin(dim=0)

    def theirs() -> Any:
        return torch.cat([nearest(some) for some in values.split(chunk)])

    def check() -> str:
        ours, other = process.timestep(sigmas[:part]), theirs().numpy()
        # Halfway between levels float32 logarithms choose either neighbour.
        assert np.abs(ours - other).max() <= 1
        assert (ours != other).mean() < 1e-4
        return "index, 1 in 10⁴ may differ by 1; rtol 0"

    ours = Timed(lambda: process.timestep(sigmas), per=COUNT)
    return Race(ours, Timed(theirs, per=part), check, slow=True, copy=_copy(np.float64))


def _nearest_by_midpoints(dtype: Any) -> Race:
    process, sigmas = _process(), _sigmas(dtype)
    table = process.sigmas
    middles = np.sqrt(table[1:] * table[:-1]).astype(dtype)
    log_middles = (0.5 * (np.log(table[1:]) + np.log(table[:-1]))).astype(dtype)

    def on_sigma() -> Any:
        return np.searchsorted(middles, sigmas)

    def on_log_sigma() -> Any:
        return np.searchsorted(log_middles, np.log(sigmas))

    def check() -> str:
        ours = process.timestep(sigmas)
        for theirs in (on_sigma(), on_log_sigma()):
            assert np.abs(ours - theirs).max() <= 1
            assert (ours != theirs).mean() < 1e-4
        return "index, 1 in 10⁴ may differ by 1; rtol 0"

    ours, first, second = (
        Timed(call, per=COUNT) for call in (lambda: process.timestep(sigmas), on_sigma, on_log_sigma)
    )
    return Race(ours, first, check, others=(second,), copy=_copy(np.float64))


def _lerps(process: sl.NoiseProcess) -> tuple[Callable[[Any], Any], ...]:
    """Float32 logarithms of the levels between two whole indices: NumPy's forms, the lean ones first."""
    logs = np.log(process.sigmas).astype(np.float32)
    steps = np.append(np.diff(logs), np.float32(0))

    def stepped(t: Any) -> Any:
        index = t.astype(np.intp)
        above = t - index.astype(np.float32)
        above *= steps.take(index)
        above += logs.take(index)
        return np.exp(above, out=above)

    def by_chunks(t: Any, chunk: int = 16_384) -> Any:
        out = np.empty_like(t)
        for start in range(0, len(t), chunk):
            out[start : start + chunk] = stepped(t[start : start + chunk])
        return out

    def weighted(t: Any) -> Any:
        low = np.floor(t)
        weight = t - low
        below, above = low.astype(np.intp), np.ceil(t).astype(np.intp)
        return np.exp((1 - weight) * logs[below] + weight * logs[above])

    return by_chunks, stepped, weighted


def _sigma(*, chunked: bool) -> Race:
    process = _process()
    times = np.random.default_rng(0).uniform(0, 999, COUNT).astype(np.float32)
    out = np.empty(COUNT, np.float32)
    by_chunks, *whole = _lerps(process)
    lerps = [by_chunks] if chunked else whole

    def check() -> str:
        for lerp in lerps:
            # Float32 logarithms up to 3.6, each off by half a place.
            np.testing.assert_allclose(process.sigma(times, out=out), lerp(times), rtol=1e-6, atol=0)
        return "rtol 1e-06"

    first, *others = (Timed(functools.partial(lerp, times), per=COUNT) for lerp in lerps)
    ours = Timed(lambda: process.sigma(times, out=np.empty(COUNT, np.float32)), per=COUNT)
    return Race(ours, first, check, others=tuple(others), copy=_copy(np.float32))


def _stable_cascade() -> Race:
    """Build the table of 10,000 levels; ComfyUI asks for each with a tensor of one time."""
    torch = incumbents.torch()
    shift, s, count = 2.0, 8e-3, 10_000

    def level(time: Any) -> Any:
        def signal(t: Any) -> Any:
            return torch.cos((t + s) / (1 + s) * (torch.pi * 0.5)) ** 2

        alpha = (signal(time) / signal(torch.zeros(1))).clamp(1e-4, 0.9999)
        log_snr = (alpha / (1 - alpha)).log() + 2 * np.log(1 / shift)
        alpha = log_snr.sigmoid().clamp(1e-4, 0.9999)
        return ((1 - alpha) / alpha) ** 0.5

    def theirs() -> Any:
        table = torch.empty(count)
        for index in range(count):
            table[index] = level(torch.tensor([(index + 1) / count]))[0]
        return table

    def ours() -> Any:
        return sl.process("stable_cascade", shift=shift).sigmas

    def check() -> str:
        # Float32 loses digits of 1 - alpha at both ends; the shifted lowest levels are clamped twice.
        mine, other = ours(), theirs().numpy()
        inside = (mine > 0.05) & (mine < 50)
        np.testing.assert_allclose(mine[inside], other[inside], rtol=1e-3, atol=0)
        return f"rtol 1e-03 on {inside.mean():.0%} of the table"

    return Race(Timed(ours), Timed(theirs), check, slow=True)


_MILLION = "timestep(sigma), nearest, 1e6 values{}; per value"

CASES = (
    Case(
        "nearest-distance", _MILLION.format(" of float32"), "ComfyUI's distance matrix, 65,536 values at a time",
        lambda: _nearest_by_distance(65_536, 65_536), 1000.0,
    ),
    Case(
        "nearest-distance-64", _MILLION.format(" of float32"), "the same, 64 values at a time: its best",
        lambda: _nearest_by_distance(65_536, 64),
    ),
    Case(
        "nearest", _MILLION.format(""), "NumPy searchsorted on midpoints",
        lambda: _nearest_by_midpoints(np.float64), 10.0,
    ),
    Case(
        "nearest-f32", _MILLION.format(" of float32"), "NumPy searchsorted on midpoints",
        lambda: _nearest_by_midpoints(np.float32), 10.0,
    ),
    Case(
        "sigma-f32", "sigma(t), 1e6 values of float32; per value", "NumPy direct-index lerp",
        lambda: _sigma(chunked=False), 2.0,
    ),
    Case(
        "sigma-f32-chunked", "sigma(t), 1e6 values of float32; per value", "the same, 16,384 values at a time",
        lambda: _sigma(chunked=True),
    ),
    Case(
        "stable-cascade", 'sl.process("stable_cascade", shift=2.0).sigmas', "ComfyUI's loop over 10,000 tensors",
        _stable_cascade, 1000.0,
    ),
)  # fmt: skip
