"""Multistep methods: what their weights integrate exactly, the order their formulas have, and the slips of hosts."""

import itertools
import math
from dataclasses import fields

import numpy as np
import problems
import pytest
import stepladder as sl
from hypothesis import given
from hypothesis import strategies as st
from reference import sampler_adams as slow
from reference import sampler_deis
from stepladder import testing
from test_sampler import BOTTOM, MIXTURE, TOP, exact_flow, run, schedules, slopes, text_of

STEPS = schedules(st.just(False), (0.4, 0.95))


def steps_of(name, options, denoise, sigmas, x=1.0):
    """x at every sigma of a run over one number."""
    found = [x]
    program = sl.sampler(name, **options).compile(sigmas)
    for stop in range(1, len(program) + 1):
        runner = sl.Runner(program[:stop], problems.plain(denoise), np.array([[x]]))
        found.append(float(runner.run()[0, 0]))
    return found


# A slope that is a polynomial of degree below the order, in the method's own variable, is integrated exactly: by every
# step that has enough history.

VARIABLES = {
    "tab": sampler_deis.vp_time,
    "logrho": math.log,
    "rhoab": lambda s: s,
}
EXACT = [
    ("lms", {"order": 2}, "rhoab", 2),
    ("lms", {"order": 4}, "rhoab", 4),
    ("lms", {"order": 6}, "rhoab", 6),
    ("ipndm_v", {"max_order": 3}, "rhoab", 3),
    ("ipndm_v", {"max_order": 2, "form": "comfyui"}, "rhoab", 2),
    ("deis", {"max_order": 2}, "tab", 2),
    ("deis", {"max_order": 3}, "tab", 3),
    ("deis", {"max_order": 2, "mode": "logrho"}, "logrho", 2),
    ("deis", {"max_order": 3, "mode": "logrho"}, "logrho", 3),
]


NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)


def smooth_integral(f, a, b):
    """By one Gauss rule over log sigma; nothing here adapts to an integral that happens to be near zero."""
    middle, half = (math.log(b) + math.log(a)) / 2, (math.log(b) - math.log(a)) / 2
    at = np.exp(middle + half * NODES)
    return math.fsum(half * w * s * f(s) for s, w in zip(at, WEIGHTS, strict=True))


def polynomial_error(name, options, variable, degree, sigmas, order):
    """Largest error of a step with `order` slopes, of the integral of variable^degree; relative to what is added."""
    power = lambda s: variable(s) ** degree  # noqa: E731
    found = steps_of(name, options, lambda x, s: x - s * power(s), sigmas)
    worst = 0.0
    for i in range(order - 1, len(sigmas) - 1):
        exact = smooth_integral(power, sigmas[i], sigmas[i + 1])
        scale = max(abs(found[i]), abs(sigmas[0] * max(abs(power(s)) for s in sigmas)), 1.0)
        worst = max(worst, abs(found[i + 1] - found[i] - exact) / scale)
    return worst


@pytest.mark.parametrize(("name", "options", "variable", "order"), EXACT, ids=str)
@given(sigmas=STEPS)
def test_order_conditions(name, options, variable, order, sigmas):
    for degree in range(order):
        assert polynomial_error(name, options, VARIABLES[variable], degree, sigmas, order) < 1e-12


@given(sigmas=STEPS)
def test_res_integrates_a_line_in_log_sigma(sigmas):
    """D = 1 + 0.7 u with u = log sigma: dx/du = x - D has the solution 1.7 + 0.7 u + C e^u."""
    line = lambda x, s: np.full_like(x, 1.0 + 0.7 * math.log(s))  # noqa: E731
    exact = lambda s: 1.7 + 0.7 * math.log(s)  # noqa: E731
    found = steps_of("res_multistep", {}, line, sigmas)
    for i in range(1, len(sigmas) - 1):
        expected = exact(sigmas[i + 1]) + (found[i] - exact(sigmas[i])) * sigmas[i + 1] / sigmas[i]
        assert abs(found[i + 1] - expected) < 1e-12 * max(1.0, abs(found[i]))


