"""Multistep consistency sampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from stepladder import _core
from stepladder._sampler import Curve, Sampler, validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepladder._core import Trace


@final
@dataclass(frozen=True)
class ConsistencySampler(Sampler):
    """Multistep consistency sampling: denoise, noise again to the next level, repeat.

    No order: the model solves the ODE, not the method. One model call per step; one noise draw in every step but the
    last. The boundary scalings are the `consistency` and `lcm` parameterizations', clipping is the denoiser's.

    Parameters
    ----------
    sigma_min : float
        Level at which the model's output counts as free of noise, at least 0. Noise of variance sigma² - sigma_min² is
        added; a step to sigma_min or below adds none. 0 is the form of latent consistency models, of TrigFlow (sCM)
        and of flows.
    s_noise : float or sequence of float
        Standard deviation of the fresh noise. A sequence has one per step.

    Source: Song et al. 2023, arXiv:2303.01469, algorithm 1; for a flow the signal is weighed with 1 - sigma.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    sigma_min: float = 0.002
    s_noise: Curve = 1.0

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_consistency(t, self.sigma_min, self.s_noise)
