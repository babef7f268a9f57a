"""Pseudo numerical methods."""

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
class PndmSampler(Sampler):
    """PNDM: the four-step formula of equal steps on the noise prediction, with its own start.

    Order 2; one model call per step, and one or nine more during the start.

    Parameters
    ----------
    start : {"improved_euler", "runge_kutta"}
        `"improved_euler"`: one step of two calls, then orders 2 and 3 (PLMS; diffusers' `skip_prk_steps`).
        `"runge_kutta"`: three steps of four calls, each with its middle at the mean of its two sigmas.

    A step to zero during the start is the denoised value; later ones extrapolate like the others.

    Source: Liu et al. 2022, arXiv:2202.09778, equations 11 to 13; the start of PLMS as in CompVis' latent diffusion.
    The paper takes the middle of a Runge-Kutta step in time, of which a list of sigmas says nothing.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    start: Literal["improved_euler", "runge_kutta"] = "improved_euler"

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_pndm(t, self.start)
