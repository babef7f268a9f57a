"""Schedules that place levels through a process's table or its time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from stepladder import _core
from stepladder._schedule import CompiledSchedule, HostFormSchedule, check_convention

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from stepladder._process import NoiseProcess


@final
@dataclass(frozen=True)
class SimpleSchedule(HostFormSchedule):
    """Levels picked from the process's table at an even stride, from the top.

    With more steps than levels the host's formula repeats levels; here the steps are then spread evenly over the whole
    table, log-linear between levels, so that there are always exactly as many as were asked for.

    Parameters
    ----------
    convention : str, optional
        `"comfyui"`: with the repeats beyond the table's size. None: exactly the steps asked for.

    Raises
    ------
    ScheduleError
        For parameters outside these limits.

    Notes
    -----
    ComfyUI's `simple`: `table[-(1 + int(k * len(table) / steps))]` for k from 0 to `steps - 1`, then 0.
    """

    convention: str | None = None

    def __post_init__(self) -> None:
        check_convention(self.convention, ("comfyui",))

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        if self.convention is not None:
            return _core.simple_comfyui(process, steps)
        return _core.simple(process, steps)


@final
@dataclass(frozen=True)
class NormalSchedule(CompiledSchedule):
    """Levels evenly spaced in the process's time, both ends included.

    Notes
    -----
    ComfyUI's `normal`: `sigma(linspace(t(sigma_max), t(sigma_min), steps))`, then 0. Where the process itself comes
    within 1e-5 of 0, time is divided into `steps + 1` points and the last of them becomes the exact 0. The time of a
    level is that of the process's nearest lookup, which for flows and Stable Cascade leaves the shift out, as in the
    host: there the lowest level is above `sigma_min`.
    """

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        return _core.normal(process, steps)


@final
@dataclass(frozen=True)
class SGMUniformSchedule(CompiledSchedule):
    """Levels evenly spaced in the process's time, from the top down to one stride above its end.

    Notes
    -----
    ComfyUI's `sgm_uniform`, after Stability's generative-models:
    `sigma(linspace(t(sigma_max), t(sigma_min), steps + 1)[:-1])`, then 0.
    """

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        return _core.sgm_uniform(process, steps)


@final
@dataclass(frozen=True)
class DDIMUniformSchedule(HostFormSchedule):
    """Levels at an even stride through the process's table, counted from its second lowest.

    The host's stride is a whole number, so it makes more or fewer steps than asked for. Its levels are kept where the
    count is right; otherwise the stride is fractional, log-linear between levels.

    Parameters
    ----------
    convention : str, optional
        `"comfyui"`: the whole stride, whatever the count. None: exactly the steps asked for.

    Raises
    ------
    ScheduleError
        For parameters outside these limits.

    Notes
    -----
    ComfyUI's `ddim_uniform`: `table[1::max(len(table) // steps, 1)]`, descending, then 0.
    """

    convention: str | None = None

    def __post_init__(self) -> None:
        check_convention(self.convention, ("comfyui",))

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        if self.convention is not None:
            return _core.ddim_uniform_comfyui(process, steps)
        return _core.ddim_uniform(process, steps)


class _BetaQuantiles(HostFormSchedule):
    """Levels at the quantiles of a Beta distribution over the training steps."""

    __slots__ = ()

    alpha: float
    beta: float

    def __post_init__(self) -> None:
        _core.check_beta(self.alpha, self.beta)
        check_convention(self.convention, ("comfyui",))

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        if self.convention is not None:
            return _core.beta_comfyui(process, self.alpha, self.beta, steps)
        return _core.beta(process, self.alpha, self.beta, steps)


@final
@dataclass(frozen=True)
class BetaSchedule(_BetaQuantiles):
    """Levels of the process's table at quantiles of a beta distribution.

    Parameters
    ----------
    alpha, beta : float
        Parameters of the distribution, 0.01 to 100: below 1, levels crowd at the low and the high end.
    convention : str, optional
        `"comfyui"`: repeated indices dropped, so fewer steps when there are many. None: exactly the steps asked for.

    Raises
    ------
    ScheduleError
        For parameters outside these limits.

    Notes
    -----
    Lee et al., "Beta Sampling is All You Need" (arXiv 2407.12173), in ComfyUI's form: indices
    `rint(quantile(1 - k / steps) * (len(table) - 1))`, then 0. Where those repeat, the fractional indices, log-linear
    between levels.
    """

    alpha: float = 0.6
    beta: float = 0.6
    convention: str | None = None


@final
@dataclass(frozen=True)
class Beta57Schedule(_BetaQuantiles):
    """`BetaSchedule` with the parameters 0.5 and 0.7: more steps at low noise.

    Parameters
    ----------
    alpha, beta : float
        Parameters of the distribution, 0.01 to 100: below 1, levels crowd at the low and the high end.
    convention : str, optional
        `"comfyui"`: repeated indices dropped, so fewer steps when there are many. None: exactly the steps asked for.

    Raises
    ------
    ScheduleError
        For parameters outside these limits.

    Notes
    -----
    RES4LYF's `beta57`.
    """

    alpha: float = 0.5
    beta: float = 0.7
    convention: str | None = None


@final
@dataclass(frozen=True)
class SmoothstepSchedule(HostFormSchedule):
    """Levels of the process's table along the cubic `u**2 * (3 - 2 * u)`: small steps at both ends.

    Parameters
    ----------
    convention : str, optional
        `"stable_diffusion_cpp"`: with the repeats. None: exactly the steps asked for.

    Raises
    ------
    ScheduleError
        For parameters outside these limits.

    Notes
    -----
    stable-diffusion.cpp's `smoothstep`: indices `round(u**2 * (3 - 2 * u) * (len(table) - 1))`, `u = 1 - k / steps`,
    then 0. Where those repeat, the fractional indices, log-linear between levels.
    """

    convention: str | None = None

    def __post_init__(self) -> None:
        check_convention(self.convention, ("stable_diffusion_cpp",))

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        if self.convention is not None:
            return _core.smoothstep_rounded(process, steps)
        return _core.smoothstep(process, steps)
