"""ER-SDE as a plain loop over arrays, from its paper."""

import math

from scipy.integrate import quad

from reference.setting import VE


def phi(x, eta, noise_scaling):
    """The noise scaling function and its derivative."""
    if noise_scaling == "ode":
        return x, 1.0
    if noise_scaling == "reverse_time":
        return x ** (1 + eta), (1 + eta) * x**eta
    e = math.exp(x**0.3)
    return x * (e + 10) ** eta, (e + 10) ** eta + x * eta * (e + 10) ** (eta - 1) * e * 0.3 * x**-0.7


def log_h(x, eta, noise_scaling):
    """ln(phi(x) / x)."""
    if noise_scaling == "ode":
        return 0.0
    return eta * (math.log(x) if noise_scaling == "reverse_time" else math.log(math.exp(x**0.3) + 10))


def er_sde(
    denoise,
    x,
    sigmas,
    noise=None,
    setting=VE,
    max_stage=3,
    noise_scaling="er_sde",
    eta=1.0,
    s_noise=1.0,
    integrals="exact",
):
    """Cui et al. 2023 (arXiv:2309.06169), proposition 1, in y = x / alpha and lambda = sigma / alpha.

    y_t = phi_t/phi_s y_s + sum_n D^(n) I_n + sqrt(lambda_t² - lambda_s² (phi_t/phi_s)²) noise, where I_n is the
    integral from lambda_t to lambda_s of (lambda - lambda_s)^n / n! phi_t phi'/phi². By parts, with S_n the integral of
    (lambda - lambda_s)^n / phi: I_1 = d + phi_t S_0 and I_2 = d²/2 + phi_t S_1, d = lambda_t - lambda_s; ComfyUI sums
    S_n over 200 points.
    """
    sigmas = setting.snr_sigmas(sigmas)
    levels = [s / setting.alpha(s) for s in sigmas]
    values, slopes = [], []
    k = 0
    for i in range(len(sigmas) - 1):
        s, t = levels[i], levels[i + 1]
        values.append(denoise(x, sigmas[i]))
        if t == 0:
            return values[i]
        phi_s, phi_t = phi(s, eta, noise_scaling)[0], phi(t, eta, noise_scaling)[0]
        y = phi_t / phi_s * x / setting.alpha(sigmas[i]) + (1 - phi_t / phi_s) * values[i]
        slopes.append((values[i] - values[i - 1]) / (s - levels[i - 1]) if i > 0 else None)

        def term(n, s=s, t=t, phi_t=phi_t):
            if integrals == "riemann":
                at = [t + j * (s - t) / 200 for j in range(200)]
                below = sum((p - s) ** (n - 1) / phi(p, eta, noise_scaling)[0] for p in at) * (s - t) / 200
                return (t - s) ** n / n + phi_t * below

            def integrand(u):  # over u = ln(lambda / t)
                p = t * math.exp(u)
                value, slope = phi(p, eta, noise_scaling)
                return (p - s) ** n / n * phi_t * slope / value**2 * p

            return quad(integrand, 0.0, math.log(s / t), epsabs=0.0, epsrel=1e-13, limit=200)[0]

        if i > 0 and max_stage >= 2:
            y = y + term(1) * slopes[i]
        if i > 1 and max_stage >= 3:
            y = y + term(2) * (slopes[i] - slopes[i - 1]) / ((s - levels[i - 2]) / 2)
        # lambda_t² - (lambda_s phi_t / phi_s)² by h = phi(x) / x, whose ratio is near one at a tiny eta
        variance = -(t**2) * math.expm1(2 * (log_h(t, eta, noise_scaling) - log_h(s, eta, noise_scaling)))
        if s_noise > 0 and eta > 0 and noise_scaling != "ode":
            y = y + math.sqrt(max(variance, 0.0)) * s_noise * noise(k)
            k += 1
        x = setting.alpha(sigmas[i + 1]) * y
    return x
