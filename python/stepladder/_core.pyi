"""The compiled half of stepladder: import the public names from `stepladder` itself."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, SupportsIndex, TypeAlias, TypeVar, final, overload

import numpy as np
import numpy.typing as npt

from stepladder._process import NoiseProcess

_Array: TypeAlias = npt.NDArray[np.float64]
_AnyArray: TypeAlias = npt.NDArray[np.float64] | npt.NDArray[np.float32]
_Out = TypeVar("_Out", npt.NDArray[np.float64], npt.NDArray[np.float32])
_Family: TypeAlias = Literal["ve", "vp", "flow"]
_Curve: TypeAlias = float | Sequence[float]
_Pair: TypeAlias = tuple[float, float]
_Table: TypeAlias = list[float] | tuple[float, ...] | _AnyArray

__all__ = [
    "FINITE",
    "NOT_FINITE",
    "NO_BUFFER",
    "NO_POINTER",
    "PROGRAM_VERSION",
    "DpmController",
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
    "batch_kl_optimal",
    "batch_normal",
    "batch_pack",
    "batch_polyexponential",
    "batch_sgm_uniform",
    "batch_simple",
    "beta",
    "beta_comfyui",
    "beta_over_range",
    "bong_tangent",
    "bong_tangent_stable_diffusion_cpp",
    "check_beta",
    "check_bong_tangent",
    "check_ends",
    "check_flow_conversion",
    "check_laplace",
    "check_lcm_points",
    "check_levels",
    "check_linear_steps",
    "check_logit_normal",
    "check_rho",
    "check_shift",
    "check_spacing",
    "check_table",
    "check_tangent",
    "check_terminal",
    "check_threshold",
    "check_turbo_start",
    "check_value",
    "check_vp",
    "concatenate_sigmas",
    "copy",
    "cosine",
    "ddim_uniform",
    "ddim_uniform_comfyui",
    "dynamic_shift",
    "embedded_pair",
    "exponential",
    "extend_sigmas",
    "flip_sigmas",
    "flow_shift",
    "flux2_mu",
    "flux_mu",
    "get_num_threads",
    "gits",
    "half_log_snr",
    "is_max_denoise",
    "karras",
    "kl_optimal",
    "kl_optimal_a1111",
    "laplace",
    "laplace_comfyui",
    "lcm",
    "linear_mu",
    "linear_quadratic",
    "logit_normal",
    "loglinear_interp",
    "normal",
    "optimal_steps",
    "polyexponential",
    "rescale_sigmas",
    "sd_turbo",
    "set_first_sigma",
    "set_num_threads",
    "sgm_uniform",
    "sigma_from_half_log_snr",
    "simd_backend",
    "simple",
    "simple_comfyui",
    "smoothstep",
    "smoothstep_rounded",
    "spaced",
    "split_sigmas",
    "split_sigmas_denoise",
    "step_range_sigmas",
    "strength_sigmas",
    "tableau",
    "tableau_names",
    "tabulated",
    "tangent",
    "trace_cfgpp_ud10_ab",
    "trace_consistency",
    "trace_ddim",
    "trace_ddim_inverse",
    "trace_ddpm",
    "trace_deis",
    "trace_dpm_2",
    "trace_dpm_2_ancestral",
    "trace_dpm_fast",
    "trace_dpm_solver_multistep",
    "trace_dpm_solver_singlestep",
    "trace_dpmpp_2m",
    "trace_dpmpp_2m_cfg_pp",
    "trace_dpmpp_2m_sde",
    "trace_dpmpp_2s_ancestral",
    "trace_dpmpp_2s_ancestral_cfg_pp",
    "trace_dpmpp_3m_sde",
    "trace_dpmpp_sde",
    "trace_er_sde",
    "trace_euler",
    "trace_euler_ancestral",
    "trace_euler_ancestral_cfg_pp",
    "trace_euler_cfg_pp",
    "trace_gradient_estimation",
    "trace_heun",
    "trace_heunpp2",
    "trace_ipndm",
    "trace_ipndm_v",
    "trace_lcm",
    "trace_lms",
    "trace_pndm",
    "trace_res_2s",
    "trace_res_3s",
    "trace_res_m",
    "trace_res_multistep",
    "trace_restart",
    "trace_runge_kutta",
    "trace_sa_solver",
    "trace_score_sde_vp",
    "trace_seeds_2",
    "trace_seeds_3",
    "trace_tcd",
    "trace_uni_pc",
    "truncate_sigmas",
    "validate_schedule",
    "vector_exp",
    "vector_ln",
    "vector_pow",
    "vp",
]

__version__: str

@final
class NativeProcess:
    """A noise process of the core, whatever its family."""

    @staticmethod
    def discrete(
        beta_schedule: str,
        beta_start: float,
        beta_end: float,
        timesteps: SupportsIndex,
        zero_terminal_snr: str | None,
    ) -> NativeProcess: ...
    @staticmethod
    def from_betas(betas: _Table, zero_terminal_snr: str | None) -> NativeProcess: ...
    @staticmethod
    def from_alphas_cumprod(alphas_cumprod: _Table, zero_terminal_snr: str | None) -> NativeProcess: ...
    @staticmethod
    def from_sigmas(sigmas: _Table, zero_terminal_snr: str | None) -> NativeProcess: ...
    @staticmethod
    def distilled(
        beta_schedule: str,
        beta_start: float,
        beta_end: float,
        timesteps: SupportsIndex,
        original_timesteps: SupportsIndex,
    ) -> NativeProcess: ...
    @staticmethod
    def edm(sigma_min: float, sigma_max: float) -> NativeProcess: ...
    @staticmethod
    def continuous_v(sigma_min: float, sigma_max: float) -> NativeProcess: ...
    @staticmethod
    def cosmos(sigma_min: float, sigma_max: float) -> NativeProcess: ...
    @staticmethod
    def trigflow(sigma_min: float, sigma_max: float) -> NativeProcess: ...
    @staticmethod
    def flow(shift: float, multiplier: float, timesteps: SupportsIndex) -> NativeProcess: ...
    @staticmethod
    def flux(mu: float, timesteps: SupportsIndex) -> NativeProcess: ...
    @staticmethod
    def stable_cascade(shift: float, cosine_s: float) -> NativeProcess: ...
    @staticmethod
    def vp_sde(beta_min: float, beta_d: float, time_min: float) -> NativeProcess: ...
    @property
    def family(self) -> _Family: ...
    @property
    def sigma_min(self) -> float: ...
    @property
    def sigma_max(self) -> float: ...
    @property
    def sigmas(self) -> _Array | None: ...
    @overload
    def sigma(self, t: float, out: None = None, threads: SupportsIndex | None = None) -> float: ...
    @overload
    def sigma(self, t: _AnyArray, out: None = None, threads: SupportsIndex | None = None) -> _Array: ...
    @overload
    def sigma(self, t: _AnyArray, out: _Out, threads: SupportsIndex | None = None) -> _Out: ...
    @overload
    def timestep(
        self, sigma: float, interpolate: bool, out: None = None, threads: SupportsIndex | None = None
    ) -> float: ...
    @overload
    def timestep(
        self, sigma: _AnyArray, interpolate: bool, out: None = None, threads: SupportsIndex | None = None
    ) -> _Array: ...
    @overload
    def timestep(
        self, sigma: _AnyArray, interpolate: bool, out: _Out, threads: SupportsIndex | None = None
    ) -> _Out: ...
    @overload
    def percent_to_sigma(self, percent: float, out: None = None, threads: SupportsIndex | None = None) -> float: ...
    @overload
    def percent_to_sigma(
        self, percent: _AnyArray, out: None = None, threads: SupportsIndex | None = None
    ) -> _Array: ...
    @overload
    def percent_to_sigma(self, percent: _AnyArray, out: _Out, threads: SupportsIndex | None = None) -> _Out: ...
    @overload
    def alpha(self, sigma: float, out: None = None, threads: SupportsIndex | None = None) -> float: ...
    @overload
    def alpha(self, sigma: _AnyArray, out: None = None, threads: SupportsIndex | None = None) -> _Array: ...
    @overload
    def alpha(self, sigma: _AnyArray, out: _Out, threads: SupportsIndex | None = None) -> _Out: ...
    @overload
    def half_log_snr(self, sigma: float, out: None = None, threads: SupportsIndex | None = None) -> float: ...
    @overload
    def half_log_snr(self, sigma: _AnyArray, out: None = None, threads: SupportsIndex | None = None) -> _Array: ...
    @overload
    def half_log_snr(self, sigma: _AnyArray, out: _Out, threads: SupportsIndex | None = None) -> _Out: ...
    @overload
    def sigma_from_half_log_snr(
        self, half_log_snr: float, out: None = None, threads: SupportsIndex | None = None
    ) -> float: ...
    @overload
    def sigma_from_half_log_snr(
        self, half_log_snr: _AnyArray, out: None = None, threads: SupportsIndex | None = None
    ) -> _Array: ...
    @overload
    def sigma_from_half_log_snr(
        self, half_log_snr: _AnyArray, out: _Out, threads: SupportsIndex | None = None
    ) -> _Out: ...

def flux_mu(width: float, height: float, base_shift: float, max_shift: float) -> float: ...
@overload
def alpha(family: str, sigma: float, out: None = None, threads: SupportsIndex | None = None) -> float: ...
@overload
def alpha(family: str, sigma: _AnyArray, out: None = None, threads: SupportsIndex | None = None) -> _Array: ...
@overload
def alpha(family: str, sigma: _AnyArray, out: _Out, threads: SupportsIndex | None = None) -> _Out: ...
@overload
def half_log_snr(family: str, sigma: float, out: None = None, threads: SupportsIndex | None = None) -> float: ...
@overload
def half_log_snr(family: str, sigma: _AnyArray, out: None = None, threads: SupportsIndex | None = None) -> _Array: ...
@overload
def half_log_snr(family: str, sigma: _AnyArray, out: _Out, threads: SupportsIndex | None = None) -> _Out: ...
@overload
def sigma_from_half_log_snr(
    family: str, half_log_snr: float, out: None = None, threads: SupportsIndex | None = None
) -> float: ...
@overload
def sigma_from_half_log_snr(
    family: str, half_log_snr: _AnyArray, out: None = None, threads: SupportsIndex | None = None
) -> _Array: ...
@overload
def sigma_from_half_log_snr(
    family: str, half_log_snr: _AnyArray, out: _Out, threads: SupportsIndex | None = None
) -> _Out: ...

@final
class NativeParameterization:
    """A parameterization of the core."""

    def __new__(cls, prediction: str, sigma_data: float) -> NativeParameterization: ...
    @staticmethod
    def consistency(sigma_data: float, sigma_min: float) -> NativeParameterization: ...
    @overload
    def scalings(
        self, sigmas: float, out: None = None, threads: SupportsIndex | None = None
    ) -> tuple[float, float, float]: ...
    @overload
    def scalings(
        self, sigmas: _AnyArray, out: None = None, threads: SupportsIndex | None = None
    ) -> tuple[_Array, _Array, _Array]: ...
    @overload
    def scalings(
        self, sigmas: _AnyArray, out: tuple[_Out, _Out, _Out], threads: SupportsIndex | None = None
    ) -> tuple[_Out, _Out, _Out]: ...
    @overload
    def c_noise(self, sigma: float, process: Any, out: None = None, threads: SupportsIndex | None = None) -> float: ...
    @overload
    def c_noise(
        self, sigma: _AnyArray, process: Any, out: None = None, threads: SupportsIndex | None = None
    ) -> _Array: ...
    @overload
    def c_noise(self, sigma: _AnyArray, process: Any, out: _Out, threads: SupportsIndex | None = None) -> _Out: ...

def is_max_denoise(sigma: float, sigma_max: float) -> bool: ...

@final
class Tail:
    """The part of a schedule that is run."""

    def __new__(cls, rule: str, steps: SupportsIndex, denoise: float, discards_penultimate: bool) -> Tail: ...
    @property
    def build(self) -> int: ...
    @property
    def keep(self) -> int: ...
    def take_host(self, built: _Array) -> _Array: ...
    def take(self, built: _Array) -> _Array: ...

def simple(process: Any, steps: SupportsIndex) -> _Array: ...
def simple_comfyui(process: Any, steps: SupportsIndex) -> _Array: ...
def normal(process: Any, steps: SupportsIndex) -> _Array: ...
def sgm_uniform(process: Any, steps: SupportsIndex) -> _Array: ...
def ddim_uniform(process: Any, steps: SupportsIndex) -> _Array: ...
def ddim_uniform_comfyui(process: Any, steps: SupportsIndex) -> _Array: ...
def beta(process: Any, alpha: float, beta: float, steps: SupportsIndex) -> _Array: ...
def beta_comfyui(process: Any, alpha: float, beta: float, steps: SupportsIndex) -> _Array: ...
def smoothstep(process: Any, steps: SupportsIndex) -> _Array: ...
def smoothstep_rounded(process: Any, steps: SupportsIndex) -> _Array: ...
def sd_turbo(process: Any, start: float, steps: SupportsIndex) -> _Array: ...
def lcm(process: Any, original_steps: SupportsIndex, steps: SupportsIndex) -> _Array: ...
def karras(steps: SupportsIndex, sigma_min: float, sigma_max: float, rho: float) -> _Array: ...
def exponential(steps: SupportsIndex, sigma_min: float, sigma_max: float) -> _Array: ...
def polyexponential(steps: SupportsIndex, sigma_min: float, sigma_max: float, rho: float) -> _Array: ...
def laplace(steps: SupportsIndex, sigma_min: float, sigma_max: float, mu: float, beta: float) -> _Array: ...
def laplace_comfyui(steps: SupportsIndex, sigma_min: float, sigma_max: float, mu: float, beta: float) -> _Array: ...
def kl_optimal(steps: SupportsIndex, sigma_min: float, sigma_max: float) -> _Array: ...
def kl_optimal_a1111(steps: SupportsIndex, sigma_min: float, sigma_max: float) -> _Array: ...
def beta_over_range(steps: SupportsIndex, sigma_min: float, sigma_max: float, alpha: float, beta: float) -> _Array: ...
def cosine(steps: SupportsIndex, sigma_min: float, sigma_max: float) -> _Array: ...
def tangent(steps: SupportsIndex, sigma_min: float, sigma_max: float, pivot: float, slope: float) -> _Array: ...
def vp(steps: SupportsIndex, beta_d: float, beta_min: float, eps_s: float) -> _Array: ...
def linear_quadratic(steps: SupportsIndex, sigma_max: float, threshold: float, linear_steps: int | None) -> _Array: ...
def bong_tangent(steps: SupportsIndex, start: float, middle: float, pivots: _Pair, slopes: _Pair) -> _Array: ...
def bong_tangent_stable_diffusion_cpp(steps: SupportsIndex, sigma_min: float, sigma_max: float) -> _Array: ...
def logit_normal(steps: SupportsIndex, mean: float, std: float) -> _Array: ...
def flow_shift(
    steps: SupportsIndex, shift: float, terminal: float | None, lowest: float | None, convert: str
) -> _Array: ...
def linear_mu(tokens: float, anchors: _Pair, base_shift: float, max_shift: float) -> float: ...
def flux2_mu(tokens: float, steps: SupportsIndex) -> float: ...
def check_beta(alpha: float, beta: float) -> None: ...
def check_turbo_start(start: float) -> None: ...
def check_lcm_points(original_steps: SupportsIndex) -> None: ...
def check_rho(rho: float) -> None: ...
def check_laplace(mu: float, beta: float) -> None: ...
def check_tangent(pivot: float, slope: float) -> None: ...
def check_vp(beta_d: float, beta_min: float, eps_s: float) -> None: ...
def check_threshold(threshold_noise: float) -> None: ...
def check_bong_tangent(
    start: float, middle: float, pivot_1: float, pivot_2: float, slope_1: float, slope_2: float
) -> None: ...
def check_linear_steps(linear_steps: SupportsIndex) -> None: ...
def check_value(value: float) -> None: ...
def check_logit_normal(mu: float, shift: float, std: float) -> None: ...
def check_shift(shift: float) -> None: ...
def check_flow_conversion(convert: str) -> None: ...
def dynamic_shift(mu: float, linear: bool) -> float: ...
def check_terminal(terminal: float) -> None: ...
def align_your_steps(
    family: str, points: int, convention: str, sigma_min: float | None, sigma_max: float | None, steps: SupportsIndex
) -> _Array: ...
def gits(coefficient: float, steps: SupportsIndex) -> _Array: ...
def optimal_steps(model: str, steps: SupportsIndex) -> _Array: ...
def tabulated(table: _Table, replace_last: bool, steps: SupportsIndex) -> _Array: ...
def check_table(table: _Table) -> None: ...
def spaced(
    process: Any,
    spacing: str,
    variant: str,
    steps_offset: int,
    convert: str,
    sigma_min: float | None,
    sigma_max: float | None,
    steps: SupportsIndex,
) -> _Array: ...
def check_spacing(
    spacing: str, variant: str, steps_offset: int, convert: str, sigma_min: float | None, sigma_max: float | None
) -> None: ...
def split_sigmas(sigmas: _Table, step: SupportsIndex) -> tuple[_Array, _Array]: ...
def split_sigmas_denoise(sigmas: _Table, denoise: float) -> tuple[_Array, _Array]: ...
def flip_sigmas(sigmas: _Table) -> _Array: ...
def concatenate_sigmas(first: _Table, second: _Table) -> _Array: ...
def extend_sigmas(
    sigmas: _Table, parts: int = 2, start_at: float = ..., end_at: float = 12.0, spacing: str = "linear"
) -> _Array: ...
def set_first_sigma(sigmas: _Table, sigma: float) -> _Array: ...
def rescale_sigmas(sigmas: _Table, start: float, end: float) -> _Array: ...
def truncate_sigmas(sigmas: _Table, start: float, end: float) -> _Array: ...
def strength_sigmas(sigmas: _Table, strength: float, host: str = "diffusers") -> _Array: ...
def step_range_sigmas(
    sigmas: _Table, start_step: int = 0, last_step: int | None = None, force_full_denoise: bool = True
) -> _Array: ...
def loglinear_interp(table: _Table, n: SupportsIndex) -> _Array: ...
def check_ends(sigma_min: float | None, sigma_max: float | None) -> None: ...
def check_levels(levels: _Table) -> None: ...
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
def batch_polyexponential(
    steps: _Steps,
    denoise: _Column,
    sigma_min: _Column,
    sigma_max: _Column,
    rho: _Column,
    allocate: _Allocate,
    threads: SupportsIndex,
) -> _Ragged: ...
def batch_kl_optimal(
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
def batch_sgm_uniform(
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

    def __new__(
        cls,
        sigmas: _Array,
        family: str = "ve",
        sigma_snr: float = ...,
        jacobian: bool = False,
        process: NoiseProcess | None = None,
    ) -> Trace: ...
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

    def skip_noise(self, sigma_from: float, sigma_to: float) -> None:
        """Draw noise of the run's path that nobody uses, for a host that draws and discards."""

    def set_levels(self, levels: Sequence[float]) -> None:
        """Replace the levels by the method's own, one more than its steps, before the first step ends."""

    @property
    def is_flow(self) -> bool:
        """Whether `x = (1 - sigma) * x0 + sigma * noise`; otherwise `x = x0 + sigma * noise`."""

    @property
    def snr_sigmas(self) -> list[float]:
        """The levels for a method that needs their log-SNR: for a flow the first is just below pure noise."""

    def alpha(self, sigma: float) -> float:
        """Weight of the signal in x: 1, for a flow `1 - sigma`."""

    def half_log_snr(self, sigma: float) -> float:
        """`ln(alpha / sigma)`."""

    def sigma_from_half_log_snr(self, half_log_snr: float) -> float:
        """The sigma whose half log-SNR is given."""

    def end_step(self, x: Linear) -> Linear:
        """End the step: `x` becomes a tensor, the sample at the next sigma."""

    @property
    def process(self) -> NoiseProcess | None:
        """The process the method is compiled for; None: variance exploding."""

    @property
    def asked_process(self) -> bool:
        """Whether `process` was looked at."""

    def jacobian(self) -> npt.NDArray[np.float64] | None:
        """Derivatives by each sigma, of shape (numbers, sigmas); None unless a compiled method left them."""

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
    def noise_range(self) -> _Pair | None: ...
    @property
    def calls(self) -> Literal["denoiser", "network"]: ...
    @property
    def flow(self) -> bool: ...
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
    def fold(
        self, c_skip: _Array, c_out: _Array, c_in: _Array | None, keep_denoised: bool, guidance: _Array | None
    ) -> Program: ...
    def guide(self, scales: _Array, keep_denoised: bool) -> Program: ...
    @staticmethod
    def concatenate(parts: Sequence[Program], keep: bool) -> Program: ...
    def call_steps(self) -> list[int]:
        """The step of every model call."""

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
def trace_euler_ancestral(t: Trace, eta: _Curve, s_noise: _Curve) -> None: ...
def trace_heun(t: Trace, s_churn: float, s_tmin: float, s_tmax: float, s_noise: float) -> None: ...
def trace_lms(t: Trace, order: int, lower_order_final: bool) -> None: ...
def trace_ipndm(t: Trace, max_order: int) -> None: ...
def trace_ipndm_v(t: Trace, max_order: int, form: str) -> None: ...
def trace_pndm(t: Trace, start: str) -> None: ...
def trace_deis(t: Trace, max_order: int, mode: str, form: str) -> None: ...
def trace_gradient_estimation(t: Trace, ge_gamma: float, cfg_pp: bool) -> None: ...
def trace_res_2s(t: Trace, c2: float) -> None: ...
def trace_res_3s(t: Trace, c2: float, c3: float) -> None: ...
def trace_res_m(t: Trace, order: int) -> None: ...
def trace_runge_kutta(t: Trace, tableau: str, variable: str) -> None: ...
def embedded_pair(tableau: str, variable: str, sigma: float, sigma_next: float) -> Program: ...
def tableau(
    name: str,
) -> tuple[int, list[float], list[list[float]], list[float], tuple[int, list[float]] | None]:
    """Order, c, a by stage after the first, b, and embedded order and weights of a Runge-Kutta method."""

