"""Methods whose steps are not linear in their inputs: no program holds them, so they run as they are written."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, final

import numpy as np

from stepladder._backend import backend_for
from stepladder._execute import StepInfo
from stepladder._noise import NoiseSource
from stepladder._process import NoiseProcess
from stepladder._sampler import Sampler, _wrong_family, levels_of
from stepladder.errors import ExecutionError, NonFiniteError, SamplerError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike

    from stepladder._core import Trace
    from stepladder._execute import NoiseLike


class UnfusedSampler(Sampler):
    """A method whose steps are not linear in their inputs.

    Subclass as a frozen dataclass and write `step`; `sl.sample_unfused` runs it, a few passes over memory per step, on
    torch tensors and NumPy arrays. There is no program: `compile` raises `SamplerError`.
    """

    __slots__ = ()

    reason: ClassVar[str]
    """Why there is no program, to follow the name in a message."""

    second: ClassVar[str | None] = None
    """What the denoiser returns beside the denoised value, as the second of a pair; None: nothing."""

    draws_again: ClassVar[bool] = False
    """Whether a step draws more than once: a source of one path would give the same noise twice."""

    @final
    def trace(self, t: Trace, sigmas: Sequence[float]) -> None:
        """Refuse: there is no program."""
        raise SamplerError(
            f"{type(self).__name__} {self.reason}, so it has no program; run it with "
            "sl.sample_unfused(sampler, denoiser, x, sigmas)"
        )

    @abstractmethod
    def step(self, run: UnfusedRun, x: Any, sigma: float, sigma_next: float) -> tuple[Any, Any]:
        """Take one step.

        Parameters
        ----------
        run : UnfusedRun
            `run.denoise(x, sigma)` is one model call, `run.noise(sigma_from, sigma_to)` one draw.
        x : tensor or ndarray of shape (batch, …)
            The sample at `sigma`; not to be written.
        sigma, sigma_next : float
            Ends of the step; `sigma_next` may be 0.

        Returns
        -------
        tuple
            x at `sigma_next`, and the step's denoised value.
        """


@final
class UnfusedRun:
    """What a step of an `UnfusedSampler` may ask for."""

    __slots__ = ("_backend", "_denoiser", "_like", "_noise", "_second", "index")

    def __init__(self, sampler: UnfusedSampler, denoiser: Callable[..., Any], x: Any, noise: NoiseLike | None) -> None:
        self._backend = backend_for({"x": x}, None, None, None)
        self._like = self._backend.admit(x, "x")
        self._denoiser, self._noise, self._second = denoiser, noise, sampler.second
        self.index = 0

    def denoise(self, x: Any, sigma: float) -> Any:
        """Return the denoised value, or the pair that the method asks for."""
        (level,) = self._backend.noise_levels(np.array([sigma]))
        result = self._denoiser(x, level)
        if self._second is None:
            return self._taken(result, "the model returned")
        if not isinstance(result, tuple) or len(result) != 2:
            got = f"a tuple of {len(result)}" if isinstance(result, tuple) else type(result).__name__
            msg = f"the model returned {got} at step {self.index}; expected the pair (denoised, {self._second})"
            raise ExecutionError(msg)
        return tuple(self._taken(part, "the model returned") for part in result)

    def noise(self, sigma_from: float, sigma_to: float) -> Any:
        """Return unit noise of the shape of x."""
        if self._noise is None:
            msg = "the method draws noise and noise is None; pass sl.noise_source('iid', seed=…)"
            raise ExecutionError(msg)
        return self._taken(self._noise(self._like, sigma_from, sigma_to), "the noise source returned")

    def _taken(self, t: Any, what: str) -> Any:
        self._backend.take(t, what, self.index)
        return self._backend.admit(t, what)


def sample_unfused(
    sampler: UnfusedSampler,
    denoiser: Callable[..., Any],
    x: Any,
    sigmas: ArrayLike,
    noise: NoiseLike | None = None,
    callback: Callable[[StepInfo], object] | None = None,
    *,
    process: NoiseProcess | None = None,
) -> Any:
    """Run a method whose steps are not linear in their inputs.

    Parameters
    ----------
    sampler : UnfusedSampler
        As `sl.sampler("score_sde_ve")` makes.
    denoiser : callable
        `denoiser(x, sigma) -> denoised` as for `Runner`, or the pair that the method's docstring names.
    x : tensor or ndarray of shape (batch, …)
        The sample at `sigmas[0]`; never written.
    sigmas : array_like of shape (steps + 1,)
        Noise levels, strictly descending, finite, non-negative; zero only at the end.
    noise : NoiseSource or callable, optional
        `noise(like, sigma_from, sigma_to)` returns unit noise.
    callback : callable, optional
        Called with a `StepInfo` after each step.
    process : NoiseProcess, optional
        The noise process the sigmas belong to. `None`: variance exploding.

    Returns
    -------
    tensor or ndarray
        x at `sigmas[-1]`, of the kind, dtype and device of x.

    Raises
    ------
    SamplerError
        The sampler is of another kind, or the sigmas or the process do not fit it.
    ExecutionError
        Shapes, dtypes, devices, the denoiser or the noise source do not fit.
    NonFiniteError
        NaN or infinity appeared; says at which step and in which sample.
    """
    if not isinstance(sampler, UnfusedSampler):
        msg = f"sampler is {type(sampler).__name__}; expected an UnfusedSampler. Compile others and use sl.sample"
        raise SamplerError(msg)
    if process is not None and not isinstance(process, NoiseProcess):
        raise SamplerError(f"process is {type(process).__name__}; expected a NoiseProcess, as sl.process makes")
    if process is not None and process.family not in sampler.families:
        raise SamplerError(_wrong_family(sampler, process.family))
    if not callable(denoiser):
        raise ExecutionError(f"denoiser is {type(denoiser).__name__}; expected a callable (x, sigma) -> denoised")
    levels = _descending(sigmas)
    _start_noise(sampler, noise, x, levels)
    run = UnfusedRun(sampler, denoiser, x, noise)
    backend, state = run._backend, run._like
    with backend.context():
        for i, (sigma, sigma_next) in enumerate(itertools.pairwise(levels)):
            run.index = i
            state, denoised = sampler.step(run, state, sigma, sigma_next)
            bad = backend.bad_sample(state)
            if bad is not None:
                msg = f"NaN or infinity at step {i} in sample {bad}"
                raise NonFiniteError(msg, i, bad)
            if callback is not None:
                callback(StepInfo(i, sigma, sigma_next, backend.clone(state), backend.clone(denoised)))
        return backend.clone(backend.result(state))


def _descending(sigmas: ArrayLike) -> list[float]:
    """The levels, by the rules of `Sampler.compile`."""
    levels = levels_of(sigmas)
    positive = levels[:-1] if levels[-1] == 0.0 else levels
    if not np.isfinite(levels).all() or (positive <= 0.0).any() or (np.diff(levels) >= 0.0).any():
        raise SamplerError("sigmas must be finite, strictly descending and positive; only the last may be 0")
    values: list[float] = levels.tolist()
    return values


def _start_noise(sampler: UnfusedSampler, noise: NoiseLike | None, x: Any, levels: list[float]) -> None:
    if noise is not None and not callable(noise):
        raise ExecutionError(f"noise is {type(noise).__name__}; expected sl.noise_source(…) or a callable")
    if not isinstance(noise, NoiseSource):
        return
    if noise.is_path and sampler.draws_again:
        msg = (
            f"{type(sampler).__name__} draws more than once in a step, and source {noise.kind!r} would give the same "
            "noise again; use a source of independent draws"
        )
        raise ExecutionError(msg)
    positive = [level for level in levels if level > 0.0]
    noise.start(x, positive[-1], positive[0], 0)


def exp(t: Any) -> Any:
    """Exponential of a tensor or an array."""
    return np.exp(t) if isinstance(t, np.ndarray) else t.exp()


def norm(t: Any) -> Any:
    """Euclidean norm of each sample, shape (batch, 1, …)."""
    squares = (t * t).reshape(len(t), -1).sum(1)
    return (squares**0.5).reshape(-1, *(1 for _ in t.shape[1:]))
