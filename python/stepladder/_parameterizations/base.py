"""What every parameterization is, and what those of the compiled core share."""

from __future__ import annotations

import dataclasses
import itertools
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeAlias, final

import numpy as np

from stepladder._number import convert_numbers
from stepladder._parameterizations.arithmetic import checked, is_tensor, noised, on_host, per_sample, same_shape
from stepladder.errors import ParameterizationError

if TYPE_CHECKING:
    import numpy.typing as npt

    from stepladder import _core
    from stepladder._processes.base import Floats, NoiseProcess

    Values = npt.NDArray[np.float64] | npt.NDArray[np.float32]

Sigma: TypeAlias = Any
"""A noise level: a float, or a NumPy array or torch tensor of one per sample, shape `(batch,)`."""

Array: TypeAlias = Any
"""Samples: a NumPy array or torch tensor of shape `(batch, ...)`. Results are of its library."""


class Preconditioning(NamedTuple):
    """The four scalings of every sigma: arrays of the shape of the sigmas.

    Attributes
    ----------
    c_skip, c_out, c_in : ndarray
        Weights of the sample and of the network's output in the denoised sample, and scale of the network's input.
    c_noise : ndarray
        What the network is told. NaN where sigma is 0: there a network is never asked.
    """

    c_skip: Any
    c_out: Any
    c_in: Any
    c_noise: Any


