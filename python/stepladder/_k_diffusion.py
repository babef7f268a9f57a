"""Third parties' sampling functions of k-diffusion's shape, run as they are."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from stepladder._noise import NoiseSource
from stepladder._process import NoiseProcess
from stepladder._sampler import Sampler, _wrong_family, levels_of
from stepladder.errors import ExecutionError, NonFiniteError, SamplerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from stepladder._core import Trace
    from stepladder._execute import NoiseLike

_SHAPE = "function(model, x, sigmas, extra_args=None, callback=None, disable=None, …)"


@final
@dataclass(frozen=True)
class KDiffusionSampler(Sampler):
    """A third party's sampling function of k-diffusion's shape.

    It runs unfused, by `sl.sample_k_diffusion`: the function computes every step itself, so it has no program, and
    `compile` raises `SamplerError`. A sampler written with `Sampler.trace` compiles as the built-in ones do.

    Parameters
    ----------
    function : callable
        `function(model, x, sigmas, extra_args=None, callback=None, disable=None, …)`, which returns the sample at
        `sigmas[-1]`. `model(x, sigma, **extra_args)` is the denoised value.
    options : mapping of str to object
        Further keyword arguments of every call.

    Raises
    ------
    SamplerError
        The function cannot be called so.

    Source: k-diffusion, `k_diffusion.sampling`.
    """

    families: ClassVar[tuple[str, ...]] = ("ve", "vp")

    function: Callable[..., Any]
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise SamplerError(f"function is {type(self.function).__name__}; expected {_SHAPE}")
        if not isinstance(self.options, Mapping):
            raise SamplerError(f"options is {type(self.options).__name__}; expected a mapping of keyword arguments")
        try:
            self._signature().bind(None, None, None, extra_args=None, callback=None, disable=None, **self.options)
        except TypeError as error:
            name = getattr(self.function, "__name__", type(self.function).__name__)
            raise SamplerError(f"{name}{self._signature()} cannot be called: {error}; expected {_SHAPE}") from error

    def _signature(self) -> inspect.Signature:
        return inspect.signature(self.function)

    @property
    def takes_noise(self) -> bool:
        """Whether the function has a parameter `noise_sampler`, and no option fills it."""
        return "noise_sampler" in self._signature().parameters and "noise_sampler" not in self.options

    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Refuse: there is no program."""
        name = getattr(self.function, "__name__", type(self.function).__name__)
        raise SamplerError(
            f"{name} computes its steps itself, so it has no program; run it with "
            "sl.sample_k_diffusion(sampler, denoiser, x, sigmas)"
        )


def sample_k_diffusion(
    sampler: KDiffusionSampler,
    denoiser: Callable[..., Any],
    x: Any,
    sigmas: ArrayLike,
    noise: NoiseLike | None = None,
    callback: Callable[[dict[str, Any]], object] | None = None,
    *,
    process: NoiseProcess | None = None,
    extra_args: Mapping[str, Any] | None = None,
) -> Any:
    """Run a third party's sampling function of k-diffusion's shape.

    Parameters
    ----------
    sampler : KDiffusionSampler
        The function with its options.
    denoiser : callable
        `denoiser(x, sigma, **extra_args) -> denoised`, sigma of shape (batch,). The function gets this very object, and
        whatever attributes of a model it may look for.
    x : tensor of shape (batch, …)
        The sample at `sigmas[0]`.
    sigmas : array_like of shape (steps + 1,)
        Noise levels. The function gets a tensor on x's device: float64 for float64 x, else float32.
    noise : NoiseSource or callable, optional
        `noise(like, sigma_from, sigma_to)` returns unit noise; the function gets it as `noise_sampler`. None: the
        function makes its own. Churn never asks it.
    callback : callable, optional
        Called by the function, with its own dictionary: in k-diffusion `x`, `i`, `sigma`, `sigma_hat`, `denoised`.
    process : NoiseProcess, optional
        The noise process the sigmas belong to, to check that it is not a flow.
    extra_args : mapping, optional
        Keyword arguments of every model call.

    Returns
    -------
    tensor
        The result, in the dtype of x.

    Raises
    ------
    SamplerError
        The sampler is of another kind, the sigmas are no list of numbers, or the process is a flow.
    ExecutionError
        x is no tensor, the function takes no noise, or its result is no tensor of x's shape.
    NonFiniteError
        The result has NaN or infinity in it; `step` is the last that the function reported.
    """
    if not isinstance(sampler, KDiffusionSampler):
        msg = f"sampler is {type(sampler).__name__}; expected a KDiffusionSampler. Compile others and use sl.sample"
        raise SamplerError(msg)
    if process is not None and not isinstance(process, NoiseProcess):
        raise SamplerError(f"process is {type(process).__name__}; expected a NoiseProcess, as sl.process makes")
    if process is not None and process.family not in sampler.families:
        raise SamplerError(_wrong_family(sampler, process.family))
    torch: Any = sys.modules.get("torch")
    if torch is None or not isinstance(x, torch.Tensor):
        raise ExecutionError(f"x is {type(x).__name__}; expected a torch tensor: functions of this shape compute on it")
    if not callable(denoiser):
        raise ExecutionError(f"denoiser is {type(denoiser).__name__}; expected a callable (x, sigma) -> denoised")
    levels = levels_of(sigmas)
    options = dict(sampler.options)
    if noise is not None:
        options["noise_sampler"] = _noise_sampler(sampler, noise, x, levels)
    reported = 0

    def told(info: dict[str, Any]) -> None:
        nonlocal reported
        reported = int(info.get("i", reported))
        if callback is not None:
            callback(info)

    dtype = torch.float64 if x.dtype == torch.float64 else torch.float32
    result = sampler.function(
        denoiser,
        x,
        torch.as_tensor(levels, dtype=dtype, device=x.device),
        extra_args=dict(extra_args or {}),
        callback=told,
        disable=True,
        **options,
    )
    if not isinstance(result, torch.Tensor) or result.shape != x.shape:
        got = tuple(result.shape) if isinstance(result, torch.Tensor) else type(result).__name__
        raise ExecutionError(f"the function returned {got}; expected a tensor of shape {tuple(x.shape)}, as x has")
    if not bool(torch.isfinite(result).all()):
        sample = int((~torch.isfinite(result)).flatten(1).any(1).nonzero()[0])
        msg = f"the function returned NaN or infinity in sample {sample}; the last step it reported is {reported}"
        raise NonFiniteError(msg, reported, sample)
    return result.to(x.dtype)


def _noise_sampler(sampler: KDiffusionSampler, noise: NoiseLike, x: Any, levels: Any) -> Callable[[Any, Any], Any]:
    """The noise source as the function asks for it."""
    if not callable(noise):
        raise ExecutionError(f"noise is {type(noise).__name__}; expected sl.noise_source(…) or a callable")
    if not sampler.takes_noise:
        name = getattr(sampler.function, "__name__", type(sampler.function).__name__)
        raise ExecutionError(f"{name} takes no noise_sampler, so it makes its own noise; leave noise out")
    if isinstance(noise, NoiseSource):
        positive = levels[levels > 0.0]
        noise.start(x, float(np.min(positive)), float(np.max(positive)), 0)
    return lambda sigma, sigma_next: noise(x, float(sigma), float(sigma_next))
