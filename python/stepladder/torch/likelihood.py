"""Log-likelihood of data under a model, by the probability-flow ODE."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from stepladder import _core
from stepladder.errors import ExecutionError, NonFiniteError, SamplerError

if TYPE_CHECKING:
    from collections.abc import Callable

_SAFETY, _SHRINK, _GROW = 0.9, 0.2, 5.0


@dataclass(frozen=True)
class LogLikelihood:
    """What `log_likelihood` found.

    Parameters
    ----------
    values : Tensor of shape (batch,)
        Log-density of each sample, in nats: for all of its elements together.
    latent : Tensor of shape (batch, …)
        Where the flow takes x at `sigma_max`.
    model_calls : int
        Over all attempted steps.
    accepted, rejected : int
        Steps of the integration that were kept and that were not.
    """

    values: torch.Tensor
    latent: torch.Tensor
    model_calls: int
    accepted: int
    rejected: int


def log_likelihood(
    denoiser: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    x: torch.Tensor,
    sigma_min: float,
    sigma_max: float,
    *,
    seed: int = 0,
    probes: int = 1,
    rtol: float = 1e-4,
    atol: float = 1e-4,
    max_steps: int = 1_000,
) -> LogLikelihood:
    """Log-likelihood of x under a model, by probability flow and Hutchinson's trace estimate.

    x is carried along the flow to `sigma_max`, where its density is that of N(0, sigma_max²), and the change of volume
    on the way is added. One model call with its gradient per evaluation; Dormand and Prince's method of order 5 in log
    sigma, with steps as long as the error over the whole batch allows.

    Parameters
    ----------
    denoiser : callable
        `denoiser(x, sigma) -> denoised`, differentiable by torch; x of shape (batch, …), sigma of shape (batch,). x is
        x0 + sigma noise: a flow's samples and denoiser are to be brought to that scale first.
    x : Tensor of shape (batch, …)
        Data, with noise of `sigma_min` on it where the model has been trained from there. float32 or float64.
    sigma_min, sigma_max : float
        Noise level of x, above 0, and the one at which nothing is left of the data.
    seed : int
        Sample b has its probes drawn by torch's CPU generator of `seed + b`.
    probes : int
        Random directions, at least 1, that the trace is estimated with. The estimate is exact for any number where the
        denoiser's Jacobian is diagonal; else its variance falls with their number, each of which costs a gradient.
    rtol, atol : float
        Tolerance of x per element and of the log-likelihood, relative and absolute, at least 0 and not both 0.
    max_steps : int
        Attempted steps after which the integration is given up.

    Returns
    -------
    LogLikelihood

    Raises
    ------
    SamplerError
        A number outside its range, or more attempts than `max_steps`.
    ExecutionError
        x or the denoiser's result is no such tensor, or the result does not depend on x.
    NonFiniteError
        NaN or infinity appeared; `step` counts accepted steps.

    Source: Song et al. 2021, arXiv:2011.13456, eq. 39 and appendix D.2; Grathwohl et al. 2019, arXiv:1810.01367, eq. 8;
    `log_likelihood` of k-diffusion, which integrates in sigma.
    """
    _check(denoiser, x, sigma_min, sigma_max, seed, probes, rtol, atol, max_steps)
    _, nodes, stages, weights, embedded = _core.tableau("dormand_prince")
    assert embedded is not None  # this method has a pair, whose last stage is the slope at the new x
    difference = [w - o for w, o in zip((*weights, 0.0), embedded[1], strict=True)]
    directions = _directions(x, seed, probes)
    start, end = math.log(sigma_min), math.log(sigma_max)
    at, length = start, (end - start) / 50
    state = (x.detach(), x.new_zeros(len(x), dtype=torch.float64))
    calls = accepted = rejected = 0
    first = _slope(denoiser, state[0], at, directions)
    calls += 1
    while at < end:
        if accepted + rejected == max_steps:
            raise SamplerError(f"{max_steps} steps did not reach sigma_max; allow more, or a larger rtol")
        length = min(length, end - at)
        slopes = [first]
        for c, row in zip(nodes[1:], stages, strict=True):
            middle = _along(state[0], length, row, slopes, 0)
            slopes.append(_slope(denoiser, middle, at + c * length, directions))
        calls += len(nodes)
        after = (_along(state[0], length, weights, slopes, 0), _along(state[1], length, weights, slopes, 1))
        slopes.append(_slope(denoiser, after[0], at + length, directions))
        error = _error(state, after, length, difference, slopes, rtol, atol)
        if not math.isfinite(error):
            bad = torch.nonzero(~torch.isfinite(after[0]).flatten(1).all(1) | ~torch.isfinite(after[1]))
            sample = int(bad[0, 0]) if len(bad) else 0
            sigma = math.exp(at)
            msg = f"NaN or infinity in step {accepted} of the integration (sigma {sigma:.6g}), sample {sample}"
            raise NonFiniteError(msg, accepted, sample)
        factor = min(_GROW, max(_SHRINK, _SAFETY * error**-0.2)) if error else _GROW
        if error <= 1.0:
            at, state, first = (end if length == end - at else at + length), after, slopes[-1]
            accepted += 1
        else:
            rejected += 1
            factor = min(factor, 1.0)
        length *= factor
    latent, change = state
    scaled = latent.double() / sigma_max
    prior = -0.5 * (scaled**2).flatten(1).sum(1) - latent[0].numel() * (end + 0.5 * math.log(2 * math.pi))
    return LogLikelihood((prior + change).to(x.dtype), latent, calls, accepted, rejected)


def _slope(
    denoiser: Callable[..., Any], x: torch.Tensor, log_sigma: float, directions: list[torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The slope of x by log sigma, x - D, and its divergence."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        sigma = torch.full((len(x),), math.exp(log_sigma), dtype=x.dtype, device=x.device)
        denoised = denoiser(x, sigma)
        if not isinstance(denoised, torch.Tensor) or denoised.shape != x.shape:
            got = tuple(denoised.shape) if isinstance(denoised, torch.Tensor) else type(denoised).__name__
            raise ExecutionError(f"the denoiser returned {got}; expected a tensor of shape {tuple(x.shape)}, as x has")
        if not denoised.requires_grad:
            raise ExecutionError(
                "the denoiser's result does not depend on x by operations that torch can differentiate"
            )
        slope = x - denoised
        divergence = x.new_zeros(len(x), dtype=torch.float64)
        for i, v in enumerate(directions):
            (of_v,) = torch.autograd.grad((slope * v).sum(), x, retain_graph=i + 1 < len(directions))
            divergence += (of_v * v).flatten(1).sum(1, dtype=torch.float64) / len(directions)
    return slope.detach(), divergence


def _along(of: torch.Tensor, length: float, row: list[float], slopes: list[Any], part: int) -> torch.Tensor:
    for weight, slope in zip(row, slopes, strict=False):
        if weight:
            of = torch.add(of, slope[part], alpha=length * weight)
    return of


def _error(
    before: tuple[Any, ...],
    after: tuple[Any, ...],
    length: float,
    difference: list[float],
    slopes: list[Any],
    rtol: float,
    atol: float,
) -> float:
    """The larger of x's error and the log-likelihood's, root mean squares relative to what is allowed."""
    found = 0.0
    for part, (old, new) in enumerate(zip(before, after, strict=True)):
        error = _along(torch.zeros_like(old), length, difference, slopes, part)
        allowed = atol + rtol * torch.maximum(old.abs(), new.abs())
        size = float(((error / allowed).double() ** 2).mean() ** 0.5)
        found = size if math.isnan(size) else max(found, size)
        if math.isnan(found):
            break
    return found


def _directions(x: torch.Tensor, seed: int, probes: int) -> list[torch.Tensor]:
    """Signs, each as likely: the probes of Hutchinson's estimate with the least variance."""
    generators = [torch.Generator("cpu").manual_seed(seed + b) for b in range(len(x))]
    drawn = [
        torch.stack([torch.randint(2, x.shape[1:], generator=g, device="cpu") for g in generators])
        for _ in range(probes)
    ]
    return [(2 * signs - 1).to(dtype=x.dtype, device=x.device) for signs in drawn]


