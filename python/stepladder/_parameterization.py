"""Parameterizations: how a network's output becomes a denoised image, and how a latent is noised."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, final

import numpy as np

from stepladder import _core
from stepladder._process import DistilledDiscreteProcess, NoiseProcess
from stepladder.errors import ParameterizationError

if TYPE_CHECKING:
    import numpy.typing as npt

    from stepladder._process import Floats

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

    scales_input: ClassVar[bool] = True
    """Whether the network's input is scaled. False: `c_in` is 1 at every sigma, and nothing multiplies by it."""

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
        """`c_in * x`: what goes into the network; x itself where the input is not scaled."""
        sigma = per_sample(sigma, x)
        return x * self.c_in(sigma) if self.scales_input else x

    @final
    def denoised(self, x: Array, model_output: Array, sigma: Sigma) -> Array:
        """`c_skip * x + c_out * model_output`: the denoised sample."""
        sigma = per_sample(sigma, x)
        return x * self.c_skip(sigma) + model_output * self.c_out(sigma)

    @final
    def model_output_from(self, denoised: Array, x: Array, sigma: Sigma) -> Array:
        """Find the network output that gives `denoised`: inverts `denoised(x, ., sigma)` where `c_out` is not 0."""
        sigma = per_sample(sigma, x)
        return (denoised - x * self.c_skip(sigma)) / self._divisor(sigma)

    @final
    def convert(self, model_output: Array, x: Array, sigma: Sigma, to: Parameterization) -> Array:
        """Turn an output of this network into the one of a network `to` that denoises `x` to the same.

        Both take `x` and `sigma` as they are: between a flow and a noise-to-signal ratio, bring them to one scale
        first. Sigma has to be where `to` has a `c_out` that is not 0.
        """
        sigma = per_sample(sigma, x)
        of_x = self.c_skip(sigma) - to.c_skip(sigma)
        return (x * of_x + model_output * self.c_out(sigma)) / to._divisor(sigma)

    @final
    def _divisor(self, sigma: Sigma) -> Any:
        c_out = self.c_out(sigma)
        if isinstance(c_out, float | np.ndarray) and not np.all(c_out):
            at = np.ravel(sigma)[int(np.argmin(np.ravel(c_out) != 0))]
            raise ParameterizationError(
                f"c_out is 0 at sigma {at}; expected a sigma where the network's output matters"
            )
        return c_out


class _Compiled(Parameterization):
    """What the parameterizations of the compiled core share."""

    __slots__ = ()

    _native: _core.NativeParameterization

    @final
    def c_noise(self, sigma: Floats, process: NoiseProcess | None) -> Any:
        """Say what the network is told about sigma; the class says what, as a rule the process's timestep."""
        return self._native.c_noise(sigma, process)

    def _prepare(self, prediction: str, sigma_data: float = 1.0) -> None:
        object.__setattr__(self, "_native", _core.NativeParameterization(prediction, sigma_data))


class _NoiseToSignal(_Compiled):
    """What the parameterizations of samples `x0 + sigma * noise` share."""

    __slots__ = ()

    @final
    def noise_scaling(self, sigma: Sigma, noise: Array, latent: Array, *, max_denoise: bool = False) -> Array:
        """`latent + noise * sigma`; with `max_denoise`, `latent + noise * sqrt(1 + sigma**2)`.

        The second is the scale of pure noise at the top of a variance-preserving range (ComfyUI's rule).
        """
        return _noised(sigma, noise, latent, max_denoise=max_denoise)

    @final
    def inverse_noise_scaling(self, sigma: Sigma, latent: Array) -> Array:
        """`latent` itself: samples are in noise-to-signal units at every sigma."""
        return latent


class _ScaledInput(_NoiseToSignal):
    """Those whose network gets an input of unit variance; a subclass adds its fields, `c_skip` and `c_out`."""

    __slots__ = ()

    sigma_data: float

    @final
    def c_in(self, sigma: Sigma) -> Any:
        """`1 / sqrt(sigma**2 + sigma_data**2)`: unit variance at the network's input."""
        return 1.0 / _sqrt(self._variance(sigma))

    def _variance(self, sigma: Sigma) -> Any:
        return _variance(_checked(sigma), self.sigma_data)


