"""DEIS as a plain loop: integrals of Lagrange polynomials in the method's own time, by adaptive quadrature."""

import itertools
import math

import numpy as np
from scipy import integrate

from reference.sampler_adams import multistep
from reference.setting import VE

# The linear VP schedule whose time 0.001 is sigma 0.002 and whose time 1 is sigma 80. Karras et al. 2022
# (arXiv:2206.00364), table 1: sigma(t)² + 1 = exp(beta_d t² / 2 + beta_min t).
_LOW, _HIGH = math.log(0.002**2 + 1), math.log(80.0**2 + 1)
BETA_D = 2 * (_LOW / 1e-3 - _HIGH) / (1e-3 - 1)
BETA_MIN = _HIGH - BETA_D / 2


def vp_time(sigma):
    """The positive root of beta_d t² / 2 + beta_min t = ln(1 + sigma²), in the form that does not cancel."""
    level = math.log1p(sigma**2)
    return 2 * level / (math.sqrt(BETA_MIN**2 + 2 * BETA_D * level) + BETA_MIN)


def vp_slope(time):
    """dsigma/dt."""
    exponent = BETA_D * time**2 / 2 + BETA_MIN * time
    return (BETA_D * time + BETA_MIN) * np.exp(exponent) / (2 * np.sqrt(np.expm1(exponent)))


TIMES = {"tab": vp_time, "rhoab": lambda sigma: sigma, "logrho": math.log}


def lagrange(points, j, at):
    return math.prod((at - p) / (points[j] - p) for k, p in enumerate(points) if k != j)


def exact_weights(nodes, to, mode):
    """integral of l_j(time(s)) ds, in u = ln s. Zhang and Chen 2022 (arXiv:2204.13902), eq. 15."""
    if len(nodes) == 1:
        return [to - nodes[0]]
    time = TIMES[mode]
    points = [time(node) for node in nodes]

    def weight(j):
        f = lambda u: lagrange(points, j, time(math.exp(u))) * math.exp(u)  # noqa: E731
        edges = np.linspace(math.log(nodes[0]), math.log(to), 2 + int(math.log(nodes[0] / to)))
        parts = [integrate.quad(f, a, b, epsabs=0, epsrel=1.2e-14)[0] for a, b in itertools.pairwise(edges)]
        return math.fsum(parts)

    return [weight(j) for j in range(len(nodes))]


def summed_weights(nodes, to, count=10_000):
    """The host's sum of `count` values, both ends among them, times a `count`-th of the step in VP time."""
    if len(nodes) == 1:
        return [to - nodes[0]]
    points = [vp_time(node) for node in nodes]
    times = np.linspace(points[0], vp_time(to), count)
    change = vp_slope(times) * (vp_time(to) - points[0]) / count
    return [float(np.sum(lagrange(points, j, times) * change)) for j in range(len(nodes))]


def deis(denoise, x, sigmas, noise=None, setting=VE, max_order=3, mode="tab", form="exact"):
    weights = summed_weights if form == "comfyui" else lambda nodes, to: exact_weights(nodes, to, mode)
    return multistep(denoise, x, sigmas, max_order, weights)