UNEVEN = [9.0, 7.0, 4.0, 2.5, 1.0, 0.4]


@pytest.mark.parametrize(("max_order", "degree"), [(3, 2), (4, 0)])
def test_published_weights_break_the_order_conditions(max_order, degree):
    """Order 3 fails for parabolas; order 4 for constants: its weights do not add up to the step."""
    options = {"max_order": max_order}
    published = polynomial_error(
        "ipndm_v", options | {"form": "comfyui"}, VARIABLES["rhoab"], degree, UNEVEN, max_order
    )
    exact = polynomial_error("ipndm_v", options, VARIABLES["rhoab"], degree, UNEVEN, max_order)
    assert published > 1e-3
    assert exact < 1e-14


def test_published_weights_of_equal_steps():
    """On equal steps the third order is right and the fourth is not Adams and Bashforth's either."""
    third = slow.published_weights([4.0, 5.0, 6.0], 3.0)
    np.testing.assert_allclose(third, [-w for w in slow.EQUAL[3]], rtol=1e-15)
    np.testing.assert_allclose(sum(slow.published_weights([4.0, 5.0, 6.0, 7.0], 3.0)), -1.0, rtol=1e-15)


# The order of the formula: with steps that grow from the first like i / n², Euler's first step costs n⁻⁴.


def eased(kind, count):
    """A grid whose first steps are short: its own parameter, squared."""
    at = (np.arange(count + 1) / count) ** 2
    fine = problems.grid(kind, TOP, BOTTOM, 1)
    if kind == "log":
        return fine[0] * (fine[1] / fine[0]) ** at
    return (fine[0] ** (1 / 7) + (fine[1] ** (1 / 7) - fine[0] ** (1 / 7)) * at) ** 7


FORMULAS = [
    ("lms", {"order": 3}, 3),
    ("lms", {}, 4),
    ("ipndm_v", {"max_order": 3}, 3),
    ("ipndm_v", {}, 4),
    ("deis", {}, 3),
    ("deis", {"mode": "rhoab"}, 3),
    ("deis", {"mode": "logrho"}, 3),
    ("deis", {"max_order": 4}, 4),
    ("res_multistep", {}, 2),
]


def formula_slopes(name, options, kind):
    errors = []
    for count in (80, 160, 320):
        program = sl.sampler(name, **options).compile(eased(kind, count))
        result = sl.sample(program, problems.plain(MIXTURE.denoise), MIXTURE.start(TOP))
        errors.append(float(np.sqrt(np.mean((result - exact_flow()) ** 2))))
    return slopes(errors)


@pytest.mark.parametrize("kind", ["karras", "log"])
@pytest.mark.parametrize(("name", "options", "order"), FORMULAS, ids=[text_of(row) for row in FORMULAS])
def test_formula_order(name, options, order, kind):
    claims = sl.samplers()[name].claims
    if not options:
        assert order == claims.formula_order
    assert min(formula_slopes(name, options, kind)) >= order - testing.ORDER_MARGIN


@pytest.mark.parametrize(("max_order", "low", "high"), [(3, 2.75, 3.25), (4, 1.75, 2.25)])
def test_order_of_the_published_weights(max_order, low, high):
    """On a smooth grid the slip of order 3 vanishes with the change of the step; that of order 4 leaves order 2."""
    found = formula_slopes("ipndm_v", {"max_order": max_order, "form": "comfyui"}, "karras")
    assert low <= min(found) <= max(found) <= high


# The host's sums


def test_sums_differ_from_the_integrals_by_their_step():
    """10,000 values, each counted as a ten-thousandth: an error of that size, in the coefficients."""
    sigmas = np.append(problems.grid("karras", 14.6, 0.03, 9), 0.0)

    def of(form):
        return np.array(
            [
                c
                for op in sl.sampler("deis", form=form).compile(sigmas).operations
                if hasattr(op, "rows")
                for row in op.rows
                for _, c in row.terms
            ]
        )

    gap = np.max(np.abs(of("comfyui") - of("exact")) / np.abs(of("exact")))
    assert 1e-5 < gap < 1e-3


