"""DDIM and its inverse, from the paper. See `sampler.py` for the conventions."""

import math

from reference.setting import VE


def weights(sigma, setting):
    """alpha-bar and its complement: the share of signal and noise in the variance of x."""
    total = setting.alpha(sigma) ** 2 + sigma**2
    return setting.alpha(sigma) ** 2 / total, sigma**2 / total


def ddim(denoise, x, sigmas, noise=None, setting=VE, eta=0.0, direction="denoised"):
    """Song et al. 2020 (arXiv:2010.02502), eqs. 12 and 16, in the paper's variance-preserving scale."""
    for i in range(len(sigmas) - 1):
        s, t = sigmas[i], sigmas[i + 1]
        eta_i = eta[i] if isinstance(eta, list) else eta
        (a, b), (a_t, b_t) = weights(s, setting), weights(t, setting)
        z = x / math.hypot(setting.alpha(s), s)
        d, of_direction = denoise(x, s) if direction == "unclipped" else [denoise(x, s)] * 2
        epsilon = (z - math.sqrt(a) * of_direction) / math.sqrt(b)
        variance = eta_i**2 * b_t / b * (b - b_t) / a_t
        kept = (1 - eta_i) * (1 + eta_i) * b_t + eta_i**2 * b_t**2 * a / (b * a_t)  # b_t - variance, which would cancel
        z = math.sqrt(a_t) * d + math.sqrt(kept) * epsilon
        if variance > 0:
            z = z + math.sqrt(variance) * noise(i)
        x = z * math.hypot(setting.alpha(t), t)
    return x


def ddim_inverse(denoise, x, sigmas, noise=None, setting=VE, form="euler"):
    """Song et al. 2020, eq. 14 read from low to high noise; "diffusers" in the variance-preserving scale."""
    for s, t in zip(sigmas[::-1], sigmas[-2::-1], strict=False):
        told = t if form == "diffusers" or s == 0 else s
        seen = x / math.hypot(1, s) * math.hypot(1, t) if form == "diffusers" else x
        x = x + (t - s) * (seen - denoise(seen, told)) / told
    return x
