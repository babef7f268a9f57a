"""CFG++ as plain loops: the guided value is where a step goes, the unconditional one gives the noise.

`denoise` returns (guided, unconditional). Chung et al. 2024 (arXiv:2406.08070), algorithm 2.
"""

import math

from reference.sampler import split as without_cancelling
from reference.setting import VE


def euler_cfg_pp(denoise, x, sigmas, noise=None, setting=VE):
    return euler_ancestral_cfg_pp(denoise, x, sigmas, noise, setting, eta=0.0)


def split(u, u_next, eta):
    """(down, up) of an ancestral step in u = sigma / alpha; u is infinite at pure noise of a flow."""
    return without_cancelling(u, u_next, eta)


def euler_ancestral_cfg_pp(denoise, x, sigmas, noise=None, setting=VE, eta=1.0, s_noise=1.0):
    """x' = alpha' D + sigma_down (x - alpha U) / sigma; the ancestral split is made in sigma / alpha."""
    for i in range(len(sigmas) - 1):
        s, t = sigmas[i], sigmas[i + 1]
        guided, unconditional = denoise(x, s)
        a_s, a_t = setting.alpha(s), setting.alpha(t)
        down, up = split(s / a_s if a_s > 0 else math.inf, t / a_t, eta)
        x = a_t * guided + a_t * down * (x - a_s * unconditional) / s
        if up > 0:
            x = x + a_t * up * s_noise * noise(i)
    return x


def dpmpp_2s_ancestral_cfg_pp(denoise, x, sigmas, noise=None, setting=VE, eta=1.0, s_noise=1.0, form="exact"):
    """DPM-Solver++(2S), midpoint in log sigma, then noise. A step to zero is the guided value.

    Exact: to the middle with the unconditional value alone, then the CFG++ step of the middle's two values. Host: from
    x plus guidance, with the middle's unconditional value in the second guidance.
    """
    for i in range(len(sigmas) - 1):
        s, t = sigmas[i], sigmas[i + 1]
        down, up = split(s, t, eta)
        guided, unconditional = denoise(x, s)
        if down == 0:
            x = guided
        else:
            middle = math.sqrt(s * down)
            start = x + guided - unconditional
            if form == "exact":
                between = unconditional + middle / s * (x - unconditional)
            else:
                between = guided + middle / s * (start - guided)
            guided_2, unconditional_2 = denoise(between, middle)
            if form == "exact":
                x = guided_2 + down / s * (x - unconditional_2)
            else:
                x = guided_2 + down / s * (x + guided - unconditional_2 - guided_2)
        if up > 0:
            x = x + up * s_noise * noise(i)
    return x


def dpmpp_2m_cfg_pp(denoise, x, sigmas, noise=None, setting=VE):
    """x' = D + e^-h (x - U) + (1 - e^-h) (D - U_before) / 2r."""
    before = None
    for i in range(len(sigmas) - 1):
        s, t = sigmas[i], sigmas[i + 1]
        guided, unconditional = denoise(x, s)
        x = guided + t / s * (x - unconditional)
        if i > 0 and t > 0:
            r = math.log(sigmas[i - 1] / s) / math.log(s / t)
            x = x + (1 - t / s) / (2 * r) * (guided - before)
        before = unconditional
    return x


def cfgpp_ud10_ab(
    denoise,
    x,
    sigmas,
    noise=None,
    setting=VE,
    history_weight=0.25,
    uncond_history_weight=0.1,
    zero_weight=1.0,
):
    """A CFG++ Euler step, its noise extrapolated, mixed with an Adams-Bashforth step over its own slopes.

    A last step to zero is the line through the last two guided values, at sigma 0.
    """
    slopes, guideds, noises = [], [], []
    for i in range(len(sigmas) - 1):
        s, t = sigmas[i], sigmas[i + 1]
        guided, unconditional = denoise(x, s)
        noises.append((x - setting.alpha(s) * unconditional) / s)
        guideds.append(guided)
        d = noises[-1]
        if i > 0:
            ratio = (t - s) / (s - sigmas[i - 1])
            d = d + uncond_history_weight * ratio * (noises[-1] - noises[-2])
        slopes.append((setting.alpha(t) * guided + t * d - x) / (t - s))
        mixed = slopes[-1]
        if i > 0:
            mixed = mixed + history_weight * ratio / 2 * (slopes[-1] - slopes[-2])
        after = x + (t - s) * mixed
        if t == 0 and i > 0:
            s_before = sigmas[i - 1]
            line = (s_before * guideds[-1] - s * guideds[-2]) / (s_before - s)
            after = after + zero_weight * (line - after)
        x = after
    return x
