"""Schedules with a range of their own."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import numpy as np

from stepladder import _core
from stepladder._schedule import CompiledSchedule, Schedule, check_convention, check_size
from stepladder.errors import ScheduleError

if TYPE_CHECKING:
    import numpy.typing as npt

    from stepladder._process import NoiseProcess


@final
@dataclass(frozen=True)
class VPSchedule(CompiledSchedule):
    """The variance-preserving SDE, evenly spaced in its time.

    Parameters
    ----------
    beta_d, beta_min : float
        Growth and start of the noise rate, 0 to 1000.
    eps_s : float
        Time of the lowest level, in (0, 1).

    Raises
    ------
    ScheduleError
        For parameters outside these limits.

    Notes
    -----
    Song et al. (arXiv 2011.13456); k-diffusion's `get_sigmas_vp`. The levels are the SDE's: the process's range is not
    used.
    """

    beta_d: float = 19.9
    beta_min: float = 0.1
    eps_s: float = 1e-3

    def __post_init__(self) -> None:
        _core.check_vp(self.beta_d, self.beta_min, self.eps_s)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        return _core.vp(steps, self.beta_d, self.beta_min, self.eps_s)


@final
@dataclass(frozen=True)
class LinearQuadraticSchedule(CompiledSchedule):
    """Small even steps first, then steps that grow quadratically.

    Parameters
    ----------
    threshold_noise : float
        Part of the range that the even steps cover, in (0, 1).
    linear_steps : int, optional
        How many those are, 1 to `steps - 1`. None: half of the steps.

    Raises
    ------
    ScheduleError
        For parameters outside these limits.

    Notes
    -----
    Mochi's schedule, scaled to the process's `sigma_max`; ComfyUI's `linear_quadratic`. One step is `[sigma_max, 0]`.
    """

    threshold_noise: float = 0.025
    linear_steps: int | None = None

    def __post_init__(self) -> None:
        _core.check_threshold(self.threshold_noise)
        if self.linear_steps is not None:
            _core.check_linear_steps(self.linear_steps)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        return _core.linear_quadratic(steps, process.sigma_max, self.threshold_noise, self.linear_steps)


@final
@dataclass(frozen=True)
class BongTangentSchedule(CompiledSchedule):
    """Two arctangent curves that meet in the middle, from `start` down to 0.

    Parameters
    ----------
    start, middle : float
        First level, and where the curves meet: `0 < middle < start`.
    pivot_1, pivot_2 : float
        Where either curve is steepest, as a part of all steps, 0 to 1.
    slope_1, slope_2 : float
        How steep, above 0, up to 100; stretched with the number of steps, from what it means at 40.
    convention : str, optional
        `"stable_diffusion_cpp"`: from the process's `sigma_max` over the mean of its ends towards its `sigma_min`,
        whose place the 0 takes; one step is `[mean, 0]`. Other parameters stay at their defaults. None: as they say.

    Raises
    ------
    ScheduleError
        For parameters outside these limits, or other parameters beside a convention.

    Notes
    -----
    RES4LYF's `bong_tangent`. The range is its own, that of a flow: the process's is not used unless a convention says
    so. One step is `[start, 0]`.
    """

    start: float = 1.0
    middle: float = 0.5
    pivot_1: float = 0.6
    pivot_2: float = 0.6
    slope_1: float = 0.2
    slope_2: float = 0.2
    convention: str | None = None

    def __post_init__(self) -> None:
        check_convention(self.convention, ("stable_diffusion_cpp",))
        if self.convention is not None:
            for field in dataclasses.fields(self):
                got = getattr(self, field.name)
                if field.name != "convention" and got != field.default:
                    raise ScheduleError(
                        f"{field.name} is {got!r} with convention={self.convention!r}; expected its default "
                        f"{field.default}, as the host has it: leave one of them out"
                    )
        _core.check_bong_tangent(self.start, self.middle, self.pivot_1, self.pivot_2, self.slope_1, self.slope_2)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        if self.convention is not None:
            return _core.bong_tangent_stable_diffusion_cpp(steps, process.sigma_min, process.sigma_max)
        pivots, slopes = (self.pivot_1, self.pivot_2), (self.slope_1, self.slope_2)
        return _core.bong_tangent(steps, self.start, self.middle, pivots, slopes)


@final
@dataclass(frozen=True)
class LogitNormalSchedule(CompiledSchedule):
    """Flow levels at quantiles of a logit-normal distribution, moved towards the noise for large pictures.

    Parameters
    ----------
    mu, std : float
        Mean and width of `ln(sigma / (1 - sigma))`; `std` above 0, up to 10.
    width, height : int
        Size of the picture in pixels; 512 x 512 leaves `mu` as it is, which then must be within -7 to 8.

    Raises
    ------
    ScheduleError
        For parameters outside these limits.

    Notes
    -----
    Esser et al. (arXiv 2403.03206), section 3.1; Ideogram 4's reference sampler, with its limits -15 and 18 of the log
    signal-to-noise ratio.
    """

    mu: float = 0.0
    std: float = 1.75
    width: int = 1024
    height: int = 1024

    def __post_init__(self) -> None:
        check_size("width", self.width)
        check_size("height", self.height)
        _core.check_logit_normal(self.mu, self._shift(), self.std)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        return _core.logit_normal(steps, self.mu + self._shift(), self.std)

    def _shift(self) -> float:
        return 0.5 * math.log(self.width * self.height / 512**2)


@final
@dataclass(frozen=True)
class ConstantSchedule(Schedule):
    """One level, then 0: the only constant schedule that descends, so more than one step is an error.

    Parameters
    ----------
    value : float, optional
        The level, positive and finite. None: the process's `sigma_max`.

    Raises
    ------
    ScheduleError
        For a level outside these limits.

    Notes
    -----
    RES4LYF's constant scheduler repeats its level; no sampler has a step to make between two equal levels.
    """

    value: float | None = None

    def __post_init__(self) -> None:
        if self.value is not None:
            _core.check_value(self.value)

    @property
    def steps_range(self) -> tuple[int, int]:
        """One step: there is none between two equal levels."""
        return 1, 1

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place two noise levels: float64, the last exactly 0."""
        value = process.sigma_max if self.value is None else self.value
        if steps > 1:
            raise ScheduleError(
                f"steps is {steps}; expected 1: constant repeats {value}, and a sampler has no step to make between "
                "two equal levels"
            )
        return np.array([value, 0.0])
