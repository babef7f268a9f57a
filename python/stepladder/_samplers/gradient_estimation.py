"""Gradient estimation."""

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
class GradientEstimationSampler(Sampler):
    """Gradient estimation: Euler's step along a slope extrapolated from the last two.

    Order 1, at `ge_gamma` 1.5 order 2; one model call per step. A last step to zero is the denoised value.

    Parameters
    ----------
    ge_gamma : float
        Weight of the newest slope; the one before has 1 - ge_gamma. Any finite number: 1 is `euler`, 1.5 is `ipndm` of
        order 2.

    Source: Permenter and Yuan 2024, arXiv:2306.04848, equation 12.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    ge_gamma: float = 2.0

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_gradient_estimation(t, self.ge_gamma, False)


@final
@dataclass(frozen=True)
class GradientEstimationCfgPpSampler(Sampler):
    """Gradient estimation with CFG++: slopes point at the unconditional value, steps at the guided one.

    One model call with two results per step. A last step to zero is the guided value. Where the two values are equal it
    is `gradient_estimation`; else it has no ODE limit.

    Parameters
    ----------
    ge_gamma : float
        As `GradientEstimationSampler`.

    Source: ComfyUI, sample_gradient_estimation with cfg_pp; after Permenter and Yuan 2024, arXiv:2306.04848, and Chung
    et al. 2024, arXiv:2406.08070.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp")

    ge_gamma: float = 2.0

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_gradient_estimation(t, self.ge_gamma, True)
