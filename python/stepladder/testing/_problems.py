"""Problems whose denoisers, and with them the exact answers, are known."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


class Problem(Protocol):
    """A data distribution whose denoiser, and with it the probability-flow ODE, is known exactly."""

    def denoise(self, x: Array, sigma: float) -> Array:
        """Return the mean of the data given the data plus noise of this sigma."""

    def flow(self, x: Array, sigma_from: float, sigma_to: float) -> Array:
        """Solve dx/dsigma = (x - denoise(x, sigma)) / sigma exactly, from one positive sigma to another."""

    def start(self, sigma: float) -> Array:
        """Return a few fixed starting points at this sigma."""


@dataclass(frozen=True)
class GaussianProblem:
    """Data distributed as N(mu, s²), each coordinate alone. Its denoiser is linear in x.

    Parameters
    ----------
    mu, s
        Mean and standard deviation; `s = 0` is a single point, whose denoiser is constant.
    """

    mu: float
    s: float

    def denoise(self, x: Array, sigma: float) -> Array:
        """Return the mean of the data given the data plus noise of this sigma."""
        return self.mu + self.s**2 / (self.s**2 + sigma**2) * (x - self.mu)

    def flow(self, x: Array, sigma_from: float, sigma_to: float) -> Array:
        """Solve dx/dsigma = (x - denoise(x, sigma)) / sigma exactly, from one positive sigma to another."""
        return self.mu + (x - self.mu) * math.hypot(self.s, sigma_to) / math.hypot(self.s, sigma_from)

    def start(self, sigma: float) -> Array:
        """Return a few fixed starting points at this sigma."""
        return self.mu + np.linspace(-1.5, 1.5, 7) * math.hypot(self.s, sigma)


@dataclass(frozen=True)
class MixtureProblem:
    """Data distributed as a mixture of isotropic Gaussians; its nonlinear denoiser sees every order condition.

    Parameters
    ----------
    means
        One tuple per component, all of one length.
    stds, weights
        One number per component; the weights add up to 1.
    """

    means: tuple[tuple[float, ...], ...]
    stds: tuple[float, ...]
    weights: tuple[float, ...]

    def denoise(self, x: Array, sigma: float) -> Array:
        """Return the mean of the data given the data plus noise of this sigma; x is `(points, dimensions)`."""
        means, stds = np.array(self.means)[:, None, :], np.array(self.stds)[:, None, None]
        variance = stds**2 + sigma**2
        distance = ((x - means) ** 2).sum(-1, keepdims=True)
        log_weight = np.log(self.weights)[:, None, None] - 0.5 * distance / variance
        log_weight = log_weight - 0.5 * x.shape[-1] * np.log(variance)
        weight = np.exp(log_weight - log_weight.max(0))
        result: Array = (weight / weight.sum(0) * (means + stds**2 / variance * (x - means))).sum(0)
        return result

    def flow(self, x: Array, sigma_from: float, sigma_to: float) -> Array:
        """Solve dx/dsigma = (x - denoise(x, sigma)) / sigma to about 1e-12, from one positive sigma to another.

        The classical fourth-order Runge-Kutta method in log sigma, dx/dlog(sigma) = x - D, with doubled steps and
        Richardson's extrapolation until two results agree.
        """
        steps, coarse, before = 128, self._runge_kutta(x, sigma_from, sigma_to, 64), None
        while True:
            fine = self._runge_kutta(x, sigma_from, sigma_to, steps)
            result = fine + (fine - coarse) / 15
            if before is not None and np.max(np.abs(result - before)) < 1e-12:
                return result
            if steps > 100_000:
                raise ArithmeticError(f"no reference solution from sigma {sigma_from} to {sigma_to}: no convergence")
            steps, coarse, before = 2 * steps, fine, result

    def _runge_kutta(self, x: Array, sigma_from: float, sigma_to: float, steps: int) -> Array:
        u, h = math.log(sigma_from), math.log(sigma_to / sigma_from) / steps
        for step in range(steps):
            start, middle, end = (math.exp(u + (step + part) * h) for part in (0.0, 0.5, 1.0))
            k1 = x - self.denoise(x, start)
            k2 = (x + h / 2 * k1) - self.denoise(x + h / 2 * k1, middle)
            k3 = (x + h / 2 * k2) - self.denoise(x + h / 2 * k2, middle)
            k4 = (x + h * k3) - self.denoise(x + h * k3, end)
            x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return x

    def start(self, sigma: float) -> Array:
        """Return a few fixed starting points at this sigma."""
        return np.random.default_rng(20220601).standard_normal((16, len(self.means[0]))) * math.hypot(1.0, sigma)


def gaussian_problem(mu: float = 0.4, s: float = 0.6) -> GaussianProblem:
    """Make a Gaussian problem, whose flow has a closed form."""
    return GaussianProblem(mu, s)


def mixture_problem() -> MixtureProblem:
    """Make the mixture problem that orders are measured on: three components in two dimensions."""
    return MixtureProblem(means=((-1.0, 0.5), (0.8, -0.7), (0.4, 1.1)), stds=(0.5, 0.35, 0.6), weights=(0.3, 0.3, 0.4))
