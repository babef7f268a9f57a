"""The formulas of the docs, as Python over NumPy's names: the pages show them, and tests compute with them.

A schedule's formula makes `levels`, the levels above 0, for `n` steps of at least 2: a 0 comes after them. It knows
`n`, `k` (`arange(n)`), the schedule's parameters by name, and of the process `sigma_min`, `sigma_max`, the ascending
`table` of `L` levels, `sigma(t)` and `time(sigma)`. `beta_quantile` and `normal_quantile` are the distributions'
quantile functions, `loglinear(levels, n)` interpolates logarithms at even places, and `published` is the published
table of the schedule.
"""

from __future__ import annotations

from typing import Final

SCHEDULES: Final = {
    "simple": "levels = table[-(1 + k * L // n)]",
    "sgm_uniform": "levels = sigma(linspace(time(sigma_max), time(sigma_min), n + 1)[:-1])",
    "normal": "levels = sigma(linspace(time(sigma_max), time(sigma_min), n))",
    "ddim_uniform": "levels = table[1 :: L // n][::-1]",
    "beta": """
u = beta_quantile(1 - k / n, alpha, beta)
levels = table[rint(u * (L - 1)).astype(int)]
""",
    "beta57": """
u = beta_quantile(1 - k / n, alpha, beta)
levels = table[rint(u * (L - 1)).astype(int)]
""",
    "smoothstep": """
u = 1 - k / n
levels = table[rint(u**2 * (3 - 2 * u) * (L - 1)).astype(int)]
""",
    "karras": """
high, low = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
levels = (high + k / (n - 1) * (low - high)) ** rho
""",
    "exponential": "levels = exp(linspace(log(sigma_max), log(sigma_min), n))",
    "polyexponential": "levels = sigma_min * (sigma_max / sigma_min) ** (linspace(1, 0, n) ** rho)",
    "laplace": """
u = linspace(0, 1, n)
levels = exp(mu - beta * sign(0.5 - u) * log(1 - 2 * abs(0.5 - u) + 1e-5))
levels = clip(levels, sigma_min, sigma_max)
""",
    "beta_over_range": "levels = sigma_min + (sigma_max - sigma_min) * beta_quantile(linspace(1, 0, n), alpha, beta)",
    "kl_optimal": "levels = tan(linspace(arctan(sigma_max), arctan(sigma_min), n))",
    "cosine": "levels = sigma_min + (sigma_max - sigma_min) * (1 + cos(pi * k / (n - 1))) / 2",
    "tangent": """
curve = -arctan(slope * 40 / n * (k - pivot * n))
part = (curve - curve[-1]) / (curve[0] - curve[-1])
levels = sigma_min + (sigma_max - sigma_min) * part
""",
    "vp": """
t = linspace(1, eps_s, n)
levels = sqrt(exp(beta_d * t**2 / 2 + beta_min * t) - 1)
""",
    "linear_quadratic": """
m = n // 2 if linear_steps is None else linear_steps
slope = threshold_noise / m
bend = (1 - threshold_noise - slope * (n - m)) / (n - m) ** 2
y = where(k < m, slope * k, threshold_noise + slope * (k - m) + bend * (k - m) ** 2)
levels = sigma_max * (1 - y)
""",
    "bong_tangent": """
m = int((n + 2) * (pivot_1 + pivot_2) / 2)


def curve(x, pivot, slope):
    y = -arctan(slope * 40 / (n + 2) * (x - pivot))
    return (y - y[-1]) / (y[0] - y[-1])


first = curve(arange(m), int((n + 2) * pivot_1), slope_1)
second = curve(arange(n + 2 - m), int((n + 2) * pivot_2) - m, slope_2)
levels = concatenate([middle + (start - middle) * first[:-1], middle * second[:-1]])
""",
    "logit_normal": """
mean = mu + log(width * height / 512**2) / 2
logit = clip(mean + std * normal_quantile(1 - k / n), -7.5, 9)
levels = 1 / (1 + exp(-logit))
""",
    "constant": "levels = array([sigma_max if value is None else value])",
    "flux": """
tokens = width * height / 256
mu = base_shift + (max_shift - base_shift) * (tokens - 256) / (4096 - 256)
t = 1 - k / n
levels = exp(mu) / (exp(mu) + 1 / t - 1)
""",
    "flux2": """
tokens = round(width * height / 256)
at_10 = 8.73809524e-5 * tokens + 1.89833333
at_200 = 1.6927e-4 * tokens + 0.45666666
mu = at_200 if tokens > 4300 else at_200 + (n - 200) / 190 * (at_200 - at_10)
t = 1 - k / n
levels = exp(mu) / (exp(mu) + 1 / t - 1)
""",
    "ltxv": """
mu = base_shift + (max_shift - base_shift) * (tokens - 1024) / (4096 - 1024)
t = 1 - k / n
levels = exp(mu) / (exp(mu) + 1 / t - 1)
if stretch:
    levels = 1 - (1 - levels) * (1 - terminal) / (1 - levels[-1])
""",
    "flow_shift": """
if mu is not None:
    shift = exp(mu) if time_shift == "exponential" else mu
t = 1 - k / n
levels = shift * t / (1 + (shift - 1) * t)
if terminal is not None:
    levels = 1 - (1 - levels) * (1 - terminal) / (1 - levels[-1])
""",
    "sd_turbo": "levels = table[(int(10 * start) - k) * L // 10 - 1]",
    "lcm": "levels = table[(original_steps - k * original_steps // n) * L // original_steps - 1]",
    "align_your_steps": "levels = loglinear(published, n + 1)[:-1]  # with ComfyUI's convention",
    "gits": "levels = loglinear(published, n + 1)[:-1]",
    "optimal_steps": "levels = loglinear(published, n + 1)[:-1]",
    "tabulated": "levels = loglinear(table, n)",
    "custom": "levels = levels",
    "diffusers": "levels = table[(n - 1 - k) * (L // n) + steps_offset]  # leading, Euler, not converted",
}