class _RawInput(_NoiseToSignal):
    """Those whose network gets the sample itself; a subclass adds its fields, `c_skip` and `c_out`."""

    __slots__ = ()

    scales_input = False

    @final
    def c_in(self, sigma: Sigma) -> Any:
        """1 at every sigma, in sigma's shape."""
        return _constant(_checked(sigma), 1.0)


class _FlowInput(_Compiled):
    """Those over a sigma that is the weight of the noise; a subclass adds its fields, `c_*` and noise scalings."""

    __slots__ = ()

    scales_input = False

    @final
    def c_in(self, sigma: Sigma) -> Any:
        """1 at every sigma, in sigma's shape."""
        return _constant(_weight(sigma), 1.0)


@final
@dataclass(frozen=True)
class EpsilonParameterization(_ScaledInput):
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
        self._prepare("epsilon", self.sigma_data)

    def __reduce__(self) -> tuple[Any, ...]:
        return EpsilonParameterization, (self.sigma_data,)

    def c_skip(self, sigma: Sigma) -> Any:
        """1 at every sigma, in sigma's shape."""
        return _constant(_checked(sigma), 1.0)

    def c_out(self, sigma: Sigma) -> Any:
        """`-sigma`."""
        return -_checked(sigma)


@final
@dataclass(frozen=True)
class VPredictionParameterization(_ScaledInput):
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
        self._prepare("v_prediction", self.sigma_data)

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
class EDMParameterization(_ScaledInput):
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
        self._prepare("edm", self.sigma_data)

    def __reduce__(self) -> tuple[Any, ...]:
        return EDMParameterization, (self.sigma_data,)

    def c_skip(self, sigma: Sigma) -> Any:
        """`sd**2 / (sigma**2 + sd**2)`."""
        return self.sigma_data * self.sigma_data / self._variance(sigma)

    def c_out(self, sigma: Sigma) -> Any:
        """`sigma * sd / sqrt(sigma**2 + sd**2)`."""
        return _scalar(sigma) * self.sigma_data / _sqrt(self._variance(sigma))


@final
@dataclass(frozen=True)
class RawVPredictionParameterization(_RawInput):
    """The network predicts the velocity and gets the sample itself: CogVideoX.

    Notes
    -----
    ComfyUI's V_PREDICTION_DDPM: `c_skip = 1 / sqrt(1 + sigma**2)`, `c_out = -sigma / sqrt(1 + sigma**2)`, `c_in = 1`;
    the velocity is that of Salimans & Ho (arXiv 2202.00512), appendix D.
    """

    _native: _core.NativeParameterization = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._prepare("v_prediction_ddpm")

    def __reduce__(self) -> tuple[Any, ...]:
        return RawVPredictionParameterization, ()

    def c_skip(self, sigma: Sigma) -> Any:
        """`1 / sqrt(1 + sigma**2)`."""
        return 1.0 / _sqrt(_variance(_checked(sigma), 1.0))

    def c_out(self, sigma: Sigma) -> Any:
        """`-sigma / sqrt(1 + sigma**2)`."""
        return -_checked(sigma) / _sqrt(_variance(sigma, 1.0))


@final
@dataclass(frozen=True)
class X0Parameterization(_ScaledInput):
    """The network predicts the clean sample: `denoised = F`.

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
    Salimans & Ho (arXiv 2202.00512), section 4: prediction of x; diffusers' prediction type `sample`.
    """

    sigma_data: float = 1.0
    _native: _core.NativeParameterization = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._prepare("x0", self.sigma_data)

    def __reduce__(self) -> tuple[Any, ...]:
        return X0Parameterization, (self.sigma_data,)

    def c_skip(self, sigma: Sigma) -> Any:
        """0 at every sigma, in sigma's shape."""
        return _constant(_checked(sigma), 0.0)

    def c_out(self, sigma: Sigma) -> Any:
        """1 at every sigma, in sigma's shape."""
        return _constant(_checked(sigma), 1.0)


@final
@dataclass(frozen=True)
class ImgToImgParameterization(_RawInput):
    """The network maps the sample itself to the clean sample: `denoised = F`.

    Notes
    -----
    ComfyUI's IMG_TO_IMG: `c_skip = 0`, `c_out = 1`, `c_in = 1`.
    """

    _native: _core.NativeParameterization = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._prepare("img_to_img")

    def __reduce__(self) -> tuple[Any, ...]:
        return ImgToImgParameterization, ()

    def c_skip(self, sigma: Sigma) -> Any:
        """0 at every sigma, in sigma's shape."""
        return _constant(_checked(sigma), 0.0)

    def c_out(self, sigma: Sigma) -> Any:
        """1 at every sigma, in sigma's shape."""
        return _constant(_checked(sigma), 1.0)


