"""RES as plain loops: the formulas of Hochbruck and Ostermann 2010, with their phi functions by quadrature."""

import itertools
import math

from reference.sampler_singlestep import phi
from reference.setting import VE


def two_stages(denoise, x, s, t, c2=0.5):
    """Exponential Runge-Kutta in v - v(s) = ln(s / sigma): u' = -u + D, by a(2,1), b(1), b(2)."""
    h = math.log(s / t)
    first = denoise(x, s)
    middle = math.exp(-c2 * h) * x + h * c2 * phi(1, -c2 * h) * first
    second = denoise(middle, s ** (1 - c2) * t**c2)
    b2 = phi(2, -h) / c2
    return math.exp(-h) * x + h * ((phi(1, -h) - b2) * first + b2 * second)


def three_stages(denoise, x, s, t, c2=0.5, c3=1.0):
    """The same with gamma from 2 (gamma c2 + c3) = 3 (gamma c2² + c3²)."""
    h = math.log(s / t)
    gamma = (3 * c3**2 - 2 * c3) / (2 * c2 - 3 * c2**2)
    first = denoise(x, s)
    second = denoise(
        math.exp(-c2 * h) * x + h * c2 * phi(1, -c2 * h) * first,
        s ** (1 - c2) * t**c2,
    )
    a32 = gamma * c2 * phi(2, -c2 * h) + c3**2 / c2 * phi(2, -c3 * h)
    third = denoise(
        math.exp(-c3 * h) * x + h * ((c3 * phi(1, -c3 * h) - a32) * first + a32 * second),
        s ** (1 - c3) * t**c3,
    )
    b3 = phi(2, -h) / (gamma * c2 + c3)
    return math.exp(-h) * x + h * ((phi(1, -h) - (1 + gamma) * b3) * first + b3 * (gamma * second + third))


def singlestep(stages, denoise, x, sigmas, **options):
    """Steps of two or three stages; the denoised value at zero."""
    for s, t in itertools.pairwise(sigmas):
        x = denoise(x, s) if t == 0 else stages(denoise, x, s, t, **options)
    return x


def res_2s(denoise, x, sigmas, noise=None, setting=VE, **options):
    """RES 2s; lambda = -ln sigma for a flow too, where dx/dlambda = D - x as well."""
    return singlestep(two_stages, denoise, x, sigmas, **options)


def res_3s(denoise, x, sigmas, noise=None, setting=VE, **options):
    """RES 3s."""
    return singlestep(three_stages, denoise, x, sigmas, **options)


def res_m(order, denoise, x, sigmas, noise=None, setting=VE):
    """Newton's form of the polynomial through the last values, its powers of theta integrated by phi functions."""
    levels, values = [], []
    for s, t in itertools.pairwise(sigmas):
        if t == 0:
            return denoise(x, s)
        kept = len(values) + 1
        if kept < order:
            values.append(denoise(x, s))
            levels.append(s)
            x = (two_stages if order == 2 else three_stages)(
                lambda y, v, s=s: values[-1] if v == s else denoise(y, v), x, s, t
            )
            continue
        values.append(denoise(x, s))
        levels.append(s)
        h = math.log(s / t)
        # Divided differences over theta, 0 at s and 1 at t; the powers of theta have the integrals k! phi_(k+1).
        theta = [math.log(s / level) / h for level in reversed(levels[-order:])]
        table = list(reversed(values[-order:]))
        for k in range(1, order):
            for j in range(order - 1, k - 1, -1):
                table[j] = (table[j] - table[j - 1]) / (theta[j] - theta[j - k])
        total = phi(1, -h) * table[0] + phi(2, -h) * table[1]  # theta - theta_0 with theta_0 = 0
        if order == 3:
            total = total + (2 * phi(3, -h) - theta[1] * phi(2, -h)) * table[2]
        x = math.exp(-h) * x + h * total
    return x