def tableau_names() -> list[str]: ...
def trace_res_multistep(t: Trace, eta: _Curve, s_noise: _Curve, form: str, cfg_pp: bool) -> None: ...
def trace_euler_cfg_pp(t: Trace) -> None: ...
def trace_euler_ancestral_cfg_pp(t: Trace, eta: _Curve, s_noise: _Curve) -> None: ...
def trace_dpmpp_2s_ancestral_cfg_pp(t: Trace, eta: _Curve, s_noise: _Curve, form: str) -> None: ...
def trace_dpmpp_2m_cfg_pp(t: Trace) -> None: ...
def trace_cfgpp_ud10_ab(t: Trace, history_weight: float, uncond_history_weight: float, zero_weight: float) -> None: ...
def trace_dpmpp_2m(t: Trace) -> None: ...
def trace_dpmpp_2m_sde(t: Trace, eta: _Curve, s_noise: _Curve, solver_type: str) -> None: ...
def vector_exp(values: npt.NDArray[np.float64], out: npt.NDArray[np.float64]) -> None: ...
def vector_ln(values: npt.NDArray[np.float64], out: npt.NDArray[np.float64]) -> None: ...
def vector_pow(values: npt.NDArray[np.float64], exponent: float, out: npt.NDArray[np.float64]) -> None: ...
def trace_heunpp2(t: Trace, s_churn: float, s_tmin: float, s_tmax: float, s_noise: float) -> None: ...
def trace_dpm_2(t: Trace, s_churn: float, s_tmin: float, s_tmax: float, s_noise: float) -> None: ...
def trace_dpm_2_ancestral(t: Trace, eta: _Curve, s_noise: _Curve) -> None: ...
def trace_dpm_fast(t: Trace, eta: float, s_noise: float) -> None: ...
def trace_dpmpp_2s_ancestral(t: Trace, eta: _Curve, s_noise: _Curve) -> None: ...
def trace_dpmpp_sde(t: Trace, eta: _Curve, s_noise: _Curve, r: float) -> None: ...
def trace_dpmpp_3m_sde(t: Trace, eta: _Curve, s_noise: _Curve, form: str) -> None: ...
def trace_seeds_2(t: Trace, eta: _Curve, s_noise: _Curve, r: float, solver_type: str) -> None: ...
def trace_seeds_3(t: Trace, eta: _Curve, s_noise: _Curve, r_1: float, r_2: float) -> None: ...
def trace_ddpm(t: Trace) -> None: ...
def trace_lcm(t: Trace, s_noise: _Curve, s_noise_end: float | None, noise_clip_std: float) -> None: ...
def trace_restart(t: Trace, segments: Sequence[tuple[float, float, int, int]] | None, s_noise: float) -> None: ...

