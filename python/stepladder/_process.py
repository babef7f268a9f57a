"""Noise processes: the map between time and noise level that a model was trained with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, final

from stepladder import _core
from stepladder.errors import ProcessError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt

Family: TypeAlias = Literal["ve", "vp", "flow"]
Floats: TypeAlias = "float | npt.NDArray[np.float64] | npt.NDArray[np.float32]"


class NoiseProcess(ABC):
    """A forward process: `t <-> sigma`, the range it was trained over, and how signal and noise mix.

    Derive from it to add a family. Every map takes a float and returns a float, or takes a C-contiguous float64 or
    float32 array of any shape and returns a float64 array of that shape; nothing is clamped silently.

    Sigma is the noise-to-signal ratio for the families `"ve"` (variance exploding) and `"vp"` (variance preserving),
    and the weight of the noise, in [0, 1], for `"flow"`.
    """

    __slots__ = ()

    _native: _core.NativeProcess | None = None
    """The compiled process behind a built-in family; None: compiled code calls the methods below."""

    @property
    @abstractmethod
    def family(self) -> Family:
        """How signal and noise mix: `"ve"`, `"vp"` or `"flow"`."""

    @property
    @abstractmethod
    def sigma_min(self) -> float:
        """Lowest noise level that the model was trained at, above 0."""

    @property
    @abstractmethod
    def sigma_max(self) -> float:
        """Highest noise level that the model was trained at."""

    @property
    @abstractmethod
    def sigmas(self) -> npt.NDArray[np.float64] | None:
        """The levels that table-driven schedules pick from, ascending; None where there is no such table."""

    @abstractmethod
    def sigma(self, t: Floats) -> Any:
        """Noise level at time `t`; a time outside the process's range is a `ProcessError`."""

    @abstractmethod
    def timestep(self, sigma: Floats, *, interpolate: bool = False) -> Any:
        """Time of the trained noise level nearest to `sigma`, or with `interpolate` the inverse of `sigma(t)`.

        The two differ where levels are a table. `timestep(sigma_min)` and `timestep(sigma_max)` are the ends of time.
        """

    @abstractmethod
    def percent_to_sigma(self, percent: float) -> float:
        """Noise level after that fraction of sampling; a large number at 0 (every sigma is below it), 0 at 1."""

    @final
    def alpha(self, sigma: Floats) -> Any:
        """Weight of the signal: 1 (ve), `1 / sqrt(1 + sigma**2)` (vp) or `1 - sigma` (flow)."""
        return _core.alpha(self.family, sigma)

    @final
    def half_log_snr(self, sigma: Floats) -> Any:
        """`-ln(sigma)` (ve and vp) or `ln((1 - sigma) / sigma)` (flow), for positive sigma."""
        return _core.half_log_snr(self.family, sigma)

    @final
    def sigma_from_half_log_snr(self, half_log_snr: Floats) -> Any:
        """Invert `half_log_snr`, for values from -700 to 700."""
        return _core.sigma_from_half_log_snr(self.family, half_log_snr)


class _CompiledProcess(NoiseProcess):
    """A family whose mathematics is in the compiled core; a subclass adds its configuration and `_native`."""

    __slots__ = ()

    _native: _core.NativeProcess

    @property
    @final
    def family(self) -> Family:
        return self._native.family

    @property
    @final
    def sigmas(self) -> npt.NDArray[np.float64] | None:
        """The levels that table-driven schedules pick from, ascending: a fresh float64 array."""
        return self._native.sigmas

    @final
    def sigma(self, t: Floats) -> Any:
        """Noise level at time `t`; a time outside the process's range is a `ProcessError`."""
        return self._native.sigma(t)

    @final
    def timestep(self, sigma: Floats, *, interpolate: bool = False) -> Any:
        """Time of the trained noise level nearest to `sigma`, or with `interpolate` the inverse of `sigma(t)`."""
        return self._native.timestep(sigma, interpolate)

    @final
    def percent_to_sigma(self, percent: float) -> float:
        """Noise level after that fraction of sampling: 999999999.9 at 0, exactly 0 at 1."""
        return self._native.percent_to_sigma(percent)


