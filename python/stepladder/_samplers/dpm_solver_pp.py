"""DPM-Solver and DPM-Solver++ of order 1 to 3, multistep and singlestep."""

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
class DpmSolverSampler(Sampler):
    """DPM-Solver, multistep: exponential integrator in half log-SNR that predicts the noise.

    The update has the order asked for, a run at most 2 after its start-up; one model call per step. A last step to
    zero is the denoised value exactly.

    Parameters
    ----------
    order : int
        Predictions in one step, 1 to 3. The first steps use as many as there are.
    solver_type : {"midpoint", "heun"}
        How the second prediction enters at order 2: by its value at the middle of the step, or integrated exactly.
    eta : float or sequence of float
        Strength of the noise, at least 0. 0 is the ODE, 1 the reverse SDE. A sequence has one per step.
    s_noise : float or sequence of float
        Standard deviation of the fresh noise.
    lower_order_final : bool
        In runs below 15 steps, the last step is of order 1 and the one before of order 2 at most.
    euler_at_final : bool
        The last step is of order 1.
    form : {"exact", "diffusers"}
        At order 3, "diffusers" halves the second difference, as the authors' code and diffusers do: the update is then
        of order 2.

    Source: Lu et al. 2022, arXiv:2206.00927, eq. 3.4, in the multistep form of arXiv:2211.01095, appendix B.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")
    history: ClassVar[tuple[str, ...]] = ("order",)

    order: int = 2
    solver_type: Literal["midpoint", "heun"] = "midpoint"
    eta: Curve = 0.0
    s_noise: Curve = 1.0
    lower_order_final: bool = True
    euler_at_final: bool = False
    form: Literal["exact", "diffusers"] = "exact"

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_dpm_solver_multistep(
            t,
            True,
            self.order,
            self.solver_type,
            self.eta,
            self.s_noise,
            self.lower_order_final,
            self.euler_at_final,
            self.form,
        )


@final
@dataclass(frozen=True)
class DpmSolverPpSampler(Sampler):
    """DPM-Solver++, multistep: exponential integrator in half log-SNR that predicts the denoised value.

    The update has the order asked for, a run at most 2 after its start-up; one model call per step. At order 2 it is
    `dpmpp_2m`, and with eta `dpmpp_2m_sde`, but for the last steps of a short run.

    Parameters
    ----------
    order, solver_type, eta, s_noise, lower_order_final, euler_at_final, form
        As `DpmSolverSampler`.

    Source: Lu et al. 2022, arXiv:2211.01095, algorithm 2, and section 5 for the noise.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")
    history: ClassVar[tuple[str, ...]] = ("order",)

    order: int = 2
    solver_type: Literal["midpoint", "heun"] = "midpoint"
    eta: Curve = 0.0
    s_noise: Curve = 1.0
    lower_order_final: bool = True
    euler_at_final: bool = False
    form: Literal["exact", "diffusers"] = "exact"

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_dpm_solver_multistep(
            t,
            False,
            self.order,
            self.solver_type,
            self.eta,
            self.s_noise,
            self.lower_order_final,
            self.euler_at_final,
            self.form,
        )


@final
@dataclass(frozen=True)
class DpmSolverSinglestepSampler(Sampler):
    """DPM-Solver, singlestep: blocks of as many steps as the order, each crossed anew from its start.

    Order as asked for over whole blocks; one model call per step. The levels inside a block are the schedule's own.

    Parameters
    ----------
    order : int
        Steps in a block, 1 to 3. A last block that is shorter has a lower order.
    solver_type : {"midpoint", "heun"}
        How the second prediction of a block enters; at order 3, whether the last is used alone or with the second.
    eta : float or sequence of float
        Strength of the noise, at least 0. 0 is the ODE, 1 the reverse SDE. Above 0 the noise is that of one path. A
        sequence has one per step.
    s_noise : float or sequence of float
        Standard deviation of the fresh noise.
    lower_order_final : bool
        A run of whole blocks ends with a step of order 1.

    Source: Lu et al. 2022, arXiv:2206.00927, algorithms 1 and 2.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    order: int = 2
    solver_type: Literal["midpoint", "heun"] = "midpoint"
    eta: Curve = 0.0
    s_noise: Curve = 1.0
    lower_order_final: bool = True

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_dpm_solver_singlestep(
            t, True, self.order, self.solver_type, self.eta, self.s_noise, self.lower_order_final
        )


@final
@dataclass(frozen=True)
class DpmSolverPpSinglestepSampler(Sampler):
    """DPM-Solver++, singlestep: blocks of as many steps as the order, each crossed anew from its start.

    Order as asked for over whole blocks; one model call per step. The levels inside a block are the schedule's own.

    Parameters
    ----------
    order, solver_type, eta, s_noise, lower_order_final
        As `DpmSolverSinglestepSampler`.

    Source: Lu et al. 2022, arXiv:2211.01095, algorithm 1, and section 5 for the noise.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    order: int = 2
    solver_type: Literal["midpoint", "heun"] = "midpoint"
    eta: Curve = 0.0
    s_noise: Curve = 1.0
    lower_order_final: bool = True

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_dpm_solver_singlestep(
            t, False, self.order, self.solver_type, self.eta, self.s_noise, self.lower_order_final
        )
