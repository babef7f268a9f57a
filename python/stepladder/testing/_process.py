"""What every noise process has to do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from stepladder import _plugins
from stepladder.testing._common import check_entry, check_frozen
from stepladder.testing._ensure import ensure

if TYPE_CHECKING:
    from stepladder._process import NoiseProcess

_FAMILIES = ("ve", "vp", "flow")


def check_process(process: str | NoiseProcess) -> None:
    """Check that a noise process keeps the contract of every process.

    Its family is known and its range positive; its table, if it has one, ascends (levels may repeat); `sigma` and
    `timestep` map arrays to float64 arrays of their shape and floats to floats, ascend, and undo each other;
    `percent_to_sigma` descends from the top of the range, or above it, at 0 to exactly 0 at 1. A name is also checked
    for a documented entry and for refusing a parameter it does not have.

    Parameters
    ----------
    process
        A registered name, or a process.

    Raises
    ------
    AssertionError
        One of these does not hold; the text says which.
    """
    made = process
    if isinstance(made, str):
        check_entry(_plugins.processes(), "process", made)
        made = _plugins.process(made)
    check_frozen(made)
    ensure(made.family in _FAMILIES, f"{made!r}: family is {made.family!r}, expected one of {_FAMILIES}")
    low, high = made.sigma_min, made.sigma_max
    ensure(0 < low < high < math.inf, f"{made!r}: the range is {low} to {high}, expected 0 < sigma_min < sigma_max")
    table = made.sigmas
    if table is not None:
        ensure(bool(np.all(np.diff(table) >= 0)), f"{made!r}: its table of sigmas does not ascend")
        ensure(table[0] < table[-1], f"{made!r}: all levels of its table are {table[0]}")
    _check_maps(made)
    percents = np.linspace(0, 1, 21).tolist()
    sigmas = [made.percent_to_sigma(percent) for percent in percents]
    ensure(sigmas[0] >= high, f"{made!r}: percent_to_sigma(0) is {sigmas[0]}, expected sigma_max {high} or above")
    ensure(sigmas[-1] == 0, f"{made!r}: percent_to_sigma(1) is {sigmas[-1]}, expected exactly 0")
    ensure(bool(np.all(np.diff(sigmas) < 0)), f"{made!r}: percent_to_sigma does not descend: {sigmas}")


def _check_maps(process: NoiseProcess) -> None:
    sigmas = np.geomspace(process.sigma_min, process.sigma_max, 41)[1:-1]  # rounding may push the ends out of range
    times = process.timestep(sigmas, interpolate=True)
    back = process.sigma(times)
    for name, values in (("timestep", times), ("sigma", back)):
        ensure(isinstance(values, np.ndarray), f"{process!r}: {name} of an array is {values!r}, expected an array")
        ensure(values.dtype == np.float64, f"{process!r}: {name} gives {values.dtype}, expected float64")
        ensure(values.shape == sigmas.shape, f"{process!r}: {name} maps shape {sigmas.shape} to {values.shape}")
        ensure(bool(np.all(np.diff(values) > 0)), f"{process!r}: {name} does not ascend: {values}")
    error = float(np.max(np.abs(back / sigmas - 1)))
    ensure(error < 1e-6, f"{process!r}: sigma(timestep(sigma, interpolate=True)) is off by a factor of 1 + {error:.1e}")
    nearest = process.timestep(sigmas)
    ensure(bool(np.all(np.diff(nearest) >= 0)), f"{process!r}: timestep does not ascend: {nearest}")
    for name, of_array, of_float in (
        ("timestep", float(nearest[0]), process.timestep(float(sigmas[0]))),
        ("sigma", float(back[0]), process.sigma(float(times[0]))),
    ):
        text = f"{process!r}: {name} of a float is {of_float!r}, of an array of it {of_array!r}"
        ensure(isinstance(of_float, float) and math.isclose(of_float, of_array, rel_tol=1e-12), text)