def _check(
    denoiser: object, x: object, low: float, high: float, seed: int, probes: int, rtol: float, atol: float, most: int
) -> None:
    if not callable(denoiser):
        raise ExecutionError(f"denoiser is {type(denoiser).__name__}; expected a callable (x, sigma) -> denoised")
    if not isinstance(x, torch.Tensor) or x.dtype not in (torch.float32, torch.float64) or not x.dim() or not x.numel():
        got = f"{x.dtype} of shape {tuple(x.shape)}" if isinstance(x, torch.Tensor) else type(x).__name__
        raise ExecutionError(f"x is {got}; expected a float32 or float64 tensor of shape (batch, …)")
    if not 0.0 < low < high < math.inf:
        raise SamplerError(f"sigma_min is {low:g} and sigma_max {high:g}; expected 0 < sigma_min < sigma_max, finite")
    for name, count, least in (("seed", seed, 0), ("probes", probes, 1), ("max_steps", most, 1)):
        if isinstance(count, bool) or not isinstance(count, int) or count < least:
            raise SamplerError(f"{name} is {count!r}; expected a whole number of at least {least}")
    for name, value in (("rtol", rtol), ("atol", atol)):
        if not 0.0 <= value < math.inf:
            raise SamplerError(f"{name} is {value:g}; expected a finite number of at least 0")
    if rtol == atol == 0.0:
        raise SamplerError("rtol and atol are both 0; expected one above 0, or no step is ever accepted")
