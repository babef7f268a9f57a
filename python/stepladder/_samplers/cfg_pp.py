"""CFG++: a step goes towards the guided denoised value, with the noise of the unconditional one."""

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
class EulerCfgPpSampler(Sampler):
    """Euler's method with CFG++.

    One model call with two results per step. A last step to zero is the guided value. Where the two values are equal it
    is `euler`, of order 1; else it has no ODE limit.

    Source: Chung et al. 2024, arXiv:2406.08070, algorithm 2.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_euler_cfg_pp(t)


@final
@dataclass(frozen=True)
class EulerAncestralCfgPpSampler(Sampler):
    """Ancestral Euler steps with CFG++.

    One model call with two results and one noise draw per step. The ancestral split is made in sigma / alpha, for a
    flow too.

    Parameters
    ----------
    eta : float or sequence of float
        Share of the noise replaced, at least 0. 0 is `euler_cfg_pp`. A sequence has one per step.
    s_noise : float or sequence of float
        Standard deviation of the fresh noise.

    Source: Chung et al. 2024, arXiv:2406.08070, algorithm 2, with k-diffusion's ancestral step; for flows as ComfyUI.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    eta: Curve = 1.0
    s_noise: Curve = 1.0

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_euler_ancestral_cfg_pp(t, self.eta, self.s_noise)


@final
@dataclass(frozen=True)
class Dpmpp2sAncestralCfgPpSampler(Sampler):
    """DPM-Solver++(2S) with ancestral noise and CFG++.

    Two model calls with two results each and one noise draw per step; one call in a last step to zero, which is the
    guided value. Where the two values are equal and eta is 0 it is DPM-Solver++(2S), of order 2; else it has no limit.

    Parameters
    ----------
    eta : float or sequence of float
        Share of the noise replaced, at least 0. A sequence has one per step.
    s_noise : float or sequence of float
        Standard deviation of the fresh noise.
    form : {"exact", "comfyui"}
        `"exact"`: to the middle with the unconditional value alone, then the CFG++ step of the middle's two values.
        `"comfyui"`: both times from x plus guidance, where the second guidance is the first guided value less the
        unconditional value of the middle.

    Source: Chung et al. 2024, arXiv:2406.08070, in the DPM-Solver++(2S) form of their code; ComfyUI,
    sample_dpmpp_2s_ancestral_cfg_pp.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp")

    eta: Curve = 1.0
    s_noise: Curve = 1.0
    form: Literal["exact", "comfyui"] = "exact"

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_dpmpp_2s_ancestral_cfg_pp(t, self.eta, self.s_noise, self.form)


@final
@dataclass(frozen=True)
class Dpmpp2mCfgPpSampler(Sampler):
    """DPM-Solver++(2M) with CFG++: x' = D + e^-h (x - U) + (1 - e^-h) (D - U_last) / 2r.

    One model call with two results per step. A last step to zero is the guided value. Where the two values are equal it
    is `dpmpp_2m`, of order 2; else it has no ODE limit.

    Source: ComfyUI, sample_dpmpp_2m_cfg_pp; after Chung et al. 2024, arXiv:2406.08070.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp")

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_dpmpp_2m_cfg_pp(t)


@final
@dataclass(frozen=True)
class CfgppUd10AbSampler(Sampler):
    """CFG++ with history: an extrapolated Euler step mixed with an Adams-Bashforth step over the slopes of such steps.

    One model call with two results per step. A last step to zero is the line through the last two guided values, at
    zero. It has no ODE limit, not even where the two values are equal: the noise is extrapolated at its own level.

    Parameters
    ----------
    history_weight : float
        Share of the Adams-Bashforth step, 0 to 1.
    uncond_history_weight : float
        Share of the last change of the noise that is carried on, 0 to 1.
    zero_weight : float
        Share of the line in a last step to zero, 0 to 1.

    All three 0: `euler_cfg_pp`.

    Source: ComfyUI, sample_cfgpp_ud10_ab.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp", "flow")

    history_weight: float = 0.25
    uncond_history_weight: float = 0.1
    zero_weight: float = 1.0

    def __post_init__(self) -> None:
        validate(self)

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Record one run on `t`."""
        _core.trace_cfgpp_ud10_ab(t, self.history_weight, self.uncond_history_weight, self.zero_weight)