# Names in a process's formulas: `t`, `sigma`, its parameters by name and, where it has one, the `table` of `L` levels.
# `sigma` is the level at time t; `t` the time of a level (the inverse of that); `told` the time that a network is told;
# `p`, where there is one, a function of t that the others use.
PROCESSES: Final = {
    "discrete": {
        "sigma": "exp(interp(t, arange(L), log(table)))",
        "t": "interp(log(sigma), log(table), arange(L))",
        "told": "abs(log(sigma) - log(table)).argmin()",
    },
    "discrete_distilled": {
        "sigma": "exp(interp(t, 19 + 20 * arange(L), log(table)))",
        "t": "interp(log(sigma), log(table), 19 + 20 * arange(L))",
        "told": "19 + 20 * abs(log(sigma) - log(table)).argmin()",
    },
    "edm": {"sigma": "exp(4 * t)", "t": "log(sigma) / 4", "told": "log(sigma) / 4"},
    "continuous_v": {
        "sigma": "tan(pi / 2 * t)",
        "t": "2 / pi * arctan(sigma)",
        "told": "2 / pi * arctan(sigma)",
    },
    "flow": {
        "sigma": "shift * t / (multiplier + (shift - 1) * t)",
        "t": "multiplier * sigma / (shift - (shift - 1) * sigma)",
        "told": "multiplier * sigma",
    },
    "flux": {
        "sigma": "exp(mu) / (exp(mu) + 1 / t - 1)",
        "t": "sigma / (exp(mu) - (exp(mu) - 1) * sigma)",
        "told": "sigma",
    },
    "stable_cascade": {
        "p": "(t + cosine_s) / (1 + cosine_s) * pi / 2",
        "sigma": "shift * sqrt(cos(p(0)) ** 2 / cos(p(t)) ** 2 - 1)",
        "t": "(1 + cosine_s) * 2 / pi * arccos(cos(p(0)) / sqrt(1 + (sigma / shift) ** 2)) - cosine_s",
        "told": "(1 + cosine_s) * 2 / pi * arccos(cos(p(0)) / sqrt(1 + sigma**2)) - cosine_s",
    },
    "cosmos_rflow": {"sigma": "t / (1 - t)", "t": "sigma / (sigma + 1)", "told": "sigma / (sigma + 1)"},
    "vp_sde": {
        "sigma": "sqrt(exp(beta_d * t**2 / 2 + beta_min * t) - 1)",
        "t": "(sqrt(beta_min**2 + 2 * beta_d * log(1 + sigma**2)) - beta_min) / beta_d",
        "told": "(sqrt(beta_min**2 + 2 * beta_d * log(1 + sigma**2)) - beta_min) / beta_d",
    },
    "trigflow": {"sigma": "tan(t)", "t": "arctan(sigma)", "told": "arctan(sigma)"},
}

