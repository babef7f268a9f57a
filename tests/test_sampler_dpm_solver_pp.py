"""DPM-Solver and DPM-Solver++: orders of the formulas, of whole blocks, and of the noise."""

import math

import numpy as np
import problems
import pytest
import stepladder as sl
from stepladder import testing
from test_sampler import BOTTOM, KARRAS, MIXTURE, TOP, close, exact_flow, run, slopes

WHOLE = {"lower_order_final": False}


def one_step(sampler, h):
    """Error of the last of three steps of length h in log sigma, from exact history."""
    sigmas = [1.2 * math.exp(k * h) for k in (3, 2, 1, 0)]
    exact = [MIXTURE.flow(MIXTURE.start(TOP), TOP, s) for s in sigmas]
    last = sampler.compile(sigmas)[2:]
    history = {
        "x": exact[2],
        "x[0]": exact[0],
        "x[1]": exact[1],
        "result[0]": MIXTURE.denoise(exact[0], sigmas[0]),
        "result[1]": MIXTURE.denoise(exact[1], sigmas[1]),
    }
    inputs = {port.name: history[port.name] for port in last.inputs}
    return float(np.sqrt(np.mean((sl.sample(last, problems.plain(MIXTURE.denoise), inputs) - exact[3]) ** 2)))


@pytest.mark.parametrize("name", ["dpm_solver", "dpm_solver_pp"])
@pytest.mark.parametrize(
    ("options", "order"),
    [
        ({"order": 1}, 1),
        ({"order": 2}, 2),
        ({"order": 2, "solver_type": "heun"}, 2),
        ({"order": 3}, 3),
    ],
)
def test_formula_order(name, options, order):
    """One step from exact history has an error of order p + 1."""
    sampler = sl.sampler(name, **options, **WHOLE)
    assert min(slopes([one_step(sampler, h) for h in (0.04, 0.02, 0.01)])) >= order + 1 - testing.ORDER_MARGIN


@pytest.mark.parametrize("name", ["dpm_solver", "dpm_solver_pp"])
def test_half_the_second_difference_costs_an_order(name):
    """The form that the authors' code, k-diffusion and diffusers share: the local error of a method of order 2."""
    sampler = sl.sampler(name, order=3, form="diffusers", **WHOLE)
    measured = slopes([one_step(sampler, h) for h in (0.04, 0.02, 0.01)])
    assert min(measured) >= 3 - testing.ORDER_MARGIN
    assert max(measured) < 4 - testing.ORDER_MARGIN


@pytest.mark.parametrize("kind", ["karras", "log"])
@pytest.mark.parametrize("solver_type", ["midpoint", "heun"])
@pytest.mark.parametrize("name", ["dpm_solver_singlestep", "dpm_solver_pp_singlestep"])
def test_whole_blocks_of_three_are_of_order_three(name, solver_type, kind):
    errors = []
    for count in (81, 162, 324):
        program = sl.sampler(name, order=3, solver_type=solver_type, **WHOLE).compile(
            problems.grid(kind, TOP, BOTTOM, count)
        )
        result = sl.sample(program, problems.plain(MIXTURE.denoise), MIXTURE.start(TOP))
        errors.append(float(np.sqrt(np.mean((result - exact_flow()) ** 2))))
    assert min(slopes(errors)) >= 3 - testing.ORDER_MARGIN


@pytest.mark.parametrize("kind", ["karras", "log"])
@pytest.mark.parametrize("name", ["dpm_solver_singlestep", "dpm_solver_pp_singlestep"])
def test_a_last_step_of_order_one_leaves_order_two(name, kind):
    errors = []
    for count in (81, 162, 324):
        program = sl.sampler(name, order=3).compile(problems.grid(kind, TOP, BOTTOM, count))
        result = sl.sample(program, problems.plain(MIXTURE.denoise), MIXTURE.start(TOP))
        errors.append(float(np.sqrt(np.mean((result - exact_flow()) ** 2))))
    assert 2 - testing.ORDER_MARGIN <= min(slopes(errors)) < 3 - testing.ORDER_MARGIN


@pytest.mark.parametrize("solver_type", ["midpoint", "heun"])
@pytest.mark.parametrize("eta", [0.3, 1.0])
def test_with_noise_it_is_dpmpp_2m_sde(solver_type, eta):
    options = {"solver_type": solver_type, "eta": eta, "s_noise": 0.9}
    ours = sl.sampler("dpm_solver_pp", **options, **WHOLE).compile(KARRAS)
    close(run(ours), run(sl.sampler("dpmpp_2m_sde", **options).compile(KARRAS)), 1e-12)


def test_noise_inside_a_block_is_that_of_one_path():
    program = sl.sampler("dpm_solver_pp_singlestep", eta=1.0).compile(KARRAS)
    assert program.analysis.needs_path
    assert not sl.sampler("dpm_solver_pp", eta=1.0).compile(KARRAS).analysis.needs_path


# Which steps are of lower order, by what a step starts from.

LEVELS = [10.0 * 0.7**k for k in range(7)]  # six steps


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"order": 3, **WHOLE}, [1, 2, 3, 3, 3, 3]),
        ({"order": 3}, [1, 2, 3, 3, 2, 1]),
        ({"order": 2}, [1, 2, 2, 2, 2, 1]),
        ({"order": 2, "euler_at_final": True, **WHOLE}, [1, 2, 2, 2, 2, 1]),
        ({"order": 3, "euler_at_final": True, **WHOLE}, [1, 2, 3, 3, 3, 1]),
    ],
)
def test_lower_orders_of_a_short_multistep_run(options, expected):
    sampler = sl.sampler("dpm_solver_pp", **options)
    histories = [len(sampler.compile(LEVELS)[i : i + 1].inputs) for i in range(6)]
    assert histories == expected  # x, and the results before this step's own


def test_fifteen_steps_are_not_a_short_run():
    sigmas = 10.0 * 0.8 ** np.arange(16)
    sampler, whole = sl.sampler("dpm_solver_pp"), sl.sampler("dpm_solver_pp", **WHOLE)
    assert sampler.compile(sigmas) == whole.compile(sigmas)
    assert sampler.compile(sigmas[:-1]) != whole.compile(sigmas[:-1])


@pytest.mark.parametrize(
    ("steps", "options", "starts"),
    [
        (6, {"order": 3, **WHOLE}, [0, 3]),
        (6, {"order": 3}, [0, 3, 5]),
        (5, {"order": 3}, [0, 3]),
        (4, {"order": 3}, [0, 3]),
        (6, {"order": 2}, [0, 2, 4, 5]),
        (6, {"order": 2, **WHOLE}, [0, 2, 4]),
        (5, {"order": 2}, [0, 2, 4]),
    ],
)
def test_blocks(steps, options, starts):
    """A block starts from x alone."""
    program = sl.sampler("dpm_solver_pp_singlestep", **options).compile(LEVELS[: steps + 1])
    alone = [i for i in range(steps) if [port.name for port in program[i : i + 1].inputs] == ["x"]]
    assert alone == starts


@pytest.mark.parametrize("name", ["dpm_solver", "dpm_solver_pp", "dpm_solver_singlestep", "dpm_solver_pp_singlestep"])
def test_one_pass_per_model_call(name):
    for options in ({}, {"order": 3}, {"order": 3, "eta": 1.0, "solver_type": "heun"}):
        program = sl.sampler(name, **options).compile(KARRAS).fold(sl.parameterization("v_prediction"))
        assert program.analysis.passes == program.analysis.model_calls + 1  # the first call's scaled input
