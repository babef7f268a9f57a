"""Continuous processes: time has a closed form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from stepladder import _core
from stepladder._processes.base import CompiledProcess


@final
@dataclass(frozen=True, slots=True)
class EDMProcess(CompiledProcess):
    """Variance exploding and continuous: EDM, Playground 2.5, Stable Video Diffusion.

    Time is `ln(sigma) / 4`, defined for every positive sigma; `sigma_min` and `sigma_max` are the range to sample over
    and the ends of a table of 1000 log-spaced levels for the schedules that pick from one.

    Parameters
    ----------
    sigma_min, sigma_max : float
        Ends of the range, `0 < sigma_min < sigma_max`. The defaults are the hosts' (ComfyUI's continuous EDM); the
        paper samples to 80, Stable Video Diffusion to 700.

    Raises
    ------
    ProcessError
        For a range that is empty, not positive or not finite.

    Notes
    -----
    Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models" (arXiv 2206.00364), table 1:
    `sigma(t) = t`, `c_noise = ln(sigma) / 4`; time here is `c_noise`.
    """

    sigma_min: float = 0.002
    sigma_max: float = 120.0

    def _build(self) -> _core.NativeProcess:
        return _core.NativeProcess.edm(self.sigma_min, self.sigma_max)


@final
@dataclass(frozen=True, slots=True)
class ContinuousVProcess(CompiledProcess):
    """Variance preserving and continuous, for v prediction: Stable Audio.

    Time is `(2 / pi) * atan(sigma)`, in [0, 1); `sigma_min` and `sigma_max` are the range to sample over and the ends
    of a table of 1000 log-spaced levels.

    Parameters
    ----------
    sigma_min, sigma_max : float
        Ends of the range, `0 < sigma_min < sigma_max`.

    Raises
    ------
    ProcessError
        For a range that is empty, not positive or not finite.

    Notes
    -----
    The angle of Salimans & Ho, "Progressive Distillation" (arXiv 2202.00512), appendix D, as a fraction of the right
    one; range and table are ComfyUI's.
    """

    sigma_min: float = 0.03
    sigma_max: float = 500.0

    def _build(self) -> _core.NativeProcess:
        return _core.NativeProcess.continuous_v(self.sigma_min, self.sigma_max)


@final
@dataclass(frozen=True, slots=True)
class CosmosProcess(CompiledProcess):
    """Variance exploding, told as the time of a rectified flow: NVIDIA's Cosmos.

    Time is `sigma / (sigma + 1)`, in [0, 1]; `sigma(t)` is at most `sigma_max`. The table has 1000 log-spaced levels.

    Parameters
    ----------
    sigma_min, sigma_max : float
        Ends of the range, `0 < sigma_min < sigma_max`.

    Raises
    ------
    ProcessError
        For a range that is empty, not positive or not finite.

    Notes
    -----
    NVIDIA, "Cosmos World Foundation Model Platform" (arXiv 2501.03575); range and table are ComfyUI's.
    """

    sigma_min: float = 0.002
    sigma_max: float = 80.0

    def _build(self) -> _core.NativeProcess:
        return _core.NativeProcess.cosmos(self.sigma_min, self.sigma_max)


@final
@dataclass(frozen=True, slots=True)
class TrigFlowProcess(CompiledProcess):
    """Variance preserving, time an angle: the continuous-time consistency models of sCM and SANA-Sprint.

    Time is `atan(sigma)`, in [0, pi / 2). Levels are in units of the data's deviation: divide data by it first. The
    defaults are the paper's 0.002 and 80 for a deviation of 0.5. The table has 1000 log-spaced levels.

    Parameters
    ----------
    sigma_min, sigma_max : float
        Ends of the range, `0 < sigma_min < sigma_max`.

    Raises
    ------
    ProcessError
        For a range that is empty, not positive or not finite.

    Notes
    -----
    Lu & Song (arXiv 2410.11081), section 3: `x_t = cos(t) * x0 + sin(t) * z`.
    """

    sigma_min: float = 0.004
    sigma_max: float = 160.0

    def _build(self) -> _core.NativeProcess:
        return _core.NativeProcess.trigflow(self.sigma_min, self.sigma_max)


@final
@dataclass(frozen=True, slots=True)
class VPSDEProcess(CompiledProcess):
    """Variance preserving and continuous, the noise growing at a rate linear in time: DDPM++ and its relatives.

    `sigma(t) = sqrt(exp(beta_d * t**2 / 2 + beta_min * t) - 1)` for t in [0, 1]; it is sampled, and has a table of 1000
    levels evenly spaced in time, from 1 down to `time_min`.

    Parameters
    ----------
    beta_min, beta_d : float
        Rate at time 0, above 0, and its growth until time 1, not negative; both at most 500.
    time_min : float
        Where sampling ends, 1e-12 to 1.

    Attributes
    ----------
    sigma_min, sigma_max : float
        Levels at `time_min` and 1.

    Raises
    ------
    ProcessError
        For values outside these limits.

    Notes
    -----
    Song et al. (arXiv 2011.13456), equation 33, as in Karras et al. (arXiv 2206.00364), table 1, column "VP".
    """

    beta_min: float = 0.1
    beta_d: float = 19.9
    time_min: float = 1e-3

    def _build(self) -> _core.NativeProcess:
        return _core.NativeProcess.vp_sde(self.beta_min, self.beta_d, self.time_min)
