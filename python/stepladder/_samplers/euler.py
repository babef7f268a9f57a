"""Euler's method, its ancestral form, and Heun's method."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from stepladder import _core
from stepladder._sampler import Curve, Sampler, validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepladder._core import Trace


@final
@dataclass(frozen=True)
class EulerSampler(Sampler):
    """Euler's method on the probability-flow ODE, optionally with churn.

    Order 1; one model call per step. The last step to zero is the denoised value exactly.

    Parameters
    ----------
    s_churn : float
        Total churn; a step raises sigma by a factor 1 + min(s_churn / steps, sqrt(2) - 1). 0: none.
    s_tmin, s_tmax : float
        Range of sigma in which churn applies.
    s_noise : float
        Standard deviation of the churn noise.

    Source: Karras et al. 2022, arXiv:2206.00364, algorithm 2 without its correction step.
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
        _core.trace_euler(t, self.s_churn, self.s_tmin, self.s_tmax, self.s_noise)


@final
@dataclass(frozen=True)
class EulerAncestralSampler(Sampler):
    """Ancestral sampling with Euler steps: down to sigma_down, then fresh noise of sigma_up.

    Weak order 1; one model call and one noise draw per step.

    Parameters
    ----------
    eta : float or sequence of float
        Share of the noise replaced, at least 0, for a flow at most 1. 0 is `euler`, 1 full ancestral sampling. A
        sequence has one per step.
    s_noise : float or sequence of float
        Standard deviation of the fresh noise.

    Source: Song et al. 2021, arXiv:2011.13456, appendix F (ancestral sampling), in k-diffusion's form
    sigma_up = min(sigma_next, eta sqrt(sigma_next² (sigma² - sigma_next²) / sigma²)); for a flow ComfyUI's form,
    sigma_down = sigma_next (1 + (sigma_next / sigma - 1) eta) with the signal rescaled to its weight at sigma_next.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    eta: Curve = 1.0
    s_noise: Curve = 1.0

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_euler_ancestral(t, self.eta, self.s_noise)


@final
@dataclass(frozen=True)
class HeunSampler(Sampler):
    """Heun's method (explicit trapezoid) on the probability-flow ODE, optionally with churn.

    Order 2; two model calls per step, one in a last step to zero.

    Parameters
    ----------
    s_churn, s_tmin, s_tmax, s_noise : float
        As `EulerSampler`.

    Source: Karras et al. 2022, arXiv:2206.00364, algorithms 1 and 2.
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
        _core.trace_heun(t, self.s_churn, self.s_tmin, self.s_tmax, self.s_noise)
