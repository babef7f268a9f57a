"""Noise processes from their formulas, in 40 digits."""

import mpmath
import numpy as np

MP = mpmath.mp.clone()
MP.dps = 40


def betas(name, start, end, timesteps):
    """Every training step's beta (Ho et al. 2020; Rombach et al. 2022; Nichol & Dhariwal 2021, eq. 17)."""
    start, end, last = MP.mpf(start), MP.mpf(end), timesteps - 1
    if name in ("cosine", "squaredcos_cap_v2"):

        def alpha_bar(t):
            return MP.cos((t + MP.mpf("0.008")) / MP.mpf("1.008") * MP.pi / 2) ** 2

        cap = MP.mpf("0.999")
        return [
            min(1 - alpha_bar(MP.mpf(k + 1) / timesteps) / alpha_bar(MP.mpf(k) / timesteps), cap)
            for k in range(timesteps)
        ]
    if name in ("linear", "sqrt_linear"):
        return [start + (end - start) * k / last for k in range(timesteps)]
    if name == "scaled_linear":
        return [(MP.sqrt(start) + (MP.sqrt(end) - MP.sqrt(start)) * k / last) ** 2 for k in range(timesteps)]
    if name == "sqrt":
        return [MP.sqrt(start + (end - start) * k / last) for k in range(timesteps)]
    raise ValueError(name)


def alphas_cumprod(betas):
    product, products = MP.mpf(1), []
    for beta in betas:
        product *= 1 - MP.mpf(beta)
        products.append(product)
    return products


def sigmas(alphas_cumprod):
    """Noise-to-signal ratio `sqrt((1 - a) / a)`."""
    return [MP.sqrt((1 - MP.mpf(a)) / MP.mpf(a)) for a in alphas_cumprod]


def discrete_table(name="scaled_linear", start=0.00085, end=0.012, timesteps=1000):
    return np.array([float(s) for s in sigmas(alphas_cumprod(betas(name, start, end, timesteps)))])


def zero_terminal_snr(alphas_cumprod):
    """Lin et al. 2023 (arXiv 2305.08891), algorithm 1, with the hosts' tiny last value in place of 0."""
    roots = [MP.sqrt(value) for value in alphas_cumprod]
    scaled = [((root - roots[-1]) * roots[0] / (roots[0] - roots[-1])) ** 2 for root in roots]
    return [*scaled[:-1], 4.8973451890853435e-08]


def sigma(table, t):
    """Log-linear between the levels of an ascending table."""
    return np.exp(np.interp(t, np.arange(len(table)), np.log(table)))


def nearest_timestep(table, sigma):
    return np.abs(np.log(sigma) - np.log(table)[:, None]).argmin(axis=0).astype(np.float64)


def interpolated_timestep(table, sigma):
    return np.interp(np.log(sigma), np.log(table), np.arange(len(table)))


def continuous_v(t):
    return MP.tan(MP.mpf(t) * MP.pi / 2)


def trigflow(t):
    return MP.tan(MP.mpf(t))


def cosmos(t, sigma_max=80):
    return min(MP.mpf(t) / (1 - MP.mpf(t)), sigma_max)


def flow(t, shift, multiplier):
    """Esser et al. 2024, eq. 23."""
    u = MP.mpf(t) / multiplier
    return shift * u / (1 + (shift - 1) * u)


def vp_sde(t, beta_min=0.1, beta_d=19.9):
    """Karras et al. 2022, table 1, column VP."""
    t = MP.mpf(t)
    return MP.sqrt(MP.expm1(MP.mpf(beta_d) * t**2 / 2 + MP.mpf(beta_min) * t))


def vp_sde_time(sigma, beta_min=0.1, beta_d=19.9):
    beta_min, beta_d = MP.mpf(beta_min), MP.mpf(beta_d)
    return (MP.sqrt(beta_min**2 + 2 * beta_d * MP.log1p(MP.mpf(sigma) ** 2)) - beta_min) / beta_d


def stable_cascade(t, shift=1, cosine_s=0.008):
    """Nichol & Dhariwal 2021, eq. 17, its log-SNR moved by 2 log(1 / shift), clamped."""
    s = MP.mpf(cosine_s)
    product = MP.cos((MP.mpf(t) + s) / (1 + s) * MP.pi / 2) ** 2 / MP.cos(s / (1 + s) * MP.pi / 2) ** 2
    if 0 < product < 1:
        log_snr = MP.log(product / (1 - product)) + 2 * MP.log(1 / MP.mpf(shift))
        product = 1 / (1 + MP.exp(-log_snr))
    product = min(max(product, MP.mpf("0.0001")), MP.mpf("0.9999"))
    return MP.sqrt((1 - product) / product)


def edm(t):
    """Karras et al. 2022, table 1: time is ln(sigma) / 4."""
    return MP.exp(4 * MP.mpf(t))


def discrete(t, levels=None):
    """Log-linear between the levels of stable diffusion's table."""
    levels = STABLE_DIFFUSION if levels is None else levels
    index = min(int(t), len(levels) - 2)
    part = MP.mpf(t) - index
    return levels[index] ** (1 - part) * levels[index + 1] ** part


def distilled(t):
    """Every 20th of those levels, from 19 on, in the time of the whole table."""
    return discrete((MP.mpf(t) - 19) / 20, STABLE_DIFFUSION[19::20])


STABLE_DIFFUSION = sigmas(alphas_cumprod(betas("scaled_linear", 0.00085, 0.012, 1000)))


def log_spaced(percent, low, high):
    return MP.mpf(high) ** (1 - MP.mpf(percent)) * MP.mpf(low) ** MP.mpf(percent)


def alpha(family, sigma):
    """Weight of the signal: variance exploding, variance preserving, rectified flow."""
    sigma = MP.mpf(sigma)
    return {"ve": MP.mpf(1), "vp": 1 / MP.sqrt(1 + sigma**2), "flow": 1 - sigma}[family]


def half_log_snr(family, sigma):
    sigma = MP.mpf(sigma)
    return MP.log((1 - sigma) / sigma if family == "flow" else 1 / sigma)