# Weight of the signal and half the logarithm of the signal-to-noise ratio, by the family of the process.
FAMILIES: Final = {
    "ve": {"sample": "x0 + sigma * noise", "alpha": "1", "half_log_snr": "-log(sigma)"},
    "vp": {
        "sample": "alpha * (x0 + sigma * noise)",
        "alpha": "1 / sqrt(1 + sigma**2)",
        "half_log_snr": "-log(sigma)",
    },
    "flow": {
        "sample": "(1 - sigma) * x0 + sigma * noise",
        "alpha": "1 - sigma",
        "half_log_snr": "log((1 - sigma) / sigma)",
    },
}

# Scalings in `denoised = c_skip * x + c_out * F(c_in * x)`; `sd` is sigma_data, `u` the weight of the noise.
_SCALED: Final = "1 / sqrt(sigma**2 + sd**2)"
PARAMETERIZATIONS: Final = {
    "epsilon": ("1", "-sigma", _SCALED),
    "v_prediction": ("sd**2 / (sigma**2 + sd**2)", "-sigma * sd / sqrt(sigma**2 + sd**2)", _SCALED),
    "edm": ("sd**2 / (sigma**2 + sd**2)", "sigma * sd / sqrt(sigma**2 + sd**2)", _SCALED),
    "v_prediction_ddpm": ("1 / sqrt(1 + sigma**2)", "-sigma / sqrt(1 + sigma**2)", "1"),
    "x0": ("0", "1", _SCALED),
    "flow": ("1", "-sigma", "1"),
    "img_to_img": ("0", "1", "1"),
    "img_to_img_flow": ("0", "1", "1"),
    "cosmos_rflow": ("1 - u", "-u", "1 - u"),
    "lcm": ("(0.25 + T * sqrt(T**2 + 0.25)) / (T**2 + 0.25)", "-sigma * T / sqrt(T**2 + 0.25)", _SCALED),
    "consistency": (
        "sd**2 / ((sigma - sigma_min) ** 2 + sd**2)",
        "(sigma - sigma_min) * sd / sqrt(sigma**2 + sd**2)",
        _SCALED,
    ),
    "trigflow": ("cos(arctan(sigma / sd)) ** 2", "-sd * sin(arctan(sigma / sd))", _SCALED),
}

