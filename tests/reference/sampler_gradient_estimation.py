"""Gradient estimation as a plain loop."""

from reference.sampler import slope
from reference.setting import VE


def gradient_estimation(denoise, x, sigmas, noise=None, setting=VE, ge_gamma=2.0):
    """Permenter and Yuan 2024 (arXiv:2306.04848), eq. 12: the slope is gamma d_i + (1 - gamma) d_{i-1}."""
    before = None
    for i in range(len(sigmas) - 1):
        d = slope(denoise, x, sigmas[i])
        mixed = d if i == 0 or sigmas[i + 1] == 0 else ge_gamma * d + (1 - ge_gamma) * before
        x = x + (sigmas[i + 1] - sigmas[i]) * mixed
        before = d
    return x


def gradient_estimation_cfg_pp(denoise, x, sigmas, noise=None, setting=VE, ge_gamma=2.0):
    """The same from a CFG++ step: x' = D + sigma' d with d towards the unconditional value."""
    before = None
    for i in range(len(sigmas) - 1):
        s, t = sigmas[i], sigmas[i + 1]
        denoised, unconditional = denoise(x, s)
        d = (x - unconditional) / s
        x = denoised + t * d
        if i > 0 and t > 0:
            x = x + (ge_gamma - 1) * (t - s) * (d - before)
        before = d
    return x