class Parameterization(ABC):
    """How a network `F` becomes a denoiser: `denoised = c_skip x + c_out F(c_in x, c_noise)`.

    Derive from it, as a frozen dataclass, to add one. Formulas are plain arithmetic, so they work on floats, NumPy
    arrays and torch tensors alike; a result's dtype is what the array's library makes of sample and sigma (a Python
    float never widens it). Floats and NumPy arrays are checked to be from 0 to 1e150 (a flow's: to 1); tensors are not,
    since looking at one would stall its device.

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

        `process` is the one the network was trained with; None where there is none to ask. The built-in ones also take
        a tensor, which is read on the host, and give one of float32 (float64 for float64) on its device.
        """

    @abstractmethod
    def noise_scaling(self, sigma: Sigma, noise: Array, latent: Array, *, max_denoise: bool = False) -> Array:
        """Noise a clean latent to `sigma`; with `max_denoise` as for a run that starts from pure noise."""

    @abstractmethod
    def inverse_noise_scaling(self, sigma: Sigma, latent: Array) -> Array:
        """Take a sample at `sigma` to the scale of a latent."""

    @final
    def scalings(
        self,
        sigmas: Values,
        *,
        out: tuple[Values, Values, Values] | None = None,
        threads: int = 1,
    ) -> tuple[Any, Any, Any]:
        """`(c_skip, c_out, c_in)` of every sigma: three float64 arrays of the shape of `sigmas`, or three floats.

        `sigmas` is a C-contiguous float64 or float32 array, or a float; `out` is three arrays of its shape, float64 or
        float32, that share no memory, which are filled and returned; `threads` is the most to share the work where it
        is compiled, 1 to 256.
        """
        if self._native is not None:
            return self._native.scalings(sigmas, _targets(out, 3, sigmas), threads)
        wide = _wide(sigmas)
        c_skip, c_out, c_in = _targets(out, 3, sigmas) or (None, None, None)
        return (
            _filled(self.c_skip(wide), wide, c_skip),
            _filled(self.c_out(wide), wide, c_out),
            _filled(self.c_in(wide), wide, c_in),
        )

    @final
    def preconditioning(
        self,
        sigmas: Values,
        process: NoiseProcess | None = None,
        *,
        out: tuple[Values, Values, Values, Values] | None = None,
        threads: int = 1,
    ) -> Preconditioning:
        """`c_skip`, `c_out`, `c_in` and `c_noise` of a whole schedule.

        Parameters
        ----------
        sigmas : ndarray
            Noise levels of any shape, C-contiguous float64 or float32. The 0 at the end of a schedule may be among
            them: the network is told nothing there, and `c_noise` is NaN.
        process : NoiseProcess, optional
            What the network was trained with. None: there is none to ask.
        out : tuple of four ndarray, optional
            Arrays of the shape of `sigmas`, float64 or float32, to fill and return, that share no memory. None:
            fresh float64 arrays.
        threads : int
            Most threads to share the work where it is compiled, 1 to 256; changes no bit of the result.

        Returns
        -------
        Preconditioning
            Four arrays of the shape of `sigmas`.

        Raises
        ------
        ParameterizationError
            For a sigma outside the range, a network that is told a timestep where `process` is None, or arrays of `out`
            that overlap.

        Notes
        -----
        Karras et al. (arXiv 2206.00364), equation 7.
        """
        if not isinstance(sigmas, np.ndarray):
            kind = type(sigmas).__name__
            raise ParameterizationError(f"sigmas is {kind}; expected a float64 or float32 array")
        c_skip, c_out, c_in, told = _targets(out, 4, sigmas) or (None, None, None, None)
        of_scalings: Any = None if out is None else (c_skip, c_out, c_in)
        scalings = self.scalings(sigmas, out=of_scalings, threads=threads)
        heard = sigmas > 0.0
        if heard.all():
            if self._native is not None:
                return Preconditioning(*scalings, self._native.c_noise(sigmas, process, told, threads))
            return Preconditioning(*scalings, _filled(self.c_noise(sigmas, process), sigmas, told))
        c_noise = np.full(sigmas.shape, np.nan)
        c_noise[heard] = self.c_noise(sigmas[heard], process)
        return Preconditioning(*scalings, _filled(c_noise, sigmas, told))

    @final
    def scale_input(self, x: Array, sigma: Sigma) -> Array:
        """`c_in * x`: what goes into the network; x itself where the input is not scaled."""
        sigma = per_sample(sigma, x)
        c_in = self.c_in(sigma)
        return x * c_in if self.scales_input else x

    @final
    def denoised(self, x: Array, model_output: Array, sigma: Sigma) -> Array:
        """`c_skip * x + c_out * model_output`: the denoised sample."""
        sigma = per_sample(sigma, x)
        return x * self.c_skip(sigma) + same_shape("model_output", model_output, x) * self.c_out(sigma)

    @final
    def model_output_from(self, denoised: Array, x: Array, sigma: Sigma) -> Array:
        """Find the network output that gives `denoised`: inverts `denoised(x, ., sigma)` where `c_out` is not 0."""
        sigma = per_sample(sigma, x)
        return (same_shape("denoised", denoised, x) - x * self.c_skip(sigma)) / self._divisor(sigma)

    @final
    def convert(self, model_output: Array, x: Array, sigma: Sigma, to: Parameterization) -> Array:
        """Turn an output of this network into the one of a network `to` that denoises `x` to the same.

        Both take `x` and `sigma` as they are: between a flow and a noise-to-signal ratio, bring them to one scale
        first. Sigma has to be where `to` has a `c_out` that is not 0.
        """
        if not isinstance(to, Parameterization):
            raise ParameterizationError(f"to is {type(to).__name__}; expected a Parameterization")
        sigma = per_sample(sigma, x)
        of_x = self.c_skip(sigma) - to.c_skip(sigma)
        return (x * of_x + same_shape("model_output", model_output, x) * self.c_out(sigma)) / to._divisor(sigma)

    @final
    def _divisor(self, sigma: Sigma) -> Any:
        c_out = self.c_out(sigma)
        if isinstance(c_out, float | np.ndarray) and not np.all(c_out):
            at = np.ravel(sigma)[int(np.argmin(np.ravel(c_out) != 0))]
            raise ParameterizationError(
                f"c_out is 0 at sigma {at}; expected a sigma where the network's output matters"
            )
        return c_out


