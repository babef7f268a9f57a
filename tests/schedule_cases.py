"""What the tests know about every registered schedule: its independent version, its parameters, what it refuses.

A schedule that is registered and not listed here fails `test_schedule_reference.py`.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import stepladder as sl
from hypothesis import strategies as st
from reference import schedule as reference

TABLES = json.loads((Path(__file__).parent / "data" / "published_tables.json").read_text())
AYS_11 = dict(json.loads((Path(__file__).parent / "data" / "align_your_steps.json").read_text())["noise_levels"])
AYS = {
    "sd15": AYS_11["SD1"],
    "sdxl": AYS_11["SDXL"],
    "svd": AYS_11["SVD"],
    "deepfloyd": TABLES["align_your_steps_11"]["deepfloyd_stage1"],
}
SD = sl.DiscreteProcess()

# Ends of a range, both, either or none given; those of every process below are between 1e-4 and 1e4.
ENDS = st.one_of(
    st.just({}),
    st.tuples(st.floats(1e-4, 1.0), st.floats(1.05, 1e5)).map(lambda p: {"sigma_min": p[0], "sigma_max": p[0] * p[1]}),
)


def params(ends=False, **strategies):
    """Any of the parameters given, the others at their default."""
    own = st.fixed_dictionaries({}, optional=strategies)
    return st.tuples(own, ENDS).map(lambda pair: {**pair[0], **pair[1]}) if ends else own


def ends(process, given):
    return given.get("sigma_min", process.sigma_min), given.get("sigma_max", process.sigma_max)


@dataclass(frozen=True)
class Case:
    """One schedule.

    `reference(steps, process, **params)` has every parameter; `top(process, **params)` is the first level, `bottom` the
    last one above 0 where more than one step ends there; `most` is the largest count of steps, where there is one;
    `bad` pairs parameters with the message they get.
    """

    reference: Callable[..., np.ndarray]
    params: st.SearchStrategy[dict[str, Any]]
    bad: list[tuple[dict[str, Any], str]]
    top: Callable[..., float] | None = None
    bottom: Callable[..., float] | None = None
    needs_table: bool = False
    most: int | None = None
    required: dict[str, Any] = field(default_factory=dict)


def ranged(formula, strategy, bad, **options):
    """A case over a range."""
    return Case(
        lambda n, p, sigma_min=None, sigma_max=None, **own: formula(
            n, *ends(p, {k: v for k, v in (("sigma_min", sigma_min), ("sigma_max", sigma_max)) if v}), **own
        ),
        strategy,
        [*bad, *BAD_ENDS],
        top=lambda p, **given: ends(p, given)[1],
        bottom=lambda p, **given: ends(p, given)[0],
        **options,
    )


NAN, INF = float("nan"), float("inf")
BAD_ENDS = [
    ({"sigma_min": 1.0, "sigma_max": 1.0}, "sigma_min is 1 and sigma_max is 1; expected 0 < sigma_min < sigma_max"),
    ({"sigma_min": 0.0, "sigma_max": 1.0}, "sigma_min is 0 and sigma_max is 1; expected 0 < sigma_min < sigma_max"),
    ({"sigma_min": -1.0}, "sigma_min is -1; expected a positive finite value"),
    ({"sigma_max": NAN}, "sigma_max is NaN; expected a positive finite value"),
    ({"sigma_max": INF}, "sigma_max is inf; expected a positive finite value"),
    ({"sigma_min": True}, "sigma_min is True (bool); expected a float"),
    ({"sigma_max": "14"}, "sigma_max is '14' (str); expected a float"),
]


def convention(*known):
    return [
        ({"convention": "forge"}, f'convention is "forge"; expected one of {", ".join(known)}'),
        ({"convention": 3}, f"convention is 3; expected one of {', '.join(known)}"),
    ]


def number(name, expected, *values):
    """A number's rows: the values outside its range, and those of another type."""
    shown = {INF: "inf"}
    rows = [({name: v}, f"{name} is {shown.get(v, f'{v:.10g}')}; expected {expected}") for v in values]
    return [
        *rows,
        ({name: NAN}, f"{name} is NaN; expected {expected}"),
        ({name: True}, f"{name} is True (bool); expected a float"),
        ({name: "1"}, f"{name} is '1' (str); expected a float"),
        ({name: [1.0]}, f"{name} is [1.0] (list); expected a float"),
    ]


def size(name):
    """A number of pixels or tokens."""
    return [
        ({name: value}, f"{name} is {value!r}; expected an int from 1 to 1000000")
        for value in (0, -1, 1_000_001, 2.5, True, "512", NAN)
    ]


