"""The compiled half of stepladder: import the public names from `stepladder` itself."""

from collections.abc import Callable
from typing import Any, Literal, SupportsIndex, TypeAlias, final, overload

import numpy as np
import numpy.typing as npt

_Array: TypeAlias = npt.NDArray[np.float64]
_AnyArray: TypeAlias = npt.NDArray[np.float64] | npt.NDArray[np.float32]
_Family: TypeAlias = Literal["ve", "vp", "flow"]
_Table: TypeAlias = list[float] | tuple[float, ...] | _AnyArray

__all__ = [
    "FINITE",
    "NOT_FINITE",
    "NO_BUFFER",
    "NO_POINTER",
    "PROGRAM_VERSION",
    "Linear",
    "NativeParameterization",
    "NativeProcess",
    "Program",
    "Tail",
    "Trace",
    "__version__",
    "align_your_steps",
    "alpha",
    "batch_align_your_steps",
    "batch_exponential",
    "batch_karras",
    "batch_normal",
    "batch_pack",
    "batch_simple",
    "check_align_your_steps_family",
    "check_range",
    "check_rho",
    "copy",
    "exponential",
    "get_num_threads",
    "half_log_snr",
    "is_max_denoise",
    "karras",
    "loglinear_interp",
    "normal",
    "set_num_threads",
    "sigma_from_half_log_snr",
    "simd_backend",
    "simple",
    "trace_dpmpp_2m",
    "trace_dpmpp_2m_sde",
    "trace_euler",
    "trace_euler_ancestral",
    "trace_heun",
    "validate_schedule",
]

__version__: str

@final
class NativeProcess:
    """A noise process of the core, whatever its family."""

    @staticmethod
    def discrete(beta_schedule: str, beta_start: float, beta_end: float, timesteps: SupportsIndex) -> NativeProcess: ...
    @staticmethod
    def from_betas(betas: _Table) -> NativeProcess: ...
    @staticmethod
    def from_alphas_cumprod(alphas_cumprod: _Table) -> NativeProcess: ...
    @staticmethod
    def edm(sigma_min: float, sigma_max: float) -> NativeProcess: ...
    @property
    def family(self) -> _Family: ...
    @property
    def sigma_min(self) -> float: ...
    @property
    def sigma_max(self) -> float: ...
    @property
    def sigmas(self) -> _Array | None: ...
    @overload
    def sigma(self, t: float) -> float: ...
    @overload
    def sigma(self, t: _AnyArray) -> _Array: ...
    @overload
    def timestep(self, sigma: float, interpolate: bool = False) -> float: ...
    @overload
    def timestep(self, sigma: _AnyArray, interpolate: bool = False) -> _Array: ...
    def percent_to_sigma(self, percent: float) -> float: ...

@overload
def alpha(family: str, sigma: float) -> float: ...
@overload
def alpha(family: str, sigma: _AnyArray) -> _Array: ...
@overload
def half_log_snr(family: str, sigma: float) -> float: ...
@overload
def half_log_snr(family: str, sigma: _AnyArray) -> _Array: ...
@overload
def sigma_from_half_log_snr(family: str, half_log_snr: float) -> float: ...
@overload
def sigma_from_half_log_snr(family: str, half_log_snr: _AnyArray) -> _Array: ...

@final
class NativeParameterization:
    """A parameterization of the core."""

    def __new__(cls, prediction: str, sigma_data: float) -> NativeParameterization: ...
    @overload
    def scalings(self, sigmas: float) -> tuple[float, float, float]: ...
    @overload
    def scalings(self, sigmas: _AnyArray) -> tuple[_Array, _Array, _Array]: ...
    @overload
    def c_noise(self, sigma: float, process: Any) -> float: ...
    @overload
    def c_noise(self, sigma: _AnyArray, process: Any) -> _Array: ...

def is_max_denoise(sigma: float, sigma_max: float) -> bool: ...

@final
class Tail:
    """The part of a schedule that is run."""

    def __new__(cls, rule: str, steps: SupportsIndex, denoise: float, discards_penultimate: bool) -> Tail: ...
    @property
    def build(self) -> int: ...
    def take(self, built: _Array) -> _Array: ...

def karras(steps: SupportsIndex, sigma_min: float, sigma_max: float, rho: float) -> _Array: ...
def exponential(steps: SupportsIndex, sigma_min: float, sigma_max: float) -> _Array: ...
def simple(process: Any, steps: SupportsIndex) -> _Array: ...
def normal(process: Any, steps: SupportsIndex) -> _Array: ...
def align_your_steps(family: str, steps: SupportsIndex) -> _Array: ...
def loglinear_interp(table: _Table, n: SupportsIndex) -> _Array: ...
def check_rho(rho: float) -> None: ...
def check_range(sigma_min: float, sigma_max: float) -> None: ...
def check_align_your_steps_family(family: str) -> None: ...
def validate_schedule(sigmas: _Array, steps: int) -> None: ...

_Steps: TypeAlias = int | npt.NDArray[np.int64]
_Column: TypeAlias = float | _Array
_Allocate: TypeAlias = Callable[[int], _AnyArray]
_Ragged: TypeAlias = tuple[_AnyArray, npt.NDArray[np.int64]]