# How differently hosts mean one name: (host, what makes it here, with `process` Stable Diffusion's).
SAME_NAME: Final = {
    "beta": (
        "ComfyUI and stable-diffusion.cpp place the quantiles on the table's index and drop repeated levels; A1111 and "
        "diffusers spread them over sigma itself. The default makes the steps that were asked for.",
        (
            ("stepladder", 'sl.sigmas("beta", process, 10)'),
            ("ComfyUI", 'sl.sigmas("beta", process, 10, convention="comfyui")'),
            ("A1111", 'sl.sigmas("beta_over_range", process, 10)'),
            ("diffusers, Euler", 'sl.sigmas("diffusers", process, 10, spacing="linspace", convert="beta")'),
            ("stepladder", 'sl.sigmas("beta", process, 500)'),
            ("ComfyUI", 'sl.sigmas("beta", process, 500, convention="comfyui")'),
        ),
    ),
    "simple": (
        "With more steps than the table has levels, ComfyUI repeats levels. diffusers' documentation gives its "
        "`trailing` spacing for this name.",
        (
            ("ComfyUI", 'sl.sigmas("simple", process, 7, convention="comfyui")'),
            ("diffusers, Euler", 'sl.sigmas("diffusers", process, 7, spacing="trailing")'),
            ("stepladder", 'sl.sigmas("simple", process, 1500)'),
            ("ComfyUI", 'sl.sigmas("simple", process, 1500, convention="comfyui")'),
        ),
    ),
    "ddim_uniform": (
        "ComfyUI's stride is a whole number, so the count of steps is another one for most numbers; it starts below "
        "`sigma_max`. diffusers' `leading` spacing starts at training step 0, or at 1 with `steps_offset=1`.",
        (
            ("stepladder", 'sl.sigmas("ddim_uniform", process, 30)'),
            ("ComfyUI", 'sl.sigmas("ddim_uniform", process, 30, convention="comfyui")'),
            ("diffusers, DDIM", 'sl.sigmas("diffusers", process, 30, spacing="leading", variant="ddim")'),
            (
                "diffusers, DDIM, offset 1",
                'sl.sigmas("diffusers", process, 30, spacing="leading", variant="ddim", steps_offset=1)',
            ),
        ),
    ),
    "normal": (
        "diffusers has no such name; what it does by default is its `linspace` spacing, which for DPM-Solver leaves "
        "out the lowest level, and for DDIM takes whole training steps.",
        (
            ("ComfyUI, A1111, k-diffusion", 'sl.sigmas("normal", process, 8)'),
            ("diffusers, Euler", 'sl.sigmas("diffusers", process, 8, spacing="linspace")'),
            ("diffusers, DDIM", 'sl.sigmas("diffusers", process, 8, spacing="linspace", variant="ddim")'),
            ("diffusers, DPM-Solver", 'sl.sigmas("diffusers", process, 8, spacing="linspace", variant="dpmsolver")'),
        ),
    ),
    "sgm_uniform": (
        "diffusers' documentation gives its `trailing` spacing for this name: whole training steps, counted from the "
        "top.",
        (
            ("ComfyUI, A1111", 'sl.sigmas("sgm_uniform", process, 7)'),
            ("diffusers, Euler", 'sl.sigmas("diffusers", process, 7, spacing="trailing")'),
        ),
    ),
    "karras": (
        "The formula is the same everywhere; the ends are not. ComfyUI's node has its own, diffusers takes those of "
        "the training steps that its spacing chose, or for DPM-Solver the table's.",
        (
            ("ComfyUI, A1111, k-diffusion", 'sl.sigmas("karras", process, 10)'),
            (
                "ComfyUI's KarrasScheduler",
                'sl.sigmas("karras", process, 10, sigma_min=0.0291675, sigma_max=14.614642)',
            ),
            ("diffusers, Euler, leading", 'sl.sigmas("diffusers", process, 10, convert="karras")'),
            ("diffusers, Euler, trailing", 'sl.sigmas("diffusers", process, 10, spacing="trailing", convert="karras")'),
            ("diffusers, DPM-Solver", 'sl.sigmas("diffusers", process, 10, variant="dpmsolver", convert="karras")'),
        ),
    ),
    "exponential": (
        "As for karras: one formula, other ends.",
        (
            ("ComfyUI, A1111, k-diffusion", 'sl.sigmas("exponential", process, 10)'),
            ("diffusers, Euler, leading", 'sl.sigmas("diffusers", process, 10, convert="exponential")'),
            (
                "diffusers, DPM-Solver",
                'sl.sigmas("diffusers", process, 10, variant="dpmsolver", convert="exponential")',
            ),
        ),
    ),
    "kl_optimal": (
        "A1111 makes N intervals that end at `sigma_min`, without a 0; ComfyUI N levels, then 0.",
        (
            ("ComfyUI", 'sl.sigmas("kl_optimal", process, 10)'),
            ("A1111", 'sl.sigmas("kl_optimal", process, 10, convention="a1111")'),
        ),
    ),
    "laplace": (
        "ComfyUI's node gives N levels, which are N - 1 steps, clamped and without a 0.",
        (
            ("stepladder", 'sl.sigmas("laplace", process, 10)'),
            ("ComfyUI", 'sl.sigmas("laplace", process, 10, convention="comfyui")'),
        ),
    ),
    "align_your_steps": (
        "The table has 11 levels. ComfyUI and Fooocus stretch it to N + 1 and put 0 in the place of the last; A1111 "
        "stretches it to N and adds a 0; the authors' guide ends at the table's lowest level; diffusers has the ten "
        "steps alone, with rounded levels.",
        (
            ("ComfyUI, Fooocus", 'sl.sigmas("align_your_steps", process, 10)'),
            ("A1111", 'sl.sigmas("align_your_steps", process, 10, convention="a1111")'),
            ("A1111", 'sl.sigmas("align_your_steps", process, 11, convention="a1111")'),
            ("NVIDIA's guide", 'sl.sigmas("align_your_steps", process, 10, convention="nvidia")'),
            ("diffusers", 'sl.sigmas("align_your_steps", process, 10, convention="diffusers")'),
        ),
    ),
    "linear_quadratic": (
        "Mochi's own levels run from 1; ComfyUI multiplies them by the `sigma_max` of whatever process there is. "
        "RES4LYF's node has the number of even steps as a part, `inflection_percent`.",
        (
            ("Mochi", 'sl.sigmas("linear_quadratic", sl.process("flow"), 10)'),
            ("ComfyUI", 'sl.sigmas("linear_quadratic", process, 10)'),
            (
                "RES4LYF, inflection_percent 0.3",
                'sl.sigmas("linear_quadratic", sl.process("flow"), 10, linear_steps=3)',
            ),
        ),
    ),
    "lcm": (
        "stable-diffusion.cpp's list is the training steps that the model was distilled on. Fooocus' is sgm_uniform "
        "over the 50 levels of the distilled process.",
        (
            ("stable-diffusion.cpp", 'sl.sigmas("lcm", process, 4)'),
            ("Fooocus", 'sl.sigmas("sgm_uniform", sl.process("discrete_distilled"), 4)'),
        ),
    ),
    "smoothstep": (
        "stable-diffusion.cpp rounds to whole training steps, which repeat where there are many.",
        (
            ("stepladder", 'sl.sigmas("smoothstep", process, 200)'),
            ("stable-diffusion.cpp", 'sl.sigmas("smoothstep", process, 200, convention="stable_diffusion_cpp")'),
        ),
    ),
    "bong_tangent": (
        "RES4LYF's levels run from 1 through 0.5 to 0 over whatever process there is; stable-diffusion.cpp's from the "
        "process's `sigma_max` through the mean of its ends towards its `sigma_min`, whose place the 0 takes.",
        (
            ("RES4LYF", 'sl.sigmas("bong_tangent", process, 10)'),
            ("stable-diffusion.cpp", 'sl.sigmas("bong_tangent", process, 10, convention="stable_diffusion_cpp")'),
        ),
    ),
    "flow_shift": (
        "diffusers' scheduler, called without sigmas, takes a grid that ends at a level shifted twice; its pipelines "
        "pass even times.",
        (
            ("pipelines, ComfyUI", 'sl.sigmas("flow_shift", sl.process("flow"), 8, shift=3.0)'),
            (
                "diffusers, no sigmas given",
                'sl.sigmas("flow_shift", sl.process("flow"), 8, shift=3.0, grid="flow_match_euler")',
            ),
        ),
    ),
}

