"""DPM-Solver with steps as long as the error allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, final

import numpy as np

from stepladder import _core
from stepladder._sampler import Sampler, levels_of, validate_kinds
from stepladder.errors import SamplerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from stepladder._core import DpmController, Trace


@final
@dataclass(frozen=True)
class DpmAdaptiveSampler(Sampler):
    """DPM-Solver-12 or -23 with steps as long as the error allows, between the ends of a schedule.

    Order 2 or 3; as many model calls per attempted step. Its steps depend on the data, so it has no program: `compile`
    raises `SamplerError`, and `sample_adaptive` runs it. It ends at the last positive sigma.

    Parameters
    ----------
    order : {2, 3}
        Order of the result. The error is its distance from the result of the order below.
    rtol, atol : float
        Tolerance of that error per element, relative to x and absolute, at least 0 and not both 0.
    h_init : float
        First step, in log sigma, above 0.
    pcoeff, icoeff, dcoeff : float
        Proportional, integral and differential weights of the step-size control.
    accept_safety : float
        A step is accepted if the control would keep at least this share of its length: above 0, at most 1.
    eta : float
        Share of the noise replaced, at least 0, for a flow 0.
    s_noise : float
        Standard deviation of the fresh noise.
    max_attempts : int
        A run that is not over after as many attempted steps is given up, at least 1.

    Source: Lu et al. 2022, arXiv:2206.00927, appendix C; defaults and control of k-diffusion's `sample_dpm_adaptive`.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    order: int = 3
    rtol: float = 0.05
    atol: float = 0.0078
    h_init: float = 0.05
    pcoeff: float = 0.0
    icoeff: float = 1.0
    dcoeff: float = 0.0
    accept_safety: float = 0.81
    eta: float = 0.0
    s_noise: float = 1.0
    max_attempts: int = 10_000

    def __post_init__(self) -> None:
        validate_kinds(self)
        if self.order < 0 or self.max_attempts < 1:
            name, expected = ("order", "2 or 3") if self.order < 0 else ("max_attempts", "at least 1")
            raise SamplerError(f"{name} is {getattr(self, name)}; expected {expected}")
        for name in ("rtol", "atol", "s_noise"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0.0):
                raise SamplerError(f"{name} is {value:g}; expected a finite number of at least 0")
        if self.rtol == 0.0 == self.atol:
            raise SamplerError("rtol and atol are both 0; expected one above 0, or no step is ever accepted")
        self.controller([2.0, 1.0])

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Refuse: there is no program."""
        raise SamplerError(
            "dpm_adaptive chooses its steps from the data, so it has no program; run it with "
            "sl.sample_adaptive(sampler, denoiser, x, sigmas), or compile dpm_fast, which has fixed steps"
        )

    def controller(self, sigmas: ArrayLike, family: Literal["ve", "vp", "flow"] = "ve") -> DpmController:
        """Return the step-size control of one run between the ends of `sigmas`."""
        control = (self.h_init, self.pcoeff, self.icoeff, self.dcoeff, self.accept_safety)
        flow = family == "flow"
        return _core.DpmController(levels_of(sigmas), flow, self.order, *control, self.eta, self.max_attempts)
