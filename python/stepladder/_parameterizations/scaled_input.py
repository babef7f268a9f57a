"""Parameterizations of samples `x0 + sigma * noise` whose network gets an input of unit variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

from stepladder import _core
from stepladder._parameterizations.arithmetic import checked, constant, scalar, sqrt, variance
from stepladder._parameterizations.base import NoiseToSignal, Sigma


class ScaledInput(NoiseToSignal):
    """Those whose network gets an input of unit variance; a subclass adds its fields, `c_skip` and `c_out`."""

    __slots__ = ()

    sigma_data: float

    @final
    def c_in(self, sigma: Sigma) -> Any:
        """`1 / sqrt(sigma**2 + sigma_data**2)`: unit variance at the network's input."""
        return 1.0 / sqrt(self._variance(sigma))

    def _variance(self, sigma: Sigma) -> Any:
        return variance(checked(sigma), self.sigma_data)


@final
@dataclass(frozen=True)
class EpsilonParameterization(ScaledInput):
    """The network predicts the noise: `denoised = x - sigma * F`.

    Parameters
    ----------
    sigma_data : float
        Standard deviation of the data that the input is scaled for, 1e-150 to 1e150.

    Raises
    ------
    ParameterizationError
        For a `sigma_data` outside 1e-150 to 1e150.

    Notes
    -----
    Ho et al. (arXiv 2006.11239), equation 15, in noise-to-signal units: `c_skip = 1`, `c_out = -sigma`.
    """

    sigma_data: float = 1.0

    def _build(self) -> _core.NativeParameterization:
        return _core.NativeParameterization("epsilon", self.sigma_data)

    def c_skip(self, sigma: Sigma) -> Any:
        """1 at every sigma, in sigma's shape."""
        return constant(checked(sigma), 1.0)

    def c_out(self, sigma: Sigma) -> Any:
        """`-sigma`."""
        return -checked(sigma)


@final
@dataclass(frozen=True)
class VPredictionParameterization(ScaledInput):
    """The network predicts the velocity, `alpha * noise - (1 - alpha**2) ** 0.5 * data`.

    Parameters
    ----------
    sigma_data : float
        Standard deviation of the data, `sd` below, 1e-150 to 1e150.

    Raises
    ------
    ParameterizationError
        For a `sigma_data` outside 1e-150 to 1e150.

    Notes
    -----
    Salimans & Ho, "Progressive Distillation" (arXiv 2202.00512), appendix D, in noise-to-signal units:
    `c_skip = sd**2 / (sigma**2 + sd**2)`, `c_out = -sigma * sd / sqrt(sigma**2 + sd**2)`.
    """

    sigma_data: float = 1.0

    def _build(self) -> _core.NativeParameterization:
        return _core.NativeParameterization("v_prediction", self.sigma_data)

    def c_skip(self, sigma: Sigma) -> Any:
        """`sd**2 / (sigma**2 + sd**2)`."""
        return self.sigma_data * self.sigma_data / self._variance(sigma)

    def c_out(self, sigma: Sigma) -> Any:
        """`-sigma * sd / sqrt(sigma**2 + sd**2)`."""
        return -(scalar(sigma) * self.sigma_data) / sqrt(self._variance(sigma))


@final
@dataclass(frozen=True)
class EDMParameterization(ScaledInput):
    """The preconditioned network of EDM: as v-prediction, with the opposite sign of the output.

    Parameters
    ----------
    sigma_data : float
        Standard deviation of the data, `sd` below, 1e-150 to 1e150.

    Raises
    ------
    ParameterizationError
        For a `sigma_data` outside 1e-150 to 1e150.

    Notes
    -----
    Karras et al. (arXiv 2206.00364), table 1: `c_skip = sd**2 / (sigma**2 + sd**2)`,
    `c_out = sigma * sd / sqrt(sigma**2 + sd**2)`, `c_noise = ln(sigma) / 4`.
    """

    sigma_data: float = 0.5

    def _build(self) -> _core.NativeParameterization:
        return _core.NativeParameterization("edm", self.sigma_data)

    def c_skip(self, sigma: Sigma) -> Any:
        """`sd**2 / (sigma**2 + sd**2)`."""
        return self.sigma_data * self.sigma_data / self._variance(sigma)

    def c_out(self, sigma: Sigma) -> Any:
        """`sigma * sd / sqrt(sigma**2 + sd**2)`."""
        return scalar(sigma) * self.sigma_data / sqrt(self._variance(sigma))


@final
@dataclass(frozen=True)
class X0Parameterization(ScaledInput):
    """The network predicts the clean sample: `denoised = F`.

    Parameters
    ----------
    sigma_data : float
        Standard deviation of the data that the input is scaled for, 1e-150 to 1e150.

    Raises
    ------
    ParameterizationError
        For a `sigma_data` outside 1e-150 to 1e150.

    Notes
    -----
    Salimans & Ho (arXiv 2202.00512), section 4: prediction of x; diffusers' prediction type `sample`.
    """

    sigma_data: float = 1.0

    def _build(self) -> _core.NativeParameterization:
        return _core.NativeParameterization("x0", self.sigma_data)

    def c_skip(self, sigma: Sigma) -> Any:
        """0 at every sigma, in sigma's shape."""
        return constant(checked(sigma), 0.0)

    def c_out(self, sigma: Sigma) -> Any:
        """1 at every sigma, in sigma's shape."""
        return constant(checked(sigma), 1.0)


@final
@dataclass(frozen=True)
class TrigFlowParameterization(ScaledInput):
    """The network predicts the velocity of TrigFlow and is told the angle `t = atan(sigma / sigma_data)`.

    Parameters
    ----------
    sigma_data : float
        Standard deviation of the data that the input is scaled for, 1e-150 to 1e150.

    Raises
    ------
    ParameterizationError
        For a `sigma_data` outside 1e-150 to 1e150.

    Notes
    -----
    Lu & Song (arXiv 2410.11081), section 3: `denoised = cos(t) * x_t - sin(t) * sigma_data * F` with
    `x_t = cos(t) * x`, whose scalings are those of `VPredictionParameterization`.
    """

    sigma_data: float = 1.0

    def _build(self) -> _core.NativeParameterization:
        return _core.NativeParameterization("trigflow", self.sigma_data)

    def c_skip(self, sigma: Sigma) -> Any:
        """`sd**2 / (sigma**2 + sd**2)`."""
        return self.sigma_data * self.sigma_data / self._variance(sigma)

    def c_out(self, sigma: Sigma) -> Any:
        """`-sigma * sd / sqrt(sigma**2 + sd**2)`."""
        return -(scalar(sigma) * self.sigma_data) / sqrt(self._variance(sigma))