# A picture for each family of schedules: its axis, what it says under it, and (label, what is drawn).
PICTURES: Final = {
    "discrete": (
        "log",
        "20 steps over the `discrete` process with its defaults (Stable Diffusion 1.x and XL), whose table the levels "
        "come from.",
        tuple(
            (name, f'sl.sigmas("{name}", process, 20)')
            for name in ("simple", "sgm_uniform", "normal", "ddim_uniform", "beta", "beta57", "smoothstep")
        ),
    ),
    "range": (
        "log",
        "20 steps from 14.61 to 0.029, the range of the `discrete` process with its defaults.",
        (
            ("karras", 'sl.sigmas("karras", process, 20)'),
            ("karras, rho 3", 'sl.sigmas("karras", process, 20, rho=3)'),
            ("exponential", 'sl.sigmas("exponential", process, 20)'),
            ("polyexponential, rho 2", 'sl.sigmas("polyexponential", process, 20, rho=2)'),
            ("laplace", 'sl.sigmas("laplace", process, 20)'),
            ("beta_over_range", 'sl.sigmas("beta_over_range", process, 20)'),
        ),
    ),
    "trigonometric": (
        "log",
        "20 steps from 14.61 to 0.029, the range of the `discrete` process with its defaults.",
        (
            ("kl_optimal", 'sl.sigmas("kl_optimal", process, 20)'),
            ("cosine", 'sl.sigmas("cosine", process, 20)'),
            ("tangent", 'sl.sigmas("tangent", process, 20)'),
            ("tangent, pivot 0.3", 'sl.sigmas("tangent", process, 20, pivot=0.3)'),
        ),
    ),
    "curve": (
        "linear",
        "20 steps, each schedule as a part of its first level. `constant` has one step.",
        (
            ("linear_quadratic", 'sl.sigmas("linear_quadratic", flow, 20)'),
            ("bong_tangent", 'sl.sigmas("bong_tangent", flow, 20)'),
            ("logit_normal", 'sl.sigmas("logit_normal", flow, 20)'),
            ("vp / 152", 'sl.sigmas("vp", process, 20) / sl.sigmas("vp", process, 1)[0]'),
            ("constant", 'sl.sigmas("constant", flow, 1)'),
        ),
    ),
    "flow": (
        "linear",
        "20 steps with the defaults: a picture of 1024 x 1024 pixels, or 4096 tokens of video.",
        (
            ("flow_shift", 'sl.sigmas("flow_shift", flow, 20)'),
            ("flow_shift, shift 3", 'sl.sigmas("flow_shift", flow, 20, shift=3.0)'),
            ("flux", 'sl.sigmas("flux", flow, 20)'),
            ("flux2", 'sl.sigmas("flux2", flow, 20)'),
            ("ltxv", 'sl.sigmas("ltxv", flow, 20)'),
        ),
    ),
    "distilled": (
        "log",
        "Over the `discrete` process with its defaults. The levels of `sd_turbo` are the same for any number of steps, "
        "which says how many of them are used.",
        (
            ("lcm, 8 steps", 'sl.sigmas("lcm", process, 8)'),
            ("lcm, 4 steps", 'sl.sigmas("lcm", process, 4)'),
            ("sd_turbo, 8 steps", 'sl.sigmas("sd_turbo", process, 8)'),
        ),
    ),
    "optimised": (
        "log",
        "At 10 steps, as published; `tabulated` with a table of 80, 9, 1 and 0.1.",
        (
            ("align_your_steps, sdxl", 'sl.sigmas("align_your_steps", process, 10)'),
            ("align_your_steps, sd15", 'sl.sigmas("align_your_steps", process, 10, family="sd15")'),
            ("align_your_steps, svd", 'sl.sigmas("align_your_steps", process, 10, family="svd")'),
            ("align_your_steps, deepfloyd", 'sl.sigmas("align_your_steps", process, 10, family="deepfloyd")'),
            ("gits", 'sl.sigmas("gits", process, 10)'),
            ("optimal_steps, flux", 'sl.sigmas("optimal_steps", flow, 10)'),
            ("tabulated", 'sl.sigmas("tabulated", process, 10, table=(80, 9, 1, 0.1))'),
        ),
    ),
    "diffusers": (
        "log",
        "10 steps over the `discrete` process with its defaults; `custom` with levels 10, 3, 1 and 0.3.",
        (
            ("leading", 'sl.sigmas("diffusers", process, 10)'),
            ("linspace", 'sl.sigmas("diffusers", process, 10, spacing="linspace")'),
            ("trailing", 'sl.sigmas("diffusers", process, 10, spacing="trailing")'),
            (
                "linspace, dpmsolver",
                'sl.sigmas("diffusers", process, 10, spacing="linspace", variant="dpmsolver")',
            ),
            ("leading, convert karras", 'sl.sigmas("diffusers", process, 10, convert="karras")'),
            ("custom", 'sl.sigmas("custom", process, 4, levels=(10, 3, 1, 0.3))'),
        ),
    ),
}
