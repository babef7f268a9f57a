"""`sigmas_batch`: 100,000 ragged schedules, one thread, against the best NumPy formulations; figures per level."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import stepladder as sl

from benches.python import incumbents
from benches.python.harness import Case, Race, Timed

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT = 100_000
LOOP = 2_000


@functools.cache
def requests() -> SimpleNamespace:
    """Return what a service is asked for: 20 to 50 steps, each with its own range and rho."""
    rng = np.random.default_rng(0)
    steps = rng.integers(20, 51, COUNT)
    return SimpleNamespace(
        steps=steps,
        low=rng.uniform(0.002, 0.05, COUNT),
        high=rng.uniform(10.0, 160.0, COUNT),
        rhos=rng.uniform(3.0, 9.0, COUNT),
        offsets=np.concatenate([[0], np.cumsum(steps + 1)]),
        total=int((steps + 1).sum()),
    )


def grouped(curve: Callable[..., Any], *columns: Any) -> Callable[[], list[Any]]:
    """All schedules of one length together, as (group, steps + 1) arrays in order of length."""
    asked = requests()

    def run() -> list[Any]:
        order = np.argsort(asked.steps, kind="stable")
        counts = np.bincount(asked.steps)
        results, start = [], 0
        for steps in np.flatnonzero(counts):
            which = order[start : start + counts[steps]]
            start += counts[steps]
            out = np.empty((len(which), steps + 1), columns[0].dtype)
            ramp = np.linspace(0, 1, steps, dtype=out.dtype)
            out[:, :-1] = curve(ramp, *(column[which, None] for column in columns))
            out[:, -1] = 0
            results.append(out)
        return results

    return run


def chunked(curve: Callable[..., Any], *columns: Any, chunk: int = 1024) -> Callable[[], Any]:
    """Packed as ours, schedules by the thousand so that temporaries stay in the cache."""
    asked = requests()

    def run() -> Any:
        lengths = asked.steps + 1
        out = np.empty(int(lengths.sum()), columns[0].dtype)
        position = 0
        for start in range(0, COUNT, chunk):
            n = lengths[start : start + chunk]
            ends = np.cumsum(n)
            total = int(ends[-1])
            k = np.arange(total) - np.repeat(ends - n, n)
            # At the place of the trailing zero any ramp inside 0 to 1 will do.
            ramp = np.minimum(k / np.repeat(n - 2, n), 1.0).astype(out.dtype, copy=False)
            part = out[position : position + total]
            np.copyto(part, curve(ramp, *(np.repeat(column[start : start + chunk], n) for column in columns)))
            part[ends - 1] = 0
            position += total
        return out

    return run


def power(rho: float | None) -> Callable[..., Any]:
    """Karras levels from a ramp and the ends on its scale; rho fixed, or one for each."""
    if rho is not None:
        return lambda ramp, high, low: (high + ramp * (low - high)) ** rho
    return lambda ramp, high, low, rho: (high + ramp * (low - high)) ** rho


def power_by_log(ramp: Any, high: Any, low: Any, rho: Any) -> Any:
    """The same by logarithm and exponential, which is cheaper than an array power."""
    return np.exp(rho * np.log(high + ramp * (low - high)))


def geometric(ramp: Any, high: Any, low: Any) -> Any:
    """Exponential levels from a ramp and the logarithms of the ends."""
    return np.exp(high + ramp * (low - high))


def _agreement(ours: Any, theirs: Any, tolerance: float) -> None:
    """Compare levels; a list of groups is first brought into the order of the batch."""
    asked = requests()
    if isinstance(theirs, list):
        order = np.argsort(asked.steps, kind="stable")
        packed, start = np.empty_like(ours.values), 0
        for group in theirs:
            which = order[start : start + len(group)]
            start += len(group)
            packed[asked.offsets[which][:, None] + np.arange(group.shape[1])] = group
        theirs = packed
    np.testing.assert_array_equal(ours.offsets, asked.offsets)
    np.testing.assert_allclose(ours.values, theirs, rtol=tolerance, atol=0)


def _race(ours: Callable[[], Any], theirs: list[Callable[[], Any]], dtype: Any) -> Race:
    # float32 powers of float32 bases: 8.4e-6 is what the incumbent itself is off by.
    tolerance = 1e-11 if dtype is np.float64 else 2e-5
    total = requests().total
    source, target = np.ones(total, dtype), np.ones(total, dtype)

    def check() -> str:
        for call in theirs:
            _agreement(ours(), call(), tolerance)
        return f"rtol {tolerance:.0e}"

    first, *others = (Timed(call, per=total) for call in theirs)
    copy = Timed(lambda: np.copyto(target, source), per=total)
    return Race(Timed(ours, per=total), first, check, others=tuple(others), copy=copy)


def _karras(rho: float | None, dtype: Any, *, reuse: bool = False) -> Race:
    """Rho fixed, or one for each."""
    asked = requests()
    own = dtype(rho) if rho is not None else asked.rhos.astype(dtype)
    given = asked.rhos if rho is None else rho
    out = np.empty(asked.total, dtype) if reuse else None

    def ours() -> Any:
        columns = {"steps": asked.steps, "sigma_min": asked.low, "sigma_max": asked.high, "rho": given}
        return sl.sigmas_batch("karras", dtype=dtype, out=out, **columns)

    def with_ends(form: Callable[..., Any], curve: Callable[..., Any]) -> Callable[[], Any]:
        # The transformation of the ends is timed too, as ours does it.
        def run() -> Any:
            high, low = (asked.high.astype(dtype) ** (1 / own), asked.low.astype(dtype) ** (1 / own))
            ends = (high.astype(dtype), low.astype(dtype))
            return form(curve, *ends)() if rho is not None else form(curve, *ends, own)()

        return run

    by_log = power_by_log if rho is None else lambda ramp, high, low: power_by_log(ramp, high, low, own)
    curves = (power(rho), by_log)
    return _race(ours, [with_ends(form, curve) for curve in curves for form in (grouped, chunked)], dtype)


def _exponential() -> Race:
    asked = requests()

    def theirs(form: Callable[..., Any]) -> Callable[[], Any]:
        return lambda: form(geometric, np.log(asked.high), np.log(asked.low))()

    columns = {"steps": asked.steps, "sigma_min": asked.low, "sigma_max": asked.high}
    return _race(lambda: sl.sigmas_batch("exponential", **columns), [theirs(grouped), theirs(chunked)], np.float64)


def _loop() -> Race:
    """k-diffusion's function once per schedule, for the first of them."""
    asked = requests()
    get_sigmas = incumbents.k_diffusion().get_sigmas_karras
    first = list(zip(*(column[:LOOP].tolist() for column in (asked.steps, asked.low, asked.high)), strict=True))

    def ours() -> Any:
        return sl.sigmas_batch("karras", steps=asked.steps, sigma_min=asked.low, sigma_max=asked.high)

    def theirs() -> list[Any]:
        return [get_sigmas(n, low, high, 7.0) for n, low, high in first]

    def check() -> str:
        for mine, sigmas in zip(ours(), theirs(), strict=False):
            np.testing.assert_allclose(mine, sigmas.numpy(), rtol=2e-5, atol=0)
        return "rtol 2e-05"

    return Race(Timed(ours, per=asked.total), Timed(theirs, per=int(asked.offsets[LOOP])), check)


