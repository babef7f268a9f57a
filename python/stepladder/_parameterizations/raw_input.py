"""Parameterizations of samples `x0 + sigma * noise` whose network gets the sample itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from stepladder import _core
from stepladder._parameterizations.arithmetic import checked, constant, sqrt, variance
from stepladder._parameterizations.base import NoiseToSignal, Sigma


class RawInput(NoiseToSignal):
    """Those whose network gets the sample itself; a subclass adds its fields, `c_skip` and `c_out`."""

    __slots__ = ()

    scales_input = False

    @final
    def c_in(self, sigma: Sigma) -> Any:
        """1 at every sigma, in sigma's shape."""
        return constant(checked(sigma), 1.0)


@final
@dataclass(frozen=True)
class RawVPredictionParameterization(RawInput):
    """The network predicts the velocity and gets the sample itself: CogVideoX.

    Notes
    -----
    ComfyUI's V_PREDICTION_DDPM: `c_skip = 1 / sqrt(1 + sigma**2)`, `c_out = -sigma / sqrt(1 + sigma**2)`, `c_in = 1`;
    the velocity is that of Salimans & Ho (arXiv 2202.00512), appendix D.
    """

    def _build(self) -> _core.NativeParameterization:
        return _core.NativeParameterization("v_prediction_ddpm", 1.0)

    def c_skip(self, sigma: Sigma) -> Any:
        """`1 / sqrt(1 + sigma**2)`."""
        return 1.0 / sqrt(variance(checked(sigma), 1.0))

    def c_out(self, sigma: Sigma) -> Any:
        """`-sigma / sqrt(1 + sigma**2)`."""
        return -checked(sigma) / sqrt(variance(sigma, 1.0))


@final
@dataclass(frozen=True)
class ImgToImgParameterization(RawInput):
    """The network maps the sample itself to the clean sample: `denoised = F`.

    Notes
    -----
    ComfyUI's IMG_TO_IMG: `c_skip = 0`, `c_out = 1`, `c_in = 1`.
    """

    def _build(self) -> _core.NativeParameterization:
        return _core.NativeParameterization("img_to_img", 1.0)

    def c_skip(self, sigma: Sigma) -> Any:
        """0 at every sigma, in sigma's shape."""
        return constant(checked(sigma), 0.0)

    def c_out(self, sigma: Sigma) -> Any:
        """1 at every sigma, in sigma's shape."""
        return constant(checked(sigma), 1.0)