# One pass over memory per model call


@pytest.mark.parametrize(
    "name",
    [
        "lms", "ipndm", "ipndm_v", "deis", "res_multistep", "res_multistep_ancestral", "gradient_estimation",
        "euler_cfg_pp", "euler_ancestral_cfg_pp", "dpmpp_2s_ancestral_cfg_pp", "dpmpp_2m_cfg_pp", "cfgpp_ud10_ab",
        "res_multistep_cfg_pp", "res_multistep_ancestral_cfg_pp", "gradient_estimation_cfg_pp", "pndm",
    ],
)  # fmt: skip
def test_one_pass_per_model_call(name):
    analysis = sl.sampler(name).compile(problems.grid("karras", 10.0, 0.1, 20)).analysis
    assert analysis.passes == analysis.model_calls


@pytest.mark.parametrize(("start", "extra"), [("improved_euler", 1), ("runge_kutta", 9)])
def test_calls_of_the_start(start, extra):
    program = sl.sampler("pndm", start=start).compile(problems.grid("karras", 10.0, 0.1, 20))
    assert program.analysis.model_calls == 20 + extra


def test_more_order_than_steps():
    """The order is lowered to the history there is: the same program as of that order."""
    sigmas = [5.0, 2.0, 0.5]
    assert sl.sampler("lms", order=7).compile(sigmas) == sl.sampler("lms", order=2).compile(sigmas)
    assert sl.sampler("deis", max_order=9).compile(sigmas) == sl.sampler("deis", max_order=2).compile(sigmas)
    assert sl.sampler("ipndm").compile(sigmas) == sl.sampler("ipndm", max_order=2).compile(sigmas)


HISTORY = [(name, option) for name in sl.samplers() for option in getattr(sl.sampler(name), "history", ())]


@pytest.mark.parametrize(("name", "option"), HISTORY, ids=str)
def test_an_order_above_the_steps_is_said(name, option):
    """And lowered: where the option says 3, two steps are those of 2."""
    of = {o: 1 for n, o in HISTORY if n == name} | {option: 3}
    sigmas = [0.9, 0.5, 0.2]
    program = sl.sampler(name, **of).compile(sigmas)
    assert program.notes == (f"{option} is 3; 2 steps have results for 2 at most, so it is lowered",)
    assert program.notes[0] in str(program.table().caption)
    assert program == sl.sampler(name, **of | {option: 2}).compile(sigmas)
    assert sl.sampler(name, **of).compile([0.9, 0.7, 0.5, 0.2]).notes == ()
    assert "1 step has" in sl.sampler(name, **of).compile([0.9, 0.2]).notes[0]


def test_every_option_of_an_order_is_one_of_history():
    """Multistep methods' at least: the others' order is of one step."""
    singlestep = {"dpm_adaptive", "dpm_solver_singlestep", "dpm_solver_pp_singlestep"}
    named = {
        name for name in sl.samplers() if any("order" in f.name and f.type == "int" for f in fields(sl.sampler(name)))
    }
    assert named - singlestep == {name for name, _ in HISTORY} - {"er_sde"}


def test_a_step_to_zero_that_keeps_its_order():
    """k-diffusion's lms extrapolates to zero; ComfyUI's takes the denoised value."""
    sigmas = [5.0, 2.0, 0.5, 0.0]
    lowered, kept = (sl.sampler("lms", lower_order_final=low).compile(sigmas) for low in (True, False))
    np.testing.assert_array_equal(run(lowered[:2]), run(kept[:2]))
    assert not np.allclose(run(lowered), run(kept), rtol=1e-3)


def test_orders_start_alike():
    """Orders agree up to the step that sees more history."""
    sigmas = problems.grid("karras", 10.0, 0.1, 6)
    for low, high in itertools.pairwise(range(1, 6)):
        one, other = (sl.sampler("lms", order=order).compile(sigmas) for order in (low, high))
        np.testing.assert_array_equal(run(one[:low]), run(other[:low]))
        assert not np.array_equal(run(one[: low + 1]), run(other[: low + 1]))