@final
@dataclass(frozen=True)
class FlowParameterization(_FlowInput):
    """The network predicts the velocity of a rectified flow, `noise - data`: `denoised = x - sigma * F`.

    Sigma is the weight of the noise, from 0 to 1.

    Parameters
    ----------
    noise_scale : float
        Deviation of the noise the model was trained with, above 0.

    Raises
    ------
    ParameterizationError
        For a `noise_scale` that is not positive and finite.

    Notes
    -----
    Liu et al., "Flow Straight and Fast" (arXiv 2209.03003), equation 1; ComfyUI's CONST.
    """

    noise_scale: float = 1.0
    _native: _core.NativeParameterization = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0.0 < self.noise_scale < math.inf:
            raise ParameterizationError(f"noise_scale is {self.noise_scale}; expected a positive finite value")
        self._prepare("flow")

    def __reduce__(self) -> tuple[Any, ...]:
        return FlowParameterization, (self.noise_scale,)

    def c_skip(self, sigma: Sigma) -> Any:
        """1 at every sigma, in sigma's shape."""
        return _constant(_weight(sigma), 1.0)

    def c_out(self, sigma: Sigma) -> Any:
        """`-sigma`."""
        return -_weight(sigma)

    def noise_scaling(self, sigma: Sigma, noise: Array, latent: Array, *, max_denoise: bool = False) -> Array:
        """`(1 - sigma) * latent + sigma * noise_scale * noise`, with `max_denoise` too."""
        sigma = per_sample(_weight(sigma), latent)
        return latent * (1.0 - sigma) + noise * (sigma * self.noise_scale)

    def inverse_noise_scaling(self, sigma: Sigma, latent: Array) -> Array:
        """`latent / (1 - sigma)`, for sigma below 1."""
        sigma = per_sample(_weight(sigma), latent)
        if isinstance(sigma, float | np.ndarray) and np.any(sigma == 1.0):
            raise ParameterizationError("sigma is 1; expected values below 1, as pure noise holds no latent")
        return latent / (1.0 - sigma)


@final
@dataclass(frozen=True)
class ImgToImgFlowParameterization(_FlowInput):
    """The network maps a latent without noise to the clean sample, on the levels of a flow: `denoised = F`.

    Sigma is from 0 to 1. A run starts from the latent itself, and its result is the latent's negative: 1 minus it.

    Notes
    -----
    ComfyUI's IMG_TO_IMG_FLOW: `c_skip = 0`, `c_out = 1`, `c_in = 1`.
    """

    _native: _core.NativeParameterization = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._prepare("img_to_img_flow")

    def __reduce__(self) -> tuple[Any, ...]:
        return ImgToImgFlowParameterization, ()

    def c_skip(self, sigma: Sigma) -> Any:
        """0 at every sigma, in sigma's shape."""
        return _constant(_weight(sigma), 0.0)

    def c_out(self, sigma: Sigma) -> Any:
        """1 at every sigma, in sigma's shape."""
        return _constant(_weight(sigma), 1.0)

    def noise_scaling(self, sigma: Sigma, noise: Array, latent: Array, *, max_denoise: bool = False) -> Array:
        """`latent` itself: no noise is added."""
        return latent

    def inverse_noise_scaling(self, sigma: Sigma, latent: Array) -> Array:
        """`1 - latent`."""
        return 1.0 - latent


