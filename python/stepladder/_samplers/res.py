"""RES: exponential Runge-Kutta and exponential Adams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from stepladder import _core
from stepladder._sampler import Sampler, validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepladder._core import Trace


@final
@dataclass(frozen=True)
class Res2sSampler(Sampler):
    """RES 2s: the exponential Runge-Kutta method of two stages, in log sigma.

    Order 2; two model calls per step, one in a last step to zero, which is the denoised value.

    Parameters
    ----------
    c2 : float
        Where in the step, in log sigma, the second stage is: above 0, at most 1.

    Source: Hochbruck and Ostermann 2005, doi:10.1137/040611434, section 5.1; Zhang et al. 2023, arXiv:2308.02157,
    algorithm 1.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    c2: float = 0.5

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_res_2s(t, self.c2)


@final
@dataclass(frozen=True)
class Res3sSampler(Sampler):
    """RES 3s: the exponential Runge-Kutta method of three stages, in log sigma.

    Order 3; three model calls per step, one in a last step to zero, which is the denoised value.

    Parameters
    ----------
    c2 : float
        Where in the step, in log sigma, the second stage is: between 0 and 2/3.
    c3 : float
        Where the third is: above c2, at most 1.

    Source: Hochbruck and Ostermann 2005, doi:10.1137/040611434, section 5.2, with gamma from the condition
    2 (gamma c2 + c3) = 3 (gamma c2² + c3²).
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    c2: float = 0.5
    c3: float = 1.0

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_res_3s(t, self.c2, self.c3)


@final
@dataclass(frozen=True)
class Res2mSampler(Sampler):
    """RES 2m: the exponential Adams method through two denoised values, started with RES 2s.

    Order 2; one model call per step, two in the first. A last step to zero is the denoised value. It is
    `res_multistep` after another first step.

    Source: Zhang et al. 2023, arXiv:2308.02157, algorithm 2; start of RES4LYF's `res_2m`.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_res_m(t, 2)


@final
@dataclass(frozen=True)
class Res3mSampler(Sampler):
    """RES 3m: the exponential Adams method through three denoised values, started with RES 3s.

    Order 3; one model call per step, three in the first two. A last step to zero is the denoised value. A run of
    fewer than three steps is RES 3s: the start-up is all there is, and the order is the same.

    Source: Hochbruck and Ostermann 2010, doi:10.1017/S0962492910000048, section 2.5; start of RES4LYF's `res_3m`.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_res_m(t, 3)
