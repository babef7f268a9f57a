"""Parameterizations: how a network's output becomes a denoised image, and how a latent is noised."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, final

import numpy as np

from stepladder import _core
from stepladder.errors import ParameterizationError

if TYPE_CHECKING:
    import numpy.typing as npt

    from stepladder._process import Floats, NoiseProcess

Sigma: TypeAlias = Any
"""A noise level: a float, or a NumPy array or torch tensor of one per sample, shape `(batch,)`."""

Array: TypeAlias = Any
"""Samples: a NumPy array or torch tensor of shape `(batch, ...)`. Results are of its library."""


class Parameterization(ABC):
    """How a network `F` becomes a denoiser: `denoised = c_skip x + c_out F(c_in x, c_noise)`.

    Derive from it, as a frozen dataclass, to add one. Formulas are plain arithmetic, so they work on floats, NumPy
    arrays and torch tensors alike; a result's dtype is what the array's library makes of sample and sigma (a Python
    float never widens it). Floats and NumPy arrays are checked to be finite and not negative; tensors are not, since
    looking at one would stall its device.

    Notes
    -----
    Karras et al. (arXiv 2206.00364), equation 7.
    """

    __slots__ = ()

    _native: _core.NativeParameterization | None = None
    """The compiled form of a built-in parameterization; None: the methods below are called."""

    @abstractmethod
    def c_in(self, sigma: Sigma) -> Any:
        """Scale of the network's input."""

    @abstractmethod
    def c_skip(self, sigma: Sigma) -> Any:
        """Weight of the noised sample in the denoised one."""

    @abstractmethod
    def c_out(self, sigma: Sigma) -> Any:
        """Weight of the network's output in the denoised sample."""

    @abstractmethod
    def c_noise(self, sigma: Floats, process: NoiseProcess | None) -> Any:
        """Say what the network is told about the noise level: a float for a float, a float64 array for an array.

        `process` is the one the network was trained with; None where there is none to ask.
        """

    @abstractmethod
    def noise_scaling(self, sigma: Sigma, noise: Array, latent: Array, *, max_denoise: bool = False) -> Array:
        """Noise a clean latent to `sigma`; with `max_denoise` as for a run that starts from pure noise."""

    @abstractmethod
    def inverse_noise_scaling(self, sigma: Sigma, latent: Array) -> Array:
        """Take a sample at `sigma` to the scale of a latent."""

    @final
    def scalings(
        self, sigmas: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """`(c_skip, c_out, c_in)` of every sigma: three float64 arrays of the shape of `sigmas`, a float64 array."""
        if self._native is not None:
            return self._native.scalings(sigmas)
        shape = np.shape(sigmas)
        c_skip, c_out, c_in = (
            np.array(np.broadcast_to(scaling(sigmas), shape), dtype=np.float64)
            for scaling in (self.c_skip, self.c_out, self.c_in)
        )
        return c_skip, c_out, c_in

    @final
    def scale_input(self, x: Array, sigma: Sigma) -> Array:
        """`c_in * x`: what goes into the network."""
        return x * self.c_in(per_sample(sigma, x))

    @final
    def denoised(self, x: Array, model_output: Array, sigma: Sigma) -> Array:
        """`c_skip * x + c_out * model_output`: the denoised sample."""
        sigma = per_sample(sigma, x)
        return x * self.c_skip(sigma) + model_output * self.c_out(sigma)

    @final
    def model_output_from(self, denoised: Array, x: Array, sigma: Sigma) -> Array:
        """Find the network output that would give `denoised`: inverts `denoised(x, ., sigma)`, for sigma above 0."""
        sigma = per_sample(sigma, x)
        if isinstance(sigma, float | np.ndarray) and not np.all(sigma):
            raise ParameterizationError("sigma is 0; expected values above 0, where the network's output matters")
        return (denoised - x * self.c_skip(sigma)) / self.c_out(sigma)


class _NoiseToSignal(Parameterization):
    """What the parameterizations over a noise-to-signal sigma share; a subclass adds its fields and `c_*`."""

    __slots__ = ()

    sigma_data: float
    _native: _core.NativeParameterization

    @final
    def c_in(self, sigma: Sigma) -> Any:
        """`1 / sqrt(sigma**2 + sigma_data**2)`: unit variance at the network's input."""
        return 1.0 / _sqrt(self._variance(sigma))

    @final
    def c_noise(self, sigma: Floats, process: NoiseProcess | None) -> Any:
        """Say what the network is told: `ln(sigma) / 4` for EDM, else the process's timestep nearest to sigma."""
        return self._native.c_noise(sigma, process)

    @final
    def noise_scaling(self, sigma: Sigma, noise: Array, latent: Array, *, max_denoise: bool = False) -> Array:
        """`latent + noise * sigma`; with `max_denoise`, `latent + noise * sqrt(1 + sigma**2)`.

        The second is the scale of pure noise at the top of a variance-preserving range (ComfyUI's rule).
        """
        sigma = per_sample(_checked(sigma), latent)
        return latent + noise * (_sqrt(1.0 + sigma * sigma) if max_denoise else sigma)

    @final
    def inverse_noise_scaling(self, sigma: Sigma, latent: Array) -> Array:  # noqa: ARG002
        """`latent` itself: samples are in noise-to-signal units at every sigma."""
        return latent

    def _variance(self, sigma: Sigma) -> Any:
        sigma = _checked(sigma)
        return sigma * sigma + self.sigma_data * self.sigma_data

    def _prepare(self, prediction: str) -> None:
        object.__setattr__(self, "_native", _core.NativeParameterization(prediction, self.sigma_data))


@final
@dataclass(frozen=True)
class EpsilonParameterization(_NoiseToSignal):
    """The network predicts the noise: `denoised = x - sigma * F`.

    Parameters
    ----------
    sigma_data : float
        Standard deviation of the data that the input is scaled for, above 0.

    Raises
    ------
    ParameterizationError
        For a `sigma_data` that is not positive and finite.

    Notes
    -----
    Ho et al. (arXiv 2006.11239), equation 9, in noise-to-signal units: `c_skip = 1`, `c_out = -sigma`.
    """

    sigma_data: float = 1.0
    _native: _core.NativeParameterization = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._prepare("epsilon")

    def __reduce__(self) -> tuple[Any, ...]:
        return EpsilonParameterization, (self.sigma_data,)

    def c_skip(self, sigma: Sigma) -> Any:
        """1 at every sigma, in sigma's shape."""
        return _checked(sigma) * 0.0 + 1.0

    def c_out(self, sigma: Sigma) -> Any:
        """`-sigma`."""
        return -_checked(sigma)


@final
@dataclass(frozen=True)
class VPredictionParameterization(_NoiseToSignal):
    """The network predicts the velocity, `alpha * noise - (1 - alpha**2) ** 0.5 * data`.

    Parameters
    ----------
    sigma_data : float
        Standard deviation of the data, `sd` above, above 0.

    Raises
    ------
    ParameterizationError
        For a `sigma_data` that is not positive and finite.

    Notes
    -----
    Salimans & Ho, "Progressive Distillation" (arXiv 2202.00512), appendix D, in noise-to-signal units:
    `c_skip = sd**2 / (sigma**2 + sd**2)`, `c_out = -sigma * sd / sqrt(sigma**2 + sd**2)`.
    """

    sigma_data: float = 1.0
    _native: _core.NativeParameterization = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._prepare("v_prediction")

    def __reduce__(self) -> tuple[Any, ...]:
        return VPredictionParameterization, (self.sigma_data,)

    def c_skip(self, sigma: Sigma) -> Any:
        """`sd**2 / (sigma**2 + sd**2)`."""
        return self.sigma_data * self.sigma_data / self._variance(sigma)

    def c_out(self, sigma: Sigma) -> Any:
        """`-sigma * sd / sqrt(sigma**2 + sd**2)`."""
        return -(_scalar(sigma) * self.sigma_data) / _sqrt(self._variance(sigma))


@final
@dataclass(frozen=True)
class EDMParameterization(_NoiseToSignal):
    """The preconditioned network of EDM: as v-prediction, with the opposite sign of the output.

    Parameters
    ----------
    sigma_data : float
        Standard deviation of the data, `sd` below, above 0.

    Raises
    ------
    ParameterizationError
        For a `sigma_data` that is not positive and finite.

    Notes
    -----
    Karras et al. (arXiv 2206.00364), table 1: `c_skip = sd**2 / (sigma**2 + sd**2)`,
    `c_out = sigma * sd / sqrt(sigma**2 + sd**2)`, `c_noise = ln(sigma) / 4`.
    """

    sigma_data: float = 0.5
    _native: _core.NativeParameterization = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._prepare("edm")

    def __reduce__(self) -> tuple[Any, ...]:
        return EDMParameterization, (self.sigma_data,)

    def c_skip(self, sigma: Sigma) -> Any:
        """`sd**2 / (sigma**2 + sd**2)`."""
        return self.sigma_data * self.sigma_data / self._variance(sigma)

    def c_out(self, sigma: Sigma) -> Any:
        """`sigma * sd / sqrt(sigma**2 + sd**2)`."""
        return _scalar(sigma) * self.sigma_data / _sqrt(self._variance(sigma))


def add_noise(
    latent: Array,
    noise: Array,
    sigma: Sigma,
    parameterization: Parameterization,
    *,
    max_denoise: bool = False,
    sigma_max: float | None = None,
) -> Array:
    """Noise a clean latent to the level that a run starts from.

    Parameters
    ----------
    latent, noise : ndarray or Tensor
        Clean latent (zeros for a picture from nothing) and unit noise, both `(batch, ...)`.
    sigma : float, or ndarray or Tensor of shape (batch,)
        The level: the first one of the schedule.
    parameterization : Parameterization
        Of the model that will denoise it.
    max_denoise : bool
        Scale as for a run that starts from pure noise (see `Parameterization.noise_scaling`).
    sigma_max : float, optional
        Top of the model's range: decides `max_denoise` by the hosts' rule, true within 1e-5 (relative) of it or above.
        Needs a float `sigma`. None: `max_denoise` is as given.

    Returns
    -------
    ndarray or Tensor
        Of the shape of `latent`.

    Raises
    ------
    ParameterizationError
        For a sigma that is not finite or negative, or one per sample together with `sigma_max`.

    Notes
    -----
    The rule is ComfyUI's: `isclose(sigma, sigma_max, 1e-5) or sigma > sigma_max`.
    """
    if sigma_max is not None:
        if not isinstance(sigma, int | float):
            raise ParameterizationError(f"sigma is {type(sigma).__name__}; expected a float where sigma_max decides")
        max_denoise = max_denoise or _core.is_max_denoise(sigma, sigma_max)
    return parameterization.noise_scaling(sigma, noise, latent, max_denoise=max_denoise)


def per_sample(sigma: Sigma, x: Array) -> Any:
    """Give `sigma` of shape `(batch,)` the shape `(batch, 1, ...)` of one value per sample of `x`; floats pass."""
    sigma = _scalar(sigma)
    if isinstance(sigma, float) or sigma.ndim == 0 or sigma.ndim == x.ndim:
        return sigma
    if sigma.ndim != 1 or sigma.shape[0] not in (1, x.shape[0]):
        shape = tuple(sigma.shape)
        raise ParameterizationError(f"sigma has shape {shape}; expected a float or ({x.shape[0]},), one per sample")
    return sigma.reshape((-1,) + (1,) * (x.ndim - 1))


def _scalar(sigma: Sigma) -> Any:
    """Make a NumPy float64 scalar a plain float: it would widen a float32 array."""
    return float(sigma) if isinstance(sigma, int | float) else sigma


def _checked(sigma: Sigma) -> Any:
    sigma = _scalar(sigma)
    if isinstance(sigma, float):
        if not 0.0 <= sigma < math.inf:
            raise ParameterizationError(f"sigma is {sigma}; expected a finite value, 0 or above")
    elif isinstance(sigma, np.ndarray):
        valid = (sigma >= 0.0) & (sigma < math.inf)
        if not valid.all():
            index = int(np.argmin(valid.ravel()))
            got = sigma.ravel()[index]
            raise ParameterizationError(f"sigma[{index}] is {got}; expected a finite value, 0 or above")
    return sigma


def _sqrt(value: Any) -> Any:
    """Square root by whoever owns the value; all of them round correctly, as IEEE 754 asks."""
    if isinstance(value, float):
        return math.sqrt(value)
    return np.sqrt(value) if isinstance(value, np.ndarray) else value.sqrt()
