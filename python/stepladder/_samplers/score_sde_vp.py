"""The predictor of score-based models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, final

from stepladder import _core
from stepladder._sampler import Curve, Sampler, validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepladder._core import Trace


@final
@dataclass(frozen=True)
class ScoreSdeVpSampler(Sampler):
    """Euler-Maruyama on the reverse variance-preserving SDE.

    Weak order 1; one model call and one noise draw per step, none in a last step to zero. That step is one more of the
    method's own, not the denoised value.

    Parameters
    ----------
    beta_min, beta_max : float
        beta at times 0 and 1, 0 < beta_min <= beta_max; the time of a sigma solves
        ln(1 + sigma²) = beta_min t + (beta_max - beta_min) t² / 2.
    time_step : {"levels", "uniform"}
        Length of a step in time. "levels": from its sigma to the next. "uniform": one over the number of steps,
        whatever the sigmas, as the authors' code has it.
    s_noise : float or sequence of float
        Standard deviation of the fresh noise. A sequence has one per step.

    Source: Song et al. 2021, arXiv:2011.13456, eqs. 6, 11 and 25.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp")

    beta_min: float = 0.1
    beta_max: float = 20.0
    time_step: Literal["levels", "uniform"] = "levels"
    s_noise: Curve = 1.0

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_score_sde_vp(t, self.beta_min, self.beta_max, self.time_step, self.s_noise)