@final
class DpmController:
    """Decides on the length of each step of an adaptive run."""

    def __new__(
        cls,
        sigmas: _Array,
        flow: bool,
        order: int,
        h_init: float,
        pcoeff: float,
        icoeff: float,
        dcoeff: float,
        accept_safety: float,
        eta: float,
        max_attempts: int,
    ) -> DpmController: ...
    def attempt(self) -> tuple[float, float, float, Program] | None:
        """The next step to try: sigma, sigma_next, deviation of its noise, program; None at the end."""

    def judge(self, error: float) -> bool:
        """Whether the attempt is accepted, given its error relative to the tolerance."""

    @property
    def accepted(self) -> int: ...
    @property
    def rejected(self) -> int: ...
    @property
    def sigma(self) -> float: ...

def trace_er_sde(
    t: Trace, max_stage: int, noise_scaling: str, eta: _Curve, s_noise: _Curve, integrals: str
) -> None: ...
def trace_sa_solver(
    t: Trace,
    predictor_order: int,
    corrector_order: int,
    eta: _Curve,
    sde_start: float,
    sde_end: float,
    s_noise: _Curve,
    simple_order_2: bool,
    lower_order_final: bool,
    pece: bool,
    stop_before_last: bool,
) -> None: ...
def trace_tcd(t: Trace, eta: _Curve, stages: Sequence[float]) -> None: ...
def trace_uni_pc(
    t: Trace,
    order: int,
    variant: str,
    predictor: bool,
    corrector: bool,
    disable_corrector: Sequence[int],
    lower_order_final: bool,
    time: str,
    sigma_end: float,
) -> None: ...
def trace_consistency(t: Trace, sigma_min: float, s_noise: _Curve) -> None: ...
def trace_ddim(t: Trace, eta: _Curve, direction: str) -> None: ...
def trace_ddim_inverse(t: Trace, form: str) -> None: ...
def trace_dpm_solver_multistep(
    t: Trace,
    predicts_noise: bool,
    order: int,
    solver_type: str,
    eta: _Curve,
    s_noise: _Curve,
    lower_order_final: bool,
    euler_at_final: bool,
    form: str,
) -> None: ...
def trace_dpm_solver_singlestep(
    t: Trace,
    predicts_noise: bool,
    order: int,
    solver_type: str,
    eta: _Curve,
    s_noise: _Curve,
    lower_order_final: bool,
) -> None: ...
def trace_score_sde_vp(t: Trace, beta_min: float, beta_max: float, time_step: str, s_noise: _Curve) -> None: ...
