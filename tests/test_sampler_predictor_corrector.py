"""What predictor-correctors and ER-SDE do beyond what every sampler is tested for."""

import math

import numpy as np
import pytest
import stepladder as sl
from hypothesis import given
from hypothesis import strategies as st
from methods import METHODS
from problems import plain
from stepladder.errors import SamplerError
from test_sampler import (
    DISCRETE,
    FLOW,
    FLOW_SETTING,
    MIXTURE,
    agreement,
    close,
    flow_schedules,
    schedules,
    start_of,
    units,
)

POSITIVE = st.just(False)


@pytest.mark.parametrize("name", ["sa_solver", "sa_solver_pece"])
@given(data=st.data())
def test_sa_solver_that_ends_before_the_last_sigma(name, data):
    sigmas = data.draw(schedules(POSITIVE, (0.3, 0.8)).filter(lambda s: len(s) > 2))
    options = {"end": "before_last"} | data.draw(METHODS[name].random)
    close(*agreement(name, sigmas, options, flow=False), 1e-12)
    program = sl.sampler(name, **options).compile(sigmas)
    assert program.sigma_end == sigmas[-2]


@pytest.mark.parametrize("name", ["sa_solver", "sa_solver_pece"])
def test_an_end_at_zero_is_the_end(name):
    sigmas = [5.0, 2.0, 0.7, 0.0]
    sampler = sl.sampler(name, end="before_last")
    assert sampler.compile(sigmas) == sl.sampler(name).compile(sigmas)
    with pytest.raises(SamplerError, match=r'^end is "before_last" and there is 1 step, which leaves none'):
        sampler.compile([5.0, 2.0])


@pytest.mark.parametrize("name", ["sa_solver", "sa_solver_pece"])
@given(data=st.data())
def test_sa_solver_of_a_flow_with_noise_in_a_part_of_the_run(name, data):
    """The interval is in percent of sampling, which the process turns into levels."""
    start, end = sorted(data.draw(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0))))
    sigmas = data.draw(flow_schedules(ratios=(0.3, 0.8)))
    options = {"sde_start": start, "sde_end": end} | data.draw(METHODS[name].random)
    close(*agreement(name, sigmas, options, flow=True), 1e-12)


def test_noise_is_drawn_inside_the_interval():
    """At its start a level is inside, at its end it is outside."""
    top, bottom = DISCRETE.percent_to_sigma(0.2), DISCRETE.percent_to_sigma(0.8)
    sigmas = [14.0, 1.1 * top, top, 1.0, bottom, 0.9 * bottom, 0.0]
    program = sl.sampler("sa_solver", sde_start=0.2, sde_end=0.8).compile(sigmas, DISCRETE)
    drawn = [(op.sigma_from, op.sigma_to) for op in program.operations if hasattr(op, "ordinal")]
    assert drawn == [(1.1 * top, top), (top, 1.0)]


def test_the_corrector_has_the_noise_of_its_predictor():
    """One draw per step, in both passes: with other noise the corrected path would not be the predicted one."""
    program = sl.sampler("sa_solver").compile([8.0, 4.0, 2.0, 1.0])
    drawn = [op.out for op in program.operations if hasattr(op, "ordinal")]
    assert len(drawn) == 3
    assert program.analysis.noise_draws == 3


@pytest.mark.parametrize("name", ["uni_pc", "uni_pc_bh2"])
def test_uni_pc_that_ends_above_zero(name):
    """ComfyUI's end; it has to be below the last level."""
    program = sl.sampler(name, sigma_end=0.001).compile([5.0, 2.0, 0.7, 0.03, 0.0])
    assert program.sigma_end == 0.001
    assert program.operations == sl.sampler(name).compile([5.0, 2.0, 0.7, 0.03, 0.001]).operations
    text = r"^sigma_end is 0.5; expected less than 0.4, the sigma before the 0 that it stands for"
    with pytest.raises(SamplerError, match=text):
        sl.sampler(name, sigma_end=0.5).compile([5.0, 0.4, 0.0])


@pytest.mark.parametrize(("name", "other"), [("uni_pc", "uni_pc_bh2")])
def test_where_the_two_forms_of_uni_pc_differ(name, other):
    """Only where the paper fixes a coefficient: predictor 2 and corrector 1, both met by every run that starts."""
    sigmas = np.geomspace(10.0, 0.1, 9)
    noise = units(MIXTURE.start(10.0).shape)[0]
    results = []
    for form in (name, other):
        program = sl.sampler(form, lower_order_final=False).compile(sigmas)
        results.append(sl.sample(program, plain(MIXTURE.denoise), MIXTURE.start(10.0), noise))
    assert np.max(np.abs(results[0] - results[1])) > 1e-6


@pytest.mark.parametrize("order", [5, 8])
def test_uni_pc_of_any_order(order):
    """The independent version at an order that none of its peers has, on steps of equal length."""
    sigmas = np.append(np.geomspace(10.0, 0.5, 12), 0.0)
    for form in ("uni_pc", "uni_pc_bh2"):
        close(*agreement(form, sigmas, {"order": order}, flow=False), 1e-10)


def test_er_sde_in_the_far_tail_of_a_flow():
    """From pure noise, where sigma / alpha is 30,000, to the middle in one step: the integrals are still exact."""
    sigmas = [1.0, 0.99, 0.5, 0.1, 0.0]
    ours, slow = agreement("er_sde", sigmas, {}, flow=True)
    close(ours, slow, 1e-12)


def test_predictor_correctors_over_a_long_step():
    """One step over seven units of log-SNR, from pure noise: weights that no rule of few points would get right."""
    for name in ("sa_solver", "uni_pc"):
        close(*agreement(name, [1.0, 0.97, 0.04, 0.02], {}, flow=True), 1e-12)


def test_start_of_a_flow_is_where_the_setting_says():
    x = start_of(1.0, flow=True)
    assert np.all(np.isfinite(x))
    assert FLOW_SETTING.snr_sigmas([1.0, 0.5])[0] == FLOW.percent_to_sigma(1e-4)
    assert math.isfinite(FLOW_SETTING.half_log_snr(FLOW_SETTING.snr_sigmas([1.0, 0.5])[0]))
