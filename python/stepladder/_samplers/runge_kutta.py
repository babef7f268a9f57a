"""Explicit Runge-Kutta methods by their tableau."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, final

from stepladder import _core
from stepladder._program import Program
from stepladder._sampler import Sampler, validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepladder._core import Trace


@final
@dataclass(frozen=True)
class RungeKuttaSampler(Sampler):
    """An explicit Runge-Kutta method, by its Butcher tableau.

    Order that of the tableau; as many model calls per step as it has stages, one in a last step to zero, which is the
    denoised value. Each tableau is registered under its own name, so that `sl.sampler("rk4")` makes one too.

    Parameters
    ----------
    tableau : str
        One of `midpoint_2s`, `heun_2s`, `ralston_2s`, `ralston_3s`, `heun_3s`, `kutta_3s`, `houwen_wray_3s`, `ssprk3`,
        `bogacki_shampine`, `rk4`, `rk38`, `ralston_4s`, `dormand_prince`.
    variable : {"log_sigma", "sigma"}
        What it steps in: log sigma, where the ODE is dx/du = x - D, or sigma, where it is dx/dsigma = (x - D) / sigma,
        as in RES4LYF.

    Source: Butcher 2016, Numerical Methods for Ordinary Differential Equations, chapter 3; each tableau names its own.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    tableau: str = "rk4"
    variable: Literal["log_sigma", "sigma"] = "log_sigma"

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_runge_kutta(t, self.tableau, self.variable)

    @property
    def embedded_order(self) -> int | None:
        """Order of the tableau's embedded weights, which estimate the error of a step; None: it has none."""
        embedded = _core.tableau(self.tableau)[4]
        return None if embedded is None else embedded[0]

    def embedded_pair(self, sigma: float, sigma_next: float) -> Program:
        """Compile one step twice over: with the embedded weights, then with the method's own.

        Parameters
        ----------
        sigma, sigma_next : float
            Descending levels, both positive.

        Returns
        -------
        Program
            Of two steps that both end at `sigma_next`; the second calls no model.

        Raises
        ------
        SamplerError
            The tableau has no embedded weights, or the levels cannot be stepped over.
        """
        return Program._of(_core.embedded_pair(self.tableau, self.variable, sigma, sigma_next), repr(self))
