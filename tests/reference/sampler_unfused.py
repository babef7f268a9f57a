"""Methods that are not linear in what the model returns, as plain loops over single samples."""

import itertools

import numpy as np


def score_sde_ve(denoise, x, sigmas, noise, snr=0.15, corrector_steps=1):
    """Song et al. 2021 (arXiv:2011.13456), algorithms 2 and 4; the last step is its mean."""
    k = 0
    for s, t in itertools.pairwise(sigmas):
        for _ in range(corrector_steps):
            g, z = (denoise(x, s) - x) / s**2, noise(k)
            e = 2 * (snr * np.linalg.norm(z) / np.linalg.norm(g)) ** 2
            x, k = x + e * g + np.sqrt(2 * e) * z, k + 1
        g = (denoise(x, s) - x) / s**2
        x = x + (s**2 - t**2) * g
        if t > 0:
            x, k = x + np.sqrt(s**2 - t**2) * noise(k), k + 1
    return x


def ddpm_learned_variance(denoise, x, sigmas, noise, variance="learned_range", s_noise=1.0):
    """In Ho et al.'s own scaling, y = x sqrt(alpha bar), with 1 - alpha bar and beta written so that nothing cancels.

    Nichol & Dhariwal 2021 (arXiv:2102.09672), eq. 15.
    """
    bar, rest = lambda s: 1 / (1 + s**2), lambda s: s**2 / (1 + s**2)
    for k, (s, t) in enumerate(itertools.pairwise(sigmas)):
        x0, v = denoise(x, s)
        y, beta = x * np.sqrt(bar(s)), (s - t) * (s + t) / (1 + s**2)
        mean = (np.sqrt(bar(t)) * beta * x0 + np.sqrt(1 - beta) * rest(t) * y) / rest(s)
        if t > 0:
            share, posterior = (v + 1) / 2, beta * rest(t) / rest(s)
            spread = v if variance == "learned" else beta**share * posterior ** (1 - share)
            mean = mean + s_noise * np.sqrt(spread) * noise(k)
        x = mean / np.sqrt(bar(t))
    return x
