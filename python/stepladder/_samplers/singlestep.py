"""Methods of one step each: midpoint, Heun++, DPM-Solver, DPM-Solver++, SEEDS, DDPM, LCM, restart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, final

import numpy as np

from stepladder import _core
from stepladder._sampler import Curve, Sampler, validate
from stepladder.errors import SamplerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepladder._core import Trace


@final
@dataclass(frozen=True)
class Heunpp2Sampler(Sampler):
    """Heun++: a weighted mean of the slopes at the coming levels, optionally with churn.

    Order 1; three model calls per step, two in the last but one, one in the last. The slopes at the next levels weigh
    sigma / (k sigma_0) where k slopes are averaged, the first the rest.

    Parameters
    ----------
    s_churn, s_tmin, s_tmax, s_noise : float
        As `EulerSampler`.

    Source: Li et al. 2023, arXiv:2306.08964, with ComfyUI's weights (`sample_heunpp2`).
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    s_churn: float = 0.0
    s_tmin: float = 0.0
    s_tmax: float = math.inf
    s_noise: float = 1.0

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_heunpp2(t, self.s_churn, self.s_tmin, self.s_tmax, self.s_noise)


@final
@dataclass(frozen=True)
class Dpm2Sampler(Sampler):
    """The midpoint method in log sigma, optionally with churn.

    Order 2; two model calls per step, one in a last step to zero. The second call is at the geometric mean of the
    step's sigmas.

    Parameters
    ----------
    s_churn, s_tmin, s_tmax, s_noise : float
        As `EulerSampler`.

    Source: Karras et al. 2022, arXiv:2206.00364, algorithm 3 at that level; k-diffusion's `sample_dpm_2`, named after
    DPM-Solver-2 of Lu et al. 2022, arXiv:2206.00927.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")
    discards_penultimate: ClassVar[bool] = True

    s_churn: float = 0.0
    s_tmin: float = 0.0
    s_tmax: float = math.inf
    s_noise: float = 1.0

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_dpm_2(t, self.s_churn, self.s_tmin, self.s_tmax, self.s_noise)


@final
@dataclass(frozen=True)
class Dpm2AncestralSampler(Sampler):
    """Ancestral sampling with midpoint steps: `dpm_2` down to sigma_down, then fresh noise of sigma_up.

    Weak order 2; two model calls and one noise draw per step, one call in a last step to zero.

    Parameters
    ----------
    eta : float or sequence of float
        Share of the noise replaced, at least 0, for a flow at most 1. 0 is `dpm_2`. A sequence has one per step.
    s_noise : float or sequence of float
        Standard deviation of the fresh noise.

    Source: k-diffusion's `sample_dpm_2_ancestral`; sigma_down and sigma_up as `EulerAncestralSampler`.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")
    discards_penultimate: ClassVar[bool] = True

    eta: Curve = 1.0
    s_noise: Curve = 1.0

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_dpm_2_ancestral(t, self.eta, self.s_noise)


@final
@dataclass(frozen=True)
class DpmFastSampler(Sampler):
    """DPM-Solver-fast: steps of order 3 and at the end lower, as many model calls as the schedule has steps.

    Order 2, or 3 where the number of calls leaves 2 when divided by 3. Walks its own levels, evenly in log sigma from
    the first to the last positive sigma, where it ends: `program.sigma_end` says where.

    Parameters
    ----------
    eta : float
        Share of the noise replaced, at least 0, for a flow 0. Each step but the last then draws once.
    s_noise : float
        Standard deviation of the fresh noise.

    Source: Lu et al. 2022, arXiv:2206.00927, equation 3.7, algorithms 1 and 2, appendix D.3; the noise is k-diffusion's
    (`sample_dpm_fast`).
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    eta: float = 0.0
    s_noise: float = 1.0

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_dpm_fast(t, self.eta, self.s_noise)


@final
@dataclass(frozen=True)
class Dpmpp2sAncestralSampler(Sampler):
    """Ancestral sampling with DPM-Solver++(2S) steps down to sigma_down, then fresh noise of sigma_up.

    Weak order 2; two model calls and one noise draw per step, one call in a last step to zero. A flow's middle level
    is halfway in its log-SNR, from pure noise at sigma 0.9999.

    Parameters
    ----------
    eta : float or sequence of float
        Share of the noise replaced, at least 0, for a flow at most 1. 0 is the ODE method, of order 2.
    s_noise : float or sequence of float
        Standard deviation of the fresh noise.

    Source: Lu et al. 2022, arXiv:2211.01095, algorithm 1 with r = 1/2; sigma_down and sigma_up as
    `EulerAncestralSampler`.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    eta: Curve = 1.0
    s_noise: Curve = 1.0

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_dpmpp_2s_ancestral(t, self.eta, self.s_noise)


