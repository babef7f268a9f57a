"""Schedules over a range of sigma: the process's own unless given."""

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
class KarrasSchedule(CompiledSchedule):
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

    rho: float = 7.0
    sigma_min: float | None = None
    sigma_max: float | None = None

    def __post_init__(self) -> None:
        _core.check_rho(self.rho)
        _core.check_ends(self.sigma_min, self.sigma_max)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        low, high = ends(self.sigma_min, self.sigma_max, process)
        return _core.karras(steps, low, high, self.rho)


@final
@dataclass(frozen=True)
class ExponentialSchedule(CompiledSchedule):
    """Levels evenly spaced in log sigma.

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
    Lu et al., "DPM-Solver" (arXiv 2206.00927), section 3.3: uniform in half log-SNR, which is `-ln(sigma)` for the
    processes whose sigma is a noise-to-signal ratio. One step is `[sigma_max, 0]`.
    """

    sigma_min: float | None = None
    sigma_max: float | None = None

    def __post_init__(self) -> None:
        _core.check_ends(self.sigma_min, self.sigma_max)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        low, high = ends(self.sigma_min, self.sigma_max, process)
        return _core.exponential(steps, low, high)


@final
@dataclass(frozen=True)
class PolyexponentialSchedule(CompiledSchedule):
    """Levels whose log sigma follows a power of the step number.

    Parameters
    ----------
    rho : float
        Above 0, up to 1000. 1 is the exponential schedule; more places more steps at low noise.
    sigma_min, sigma_max : float, optional
        Ends of the range. None: the process's.

    Raises
    ------
    ScheduleError
        For parameters outside these limits.

    Notes
    -----
    k-diffusion's `get_sigmas_polyexponential`: `ln(sigma)` on the ramp `linspace(1, 0, steps) ** rho`.
    """

    rho: float = 1.0
    sigma_min: float | None = None
    sigma_max: float | None = None

    def __post_init__(self) -> None:
        _core.check_rho(self.rho)
        _core.check_ends(self.sigma_min, self.sigma_max)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        low, high = ends(self.sigma_min, self.sigma_max, process)
        return _core.polyexponential(steps, low, high, self.rho)


@final
@dataclass(frozen=True)
class LaplaceSchedule(HostFormSchedule):
    """Levels whose log sigma follows a Laplace distribution: most of them around `exp(mu)`.

    Parameters
    ----------
    mu : float
        Centre in log sigma, -10 to 10.
    beta : float
        Width in log sigma, above 0, up to 10.
    sigma_min, sigma_max : float, optional
        Ends of the range. None: the process's.
    convention : str, optional
        `"comfyui"`: `steps` clamped levels, repeats included, and no zero. None: exactly the steps asked for.

    Raises
    ------
    ScheduleError
        For parameters outside these limits.

    Notes
    -----
    Hang et al. (arXiv 2407.03297). Where clamping to the range would repeat a level, the quantiles run over the part of
    the distribution inside the range instead.
    """

    mu: float = 0.0
    beta: float = 0.5
    sigma_min: float | None = None
    sigma_max: float | None = None
    convention: str | None = None

    def __post_init__(self) -> None:
        _core.check_laplace(self.mu, self.beta)
        check_convention(self.convention, ("comfyui",))
        _core.check_ends(self.sigma_min, self.sigma_max)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        low, high = ends(self.sigma_min, self.sigma_max, process)
        if self.convention is not None:
            return _core.laplace_comfyui(steps, low, high, self.mu, self.beta)
        return _core.laplace(steps, low, high, self.mu, self.beta)


@final
@dataclass(frozen=True)
class BetaOverRangeSchedule(CompiledSchedule):
    """Levels at quantiles of a beta distribution laid over sigma itself, as A1111 and diffusers do.

    Parameters
    ----------
    alpha, beta : float
        Parameters of the distribution, 0.01 to 100.
    sigma_min, sigma_max : float, optional
        Ends of the range. None: the process's.

    Raises
    ------
    ScheduleError
        For parameters outside these limits.

    Notes
    -----
    The hosts' reading of Lee et al. (arXiv 2407.12173), who spread training steps rather than sigmas: `BetaSchedule`.
    """

    alpha: float = 0.6
    beta: float = 0.6
    sigma_min: float | None = None
    sigma_max: float | None = None

    def __post_init__(self) -> None:
        _core.check_beta(self.alpha, self.beta)
        _core.check_ends(self.sigma_min, self.sigma_max)

    def generate(self, process: NoiseProcess, steps: int) -> npt.NDArray[np.float64]:
        """Place `steps + 1` noise levels: float64, strictly descending, the last exactly 0."""
        low, high = ends(self.sigma_min, self.sigma_max, process)
        return _core.beta_over_range(steps, low, high, self.alpha, self.beta)


def ends(sigma_min: float | None, sigma_max: float | None, process: NoiseProcess) -> tuple[float, float]:
    """Ends of the range: those given, else the process's."""
    return process.sigma_min if sigma_min is None else sigma_min, process.sigma_max if sigma_max is None else sigma_max
