"""Schedules over a range of sigma that follow a trigonometric function."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from stepladder import _core
from stepladder._schedule import CompiledSchedule, HostFormSchedule, check_convention
from stepladder._schedules.range import ends

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from stepladder._process import NoiseProcess


@final
@dataclass(frozen=True)
class KLOptimalSchedule(HostFormSchedule):
    """Angles `atan(sigma)` evenly spaced.

    Parameters
    ----------
    sigma_min, sigma_max : float, optional
        Ends of the range. None: the process's.
    convention : str, optional
        `"a1111"`: `steps` intervals down to `sigma_min`, without a zero. None: exactly the steps asked for.

    Raises
    ------
    ScheduleError
        For parameters outside these limits.

    Notes
    -----
    Sabour, Fidler & Kreis (arXiv 2404.14507), theorem 3.1 for data of unit variance. One step is `[sigma_max, 0]`.
    """

    sigma_min: float | None = None
    sigma_max: float | None = None
    convention: str | None = None

    def __post_init__(self) -> None:
        check_convention(self.convention, ("a1111",))
        _core.check_ends(self.sigma_min, self.sigma_max)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        low, high = ends(self.sigma_min, self.sigma_max, process)
        if self.convention is not None:
            return _core.kl_optimal_a1111(steps, low, high)
        return _core.kl_optimal(steps, low, high)


@final
@dataclass(frozen=True)
class CosineSchedule(CompiledSchedule):
    """A raised cosine in sigma: small steps at both ends of the range.

    Parameters
    ----------
    sigma_min, sigma_max : float, optional
        Ends of the range. None: the process's.

    Raises
    ------
    ScheduleError
        For parameters outside these limits.

    Notes
    -----
    `sigma_min + (sigma_max - sigma_min) * (1 + cos(pi * k / (steps - 1))) / 2`. One step is `[sigma_max, 0]`.
    """

    sigma_min: float | None = None
    sigma_max: float | None = None

    def __post_init__(self) -> None:
        _core.check_ends(self.sigma_min, self.sigma_max)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        low, high = ends(self.sigma_min, self.sigma_max, process)
        return _core.cosine(steps, low, high)


@final
@dataclass(frozen=True)
class TangentSchedule(CompiledSchedule):
    """One arctangent curve over the range: flat, steep around a pivot, flat again.

    Parameters
    ----------
    pivot : float
        Where it is steepest, as a part of the steps, 0 to 1.
    slope : float
        How steep, above 0, up to 100; stretched with the number of steps, from what it means at 40.
    sigma_min, sigma_max : float, optional
        Ends of the range. None: the process's.

    Raises
    ------
    ScheduleError
        For parameters outside these limits.

    Notes
    -----
    One stage of the curves of RES4LYF's tangent schedulers. One step is `[sigma_max, 0]`.
    """

    pivot: float = 0.6
    slope: float = 0.2
    sigma_min: float | None = None
    sigma_max: float | None = None

    def __post_init__(self) -> None:
        _core.check_tangent(self.pivot, self.slope)
        _core.check_ends(self.sigma_min, self.sigma_max)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        low, high = ends(self.sigma_min, self.sigma_max, process)
        return _core.tangent(steps, low, high, self.pivot, self.slope)
