"""SA-Solver as a plain loop over arrays, from its paper."""

import math

import mpmath

from reference.setting import VE


def moments(z, count):
    """Integrals over [0, 1] of z exp(-z (1 - u)) u^k for k below count, by parts: m_k = 1 - k/z m_(k-1)."""
    with mpmath.workdps(60):
        z = mpmath.mpf(z)
        found = [1 - mpmath.exp(-z)]
        for k in range(1, count):
            found.append(1 - k / z * found[-1])
        return found


def weights(at, s, t, strength):
    """Weights of values at the half log-SNRs `at` in the integral from s to t: exact for their powers.

    Equations 15 and 18 without alpha_t.
    """
    with mpmath.workdps(60):
        u = [(mpmath.mpf(a) - s) / (mpmath.mpf(t) - s) for a in at]
        right = moments(strength * (mpmath.mpf(t) - s), len(u))
        powers = mpmath.matrix([[p**k for p in u] for k in range(len(u))])
        return [float(w) for w in mpmath.lu_solve(powers, mpmath.matrix(right))]


def simple(at, s, t, strength, corrects):
    """The two-point forms of appendix D, newest value first."""
    h = t - s
    whole = -math.expm1(-strength * h)
    if corrects:
        newest = strength * h / 2
        return [newest, whole - newest]
    older = strength * h**2 / 2 / (at[1] - s)
    return [whole - older, older]


def sa_solver(
    denoise,
    x,
    sigmas,
    noise=None,
    setting=VE,
    predictor_order=3,
    corrector_order=4,
    eta=1.0,
    sde_start=0.0,
    sde_end=1.0,
    s_noise=1.0,
    simple_order_2=False,
    lower_order_final=True,
    end="last",
    pece=False,
):
    """Xue et al. 2023 (arXiv:2309.05019), algorithm 1, in data prediction.

    x_t = sigma_t/sigma_s exp(-tau² h) x_s + alpha_t sum b D + sigma_t sqrt(1 - exp(-2 tau² h)) noise.
    """
    top, bottom = setting.percent_to_sigma(sde_start), setting.percent_to_sigma(sde_end)
    sigmas = setting.snr_sigmas(sigmas)
    n = len(sigmas) - 1
    lowered = sigmas[-1] == 0 and lower_order_final
    half = [setting.half_log_snr(s) for s in sigmas if s > 0]
    values, k, guess, base = [], 0, x, None

    def combined(base, order, upto, step):
        """The step from level `step`, with the `order` values that end at level `upto`."""
        levels = [half[j] for j in range(upto, upto - order, -1)]
        s, t = half[step], half[step + 1]
        if simple_order_2 and order == 2:
            b = simple(levels, s, t, strength, corrects=upto > step)
        else:
            b = weights(levels, s, t, strength)
        alpha = setting.alpha(sigmas[step + 1])
        return base + alpha * sum(w * values[j] for w, j in zip(b, range(upto, upto - order, -1), strict=True))

    for i in range(n):
        values.append(denoise(guess, sigmas[i]))
        x = guess
        order = min(corrector_order, i + 1, n - i if lowered else i + 1)
        if i > 0 and order > 0 and (sigmas[i + 1] > 0 or pece):
            x = combined(base, order, i, i - 1)
            if pece and not (end == "before_last" and i == n - 1 and sigmas[n] > 0):
                values[i] = denoise(x, sigmas[i])
        if sigmas[i + 1] == 0:
            return values[i]
        if end == "before_last" and i == n - 1 and sigmas[n] > 0:
            return x
        tau = eta if bottom < sigmas[i + 1] <= top else 0.0
        strength, h = 1 + tau**2, half[i + 1] - half[i]
        base = sigmas[i + 1] / sigmas[i] * math.exp(-(tau**2) * h) * x
        if tau > 0 and s_noise > 0:
            base = base + sigmas[i + 1] * math.sqrt(-math.expm1(-2 * tau**2 * h)) * s_noise * noise(k)
            k += 1
        order = min(predictor_order, i + 1, n - 1 - i if lowered else i + 1)
        guess = combined(base, order, i, i)
    return guess


def sa_solver_pece(*args, **options):
    """The same, evaluating the corrected sample again."""
    return sa_solver(*args, pece=True, **options)
