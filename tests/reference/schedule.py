"""Schedules from their formulas: 40 digits where they are closed, plain NumPy where they pick from a table."""

import mpmath
import numpy as np
import scipy.special

MP = mpmath.mp.clone()
MP.dps = 40


def _closed(levels):
    return np.array([float(level) for level in levels] + [0.0])


def karras(steps, sigma_min, sigma_max, rho):
    """Karras et al. 2022, equation 5."""
    low, high, rho = MP.mpf(sigma_min), MP.mpf(sigma_max), MP.mpf(rho)
    if steps == 1:
        return _closed([high])
    high, low = high ** (1 / rho), low ** (1 / rho)
    # Weights, not a difference: at the low end 40 digits would not hold both powers.
    return _closed((((steps - 1 - k) * high + k * low) / (steps - 1)) ** rho for k in range(steps))


def exponential(steps, sigma_min, sigma_max):
    low, high = MP.log(MP.mpf(sigma_min)), MP.log(MP.mpf(sigma_max))
    if steps == 1:
        return _closed([MP.mpf(sigma_max)])
    return _closed(MP.exp(high + MP.mpf(k) / (steps - 1) * (low - high)) for k in range(steps))


def simple(steps, table):
    """An even stride through an ascending table; with more steps than levels, log-linear between them."""
    size = len(table)
    if steps <= size:
        return np.array([table[-(1 + int(k * (size / steps)))] for k in range(steps)] + [0.0])
    index = np.linspace(size - 1, 0, steps)
    return np.append(np.exp(np.interp(index, np.arange(size), np.log(table))), 0.0)


def normal(steps, start, end, sigma):
    """Even time from `start` (top) to `end`; `sigma` is the process's map over arrays."""
    points = steps + 1 if sigma(np.array([end]))[0] <= 1e-5 else steps
    levels = sigma(np.linspace(start, end, points))
    return np.append(levels[:steps], 0.0)


def loglinear_interp(table, n):
    old, new = np.linspace(0, 1, len(table)), np.linspace(0, 1, n)
    return np.exp(np.interp(new, old, np.log(np.asarray(table, dtype=np.float64)[::-1])))[::-1]


def kl_optimal(steps, sigma_min, sigma_max):
    low, high = MP.atan(MP.mpf(sigma_min)), MP.atan(MP.mpf(sigma_max))
    if steps == 1:
        return _closed([MP.mpf(sigma_max)])
    return _closed(MP.tan(high + MP.mpf(k) / (steps - 1) * (low - high)) for k in range(steps))


# --- over a range ----------------------------------------------------------------------------------------------------


def _steps_down(steps, first=1, last=0):
    """`linspace(first, last, steps)` in 40 digits; one value is the first."""
    first, last = MP.mpf(first), MP.mpf(last)
    return [first + (last - first) * k / max(steps - 1, 1) for k in range(steps)]


def polyexponential(steps, sigma_min, sigma_max, rho):
    """k-diffusion: log sigma on `linspace(1, 0, steps) ** rho`."""
    low, span = MP.log(MP.mpf(sigma_min)), MP.log(MP.mpf(sigma_max) / MP.mpf(sigma_min))
    return _closed(MP.exp(low + x ** MP.mpf(rho) * span) for x in _steps_down(steps))


def laplace_levels(points, sigma_min, sigma_max, mu, beta):
    """ComfyUI's list: clamped quantiles of a Laplace distribution, kept finite by 1e-5 (Hang et al. 2024, table 1)."""
    low, high, mu, beta, half = MP.mpf(sigma_min), MP.mpf(sigma_max), MP.mpf(mu), MP.mpf(beta), MP.mpf("0.5")
    levels = []
    for x in _steps_down(points, 0, 1):
        distance = 1 - 2 * abs(half - x) + MP.mpf("1e-5")
        level = MP.exp(mu - beta * MP.sign(half - x) * MP.log(distance))
        levels.append(min(max(level, low), high))
    return levels


def laplace(steps, sigma_min, sigma_max, mu, beta):
    """The clamped quantiles; where they repeat, those evenly spaced in the share of the distribution in the range."""
    levels = laplace_levels(steps, sigma_min, sigma_max, mu, beta)
    if falls([float(level) for level in levels]):
        return _closed(levels)

    def share_above(sigma):
        z = (MP.log(MP.mpf(sigma)) - MP.mpf(mu)) / MP.mpf(beta)
        return MP.exp(-z) / 2 if z >= 0 else 1 - MP.exp(z) / 2

    def level(share):
        z = -MP.log(2 * share) if share <= MP.mpf("0.5") else MP.log(2 - 2 * share)
        return MP.exp(MP.mpf(mu) + MP.mpf(beta) * z)

    with MP.workdps(80):  # a range far in the tail is a tiny share
        return _closed(level(x) for x in _steps_down(steps, share_above(sigma_max), share_above(sigma_min)))


