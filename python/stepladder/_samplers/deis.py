"""DEIS."""

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
class DeisSampler(Sampler):
    """DEIS: the slope is interpolated by a polynomial in a time of its own, and that integrated over sigma.

    The formula has order `max_order`; one model call per step. The first steps have less history: step i uses i + 1
    slopes, so that a run has order 2 at most. A last step to zero is the denoised value.

    Parameters
    ----------
    max_order : int
        How many slopes are used, at least 1. More than there are steps: as many as there are.
    mode : {"tab", "rhoab", "logrho"}
        Variable of the polynomial. `"tab"`: time of the linear variance-preserving schedule whose time 0.001 is sigma
        0.002 and time 1 is sigma 80, as ComfyUI fixes it. `"rhoab"`: sigma itself, as `lms`. `"logrho"`: the logarithm
        of sigma, as in diffusers.
    form : {"exact", "comfyui"}
        `"exact"`: the integrals. `"comfyui"`: sums of 10,000 points in place of those of `"tab"`; there is no such form
        of `"logrho"`.

    Source: Zhang and Chen 2022, arXiv:2204.13902, equation 15.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")
    history: ClassVar[tuple[str, ...]] = ("max_order",)

    max_order: int = 3
    mode: Literal["tab", "rhoab", "logrho"] = "tab"
    form: Literal["exact", "comfyui"] = "exact"

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_deis(t, self.max_order, self.mode, self.form)