@final
@dataclass(frozen=True)
class DpmppSdeSampler(Sampler):
    """DPM-Solver++(2S) as an SDE, each of its stages ancestral.

    Weak order 2 on one noise path: the two draws of a step are over overlapping intervals, so a source of independent
    draws is refused. Two model calls and two draws per step, one call in a last step to zero.

    Parameters
    ----------
    eta : float or sequence of float
        Share of the noise replaced, at least 0. 0 is the ODE method, of order 2. A sequence has one per step.
    s_noise : float or sequence of float
        Standard deviation of the fresh noise.
    r : float
        Where in the step, in half log-SNR, the second stage is: above 0, at most 1.

    Source: Lu et al. 2022, arXiv:2211.01095, algorithm 1; the noise is k-diffusion's (`sample_dpmpp_sde`).
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    eta: Curve = 1.0
    s_noise: Curve = 1.0
    r: float = 0.5

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_dpmpp_sde(t, self.eta, self.s_noise, self.r)


@final
@dataclass(frozen=True)
class Dpmpp3mSdeSampler(Sampler):
    """SDE-DPM-Solver++(3M): the stochastic multistep form with three denoised values.

    Formula of order 3, order 2 after its start of orders 1 and 2; weak order 2. One model call and one draw per step.

    Parameters
    ----------
    eta : float or sequence of float
        Strength of the noise, at least 0. 0 is the ODE, 1 the SDE of the paper. A sequence has one per step.
    s_noise : float or sequence of float
        Standard deviation of the fresh noise.
    form : {"exact", "k_diffusion"}
        Weight of the second difference of the denoised values. k-diffusion, ComfyUI and diffusers take phi_3, half of
        what a formula of order 3 needs: with it the formula has order 2. At few steps the smaller weight errs less:
        over `karras` levels of `edm` and Gaussian data of deviation 0.5 the variance of the result is off by a factor
        of 3.2, 9.2, 0.20 and 0.003 of itself at 5, 10, 20 and 40 steps, k-diffusion's by 1.9, 5.7, 0.064 and 0.023.

    Source: Lu et al. 2022, arXiv:2211.01095, section 5, carried to the third order as in k-diffusion's
    `sample_dpmpp_3m_sde`.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    eta: Curve = 1.0
    s_noise: Curve = 1.0
    form: Literal["exact", "k_diffusion"] = "exact"

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_dpmpp_3m_sde(t, self.eta, self.s_noise, self.form)


@final
@dataclass(frozen=True)
class Seeds2Sampler(Sampler):
    """SEEDS-2: a stochastic exponential Runge-Kutta method of two stages.

    Weak order 2, order 2 without noise; two model calls and two draws per step over neighbouring intervals, one call
    in a last step to zero.

    Parameters
    ----------
    eta : float or sequence of float
        Strength of the noise, at least 0. 0 is the ODE, 1 the SDE of the paper. A sequence has one per step.
    s_noise : float or sequence of float
        Standard deviation of the fresh noise.
    r : float
        Where in the step, in half log-SNR, the second stage is: above 0, at most 1. At 1 there is one draw per step.
    solver_type : {"phi_1", "phi_2"}
        Weights of the last stage; `phi_2` is exact for a denoised value that is linear in the log-SNR.

    Source: Gonzalez et al. 2023, arXiv:2305.14267, algorithm 1.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    eta: Curve = 1.0
    s_noise: Curve = 1.0
    r: float = 0.5
    solver_type: Literal["phi_1", "phi_2"] = "phi_1"

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_seeds_2(t, self.eta, self.s_noise, self.r, self.solver_type)


@final
@dataclass(frozen=True)
class Seeds3Sampler(Sampler):
    """SEEDS-3: a stochastic exponential Runge-Kutta method of three stages.

    Weak order 2, without noise order 3 at r_2 = 2/3 and 2 elsewhere; three model calls and three draws per step, one
    call in a last step to zero.

    Parameters
    ----------
    eta : float or sequence of float
        Strength of the noise, at least 0. 0 is the ODE, 1 the SDE of the paper. A sequence has one per step.
    s_noise : float or sequence of float
        Standard deviation of the fresh noise.
    r_1, r_2 : float
        Where in the step, in half log-SNR, the second and third stages are: 0 < r_1 < r_2 <= 1.

    Source: Gonzalez et al. 2023, arXiv:2305.14267, algorithm 2.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    eta: Curve = 1.0
    s_noise: Curve = 1.0
    r_1: float = 1 / 3
    r_2: float = 2 / 3

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_seeds_3(t, self.eta, self.s_noise, self.r_1, self.r_2)