def beta_quantile(p, alpha, beta):
    """Where the incomplete beta function is `p`: Newton in logarithms from SciPy's value, from the smaller tail."""
    p, alpha, beta = MP.mpf(p), MP.mpf(alpha), MP.mpf(beta)
    if p in (0, 1):
        return p
    if alpha == beta and p == MP.mpf("0.5"):
        return p
    if p > MP.mpf("0.5"):
        return 1 - beta_quantile(1 - p, beta, alpha)
    x = MP.mpf(float(scipy.special.betaincinv(float(alpha), float(beta), float(p))))
    if x < MP.mpf("1e-290"):  # SciPy's underflows; the first term of the series does not
        x = (p * alpha * MP.beta(alpha, beta)) ** (1 / alpha)
    for _ in range(50):
        share = MP.betainc(alpha, beta, 0, x, regularized=True)
        density = x ** (alpha - 1) * (1 - x) ** (beta - 1) / MP.beta(alpha, beta)
        step = (MP.log(p) - MP.log(share)) * share / (density * x)
        x *= MP.exp(step)
        if abs(step) < MP.mpf("1e-20"):
            return x
    raise ArithmeticError((p, alpha, beta))


def beta_over_range(steps, sigma_min, sigma_max, alpha, beta):
    """A1111 and diffusers: quantiles at `linspace(1, 0, steps)`, laid over sigma (Lee et al. 2024)."""
    low, high = MP.mpf(sigma_min), MP.mpf(sigma_max)
    return _closed(low + beta_quantile(p, alpha, beta) * (high - low) for p in _steps_down(steps))


def cosine(steps, sigma_min, sigma_max):
    low, high = MP.mpf(sigma_min), MP.mpf(sigma_max)
    return _closed(low + (high - low) * (1 + MP.cos(MP.pi * x)) / 2 for x in _steps_down(steps, 0, 1))


def _arctangents(count, slope, pivot, first, last):
    """RES4LYF's curve `((2 / pi) atan(-slope (x - pivot)) + 1) / 2` at 0, 1, …, scaled to start and end as asked."""
    values = [((2 / MP.pi) * MP.atan(-slope * (x - pivot)) + 1) / 2 for x in range(count)]
    if count == 1:
        return [first]
    return [last + (first - last) * (v - values[-1]) / (values[0] - values[-1]) for v in values]


def tangent(steps, sigma_min, sigma_max, pivot, slope):
    """One curve, its slope stretched from what it means at 40 steps."""
    slope, pivot = MP.mpf(slope) * 40 / steps, MP.mpf(pivot) * steps
    return _closed(_arctangents(steps, slope, pivot, MP.mpf(sigma_max), MP.mpf(sigma_min)))


def bong_tangent(steps, start, middle, pivot_1, pivot_2, slope_1, slope_2):
    """RES4LYF: two curves over `steps + 2` places that meet at the middle place; it fails at one step."""
    start, middle = MP.mpf(start), MP.mpf(middle)
    if steps == 1:
        return _closed([start])
    places = steps + 2
    # Pivots are binary fractions here, so that a product with the places is rounded down as a host rounds it.
    first = min(max(int(places * (0.5 * (pivot_1 + pivot_2))), 1), places - 2)
    slopes = [MP.mpf(slope) / (MP.mpf(places) / 40) for slope in (slope_1, slope_2)]
    upper = _arctangents(first, slopes[0], int(places * pivot_1), start, middle)
    lower = _arctangents(places - first, slopes[1], int(places * pivot_2) - first, middle, MP.mpf(0))
    if first == 1:  # the upper curve is one place: the top itself
        lower[0] = start
    return np.array([float(level) for level in [*upper[:-1], *lower]])


def bong_tangent_stable_diffusion_cpp(steps, sigma_min, sigma_max):
    """stable-diffusion.cpp: the curves over `sigma_max`, the mean of the ends, `sigma_min`; the last is set to 0."""
    low, high = MP.mpf(sigma_min), MP.mpf(sigma_max)
    places, middle = steps + 2, low + (high - low) / 2
    pivot = places * 3 // 5  # 0.6 of the places, rounded down
    slope = MP.mpf(0.2) * 40 / places
    upper = _arctangents(pivot, slope, pivot, high, middle)
    lower = _arctangents(places - pivot, slope, 0, middle, low)
    return np.array([float(level) for level in [*upper[:-1], *lower[:-1], MP.mpf(0)]])