def word(name, *known):
    return [({name: "other"}, f'{name} is "other"; expected one of {", ".join(known)}')]


RHO = number("rho", "0 (excluded) to 1000", 0.0, -1.0, 1000.5)
BETA = [*number("alpha", "0.01 to 100", 0.0, 101.0), *number("beta", "0.01 to 100", 0.0, 101.0)]
SHAPE = st.floats(0.2, 20.0)
PIXELS = st.sampled_from([64, 512, 720, 1024, 2048])


def optimal(n, p, model="flux"):
    name = {"flux": "FLUX", "wan": "Wan", "chroma": "Chroma"}[model]
    return reference.tabulated(n, TABLES["optimal_steps"][name], "replace")


def align_your_steps(n, p, family="sdxl", points=11, convention="comfyui", sigma_min=None, sigma_max=None):
    table = AYS[family] if points == 11 else TABLES["align_your_steps_32"][family]
    return reference.align_your_steps(n, reference.rescaled(table, sigma_min, sigma_max), convention)


def flow_shift(n, p, **given):
    defaults = {"shift": 1.0, "mu": None, "time_shift": "exponential", "terminal": None, "grid": "even"}
    return reference.flow_shift(n, **{**defaults, "convert": "none", **given})


def diffusers(n, p, spacing="leading", variant="euler", steps_offset=0, convert="none", sigma_min=None, sigma_max=None):
    return reference.diffusers(n, p.sigmas, spacing, variant, steps_offset, convert, sigma_min, sigma_max)


TABLE = st.sets(st.integers(1, 10**6), min_size=2, max_size=30).map(lambda s: tuple(k / 1000 for k in sorted(s)[::-1]))
KEPT_TOP = {"top": lambda p, **given: p.sigma_max}
TABLE_ENDS = {**KEPT_TOP, "bottom": lambda p, **given: p.sigma_min}
UNIT_TOP = {"top": lambda p, **given: 1.0}

