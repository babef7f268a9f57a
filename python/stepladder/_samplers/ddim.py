"""DDIM, and the same steps upwards."""

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
class DdimSampler(Sampler):
    """DDIM: a deterministic step, or one that replaces a share of the noise.

    Order 1 at eta 0, where it is `euler`, and weak order 1 above; one model call per step. For a variance-preserving
    process it is `euler_ancestral` with the same eta; for a flow it is DDIM in sigma / (1 - sigma), which
    `euler_ancestral` is not.

    Parameters
    ----------
    eta : float or sequence of float
        Share of the noise that is replaced, 0 to 1. 0 is deterministic, 1 is DDPM. A sequence has one per step.
    direction : {"denoised", "unclipped"}
        Where the direction to the noise comes from. "denoised": from the value used for the signal, clipped or not.
        "unclipped": from the value before clipping, which the denoiser returns beside the clipped one; diffusers' rule
        where `use_clipped_model_output` is False. Clipping is not linear, so it happens in the denoiser:
        `stepladder.torch.ClippedDenoiser`.

    Source: Song et al. 2020, arXiv:2010.02502, eqs. 12 and 16.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    eta: Curve = 0.0
    direction: Literal["denoised", "unclipped"] = "denoised"

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_ddim(t, self.eta, self.direction)


@final
@dataclass(frozen=True)
class DdimInverseSampler(Sampler):
    """DDIM run backwards: from an image to the noise it came from.

    Order 1; one model call per step. It compiles over the same descending sigmas as the sampler that it inverts: the
    program starts with x at the last of them and ends at the first.

    Parameters
    ----------
    form : {"euler", "diffusers"}
        "euler": the network is told the level of x; at sigma 0, where x has no direction, the level above. "diffusers":
        it is told the level the step goes to at every step, with x scaled as at its own; for a variance-preserving
        process.

    Source: Song et al. 2020, arXiv:2010.02502, section 4.3.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    form: Literal["euler", "diffusers"] = "euler"

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_ddim_inverse(t, self.form)
