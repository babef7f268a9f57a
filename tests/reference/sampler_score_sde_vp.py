"""Euler-Maruyama on the variance-preserving SDE, from the paper. See `sampler.py` for the conventions."""

import math

import mpmath

from reference.setting import VE


def time_of(sigma, beta_min, beta_max):
    """t with ∫ beta over [0, t] = ln(1 + sigma²); 60 digits, because the root cancels for small sigma."""
    with mpmath.workdps(60):
        total, slope = mpmath.log1p(mpmath.mpf(sigma) ** 2), mpmath.mpf(beta_max) - beta_min
        if slope == 0:
            return total / beta_min
        return (mpmath.sqrt(mpmath.mpf(beta_min) ** 2 + 2 * slope * total) - beta_min) / slope


def score_sde_vp(
    denoise, x, sigmas, noise=None, setting=VE, beta_min=0.1, beta_max=20.0, time_step="levels", s_noise=1.0
):
    """Song et al. 2021 (arXiv:2011.13456), eq. 25 for the SDE of eq. 11, in the scale of that process."""
    z = x / math.hypot(1, sigmas[0])
    for i in range(len(sigmas) - 1):
        s, t = sigmas[i], sigmas[i + 1]
        time, later = (time_of(v, beta_min, beta_max) for v in (s, t))
        dt = 1 / (len(sigmas) - 1) if time_step == "uniform" else float(time - later)
        beta = beta_min + float(time) * (beta_max - beta_min)
        x = z * math.hypot(1, s)
        score = -(x - denoise(x, s)) / s / (s / math.hypot(1, s))
        z = z + (0.5 * beta * z + beta * score) * dt
        if t > 0:
            z = z + math.sqrt(beta * dt) * s_noise * noise(i)
    return z * math.hypot(1, sigmas[-1])
