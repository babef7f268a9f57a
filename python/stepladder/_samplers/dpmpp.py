"""DPM-Solver++."""

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
class Dpmpp2mSampler(Sampler):
    """DPM-Solver++(2M): multistep exponential integrator in log sigma.

    Order 2; one model call per step. The first step, and a last step to zero, are first order.

    Source: Lu et al. 2022, arXiv:2211.01095, algorithm 2.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_dpmpp_2m(t)


@final
@dataclass(frozen=True)
class Dpmpp2mSdeSampler(Sampler):
    """SDE-DPM-Solver++(2M): the stochastic multistep form.

    One model call and one noise draw per step. At eta 0 it is `dpmpp_2m` (midpoint).

    Parameters
    ----------
    eta : float or sequence of float
        Strength of the noise, at least 0. 0 is the ODE, 1 the SDE of the paper. A sequence has one per step.
    s_noise : float or sequence of float
        Standard deviation of the fresh noise.
    solver_type : {"midpoint", "heun"}
        How the previous denoised value enters.

    Source: Lu et al. 2022, arXiv:2211.01095, section 5 and appendix.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    eta: Curve = 1.0
    s_noise: Curve = 1.0
    solver_type: Literal["midpoint", "heun"] = "midpoint"

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_dpmpp_2m_sde(t, self.eta, self.s_noise, self.solver_type)


@final
@dataclass(frozen=True)
class Dpmpp2mSdeHeunSampler(Sampler):
    """SDE-DPM-Solver++(2M), Heun form: `dpmpp_2m_sde` with solver_type "heun", which hosts give a name of its own.

    One model call and one noise draw per step. At eta 0 it is `res_multistep`.

    Parameters
    ----------
    eta : float or sequence of float
        Strength of the noise, at least 0. 0 is the ODE, 1 the SDE of the paper. A sequence has one per step.
    s_noise : float or sequence of float
        Standard deviation of the fresh noise.

    Source: Lu et al. 2022, arXiv:2211.01095, section 5 and appendix.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    eta: Curve = 1.0
    s_noise: Curve = 1.0

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_dpmpp_2m_sde(t, self.eta, self.s_noise, "heun")
