"""Samplers: numerical methods that compile a list of sigmas into a `Program`."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, Literal, final

import numpy as np

from stepladder import _core
from stepladder._process import NoiseProcess
from stepladder._program import Program
from stepladder.errors import SamplerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from stepladder._core import Trace


class Sampler(ABC):
    """A numerical method with its options.

    Subclass as a frozen dataclass and write `trace`; everything else follows from it. A sampler written in Python
    compiles to the same kind of program as a built-in one.
    """

    __slots__ = ()

    discards_penultimate: ClassVar[bool] = False
    """Hosts drop the last but one sigma for this method: schedules then build one step more and drop it."""

    @abstractmethod
    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`.

        Parameters
        ----------
        t : Trace
            `t.start()` is x at `sigmas[0]`; `t.denoise(x, sigma)` one model call; `t.noise(sigma_from, sigma_to)` unit
            noise of the run's path; `t.end_step(x)` ends a step and returns x at its end. Values combine with `+`, `-`,
            and `*` and `/` by numbers.
        sigmas : sequence of float
            Descending noise levels, one more than there are steps. The last may be zero.
        """

    @final
    def compile(self, sigmas: ArrayLike, process: NoiseProcess | None = None) -> Program:
        """Compile the method over `sigmas`.

        Parameters
        ----------
        sigmas : array_like of shape (steps + 1,)
            Noise levels, strictly descending, finite, non-negative; zero only at the end. At most 100,000 steps.
        process : NoiseProcess, optional
            The noise process the sigmas belong to. `None`: variance exploding, as k-diffusion has it.

        Returns
        -------
        Program

        Raises
        ------
        SamplerError
            The sigmas cannot be stepped over, or the process is of a family this method is not defined for.
        ProgramError
            More than 100,000 steps; or the trace breaks a rule: a step missing, a coefficient that is not finite.
        """
        if process is not None and not isinstance(process, NoiseProcess):
            msg = f"process is {type(process).__name__}; expected a NoiseProcess, as sl.process makes"
            raise SamplerError(msg)
        if process is not None and process.family == "flow":
            msg = (
                f"{type(self).__name__} adds and removes noise as x = x0 + sigma * noise; the process is a flow, "
                "x = (1 - sigma) * x0 + sigma * noise. Use a process of family 've' or 'vp'"
            )
            raise SamplerError(msg)
        levels = _levels(sigmas)
        trace = _core.Trace(levels)
        self.trace(trace, levels.tolist())
        return Program._of(trace.finish(), repr(self))


def _levels(sigmas: ArrayLike) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """`sigmas` as a contiguous float64 vector."""
    try:
        given = np.asarray(sigmas)
    except (TypeError, ValueError) as error:
        msg = f"sigmas is {type(sigmas).__name__}; expected numbers: {error}"
        raise SamplerError(msg) from error
    if given.dtype.kind not in "iuf":
        msg = f"sigmas holds {given.dtype}; expected real numbers"
        raise SamplerError(msg)
    if given.ndim != 1 or given.size < 2:
        msg = f"sigmas has shape {given.shape}; expected one dimension of at least two values"
        raise SamplerError(msg)
    return np.ascontiguousarray(given, dtype=np.float64)


def _validate(sampler: Any) -> None:
    """Check a built-in sampler's options when it is made, by the rules that compiling applies."""
    for field in fields(sampler):
        value = getattr(sampler, field.name)
        expected, kind = ("a number", Real) if field.type == "float" else ("text", str)
        if isinstance(value, bool) or not isinstance(value, kind):
            msg = f"{field.name} is {value!r}; expected {expected}"
            raise SamplerError(msg)
    sampler.trace(_core.Trace(np.array([2.0, 1.0])), (2.0, 1.0))


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

    s_churn: float = 0.0
    s_tmin: float = 0.0
    s_tmax: float = math.inf
    s_noise: float = 1.0

    def __post_init__(self) -> None:
        _validate(self)

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
    eta : float
        Share of the noise replaced, at least 0. 0 is `euler`, 1 full ancestral sampling.
    s_noise : float
        Standard deviation of the fresh noise.

    Source: Song et al. 2021, arXiv:2011.13456, appendix F (ancestral sampling), in k-diffusion's form
    sigma_up = min(sigma_next, eta sqrt(sigma_next² (sigma² - sigma_next²) / sigma²)).
    """

    eta: float = 1.0
    s_noise: float = 1.0

    def __post_init__(self) -> None:
        _validate(self)

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

    s_churn: float = 0.0
    s_tmin: float = 0.0
    s_tmax: float = math.inf
    s_noise: float = 1.0

    def __post_init__(self) -> None:
        _validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_heun(t, self.s_churn, self.s_tmin, self.s_tmax, self.s_noise)


@final
@dataclass(frozen=True)
class Dpmpp2mSampler(Sampler):
    """DPM-Solver++(2M): multistep exponential integrator in log sigma.

    Order 2; one model call per step. The first step, and a last step to zero, are first order.

    Source: Lu et al. 2022, arXiv:2211.01095, algorithm 2.
    """

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
    eta : float
        Strength of the noise, at least 0. 0 is the ODE, 1 the SDE of the paper.
    s_noise : float
        Standard deviation of the fresh noise.
    solver_type : {"midpoint", "heun"}
        How the previous denoised value enters.

    Source: Lu et al. 2022, arXiv:2211.01095, section 5 and appendix.
    """

    eta: float = 1.0
    s_noise: float = 1.0
    solver_type: Literal["midpoint", "heun"] = "midpoint"

    def __post_init__(self) -> None:
        _validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_dpmpp_2m_sde(t, self.eta, self.s_noise, self.solver_type)
