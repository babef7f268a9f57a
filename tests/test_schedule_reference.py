"""Every registered schedule against its independent version, what holds of all of them, and what they refuse."""

import re

import numpy as np
import pytest
import stepladder as sl
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_cases import CASES, SD, TABLES
from stepladder.errors import ScheduleError
from test_schedule import RANGES, assert_schedule

NAMES = sorted(CASES)
LEVELS = st.lists(st.integers(1, 10**6), min_size=1, max_size=30, unique=True).map(
    lambda levels: tuple(level / 1000 for level in sorted(levels, reverse=True))
)
PROCESSES = [
    SD,
    sl.EDMProcess(),
    sl.DiscreteProcess("linear", timesteps=37),
    sl.DistilledDiscreteProcess(),
    sl.ContinuousVProcess(),
    sl.FlowProcess(3.0),
    sl.FluxProcess(),
    sl.StableCascadeProcess(2.0),
    sl.CosmosProcess(),
    sl.TrigFlowProcess(),
    sl.VPSDEProcess(),
]
RANDOM = st.one_of(
    st.sampled_from(PROCESSES),
    st.builds(
        sl.DiscreteProcess,
        st.sampled_from(["linear", "scaled_linear", "sqrt_linear"]),
        st.floats(1e-5, 1e-3),
        st.floats(2e-3, 2e-2),
        st.integers(2, 400),
    ),
    RANGES.map(lambda ends: sl.EDMProcess(*ends)),
    st.builds(sl.FlowProcess, st.floats(0.2, 12.0)),
)


def test_every_registered_schedule_has_a_case():
    assert set(CASES) == set(sl.schedules())


@pytest.mark.parametrize("name", NAMES)
def test_equals_the_independent_version(name):
    case = CASES[name]

    @settings(max_examples=30)
    @given(process=RANDOM, params=case.params, steps=st.integers(1, min(case.most or 60, 60)))
    def check(process, params, steps):
        if name == "custom":
            params = {"levels": LEVEL_OF[steps % len(LEVEL_OF)]}
            steps = len(params["levels"])
        made = sl.schedule(name, **params)
        sigmas = made.sigmas(process, steps)
        assert_schedule(sigmas, steps)
        np.testing.assert_allclose(sigmas, case.reference(steps, process, **params), rtol=case.rtol, atol=0)
        if case.top:
            assert sigmas[0] == pytest.approx(case.top(process, **params), rel=4e-16)
        if case.bottom and steps > 1 and (bottom := case.bottom(process, **params)) is not None:
            assert sigmas[-2] == pytest.approx(bottom, rel=4e-16)

    check()


LEVEL_OF = [(3.0,), (14.6, 0.3), (9.0, 8.0, 1e-3), tuple(np.linspace(20.0, 1.0, 50).tolist())]
