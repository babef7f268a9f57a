"""UniPC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, final

from stepladder import _core
from stepladder._sampler import Sampler, Steps, validate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepladder._core import Trace


@final
@dataclass(frozen=True)
class UniPCSampler(Sampler):
    """UniPC with B(h) = h: a multistep predictor-corrector of any order in half log-SNR.

    Order p with the predictor alone, p + 1 with the corrector; a run has order 2 and 3 at most, as the first step has
    no history. One model call per step: the corrector uses the one that the next step needs. A last step to zero is
    the denoised value exactly.

    Parameters
    ----------
    order : int
        The order p, at least 1. The first steps use what they have.
    predictor : bool
        Predict with UniP of order p. Otherwise with a step of order 1, which leaves the corrector order 2.
    corrector : bool
        Correct with UniC.
    disable_corrector : sequence of int
        Steps of the run, counted from 0, whose result is not corrected. diffusers advises (0,) under strong guidance.
    lower_order_final : bool
        Lower the order to 1 over the last steps, wherever the run ends.
    time : {"half_log_snr", "log_sigma"}
        The variable that a flow is stepped in: ln((1 - sigma) / sigma) as in diffusers, or -ln(sigma) as in ComfyUI.
        The two are the same for other processes.
    sigma_end : float
        What a last sigma of 0 is replaced by, below the one before it; the result is then at that level. ComfyUI:
        0.001. 0: nothing.

    Source: Zhao et al. 2023, arXiv:2302.04867, algorithms 5 and 6, equations 5 to 9.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")
    history: ClassVar[tuple[str, ...]] = ("order",)
    discards_penultimate: ClassVar[bool] = True

    order: int = 3
    predictor: bool = True
    corrector: bool = True
    disable_corrector: Steps = ()
    lower_order_final: bool = True
    time: Literal["half_log_snr", "log_sigma"] = "half_log_snr"
    sigma_end: float = 0.0

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _trace(self, t, "bh1")


@final
@dataclass(frozen=True)
class UniPCBh2Sampler(Sampler):
    """UniPC with B(h) = exp(h) - 1.

    It differs from `UniPCSampler` only where the paper fixes a coefficient at 1/2: in the predictor of order 2 and the
    corrector of order 1. Orders and model calls are the same.

    Parameters
    ----------
    order, predictor, corrector, disable_corrector, lower_order_final, time, sigma_end
        As `UniPCSampler`.

    Source: Zhao et al. 2023, arXiv:2302.04867, algorithms 5 and 6, equations 5 to 9.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")
    history: ClassVar[tuple[str, ...]] = ("order",)
    discards_penultimate: ClassVar[bool] = True

    order: int = 3
    predictor: bool = True
    corrector: bool = True
    disable_corrector: Steps = ()
    lower_order_final: bool = True
    time: Literal["half_log_snr", "log_sigma"] = "half_log_snr"
    sigma_end: float = 0.0

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _trace(self, t, "bh2")


def _trace(sampler: UniPCSampler | UniPCBh2Sampler, t: Trace, variant: str) -> None:
    """Record a run of either form."""
    _core.trace_uni_pc(
        t,
        sampler.order,
        variant,
        sampler.predictor,
        sampler.corrector,
        sampler.disable_corrector,
        sampler.lower_order_final,
        sampler.time,
        sampler.sigma_end,
    )
