"""ER-SDE."""

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
class ERSDESampler(Sampler):
    """ER-SDE-Solver: Taylor expansions of the denoised value in sigma / alpha, under an SDE of chosen noise.

    Order 1 with one stage, 2 with two or three (derivatives are differences of first order); weak orders alike. One
    model call and at most one noise draw per step. A last step to zero is the denoised value exactly.

    Parameters
    ----------
    max_stage : int
        Terms of the expansion, 1 to 3. The first steps use what they have.
    noise_scaling : {"er_sde", "reverse_time", "ode"}
        The function phi of x = sigma / alpha: x (exp(x**0.3) + 10)**eta, x**(1 + eta), or x, which is the ODE.
    eta : float or sequence of float
        Strength of the noise, at least 0. 0 is the ODE. A sequence has one per step.
    s_noise : float or sequence of float
        Standard deviation of the fresh noise, at least 0. No noise is drawn where it is 0.
    integrals : {"exact", "riemann"}
        Integrals of 1 / phi to rounding, or ComfyUI's sums of 200 points, which are off by about a percent and cost
        the order at many steps.

    Source: Cui et al. 2023, arXiv:2309.06169, proposition 1 and algorithms 1 to 3; the choices of phi with eta are
    those of ComfyUI's node.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")
    history: ClassVar[tuple[str, ...]] = ("max_stage",)

    max_stage: int = 3
    noise_scaling: Literal["er_sde", "reverse_time", "ode"] = "er_sde"
    eta: Curve = 1.0
    s_noise: Curve = 1.0
    integrals: Literal["exact", "riemann"] = "exact"

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_er_sde(t, self.max_stage, self.noise_scaling, self.eta, self.s_noise, self.integrals)
