"""DPM-Solver and DPM-Solver++ by interpolation and quadrature. See `sampler.py` for the conventions."""

import itertools
import math

import numpy as np

from reference.setting import VE

POINTS, WEIGHTS = np.polynomial.legendre.leggauss(40)
POINTS, WEIGHTS = (POINTS + 1) / 2, WEIGHTS / 2


def block_orders(steps, order, lower_order_final):
    """Orders of singlestep blocks: whole ones, and what is left; or whole ones, the last made of two."""
    blocks = [order] * (steps // order) + [steps % order] * (steps % order > 0)
    if lower_order_final and steps % order == 0:
        blocks = [*blocks[:-1], order - 1, 1] if order > 1 else blocks
    return [k for block in blocks for k in range(1, block + 1)]


def multistep_orders(steps, order, lower_order_final, euler_at_final):
    orders = [min(order, i + 1) for i in range(steps)]
    if lower_order_final and steps < 15:
        orders = [min(k, steps - i) for i, k in enumerate(orders)]
    return [*orders[:-1], 1] if euler_at_final else orders


def weights_of(total, places, kernel, midpoint, halved, order, singlestep):
    """Weights of the predictions at `places` (0 first, in units of the step) in the integral of kernel(θ) over [0, 1].

    `total` is the integral of the kernel alone.

    Heun's type is the integral of the interpolating polynomial; at order 2 the midpoint type takes the line's value at
    1/2; at order 3 of a block it takes the line from the start to the last place.
    """
    if order == 2 and midpoint:
        return [total * (1 - 0.5 / places[1]), total * 0.5 / places[1]]
    if order == 3 and midpoint and singlestep:
        moment = np.sum(WEIGHTS * kernel(POINTS) * POINTS)
        return [total - moment / places[2], 0.0, moment / places[2]]
    made = []
    for k, place in enumerate(places[1:], 1):
        others = [p for j, p in enumerate(places) if j != k]
        polynomial = np.poly1d(np.poly(others) / np.prod([place - p for p in others]))
        if halved and order == 3 and not singlestep:
            polynomial = np.poly1d(np.concatenate([[polynomial.c[0] / 2], polynomial.c[1:]]))
        made.append(np.sum(WEIGHTS * kernel(POINTS) * polynomial(POINTS)))
    return [total - sum(made), *made]


def dpm_solver(
    denoise,
    x,
    sigmas,
    noise=None,
    setting=VE,
    predicts="noise",
    singlestep=False,
    order=2,
    solver_type="midpoint",
    eta=0.0,
    s_noise=1.0,
    lower_order_final=True,
    euler_at_final=False,
    form="exact",
):
    """Lu et al. 2022 (arXiv:2206.00927), eq. 3.4, and (arXiv:2211.01095), eq. 9, with the noise of section 5.

    In y = x / alpha and u = sigma / alpha: dy = (1 + eta) epsilon du, or with the denoised value, integrated over
    ln u; the noise has the variance that the SDE of strength eta leaves at the end.
    """
    sigmas = setting.snr_sigmas(sigmas)
    steps = len(sigmas) - 1
    if singlestep:
        orders = block_orders(steps, order, lower_order_final)
    else:
        orders = multistep_orders(steps, order, lower_order_final, euler_at_final)
    seen = []  # (u, y, prediction)
    y = x / setting.alpha(sigmas[0])
    for i, (s, t) in enumerate(itertools.pairwise(sigmas)):
        alpha, u, u_t = setting.alpha(s), s / setting.alpha(s), t / setting.alpha(t)
        d = denoise(alpha * y, s)
        if t == 0:
            return d
        seen.append((u, y, (y - d) / u if predicts == "noise" else d))
        used = seen[-orders[i] :] if singlestep else seen[-orders[i] :][::-1]
        base, start, _ = used[0]
        start = start if singlestep else y
        h = math.log(base / u_t)
        places = [math.log(base / level) / h for level, _, _ in used]
        decay = h * (1 + eta)
        if predicts == "noise":
            kernel, kept = (lambda p, h=h, u_t=u_t: -(1 + eta) * h * u_t * np.exp(h * (1 - p))), 1.0
            total, variance = -(1 + eta) * (base - u_t), eta * (base - u_t) * (base + u_t)
        else:
            kernel, kept = (lambda p, z=decay: z * np.exp(-z * (1 - p))), (u_t / base) ** (1 + eta)
            total, variance = -math.expm1(-decay), -(u_t**2) * math.expm1(-2 * eta * h)
        halved, midpoint = form == "diffusers", solver_type == "midpoint"
        weights = weights_of(total, places, kernel, midpoint, halved, orders[i], singlestep)
        y = kept * start + sum(w * p for w, (_, _, p) in zip(weights, used, strict=True))
        if eta > 0:
            y = y + math.sqrt(variance) * s_noise * noise(i)
    return setting.alpha(sigmas[-1]) * y
