"""Single-step methods as plain loops over arrays, from their papers. See `reference.sampler` for the arguments."""

import itertools
import math

import numpy as np

from reference.sampler import raised, slope
from reference.sampler import split as without_cancelling
from reference.setting import VE


def phi(k, z, panels=4):
    """phi_k(z) = ∫ exp((1 - θ) z) θ^(k-1) / (k-1)! dθ over [0, 1]. Hochbruck and Ostermann 2010, eq. 2.10."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    theta = ((nodes + 1) / 2 + np.arange(panels)[:, None]) / panels
    return float(np.sum(np.exp((1 - theta) * z) * theta ** (k - 1) * weights) / (2 * panels * math.factorial(k - 1)))


def heunpp2(denoise, x, sigmas, noise=None, setting=VE, s_churn=0.0, s_tmin=0.0, s_tmax=math.inf, s_noise=1.0):
    """Li et al. 2024 (arXiv:2306.08964): a mean of the slopes at the next levels, each weighed by sigma / sigma_0.

    ComfyUI's weights: over the k slopes, sigma_j / (k sigma_0) for those ahead, the rest for the first.
    """
    draws, steps = 0, len(sigmas) - 1
    for i in range(steps):
        x, hat, draws = raised(x, sigmas[i], steps, noise, draws, s_churn, s_tmin, s_tmax, s_noise)
        d = slope(denoise, x, hat)
        ahead = sigmas[i + 1 : min(i + 3, steps)]
        total, at, level, last = d, x, hat, d
        for s in ahead:
            at = at + (s - level) * last
            level, last = s, slope(denoise, at, s)
            total = total + s / ((len(ahead) + 1) * sigmas[0]) * (last - d)
        x = x + (sigmas[i + 1] - hat) * total
    return x


def dpm_2(denoise, x, sigmas, noise=None, setting=VE, s_churn=0.0, s_tmin=0.0, s_tmax=math.inf, s_noise=1.0):
    """Karras et al. 2022, algorithm 3 of the general second-order family at the geometric midpoint."""
    draws, steps = 0, len(sigmas) - 1
    for i in range(steps):
        x, hat, draws = raised(x, sigmas[i], steps, noise, draws, s_churn, s_tmin, s_tmax, s_noise)
        d = slope(denoise, x, hat)
        if sigmas[i + 1] > 0:
            middle = math.exp((math.log(hat) + math.log(sigmas[i + 1])) / 2)
            d = slope(denoise, x + (middle - hat) * d, middle)
        x = x + (sigmas[i + 1] - hat) * d
    return x


def split(setting, s, t, eta):
    """(down, scale, up): to `down`, times `scale`, plus `up` noise. Song et al. 2021, appendix F; flow as ComfyUI."""
    if setting.flow:
        down = t * (1 - eta * (1 - t / s))
        scale = (1 - t) / (1 - down)
        short = eta * t * (1 - t / s) / (1 - down)  # t - down scale, without cancellation
        return down, scale, math.sqrt(short * (t + down * scale))
    down, up = without_cancelling(s, t, eta)
    return down, 1.0, up


def ancestral(middle_step):
    """A two-stage step to `down`, the noise put back."""

    def run(denoise, x, sigmas, noise=None, setting=VE, eta=1.0, s_noise=1.0):
        draws = 0
        for i in range(len(sigmas) - 1):
            s, t = sigmas[i], sigmas[i + 1]
            if t == 0:
                return denoise(x, s)
            down, scale, up = split(setting, s, t, eta)
            x = scale * (middle_step(denoise, x, s, down, setting) if down > 0 else denoise(x, s))
            if eta > 0:
                x = x + up * s_noise * noise(draws)
                draws += 1
        return x

    return run


def _dpm_2_step(denoise, x, s, down, setting):
    middle = math.sqrt(s * down)
    d = slope(denoise, x + (middle - s) * slope(denoise, x, s), middle)
    return x + (down - s) * d


def _dpmpp_2s_step(denoise, x, s, down, setting):
    """Lu et al. 2022 (arXiv:2211.01095), algorithm 1 with r = 1/2: D at the midpoint in half log-SNR, on all of it."""
    if setting.flow and s >= 1.0:
        middle = 0.9999
    else:
        u = math.sqrt(s / setting.alpha(s) * down / setting.alpha(down))
        middle = u / (1 + u) if setting.flow else u
    first = denoise(x, s)
    second = denoise(first + middle / s * (x - first), middle)
    return second + down / s * (x - second)


dpm_2_ancestral = ancestral(_dpm_2_step)
dpmpp_2s_ancestral = ancestral(_dpmpp_2s_step)


def between(setting, s, t, r):
    """The level at a share r of the way from s to t in half log-SNR."""
    u = (s / setting.alpha(s)) ** (1 - r) * (t / setting.alpha(t)) ** r
    return u / (1 + u) if setting.flow else u


def dpmpp_sde(denoise, x, sigmas, noise=None, setting=VE, eta=1.0, s_noise=1.0, r=0.5):
    """DPM-Solver++(2S) (Lu et al. 2022, algorithm 1), each stage ancestral in y = x / alpha, u = sigma / alpha."""
    sigmas = setting.snr_sigmas(sigmas)
    draws = 0
    for s, t in itertools.pairwise(sigmas):
        first = denoise(x, s)
        if t == 0:
            return first
        middle = between(setting, s, t, r)
        u, alpha = s / setting.alpha(s), setting.alpha(s)

        def stage(denoised, level, k, x=x, u=u, alpha=alpha):
            v, a = level / setting.alpha(level), setting.alpha(level)
            down, _, up = split(VE, u, v, eta)
            y = denoised + down / u * (x / alpha - denoised)
            return a * (y + up * s_noise * noise(k)) if eta > 0 else a * y

        second = denoise(stage(first, middle, draws), middle)
        x = stage(first + (second - first) / (2 * r), t, draws + 1)
        draws += 2
    return x


def dpmpp_3m_sde(denoise, x, sigmas, noise=None, setting=VE, eta=1.0, s_noise=1.0, form="exact"):
    """Lu et al. 2022, the multistep SDE on the parabola D_i + d1 m + d2 m² through three values, m = distance / h.

    In y = x / alpha over lambda, with q = (1 + eta) h, the weights are integrals of exp against 1, m and m²: q phi_1,
    q phi_2 and 2 q phi_3. k-diffusion has half of the last.
    """
    sigmas = setting.snr_sigmas(sigmas)
    levels, values, draws = [], [], 0
    for s, t in itertools.pairwise(sigmas):
        now = denoise(x, s)
        if t == 0:
            return now
        lam, lam_t = setting.half_log_snr(s), setting.half_log_snr(t)
        h = lam_t - lam
        levels.append(lam)
        values.append(now)
        q = h * (1 + eta)
        y = math.exp(-q) * x / setting.alpha(s) + q * phi(1, -q) * now
        m = [(level - lam) / h for level in levels[-3:]]
        if len(levels) == 2:
            y = y + q * phi(2, -q) * (now - values[-2]) / (0 - m[-2])
        elif len(levels) > 2:
            one = (now - values[-2]) / (0 - m[1])
            two = (one - (values[-2] - values[-3]) / (m[1] - m[0])) / (0 - m[0])
            # Newton's form through the last values: one m + two m (m - m[1]).
            y = y + q * phi(2, -q) * (one - two * m[1]) + (2 if form == "exact" else 1) * q * phi(3, -q) * two
        if eta > 0:
            variance = -math.expm1(-2 * eta * h)
            y = y + t / setting.alpha(t) * math.sqrt(variance) * s_noise * noise(draws)
            draws += 1
        x = setting.alpha(t) * y
    return x


def _stages(x, s, setting, eta, s_noise, noise, h, draws):
    """x at a share c of the step, from the weighted denoised values; the noise of one path in y = x / sigma."""
    carried, before = None, 0.0

    def stage(level, c, weighted):
        nonlocal carried, before, draws
        value = level / s * math.exp(-c * h * eta) * x + setting.alpha(level) * weighted
        if eta > 0:
            if c > before:
                spread = math.sqrt(-math.expm1(-2 * (c - before) * h * eta))
                kept = 0.0 if carried is None else math.exp(-(c - before) * h * eta) * carried
                carried = kept + spread * noise(draws)
                draws += 1
                before = c
            value = value + level * s_noise * carried
        return value

    return stage, lambda: draws


def seeds_2(denoise, x, sigmas, noise=None, setting=VE, eta=1.0, s_noise=1.0, r=0.5, solver_type="phi_1"):
    """Gonzalez et al. 2023 (arXiv:2305.14267), algorithm 1, as an exponential Runge-Kutta method of two stages."""
    sigmas = setting.snr_sigmas(sigmas)
    draws = 0
    for s, t in itertools.pairwise(sigmas):
        first = denoise(x, s)
        if t == 0:
            return first
        h = setting.half_log_snr(t) - setting.half_log_snr(s)
        q = h * (1 + eta)
        middle = t if r == 1 else between(setting, s, t, r)
        stage, count = _stages(x, s, setting, eta, s_noise, noise, h, draws)
        second = denoise(stage(middle, r, r * q * phi(1, -r * q) * first), middle)
        late = q * phi(1, -q) / (2 * r) if solver_type == "phi_1" else q * phi(2, -q) / r
        x = stage(t, 1.0, q * phi(1, -q) * first + late * (second - first))
        draws = count()
    return x


def seeds_3(denoise, x, sigmas, noise=None, setting=VE, eta=1.0, s_noise=1.0, r_1=1 / 3, r_2=2 / 3):
    """Gonzalez et al. 2023, algorithm 2: three stages."""
    sigmas = setting.snr_sigmas(sigmas)
    draws = 0
    for s, t in itertools.pairwise(sigmas):
        first = denoise(x, s)
        if t == 0:
            return first
        h = setting.half_log_snr(t) - setting.half_log_snr(s)
        q = h * (1 + eta)
        one, two = between(setting, s, t, r_1), between(setting, s, t, r_2)
        stage, count = _stages(x, s, setting, eta, s_noise, noise, h, draws)
        second = denoise(stage(one, r_1, r_1 * q * phi(1, -r_1 * q) * first), one)
        weighted = r_2 * q * phi(1, -r_2 * q) * first + r_2 / r_1 * r_2 * q * phi(2, -r_2 * q) * (second - first)
        third = denoise(stage(two, r_2, weighted), two)
        x = stage(t, 1.0, q * phi(1, -q) * first + q * phi(2, -q) / r_2 * (third - first))
        draws = count()
    return x


def exp_heun_2_x0(denoise, x, sigmas, noise=None, setting=VE, solver_type="phi_2"):
    """SEEDS-2 without noise, its second stage at the end of the step: an exponential Heun method."""
    return seeds_2(denoise, x, sigmas, noise, setting, eta=0.0, r=1.0, solver_type=solver_type)


def exp_heun_2_x0_sde(denoise, x, sigmas, noise=None, setting=VE, eta=1.0, s_noise=1.0, solver_type="phi_2"):
    """SEEDS-2 with its second stage at the end of the step."""
    return seeds_2(denoise, x, sigmas, noise, setting, eta, s_noise, r=1.0, solver_type=solver_type)


def ddpm(denoise, x, sigmas, noise=None, setting=VE):
    """Ho et al. 2020 (arXiv:2006.11239), eqs. 6 and 7: the posterior of z = x sqrt(abar), abar = 1 / (1 + sigma²)."""
    for i in range(len(sigmas) - 1):
        abar, abar_next = 1 / (1 + sigmas[i] ** 2), 1 / (1 + sigmas[i + 1] ** 2)
        alpha = abar / abar_next
        beta = (sigmas[i] - sigmas[i + 1]) * (sigmas[i] + sigmas[i + 1]) * abar  # 1 - alpha, without cancellation
        one, one_next = sigmas[i] ** 2 * abar, sigmas[i + 1] ** 2 * abar_next  # 1 - abar
        z = math.sqrt(abar_next) * beta / one * denoise(x, sigmas[i])
        z = z + math.sqrt(alpha) * one_next / one * (x * math.sqrt(abar))
        if sigmas[i + 1] > 0:
            z = z + math.sqrt(one_next / one * beta) * noise(i)
        x = z / math.sqrt(abar_next)
    return x


def lcm(denoise, x, sigmas, noise=None, setting=VE, s_noise=1.0, s_noise_end=None, noise_clip_std=0.0):
    """Luo et al. 2023 (arXiv:2310.04378), algorithm 3: denoise, then noise again."""
    steps = len(sigmas) - 1
    end = s_noise if s_noise_end is None else s_noise_end
    for i in range(steps):
        share = i / (steps - 1) if steps > 1 else 0.0
        x = denoise(x, sigmas[i])
        if sigmas[i + 1] > 0:
            level = sigmas[i + 1] * ((1 - share) * s_noise + share * end)
            x = setting.alpha(sigmas[i + 1]) * x + level * noise(i)
    return x


def restart(denoise, x, sigmas, noise=None, setting=VE, segments=None, s_noise=1.0):
    """Xu et al. 2023 (arXiv:2306.14878), algorithm 2, with Heun steps; None: A1111's choice of segments."""
    steps, sigmas = len(sigmas) - 1, list(sigmas)
    karras = lambda n, top, low: [  # noqa: E731
        (top ** (1 / 7) + k / (n - 1) * (low ** (1 / 7) - top ** (1 / 7))) ** 7 if n > 1 else top for k in range(n)
    ]
    nearest = lambda level: min(range(len(sigmas)), key=lambda j: abs(sigmas[j] - level))  # noqa: E731
    if segments is None:
        segments = []
        if steps >= 20:
            count, times = (steps // 4, 2) if steps >= 36 else (9, 1)
            left, zero = steps - count * times, sigmas[-1] == 0
            sigmas = karras(left if zero else left + 1, sigmas[0], sigmas[-2] if zero else sigmas[-1]) + [0.0] * zero
            segments = [(0.1, sigmas[nearest(2.0)], count, times)]
    draws = 0
    for i in range(len(sigmas) - 1):
        runs = [sigmas[i : i + 2]]
        for low, high, count, times in segments:
            if nearest(low) == i + 1 and high > sigmas[i + 1]:
                runs += [karras(count + 1, high, sigmas[i + 1])] * times
        for number, levels in enumerate(runs):
            if number:
                x = x + math.sqrt(levels[0] ** 2 - levels[-1] ** 2) * s_noise * noise(draws)
                draws += 1
            for s, t in itertools.pairwise(levels):
                d = slope(denoise, x, s)
                after = x + (t - s) * d
                if t > 0:
                    after = x + (t - s) / 2 * (d + slope(denoise, after, t))
                x = after
    return x


def dpm_solver(denoise, x, s, t, order, r_1=None):
    """One step of Lu et al. 2022 (arXiv:2206.00927), algorithms 1 and 2, eqs. 3.6 to 3.8, with alpha = 1: noise eps."""
    h = math.log(s / t)
    eps = slope(denoise, x, s)
    if order == 1:
        return x - (s - t) * eps
    r_1 = r_1 if r_1 is not None else (1 / 2 if order == 2 else 1 / 3)
    one = s * math.exp(-r_1 * h)
    eps_1 = slope(denoise, x - (s - one) * eps, one)
    if order == 2:
        return x - (s - t) * (eps + (eps_1 - eps) / (2 * r_1))
    r_2 = 2 / 3
    two = s * math.exp(-r_2 * h)
    u = x - (s - two) * eps - two * r_2 / r_1 * r_2 * h * phi(2, r_2 * h) * (eps_1 - eps)
    eps_2 = slope(denoise, u, two)
    return x - (s - t) * eps - t / r_2 * h * phi(2, h) * (eps_2 - eps)


def dpm_fast(denoise, x, sigmas, noise=None, setting=VE, eta=0.0, s_noise=1.0):
    """DPM-Solver-fast: Lu et al. 2022 (arXiv:2206.00927), appendix D.3, ancestral as k-diffusion has it."""
    steps = len(sigmas) - 1
    low = sigmas[-1] if sigmas[-1] > 0 else sigmas[-2]
    orders = [3] * (steps // 3 - 1) + [2, 1] if steps % 3 == 0 else [3] * (steps // 3) + [steps % 3]
    levels = sigmas[0] * (low / sigmas[0]) ** (np.arange(len(orders) + 1) / len(orders))
    levels[-1] = low
    for i, order in enumerate(orders):
        s, t = float(levels[i]), float(levels[i + 1])
        down, up = t, 0.0
        noisy = eta > 0 and i + 1 < len(orders)
        if noisy:
            down, _, up = split(VE, s, t, eta)
            if down < low:
                down, up = low, math.sqrt((t - low) * (t + low))
        x = dpm_solver(denoise, x, s, down, order)
        if noisy:
            x = x + up * s_noise * noise(i)
    return x