# --- with a range of their own ---------------------------------------------------------------------------------------


def vp(steps, beta_d, beta_min, eps_s):
    """Song et al. 2021: `sqrt(exp(beta_d t^2 / 2 + beta_min t) - 1)`, even in t."""
    return _closed(
        MP.sqrt(MP.expm1(MP.mpf(beta_d) * t**2 / 2 + MP.mpf(beta_min) * t)) for t in _steps_down(steps, 1, eps_s)
    )


def linear_quadratic(steps, sigma_max, threshold, linear_steps=None):
    """Mochi: a line from 0 to the threshold, then `q k^2 + l k + c` up to 1."""
    if steps == 1:
        return _closed([MP.mpf(sigma_max)])
    linear = steps // 2 if linear_steps is None else linear_steps
    threshold, quadratic = MP.mpf(threshold), steps - linear
    difference = linear - threshold * steps
    q = difference / (linear * quadratic**2)
    slope = threshold / linear - 2 * difference / quadratic**2
    c = q * linear**2
    parts = [threshold * k / linear for k in range(linear)]
    parts += [q * k**2 + slope * k + c for k in range(linear, steps)]
    return _closed(MP.mpf(sigma_max) * (1 - part) for part in parts)


def logit_normal(steps, mu, std, width, height):
    """Ideogram 4: a logit-normal's quantiles, log signal-to-noise ratio from -15 to 18 (Esser et al. 2024)."""
    mean, std = MP.mpf(mu) + MP.log(MP.mpf(width * height) / 512**2) / 2, MP.mpf(std)
    top, bottom = MP.mpf(9), MP.mpf("-7.5")

    def logit(share):
        return mean + std * MP.sqrt(2) * MP.erfinv(2 * share - 1)

    def sigmoid(x):
        return 1 / (1 + MP.exp(-x))

    logits = [top, *(min(logit(share), top) for share in _steps_down(steps + 1)[1:-1])]
    levels = [float(sigmoid(x)) for x in logits]
    if logits[-1] > bottom and falls(levels):
        return np.array([*levels, 0.0])

    def share_below(x):
        return MP.ncdf((x - mean) / std)

    shares = _steps_down(steps + 1, share_below(top), share_below(bottom))[1:-1]
    return _closed(map(sigmoid, [top, *map(logit, shares)]))


def _shifted(times, mu, terminal=None):
    """`exp(mu) / (exp(mu) + 1 / t - 1)`, then `1 - sigma` stretched to end at the terminal level."""
    factor = MP.exp(mu)
    levels = [factor / (factor + 1 / t - 1) for t in times]
    if terminal is not None and len(levels) > 1:
        scale = (1 - levels[-1]) / (1 - MP.mpf(terminal))
        levels = [1 - (1 - level) / scale for level in levels]
    return levels


def _line(x, first, second):
    """The line through two points."""
    (x1, y1), (x2, y2) = first, second
    return MP.mpf(y1) + (MP.mpf(y2) - MP.mpf(y1)) / (MP.mpf(x2) - MP.mpf(x1)) * (MP.mpf(x) - MP.mpf(x1))


def flux(steps, width, height, base_shift, max_shift):
    mu = _line(MP.mpf(width * height) / 256, (256, base_shift), (4096, max_shift))
    return _closed(_shifted(_steps_down(steps + 1)[:-1], mu))


def flux2(steps, width, height):
    """Flux 2: mu fitted at 10 and at 200 steps, linear in the steps between, up to 4300 tokens."""
    tokens = round(width * height / 256)
    few = MP.mpf("8.73809524e-5") * tokens + MP.mpf("1.89833333")
    many = MP.mpf("1.6927e-4") * tokens + MP.mpf("0.45666666")
    mu = many if tokens > 4300 else max(_line(steps, (10, few), (200, many)), -13)
    return _closed(_shifted(_steps_down(steps + 1)[:-1], mu))


def ltxv(steps, tokens, max_shift, base_shift, stretch, terminal):
    mu = _line(tokens, (1024, base_shift), (4096, max_shift))
    return _closed(_shifted(_steps_down(steps + 1)[:-1], mu, terminal if stretch else None))


