"""Sampling for trajectory consistency models as a plain loop over arrays."""

import numpy as np

from reference.setting import VE

ALPHAS = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)
LEVELS = np.sqrt((1 - ALPHAS) / ALPHAS)
"""Stable Diffusion's levels."""


def tcd(denoise, x, sigmas, noise=None, setting=VE, eta=0.3, levels=LEVELS, host=False):
    """Zheng et al. 2024 (arXiv:2402.19159), algorithm 4, in x = x0 + sigma noise.

    A level that is nearest to the lowest of the table has no stage below it; the host takes the lowest.

    diffusers steps z = x / sqrt(1 + sigma²); there the noise has variance 1 - a_t/a_s, with a = 1 / (1 + sigma²).
    """
    k = 0
    for i in range(len(sigmas) - 1):
        s, t = sigmas[i], sigmas[i + 1]
        denoised = denoise(x, s)
        if t == 0:
            return denoised
        time = np.argmin(np.abs(np.log(levels) - np.log(t)))
        down = int(np.floor((1 - eta) * time))
        stage = t if eta == 0 or (down == time and not host) else min(levels[down], t)
        a_stage, a_t = 1 / (1 + stage**2), 1 / (1 + t**2)
        z = np.sqrt(a_stage) * (denoised + stage * (x - denoised) / s)
        if stage < t:
            z = np.sqrt(a_t / a_stage) * z + np.sqrt(1 - a_t / a_stage) * noise(k)
            k += 1
            x = z / np.sqrt(a_t)
        else:
            x = z / np.sqrt(a_stage)
    return x
