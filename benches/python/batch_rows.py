"""Rows of the benches for `sigmas_batch`: 100,000 ragged schedules, one thread, against the best NumPy formulation.

`python -m benches.python.batch_rows` prints them. Times are the least of interleaved rounds; every answer is checked.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import stepladder as sl

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT = 100_000
LOOP = 2_000

_rng = np.random.default_rng(0)
STEPS = _rng.integers(20, 51, COUNT)
LOW = _rng.uniform(0.002, 0.05, COUNT)
HIGH = _rng.uniform(10.0, 160.0, COUNT)
RHOS = _rng.uniform(3.0, 9.0, COUNT)
OFFSETS = np.concatenate([[0], np.cumsum(STEPS + 1)])
TOTAL = int(OFFSETS[-1])


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes
    ----------
    name
        What is computed.
    ours, theirs
        Calls without arguments. `theirs` are formulations of one incumbent: the fastest counts.
    required
        Least ratio of their time to ours; None: reported only.
    check
        Raises unless the results of ours and of one of theirs agree.
    scale
        How much more work ours does in one call than theirs.
    """

    name: str
    ours: Callable[[], Any]
    theirs: tuple[Callable[[], Any], ...]
    required: float | None
    check: Callable[[Any, Any], None]
    scale: float = 1.0


def grouped(curve: Callable[..., Any], *columns: Any) -> Callable[[], list[Any]]:
    """All schedules of one length together, as (group, steps + 1) arrays in order of length."""

    def run() -> list[Any]:
        order = np.argsort(STEPS, kind="stable")
        counts = np.bincount(STEPS)
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

    def run() -> Any:
        lengths = STEPS + 1
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


def fair(run: Callable[..., Any], dtype: Any, rho: Any) -> Callable[[], Any]:
    """Time the transformation of the ends too, as ours does it."""

    def with_ends() -> Any:
        high, low = HIGH.astype(dtype), LOW.astype(dtype)
        return run((high ** (1 / rho)).astype(dtype), (low ** (1 / rho)).astype(dtype))()

    return with_ends


def karras_rows(dtype: Any, label: str) -> list[Row]:
    """Rho 7 for all, and a rho for each."""
    rhos = RHOS.astype(dtype)

    def ours(rho: Any) -> Callable[[], Any]:
        return lambda: sl.sigmas_batch("karras", steps=STEPS, sigma_min=LOW, sigma_max=HIGH, rho=rho, dtype=dtype)

    wide = dtype == np.float64
    seven = np.dtype(dtype).type(7)
    return [
        Row(
            f"{COUNT} ragged karras, rho 7, {label}",
            ours(7.0),
            (
                fair(lambda high, low: grouped(power(7.0), high, low), dtype, seven),
                fair(lambda high, low: chunked(power(7.0), high, low), dtype, seven),
                fair(lambda high, low: grouped(lambda r, h, b: power_by_log(r, h, b, seven), high, low), dtype, seven),
            ),
            3.5 if wide else None,
            agrees(1e-11 if wide else 1e-4),
        ),
        Row(
            f"{COUNT} ragged karras, any rho, {label}",
            ours(RHOS),
            (
                fair(lambda high, low: grouped(power(None), high, low, rhos), dtype, rhos),
                fair(lambda high, low: chunked(power(None), high, low, rhos), dtype, rhos),
                fair(lambda high, low: grouped(power_by_log, high, low, rhos), dtype, rhos),
                fair(lambda high, low: chunked(power_by_log, high, low, rhos), dtype, rhos),
            ),
            1.5 if wide else None,
            agrees(1e-11 if wide else 1e-4),
        ),
    ]


def exponential_row() -> Row:
    """Exponential, float64."""

    def theirs(form: Callable[..., Any]) -> Callable[[], Any]:
        return lambda: form(geometric, np.log(HIGH), np.log(LOW))()

    return Row(
        f"{COUNT} ragged exponential, float64",
        lambda: sl.sigmas_batch("exponential", steps=STEPS, sigma_min=LOW, sigma_max=HIGH),
        (theirs(grouped), theirs(chunked)),
        None,
        agrees(1e-11),
    )


def agrees(tolerance: float) -> Callable[[Any, Any], None]:
    """Compare levels; a list of groups is first brought into the order of the batch."""

    def check(ours: Any, theirs: Any) -> None:
        if isinstance(theirs, list):
            order = np.argsort(STEPS, kind="stable")
            packed, start = np.empty_like(ours.values), 0
            for group in theirs:
                which = order[start : start + len(group)]
                start += len(group)
                packed[OFFSETS[which][:, None] + np.arange(group.shape[1])] = group
            theirs = packed
        np.testing.assert_array_equal(ours.offsets, OFFSETS)
        np.testing.assert_allclose(ours.values, theirs, rtol=tolerance, atol=0)

    return check


def loop_row() -> Row:
    """k-diffusion's formula in torch, once per schedule: `get_sigmas_karras(n, sigma_min, sigma_max, rho)`."""

    def theirs() -> list[Any]:
        from k_diffusion.sampling import get_sigmas_karras

        requests = zip(STEPS[:LOOP].tolist(), LOW[:LOOP].tolist(), HIGH[:LOOP].tolist(), strict=True)
        return [get_sigmas_karras(n, low, high, 7.0) for n, low, high in requests]

    def check(ours: Any, theirs: list[Any]) -> None:
        for mine, sigmas in zip(ours, theirs, strict=False):
            np.testing.assert_allclose(mine, sigmas.numpy(), rtol=2e-4, atol=0)

    def ours() -> Any:
        return sl.sigmas_batch("karras", steps=STEPS, sigma_min=LOW, sigma_max=HIGH)

    return Row(f"{COUNT} ragged karras, rho 7, k-diffusion loop", ours, (theirs,), 250.0, check, COUNT / LOOP)


ROWS = [*karras_rows(np.float64, "float64"), *karras_rows(np.float32, "float32"), exponential_row(), loop_row()]


def measure(row: Row, rounds: int) -> tuple[float, float]:
    """Least seconds of ours, and of the fastest of theirs."""
    calls = (row.ours, *row.theirs)
    for call in row.theirs:
        row.check(row.ours(), call())
    best = [float("inf")] * len(calls)
    for _ in range(rounds):
        for index, call in enumerate(calls):
            start = time.perf_counter()
            result = call()
            best[index] = min(best[index], time.perf_counter() - start)
            del result
    return best[0], min(best[1:]) * row.scale


def copy_seconds(dtype: Any, rounds: int) -> float:
    """A copy of as many values: what no computation can be faster than."""
    source, target = np.ones(TOTAL, dtype), np.ones(TOTAL, dtype)
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        np.copyto(target, source)
        best = min(best, time.perf_counter() - start)
    return best


def main(rounds: int = 15) -> None:
    """Print the rows."""
    for dtype in (np.float64, np.float32):
        print(f"copy of {TOTAL} {np.dtype(dtype)}: {copy_seconds(dtype, rounds) / TOTAL * 1e9:.2f} ns per value")
    for row in ROWS:
        try:
            ours, theirs = measure(row, rounds)
        except ImportError as error:
            print(f"{row.name}: not measured ({error})")
            continue
        needed = "" if row.required is None else f" (needed {row.required}x)"
        print(f"{row.name}: {ours * 1e3:.2f} ms, {ours / TOTAL * 1e9:.2f} ns per value; {theirs / ours:.2f}x{needed}")


if __name__ == "__main__":
    main()