def flow_shift(steps, shift, mu, time_shift, terminal, grid, convert):
    """Esser et al. 2024, section 5.3.2; diffusers' scheduler has 1000 training steps, its lowest time shifted twice."""
    log_shift = MP.log(MP.mpf(shift))
    if mu is not None:
        log_shift = MP.mpf(mu) if time_shift == "exponential" else MP.log(MP.mpf(mu))
    times = _steps_down(steps + 1)[:-1]
    if grid == "flow_match_euler":
        (lowest,) = _shifted([MP.mpf("0.001")], MP.log(MP.mpf(shift)))
        times = _steps_down(steps, 1, lowest)
    levels = _shifted(times, log_shift, terminal)
    if convert == "none" or steps == 1:
        return _closed(levels)
    return converted(convert, steps, levels[-1], levels[0])


def converted(rule, steps, low, high):
    """Diffusers' conversions of levels between their ends."""
    if rule == "karras":
        return karras(steps, low, high, 7)
    if rule == "beta":
        return beta_over_range(steps, low, high, 0.6, 0.6)
    return exponential(steps, low, high)


# --- over a table ----------------------------------------------------------------------------------------------------


def different(table):
    """The positive levels of a table that rise above every earlier one."""
    kept = []
    for level in table:
        if level > (kept[-1] if kept else 0):
            kept.append(float(level))
    return np.array(kept)


def at_index(table, index):
    """Log-linear between the different levels of a table."""
    levels = different(table)
    index = np.clip(np.asarray(index, dtype=np.float64), 0, len(levels) - 1)
    below = np.minimum(index.astype(int), len(levels) - 2)
    part = index - below
    mixed = np.exp((1 - part) * np.log(levels[below]) + part * np.log(levels[below + 1]))
    return np.where(part == 0, levels[below], np.where(part == 1, levels[below + 1], mixed))


def spread(table, points):
    """Levels at even index from the top to the bottom; one is the top."""
    return at_index(table, np.linspace(len(different(table)) - 1, 0, points))


def falls(levels):
    return bool(np.all(np.diff(levels) < 0) and np.all(np.asarray(levels) > 0) and np.all(np.isfinite(levels)))


def at_times(steps, process, points, start, end):
    """A process's own map at even times, its ends exact where only rounding moved them; spread where it repeats."""
    times = [((points - 1 - k) * start + k * end) / max(points - 1, 1) for k in range(points)]
    levels = process.sigma(np.array([start, *times[1:-1], end][:points] if points > 1 else [start]))
    if not falls(levels[:steps]) and process.sigmas is not None:
        levels = spread(process.sigmas, points)
    return np.append(levels[:steps], 0.0)


def normal_of(steps, process):
    """ComfyUI: even times, both ends included; one more point where the process reaches 0 by itself."""
    start, end = process.timestep(process.sigma_max), process.timestep(process.sigma_min)
    points = steps + 1 if abs(process.sigma(end)) <= 1e-5 else steps
    return at_times(steps, process, points, start, end)


def sgm_uniform_of(steps, process):
    """ComfyUI: even times without the last one."""
    start, end = process.timestep(process.sigma_max), process.timestep(process.sigma_min)
    return at_times(steps, process, steps + 1, start, end)


