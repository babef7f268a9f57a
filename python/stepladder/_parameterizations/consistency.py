"""Parameterizations of consistency networks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from stepladder import _core
from stepladder._number import convert_numbers
from stepladder._parameterizations.arithmetic import (
    HIGHEST,
    checked,
    is_tensor,
    noised,
    on_host,
    per_sample,
    scalar,
    sqrt,
    variance,
)
from stepladder._parameterizations.base import Array, Parameterization, Sigma
from stepladder._parameterizations.scaled_input import ScaledInput
from stepladder._processes.base import NoiseProcess
from stepladder._processes.discrete import DistilledDiscreteProcess
from stepladder.errors import ParameterizationError


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
        Factor of the timestep, 1e-150 to 1e150.
    sigma_data : float
        Standard deviation of the data that the input is scaled for, 1e-150 to 1e150.

    Raises
    ------
    ParameterizationError
        For values outside these limits, or a `process` that is none.

    Notes
    -----
    Luo et al., "Latent Consistency Models" (arXiv 2310.04378), section 4.1, and ComfyUI's LCM, which has 0.5 for the
    deviation of the data in b and c.
    """

    process: NoiseProcess = field(default_factory=DistilledDiscreteProcess)
    timestep_scaling: float = 10.0
    sigma_data: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.process, NoiseProcess):
            raise ParameterizationError(f"process is {type(self.process).__name__}; expected a NoiseProcess")
        convert_numbers(self, ParameterizationError)
        for name in ("timestep_scaling", "sigma_data"):
            value = getattr(self, name)
            if not 1.0 / HIGHEST <= value <= HIGHEST:
                raise ParameterizationError(f"{name} is {value}; expected 1e-150 to 1e150")

    def c_in(self, sigma: Sigma) -> Any:
        """`1 / sqrt(sigma**2 + sigma_data**2)`."""
        return 1.0 / sqrt(variance(checked(sigma), self.sigma_data))

    def c_skip(self, sigma: Sigma) -> Any:
        """`b + c`: of x in the boundary condition, and in the noise prediction."""
        t = self._time(sigma)
        return 0.25 / variance(t, 0.5) + t / sqrt(variance(t, 0.5))

    def c_out(self, sigma: Sigma) -> Any:
        """`-sigma * c`."""
        t = self._time(sigma)
        return -(scalar(sigma) * t) / sqrt(variance(t, 0.5))

    def c_noise(self, sigma: Sigma, process: NoiseProcess | None) -> Any:
        """Timestep that the process gives for sigma; None: of the process of this parameterization."""
        asked = self.process if process is None else process
        if not isinstance(asked, NoiseProcess):
            raise ParameterizationError(f"process is {type(asked).__name__}; expected a NoiseProcess")
        return on_host(sigma, asked.timestep) if is_tensor(sigma) else asked.timestep(sigma)

    def noise_scaling(self, sigma: Sigma, noise: Array, latent: Array, *, max_denoise: bool = False) -> Array:
        """`latent + noise * sigma`; with `max_denoise`, `latent + noise * sqrt(1 + sigma**2)`."""
        return noised(sigma, noise, latent, max_denoise=max_denoise)

    def inverse_noise_scaling(self, sigma: Sigma, latent: Array) -> Array:
        """`latent` itself: samples are in noise-to-signal units at every sigma."""
        per_sample(checked(sigma), latent, "latent")
        return latent

    def _time(self, sigma: Sigma) -> Any:
        sigma = checked(sigma)
        if isinstance(sigma, float):
            return self.process.timestep(sigma) * self.timestep_scaling
        if isinstance(sigma, np.ndarray):
            t = np.asarray(self.process.timestep(np.asarray(sigma, np.float64, order="C")))
            kept = sigma.dtype if sigma.dtype.kind == "f" else np.float64
            return t.astype(kept, copy=False) * self.timestep_scaling
        return on_host(sigma, self.process.timestep).to(sigma.dtype) * self.timestep_scaling


@final
@dataclass(frozen=True)
class ConsistencyParameterization(ScaledInput):
    """A consistency network: `denoised = c_skip * x + c_out * F`, which is x itself at `sigma_min`.

    It is told `250 * ln(sigma)`.

    Parameters
    ----------
    sigma_data : float
        Standard deviation of the data, `sd` below, 1e-150 to 1e150.
    sigma_min : float
        Level that counts as no noise, 0 to 1e150.

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

    def _build(self) -> _core.NativeParameterization:
        return _core.NativeParameterization.consistency(self.sigma_data, self.sigma_min)

    def c_skip(self, sigma: Sigma) -> Any:
        """`sd**2 / ((sigma - sigma_min)**2 + sd**2)`."""
        above = checked(sigma) - self.sigma_min
        return self.sigma_data * self.sigma_data / variance(above, self.sigma_data)

    def c_out(self, sigma: Sigma) -> Any:
        """`(sigma - sigma_min) * sd / sqrt(sigma**2 + sd**2)`."""
        return (scalar(sigma) - self.sigma_min) * self.sigma_data / sqrt(self._variance(sigma))
