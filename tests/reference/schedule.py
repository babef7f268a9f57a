"""Schedules from their formulas: 40 digits where they are closed, plain NumPy where they pick from a table."""

import mpmath
import numpy as np

MP = mpmath.mp.clone()
MP.dps = 40


def _closed(levels):
    return np.array([float(level) for level in levels] + [0.0])


def karras(steps, sigma_min, sigma_max, rho):
    """Karras et al. 2022, equation 5."""
    low, high, rho = MP.mpf(sigma_min), MP.mpf(sigma_max), MP.mpf(rho)
    if steps == 1:
        return _closed([high])
    high, low = high ** (1 / rho), low ** (1 / rho)
    # Weights, not a difference: at the low end 40 digits would not hold both powers.
    return _closed((((steps - 1 - k) * high + k * low) / (steps - 1)) ** rho for k in range(steps))


def exponential(steps, sigma_min, sigma_max):
    low, high = MP.log(MP.mpf(sigma_min)), MP.log(MP.mpf(sigma_max))
    if steps == 1:
        return _closed([MP.mpf(sigma_max)])
    return _closed(MP.exp(high + MP.mpf(k) / (steps - 1) * (low - high)) for k in range(steps))


def simple(steps, table):
    """An even stride through an ascending table; with more steps than levels, log-linear between them."""
    size = len(table)
    if steps <= size:
        return np.array([table[-(1 + int(k * (size / steps)))] for k in range(steps)] + [0.0])
    index = np.linspace(size - 1, 0, steps)
    return np.append(np.exp(np.interp(index, np.arange(size), np.log(table))), 0.0)


def normal(steps, start, end, sigma):
    """Even time from `start` (top) to `end`; `sigma` is the process's map over arrays."""
    points = steps + 1 if sigma(np.array([end]))[0] <= 1e-5 else steps
    levels = sigma(np.linspace(start, end, points))
    return np.append(levels[:steps], 0.0)


def loglinear_interp(table, n):
    old, new = np.linspace(0, 1, len(table)), np.linspace(0, 1, n)
    return np.exp(np.interp(new, old, np.log(np.asarray(table, dtype=np.float64)[::-1])))[::-1]


def kl_optimal(steps, sigma_min, sigma_max):
    low, high = MP.atan(MP.mpf(sigma_min)), MP.atan(MP.mpf(sigma_max))
    if steps == 1:
        return _closed([MP.mpf(sigma_max)])
    return _closed(MP.tan(high + MP.mpf(k) / (steps - 1) * (low - high)) for k in range(steps))