def batch_karras(
    steps: _Steps,
    denoise: _Column,
    sigma_min: _Column,
    sigma_max: _Column,
    rho: _Column,
    allocate: _Allocate,
    threads: SupportsIndex,
) -> _Ragged: ...
def batch_exponential(
    steps: _Steps,
    denoise: _Column,
    sigma_min: _Column,
    sigma_max: _Column,
    allocate: _Allocate,
    threads: SupportsIndex,
) -> _Ragged: ...
def batch_simple(
    steps: _Steps, denoise: _Column, process: Any, allocate: _Allocate, threads: SupportsIndex
) -> _Ragged: ...
def batch_normal(
    steps: _Steps, denoise: _Column, process: Any, allocate: _Allocate, threads: SupportsIndex
) -> _Ragged: ...
def batch_align_your_steps(
    steps: _Steps, denoise: _Column, family: str, allocate: _Allocate, threads: SupportsIndex
) -> _Ragged: ...
def batch_pack(items: list[_Array], which: npt.NDArray[np.int64], allocate: _Allocate) -> _Ragged: ...

PROGRAM_VERSION: int
NOT_FINITE: int
FINITE: int
NO_BUFFER: int
NO_POINTER: int

_Port: TypeAlias = tuple[str, int]
_Step: TypeAlias = tuple[float, float, int, int, tuple[int, int] | None]

@final
class Linear:
    """A linear combination of the tensors of one trace: `+`, `-`, and `*` and `/` by a number."""

    __array_ufunc__: None
    def __add__(self, other: Linear, /) -> Linear: ...
    def __radd__(self, other: Linear, /) -> Linear: ...
    def __sub__(self, other: Linear, /) -> Linear: ...
    def __rsub__(self, other: Linear, /) -> Linear: ...
    def __mul__(self, k: float, /) -> Linear: ...
    def __rmul__(self, k: float, /) -> Linear: ...
    def __truediv__(self, k: float, /) -> Linear: ...
    def __neg__(self) -> Linear: ...
    def __pos__(self) -> Linear: ...
    @property
    def terms(self) -> list[tuple[int, float]]:
        """The (value, coefficient) pairs."""

@final
class Trace:
    """Records what a sampler computes."""

    def __new__(cls, sigmas: _Array) -> Trace: ...
    def start(self) -> Linear:
        """The sample at the first sigma."""

    def hold(self, value: Linear) -> Linear:
        """Make a combination exist as a tensor, so that later uses read that tensor."""

    def denoise(self, x: Linear, sigma: float) -> Linear:
        """One model call: the denoised value of `x` at `sigma`."""

    def denoise_uncond(self, x: Linear, sigma: float) -> tuple[Linear, Linear]:
        """One model call with two results: the denoised and the unconditional denoised value."""

    def denoise_unclipped(self, x: Linear, sigma: float) -> tuple[Linear, Linear]:
        """One model call with two results: the denoised value, and the one before clipping."""

    def noise(self, sigma_from: float, sigma_to: float) -> Linear:
        """Unit noise of the run's path over an interval of sigma."""

    def independent_noise(self, sigma_from: float, sigma_to: float) -> Linear:
        """Unit noise independent of the path."""

    def end_step(self, x: Linear) -> Linear:
        """End the step: `x` becomes a tensor, the sample at the next sigma."""

    def finish(self) -> Program:
        """The program; no more can be recorded."""

@final
class Program:
    """A compiled program."""

    @property
    def registers(self) -> int: ...
    @property
    def sigma_start(self) -> float: ...
    @property
    def sigma_end(self) -> float: ...
    @property
    def noise_range(self) -> tuple[float, float] | None: ...
    @property
    def calls(self) -> Literal["denoiser", "network"]: ...
    @property
    def offset(self) -> tuple[int, int, int]: ...
    @property
    def inputs(self) -> list[_Port]: ...
    @property
    def outputs(self) -> list[_Port]: ...
    @property
    def steps(self) -> list[_Step]: ...
    @property
    def step_count(self) -> int: ...
    @property
    def digest(self) -> bytes: ...
    def operations(self) -> list[tuple[Any, ...]]: ...
    def denoise_sigmas(self) -> _Array: ...
    def slice(self, start: int, stop: int) -> Program: ...
    def boundary(self, step: int) -> list[_Port]: ...
    def fold(self, c_skip: _Array, c_out: _Array, c_in: _Array | None, keep_denoised: bool) -> Program: ...
    def analysis(self) -> dict[str, Any]: ...
    def gaussian_moments(self, mean: float, deviation: float) -> _Array: ...
    def combine(
        self,
        op: int,
        slots: tuple[int, ...],
        owned: list[int],
        pointers: list[int],
        owned_codes: list[int] | None,
        codes: list[int] | None,
        numel: int,
    ) -> int: ...
    def encode(self) -> tuple[npt.NDArray[np.int64], _Array]: ...
    @staticmethod
    def decode(structure: npt.NDArray[np.int64], numbers: _Array) -> Program: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

def simd_backend() -> str: ...
def copy(out: int, out_code: int, source: int, source_code: int, numel: int) -> bool: ...
def set_num_threads(n: int) -> None: ...
def get_num_threads() -> int: ...
def trace_euler(t: Trace, s_churn: float, s_tmin: float, s_tmax: float, s_noise: float) -> None: ...
def trace_euler_ancestral(t: Trace, eta: float, s_noise: float) -> None: ...
def trace_heun(t: Trace, s_churn: float, s_tmin: float, s_tmax: float, s_noise: float) -> None: ...
def trace_dpmpp_2m(t: Trace) -> None: ...
def trace_dpmpp_2m_sde(t: Trace, eta: float, s_noise: float, solver_type: str) -> None: ...