@dataclass(frozen=True)
class CompiledParameterization(Parameterization):
    """What the parameterizations of the compiled core share.

    A subclass is a frozen dataclass: its parameters, and `_build`. Values, pickles and hashes are those of the
    parameters.
    """

    _native: _core.NativeParameterization = field(init=False, repr=False, compare=False)

    @abstractmethod
    def _build(self) -> _core.NativeParameterization:
        """Make the compiled parameterization of these parameters."""

    @final
    def __post_init__(self) -> None:
        convert_numbers(self, ParameterizationError)
        object.__setattr__(self, "_native", self._build())

    @final
    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, field.name) for field in dataclasses.fields(self) if field.init)

    @final
    def c_noise(self, sigma: Sigma, process: NoiseProcess | None) -> Any:
        """Say what the network is told about sigma; the class says what, as a rule the process's timestep."""
        if is_tensor(sigma):
            return on_host(sigma, lambda levels: self._native.c_noise(levels, process))
        return self._native.c_noise(sigma, process)


class NoiseToSignal(CompiledParameterization):
    """What the parameterizations of samples `x0 + sigma * noise` share."""

    __slots__ = ()

    @final
    def noise_scaling(self, sigma: Sigma, noise: Array, latent: Array, *, max_denoise: bool = False) -> Array:
        """`latent + noise * sigma`; with `max_denoise`, `latent + noise * sqrt(1 + sigma**2)`.

        The second is the scale of pure noise at the top of a variance-preserving range (ComfyUI's rule).
        """
        return noised(sigma, noise, latent, max_denoise=max_denoise)

    @final
    def inverse_noise_scaling(self, sigma: Sigma, latent: Array) -> Array:
        """`latent` itself: samples are in noise-to-signal units at every sigma."""
        per_sample(checked(sigma), latent, "latent")
        return latent


def _targets(out: Any, count: int, sigmas: Any) -> Any:
    """Make `out` a tuple of that many arrays, none of which shares memory with another or the input; None passes."""
    if out is None:
        return None
    if not isinstance(out, tuple | list) or len(out) != count:
        shown = f"{len(out)} values" if isinstance(out, tuple | list) else type(out).__name__
        raise ParameterizationError(f"out is {shown}; expected a tuple of {count} arrays")
    arrays = [("sigmas", sigmas), *((f"out[{index}]", target) for index, target in enumerate(out))]
    arrays = [(name, array) for name, array in arrays if isinstance(array, np.ndarray)]
    for (one, first), (other, second) in itertools.combinations(arrays, 2):
        if np.may_share_memory(first, second) and np.shares_memory(first, second):
            raise ParameterizationError(f"{other} shares memory with {one}; expected an array of its own for each")
    return tuple(out)


def _wide(sigmas: Any) -> Any:
    """Widen a float32 array, as the compiled core does; floats pass."""
    if isinstance(sigmas, np.ndarray) and sigmas.dtype in (np.float64, np.float32):
        return sigmas.astype(np.float64, order="C", copy=False)
    if isinstance(sigmas, float):
        return sigmas
    shown = f"an array of {sigmas.dtype}" if isinstance(sigmas, np.ndarray) else type(sigmas).__name__
    raise ParameterizationError(f"sigma is {shown}; expected a float, or a float64 or float32 array")


def _filled(values: Any, sigmas: Any, out: Any) -> Any:
    """`values` in the shape of `sigmas`: in `out`, or a fresh float64 array, or a float."""
    if isinstance(sigmas, float):
        return float(values)
    if out is None:
        return np.array(np.broadcast_to(values, sigmas.shape), dtype=np.float64)
    floats = isinstance(out, np.ndarray) and out.dtype in (np.float64, np.float32) and out.flags.writeable
    if not floats or out.shape != sigmas.shape:
        shown = f"an array of {out.dtype}, shape {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        expected = f"a writeable float64 or float32 array of shape {sigmas.shape}"
        raise ParameterizationError(f"out is {shown}; expected {expected}")
    out[...] = values
    return out
