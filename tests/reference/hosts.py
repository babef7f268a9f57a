"""Hosts' schedules written from their formulas in plain NumPy and SciPy, repeats and odd counts included."""

import numpy as np
from scipy import stats


def sgm_uniform(steps, start, end, sigma):
    return np.append(sigma(np.linspace(start, end, steps + 1))[:-1], 0.0)


def ddim_uniform(steps, table):
    return np.append(table[1 :: max(len(table) // steps, 1)][::-1], 0.0)


def beta(steps, table, alpha, beta):
    """Repeated indices are dropped."""
    quantiles = stats.beta.ppf(1 - np.linspace(0, 1, steps, endpoint=False), alpha, beta)
    indices = np.rint(quantiles * (len(table) - 1)).astype(int)
    keep = np.append(True, np.diff(indices) != 0)
    return np.append(table[indices[keep]], 0.0)


def simple(steps, table):
    return np.array([table[-(1 + int(k * (len(table) / steps)))] for k in range(steps)] + [0.0])


def smoothstep(steps, table):
    u = 1 - np.arange(steps) / steps
    return np.append(table[np.rint(u * u * (3 - 2 * u) * (len(table) - 1)).astype(int)], 0.0)
