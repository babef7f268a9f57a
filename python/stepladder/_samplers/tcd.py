"""Sampling of models distilled by trajectory consistency."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, final

from stepladder import _core
from stepladder._process import DiscreteProcess
from stepladder._sampler import Curve, Sampler, validate
from stepladder.errors import SamplerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepladder._core import Trace
    from stepladder._process import NoiseProcess


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
        eta: Any = self.eta
        etas = eta if isinstance(eta, tuple) else (eta,) * steps
        renews = any(0.0 < eta <= 1.0 for eta in etas)
        _core.trace_tcd(t, self.eta, _stages(t.process, etas, sigmas[1:]) if renews else sigmas[1:])


def _stages(process: NoiseProcess | None, etas: Sequence[float], after: Sequence[float]) -> list[float]:
    """The level that each step goes down to; what is out of range is left for the core to refuse."""
    if process is None or not _counts(process):
        got = "no process" if process is None else f"{process!r}, whose times do not count a table of levels"
        raise SamplerError(f"tcd steps through the times of a process, got {got}; give compile a discrete process")
    stages = list(after)
    for i, (eta, sigma_next) in enumerate(zip(etas, after, strict=False)):
        if sigma_next == 0.0 or not 0.0 < eta <= 1.0:
            continue
        time = float(process.timestep(sigma_next))
        down = float(math.floor((1.0 - eta) * time))
        # At the lowest time there is no lower one: no noise, however the level rounds.
        if down < time:
            stages[i] = min(float(process.sigma(down)), sigma_next)
    return stages


def _counts(process: NoiseProcess) -> bool:
    """Whether times are positions in the process's table of levels."""
    levels = process.sigmas
    return levels is not None and process.timestep(float(levels[-1])) == len(levels) - 1