def ddim_uniform_comfyui(steps, table):
    reaches_zero = abs(table[1]) <= 1e-5
    stride = max(len(table) // (steps + reaches_zero), 1)
    return np.array([*([] if reaches_zero else [0.0]), *table[1::stride]])[::-1]


def ddim_uniform(steps, table):
    host = ddim_uniform_comfyui(steps, table)
    if len(host) == steps + 1 and falls(host[:-1]):
        return np.append(host[:-1], 0.0)
    size, points = len(different(table)), steps + int(abs(table[1]) <= 1e-5)
    if points >= size or points == 1:
        levels = spread(table, points)
    else:
        stride = min(size / points, (size - 2) / (points - 1))
        levels = at_index(table, 1 + np.arange(points)[::-1] * stride)
    return np.append(levels[:steps], 0.0)


def _round(value):
    """To the nearest integer, halves up: SciPy's quantile of one half is a hair above it, which hosts then round."""
    return int(MP.floor(value + MP.mpf("0.5")))


def placed(table, fractions):
    """The table's levels at rounded parts of its index; where these repeat, at the parts themselves."""
    fractions = list(fractions)
    levels = np.array([table[_round(f * (len(table) - 1))] for f in fractions])
    if not falls(levels):
        levels = at_index(table, np.array([float(f) for f in fractions]) * (len(different(table)) - 1))
    return np.append(levels, 0.0)


def beta(steps, table, alpha, beta):
    """ComfyUI's form of Lee et al. 2024: indices at quantiles of `1 - k / steps`."""
    return placed(table, (beta_quantile(1 - MP.mpf(k) / steps, alpha, beta) for k in range(steps)))


def beta_comfyui(steps, table, alpha, beta):
    """Consecutive indices that are equal are dropped."""
    quantiles = [beta_quantile(1 - MP.mpf(k) / steps, alpha, beta) for k in range(steps)]
    indices = [_round(q * (len(table) - 1)) for q in quantiles]
    kept = [i for k, i in enumerate(indices) if k == 0 or i != indices[k - 1]]
    return np.array([*(table[i] for i in kept), 0.0])


def _smoothsteps(steps):
    return [(u := 1 - MP.mpf(k) / steps) ** 2 * (3 - 2 * u) for k in range(steps)]


def smoothstep(steps, table):
    """stable-diffusion.cpp: indices at `u^2 (3 - 2 u)`, `u = 1 - k / steps`."""
    return placed(table, _smoothsteps(steps))


def smoothstep_rounded(steps, table):
    return np.array([*(table[_round(f * (len(table) - 1))] for f in _smoothsteps(steps)), 0.0])


def sd_turbo(steps, table, start):
    """ComfyUI: the ten training steps 999, 899, …, 99, from `int(10 start)` of them on."""
    size = len(different(table))
    points = [(10 - k) * size / 10 - 1 for k in range(10)][10 - int(10 * start) :][:steps]
    return np.append(at_index(table, np.maximum(points, 0)), 0.0)


def lcm(steps, table, original_steps):
    """stable-diffusion.cpp: point `(k points) // steps` of the points from the top, each `size / points` apart."""
    size = len(different(table))
    points = [(original_steps - k * original_steps // steps) * size / original_steps - 1 for k in range(steps)]
    return np.append(at_index(table, np.maximum(points, 0)), 0.0)


def diffusers_timesteps(size, steps, spacing, variant, offset):
    """The three spacings as three groups of diffusers' schedulers compute them."""
    if spacing == "trailing":
        return np.round(np.arange(size, 0, -size / steps))[:steps] - 1
    more = 1 if variant == "dpmsolver" else 0
    if spacing == "leading":
        return (np.arange(steps + more) * (size // (steps + more)))[::-1][:steps] + offset
    times = np.linspace(0, size - 1, steps + more)[::-1][:steps]
    return times if variant == "euler" else np.round(times)


def diffusers(steps, table, spacing, variant, offset, convert, sigma_min, sigma_max):
    times = diffusers_timesteps(len(table), steps, spacing, variant, offset)
    levels = np.interp(times, np.arange(len(table)), table)
    inside = times.min() >= 0 and times.max() <= len(table) - 1
    if not (inside and falls(levels)) or (steps == 1 and spacing == "linspace"):
        levels = spread(table, steps)
    if convert == "none":
        return np.append(levels, 0.0)
    whole = variant == "dpmsolver"
    low = table[0] if whole or steps == 1 else levels[-1]
    high = table[-1] if whole else levels[0]
    return converted(convert, steps, low if sigma_min is None else sigma_min, high if sigma_max is None else sigma_max)


# --- published tables ------------------------------------------------------------------------------------------------


def tabulated(steps, table, last):
    """A descending table to `steps` points and 0 after them, or to `steps + 1` points the last of which is the 0."""
    if steps == 1:
        return np.array([table[0], 0.0])
    if last == "keep":
        return np.append(loglinear_interp(table, steps), 0.0)
    return np.append(loglinear_interp(table, steps + 1)[:-1], 0.0)


def gits(steps, rows):
    """One row for each number of steps from 2 to 20."""
    return tabulated(steps, rows[min(max(steps, 2), 20) - 2], "replace")


def rescaled(table, sigma_min, sigma_max):
    """The table's ends moved, even in log sigma."""
    logs = [MP.log(MP.mpf(level)) for level in table]
    high = logs[0] if sigma_max is None else MP.log(MP.mpf(sigma_max))
    low = logs[-1] if sigma_min is None else MP.log(MP.mpf(sigma_min))
    return [float(MP.exp(low + (x - logs[-1]) * (high - low) / (logs[0] - logs[-1]))) for x in logs]


def align_your_steps(steps, table, convention):
    """Sabour et al. 2024: what the table means for N steps, by host."""
    if convention == "nvidia":
        return loglinear_interp(table, steps + 1)
    if convention == "a1111":
        return np.append(loglinear_interp(table, steps), 0.0)
    if convention == "diffusers":
        return np.array([*table, 0.0])
    return tabulated(steps, table, "replace")
