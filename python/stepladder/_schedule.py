"""Schedules: a process and a step count become descending noise levels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, TypeAlias, final

import numpy as np
import numpy.typing as npt

from stepladder import _core
from stepladder._core import align_your_steps as _align_your_steps
from stepladder._core import exponential as _exponential
from stepladder._core import karras as _karras
from stepladder._core import loglinear_interp as loglinear_interp
from stepladder._core import normal as _normal
from stepladder._core import simple as _simple
from stepladder._process import NoiseProcess
from stepladder.errors import ProcessError, ScheduleError

TailRule: TypeAlias = Literal["steps_over_denoise", "round"]


class _HasPenultimateRule(Protocol):
    """What a schedule asks of a sampler."""

    @property
    def discards_penultimate(self) -> bool:
        """Whether the sampler is run without the last noise level above 0."""


class Schedule(ABC):
    """A rule that places noise levels: frozen configuration, and one method to write.

    Derive from it, as a frozen dataclass, to add a schedule: `generate` is the mathematics; `sigmas`, which users call,
    applies to every schedule alike what hosts do around it, and is never overridden.
    """

    __slots__ = ()

    tail_rule: ClassVar[TailRule] = "steps_over_denoise"
    """What `denoise < 1` means. `"steps_over_denoise"`: always `steps` steps, the end of a schedule of
    `int(steps / denoise)`. `"round"`, for tables: the last `round(steps * denoise)` steps of the schedule."""

    _checked_by_core: ClassVar[bool] = False
    """Whether `generate` comes from the compiled core, which checks what it returns."""

    @abstractmethod
    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels over the process's range: float64, strictly descending, the last exactly 0."""

    @final
    def sigmas(
        self,
        process: NoiseProcess,
        steps: int,
        *,
        denoise: float = 1.0,
        sampler: _HasPenultimateRule | str | None = None,
    ) -> npt.NDArray[np.float64]:
        """Noise levels to sample at.

        Parameters
        ----------
        process : NoiseProcess
            What the model was trained on.
        steps : int
            Sampling steps, 1 to 10 000 000.
        denoise : float
            Part of the noise to start from, 0 to 1: below 1 the end of a schedule, by the class's `tail_rule`. At 0
            there is nothing to run.
        sampler : Sampler or str, optional
            The sampler that will walk the levels: some leave out the last level above 0. None: nothing is left out.

        Returns
        -------
        ndarray
            Fresh float64 array, strictly descending, the last value exactly 0: `steps + 1` values, or with the tail
            rule `"round"` and `denoise < 1`, `round(steps * denoise) + 1`. Empty when `denoise` is 0.

        Raises
        ------
        ScheduleError
            For arguments outside these limits, or a schedule that does not keep its promise.
        ProcessError
            For a process that is none.
        """
        try:
            if denoise == 1.0 and sampler is None and self._checked_by_core:
                return self.generate(process, steps)
            return self._tail(process, steps, denoise, sampler)
        except AttributeError:
            if isinstance(process, NoiseProcess):
                raise
            raise ProcessError(f"process is {type(process).__name__}; expected a NoiseProcess") from None

    def _tail(
        self, process: NoiseProcess, steps: int, denoise: float, sampler: _HasPenultimateRule | str | None
    ) -> npt.NDArray[np.float64]:
        if isinstance(sampler, str):
            from stepladder._plugins import sampler as _sampler_by_name

            discards_penultimate = _sampler_by_name(sampler).discards_penultimate
        else:
            discards_penultimate = sampler is not None and sampler.discards_penultimate
        tail = _core.Tail(self.tail_rule, steps, denoise, discards_penultimate)
        built = self.generate(process, tail.build)
        if not self._checked_by_core:
            try:
                _core.validate_schedule(built, tail.build)
            except ScheduleError as error:
                raise ScheduleError(f"{type(self).__qualname__}.generate: {error}") from None
        return tail.take(built)