@final
@dataclass(frozen=True)
class CosmosRflowParameterization(_Compiled):
    """The network predicts the velocity of a rectified flow over a noise-to-signal ratio: NVIDIA's Cosmos.

    With `u = sigma / (sigma + 1)`, the weight of the noise, `denoised = (1 - u) * x - u * F`.

    Notes
    -----
    ComfyUI's COSMOS_RFLOW: `c_in = c_skip = 1 - u`, `c_out = -u`, the network is told u by its process.
    """

    _native: _core.NativeParameterization = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._prepare("cosmos_rflow")

    def __reduce__(self) -> tuple[Any, ...]:
        return CosmosRflowParameterization, ()

    def c_in(self, sigma: Sigma) -> Any:
        """`1 / (sigma + 1)`: the scale of a flow's sample."""
        return 1.0 / (_checked(sigma) + 1.0)

    def c_skip(self, sigma: Sigma) -> Any:
        """`1 / (sigma + 1)`."""
        return 1.0 / (_checked(sigma) + 1.0)

    def c_out(self, sigma: Sigma) -> Any:
        """`-sigma / (sigma + 1)`."""
        return -_checked(sigma) / (_scalar(sigma) + 1.0)

    def noise_scaling(self, sigma: Sigma, noise: Array, latent: Array, *, max_denoise: bool = False) -> Array:
        """`latent + noise * sigma`, with `max_denoise` too."""
        return _noised(sigma, noise, latent, max_denoise=False)

    def inverse_noise_scaling(self, sigma: Sigma, latent: Array) -> Array:
        """`latent` itself: samples are in noise-to-signal units at every sigma."""
        return latent


@final
@dataclass(frozen=True)
class LCMParameterization(Parameterization):
    """A latent consistency network: noise prediction, then the boundary condition at time 0.

    With t the timestep of sigma times `timestep_scaling`, `b = 0.5**2 / (t**2 + 0.5**2)` and
    `c = t / sqrt(t**2 + 0.5**2)`: `denoised = b * x + c * (x - sigma * F)`.

    Parameters
    ----------
    process : NoiseProcess
        Whose nearest timestep of sigma is t. For sigmas that are tensors it is computed on the host.
    timestep_scaling : float
        Factor of the timestep, above 0.
    sigma_data : float
        Standard deviation of the data that the input is scaled for, above 0.

    Raises
    ------
    ParameterizationError
        For a value that is not positive and finite.

    Notes
    -----
    Luo et al., "Latent Consistency Models" (arXiv 2310.04378), section 4.1, and ComfyUI's LCM, which has 0.5 for the
    deviation of the data in b and c.
    """

    process: NoiseProcess = field(default_factory=DistilledDiscreteProcess)
    timestep_scaling: float = 10.0
    sigma_data: float = 1.0

    def __post_init__(self) -> None:
        for name in ("timestep_scaling", "sigma_data"):
            value = getattr(self, name)
            if not 0.0 < value < math.inf:
                raise ParameterizationError(f"{name} is {value}; expected a positive finite value")

    def c_in(self, sigma: Sigma) -> Any:
        """`1 / sqrt(sigma**2 + sigma_data**2)`."""
        return 1.0 / _sqrt(_variance(_checked(sigma), self.sigma_data))

    def c_skip(self, sigma: Sigma) -> Any:
        """`b + c`: of x in the boundary condition, and in the noise prediction."""
        t = self._time(sigma)
        return 0.25 / _variance(t, 0.5) + t / _sqrt(_variance(t, 0.5))

    def c_out(self, sigma: Sigma) -> Any:
        """`-sigma * c`."""
        t = self._time(sigma)
        return -(_scalar(sigma) * t) / _sqrt(_variance(t, 0.5))

    def c_noise(self, sigma: Floats, process: NoiseProcess | None) -> Any:
        """Timestep that the process gives for sigma; None: of the process of this parameterization."""
        return (self.process if process is None else process).timestep(sigma)

    def noise_scaling(self, sigma: Sigma, noise: Array, latent: Array, *, max_denoise: bool = False) -> Array:
        """`latent + noise * sigma`; with `max_denoise`, `latent + noise * sqrt(1 + sigma**2)`."""
        return _noised(sigma, noise, latent, max_denoise=max_denoise)

    def inverse_noise_scaling(self, sigma: Sigma, latent: Array) -> Array:
        """`latent` itself: samples are in noise-to-signal units at every sigma."""
        return latent

    def _time(self, sigma: Sigma) -> Any:
        sigma = _checked(sigma)
        if isinstance(sigma, float):
            return self.process.timestep(sigma) * self.timestep_scaling
        if isinstance(sigma, np.ndarray):
            t = self.process.timestep(np.ascontiguousarray(sigma)).astype(sigma.dtype, copy=False)
        else:
            t = sigma.new_tensor(self.process.timestep(np.ascontiguousarray(sigma.detach().double().cpu().numpy())))
        return t * self.timestep_scaling


