"""RES multistep."""

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
class ResMultistepSampler(Sampler):
    """RES multistep: integrates the line through the last two denoised values, in log sigma, exactly.

    Order 2; one model call per step. The first step is Euler's; a last step to zero is the denoised value.

    Parameters
    ----------
    form : {"exact", "comfyui"}
        `"comfyui"` draws noise in every step and does not use it, so that later draws of a sequential source are the
        host's. Values are the same.

    Source: Zhang et al. 2023, arXiv:2308.02157, algorithm 2.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    form: Literal["exact", "comfyui"] = "exact"

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_res_multistep(t, 0.0, 1.0, self.form, False)


@final
@dataclass(frozen=True)
class ResMultistepAncestralSampler(Sampler):
    """RES multistep with ancestral noise: down to sigma_down, then fresh noise of sigma_up.

    Weak order 2; one model call and one noise draw per step. The line spans what the last step went down: on average
    noise leaves the denoised value where it was.

    Parameters
    ----------
    eta : float or sequence of float
        Share of the noise replaced, at least 0. 0 is `res_multistep`, 1 full ancestral sampling. A sequence has one per
        step.
    s_noise : float or sequence of float
        Standard deviation of the fresh noise.

    Source: Zhang et al. 2023, arXiv:2308.02157, algorithm 2; ancestral steps as in k-diffusion.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp")

    eta: Curve = 1.0
    s_noise: Curve = 1.0

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_res_multistep(t, self.eta, self.s_noise, "exact", False)


@final
@dataclass(frozen=True)
class ResMultistepCfgPpSampler(Sampler):
    """RES multistep with CFG++: the unconditional value is integrated, guidance added to x.

    One model call with two results per step. A last step to zero is the guided value. Where the two values are equal it
    is `res_multistep`; else it has no ODE limit.

    Parameters
    ----------
    form : {"exact", "comfyui"}
        As `ResMultistepSampler`.

    Source: ComfyUI, sample_res_multistep_cfg_pp; after Zhang et al. 2023, arXiv:2308.02157, and Chung et al. 2024,
    arXiv:2406.08070.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp")

    form: Literal["exact", "comfyui"] = "exact"

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_res_multistep(t, 0.0, 1.0, self.form, True)


@final
@dataclass(frozen=True)
class ResMultistepAncestralCfgPpSampler(Sampler):
    """RES multistep with ancestral noise and CFG++.

    One model call with two results and one noise draw per step. Where the two values are equal it is
    `res_multistep_ancestral`; else it has no limit.

    Parameters
    ----------
    eta, s_noise : float or sequence of float
        As `ResMultistepAncestralSampler`.

    Source: ComfyUI, sample_res_multistep_ancestral_cfg_pp; after Zhang et al. 2023, arXiv:2308.02157, and Chung et al.
    2024, arXiv:2406.08070.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp")

    eta: Curve = 1.0
    s_noise: Curve = 1.0

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_res_multistep(t, self.eta, self.s_noise, "exact", True)
