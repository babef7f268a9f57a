"""UniPC as a plain loop over arrays, from its paper."""

import math

import mpmath

from reference.setting import VE


def uni_pc(
    denoise,
    x,
    sigmas,
    noise=None,
    setting=VE,
    order=3,
    predictor=True,
    corrector=True,
    disable_corrector=(),
    lower_order_final=True,
    time="half_log_snr",
    sigma_end=0.0,
    variant="bh1",
):
    """Zhao et al. 2023 (arXiv:2302.04867), algorithms 5 and 6: R rho = b with B(h), in data prediction."""
    if time == "log_sigma":
        setting = VE
    sigmas = [*sigmas[:-1], sigmas[-1] or sigma_end]
    sigmas = setting.snr_sigmas(sigmas)
    n = len(sigmas) - 1
    half = [setting.half_log_snr(s) if s > 0 else math.inf for s in sigmas]
    values, guess, p, start = [], x, 0, x
    for i in range(n):
        values.append(denoise(guess, sigmas[i]))
        if sigmas[i + 1] == 0:
            return values[i]
        x = guess
        if i > 0 and corrector and i - 1 not in disable_corrector:
            x = update(start, sigmas, half, values, setting, i - 1, p, variant, values[i])
        start = x
        p = min(order, i + 1, n - i if lower_order_final else i + 1)
        guess = update(x, sigmas, half, values, setting, i, p if predictor else 1, variant, None)
    return guess


def update(x, sigmas, half, values, setting, i, p, variant, value_next):
    """One step from level i: UniP-p, or UniC-p with the denoised value at its end."""
    with mpmath.workdps(50):
        h = mpmath.mpf(half[i + 1]) - half[i]
        r = [(mpmath.mpf(half[i - k]) - half[i]) / h for k in range(1, p)]
        differences = [values[i - k] - values[i] for k in range(1, p)]
        if value_next is not None:
            r.append(mpmath.mpf(1))
            differences.append(value_next - values[i])
        b_h = -h if variant == "bh1" else mpmath.expm1(-h)
        right, rest, factorial = [], mpmath.expm1(-h) / -h - 1, 1
        for k in range(1, p + 1):  # k! h phi_(k+1)(-h) / B, with the sign of -h
            right.append(rest * factorial / b_h)
            factorial *= k + 1
            rest = rest / -h - mpmath.mpf(1) / factorial
        if len(r) == 1:
            rho = [mpmath.mpf("0.5")]  # as the paper simplifies it
        elif r:
            powers = mpmath.matrix([[a**k for a in r] for k in range(len(r))])
            rho = list(mpmath.lu_solve(powers, mpmath.matrix(right[: len(r)])))
        else:
            rho = []
        first = float(mpmath.expm1(-h))
        parts = [float(b_h * c / a) for c, a in zip(rho, r, strict=True)]
    alpha = setting.alpha(sigmas[i + 1])
    change = sum(c * d for c, d in zip(parts, differences, strict=True))
    return sigmas[i + 1] / sigmas[i] * x - alpha * first * values[i] - alpha * change


def uni_pc_bh2(*args, **options):
    """With B(h) = exp(h) - 1."""
    return uni_pc(*args, variant="bh2", **options)
