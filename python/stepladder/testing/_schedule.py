"""What every schedule has to do."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from stepladder import _plugins
from stepladder.errors import StepladderError
from stepladder.testing._common import check_entry, check_frozen, processes_to_try
from stepladder.testing._ensure import ensure, ensure_refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stepladder._process import NoiseProcess
    from stepladder._schedule import Schedule


def check_schedule(
    schedule: str | Schedule,
    *,
    processes: Iterable[str | NoiseProcess] | None = None,
    steps: Sequence[int] = (1, 2, 3, 5, 10, 20, 50),
    endpoints: Literal["exact", "inside"] = "inside",
) -> None:
    """Check that a schedule keeps the contract of every schedule.

    It gives `steps + 1` finite float64 values, strictly descending, the last one exactly 0; within the process's range;
    the same ones each time, in a fresh array; with `denoise` below 1 as many of them as its tail rule says, starting
    no higher. A name is also checked for a documented entry and for refusing a parameter it does not have.

    Parameters
    ----------
    schedule
        A registered name, or a schedule.
    processes
        Names or processes it has to serve. None: the one its levels belong to, if it is registered with one; else
        every registered process that needs no parameters, except those it refuses with an error of stepladder; it has
        to serve one at least.
    steps
        Numbers of steps to try, of those in its `steps_range`. The numbers next to the range have to be refused.
    endpoints
        `exact`: the first sigma is the process's sigma_max, and the last before 0 its sigma_min. `inside`: they lie
        within that range.

    Raises
    ------
    AssertionError
        One of these does not hold; the text says which, for which process and number of steps.
    """
    made = schedule
    if isinstance(made, str):
        check_entry(_plugins.schedules(), "schedule", made)
        own = _plugins.schedules()[made].process
        processes = [own] if processes is None and own is not None else processes
        made = _plugins.schedule(made)
    check_frozen(made)
    tried = processes_to_try(processes)
    served = [process for process, required in tried if required or _serves(made, process)]
    ensure(bool(served), f"{made!r} serves none of {[process for process, _ in tried]}")
    fewest, most = made.steps_range
    counts = [count for count in steps if fewest <= count <= most] or [fewest]
    for process in served:
        for count in counts:
            _check_sigmas(made, process, count, endpoints)
        for count in (fewest - 1, most + 1):
            ensure_refused(functools.partial(made.sigmas, process, count), f"{made!r} with {process!r}, {count} steps")


def _check_sigmas(schedule: Schedule, process: NoiseProcess, steps: int, endpoints: str) -> None:
    sigmas = schedule.sigmas(process, steps)
    what = f"{schedule!r} with {process!r}, {steps} steps"
    ensure(isinstance(sigmas, np.ndarray) and sigmas.dtype == np.float64, f"{what}: not a float64 array: {sigmas!r}")
    ensure(sigmas.shape == (steps + 1,), f"{what}: shape {sigmas.shape}, expected ({steps + 1},)")
    ensure(bool(np.all(np.isfinite(sigmas))), f"{what}: not finite: {sigmas}")
    ensure(bool(np.all(np.diff(sigmas) < 0)), f"{what}: not strictly descending: {sigmas}")
    ensure(sigmas[-1] == 0.0, f"{what}: the last sigma is {sigmas[-1]!r}, expected exactly 0")
    low, high = process.sigma_min, process.sigma_max
    if endpoints == "exact":
        ensure(math.isclose(sigmas[0], high, rel_tol=1e-9), f"{what}: starts at {sigmas[0]}, expected sigma_max {high}")
        if steps > 1:
            text = f"{what}: the last sigma before 0 is {sigmas[-2]}, expected sigma_min {low}"
            ensure(math.isclose(sigmas[-2], low, rel_tol=1e-9), text)
    inside = low * (1 - 1e-9) <= sigmas[-2] and sigmas[0] <= high * (1 + 1e-9)
    ensure(inside, f"{what}: {sigmas[0]} to {sigmas[-2]} is not within [{low}, {high}]")
    kept = sigmas.copy()
    if sigmas.flags.writeable:
        sigmas[:] = -1.0
    ensure(bool(np.array_equal(schedule.sigmas(process, steps), kept)), f"{what}: two calls differ")
    if schedule.tail_rule == "steps_over_denoise" and int(steps / 0.6) > schedule.steps_range[1]:
        return  # the longer schedule does not exist
    partial = schedule.sigmas(process, steps, denoise=0.6)
    length = 1 + (round(steps * 0.6) if schedule.tail_rule == "round" else steps)
    ensure(partial.shape == (length,), f"{what}, denoise=0.6: shape {partial.shape}, expected ({length},)")
    ensure(partial[0] <= kept[0] * (1 + 1e-9), f"{what}, denoise=0.6: starts higher, at {partial[0]}, than {kept[0]}")
    ensure(bool(np.all(np.diff(partial) < 0)), f"{what}, denoise=0.6: not strictly descending: {partial}")


def _serves(schedule: Schedule, process: NoiseProcess) -> bool:
    try:
        schedule.sigmas(process, schedule.steps_range[0])
    except StepladderError:
        return False
    return True