@final
@dataclass(frozen=True)
class ExpHeun2X0Sampler(Sampler):
    """Exponential Heun: `seeds_2` without noise, its second stage at the end of the step.

    Order 2; two model calls per step, one in a last step to zero.

    Parameters
    ----------
    solver_type : {"phi_1", "phi_2"}
        As `Seeds2Sampler`.

    Source: ComfyUI's `sample_exp_heun_2_x0`; Hochbruck and Ostermann 2010, doi:10.1017/S0962492910000048, equation
    2.39 with c_2 = 1 for `phi_2`.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    solver_type: Literal["phi_1", "phi_2"] = "phi_2"

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_seeds_2(t, 0.0, 1.0, 1.0, self.solver_type)


@final
@dataclass(frozen=True)
class ExpHeun2X0SdeSampler(Sampler):
    """Exponential Heun as an SDE: `seeds_2` with its second stage at the end of the step.

    Weak order 2; two model calls and one draw per step, one call in a last step to zero. The host draws a second time
    over an interval of no length and multiplies by zero; here there is no such draw.

    Parameters
    ----------
    eta : float or sequence of float
        Strength of the noise, at least 0. 0 is `exp_heun_2_x0`. A sequence has one per step.
    s_noise : float or sequence of float
        Standard deviation of the fresh noise.
    solver_type : {"phi_1", "phi_2"}
        As `Seeds2Sampler`.

    Source: ComfyUI's `sample_exp_heun_2_x0_sde`; Gonzalez et al. 2023, arXiv:2305.14267, algorithm 1 with r = 1.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    eta: Curve = 1.0
    s_noise: Curve = 1.0
    solver_type: Literal["phi_1", "phi_2"] = "phi_2"

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_seeds_2(t, self.eta, self.s_noise, 1.0, self.solver_type)


@final
@dataclass(frozen=True)
class DdpmSampler(Sampler):
    """DDPM: draws from the posterior of the next level given x and its denoised value.

    Weak order 1; one model call and one noise draw per step. In sigma it is `euler_ancestral` at eta 1.

    Source: Ho et al. 2020, arXiv:2006.11239, equations 6 and 7, with sigma² = (1 - abar) / abar.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp")

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_ddpm(t)


@final
@dataclass(frozen=True)
class LcmSampler(Sampler):
    """Sampling of consistency models: the denoised value goes to the next level with fresh noise.

    No order, as there is no ODE behind it; one model call and one noise draw per step.

    Parameters
    ----------
    s_noise : float or sequence of float
        Standard deviation of the fresh noise, at least 0. A sequence has one per step.
    s_noise_end : float, optional
        That of the last step, linear from `s_noise` in the first. `None`: `s_noise` throughout.
    noise_clip_std : float
        Only 0. ComfyUI can clip each draw by its own deviation, which is not linear: `ClippedNoise` does it.

    Source: Song et al. 2023, arXiv:2303.01469, algorithm 1; Luo et al. 2023, arXiv:2310.04378; options of ComfyUI's
    `sample_lcm`.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    s_noise: Curve = 1.0
    s_noise_end: float | None = None
    noise_clip_std: float = 0.0

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_lcm(t, self.s_noise, self.s_noise_end, self.noise_clip_std)


Segments: TypeAlias = "Sequence[tuple[float, float, int, int]] | None"
"""Parts of the way that are walked again: (sigma_min, sigma_max, steps, times) each."""


@final
@dataclass(frozen=True)
class RestartSampler(Sampler):
    """Restart sampling: Heun's method, with parts of the way walked again from noise added back.

    No order; two model calls per step, one in a step to zero. Adding noise is a step of its own in the program, from
    sigma_min up to sigma_max.

    Parameters
    ----------
    segments : sequence of (sigma_min, sigma_max, steps, times), optional
        At the level of the schedule nearest to sigma_min, noise is added back up to sigma_max, and `steps` steps over
        Karras' sigmas (rho 7) lead down again; `times` times. The paper counts points, one more than steps. `None`:
        A1111's choice. Under 20 steps nothing. From 20 on 9 of the steps, from 36 on half of them in two rounds, go
        from the level nearest to 2 to the one nearest to 0.1, and the others over Karras' sigmas between the ends of
        the schedule.
    s_noise : float
        Standard deviation of the noise added back.

    Source: Xu et al. 2023, arXiv:2306.14878, algorithm 2; A1111's `restart_sampler`.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp")

    segments: Segments = None
    s_noise: float = 1.0

    def __post_init__(self) -> None:
        if self.segments is None:
            validate(self)
            return
        segments = tuple(_segment(i, segment) for i, segment in enumerate(_items(self.segments)))
        object.__setattr__(self, "segments", segments)
        ends = {float(sigma) for segment in segments for sigma in segment[:2]}
        fits = all(0.0 <= low < high < math.inf for low, high, _, _ in segments) and bool(segments)
        validate(self, sorted({*ends, 2.0 * max(ends)}, reverse=True) if fits else None)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_restart(t, self.segments, self.s_noise)


def _items(segments: Any) -> list[Any]:
    if isinstance(segments, str) or not np.iterable(segments):
        raise SamplerError(f"segments is {segments!r}; expected a sequence of (sigma_min, sigma_max, steps, times)")
    return list(segments)


def _segment(i: int, segment: Any) -> tuple[float, float, int, int]:
    values = tuple(segment) if np.iterable(segment) else ()
    kinds = (Real, Real, Integral, Integral)
    if len(values) != 4 or not all(isinstance(v, k) for v, k in zip(values, kinds, strict=True)):
        msg = f"segments[{i}] is {segment!r}; expected (sigma_min, sigma_max, steps, times), the last two whole numbers"
        raise SamplerError(msg)
    low, high, steps, times = values
    if steps < 0 or times < 0:
        raise SamplerError(f"segments[{i}] has {steps} steps, {times} times; expected at least 1 of each")
    return float(low), float(high), int(steps), int(times)
