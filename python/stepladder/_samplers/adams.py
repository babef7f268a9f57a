"""Linear multistep methods on the probability-flow ODE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, final

from stepladder import _core
from stepladder._sampler import Sampler, validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepladder._core import Trace


@final
@dataclass(frozen=True)
class LmsSampler(Sampler):
    """Linear multistep: Adams-Bashforth in sigma with variable steps and exact weights.

    The formula has order `order`; one model call per step. The first steps have less history: step i uses i + 1 slopes,
    so that a run has order 2 at most.

    Parameters
    ----------
    order : int
        How many slopes are used, at least 1. More than there are steps: as many as there are.
    lower_order_final : bool
        True: a last step to zero is the denoised value, as in ComfyUI. False: it extrapolates as the others do, as in
        k-diffusion and diffusers.

    Source: Hairer, Norsett and Wanner, "Solving Ordinary Differential Equations I", section III.5, equation 5.5; as a
    sampler in k-diffusion, sample_lms.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")
    history: ClassVar[tuple[str, ...]] = ("order",)

    order: int = 4
    lower_order_final: bool = True

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_lms(t, self.order, self.lower_order_final)


@final
@dataclass(frozen=True)
class IpndmSampler(Sampler):
    """iPNDM: Adams-Bashforth with the weights of equal steps, whatever the steps are.

    Order `max_order` where steps of sigma are equal, 2 elsewhere; one model call per step. A last step to zero is the
    denoised value.

    Parameters
    ----------
    max_order : int
        How many slopes are used, 1 to 4. More than there are steps: as many as there are.

    Source: Zhang and Chen 2022, arXiv:2204.13902, appendix H.2; weights from Hairer, Norsett and Wanner, table III.1.1.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")
    history: ClassVar[tuple[str, ...]] = ("max_order",)

    max_order: int = 4

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_ipndm(t, self.max_order)


@final
@dataclass(frozen=True)
class IpndmVSampler(Sampler):
    """iPNDM with the weights of variable steps.

    The formula has order `max_order`; one model call per step. A last step to zero is the denoised value.

    Parameters
    ----------
    max_order : int
        How many slopes are used, 1 to 4. More than there are steps: as many as there are.
    form : {"exact", "comfyui"}
        `"exact"`: the weights of Adams and Bashforth, as `lms`. `"comfyui"`: the weights as published, which slip from
        order 3 on: a bracket closes after a product instead of before it, which costs no order on a smooth grid; and
        the oldest slope of order 4 lacks a ratio of steps, so that its weights do not add up to the step.

    Source: zju-pi/diff-sampler, solvers.ipndm_v; exact weights from Hairer, Norsett and Wanner, section III.5.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")
    history: ClassVar[tuple[str, ...]] = ("max_order",)

    max_order: int = 4
    form: Literal["exact", "comfyui"] = "exact"

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_ipndm_v(t, self.max_order, self.form)
