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
    roots = np.sqrt(np.asarray(alphas_cumprod, dtype=np.float64))
    scaled = (roots - roots[-1]) * (roots[0] / (roots[0] - roots[-1]))
    values = scaled**2
    values[-1] = 4.8973451890853435e-08
    return values


def sigma(table, t):
    """Log-linear between the levels of an ascending table."""
    return np.exp(np.interp(t, np.arange(len(table)), np.log(table)))


def nearest_timestep(table, sigma):
    return np.abs(np.log(sigma) - np.log(table)[:, None]).argmin(axis=0).astype(np.float64)


def interpolated_timestep(table, sigma):
    return np.interp(np.log(sigma), np.log(table), np.arange(len(table)))