@final
@dataclass(frozen=True)
class KarrasSchedule(Schedule):
    """Levels evenly spaced in `sigma ** (1 / rho)`.

    Parameters
    ----------
    rho : float
        Above 0, up to 1000. More places more steps at low noise.
    sigma_min, sigma_max : float, optional
        Ends of the range. None: the process's.

    Raises
    ------
    ScheduleError
        For parameters outside these limits.

    Notes
    -----
    Karras et al. (arXiv 2206.00364), equation 5. One step is `[sigma_max, 0]`.
    """

    _checked_by_core: ClassVar[bool] = True

    rho: float = 7.0
    sigma_min: float | None = None
    sigma_max: float | None = None

    def __post_init__(self) -> None:
        _core.check_rho(self.rho)
        _check_range(self.sigma_min, self.sigma_max)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        sigma_min, sigma_max = self.sigma_min, self.sigma_max
        return _karras(
            steps,
            process.sigma_min if sigma_min is None else sigma_min,
            process.sigma_max if sigma_max is None else sigma_max,
            self.rho,
        )


@final
@dataclass(frozen=True)
class ExponentialSchedule(Schedule):
    """Levels evenly spaced in log sigma.

    Parameters
    ----------
    sigma_min, sigma_max : float, optional
        Ends of the range. None: the process's.

    Raises
    ------
    ScheduleError
        For a range that is empty, not positive or not finite.

    Notes
    -----
    Lu et al., "DPM-Solver" (arXiv 2206.00927), section 3.3: uniform in half log-SNR, which is `-ln(sigma)` for the
    processes whose sigma is a noise-to-signal ratio. One step is `[sigma_max, 0]`.
    """

    _checked_by_core: ClassVar[bool] = True

    sigma_min: float | None = None
    sigma_max: float | None = None

    def __post_init__(self) -> None:
        _check_range(self.sigma_min, self.sigma_max)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        sigma_min, sigma_max = self.sigma_min, self.sigma_max
        return _exponential(
            steps,
            process.sigma_min if sigma_min is None else sigma_min,
            process.sigma_max if sigma_max is None else sigma_max,
        )


@final
@dataclass(frozen=True)
class SimpleSchedule(Schedule):
    """Levels picked from the process's table at an even stride, from the top.

    With more steps than levels the host's formula repeats levels; here the steps are then spread evenly over the whole
    table, log-linear between levels, so that there are always exactly as many as were asked for.

    Notes
    -----
    ComfyUI's `simple`: `table[-(1 + int(k * len(table) / steps))]` for k from 0 to `steps - 1`, then 0.
    """

    _checked_by_core: ClassVar[bool] = True

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        return _simple(process, steps)


@final
@dataclass(frozen=True)
class NormalSchedule(Schedule):
    """Levels evenly spaced in the process's time, both ends included.

    Notes
    -----
    ComfyUI's `normal`: `sigma(linspace(t(sigma_max), t(sigma_min), steps))`, then 0. Where the process itself comes
    within 1e-5 of 0, time is divided into `steps + 1` points and the last of them becomes the exact 0.
    """

    _checked_by_core: ClassVar[bool] = True

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        return _normal(process, steps)


@final
@dataclass(frozen=True)
class AlignYourStepsSchedule(Schedule):
    """Levels optimised for one model family at 10 steps, stretched log-linearly to any other count.

    The levels are the model's own: the process's range is not used. As in ComfyUI the table is interpolated to
    `steps + 1` values, the last of which becomes 0.

    Parameters
    ----------
    family : str
        The model: `"sd15"`, `"sdxl"`, `"svd"` (Stable Video Diffusion) or `"deepfloyd"` (IF, stage 1).

    Raises
    ------
    ScheduleError
        For a family without a published table.

    Notes
    -----
    Sabour, Fidler & Kreis, "Align Your Steps: Optimizing Sampling Schedules in Diffusion Models" (arXiv 2404.14507),
    table 3; for `sd15` and `sdxl` the exact levels at the training steps that the authors' project page lists.
    """

    tail_rule: ClassVar[TailRule] = "round"
    _checked_by_core: ClassVar[bool] = True

    family: str = "sdxl"

    def __post_init__(self) -> None:
        _core.check_align_your_steps_family(self.family)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        return _align_your_steps(self.family, steps)


def _check_range(sigma_min: float | None, sigma_max: float | None) -> None:
    """Check the ends that are given; whether one given end fits a process shows when it meets one."""
    if sigma_min is not None or sigma_max is not None:
        _core.check_range(
            sigma_min if sigma_min is not None else np.nextafter(0.0, 1.0),
            sigma_max if sigma_max is not None else np.finfo(np.float64).max,
        )