@final
@dataclass(frozen=True, slots=True, repr=False)
class DiscreteProcess(_CompiledProcess):
    """Variance preserving, on a table of training steps: Stable Diffusion, SDXL, DeepFloyd and their relatives.

    Time is the zero-based index into the table, and may be fractional; `sigma(t)` is log-linear between levels.
    `timestep(sigma)` is the index of the nearest log sigma, so outside the range it is the end of the table;
    interpolated, a sigma outside the range by more than a float32 rounding is an error.

    Parameters
    ----------
    beta_schedule : str
        How the noise grows: `"linear"` (evenly spaced betas), `"scaled_linear"` (evenly spaced square roots),
        `"cosine"` (squared-cosine signal, betas capped at 0.999), `"sqrt"` (square roots of evenly spaced values), or
        one of the field's second names, `"sqrt_linear"` (linear) and `"squaredcos_cap_v2"` (cosine).
    beta_start, beta_end : float
        First and last beta, in (0, 1); the cosine schedules do not use them.
    timesteps : int
        Training steps, 2 to 1 000 000. With an explicit table: its length, or left alone.
    betas : iterable of float, optional
        The table itself, values in (0, 1), in place of the four above. None: computed from them.
    alphas_cumprod : iterable of float, optional
        The table as cumulative products of `1 - beta`, strictly descending in (0, 1), in place of `betas`.

    Attributes
    ----------
    sigma_min, sigma_max : float
        Ends of the table.

    Raises
    ------
    ProcessError
        For values outside these limits, or more than one way to give the table.

    Notes
    -----
    Ho et al., "Denoising Diffusion Probabilistic Models" (arXiv 2006.11239), equation 4: `sigma_t = sqrt((1 - a) / a)`
    with `a` the product of `1 - beta` up to t. The cosine: Nichol & Dhariwal (arXiv 2102.09672), equation 17.
    """

    beta_schedule: str = "scaled_linear"
    beta_start: float = 0.00085
    beta_end: float = 0.012
    timesteps: int = 1000
    betas: tuple[float, ...] | None = None
    alphas_cumprod: tuple[float, ...] | None = None
    sigma_min: float = field(init=False, compare=False)
    sigma_max: float = field(init=False, compare=False)
    _native: _core.NativeProcess = field(init=False, compare=False)

    def __post_init__(self) -> None:
        native = self._build()
        object.__setattr__(self, "_native", native)
        object.__setattr__(self, "sigma_min", native.sigma_min)
        object.__setattr__(self, "sigma_max", native.sigma_max)

    def _build(self) -> _core.NativeProcess:
        if self.betas is not None and self.alphas_cumprod is not None:
            raise ProcessError("betas and alphas_cumprod are both given; expected one table")
        if self.betas is not None:
            name, table = "betas", _table("betas", self.betas)
        elif self.alphas_cumprod is not None:
            name, table = "alphas_cumprod", _table("alphas_cumprod", self.alphas_cumprod)
        else:
            return _core.NativeProcess.discrete(self.beta_schedule, self.beta_start, self.beta_end, self.timesteps)
        if (self.beta_schedule, self.beta_start, self.beta_end) != ("scaled_linear", 0.00085, 0.012):
            raise ProcessError(f"{name} is given; expected beta_schedule, beta_start and beta_end left alone")
        if self.timesteps not in (1000, len(table)):
            raise ProcessError(f"timesteps is {self.timesteps}; expected {len(table)}, the length of {name}")
        from_table = {
            "betas": _core.NativeProcess.from_betas,
            "alphas_cumprod": _core.NativeProcess.from_alphas_cumprod,
        }
        native = from_table[name](table)
        object.__setattr__(self, name, table)
        object.__setattr__(self, "timesteps", len(table))
        return native

    def __repr__(self) -> str:
        for name, values in (("betas", self.betas), ("alphas_cumprod", self.alphas_cumprod)):
            if values is not None:
                return f"DiscreteProcess({name}=<{len(values)} values, {values[0]!r} to {values[-1]!r}>)"
        return (
            f"DiscreteProcess(beta_schedule={self.beta_schedule!r}, beta_start={self.beta_start!r}, "
            f"beta_end={self.beta_end!r}, timesteps={self.timesteps!r})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (self.beta_schedule, self.beta_start, self.beta_end, self.timesteps)
        return DiscreteProcess, (*arguments, self.betas, self.alphas_cumprod)


@final
@dataclass(frozen=True, slots=True)
class EDMProcess(_CompiledProcess):
    """Variance exploding and continuous: EDM, Playground 2.5, Stable Video Diffusion.

    Time is `ln(sigma) / 4`, defined for every positive sigma; `sigma_min` and `sigma_max` are the range to sample over
    and the ends of a table of 1000 log-spaced levels for the schedules that pick from one.

    Parameters
    ----------
    sigma_min, sigma_max : float
        Ends of the range, `0 < sigma_min < sigma_max`. The defaults are the hosts' (ComfyUI's continuous EDM); the
        paper samples to 80, Stable Video Diffusion to 700.

    Raises
    ------
    ProcessError
        For a range that is empty, not positive or not finite.

    Notes
    -----
    Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models" (arXiv 2206.00364), table 1:
    `sigma(t) = t`, `c_noise = ln(sigma) / 4`; time here is `c_noise`.
    """

    sigma_min: float = 0.002
    sigma_max: float = 120.0
    _native: _core.NativeProcess = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        native = _core.NativeProcess.edm(self.sigma_min, self.sigma_max)
        object.__setattr__(self, "_native", native)
        object.__setattr__(self, "sigma_min", native.sigma_min)
        object.__setattr__(self, "sigma_max", native.sigma_max)

    def __reduce__(self) -> tuple[Any, ...]:
        return EDMProcess, (self.sigma_min, self.sigma_max)


def _table(name: str, values: Iterable[float]) -> tuple[float, ...]:
    try:
        return tuple(float(value) for value in values)
    except (TypeError, ValueError) as error:
        raise ProcessError(f"{name} is not an iterable of numbers: {error}") from None
