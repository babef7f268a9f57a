"""One schedule and one sampler for stepladder, in plain Python."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from stepladder import Sampler, Schedule
from stepladder.hookspecs import Claims, Register, hookimpl

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepladder import NoiseProcess


@dataclass(frozen=True)
class ChebyshevSchedule(Schedule):
    """Chebyshev-Lobatto points in log sigma: dense at both ends, where images are laid out and finished."""

    def generate(self, process: NoiseProcess, steps: int) -> np.ndarray:
        """Return sigma_max (sigma_min / sigma_max)^((1 - cos(pi i / (n - 1))) / 2) for i = 0 … n - 1, and 0."""
        part = (1 - np.cos(np.pi * np.linspace(0, 1, steps))) / 2
        return np.append(process.sigma_max * (process.sigma_min / process.sigma_max) ** part, 0.0)


@dataclass(frozen=True)
class RalstonSampler(Sampler):
    """Ralston's second-order method for dx/dsigma = (x - D) / sigma, the one with the least error bound."""

    def trace(self, t: Any, sigmas: Sequence[float]) -> None:
        """Write the method down over the tracer's symbolic values; a step to 0 returns the denoised value."""
        x = t.start()
        for s, s_next in pairwise(sigmas):
            denoised = t.denoise(x, s)
            if s_next == 0:
                t.end_step(denoised)
                return
            h, s_mid = s_next - s, s + 2 / 3 * (s_next - s)
            k1 = (x - denoised) / s
            guess = x + k1 * (2 / 3 * h)
            k2 = (guess - t.denoise(guess, s_mid)) / s_mid
            x = t.end_step(x + (k1 * 0.25 + k2 * 0.75) * h)


@hookimpl
def register_schedules(register: Register) -> None:
    """Offer the schedule."""
    register("chebyshev", ChebyshevSchedule, source="Trefethen 2013, Approximation Theory and Practice, eq. 2.2")


@hookimpl
def register_samplers(register: Register) -> None:
    """Offer the sampler."""
    claims = Claims(formula_order=2, global_order=2, weak_order=None, evaluations=2, stochastic=False)
    register("ralston", RalstonSampler, source="Ralston 1962, Math. Comp. 16, 431-437", claims=claims)
