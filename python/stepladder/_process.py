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
        """The levels that table-driven schedules pick from; None where there is no such table.

        They ascend; a process that clamps its levels repeats the first and the last one.
        """

    @abstractmethod
    def sigma(self, t: Floats) -> Any:
        """Noise level at time `t`; a time outside the process's range is a `ProcessError`."""

    @abstractmethod
    def timestep(self, sigma: Floats, *, interpolate: bool = False) -> Any:
        """Time that a network is told for `sigma`, or with `interpolate` the inverse of `sigma(t)`.

        The two differ where levels are a table, whose nearest level is told, and where a process shifts its levels:
        the network is told the time without the shift. `timestep(sigma_max)` is the end of time.
        """

    @abstractmethod
    def percent_to_sigma(self, percent: float) -> float:
        """Noise level after that fraction of sampling: at 0 no sigma is above it, at 1 it is 0."""

    @final
    def alpha(self, sigma: Floats) -> Any:
        """Weight of the signal: 1 (ve), `1 / sqrt(1 + sigma**2)` (vp) or `1 - sigma` (flow)."""
        return _core.alpha(self.family, sigma)

    @final
    def half_log_snr(self, sigma: Floats) -> Any:
        """`-ln(sigma)` (ve and vp) or `ln((1 - sigma) / sigma)` (flow; -inf at 1), for positive sigma."""
        return _core.half_log_snr(self.family, sigma)

    @final
    def sigma_from_half_log_snr(self, half_log_snr: Floats) -> Any:
        """Invert `half_log_snr`, for values from -700 to 700, and -inf for a flow."""
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
    def sigma(self, t: Floats, *, out: Any = None) -> Any:
        """Noise level at time `t`; a time outside the process's range is a `ProcessError`.

        `out` is a float64 or float32 array of the shape of the array `t`, which is filled (rounded to its precision)
        and returned.
        """
        return self._native.sigma(t, out)

    @final
    def timestep(self, sigma: Floats, *, interpolate: bool = False, out: Any = None) -> Any:
        """Time that a network is told for `sigma`, or with `interpolate` the inverse of `sigma(t)`.

        `out` is as for `sigma`.
        """
        return self._native.timestep(sigma, interpolate, out)

    @final
    def percent_to_sigma(self, percent: float) -> float:
        """Noise level after that fraction of sampling: 999999999.9 at 0 (1 for a flow), exactly 0 at 1."""
        return self._native.percent_to_sigma(percent)

    def _keep(self, native: _core.NativeProcess) -> None:
        """Keep the compiled process, and its range under the public names."""
        object.__setattr__(self, "_native", native)
        object.__setattr__(self, "sigma_min", native.sigma_min)
        object.__setattr__(self, "sigma_max", native.sigma_max)


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
    table : iterable of float, optional
        The table as noise levels, positive and strictly ascending, in place of `betas`.
    zero_terminal_snr : str, optional
        Rescale the table so that its last level keeps no signal (Lin et al., arXiv 2305.08891, algorithm 1). The last
        sigma would be infinite, and is `"comfyui"`'s 4518.76 or `"diffusers"`' 4096. None: the table as it is.

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
    table: tuple[float, ...] | None = None
    zero_terminal_snr: str | None = None
    sigma_min: float = field(init=False, compare=False)
    sigma_max: float = field(init=False, compare=False)
    _native: _core.NativeProcess = field(init=False, compare=False)

    def __post_init__(self) -> None:
        self._keep(self._build())

    def _build(self) -> _core.NativeProcess:
        tables = self._tables()
        if len(tables) > 1:
            given = " and ".join(tables)
            raise ProcessError(f"{given} are {'both' if len(tables) == 2 else 'all'} given; expected one table")
        if not tables:
            return _core.NativeProcess.discrete(
                self.beta_schedule, self.beta_start, self.beta_end, self.timesteps, self.zero_terminal_snr
            )
        name, values = tables.popitem()
        table = _table(name, values)
        if (self.beta_schedule, self.beta_start, self.beta_end) != ("scaled_linear", 0.00085, 0.012):
            raise ProcessError(f"{name} is given; expected beta_schedule, beta_start and beta_end left alone")
        if self.timesteps not in (1000, len(table)):
            raise ProcessError(f"timesteps is {self.timesteps}; expected {len(table)}, the length of {name}")
        from_table = {
            "betas": _core.NativeProcess.from_betas,
            "alphas_cumprod": _core.NativeProcess.from_alphas_cumprod,
            "table": _core.NativeProcess.from_sigmas,
        }
        native = from_table[name](table, self.zero_terminal_snr)
        object.__setattr__(self, name, table)
        object.__setattr__(self, "timesteps", len(table))
        return native

    def _tables(self) -> dict[str, tuple[float, ...]]:
        given = {"betas": self.betas, "alphas_cumprod": self.alphas_cumprod, "table": self.table}
        return {name: values for name, values in given.items() if values is not None}

    def __repr__(self) -> str:
        rescaled = "" if self.zero_terminal_snr is None else f", zero_terminal_snr={self.zero_terminal_snr!r}"
        for name, values in self._tables().items():
            return f"DiscreteProcess({name}=<{len(values)} values, {values[0]!r} to {values[-1]!r}>{rescaled})"
        return (
            f"DiscreteProcess(beta_schedule={self.beta_schedule!r}, beta_start={self.beta_start!r}, "
            f"beta_end={self.beta_end!r}, timesteps={self.timesteps!r}{rescaled})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        named = (self.beta_schedule, self.beta_start, self.beta_end, self.timesteps)
        return DiscreteProcess, (*named, self.betas, self.alphas_cumprod, self.table, self.zero_terminal_snr)


@final
@dataclass(frozen=True, slots=True)
class DistilledDiscreteProcess(_CompiledProcess):
    """The levels a consistency-distilled network knows: every 20th of its teacher's 1000, as LCM's.

    Time counts the teacher's steps, and may be fractional, from the time of the first level kept to the teacher's last;
    `sigma(t)` is log-linear between the levels kept, and `timestep(sigma)` the time of the nearest one.

    Parameters
    ----------
    original_timesteps : int
        Levels kept, counted from the noisy end at an even stride, 2 to `timesteps`.
    beta_schedule, beta_start, beta_end, timesteps
        The teacher's table, as for `DiscreteProcess`.

    Attributes
    ----------
    sigma_min, sigma_max : float
        Ends of the table.

    Raises
    ------
    ProcessError
        For values outside these limits.

    Notes
    -----
    Luo et al., "Latent Consistency Models" (arXiv 2310.04378), section 4.3.
    """

    original_timesteps: int = 50
    beta_schedule: str = "scaled_linear"
    beta_start: float = 0.00085
    beta_end: float = 0.012
    timesteps: int = 1000
    sigma_min: float = field(init=False, repr=False, compare=False)
    sigma_max: float = field(init=False, repr=False, compare=False)
    _native: _core.NativeProcess = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        teacher = (self.beta_schedule, self.beta_start, self.beta_end, self.timesteps)
        self._keep(_core.NativeProcess.distilled(*teacher, self.original_timesteps))

    def __reduce__(self) -> tuple[Any, ...]:
        teacher = (self.beta_schedule, self.beta_start, self.beta_end, self.timesteps)
        return DistilledDiscreteProcess, (self.original_timesteps, *teacher)


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
        self._keep(_core.NativeProcess.edm(self.sigma_min, self.sigma_max))

    def __reduce__(self) -> tuple[Any, ...]:
        return EDMProcess, (self.sigma_min, self.sigma_max)


@final
@dataclass(frozen=True, slots=True)
class ContinuousVProcess(_CompiledProcess):
    """Variance preserving and continuous, for v prediction: Stable Audio.

    Time is `(2 / pi) * atan(sigma)`, in [0, 1); `sigma_min` and `sigma_max` are the range to sample over and the ends
    of a table of 1000 log-spaced levels.

    Parameters
    ----------
    sigma_min, sigma_max : float
        Ends of the range, `0 < sigma_min < sigma_max`.

    Raises
    ------
    ProcessError
        For a range that is empty, not positive or not finite.

    Notes
    -----
    The angle of Salimans & Ho, "Progressive Distillation" (arXiv 2202.00512), appendix D, as a fraction of the right
    one; range and table are ComfyUI's.
    """

    sigma_min: float = 0.03
    sigma_max: float = 500.0
    _native: _core.NativeProcess = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._keep(_core.NativeProcess.continuous_v(self.sigma_min, self.sigma_max))

    def __reduce__(self) -> tuple[Any, ...]:
        return ContinuousVProcess, (self.sigma_min, self.sigma_max)


@final
@dataclass(frozen=True, slots=True)
class CosmosProcess(_CompiledProcess):
    """Variance exploding, told as the time of a rectified flow: NVIDIA's Cosmos.

    Time is `sigma / (sigma + 1)`, in [0, 1]; `sigma(t)` is at most `sigma_max`. The table has 1000 log-spaced levels.

    Parameters
    ----------
    sigma_min, sigma_max : float
        Ends of the range, `0 < sigma_min < sigma_max`.

    Raises
    ------
    ProcessError
        For a range that is empty, not positive or not finite.

    Notes
    -----
    NVIDIA, "Cosmos World Foundation Model Platform" (arXiv 2501.03575); range and table are ComfyUI's.
    """

    sigma_min: float = 0.002
    sigma_max: float = 80.0
    _native: _core.NativeProcess = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._keep(_core.NativeProcess.cosmos(self.sigma_min, self.sigma_max))

    def __reduce__(self) -> tuple[Any, ...]:
        return CosmosProcess, (self.sigma_min, self.sigma_max)


@final
@dataclass(frozen=True, slots=True)
class TrigFlowProcess(_CompiledProcess):
    """Variance preserving, time an angle: the continuous-time consistency models of sCM and SANA-Sprint.

    Time is `atan(sigma)`, in [0, pi / 2). Levels are in units of the data's deviation: divide data by it first. The
    defaults are the paper's 0.002 and 80 for a deviation of 0.5. The table has 1000 log-spaced levels.

    Parameters
    ----------
    sigma_min, sigma_max : float
        Ends of the range, `0 < sigma_min < sigma_max`.

    Raises
    ------
    ProcessError
        For a range that is empty, not positive or not finite.

    Notes
    -----
    Lu & Song (arXiv 2410.11081), section 3: `x_t = cos(t) * x0 + sin(t) * z`.
    """

    sigma_min: float = 0.004
    sigma_max: float = 160.0
    _native: _core.NativeProcess = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._keep(_core.NativeProcess.trigflow(self.sigma_min, self.sigma_max))

    def __reduce__(self) -> tuple[Any, ...]:
        return TrigFlowProcess, (self.sigma_min, self.sigma_max)


@final
@dataclass(frozen=True, slots=True)
class FlowProcess(_CompiledProcess):
    """Rectified flow: Stable Diffusion 3, AuraFlow, Wan, Hunyuan Video and their relatives.

    With `u = t / multiplier` in [0, 1], `sigma(t) = shift * u / (1 + (shift - 1) * u)`. The network is told
    `sigma * multiplier`, which `timestep` gives; with `interpolate` it inverts the shift as well.

    Parameters
    ----------
    shift : float
        How far levels are moved towards noise, above 0; 1 leaves them evenly spaced.
    multiplier : float
        Time at sigma 1, above 0.
    timesteps : int
        Levels of the table, evenly spaced in time up to 1, 2 to 1 000 000.

    Attributes
    ----------
    sigma_min, sigma_max : float
        Ends of the table: one training step, and 1.

    Raises
    ------
    ProcessError
        For values outside these limits, or a shift that leaves two levels equal.

    Notes
    -----
    Esser et al., "Scaling Rectified Flow Transformers" (arXiv 2403.03206), equation 23. `half_log_snr(1.0)` is -inf:
    pure noise.
    """

    shift: float = 1.0
    multiplier: float = 1000.0
    timesteps: int = 1000
    sigma_min: float = field(init=False, repr=False, compare=False)
    sigma_max: float = field(init=False, repr=False, compare=False)
    _native: _core.NativeProcess = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._keep(_core.NativeProcess.flow(self.shift, self.multiplier, self.timesteps))

    def __reduce__(self) -> tuple[Any, ...]:
        return FlowProcess, (self.shift, self.multiplier, self.timesteps)


@final
@dataclass(frozen=True, slots=True)
class FluxProcess(_CompiledProcess):
    """Rectified flow with an exponential shift: Flux and its relatives.

    `sigma(t) = exp(mu) / (exp(mu) + 1 / t - 1)` for t in [0, 1]: a `FlowProcess` of shift `exp(mu)` and multiplier 1.
    The network is told sigma itself, which `timestep` gives; with `interpolate` it inverts the shift.

    Parameters
    ----------
    mu : float
        Logarithm of the shift, -20 to 20; `for_resolution` computes it from a picture's size.
    timesteps : int
        Levels of the table, evenly spaced in time up to 1, 2 to 1 000 000.

    Attributes
    ----------
    sigma_min, sigma_max : float
        Ends of the table: one training step, and 1.

    Raises
    ------
    ProcessError
        For values outside these limits.

    Notes
    -----
    Black Forest Labs, flux/sampling.py, `time_shift` and `get_lin_function`; the table is ComfyUI's.
    """

    mu: float = 1.15
    timesteps: int = 10_000
    sigma_min: float = field(init=False, repr=False, compare=False)
    sigma_max: float = field(init=False, repr=False, compare=False)
    _native: _core.NativeProcess = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._keep(_core.NativeProcess.flux(self.mu, self.timesteps))

    def __reduce__(self) -> tuple[Any, ...]:
        return FluxProcess, (self.mu, self.timesteps)

    @classmethod
    def for_resolution(
        cls, width: float, height: float, *, base_shift: float = 0.5, max_shift: float = 1.15
    ) -> FluxProcess:
        """Make the process of a picture of `width` by `height` pixels.

        Its `mu` is linear in the number of patches of 16 x 16 pixels: `base_shift` at 256, `max_shift` at 4096.
        """
        return cls(_core.flux_mu(width, height, base_shift, max_shift))


@final
@dataclass(frozen=True, slots=True)
class StableCascadeProcess(_CompiledProcess):
    """Variance preserving and continuous, with a cosine: Stable Cascade.

    For t in [0, 1] the signal's share of the variance is `cos(phi)**2 / cos(phi0)**2` with
    `phi = (t + s) / (1 + s) * pi / 2`, `phi0` its value at 0; sigma is then multiplied by `shift` and clamped to the
    range of shares from 0.0001 to 0.9999. The network is told the time of the unshifted process, which `timestep`
    gives; with `interpolate` it inverts the shift as well. The table has 10 000 levels evenly spaced in time, the first
    and the last ones repeated by the clamp.

    Parameters
    ----------
    shift : float
        Factor of sigma, 0.01 to 100; its logarithm is subtracted from half the log-SNR.
    cosine_s : float
        Offset `s` of the cosine, 0 to 1.

    Attributes
    ----------
    sigma_min, sigma_max : float
        Ends of the table.

    Raises
    ------
    ProcessError
        For values outside these limits.

    Notes
    -----
    Pernias et al., "Wuerstchen" (arXiv 2306.00637); Nichol & Dhariwal (arXiv 2102.09672), equation 17, for the cosine;
    clamp and table are ComfyUI's.
    """

    shift: float = 1.0
    cosine_s: float = 0.008
    sigma_min: float = field(init=False, repr=False, compare=False)
    sigma_max: float = field(init=False, repr=False, compare=False)
    _native: _core.NativeProcess = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._keep(_core.NativeProcess.stable_cascade(self.shift, self.cosine_s))

    def __reduce__(self) -> tuple[Any, ...]:
        return StableCascadeProcess, (self.shift, self.cosine_s)


@final
@dataclass(frozen=True, slots=True)
class VPSDEProcess(_CompiledProcess):
    """Variance preserving and continuous, the noise growing at a rate linear in time: DDPM++ and its relatives.

    `sigma(t) = sqrt(exp(beta_d * t**2 / 2 + beta_min * t) - 1)` for t in [0, 1]; it is sampled, and has a table of 1000
    levels evenly spaced in time, from 1 down to `time_min`.

    Parameters
    ----------
    beta_min, beta_d : float
        Rate at time 0, above 0, and its growth until time 1, not negative; both at most 500.
    time_min : float
        Where sampling ends, 1e-12 to 1.

    Attributes
    ----------
    sigma_min, sigma_max : float
        Levels at `time_min` and 1.

    Raises
    ------
    ProcessError
        For values outside these limits.

    Notes
    -----
    Song et al. (arXiv 2011.13456), equation 33, as in Karras et al. (arXiv 2206.00364), table 1, column "VP".
    """

    beta_min: float = 0.1
    beta_d: float = 19.9
    time_min: float = 1e-3
    sigma_min: float = field(init=False, repr=False, compare=False)
    sigma_max: float = field(init=False, repr=False, compare=False)
    _native: _core.NativeProcess = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._keep(_core.NativeProcess.vp_sde(self.beta_min, self.beta_d, self.time_min))

    def __reduce__(self) -> tuple[Any, ...]:
        return VPSDEProcess, (self.beta_min, self.beta_d, self.time_min)


def _table(name: str, values: Iterable[float]) -> tuple[float, ...]:
    try:
        return tuple(float(value) for value in values)
    except (TypeError, ValueError) as error:
        raise ProcessError(f"{name} is not an iterable of numbers: {error}") from None
