"""Samplers as plain loops over arrays, from their papers.

`denoise(x, sigma)` with sigma a number; `noise(k)` is the run's k-th unit noise. A last step to sigma 0 needs no rule
of its own: Euler's formula gives the denoised value there, up to rounding, and the exponential integrators'
coefficients have that limit.
"""

import math

from reference.setting import VE

SQRT2 = math.sqrt(2)


def slope(denoise, x, sigma):
    """dx/dsigma of the probability-flow ODE. Karras et al. 2022 (arXiv:2206.00364), eq. 1 with eq. 3, s(t) = 1."""
    return (x - denoise(x, sigma)) / sigma


def raised(x, sigma, steps, noise, k, s_churn, s_tmin, s_tmax, s_noise):
    """Karras et al. 2022, algorithm 2, lines 4 to 6. Also returns the number of draws so far."""
    gamma = min(s_churn / steps, SQRT2 - 1) if s_tmin <= sigma <= s_tmax else 0.0
    if gamma == 0:
        return x, sigma, k
    hat = sigma * (1 + gamma)
    return x + math.sqrt(hat**2 - sigma**2) * s_noise * noise(k), hat, k + 1


def heun(
    denoise, x, sigmas, noise=None, setting=VE, s_churn=0.0, s_tmin=0.0, s_tmax=math.inf, s_noise=1.0, correct=True
):
    """Karras et al. 2022, algorithm 2."""
    k, steps = 0, len(sigmas) - 1
    for i in range(steps):
        x, hat, k = raised(x, sigmas[i], steps, noise, k, s_churn, s_tmin, s_tmax, s_noise)
        d = slope(denoise, x, hat)
        after = x + (sigmas[i + 1] - hat) * d
        if correct and sigmas[i + 1] != 0:
            d = d / 2 + slope(denoise, after, sigmas[i + 1]) / 2
            after = x + (sigmas[i + 1] - hat) * d
        x = after
    return x


def euler(denoise, x, sigmas, noise=None, setting=VE, **churn):
    """Karras et al. 2022, algorithm 2 without lines 9 to 11."""
    return heun(denoise, x, sigmas, noise, setting, correct=False, **churn)


def split(s, t, eta):
    """(down, up) with down² + up² = t² and up = min(t, eta t sqrt(1 - (t/s)²)), written so that nothing cancels."""
    kept = (1 - eta) * (1 + eta) + (eta * t / s) ** 2
    if kept <= 0:
        return 0.0, t
    return t * math.sqrt(kept), eta * t * math.sqrt((1 - t / s) * (1 + t / s))


def euler_ancestral(denoise, x, sigmas, noise=None, setting=VE, eta=1.0, s_noise=1.0):
    """Song et al. 2021 (arXiv:2011.13456), appendix F: x0 and fresh noise keep the variance at the next sigma.

    For a flow: down to t (1 - eta (1 - t/s)), the signal rescaled from 1 - down to 1 - t, noise up to variance t².
    """
    for i in range(len(sigmas) - 1):
        s, t = sigmas[i], sigmas[i + 1]
        if setting.flow:
            down = t * (1 - eta * (1 - t / s))
            denoised = denoise(x, s)
            x = (1 - down / s) * denoised + down / s * x
            if eta > 0 and t > 0:
                kept = down * (1 - t) / (1 - down)
                short = eta * t * (1 - t / s) / (1 - down)  # t - kept, without cancellation
                x = (1 - t) / (1 - down) * x + math.sqrt(short * (t + kept)) * s_noise * noise(i)
            continue
        down, up = split(s, t, eta)
        denoised = denoise(x, s)
        x = denoised + down * (x - denoised) / s
        if up > 0:
            x = x + up * s_noise * noise(i)
    return x


def dpmpp_2m(denoise, x, sigmas, noise=None, setting=VE):
    """Lu et al. 2022 (arXiv:2211.01095), algorithm 2, with alpha = 1 and lambda = -ln sigma."""
    before = None
    for i in range(len(sigmas) - 1):
        d = now = denoise(x, sigmas[i])
        if i > 0 and sigmas[i + 1] > 0:
            h_before, h = math.log(sigmas[i - 1] / sigmas[i]), math.log(sigmas[i] / sigmas[i + 1])
            r = h_before / h
            d = (1 + 1 / (2 * r)) * now - 1 / (2 * r) * before
        ratio = sigmas[i + 1] / sigmas[i]  # e^{-h}
        x = ratio * x + (1 - ratio) * d
        before = now
    return x


def dpmpp_2m_sde(denoise, x, sigmas, noise=None, setting=VE, eta=1.0, s_noise=1.0, solver_type="midpoint"):
    """Lu et al. 2022, section 5 (SDE-DPM-Solver++(2M)), with the noise scaled by eta as k-diffusion has it.

    In y = x / alpha and u = sigma / alpha the SDE of strength eta has decay (u_t/u_s)^(1 + eta) towards the denoised
    value and leaves noise of variance u_t² (1 - (u_t/u_s)^(2 eta)). The heun type integrates the line through the last
    two denoised values exactly.
    """
    sigmas = setting.snr_sigmas(sigmas)
    before = None
    for i in range(len(sigmas) - 1):
        s, t = sigmas[i], sigmas[i + 1]
        a_s, a_t = setting.alpha(s), setting.alpha(t)
        u_s, u_t = s / a_s, t / a_t
        now = denoise(x, s)
        decay = (u_t / u_s) ** (1 + eta)
        y = decay * x / a_s + (1 - decay) * now
        if i > 0 and t > 0:
            h, h_before = math.log(u_s / u_t), math.log(sigmas[i - 1] / setting.alpha(sigmas[i - 1]) / u_s)
            change = (now - before) * h / h_before
            middle = (1 - decay) / 2
            y = y + change * (middle if solver_type == "midpoint" else 1 - (1 - decay) / (h * (1 + eta)))
        if eta > 0 and t > 0:
            variance = -math.expm1(-2 * eta * math.log(u_s / u_t))  # 1 - (u_t/u_s)^(2 eta), also for tiny eta
            y = y + u_t * math.sqrt(variance) * s_noise * noise(i)
        x = a_t * y
        before = now
    return x
