"""SA-Solver."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, final

from stepladder import _core
from stepladder._process import DiscreteProcess
from stepladder._sampler import Curve, Sampler, validate
from stepladder.errors import SamplerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepladder._core import Trace


@final
@dataclass(frozen=True)
class SASolverSampler(Sampler):
    """SA-Solver: a stochastic Adams predictor and corrector in half log-SNR.

    Without noise a corrector of order q gives order q, a predictor alone its own; a run has order 3 at most, with the
    corrector, and 2 without, as the first step has no history. With noise the strong order is 1.
    One model call per step (predict, evaluate, correct) and at most one noise draw, which both use. A last step to
    zero is the denoised value exactly.

    Parameters
    ----------
    predictor_order : int
        Denoised values that the predictor uses, 1 to 6. The first steps use what they have.
    corrector_order : int
        Denoised values that the corrector uses, the predicted one included, 1 to 6. 0: no corrector.
    eta : float or sequence of float
        The noise strength tau in the stochastic part of the run, at least 0. 0 is the ODE, 1 the reverse-time SDE. A
        sequence has one per step.
    sde_start, sde_end : float
        The stochastic part, as fractions of sampling from 0 to 1: tau is eta for steps that end above the noise level
        at `sde_end` and at most at the one of `sde_start`, else 0. Levels are the process's `percent_to_sigma`;
        without a process only 0 and 1, the whole run. ComfyUI has 0.2 and 0.8.
    s_noise : float or sequence of float
        Standard deviation of the fresh noise, at least 0. No noise is drawn where it is 0.
    simple_order_2 : bool
        Two-point formulas in the simplified form of the paper's appendix, which is diffusers' only one.
    lower_order_final : bool
        Lower the orders by one each step towards an end at zero. A run that ends elsewhere keeps them.
    end : {"last", "before_last"}
        Where a run ends whose last sigma is above zero: there, or, as ComfyUI first had it, one step before, corrected
        with a last model call.

    Source: Xue et al. 2023, arXiv:2309.05019, algorithm 1, equations 14 to 18, appendix D.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")
    history: ClassVar[tuple[str, ...]] = ("predictor_order", "corrector_order")

    predictor_order: int = 3
    corrector_order: int = 4
    eta: Curve = 1.0
    sde_start: float = 0.0
    sde_end: float = 1.0
    s_noise: Curve = 1.0
    simple_order_2: bool = False
    lower_order_final: bool = True
    end: Literal["last", "before_last"] = "last"

    def __post_init__(self) -> None:
        validate(self, process=DiscreteProcess())

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _trace(self, t, pece=False)


@final
@dataclass(frozen=True)
class SASolverPECESampler(Sampler):
    """SA-Solver that evaluates the corrected sample again: predict, evaluate, correct, evaluate.

    Orders as `SASolverSampler`. Two model calls per step, one in the first, and at most one noise draw.

    Parameters
    ----------
    predictor_order, corrector_order, eta, sde_start, sde_end, s_noise, simple_order_2, lower_order_final, end
        As `SASolverSampler`.

    Source: Xue et al. 2023, arXiv:2309.05019, algorithm 1; the second evaluation is ComfyUI's option.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")
    history: ClassVar[tuple[str, ...]] = ("predictor_order", "corrector_order")

    predictor_order: int = 3
    corrector_order: int = 4
    eta: Curve = 1.0
    sde_start: float = 0.0
    sde_end: float = 1.0
    s_noise: Curve = 1.0
    simple_order_2: bool = False
    lower_order_final: bool = True
    end: Literal["last", "before_last"] = "last"

    def __post_init__(self) -> None:
        validate(self, process=DiscreteProcess())

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _trace(self, t, pece=True)


def _trace(sampler: SASolverSampler | SASolverPECESampler, t: Trace, *, pece: bool) -> None:
    """Record a run of either form."""
    if sampler.end not in ("last", "before_last"):
        raise SamplerError(f"end is {sampler.end!r}; expected 'last' or 'before_last'")
    _core.trace_sa_solver(
        t,
        sampler.predictor_order,
        sampler.corrector_order,
        sampler.eta,
        _level(t, "sde_start", sampler.sde_start),
        _level(t, "sde_end", sampler.sde_end),
        sampler.s_noise,
        sampler.simple_order_2,
        sampler.lower_order_final,
        pece,
        sampler.end == "before_last",
    )


def _level(t: Trace, name: str, percent: float) -> float:
    """Sigma at that fraction of sampling."""
    if percent == 0.0:
        return math.inf
    if percent == 1.0:
        return 0.0
    if not 0.0 < percent < 1.0:
        raise SamplerError(f"{name} is {percent}; expected 0 to 1")
    if t.process is None:
        msg = f"{name} is {percent} and there is no process to say which sigma that is; give compile the process"
        raise SamplerError(f"{msg}, or a {name} of 0 or 1")
    return t.process.percent_to_sigma(percent)