_WORK = "100,000 ragged karras schedules, 20-50 steps, {}; per level"
_NUMPY = "the best NumPy form: grouped or chunked, power or exp and log"

CASES = (
    Case("batch-karras-7", _WORK.format("rho 7"), _NUMPY, lambda: _karras(7.0, np.float64), 3.5),
    Case("batch-karras-any", _WORK.format("own rho"), _NUMPY, lambda: _karras(None, np.float64), 1.5),
    Case("batch-karras-5.5", _WORK.format("rho 5.5"), _NUMPY, lambda: _karras(5.5, np.float64)),
    Case("batch-karras-7-f32", _WORK.format("rho 7, float32"), _NUMPY, lambda: _karras(7.0, np.float32)),
    Case("batch-karras-any-f32", _WORK.format("own rho, float32"), _NUMPY, lambda: _karras(None, np.float32)),
    Case(
        "batch-karras-7-out", _WORK.format("rho 7, into a reused out"), _NUMPY + ", fresh arrays",
        lambda: _karras(7.0, np.float64, reuse=True),
    ),
    Case("batch-exponential", "100,000 ragged exponential schedules; per level", _NUMPY, _exponential),
    Case("batch-karras-7-loop", _WORK.format("rho 7"), "k-diffusion get_sigmas_karras in a loop", _loop, 250.0),
)  # fmt: skip