CASES = {
    "simple": Case(
        lambda n, p: reference.simple(n, p.sigmas), params(), convention("comfyui"), needs_table=True, **KEPT_TOP
    ),
    "sgm_uniform": Case(lambda n, p: reference.sgm_uniform_of(n, p), params(), []),
    "normal": Case(lambda n, p: reference.normal_of(n, p), params(), []),
    "karras": ranged(
        lambda n, low, high, rho=7.0: reference.karras(n, low, high, rho),
        params(ends=True, rho=st.one_of(st.integers(1, 1000), st.floats(0.5, 1000))),
        RHO,
    ),
    "exponential": ranged(reference.exponential, params(ends=True), []),
    "ddim_uniform": Case(
        lambda n, p: reference.ddim_uniform(n, p.sigmas), params(), convention("comfyui"), needs_table=True
    ),
    "beta": Case(
        lambda n, p, alpha=0.6, beta=0.6: reference.beta(n, p.sigmas, alpha, beta),
        params(alpha=SHAPE, beta=SHAPE),
        [*BETA, *convention("comfyui")],
        needs_table=True,
        **KEPT_TOP,
    ),
    "beta57": Case(
        lambda n, p, alpha=0.5, beta=0.7: reference.beta(n, p.sigmas, alpha, beta),
        params(alpha=SHAPE, beta=SHAPE),
        [*BETA, *convention("comfyui")],
        needs_table=True,
        **KEPT_TOP,
    ),
    "beta_over_range": ranged(
        lambda n, low, high, alpha=0.6, beta=0.6: reference.beta_over_range(n, low, high, alpha, beta),
        params(ends=True, alpha=st.floats(0.3, 5.0), beta=st.floats(0.3, 5.0)),
        BETA,
    ),
    "linear_quadratic": Case(
        lambda n, p, threshold_noise=0.025, linear_steps=None: reference.linear_quadratic(
            n, p.sigma_max, threshold_noise, linear_steps
        ),
        params(threshold_noise=st.floats(0.001, 0.6)),
        [
            *number("threshold_noise", "0 to 1, both excluded", 0.0, 1.0),
            ({"linear_steps": 0}, "linear_steps is 0; expected 1 to 9999999"),
            ({"linear_steps": -1}, "linear_steps is -1; expected an int from 1 to 9999999"),
            ({"linear_steps": True}, "linear_steps is True (bool); expected an int from 1 to 9999999"),
        ],
        **KEPT_TOP,
    ),
    "kl_optimal": ranged(reference.kl_optimal, params(ends=True), convention("a1111")),
    "polyexponential": ranged(
        lambda n, low, high, rho=1.0: reference.polyexponential(n, low, high, rho),
        params(ends=True, rho=st.floats(0.2, 8.0)),
        RHO,
    ),
    "laplace": Case(
        lambda n, p, mu=0.0, beta=0.5, **given: reference.laplace(n, *ends(p, given), mu, beta),
        params(ends=True, mu=st.floats(-2.0, 2.0), beta=st.floats(0.2, 3.0)),
        [
            *number("mu", "-10 to 10", 10.5, -11.0),
            *number("beta", "0 (excluded) to 10", 0.0, 10.5),
            *convention("comfyui"),
            *BAD_ENDS,
        ],
    ),
    "vp": Case(
        lambda n, p, beta_d=19.9, beta_min=0.1, eps_s=1e-3: reference.vp(n, beta_d, beta_min, eps_s),
        params(beta_d=st.floats(0.1, 50.0), beta_min=st.floats(0.01, 5.0), eps_s=st.floats(1e-5, 0.5)),
        [
            *number("beta_d", "0 to 1000", -0.5, 1000.5),
            *number("beta_min", "0 to 1000", -0.5, 1000.5),
            *number("eps_s", "0 to 1, both excluded", 0.0, 1.0),
            ({"beta_d": 0.0, "beta_min": 0.0}, "beta_min is 0; expected above 0 where beta_d is 0"),
        ],
    ),
    "sd_turbo": Case(
        lambda n, p, start=1.0: reference.sd_turbo(n, p.sigmas, start),
        params(start=st.just(1.0)),
        number("start", "0.1 to 1", 0.05, 1.5),
        needs_table=True,
        most=10,
    ),
    "lcm": Case(
        lambda n, p, original_steps=50: reference.lcm(n, p.sigmas, original_steps),
        params(original_steps=st.just(50)),
        [
            ({"original_steps": 0}, "original_steps is 0; expected 1 to 1000000"),
            ({"original_steps": 1_000_001}, "original_steps is 1000001; expected 1 to 1000000"),
            ({"original_steps": True}, "original_steps is True (bool); expected an int from 1 to 1000000"),
            ({"original_steps": 2.5}, "original_steps is 2.5 (float); expected an int from 1 to 1000000"),
        ],
        needs_table=True,
        most=50,
        **KEPT_TOP,
    ),
    "smoothstep": Case(
        lambda n, p: reference.smoothstep(n, p.sigmas),
        params(),
        convention("stable_diffusion_cpp"),
        needs_table=True,
        **KEPT_TOP,
    ),
    "cosine": ranged(reference.cosine, params(ends=True), []),
    "tangent": ranged(
        lambda n, low, high, pivot=0.6, slope=0.2: reference.tangent(n, low, high, pivot, slope),
        params(ends=True, pivot=st.floats(0.0, 1.0), slope=st.floats(0.01, 5.0)),
        [*number("pivot", "0 to 1", -0.5, 1.5), *number("slope", "0 (excluded) to 100", 0.0, 100.5)],
    ),
    "bong_tangent": Case(
        lambda n, p, **given: reference.bong_tangent(
            n,
            **{
                "start": 1.0,
                "middle": 0.5,
                "pivot_1": 0.6,
                "pivot_2": 0.6,
                "slope_1": 0.2,
                "slope_2": 0.2,
                **given,
            },
        ),
        params(
            start=st.floats(1.0, 20.0),
            middle=st.floats(0.05, 0.95),
            pivot_1=st.integers(0, 16).map(lambda k: k / 16),
            pivot_2=st.integers(0, 16).map(lambda k: k / 16),
            slope_1=st.floats(0.05, 3.0),
            slope_2=st.floats(0.05, 3.0),
        ),
        [
            *number("start", "a positive finite value", 0.0, INF),
            *number("middle", "0 to start, both excluded", 0.0, 1.0),
            *number("pivot_1", "0 to 1", -0.5, 1.5),
            *number("pivot_2", "0 to 1", -0.5, 1.5),
            *number("slope_1", "0 (excluded) to 100", 0.0, 100.5),
            *number("slope_2", "0 (excluded) to 100", 0.0, 100.5),
            *convention("stable_diffusion_cpp"),
        ],
        top=lambda p, start=1.0, **given: start,
    ),
    "constant": Case(
        lambda n, p, value=None: np.array([p.sigma_max if value is None else value, 0.0]),
        params(value=st.floats(1e-3, 1e3)),
        number("value", "a positive finite value", 0.0, -1.0, INF),
        top=lambda p, value=None: p.sigma_max if value is None else value,
        most=1,
    ),
    "logit_normal": Case(
        lambda n, p, mu=0.0, std=1.75, width=1024, height=1024: reference.logit_normal(n, mu, std, width, height),
        params(mu=st.floats(-3.0, 3.0), std=st.floats(0.3, 5.0), width=PIXELS, height=PIXELS),
        [
            ({"mu": 9.0}, "mu with the resolution's shift is 9.693147180559945; expected -7 to 8"),
            ({"mu": NAN}, "mu with the resolution's shift is NaN; expected -7 to 8"),
            ({"mu": True}, "mu is True (bool); expected a float"),
            *number("std", "0 (excluded) to 10", 0.0, 10.5),
            *size("width"),
            *size("height"),
        ],
    ),
    "flux": Case(
        lambda n, p, width=1024, height=1024, base_shift=0.5, max_shift=1.15: reference.flux(
            n, width, height, base_shift, max_shift
        ),
        params(width=PIXELS, height=PIXELS, base_shift=st.floats(-1.0, 1.0), max_shift=st.floats(0.0, 3.0)),
        [
            *size("width"),
            *size("height"),
            *number("base_shift", "-13 to 13", 13.5),
            *number("max_shift", "-13 to 13", -13.5),
            (
                {"width": 100_000, "height": 10_000, "base_shift": 0.0, "max_shift": 1.0},
                "3906250 image tokens are a mu of 1017.1859375; expected -13 to 13, so change the size or the shifts",
            ),
        ],
        **UNIT_TOP,
    ),
    "flux2": Case(
        lambda n, p, width=1024, height=1024: reference.flux2(n, width, height),
        params(width=PIXELS, height=PIXELS),
        [
            *size("width"),
            *size("height"),
            ({"width": 10_000, "height": 10_000}, "390625 image tokens are a mu of 66.577760"),
        ],
        **UNIT_TOP,
    ),
    "ltxv": Case(
        lambda n, p, tokens=4096, max_shift=2.05, base_shift=0.95, stretch=True, terminal=0.1: reference.ltxv(
            n, tokens, max_shift, base_shift, stretch, terminal
        ),
        params(
            tokens=st.integers(1, 10_000),
            base_shift=st.floats(-1.0, 1.0),
            max_shift=st.floats(0.0, 3.0),
            stretch=st.booleans(),
            terminal=st.floats(0.001, 0.6),
        ),
        [
            *size("tokens"),
            *number("base_shift", "-13 to 13", 13.5),
            *number("max_shift", "-13 to 13", -13.5),
            *number("terminal", "0 to 1, both excluded", 0.0, 1.0),
            ({"stretch": 1}, "stretch is 1; expected True or False"),
        ],
        **UNIT_TOP,
    ),
    "align_your_steps": Case(
        align_your_steps,
        st.one_of(
            params(ends=True, family=st.sampled_from(list(AYS)), convention=st.sampled_from(["comfyui", "a1111"])),
            st.fixed_dictionaries({"family": st.sampled_from(["sd15", "sdxl"]), "points": st.just(32)}),
        ),
        [
            *word("family", *AYS),
            *word("convention", "comfyui", "a1111", "nvidia", "diffusers"),
            ({"family": 3}, "family is 3 (int); expected a str"),
            ({"convention": None}, "convention is None (NoneType); expected a str"),
            ({"points": 12}, "points is 12; expected 11 or 32"),
            ({"points": True}, "points is True (bool); expected an int from 11 to 32"),
            ({"family": "svd", "points": 32}, 'points is 32 and family "svd"; 32 points exist for sd15 and sdxl only'),
            *BAD_ENDS,
        ],
    ),
    "gits": Case(
        lambda n, p, coefficient=1.2: reference.gits(n, TABLES["gits"][f"{coefficient:.2f}"]),
        params(coefficient=st.integers(16, 30).map(lambda k: round(k * 0.05, 2))),
        number("coefficient", "0.80 to 1.50 in steps of 0.05", 1.22, 0.75, 1.55),
    ),
    "optimal_steps": Case(
        optimal,
        params(model=st.sampled_from(["flux", "wan", "chroma"])),
        [*word("model", "flux", "wan", "chroma"), ({"model": 1}, "model is 1 (int); expected a str")],
    ),
    "tabulated": Case(
        lambda n, p, table, last="keep": reference.tabulated(n, table, last),
        st.fixed_dictionaries({"table": TABLE}, optional={"last": st.sampled_from(["keep", "replace"])}),
        [
            ({"table": (2.0, NAN)}, "table[1] is NaN; expected positive, finite, strictly descending values"),
            ({"table": (1.0, 2.0)}, "table[1] is 2; expected positive, finite, strictly descending values"),
            ({"table": (2.0, 2.0)}, "table[1] is 2; expected positive, finite, strictly descending values"),
            ({"table": (INF, 2.0)}, "table[0] is inf; expected positive, finite, strictly descending values"),
            ({"table": (2.0, 0.0)}, "table has 1 values; expected at least 2"),
            ({"table": ()}, "table has 0 values; expected at least 2"),
            ({"table": (2.0, True)}, "table[1] is True (bool); expected a float"),
            ({"table": (2.0, "1")}, "table[1] is '1' (str); expected a float"),
            ({"table": 3.0}, "table is float; expected a list, a tuple or an array of numbers"),
            ({"table": "321"}, "table is str; expected a list, a tuple or an array of numbers"),
            ({"table": (2.0, 1.0), "last": "drop"}, 'last is "drop"; expected one of keep, replace'),
        ],
        required={"table": (3.0, 1.0, 0.1)},
        top=lambda p, table, last="keep": table[0],
        bottom=lambda p, table, last="keep": table[-1] if last == "keep" else None,
    ),
    "custom": Case(
        lambda n, p, levels: np.append(levels, 0.0),
        st.just({}),
        [
            ({"levels": ()}, "levels has 0 values; expected 1 to 10000000"),
            ({"levels": (2.0, NAN)}, "levels[1] is NaN; expected positive, finite, strictly descending values"),
            ({"levels": (1.0, 2.0)}, "levels[1] is 2; expected positive, finite, strictly descending values"),
            ({"levels": (2.0, True)}, "levels[1] is True (bool); expected a float"),
            ({"timesteps": (2.0, "1")}, "timesteps[1] is '1' (str); expected a float"),
            ({"timesteps": 999}, "timesteps is int; expected a list, a tuple or an array of numbers"),
            (
                {"timesteps": (1.0,), "levels": (1.0,)},
                "timesteps and levels: both are given; expected one of them",
            ),
            ({}, "timesteps and levels: neither is given; expected one of them"),
        ],
        required={"levels": (3.0,)},
        top=lambda p, levels: levels[0],
        bottom=lambda p, levels: levels[-1],
        most=1,
    ),
    "diffusers": Case(
        diffusers,
        params(
            ends=True,
            spacing=st.sampled_from(["leading", "linspace", "trailing"]),
            variant=st.sampled_from(["euler", "ddim", "dpmsolver"]),
            steps_offset=st.integers(0, 3),
            convert=st.sampled_from(["none", "karras", "exponential", "beta", "lu"]),
        ),
        [
            *word("spacing", "leading", "linspace", "trailing"),
            *word("variant", "euler", "ddim", "dpmsolver"),
            *word("convert", "none", "karras", "exponential", "beta", "lu"),
            *word("final", "zero", "sigma_min"),
            ({"spacing": 1}, "spacing is 1 (int); expected a str"),
            ({"steps_offset": -1}, "steps_offset is -1; expected an int from 0 to 1000000"),
            ({"steps_offset": 1_000_001}, "steps_offset is 1000001; expected 0 to 1000000"),
            ({"steps_offset": True}, "steps_offset is True (bool); expected an int from 0 to 1000000"),
            *BAD_ENDS,
        ],
        needs_table=True,
    ),
    "flow_shift": Case(
        flow_shift,
        st.one_of(
            params(
                shift=st.floats(0.1, 20.0),
                terminal=st.floats(0.001, 0.6),
                grid=st.sampled_from(["even", "flow_match_euler"]),
                convert=st.sampled_from(["none", "karras", "exponential", "beta"]),
            ),
            st.fixed_dictionaries(
                {"mu": st.floats(0.1, 3.0), "time_shift": st.sampled_from(["linear", "exponential"])},
                optional={"terminal": st.floats(0.001, 0.6)},
            ),
        ),
        [
            *number("shift", "0.000001 to 1000000", 0.0, 1.5e6),
            *number("mu", "-13 to 13", 13.5, -14.0),
            *number("terminal", "0 to 1, both excluded", 0.0, 1.0),
            *word("time_shift", "exponential", "linear"),
            *word("grid", "even", "flow_match_euler"),
            *word("convert", "none", "karras", "exponential", "beta"),
            ({"shift": 2.0, "mu": 1.0}, "shift is 2.0 and mu 1.0; expected one of them"),
            ({"mu": -1.0, "time_shift": "linear"}, "mu is -1; expected 0.000001 to 1000000 for a linear shift"),
        ],
        **UNIT_TOP,
    ),
}