@final
@dataclass(frozen=True)
class ConsistencyParameterization(_ScaledInput):
    """A consistency network: `denoised = c_skip * x + c_out * F`, which is x itself at `sigma_min`.

    It is told `250 * ln(sigma)`.

    Parameters
    ----------
    sigma_data : float
        Standard deviation of the data, `sd` below, above 0.
    sigma_min : float
        Level that counts as no noise, 0 or above.

    Raises
    ------
    ParameterizationError
        For values outside these limits.

    Notes
    -----
    Song et al., "Consistency Models" (arXiv 2303.01469), appendix C:
    `c_skip = sd**2 / ((sigma - sigma_min)**2 + sd**2)`, `c_out = (sigma - sigma_min) * sd / sqrt(sigma**2 + sd**2)`.
    """

    sigma_data: float = 0.5
    sigma_min: float = 0.002
    _native: _core.NativeParameterization = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_native", _core.NativeParameterization.consistency(self.sigma_data, self.sigma_min))

    def __reduce__(self) -> tuple[Any, ...]:
        return ConsistencyParameterization, (self.sigma_data, self.sigma_min)

    def c_skip(self, sigma: Sigma) -> Any:
        """`sd**2 / ((sigma - sigma_min)**2 + sd**2)`."""
        above = _checked(sigma) - self.sigma_min
        return self.sigma_data * self.sigma_data / _variance(above, self.sigma_data)

    def c_out(self, sigma: Sigma) -> Any:
        """`(sigma - sigma_min) * sd / sqrt(sigma**2 + sd**2)`."""
        return (_scalar(sigma) - self.sigma_min) * self.sigma_data / _sqrt(self._variance(sigma))


@final
@dataclass(frozen=True)
class TrigFlowParameterization(_ScaledInput):
    """The network predicts the velocity of TrigFlow and is told the angle `t = atan(sigma / sigma_data)`.

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
    Lu & Song (arXiv 2410.11081), section 3: `denoised = cos(t) * x_t - sin(t) * sigma_data * F` with
    `x_t = cos(t) * x`, whose scalings are those of `VPredictionParameterization`.
    """

    sigma_data: float = 1.0
    _native: _core.NativeParameterization = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._prepare("trigflow", self.sigma_data)

    def __reduce__(self) -> tuple[Any, ...]:
        return TrigFlowParameterization, (self.sigma_data,)

    def c_skip(self, sigma: Sigma) -> Any:
        """`sd**2 / (sigma**2 + sd**2)`."""
        return self.sigma_data * self.sigma_data / self._variance(sigma)

    def c_out(self, sigma: Sigma) -> Any:
        """`-sigma * sd / sqrt(sigma**2 + sd**2)`."""
        return -(_scalar(sigma) * self.sigma_data) / _sqrt(self._variance(sigma))


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


def _checked(sigma: Sigma, top: float = math.inf) -> Any:
    sigma = _scalar(sigma)
    if isinstance(sigma, float):
        if not (0.0 <= sigma < math.inf and sigma <= top):
            raise ParameterizationError(f"sigma is {sigma}; expected {_range(top)}")
    elif isinstance(sigma, np.ndarray):
        valid = (sigma >= 0.0) & (sigma < math.inf) & (sigma <= top)
        if not valid.all():
            index = int(np.argmin(valid.ravel()))
            got = sigma.ravel()[index]
            raise ParameterizationError(f"sigma[{index}] is {got}; expected {_range(top)}")
    return sigma


def _range(top: float) -> str:
    return "a finite value, 0 or above" if top == math.inf else f"0 to {top:g}"


def _weight(sigma: Sigma) -> Any:
    """Check a sigma that is the weight of the noise."""
    return _checked(sigma, 1.0)


def _constant(sigma: Any, value: float) -> Any:
    """`value` in the shape of `sigma`."""
    return sigma * 0.0 + value


def _variance(sigma: Any, sigma_data: float) -> Any:
    return sigma * sigma + sigma_data * sigma_data


def _noised(sigma: Sigma, noise: Array, latent: Array, *, max_denoise: bool) -> Array:
    sigma = per_sample(_checked(sigma), latent)
    return latent + noise * (_sqrt(1.0 + sigma * sigma) if max_denoise else sigma)


def _sqrt(value: Any) -> Any:
    """Square root by whoever owns the value; all of them round correctly, as IEEE 754 asks."""
    if isinstance(value, float):
        return math.sqrt(value)
    return np.sqrt(value) if isinstance(value, np.ndarray) else value.sqrt()
