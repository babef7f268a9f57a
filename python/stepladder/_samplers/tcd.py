"""Sampling of models distilled by trajectory consistency."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, final

from stepladder import _core
from stepladder._process import DiscreteProcess
from stepladder._sampler import Curve, Sampler, validate
from stepladder.errors import SamplerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepladder._core import Trace


@final
@dataclass(frozen=True)
class TCDSampler(Sampler):
    """Strategic stochastic sampling for models made by trajectory consistency distillation.

    A step goes down to a level below the next sigma, then fresh noise brings it up again. No order: such a model jumps
    along its trajectory instead of following an ODE. One model call and one noise draw per step. A last step to zero
    is the denoised value exactly; diffusers ends at the process's lowest level instead, as here a last sigma of that
    level does.

    It needs a process with a table of levels, such as `"discrete"`: the stage level of a step is the one at the time
    floor((1 - eta) t_next).

    Parameters
    ----------
    eta : float or sequence of float
        Share of the next level's time that is skipped and renewed as noise, 0 to 1; gamma in the paper. 0 is `euler`
        and needs no process. A sequence has one per step.

    Source: Zheng et al. 2024, arXiv:2402.19159, algorithm 4, in diffusers' form (TCDScheduler).
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp")

    eta: Curve = 0.3

    def __post_init__(self) -> None:
        validate(self, process=DiscreteProcess())

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        steps = len(sigmas) - 1
        etas = tuple(self.eta) if isinstance(self.eta, tuple) else (self.eta,) * steps
        _core.trace_tcd(t, self.eta, [_stage(t, eta, s) for eta, s in zip(etas, sigmas[1:], strict=False)])


def _stage(t: Trace, eta: float, sigma_next: float) -> float:
    """The level that a step goes down to; one out of range is left for the core to refuse."""
    if not 0.0 < eta <= 1.0 or sigma_next == 0.0:
        return sigma_next
    if t.process is None or t.process.sigmas is None:
        got = "no process" if t.process is None else f"{t.process!r}, which has no table of levels"
        raise SamplerError(f"tcd steps through the times of a process, got {got}; give compile a discrete process")
    stage = float(t.process.sigma(math.floor((1.0 - eta) * float(t.process.timestep(sigma_next)))))
    return min(stage, sigma_next)
