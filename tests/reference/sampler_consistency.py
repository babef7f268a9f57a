"""Multistep consistency sampling, from the paper. See `sampler.py` for the conventions."""

import math

from reference.setting import VE


def consistency(denoise, x, sigmas, noise=None, setting=VE, sigma_min=0.002, s_noise=1.0):
    """Song et al. 2023 (arXiv:2303.01469), algorithm 1; the signal is weighed as the setting says."""
    for i in range(len(sigmas) - 1):
        x = denoise(x, sigmas[i])
        if sigmas[i + 1] > sigma_min:
            x = setting.alpha(sigmas[i + 1]) * x + math.sqrt(sigmas[i + 1] ** 2 - sigma_min**2) * s_noise * noise(i)
    return x
